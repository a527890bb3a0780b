"""A phase is measured against phases made up of other lines: where those do as well, it is none."""

import numpy as np
import pytest

from xrdkna.track.paths.decoys import chance_of_decoys, withhold_the_coincidental
from xrdkna.track.paths.presence import Followed
from xrdkna.track.paths.segmentation import Path
from xrdkna.track.settings import TrackSettings
from xrdkna.track.signal.evidence import PhaseEvidence

SETTINGS = TrackSettings()
SCANS = 12


def evidence_of(phase: str, pulls: np.ndarray) -> PhaseEvidence:
    """A phase whose lines have these pulls (n, k), each with an esd of 1 and the same share."""
    n, k = pulls.shape
    template = np.full(k, 1.0 / k)
    return PhaseEvidence(
        phase=phase,
        role="deposit",
        columns=np.arange(k),
        template=template,
        information=np.broadcast_to(np.eye(k), (n, k, k)).copy(),
        score=pulls,
        tilt=np.zeros((n, k)),
        tilt_score=np.zeros(n),
        tilt_curvature=np.zeros(n),
        level=pulls.sum(axis=1),
        level_esd=np.full(n, np.sqrt(k)),
        areas=pulls,
        area_esds=np.ones((n, k)),
        openness=np.ones((n, k)),
    )


def wild(rng: np.random.Generator, lines: int) -> np.ndarray:
    """Pulls where one line in twelve is somebody else's, in every scan anew."""
    strange = rng.random((SCANS, lines)) < 1.0 / 12.0
    return rng.standard_normal((SCANS, lines)) + strange * rng.exponential(12.0, (SCANS, lines))


def there(phase: str, scans: np.ndarray, hkl: tuple[int, int, int] | None = None) -> Followed:
    on = np.where(np.isin(np.arange(SCANS), scans), 0.999, 0.001)
    nothing = np.zeros(SCANS - 1)
    moments = np.arange(float(SCANS))
    path = Path(on=on, up=nothing, down=nothing, edges=moments, fine_up=np.zeros(SCANS), fine_down=np.zeros(SCANS), reference=0)
    return Followed(phase=phase, hkl=hkl, path=path)


def best_scan(found: PhaseEvidence) -> np.ndarray:
    """The scan that anyone looking for the phase would choose."""
    return np.array([int(found.level.argmax())])


def test_among_lines_of_nobody_the_best_scan_of_a_phase_that_is_not_there_is_met_by_decoys_as_well():
    hits = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        found, others = evidence_of("X", wild(rng, 8)), [evidence_of("Y", wild(rng, 30)), evidence_of("Z", wild(rng, 20))]
        hits += chance_of_decoys(found, others, best_scan(found), SETTINGS) > 0.01
    assert hits >= 39


@pytest.mark.parametrize("seed", range(5))
def test_a_faint_phase_in_a_pattern_that_the_model_fits_stays(seed):
    rng = np.random.default_rng(seed)
    others = [evidence_of("Y", rng.standard_normal((SCANS, 30)))]
    # Two sigmas in each of six lines, in eight scans: no single scan shows it.
    pulls = rng.standard_normal((SCANS, 6))
    pulls[4:] += 2.0
    assert chance_of_decoys(evidence_of("X", pulls), others, np.arange(4, SCANS), SETTINGS) < 0.001


def test_a_phase_whose_lines_are_all_there_stays_even_among_lines_of_nobody():
    rng = np.random.default_rng(7)
    pulls = wild(rng, 8)
    pulls[3:] += 25.0
    chance = chance_of_decoys(evidence_of("X", pulls), [evidence_of("Y", wild(rng, 40))], np.arange(3, SCANS), SETTINGS)
    assert chance < 0.01


def test_where_there_are_too_few_other_lines_nothing_is_withheld():
    rng = np.random.default_rng(1)
    found = evidence_of("X", wild(rng, 8))
    assert chance_of_decoys(found, [evidence_of("Y", wild(rng, 5))], best_scan(found), SETTINGS) == 0.0


def test_a_withheld_phase_takes_its_reflections_along_says_why_and_leaves_the_others_alone():
    rng = np.random.default_rng(3)
    false, real = wild(rng, 8), rng.standard_normal((SCANS, 8))
    real[5:] += 30.0
    evidence = {"false": evidence_of("false", false), "real": evidence_of("real", real), "none": evidence_of("none", wild(rng, 40))}
    scans = best_scan(evidence["false"])
    followed = [there("false", scans), there("false", scans, (1, 0, 3)), there("real", np.arange(5, SCANS)), there("none", np.zeros(0))]
    judged, told = withhold_the_coincidental(followed, evidence, SETTINGS)
    assert [item.withheld for item in judged] == [True, True, False, False]
    assert max(judged[0].path.on.max(), judged[1].path.on.max()) <= 0.5
    assert len(told) == 1
    assert told[0].startswith("false is undecided")
