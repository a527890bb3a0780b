"""The whole-pattern fit against planted truths, and against nothing at all."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from conftest import INSTRUMENT, Planted, cubic_phase, pattern_of, planted_counts

from xrdkna.errors import DeclinedError, RecipeError
from xrdkna.physics.evidence import phase_evidence
from xrdkna.physics.lattice import cell_volume
from xrdkna.records.peaks import Peak
from xrdkna.records.phases import Cell, Reflections
from xrdkna.records.refinement import Refinement
from xrdkna.records.values import Estimate
from xrdkna.refine.forward.build import fitted_points
from xrdkna.refine.refine import refine_pattern
from xrdkna.refine.settings import ParameterChoice, RefineSettings


def mixture(bcc: Reflections, fcc: Reflections, *, amount: float = 1.0) -> list[Planted]:
    """Two phases, each 0.1 % off its reference cell."""
    return [
        Planted(fcc, Cell(a=4.1041, b=4.1041, c=4.1041), 0.020, {}),
        Planted(bcc, Cell(a=3.1968, b=3.1968, c=3.1968), 0.020 * amount, {}),
    ]


def fit(two_theta: np.ndarray, counts: np.ndarray, phases: list[Reflections], settings: RefineSettings | None = None) -> Refinement:
    return refine_pattern(pattern_of(two_theta, counts), phases, settings or RefineSettings(), fwhm=0.1)


def true_fraction(phases: list[Planted]) -> np.ndarray:
    weight = np.array([p.scale * p.reflections.cell_mass * cell_volume(p.cell) for p in phases])
    return weight / weight.sum()


def test_planted_cells_weights_and_displacement_come_back_within_their_esds(two_theta, body_centred, face_centred):
    planted = mixture(body_centred, face_centred, amount=0.3)
    expected = planted_counts(two_theta, planted, displacement_mm=0.08)
    truth = true_fraction(planted)
    pulls = []
    for seed in range(24):
        counts = np.random.default_rng(seed).poisson(expected).astype(float)
        result = fit(two_theta, counts, [face_centred, body_centred], RefineSettings(texture="none"))
        assert result.verdict == "accepted"
        for planted_phase, fraction in zip(planted, truth, strict=True):
            found = result.phase(planted_phase.reflections.phase)
            pulls.append((found.cell["a"].value - planted_phase.cell.a) / found.cell["a"].esd)
            pulls.append((found.weight_fraction.value - fraction) / found.weight_fraction.esd)
        pulls.append((result.phases[0].displacement.value - 0.08) / result.phases[0].displacement.esd)
    assert abs(np.mean(pulls)) < 0.35
    assert 0.8 < np.std(pulls) < 1.35


def test_a_phase_that_is_not_there_gets_no_weight_and_a_limit_that_would_have_shown_it(two_theta, body_centred, face_centred, primitive):
    planted = mixture(body_centred, face_centred)
    significances, limits = [], []
    for seed in range(12):
        counts = np.random.default_rng(seed).poisson(planted_counts(two_theta, planted)).astype(float)
        result = fit(two_theta, counts, [face_centred, body_centred, primitive])
        significances.append(result.phase("Prim").significance)
        limits.append(result.phase("Prim").detection_limit.value)
    assert max(significances) < 3.5
    # The limit is real: planted at it, the phase stands out beyond 1.64 σ in nearly every scan.
    total = sum(p.scale * p.reflections.cell_mass * cell_volume(p.cell) for p in planted)
    limit = float(np.median(limits))
    scale = limit / (1 - limit) * total / (primitive.cell_mass * cell_volume(primitive.cell))
    counts = planted_counts(two_theta, [*planted, Planted(primitive, primitive.cell, scale, {})])
    seen = []
    for seed in range(12):
        noisy = np.random.default_rng(100 + seed).poisson(counts).astype(float)
        seen.append(fit(two_theta, noisy, [face_centred, body_centred, primitive]).phase("Prim").significance > 1.645)
    assert np.mean(seen) >= 0.8


def test_a_pattern_with_nothing_in_it_gives_no_phase_any_evidence(two_theta, body_centred, face_centred):
    counts = np.random.default_rng(5).poisson(60.0 + 1500.0 / two_theta).astype(float)
    result = refine_pattern(pattern_of(two_theta, counts), [], RefineSettings(), fwhm=0.1, watched=[body_centred, face_centred])
    for name in ("Bcc", "Fcc"):
        assert abs(phase_evidence(result.information, name).significance) < 4.0
    assert result.gof == pytest.approx(1.0, abs=0.05)


def test_texture_is_found_where_it_was_planted_and_the_weights_survive_it(two_theta, body_centred, face_centred):
    planted = [
        Planted(face_centred, face_centred.cell, 0.02, {0: 0.4, 1: 2.0, 2: 0.5, 3: 1.6, 4: 0.6, 5: 1.5, 6: 0.5, 7: 1.8}),
        Planted(body_centred, body_centred.cell, 0.02, {}),
    ]
    counts = np.random.default_rng(3).poisson(planted_counts(two_theta, planted)).astype(float)
    result = fit(two_theta, counts, [face_centred, body_centred])
    texture = result.phase("Fcc").texture
    assert texture["2 0 0"].value / texture["1 1 1"].value == pytest.approx(5.0, rel=0.15)
    assert result.texture_sd["Fcc"] > 4 * result.texture_sd["Bcc"]
    plain = [value.value for value in result.phase("Bcc").texture.values()]
    assert np.allclose(plain, 1.0, atol=0.1)


def test_low_counts_do_not_drag_the_background_down(two_theta, face_centred):
    counts = np.random.default_rng(7).poisson(np.full(two_theta.size, 3.0)).astype(float)
    result = refine_pattern(pattern_of(two_theta, counts), [], RefineSettings(), fwhm=0.1, watched=[face_centred])
    assert result.background.mean() == pytest.approx(3.0, abs=4 * np.sqrt(3.0 / two_theta.size))


def test_a_line_of_no_phase_bends_nothing_when_it_is_a_free_line(two_theta, body_centred, face_centred, primitive):
    stranger = [Planted(primitive, primitive.cell, 0.3, dict.fromkeys(range(1, 40), 0.0))]
    planted = [*mixture(body_centred, face_centred), *stranger]
    counts = np.random.default_rng(2).poisson(planted_counts(two_theta, planted)).astype(float)
    where = float(2 * np.degrees(np.arcsin(INSTRUMENT.radiation.wavelength / (2 * 3.70))))

    def degrees(value: float) -> Estimate:
        return Estimate(value=value, esd=None, unit="°")

    peak = Peak(
        two_theta=degrees(where), d_spacing=degrees(3.7), area=degrees(100.0), fwhm=degrees(0.09), eta=0.5, snr=50.0, background=100.0
    )
    result = refine_pattern(pattern_of(two_theta, counts), [face_centred, body_centred], RefineSettings(), fwhm=0.1, unexplained=[peak])
    assert result.phase("Fcc").cell["a"].value == pytest.approx(4.1041, abs=5e-4)
    assert "unexplained" in result.contributions


def test_ties_and_held_values_are_obeyed(two_theta, body_centred, face_centred):
    choices = {"a_Bcc": ParameterChoice(expr="a_Fcc * 0.7789"), "displacement": ParameterChoice(value=0.0, vary=False)}
    counts = np.random.default_rng(0).poisson(planted_counts(two_theta, mixture(body_centred, face_centred))).astype(float)
    result = fit(two_theta, counts, [face_centred, body_centred], RefineSettings(parameters=choices))
    a_fcc, a_bcc = result.parameter("a_Fcc"), result.parameter("a_Bcc")
    assert a_bcc.value.value == pytest.approx(0.7789 * a_fcc.value.value, rel=1e-9)
    assert a_bcc.value.esd == pytest.approx(0.7789 * a_fcc.value.esd, rel=1e-3)
    assert result.parameter("displacement").value.value == 0.0
    assert not result.parameter("displacement").refined


@pytest.mark.parametrize(
    ("choices", "says"),
    [
        ({"a_Nobody": ParameterChoice(value=1.0)}, "no parameter a_Nobody"),
        ({"a_Bcc": ParameterChoice(expr="a_Fcc +")}, "cannot be evaluated"),
        ({"a_Bcc": ParameterChoice(expr="unheard_of")}, "cannot be evaluated"),
        ({"a_Bcc": ParameterChoice(lower=3.3, upper=3.1)}, "above its upper bound"),
    ],
)
def test_a_choice_that_is_not_possible_gets_a_sentence(two_theta, body_centred, face_centred, choices, says):
    counts = planted_counts(two_theta, mixture(body_centred, face_centred))
    with pytest.raises(RecipeError, match=says):
        fit(two_theta, counts, [face_centred, body_centred], RefineSettings(parameters=choices))


def test_a_handful_of_points_is_declined_with_what_is_needed(body_centred):
    x = np.linspace(30, 31, 10)
    with pytest.raises(DeclinedError, match="at least 30"):
        refine_pattern(pattern_of(x, np.full(10, 5.0)), [body_centred], RefineSettings(), fwhm=0.1)


def test_a_pattern_of_zeros_has_a_verdict_and_no_nan(two_theta, body_centred):
    result = fit(two_theta, np.zeros(two_theta.size), [body_centred])
    assert np.isfinite(result.rwp)
    assert result.phase("Bcc").significance < 3.0


def test_random_starts_within_half_a_percent_reach_one_minimum(two_theta, body_centred, face_centred):
    planted = mixture(body_centred, face_centred)
    counts = np.random.default_rng(11).poisson(planted_counts(two_theta, planted, displacement_mm=0.05)).astype(float)
    pattern = pattern_of(two_theta, counts)
    ends = []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        start = {"a_Fcc": 4.1041 * (1 + rng.uniform(-1e-3, 1e-3)), "a_Bcc": 3.1968 * (1 + rng.uniform(-1e-3, 1e-3))}
        result = refine_pattern(pattern, [face_centred, body_centred], RefineSettings(), fwhm=0.1, initial=start)
        ends.append((result.phase("Fcc").cell["a"].value, result.phase("Bcc").cell["a"].value))
    assert np.ptp(np.array(ends), axis=0).max() < 2e-4


def test_a_warm_start_gives_the_answer_of_a_cold_one(two_theta, body_centred, face_centred):
    planted = mixture(body_centred, face_centred)
    counts = np.random.default_rng(11).poisson(planted_counts(two_theta, planted)).astype(float)
    cold = fit(two_theta, counts, [face_centred, body_centred])
    warm = refine_pattern(
        pattern_of(two_theta, counts),
        [face_centred, body_centred],
        RefineSettings(),
        fwhm=0.1,
        start={parameter.name: parameter.value.value for parameter in cold.parameters},
        texture_sd=cold.texture_sd,
    )
    assert warm.evaluations < cold.evaluations / 3
    for phase in ("Fcc", "Bcc"):
        a, b = cold.phase(phase).cell["a"], warm.phase(phase).cell["a"]
        assert abs(a.value - b.value) < 0.1 * a.esd


def test_excluded_regions_take_no_part(two_theta, body_centred, face_centred):
    counts = planted_counts(two_theta, mixture(body_centred, face_centred))
    counts[(two_theta > 50) & (two_theta < 52)] += 1e4
    clean = fit(two_theta, counts, [face_centred, body_centred], RefineSettings(excluded=((49.9, 52.1),)))
    assert clean.gof < 1.5
    assert not np.any((clean.two_theta > 49.9) & (clean.two_theta < 52.1))
    assert fitted_points(pattern_of(two_theta, counts), RefineSettings(excluded=((49.9, 52.1),))).sum() == clean.two_theta.size


def test_the_same_phase_twice_is_declined(two_theta, body_centred):
    with pytest.raises(DeclinedError, match="same name"):
        fit(two_theta, np.full(two_theta.size, 10.0), [body_centred, body_centred])


def test_information_finds_a_hidden_line_only_with_a_prior_on_what_hides_it(two_theta, face_centred):
    """Two phases on one line: N is nearly singular there, and says so."""
    twin = replace(cubic_phase("Twin", 4.1003, centring="F", mass=90.0), role="deposit")
    planted = [Planted(face_centred, face_centred.cell, 0.02, {})]
    counts = np.random.default_rng(1).poisson(planted_counts(two_theta, planted)).astype(float)
    result = refine_pattern(pattern_of(two_theta, counts), [face_centred], RefineSettings(), fwhm=0.1, watched=[twin])
    information = result.information
    pair = [next(i for i, g in enumerate(information.groups) if g.phase == name and g.hkl == (1, 1, 1)) for name in ("Fcc", "Twin")]
    block = information.information[np.ix_(pair, pair)]
    correlation = block[0, 1] / np.sqrt(block[0, 0] * block[1, 1])
    assert correlation > 0.99
