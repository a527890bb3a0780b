"""A chain of fits: as good as each fit on its own, and no scan spoils the next."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from conftest import Planted, cubic_phase, pattern_of, planted_counts

from xrdkna.errors import DeclinedError
from xrdkna.physics.lattice import cell_volume
from xrdkna.records.instrument import InstrumentProfile
from xrdkna.records.phases import Cell, Reflections
from xrdkna.records.scan import Pattern
from xrdkna.records.series_fit import ScanFit
from xrdkna.refine.following.chain import follow_patterns
from xrdkna.refine.refine import refine_pattern
from xrdkna.refine.settings import ParameterChoice, RefineSettings

SETTINGS = RefineSettings(texture="none")
CELL_OF_BCC, CELL_OF_FCC = Cell(a=3.1968, b=3.1968, c=3.1968), Cell(a=4.1041, b=4.1041, c=4.1041)


def cubic(a: float) -> Cell:
    return Cell(a=a, b=a, c=a)


def scan(
    number: int, two_theta: np.ndarray, fcc: Reflections, bcc: Reflections, *, amount: float, displacement: float = 0.05, a: float = 3.1968
) -> Pattern:
    """Face-centred hardware that stays, a body-centred deposit of some amount."""
    planted = [Planted(fcc, CELL_OF_FCC, 0.02, {}), Planted(bcc, cubic(a), 0.02 * amount, {})]
    expected = planted_counts(two_theta, planted, displacement_mm=displacement)
    counts = np.random.default_rng(1000 + number).poisson(expected).astype(float)
    return pattern_of(two_theta, counts, name=f"scan {number}")


def true_fraction(fcc: Reflections, bcc: Reflections, amount: float) -> float:
    deposit = amount * bcc.cell_mass * cell_volume(CELL_OF_BCC)
    return deposit / (deposit + fcc.cell_mass * cell_volume(CELL_OF_FCC))


def follow(patterns: list[Pattern], fcc: Reflections, bcc: Reflections, settings: RefineSettings = SETTINGS) -> list[ScanFit]:
    return list(follow_patterns(patterns, [fcc, bcc], settings, fwhm=0.1))


def test_a_chain_says_what_each_fit_on_its_own_says(two_theta, face_centred, body_centred):
    amounts, heights = np.linspace(0.1, 0.8, 8), np.linspace(-0.04, 0.06, 8)
    scans = [
        scan(i, two_theta, face_centred, body_centred, amount=amount, displacement=height)
        for i, (amount, height) in enumerate(zip(amounts, heights, strict=True))
    ]
    for pattern, fit in zip(scans, follow(scans, face_centred, body_centred), strict=True):
        alone = refine_pattern(pattern, [face_centred, body_centred], SETTINGS, fwhm=0.1)
        assert fit.verdict == alone.verdict == "accepted"
        assert fit.rwp == pytest.approx(alone.rwp, rel=1e-3)
        for name in ("a_Fcc", "a_Bcc", "displacement", "scale_Bcc"):
            expected = alone.parameter(name).value
            found = fit.estimate(name)
            assert found.value == pytest.approx(expected.value, abs=0.1 * expected.esd), name
            assert found.esd == pytest.approx(expected.esd, rel=0.05), name
        weight = alone.phase("Bcc").weight_fraction
        assert fit.weight_fractions[1] == pytest.approx(weight.value, abs=0.1 * weight.esd)
        assert fit.weight_esds[1] == pytest.approx(weight.esd, rel=0.05)


def test_weights_along_a_chain_scatter_around_the_truth_as_their_esds_say(two_theta, face_centred, body_centred):
    amounts = np.linspace(0.05, 0.6, 40)
    scans = [scan(100 + i, two_theta, face_centred, body_centred, amount=amount) for i, amount in enumerate(amounts)]
    fits = follow(scans, face_centred, body_centred)
    truth = [true_fraction(face_centred, body_centred, amount) for amount in amounts]
    pulls = [(fit.weight_fractions[1] - w) / fit.weight_esds[1] for fit, w in zip(fits, truth, strict=True)]
    assert abs(np.mean(pulls)) < 3.0 / np.sqrt(40)
    assert 0.7 < np.std(pulls) < 1.35


def test_a_phase_that_is_not_there_takes_next_to_nothing_and_moves_no_cell(two_theta, face_centred, body_centred):
    scans = [scan(200 + i, two_theta, face_centred, body_centred, amount=0.0) for i in range(30)]
    fits = follow(scans, face_centred, body_centred)
    sure = [fit for fit in fits if fit.significances[1] > 3.0]
    assert len(sure) <= 1
    assert all(fit.weight_fractions[1] <= 1.3 * fit.detection_limits[1] for fit in fits)
    assert all(fit.estimate("a_Bcc").value == body_centred.cell.a and fit.estimate("a_Bcc").esd == 0.0 for fit in fits if fit not in sure)


def test_a_phase_that_comes_all_at_once_is_weighed_in_its_first_scan(two_theta, face_centred, body_centred):
    amounts = [0.0, 0.0, 0.0, 0.5, 0.5, 0.0]
    scans = [scan(300 + i, two_theta, face_centred, body_centred, amount=amount) for i, amount in enumerate(amounts)]
    for fit, amount in zip(follow(scans, face_centred, body_centred), amounts, strict=True):
        esd = fit.weight_esds[1]
        assert fit.weight_fractions[1] == pytest.approx(true_fraction(face_centred, body_centred, amount), abs=4.0 * esd + 1e-4)
        assert not fit.quarantined


def test_a_ruined_scan_is_quarantined_and_the_next_does_not_start_from_it(two_theta, face_centred, body_centred):
    scans = [scan(400 + i, two_theta, face_centred, body_centred, amount=0.3) for i in range(5)]
    # A scan of something else altogether: broad strong lines where this specimen has none.
    rng = np.random.default_rng(8)
    strange = 200.0 + sum(4000.0 * np.exp(-(((two_theta - c) / 0.4) ** 2)) for c in rng.uniform(25.0, 95.0, 12))
    ruined = [*scans[:2], pattern_of(two_theta, rng.poisson(strange).astype(float), name="ruined"), *scans[2:]]
    fits = follow(ruined, face_centred, body_centred)
    undisturbed = follow(scans, face_centred, body_centred)
    assert [fit.quarantined for fit in fits] == [False, False, True, False, False, False]
    assert fits[2].verdict in ("rejected", "failed")
    for after, alone in zip(fits[3:], undisturbed[2:], strict=True):
        assert after.verdict == "accepted"
        np.testing.assert_allclose(after.weight_fractions, alone.weight_fractions, atol=0.1 * alone.weight_esds.max())


def test_a_ruined_first_scan_starts_no_other_either(two_theta, face_centred, body_centred):
    scans = [scan(450 + i, two_theta, face_centred, body_centred, amount=0.3) for i in range(3)]
    rng = np.random.default_rng(8)
    strange = 200.0 + sum(4000.0 * np.exp(-(((two_theta - c) / 0.4) ** 2)) for c in rng.uniform(25.0, 95.0, 12))
    fits = follow([pattern_of(two_theta, rng.poisson(strange).astype(float), name="ruined"), *scans], face_centred, body_centred)
    assert [fit.quarantined for fit in fits] == [True, False, False, False]
    for after, alone in zip(fits[1:], follow(scans, face_centred, body_centred), strict=True):
        assert after.verdict == "accepted"
        np.testing.assert_allclose(after.weight_fractions, alone.weight_fractions, atol=0.1 * alone.weight_esds.max())


def test_a_cosmic_spike_in_one_scan_changes_nothing(two_theta, face_centred, body_centred):
    scans = [scan(500 + i, two_theta, face_centred, body_centred, amount=0.3) for i in range(4)]
    used = np.ones(two_theta.size, dtype=bool)
    used[700] = False
    intensity = scans[2].intensity.copy()
    intensity[700] = 1e6
    spiked = [*scans[:2], replace(scans[2], intensity=intensity, used=used), scans[3]]
    plain = follow(scans, face_centred, body_centred)
    for fit, expected in zip(follow(spiked, face_centred, body_centred), plain, strict=True):
        np.testing.assert_allclose(fit.weight_fractions, expected.weight_fractions, atol=0.2 * expected.weight_esds.max())
        assert not fit.retried
        assert fit.verdict == "accepted"


def test_a_scan_on_another_grid_is_fitted_from_where_the_chain_stands(two_theta, face_centred, body_centred):
    scans = [scan(600 + i, two_theta, face_centred, body_centred, amount=0.3) for i in range(2)]
    coarse = np.arange(25.0, 90.0, 0.035)
    scans += [scan(610 + i, coarse, face_centred, body_centred, amount=0.3) for i in range(2)]
    truth = true_fraction(face_centred, body_centred, 0.3)
    for fit in follow(scans, face_centred, body_centred):
        assert fit.verdict == "accepted"
        assert fit.weight_fractions[1] == pytest.approx(truth, abs=4.0 * fit.weight_esds[1])


def test_ties_and_held_parameters_hold_along_a_chain(two_theta, face_centred, body_centred):
    choices = {"zero": ParameterChoice(vary=False), "x_Bcc": ParameterChoice(expr="x_Fcc")}
    scans = [scan(700 + i, two_theta, face_centred, body_centred, amount=0.3) for i in range(3)]
    for fit in follow(scans, face_centred, body_centred, replace(SETTINGS, parameters=choices)):
        assert fit.estimate("zero").value == 0.0
        assert fit.estimate("x_Bcc").value == pytest.approx(fit.estimate("x_Fcc").value)
        assert fit.verdict == "accepted"


def test_a_known_instrument_leaves_a_specimen_of_no_width_at_zero_and_not_stuck(two_theta, face_centred, body_centred):
    """Widths that rest at zero in one scan must be free to grow in the next."""
    profile = InstrumentProfile(u=0.0, v=0.0, w=0.06**2, x=0.05)
    scans = [scan(800 + i, two_theta, face_centred, body_centred, amount=0.3) for i in range(3)]
    wide = planted_counts(two_theta, [Planted(face_centred, CELL_OF_FCC, 0.02, {})], displacement_mm=0.05, lorentzian_fwhm=0.15)
    scans.append(pattern_of(two_theta, np.random.default_rng(3).poisson(wide).astype(float), name="wide"))
    fits = follow(scans, face_centred, body_centred, RefineSettings(texture="none", profile=profile))
    for fit in fits[:3]:
        assert fit.estimate("x_Fcc").value < 4.0 * max(fit.estimate("x_Fcc").esd, 1e-3)
    assert fits[3].estimate("x_Fcc").value == pytest.approx(0.10, abs=5.0 * fits[3].estimate("x_Fcc").esd + 0.005)


def test_no_patterns_give_no_fits_and_a_stub_of_a_scan_is_declined(face_centred, body_centred):
    assert follow([], face_centred, body_centred) == []
    short = np.arange(20.0, 20.2, 0.02)
    with pytest.raises(DeclinedError, match="usable points"):
        follow([pattern_of(short, np.full(short.size, 50.0))], face_centred, body_centred)


@pytest.mark.parametrize("amount", [0.3, 0.006])
def test_one_scan_of_a_chain_ends_within_a_tenth_of_an_esd_of_where_many_more_steps_lead(two_theta, face_centred, body_centred, amount):
    """The same scan fitted again and again goes on from where it ended; a faint deposit is the slowest to settle."""
    before = scan(900, two_theta, face_centred, body_centred, amount=1.2 * amount, displacement=0.045, a=3.1965)
    later = scan(901, two_theta, face_centred, body_centred, amount=amount)
    first, *_, last = follow([before, *[later] * 12], face_centred, body_centred)[1:]
    for name in first.names:
        esd = last.estimate(name).esd
        assert first.estimate(name).value == pytest.approx(last.estimate(name).value, abs=0.1 * esd + 1e-12), name


def test_tied_parameters_are_followed_as_fast_and_are_as_uncertain_as_what_they_follow(two_theta, face_centred, body_centred):
    settings = replace(SETTINGS, parameters={"x_Bcc": ParameterChoice(expr="2 * x_Fcc"), "y_Bcc": ParameterChoice(expr="y_Fcc")})
    scans = [scan(920 + i, two_theta, face_centred, body_centred, amount=0.3) for i in range(3)]
    for fit, pattern in zip(follow(scans, face_centred, body_centred, settings)[1:], scans[1:], strict=True):
        assert fit.evaluations <= 4
        assert not fit.retried
        assert fit.estimate("x_Bcc").esd == pytest.approx(2.0 * fit.estimate("x_Fcc").esd)
        alone = refine_pattern(pattern, [face_centred, body_centred], settings, fwhm=0.1)
        for name in ("x_Bcc", "x_Fcc", "a_Bcc", "scale_Bcc"):
            expected = alone.parameter(name).value
            assert fit.estimate(name).value == pytest.approx(expected.value, abs=0.1 * expected.esd), name
            assert fit.estimate(name).esd == pytest.approx(expected.esd, rel=0.05), name


def test_a_stranger_is_doubted_in_the_scans_it_is_in_and_in_no_other(two_theta, face_centred, body_centred):
    scans = [scan(940 + i, two_theta, face_centred, body_centred, amount=0.3) for i in range(6)]
    line = 3000.0 * np.exp(-(((two_theta - 51.7) / 0.1) ** 2))
    for i in (2, 3):
        counts = np.random.default_rng(i).poisson(scans[i].intensity + line).astype(float)
        scans[i] = pattern_of(two_theta, counts, name="with a stranger")
    verdicts = [(fit.verdict, "contradict" in " ".join(fit.reasons)) for fit in follow(scans, face_centred, body_centred)]
    assert verdicts == [("accepted", False)] * 2 + [("doubtful", True)] * 2 + [("accepted", False)] * 2


def test_cells_that_are_all_off_by_the_same_share_are_doubted(two_theta, face_centred, body_centred):
    planted = [Planted(face_centred, cubic(4.1 * 1.003), 0.02, {}), Planted(body_centred, cubic(3.2 * 1.003), 0.01, {})]
    expected = planted_counts(two_theta, planted)
    scans = [pattern_of(two_theta, np.random.default_rng(i).poisson(expected).astype(float)) for i in range(2)]
    for fit in follow(scans, face_centred, body_centred):
        assert fit.verdict == "doubtful"
        assert "by the same 0.30 %: the wavelength" in " ".join(fit.reasons)


def test_scans_of_nothing_are_not_accepted(two_theta, face_centred, body_centred):
    scans = [pattern_of(two_theta, np.random.default_rng(i).poisson(80.0 + 2000.0 / two_theta).astype(float)) for i in range(3)]
    for fit in follow(scans, face_centred, body_centred):
        assert fit.verdict == "doubtful"
        assert "there is nothing to weigh" in " ".join(fit.reasons)


def test_how_well_a_held_zero_is_known_goes_into_the_esds_of_a_chain_as_into_those_of_a_single_fit(two_theta, face_centred, body_centred):
    profile = InstrumentProfile(u=0.0, v=0.0, w=0.06**2, x=0.03)
    settings = RefineSettings(texture="none", profile=profile)
    sure = replace(settings, parameters={"zero": ParameterChoice(vary=False)})
    scans = [scan(960 + i, two_theta, face_centred, body_centred, amount=0.3) for i in range(3)]
    followed, certain = (follow(scans, face_centred, body_centred, chosen) for chosen in (settings, sure))
    for fit, without, pattern in zip(followed, certain, scans, strict=True):
        alone, alone_without = (refine_pattern(pattern, [face_centred, body_centred], chosen, fwhm=0.1) for chosen in (settings, sure))
        for name in ("a_Fcc", "a_Bcc", "displacement"):
            added = fit.estimate(name).esd ** 2 - without.estimate(name).esd ** 2
            expected = alone.parameter(name).value.esd ** 2 - alone_without.parameter(name).value.esd ** 2
            assert added == pytest.approx(expected, rel=0.1), name
            assert added > 0.05 * without.estimate(name).esd ** 2, name


def test_a_phase_without_a_line_in_range_is_doubted_in_every_scan(face_centred, body_centred):
    angle = np.arange(35.0, 43.0, 0.02)
    blind = cubic_phase("Blind", 2.5, centring="I", mass=80.0)
    planted = [Planted(face_centred, CELL_OF_FCC, 0.02, {}), Planted(body_centred, CELL_OF_BCC, 0.01, {})]
    expected = planted_counts(angle, planted)
    scans = [pattern_of(angle, np.random.default_rng(970 + i).poisson(expected).astype(float)) for i in range(3)]
    for fit in follow_patterns(scans, [face_centred, body_centred, blind], SETTINGS, fwhm=0.1):
        assert "No line of Blind lies in the measured range" in " ".join(fit.reasons)
    for fit in follow(scans, face_centred, body_centred):
        assert "measured range" not in " ".join(fit.reasons)


def test_lines_of_few_points_are_doubted(face_centred, body_centred):
    planted = [Planted(face_centred, CELL_OF_FCC, 0.02, {}), Planted(body_centred, CELL_OF_BCC, 0.01, {})]
    for step, coarse in ((0.02, False), (0.08, True)):
        angle = np.arange(20.0, 100.0, step)
        counts = np.random.default_rng(980).poisson(planted_counts(angle, planted)).astype(float)
        (fit,) = follow([pattern_of(angle, counts)], face_centred, body_centred)
        assert ("steps wide" in " ".join(fit.reasons)) == coarse


def test_two_phases_that_the_range_does_not_tell_apart_are_doubted_from_when_they_show():
    """(1 1 0) of one lies on (1 1 1) of the other, and there is no other line."""
    body = cubic_phase("Body", 3.2000, centring="I", mass=100.0)
    face = cubic_phase("Face", 3.2000 * np.sqrt(1.5), centring="F", mass=150.0)
    planted = [Planted(body, body.cell, 0.01, {}), Planted(face, face.cell, 0.01, {})]
    for last, hidden in ((44.0, True), (90.0, False)):
        angle = np.arange(34.0, last, 0.02)
        expected = planted_counts(angle, planted)
        scans = [pattern_of(angle, np.random.default_rng(990 + i).poisson(expected).astype(float)) for i in range(3)]
        for fit in follow(scans, face, body):
            assert ("known together, not singly" in " ".join(fit.reasons)) == hidden
            assert (fit.verdict == "accepted") != hidden


def test_angles_that_jump_within_the_series_are_doubted_from_there(two_theta, face_centred, body_centred):
    scans = [scan(1000 + i, two_theta, face_centred, body_centred, amount=0.5) for i in range(4)]
    slipped = [
        *scans[:2],
        *(replace(pattern, intensity=np.interp(_with_a_jump(two_theta), two_theta, pattern.intensity)) for pattern in scans[2:]),
    ]
    said = ["the angles are not of one scale" in " ".join(fit.reasons) for fit in follow(slipped, face_centred, body_centred)]
    assert said == [False, False, True, True]


def _with_a_jump(two_theta: np.ndarray) -> np.ndarray:
    """Where the counter stood that from 60° on had lost steps."""
    return np.where(two_theta > 60.0, two_theta - 0.06, two_theta)
