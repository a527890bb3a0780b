"""Candidates, assignments and verdicts for a measured scan: planted peaks, and peaks that are nobody's."""

from dataclasses import replace

import numpy as np
import pytest

from xrdkna.match.assign import assign_peaks, unexplained_peaks
from xrdkna.match.candidates import choose_candidates, strange_peaks
from xrdkna.match.coincidence import chance_of_coincidence, strain_from_lone_line
from xrdkna.match.contamination import judge_contamination
from xrdkna.match.leftovers import explain_leftovers
from xrdkna.match.settings import MatchSettings
from xrdkna.match.verdicts import doubt_absences, judge_coincidence, judge_evidence
from xrdkna.physics.bragg import d_from_two_theta, displacement_pattern, two_theta_from_d
from xrdkna.physics.evidence import GroupEvidence, PhaseEvidence
from xrdkna.physics.radiation import WAVELENGTHS, radiation_from_text
from xrdkna.records.index import PhaseVerdict
from xrdkna.records.instrument import Instrument
from xrdkna.records.peaks import Peak
from xrdkna.records.phases import Cell, Reflections
from xrdkna.records.refinement import FittedLine, ReflectionGroup
from xrdkna.records.values import Estimate

CU = Instrument(radiation=radiation_from_text("CuKa"))
SETTINGS = MatchSettings()


def cubic(name: str, a: float, squares: tuple[int, ...], *, role: str = "deposit") -> Reflections:
    """A cubic phase with these h² + k² + l², strong lines first."""
    hkl = {2: (1, 1, 0), 3: (1, 1, 1), 4: (2, 0, 0), 6: (2, 1, 1), 8: (2, 2, 0), 10: (3, 1, 0), 11: (3, 1, 1), 12: (2, 2, 2)}
    n = len(squares)
    return Reflections(
        phase=name,
        role=role,
        crystal_system="cubic",
        cell=Cell(a=a, b=a, c=a),
        cell_mass=100.0,
        positions_only=False,
        hkl=np.array([hkl[square] for square in squares]),
        multiplicity=np.full(n, 12.0),
        f_squared=100.0 * 0.8 ** np.arange(n),
        d_spacing=a / np.sqrt(np.array(squares, dtype=float)),
    )


BCC, FCC = cubic("Bcc", 5.33, (2, 4, 6, 8, 10)), cubic("Fcc", 4.05, (3, 4, 8, 11, 12))


def peak_at(two_theta: float, area: float, *, esd: float = 1.0, fwhm: float = 0.12) -> Peak:
    d = float(d_from_two_theta(np.array([two_theta]), wavelength=1.5405929)[0])
    return Peak(
        two_theta=Estimate(value=two_theta, esd=0.005, unit="°"),
        d_spacing=Estimate(value=d, esd=None, unit="Å"),
        area=Estimate(value=area, esd=esd, unit="counts·°"),
        fwhm=Estimate(value=fwhm, esd=None, unit="°"),
        eta=0.5,
        snr=area / esd,
        background=50.0,
    )


def peaks_of(phase: Reflections, *, strain: float = 0.0, shift: float = 0.0, scale: float = 1.0) -> list[Peak]:
    angle = two_theta_from_d(phase.d_spacing * (1 + strain), wavelength=1.5405929)
    angle = angle + shift * displacement_pattern(angle, geometry="Bragg-Brentano")
    lp = (1 + np.cos(np.radians(angle)) ** 2) / (np.sin(np.radians(angle / 2)) ** 2 * np.cos(np.radians(angle / 2)))
    return [peak_at(float(x), float(scale * i)) for x, i in zip(angle, phase.f_squared * lp / 10, strict=True) if x < 90]


def choose(peaks: list[Peak], phases: list[Reflections]):
    return choose_candidates(peaks, phases, instrument=CU, two_theta_range=(15.0, 90.0), settings=SETTINGS)


def test_planted_strain_and_displacement_lead_to_the_right_phases():
    peaks = peaks_of(BCC, strain=-0.003, shift=0.12) + peaks_of(FCC, strain=0.002, shift=0.12, scale=0.1)
    found = choose(peaks, [FCC, BCC, cubic("Other", 4.6, (3, 4, 8, 11, 12))])
    assert set(found.chosen) == {"Bcc", "Fcc"}
    # a line is placed within its own width, whichever of strain and shift takes the rest
    for phase, strain in ((BCC, -0.003), (FCC, 0.002)):
        guess = two_theta_from_d(phase.d_spacing * (1 + found.strain(phase.phase)), wavelength=1.5405929)
        guess = guess + found.displacement * displacement_pattern(guess, geometry="Bragg-Brentano")
        truth = two_theta_from_d(phase.d_spacing * (1 + strain), wavelength=1.5405929)
        truth = truth + 0.12 * displacement_pattern(truth, geometry="Bragg-Brentano")
        assert np.abs(guess - truth)[:3].max() < 0.12


def test_peaks_of_nobody_choose_nobody_and_all_stay_strange():
    rng = np.random.default_rng(4)
    peaks = [peak_at(float(x), 50.0) for x in rng.uniform(16, 22, 5)]
    found = choose(peaks, [BCC, FCC])
    assert found.chosen == ()
    assert strange_peaks(peaks, [BCC, FCC], found, instrument=CU) == tuple(peaks)


def test_no_peaks_and_no_phases_are_no_trouble():
    assert choose([], [BCC]).chosen == ()
    assert choose(peaks_of(BCC), []).chosen == ()


def line(phase: str, two_theta: float, area: float) -> FittedLine:
    return FittedLine(phase=phase, hkl=(1, 1, 0), two_theta=two_theta, area=area, fwhm=0.12)


def test_two_phases_on_one_line_share_it_by_what_the_fit_gives_them():
    (indexed,) = assign_peaks([peak_at(25.62, 100.0)], [line("A", 25.60, 75.0), line("B", 25.64, 25.0), line("C", 27.0, 500.0)])
    assert indexed.status == "indexed"
    assert [(a.phase, round(a.share, 2)) for a in indexed.assignments] == [("A", 0.75), ("B", 0.25)]


def test_a_peak_of_an_undecided_phase_is_ambiguous_and_one_of_nobody_unindexed():
    peaks = [peak_at(25.6, 100.0), peak_at(40.0, 100.0)]
    lines = [line("A", 25.6, 100.0), line("B", 40.0, 2.0)]
    assert [p.status for p in assign_peaks(peaks, lines, undecided={"A"})] == ["ambiguous", "unindexed"]
    assert unexplained_peaks(peaks, lines) == (peaks[1],)
    assert [p.status for p in assign_peaks(peaks, [])] == ["unindexed", "unindexed"]


def test_a_remnant_of_kbeta_is_told_by_its_angle_and_its_size_and_needs_a_tube():
    strong = line("A", 47.0, 10_000.0)
    sine = np.sin(np.radians(23.5)) * WAVELENGTHS["Cu"][2] / WAVELENGTHS["Cu"][0]
    where = float(2 * np.degrees(np.arcsin(sine)))
    remnant, too_strong = peak_at(where, 60.0), peak_at(where, 900.0)
    (indexed,) = explain_leftovers(assign_peaks([remnant], [strong]), [strong], CU)
    assert indexed.status == "indexed"
    assert "Kβ of A (1 1 0)" in indexed.sentence
    synchrotron = Instrument(radiation=radiation_from_text("0.4939"), geometry="Debye-Scherrer")
    for peak, instrument in ((too_strong, CU), (remnant, synchrotron), (peak_at(where + 0.5, 60.0), CU)):
        (left,) = explain_leftovers(assign_peaks([peak], [strong]), [strong], instrument)
        assert left.status == "unindexed"


@pytest.mark.parametrize(("factor", "status"), [(3.0, "indexed"), (50.0, "ambiguous")])
def test_a_line_stronger_than_calculated_is_named_with_the_factor(factor, status):
    weak = line("A", 60.1, 2.0)
    (indexed,) = explain_leftovers(assign_peaks([peak_at(60.11, 2.0 * factor)], [weak]), [weak], CU)
    assert indexed.status == status
    assert f"{factor:.1f} times stronger" in indexed.sentence


def evidence(significances: list[float], *, predicted: list[float] | None = None, angle: float = 25.0) -> PhaseEvidence:
    """Groups with esd 1; `predicted` what the phase's level promises for each."""
    promised = predicted or [max(s, 0.0) for s in significances]
    groups = tuple(
        GroupEvidence(
            ReflectionGroup(
                phase="A",
                role="deposit",
                hkl=(k + 1, 0, 0),
                members=((k + 1, 0, 0),),
                two_theta=angle + 7 * k,
                fwhm=0.12,
                expected=0.0,
                share=1 / len(significances),
            ),
            area,
            1.0,
            promise,
        )
        for k, (area, promise) in enumerate(zip(significances, promised, strict=True))
    )
    return PhaseEvidence("A", float(np.sum(significances)), float(np.sqrt(len(significances))), groups)


@pytest.mark.parametrize(
    ("significances", "predicted", "verdict"),
    [
        ([9.0, 8.0, 7.0], None, "present"),
        ([0.5, -1.0, 0.3], None, "absent"),
        ([20.0, 0.0, 0.0], [20.0, 1.0, 1.0], "undecided"),  # one line, and no other could be seen
        ([60.0, 0.0, 0.0], [20.0, 20.0, 20.0], "absent"),  # one line, and the others should be there
        ([4.0, 3.5, 0.2], None, "undecided"),  # between the thresholds
    ],
)
def test_the_whole_pattern_decides(significances, predicted, verdict):
    assert judge_evidence(evidence(significances, predicted=predicted), role="deposit", settings=SETTINGS)[0] == verdict


def test_a_phase_out_of_range_is_undecided_not_absent():
    assert judge_evidence(None, role="deposit", settings=SETTINGS)[0] == "undecided"


def test_in_a_crowd_of_unknown_lines_coincidences_say_nothing():
    rng = np.random.default_rng(7)
    crowd = [peak_at(float(x), 50.0) for x in rng.uniform(15, 60, 90)]
    few = [peak_at(25.0, 50.0), peak_at(32.0, 50.0), peak_at(39.0, 50.0)]
    three = evidence([9.0, 8.0, 7.0])
    crowded = chance_of_coincidence(three.groups, crowd, cell_parameters=4, settings=SETTINGS)
    sparse = chance_of_coincidence(three.groups, few, cell_parameters=1, settings=SETTINGS)
    assert sparse < SETTINGS.chance_present < crowded
    assert judge_coincidence(three, few, role="deposit", cell_parameters=1, settings=SETTINGS)[0] == "present"
    assert judge_coincidence(three, crowd, role="deposit", cell_parameters=4, settings=SETTINGS)[0] != "present"


def test_the_chance_of_coincidence_is_the_rate_at_which_random_patterns_coincide():
    """90 random lines in 45°; how often does a random line of 2θ meet one within a width? Once in 1 − exp(−ρw)."""
    rng = np.random.default_rng(8)
    hits, said = [], []
    for _ in range(300):
        crowd = [peak_at(float(x), 50.0) for x in rng.uniform(15, 60, 90)]
        angle = float(rng.uniform(25, 45))
        hits.append(any(abs(peak.two_theta.value - angle) < 0.12 for peak in crowd))
        one = evidence([5.0], angle=angle)
        still = MatchSettings(usual_strain=1e-9)
        said.append(chance_of_coincidence(one.groups, crowd, cell_parameters=1, settings=still))
    assert np.mean(said) == pytest.approx(np.mean(hits), abs=0.07)


def verdict(phase: str, answer: str, *, significance: float = 10.0) -> PhaseVerdict:
    limit = Estimate(value=0.004, esd=None, unit="")
    return PhaseVerdict(
        phase=phase,
        role="contamination",
        verdict=answer,
        significance=significance,
        weight_fraction=Estimate(value=0.05, esd=0.004, unit="") if answer == "present" else None,
        detection_limit=limit,
        cell=None,
        reasons=(),
    )


def test_no_phase_is_called_absent_beside_a_line_that_could_be_its_own():
    lone = [peak_at(float(two_theta_from_d(BCC.d_spacing[1:2] * 1.003, wavelength=1.5405929)[0]), 40.0)]
    strain = strain_from_lone_line(BCC, lone, instrument=CU, displacement=0.0, settings=SETTINGS)
    assert strain == pytest.approx(0.003, abs=2e-4)
    far = [peak_at(27.0, 40.0)]
    assert strain_from_lone_line(BCC, far, instrument=CU, displacement=0.0, settings=SETTINGS) is None
    crowd = [peak_at(float(x), 40.0) for x in np.random.default_rng(1).uniform(15, 60, 90)] + lone
    assert strain_from_lone_line(BCC, crowd, instrument=CU, displacement=0.0, settings=SETTINGS) is None
    deposit = replace(verdict("Bcc", "absent"), role="deposit", reasons=("The whole pattern gives it 0.1 σ.",))
    dirt = replace(deposit, phase="Dirt", role="contamination")
    doubted = doubt_absences([deposit, dirt], {"Bcc", "Dirt"})
    assert [v.verdict for v in doubted] == ["undecided", "absent"]
    assert doubted[0].detection_limit is None


def test_contamination_is_found_suspected_or_none_with_its_limit():
    assert judge_contamination([verdict("K2CO3", "present")]).verdict == "found"
    assert judge_contamination([verdict("K2CO3", "undecided")]).verdict == "suspected"
    none = judge_contamination([verdict("K2CO3", "absent", significance=0.3)])
    assert none.verdict == "none"
    assert "0.4 wt%" in none.sentence
