"""Weight fractions of coarse mixtures: planted with Brindley's integral done by hand, and controls where there is nothing to correct."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad

sys.path.insert(0, str(Path(__file__).parent))
from conftest import Planted, pattern_of, planted_counts

from xrdkna.records.phases import Cell, Reflections
from xrdkna.refine.forward.grain_absorption import grain_factors, grain_notices
from xrdkna.refine.refine import refine_pattern
from xrdkna.refine.settings import RefineSettings


def lines(phase: str, *, mu: float | None, density: float | None = 4.0) -> Reflections:
    """A phase of which only its absorption matters. mu: cm⁻¹, density: g/cm³."""
    return Reflections(
        phase=phase,
        role="other",
        crystal_system="cubic",
        cell=Cell(a=4.0, b=4.0, c=4.0),
        cell_mass=100.0,
        positions_only=False,
        hkl=np.array([[1, 0, 0]]),
        multiplicity=np.array([6.0]),
        f_squared=np.array([100.0]),
        d_spacing=np.array([4.0]),
        absorption=mu,
        density=density,
    )


def tau(mu: float, mean: float, diameter_um: float) -> float:
    """Share of the beam that comes out of a sphere of one phase in the mean of the others: chords integrated one by one."""
    contrast = (mu - mean) * diameter_um * 1e-4
    return float(quad(lambda s: 3.0 * s * s * np.exp(-contrast * s), 0.0, 1.0)[0])


@given(
    weights=st.lists(st.floats(0.05, 1.0), min_size=2, max_size=4),
    seed=st.integers(0, 1000),
    diameter=st.floats(0.5, 8.0),
)
def test_the_factors_undo_what_grains_did_to_planted_weights(weights: list[float], seed: int, diameter: float) -> None:
    rng = np.random.default_rng(seed)
    mu, density = rng.uniform(50.0, 900.0, len(weights)), rng.uniform(1.0, 9.0, len(weights))
    true = np.array(weights) / sum(weights)
    mean = float(np.sum(true / density * mu) / np.sum(true / density))
    seen = true * [tau(m, mean, diameter) for m in mu]
    seen /= seen.sum()
    phases = [lines(str(k), mu=m, density=rho) for k, (m, rho) in enumerate(zip(mu, density, strict=True))]
    corrected = seen / grain_factors(seen, phases, diameter_um=diameter)
    np.testing.assert_allclose(corrected / corrected.sum(), true, rtol=1e-9)


def test_phases_that_absorb_alike_need_no_correction_and_no_word() -> None:
    phases = [lines("one", mu=200.0), lines("two", mu=200.0, density=2.0)]
    seen = np.array([0.3, 0.7])
    np.testing.assert_allclose(grain_factors(seen, phases, diameter_um=50.0), 1.0, atol=1e-9)
    assert grain_notices(seen, phases, diameter_um=None) == ()
    assert grain_notices(seen, phases, diameter_um=50.0) == ()


def test_a_phase_that_is_absent_or_of_unknown_absorption_is_left_as_it_is() -> None:
    phases = [lines("light", mu=50.0), lines("heavy", mu=500.0), lines("absent", mu=5000.0), lines("listed", mu=None, density=None)]
    factors = grain_factors(np.array([0.4, 0.4, 0.0, 0.2]), phases, diameter_um=4.0)
    assert factors[2] == factors[3] == 1.0
    assert factors[0] > 1.0 > factors[1]


@pytest.mark.parametrize(("heavy", "worth_a_word"), [(120.0, False), (160.0, False), (400.0, True), (2000.0, True)])
def test_a_word_is_said_only_where_five_micrometres_would_change_a_weight_by_one_percent(heavy: float, worth_a_word: bool) -> None:
    phases, seen = [lines("light", mu=100.0), lines("heavy", mu=heavy)], np.array([0.5, 0.5])
    true = seen / grain_factors(seen, phases, diameter_um=5.0)
    change = float(np.max(np.abs(true / true.sum() - seen)))
    assert (change > 0.01) is worth_a_word
    words = grain_notices(seen, phases, diameter_um=None)
    assert bool(words) is worth_a_word
    if words:
        assert words[0].code == "microabsorption"
        assert words[0].severity == "warning"
        assert f"{100.0 * change:.1f} wt%" in words[0].sentence
        assert "--particle-size" in words[0].remedy


def test_grains_beyond_correction_leave_the_weights_and_say_so() -> None:
    phases, seen = [lines("light", mu=50.0), lines("lead", mu=2500.0)], np.array([0.9, 0.1])
    assert np.all(grain_factors(seen, phases, diameter_um=40.0) == 1.0)
    assert "uncorrected" in grain_notices(seen, phases, diameter_um=40.0)[0].sentence
    assert "estimate" in grain_notices(seen, phases, diameter_um=3.0)[0].sentence
    assert "beyond correction" in grain_notices(seen, [lines("light", mu=50.0), lines("lead", mu=9000.0)], diameter_um=None)[0].sentence


def test_a_fit_told_the_grain_size_weighs_a_coarse_mixture_as_it_was_planted(two_theta, body_centred, face_centred):
    phases = [replace(face_centred, absorption=120.0, density=2.5), replace(body_centred, absorption=900.0, density=7.0)]
    cells = [phase.cell for phase in phases]
    true = np.array([0.6, 0.4])
    mean = float(np.sum(true / [2.5, 7.0] * np.array([120.0, 900.0])) / np.sum(true / [2.5, 7.0]))
    shown = [tau(phase.absorption, mean, 6.0) for phase in phases]
    scale = 0.02 * true * shown / [phase.cell_mass * cell.a**3 / 1e4 for phase, cell in zip(phases, cells, strict=True)]
    planted = [Planted(phase, cell, s, {}) for phase, cell, s in zip(phases, cells, scale, strict=True)]
    pattern = pattern_of(two_theta, np.random.default_rng(3).poisson(planted_counts(two_theta, planted)).astype(float))
    plain, told = (
        refine_pattern(pattern, phases, RefineSettings(texture="none", particle_diameter=diameter), fwhm=0.1) for diameter in (None, 6.0)
    )
    for result, biased in ((plain, True), (told, False)):
        found = result.phase("Fcc").weight_fraction
        assert bool(abs(found.value - true[0]) > 5.0 * found.esd) is biased
        assert any(notice.code == "microabsorption" for notice in result.notices)
    assert abs(told.phase("Fcc").weight_fraction.value - true[0]) < 3.0 * told.phase("Fcc").weight_fraction.esd
