"""What a fit says of its own limits: phases it cannot tell apart, phases that are only background, amounts too small to see."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from conftest import INSTRUMENT, Planted, cubic_phase, pattern_of, planted_counts
from planted_mixtures import measured, mixture

from xrdkna.physics.lattice import cell_volume
from xrdkna.records.phases import Cell, Reflections
from xrdkna.records.refinement import Refinement
from xrdkna.refine.refine import refine_pattern
from xrdkna.refine.settings import ParameterChoice, RefineSettings

PLAIN = RefineSettings(texture="none")


def fit(angle: np.ndarray, counts: np.ndarray, phases: list[Reflections], settings: RefineSettings = PLAIN) -> Refinement:
    return refine_pattern(pattern_of(angle, counts), phases, settings, fwhm=0.1)


def codes(result: Refinement) -> set[str]:
    return {notice.code for notice in result.notices}


def two_on_one_line() -> tuple[Reflections, Reflections]:
    """(1 1 0) of one and (1 1 1) of the other lie at the same place; the next lines do not."""
    body = cubic_phase("Body", 3.2000, centring="I", mass=100.0)
    return body, cubic_phase("Face", 3.2000 * np.sqrt(1.5), centring="F", mass=150.0)


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_two_phases_on_the_only_line_in_range_are_said_to_be_inseparable_and_by_what_line_they_would_part(share: float) -> None:
    body, face = two_on_one_line()
    planted = [Planted(body, body.cell, 0.02 * (1.0 - share), {}), Planted(face, face.cell, 0.02 * share, {})]
    angle = np.arange(34.0, 44.0, 0.02)
    counts = np.random.default_rng(4).poisson(planted_counts(angle, planted)).astype(float)
    result = fit(angle, counts, [body, face])
    said = [notice for notice in result.notices if notice.code == "not-separable"]
    assert len(said) == 1
    assert "Body" in said[0].sentence
    assert "Face" in said[0].sentence
    # Face (2 0 0) at 46.3° is the nearest line out of range that stands alone (Body's next is (2 0 0) at 57.6°).
    assert "Face (2 0 0)" in said[0].remedy
    assert result.verdict != "accepted"
    truth = 150.0 * cell_volume(face.cell) * share
    truth /= truth + 100.0 * cell_volume(body.cell) * (1.0 - share)
    weight = result.phase("Face").weight_fraction
    assert abs(weight.value - truth) < 4.0 * weight.esd
    assert weight.esd > 0.1


def test_the_same_two_phases_over_more_range_are_told_apart() -> None:
    body, face = two_on_one_line()
    planted = [Planted(body, body.cell, 0.02, {}), Planted(face, face.cell, 0.01, {})]
    angle = np.arange(34.0, 90.0, 0.02)
    counts = np.random.default_rng(4).poisson(planted_counts(angle, planted)).astype(float)
    result = fit(angle, counts, [body, face])
    assert "not-separable" not in codes(result)
    assert result.verdict == "accepted"
    assert result.phase("Face").weight_fraction.esd < 0.01


def test_a_phase_that_only_imitates_the_background_is_a_ghost() -> None:
    """A step in the counts, and a phase free to smear its lines over it."""
    here, ghost = cubic_phase("Here", 4.10, centring="F", mass=150.0), cubic_phase("Ghost", 5.63, centring="P", mass=120.0)
    angle = np.arange(20.0, 90.0, 0.02)
    expected = planted_counts(angle, [Planted(here, here.cell, 0.02, {})]) + 300.0 / (1.0 + np.exp(-(angle - 45.0) / 0.4))
    widest = RefineSettings(texture="none", parameters={"x_Ghost": ParameterChoice(value=2.0)})
    found = [fit(angle, np.random.default_rng(seed).poisson(expected).astype(float), [here, ghost], widest) for seed in range(3)]
    for result in found:
        assert result.verdict != "accepted"
        weight = result.phase("Ghost").weight_fraction.value
        assert "ghost" in codes(result) or weight < 0.02


def test_a_phase_that_is_there_or_simply_absent_is_no_ghost() -> None:
    here, other = cubic_phase("Here", 4.10, centring="F", mass=150.0), cubic_phase("Other", 5.63, centring="P", mass=120.0)
    angle = np.arange(20.0, 90.0, 0.02)
    for amount in (0.0, 0.004):
        planted = [Planted(here, here.cell, 0.02, {}), Planted(other, other.cell, amount, {})]
        for seed in range(3):
            result = fit(angle, np.random.default_rng(seed).poisson(planted_counts(angle, planted)).astype(float), [here, other])
            assert "ghost" not in codes(result)
            assert result.verdict == "accepted"


def test_no_line_of_a_phase_grows_as_wide_as_a_background_term() -> None:
    here = cubic_phase("Here", 4.10, centring="F", mass=150.0)
    angle = np.arange(20.0, 90.0, 0.02)
    counts = np.random.default_rng(1).poisson(100.0 + 80.0 * np.exp(-0.5 * ((angle - 41.0) / 6.0) ** 2)).astype(float)
    result = fit(angle, counts, [here])
    for name in ("x_Here", "y_Here"):
        assert result.parameter(name).upper <= 0.5 * PLAIN.degrees_per_background_term
    assert result.verdict != "accepted" or result.phase("Here").significance >= 3.0


def test_esds_without_misfit_are_the_scaled_ones_over_the_inflation() -> None:
    """Counts that scatter twice as much as their σ says double every esd, and the inflation says by how much."""
    planted = mixture(3)
    pattern = measured(planted, 3)
    told = refine_pattern(pattern, planted.reflections, PLAIN, fwhm=planted.fwhm)
    assert told.inflation == pytest.approx(1.0, abs=0.05)
    rng = np.random.default_rng(5)
    wild = np.maximum(planted.expected + 2.0 * np.sqrt(planted.expected) * rng.standard_normal(planted.expected.size), 0.0)
    doubled = refine_pattern(
        pattern_of(planted.two_theta, wild, instrument=planted.instrument), planted.reflections, PLAIN, fwhm=planted.fwhm
    )
    assert doubled.inflation == pytest.approx(2.0, rel=0.05)
    plain, scaled = told.parameter("a_P0").value.esd, doubled.parameter("a_P0").value.esd
    assert scaled / doubled.inflation == pytest.approx(plain / told.inflation, rel=0.1)


def test_what_a_phase_is_worth_is_what_chi_squared_loses_without_it() -> None:
    """With σ as the file gives it, so that both fits weigh alike; everything adapts in the fit without the phase."""
    here, other = cubic_phase("Here", 4.10, centring="F", mass=150.0), cubic_phase("Other", 5.63, centring="P", mass=120.0)
    angle = np.arange(20.0, 90.0, 0.02)
    expected = planted_counts(angle, [Planted(here, here.cell, 0.02, {}), Planted(other, other.cell, 0.0001, {})])
    rng = np.random.default_rng(3)
    pattern = replace(
        pattern_of(angle, expected + 20.0 * rng.standard_normal(angle.size)), sigma=np.full(angle.size, 20.0), sigma_source="column"
    )
    both = refine_pattern(pattern, [here, other], PLAIN, fwhm=0.1)
    alone = refine_pattern(pattern, [here], PLAIN, fwhm=0.1)
    worth = float(np.sum((alone.observed - alone.calculated) ** 2 - (both.observed - both.calculated) ** 2)) / 400.0
    assert worth > 20.0
    assert both.phase("Other").delta_chi_squared == pytest.approx(worth, rel=0.3)


@pytest.mark.parametrize("cell", ["known", "free"])
def test_a_phase_planted_at_its_detection_limit_is_seen_in_95_percent_of_scans_and_an_absent_one_in_5(cell: str) -> None:
    here, trace = cubic_phase("Here", 4.10, centring="F", mass=150.0), cubic_phase("Trace", 5.63, centring="P", mass=120.0)
    angle = np.arange(20.0, 80.0, 0.03)
    # A free cell looks for lines in the noise: that must neither flag what is not there nor be paid by what is.
    settings = RefineSettings(texture="none", parameters={"a_Trace": ParameterChoice(vary=cell == "free")})
    empty = planted_counts(angle, [Planted(here, here.cell, 0.02, {})])

    def fits(expected: np.ndarray, first: int) -> list[Refinement]:
        return [fit(angle, np.random.default_rng(first + i).poisson(expected).astype(float), [here, trace], settings) for i in range(100)]

    without = fits(empty, 0)
    limit = float(np.median([result.phase("Trace").detection_limit.value for result in without]))
    amount = limit / (1.0 - limit) * 0.02 * 150.0 * cell_volume(here.cell) / (120.0 * cell_volume(trace.cell))
    with_it = fits(planted_counts(angle, [Planted(here, here.cell, 0.02, {}), Planted(trace, trace.cell, amount, {})]), 1000)
    seen = np.mean([result.phase("Trace").significance > 1.645 for result in with_it])
    flagged = np.mean([result.phase("Trace").significance > 1.645 for result in without])
    # Binomial scatter of 100 at 5 %: ± 2.2 %; twice that is allowed.
    assert 0.95 - 0.044 <= seen <= 0.95 + 0.044
    assert flagged <= 0.05 + 0.044


def test_cells_that_are_all_off_by_one_share_bring_the_wavelength_into_doubt_and_one_alone_does_not() -> None:
    first, second = cubic_phase("First", 4.10, centring="F", mass=150.0), cubic_phase("Second", 3.20, centring="I", mass=100.0)
    angle = np.arange(20.0, 100.0, 0.02)
    for strains, doubted in (((0.003, 0.003), True), ((0.003, 0.0), False)):
        cells = [Cell(a=a, b=a, c=a) for a in (4.10 * (1 + strains[0]), 3.20 * (1 + strains[1]))]
        planted = [Planted(phase, cell, 0.02, {}) for phase, cell in zip((first, second), cells, strict=True)]
        counts = np.random.default_rng(2).poisson(planted_counts(angle, planted)).astype(float)
        result = fit(angle, counts, [first, second])
        assert any("wavelength" in reason for reason in result.reasons) == doubted
        assert (result.verdict == "accepted") != doubted


def test_a_doublet_taken_for_one_line_is_noticed() -> None:
    planted = mixture(1, phases=2, radiation="CuKa", two_theta=(20.0, 100.0))
    pattern = measured(planted, 1)
    single = planted.instrument.__class__(
        radiation=INSTRUMENT.radiation.__class__(name="CuKa1", lines=INSTRUMENT.radiation.lines[:1]), radius_mm=planted.instrument.radius_mm
    )
    wrong = pattern_of(planted.two_theta, np.array(pattern.intensity), instrument=single)
    assert refine_pattern(pattern, planted.reflections, PLAIN, fwhm=planted.fwhm).verdict == "accepted"
    assert refine_pattern(wrong, planted.reflections, PLAIN, fwhm=planted.fwhm).verdict != "accepted"


def test_the_inflation_is_in_the_json() -> None:
    from xrdkna import Settings, load_library, radiation_from_text, refine_scan
    from xrdkna.records.scan import Scan
    from xrdkna.report.document import refine_document

    rng = np.random.default_rng(1)
    counts = rng.poisson(200.0 + 3000.0 * np.exp(-0.5 * ((np.arange(30.0, 60.0, 0.02) - 38.47) / 0.05) ** 2)).astype(float)
    scan = Scan(
        name="one", source="planted", two_theta=np.arange(30.0, 60.0, 0.02), intensity=counts, sigma=np.sqrt(counts), sigma_source="counts"
    )
    index = refine_scan(scan, load_library(), Settings(radiation=radiation_from_text("CuKa"), phases=("Al",)))
    agreement = json.loads(json.dumps(refine_document(index)))["agreement"]
    assert agreement["esd_inflation"] == pytest.approx(index.refinement.inflation, rel=1e-3)
    assert agreement["esd_inflation"] >= 1.0
