"""Whether the planted series are what they are said to be: the generator of the calibration kit itself."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from series_crystals import CIFS, KALPHA, Grains, Machine, crystal, line_positions, seen_from, unit_pattern
from series_plant import matched_sigmas, plant_series
from series_scenarios import NULL, SCENARIOS
from series_truth import MARKER, Course, scans_around

GRID = np.arange(10.0, 80.005, 0.02)


def machine(**more: float) -> Machine:
    """A sharp diffractometer for copper without any error."""
    given = {"radius_mm": 145.0, "ratio": 0.0, "zero": 0.0, **more}
    return Machine(anode="Cu", two_theta=GRID, gaussian=(0.0, 0.0, 0.05**2), **given)


@pytest.mark.parametrize("name", ["Al", "Al2O3", "K", "KNa2", "K2CO3", "KO2"])
def test_lines_are_where_pymatgen_puts_them_and_as_strong(name):
    from pymatgen.analysis.diffraction.xrd import XRDCalculator
    from pymatgen.io.cif import CifParser

    structure = CifParser(CIFS / name / "phase.cif", frac_tolerance=0.0).parse_structures(primitive=False)[0]
    factors = {symbol: _biso(name, symbol) for symbol in {site.specie.symbol for site in structure}}
    # 60°: beyond, the fits of scattering factors that the two libraries use part by more than the tolerance
    theirs = XRDCalculator(wavelength=KALPHA["Cu"][0], debye_waller_factors=factors).get_pattern(structure, two_theta_range=(10.0, 60.0))
    ours = crystal(name, "Cu", 60.0)
    places = line_positions(ours, machine(), Grains(x=0.0, y=0.0))
    theta = np.radians(0.5 * places)
    strength = ours.strength * (1.0 + np.cos(2.0 * theta) ** 2) / (np.sin(theta) ** 2 * np.cos(theta))
    heights = np.array([strength[np.abs(places - x) < 0.01].sum() for x in theirs.x])
    strong = theirs.y > 20.0
    # pymatgen has no anomalous scattering; it takes up to 4 % from potassium
    assert heights[strong] / heights.max() * 100.0 == pytest.approx(theirs.y[strong], rel=0.06)
    nearest = np.abs(theirs.x[strong][:, None] - places[None, :]).min(axis=1)
    assert nearest.max() < 0.002


def _biso(name: str, symbol: str) -> float:
    import gemmi

    site = next(one for one in gemmi.read_small_structure(str(CIFS / name / "phase.cif")).sites if one.element.name == symbol)
    return float(8.0 * np.pi**2 * site.u_iso)


def test_a_planted_line_stands_at_its_angle_and_a_displacement_moves_it_by_twice_s_cos_theta_over_r():
    phase = crystal("KNa2", "Cu", 82.0)
    spline = unit_pattern(phase, machine(), Grains(x=0.05, y=0.0), only=[phase.place(MARKER)])
    fine = np.arange(25.0, 26.5, 0.001)
    top = fine[np.argmax(spline(fine))]
    assert top == pytest.approx(25.659, abs=0.002)
    moved = np.interp(fine, GRID, seen_from(machine(), 0.1))
    shift = fine[np.argmax(spline(moved))] - top
    assert shift == pytest.approx(-np.degrees(2.0 * 0.1 / 145.0) * np.cos(np.radians(0.5 * top)), abs=0.002)


def test_a_zero_error_moves_every_line_alike_and_axial_divergence_only_lowers_them():
    phase = crystal("Al2O3", "Cu", 82.0)
    grains = Grains(x=0.05, y=0.0)
    straight, slanted = unit_pattern(phase, machine(), grains), unit_pattern(phase, machine(axial=0.02), grains)
    assert seen_from(machine(zero=0.03), 0.0) == pytest.approx(GRID - 0.03)
    near = np.arange(24.0, 27.0, 0.005)
    centers = [float((near * pattern(near)).sum() / pattern(near).sum()) for pattern in (straight, slanted)]
    # the mean of ½ b² cot 2θ, b the difference of two even numbers within ±0.02: b² is two thirds of 0.02² on average
    assert centers[0] - centers[1] == pytest.approx(np.degrees(0.02**2 / 3.0) / np.tan(np.radians(25.58)), rel=0.1)
    assert slanted(near).sum() == pytest.approx(straight(near).sum(), rel=0.01)


@pytest.mark.parametrize(("scenario", "sigma"), [("strong", (5.0, 8.0)), ("three", (3.0,)), ("weak", (1.5, 2.0))])
def test_a_matched_filter_measures_the_sigmas_that_were_asked_for(scenario, sigma):
    planted = plant_series(scenario, 11)
    assert planted.truth.sigma in sigma
    best = int(np.argmax([scan.sigmas.get("marker", 0.0) for scan in planted.truth.scans]))
    expected, part = planted.expected[best], planted.parts[best]["marker"]
    assert matched_sigmas(part, expected) == pytest.approx(planted.truth.sigma, rel=1e-3)
    draws = np.random.default_rng(1).poisson(expected, (2000, expected.size))
    amount = (draws - (expected - part)) @ (part / expected) / float(part @ (part / expected))
    assert amount.mean() == pytest.approx(1.0, abs=4.0 / planted.truth.sigma / np.sqrt(2000.0))
    assert amount.mean() / amount.std() == pytest.approx(planted.truth.sigma, rel=0.08)


def test_counts_scatter_about_the_expected_ones_as_poisson_says():
    planted = plant_series("potassium", 5)
    counts = np.array([entry.load().intensity for entry in planted.series.entries])
    expected = np.array(planted.expected)
    pulls = (counts - expected) / np.sqrt(expected)
    assert pulls.mean() == pytest.approx(0.0, abs=4.0 / np.sqrt(pulls.size))
    assert (pulls**2).mean() == pytest.approx(1.0, abs=4.0 * np.sqrt(2.1 / pulls.size))
    assert np.all(counts == np.round(counts))


def test_the_same_seed_gives_the_same_counts_and_another_seed_others():
    one, same, other = (plant_series("paper", seed) for seed in (3, 3, 4))
    assert np.array_equal(one.series.entries[5].load().intensity, same.series.entries[5].load().intensity)
    assert one.truth == same.truth
    assert len(one.expected) != len(other.expected) or not np.allclose(one.expected[5], other.expected[5])


def test_a_line_is_there_only_if_the_sweep_passed_it_after_the_onset():
    """Seeds are tried until an onset falls in the middle of a sweep."""
    for seed in range(40):
        planted = plant_series("bare", seed)
        onset = planted.truth.events[0].time
        x = planted.specimen.machine.two_theta
        for i, scan in enumerate(planted.truth.scans):
            share = (onset - scan.start) / (scan.end - scan.start)
            if 0.3 < share < 0.7:
                part = planted.parts[i]["KNa2"]
                before = x < x[0] + share * (x[-1] - x[0])
                assert not part[before].any()
                assert part[~before].sum() > 0.0
                event = next(one for one in planted.truth.events if one.kind == "appears" and one.hkl == MARKER)
                assert (event.after_scan, event.before_scan) == (i, i + 1)
                phase = next(one for one in planted.truth.events if one.kind == "appears" and one.hkl is None)
                assert {(i, i + 1), (i - 1, i)} == set(phase.pairs)
                assert scan.split
                assert not planted.truth.scans[i - 1].split
                return
    pytest.fail("no onset fell into a sweep")


def test_where_nothing_is_planted_there_is_nothing_and_where_it_is_there_it_is():
    for scenario in SCENARIOS:
        planted = plant_series(scenario, 21)
        shown = any("KNa2" in parts or "marker" in parts for parts in planted.parts)
        assert shown != planted.truth.null
        assert planted.truth.null == (not planted.truth.events)
    assert all(plant_series(scenario, 22).truth.null for scenario in NULL)


def test_the_papers_marker_vanishes_while_its_phase_falls_to_a_quarter():
    planted = plant_series("paper", 8)
    gone = next(event for event in planted.truth.events if event.kind == "vanishes")
    before, after = planted.parts[gone.after_scan - 1], planted.parts[gone.before_scan + 1]
    assert "marker" not in after
    assert after["KNa2"].sum() / before["KNa2"].sum() == pytest.approx(0.25, rel=0.01)


def test_air_has_the_weight_that_is_stated_by_mass_of_its_cell_contents():
    """Weight fraction from areas: w ∝ S·Z·M·V, S what the pattern at scale 1 is multiplied by."""
    planted = plant_series("air", 2)
    truth = planted.truth
    scales = {one.thing: one.scale for one in planted.specimen.ingredients}
    assert sum(truth.scans[truth.onset_scan].weights[name] for name in truth.contamination) > 0.01
    last = planted.truth.scans[-1]
    for name in truth.contamination:
        al, air = crystal("Al", "Cu", 82.0), crystal(name, "Cu", 82.0)
        course = next(one.course for one in planted.specimen.ingredients if one.thing == name)
        level = float(course.at(np.array([last.end]))[0])
        ratio = scales[name] * level * air.mass * air.volume / (scales["Al"] * al.mass * al.volume)
        assert last.weights[name] / last.weights["Al"] == pytest.approx(ratio, rel=0.2)
    assert crystal("Al", "Cu", 82.0).mass == pytest.approx(4 * 26.982, rel=1e-3)


def test_a_course_steps_at_its_moment_and_the_later_value_holds():
    course = Course(points=((10.0, 0.0), (10.0, 1.0), (20.0, 3.0)))
    assert course.at(np.array([0.0, 9.999, 10.0, 15.0, 20.0, 99.0])) == pytest.approx([0.0, 0.0, 1.0, 2.0, 3.0, 3.0])


def test_the_scans_around_a_moment_leave_out_those_that_cannot_be_used():
    passings = [1.0, 2.0, 3.0, 4.0]
    assert scans_around(2.5, passings, [True] * 4) == (1, 2)
    assert scans_around(2.5, passings, [True, False, False, True]) == (0, 3)
    assert scans_around(0.5, passings, [True] * 4) == (None, 0)


def test_the_scans_of_a_series_with_gaps_are_late_cut_or_broken_as_planned():
    planted = plant_series("gaps", 1)
    starts = np.array([scan.start for scan in planted.truth.scans])
    assert np.diff(starts).max() > 2.0 * np.diff(starts).min()
    assert sum(not scan.usable for scan in planted.truth.scans) == 1
    lengths = [len(entry.load().two_theta) for entry, scan in zip(planted.series.entries, planted.truth.scans, strict=True) if scan.usable]
    assert sum(length < max(lengths) for length in lengths) == 1
    assert planted.truth.clock_ahead != 0.0
