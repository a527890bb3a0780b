"""Absorption formulas against brute-force integration over depth, plate, capillary and grain, and against tabulated limits."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xrdkna.errors import UsageError
from xrdkna.physics import absorption, bragg, microabsorption

TWO_THETA = np.array([4.0, 12.0, 25.0, 48.0, 77.0, 110.0, 150.0])
MIDPOINTS = (np.arange(100_000) + 0.5) / 100_000
FACTORS = {
    "thin": lambda tt, x: absorption.thin_layer_factor(tt, mu_t=x),
    "buried": lambda tt, x: absorption.buried_layer_factor(tt, mu_t=x),
    "shift": lambda tt, x: absorption.thin_transparency_shift(tt, mu_t=x),
    "plate": lambda tt, x: absorption.flat_plate_transmission(tt, mu_t=x),
    "capillary": lambda tt, x: absorption.cylinder_absorption(tt, mu_r=x),
}
thicknesses = st.floats(1e-9, 8.0)


def transmission_of_a_disc(mu_r, two_theta, *, steps=600):
    """Mean of exp(−µ·path) over the cross-section, row by row: y = sin a, x = cos a sin b, by the midpoint rule."""
    middles = (np.arange(steps) + 0.5) / steps * np.pi - np.pi / 2.0
    a, b = np.meshgrid(middles, middles)
    x, y, area = np.cos(a) * np.sin(b), np.sin(a), np.cos(a) ** 2 * np.cos(b)
    angle = np.radians(two_theta)

    def to_surface(u, v):
        along = x * u + y * v
        return np.sqrt(along**2 + 1.0 - x**2 - y**2) - along

    return np.average(np.exp(-mu_r * (to_surface(-1.0, 0.0) + to_surface(np.cos(angle), np.sin(angle)))), weights=area)


def transmission_of_a_sphere(contrast, two_theta, *, grains=400_000, seed=1):
    """(mean, esd) of exp(−contrast·path/diameter) over random points of a sphere: Monte Carlo."""
    points = np.random.default_rng(seed).normal(size=(grains, 3))
    radii = np.random.default_rng(seed + 1).random(grains) ** (1.0 / 3.0)
    points *= (radii / np.linalg.norm(points, axis=1))[:, None]
    angle = np.radians(two_theta)
    path = 0.0
    for direction in ((-1.0, 0.0, 0.0), (np.cos(angle), np.sin(angle), 0.0)):
        along = points @ np.array(direction)
        path = path + np.sqrt(along**2 + 1.0 - radii**2) - along
    passed = np.exp(-contrast * path / 2.0)
    return passed.mean(), passed.std() / np.sqrt(grains)


@pytest.mark.parametrize("mu_t", [1e-6, 0.03, 0.4, 3.0])
def test_a_thin_layer_gives_the_integral_over_its_depth(mu_t):
    sine = np.sin(np.radians(TWO_THETA / 2.0))
    thin = [np.mean(np.exp(-2.0 * mu_t * MIDPOINTS / s)) * mu_t for s in sine]
    assert absorption.thin_layer_factor(TWO_THETA, mu_t=mu_t)[0] == pytest.approx(np.array(thin) / (sine / 2.0), rel=1e-5)


@pytest.mark.parametrize("mu_t", [0.001, 0.03, 0.4, 3.0])
def test_a_thin_layer_is_displaced_by_its_mean_depth(mu_t):
    mu, radius_mm = 200.0, 240.0
    amplitude = absorption.transparency_amplitude(mu, radius_mm)
    for two_theta in TWO_THETA:
        weight = np.exp(-2.0 * mu_t * MIDPOINTS / np.sin(np.radians(two_theta / 2.0)))
        depth_mm = np.sum(weight * MIDPOINTS) / np.sum(weight) * mu_t / mu * 10.0
        lowered = bragg.displacement_amplitude(depth_mm, radius_mm=radius_mm, geometry="Bragg-Brentano")
        expected = lowered * bragg.displacement_pattern(two_theta, geometry="Bragg-Brentano")
        shift, _ = absorption.thin_transparency_shift(np.array([two_theta]), mu_t=mu_t)
        assert amplitude * shift[0] == pytest.approx(expected, rel=1e-6)


def test_a_thick_specimen_is_displaced_by_the_depth_of_an_endless_layer():
    deep, slope = absorption.thin_transparency_shift(TWO_THETA, mu_t=60.0)
    assert deep == pytest.approx(absorption.transparency_shift(TWO_THETA, geometry="Bragg-Brentano"), rel=1e-12)
    assert slope == pytest.approx(np.zeros(len(TWO_THETA)), abs=1e-12)


def test_an_organic_powder_shows_the_transparency_of_the_textbook():
    # µ = 10 cm⁻¹, R = 200 mm: 1/(2µR) = 1/400 rad at 2θ = 90°
    assert absorption.transparency_amplitude(10.0, 200.0) == pytest.approx(np.degrees(1.0 / 400.0), rel=1e-12)
    assert absorption.transparency_shift(np.array([90.0]), geometry="Bragg-Brentano")[0] == pytest.approx(-1.0)


@given(thicknesses)
def test_a_cover_and_what_it_covers_are_one_thick_specimen(mu_t):
    cover, beneath = absorption.thin_layer_factor(TWO_THETA, mu_t=mu_t), absorption.buried_layer_factor(TWO_THETA, mu_t=mu_t)
    assert cover[0] + beneath[0] == pytest.approx(np.ones(len(TWO_THETA)), rel=1e-12)


def test_layers_of_no_thickness_and_of_any_thickness_are_what_they_must_be():
    sine = np.sin(np.radians(TWO_THETA / 2.0))
    assert absorption.thin_layer_factor(TWO_THETA, mu_t=1e-14)[0] == pytest.approx(2e-14 / sine, rel=1e-10)
    assert absorption.thin_layer_factor(TWO_THETA, mu_t=1e4)[0] == pytest.approx(np.ones(len(sine)), rel=1e-15)
    assert absorption.buried_layer_factor(TWO_THETA, mu_t=0.0)[0].tolist() == [1.0] * len(sine)
    assert absorption.thin_transparency_shift(TWO_THETA, mu_t=0.0)[0] == pytest.approx(np.zeros(len(sine)), abs=0.0)


@pytest.mark.parametrize("mu_t", [0.0, 0.3, 1.0, 4.0])
def test_a_plate_in_transmission_gives_the_integral_over_its_thickness(mu_t):
    secant = 1.0 / np.cos(np.radians(TWO_THETA / 2.0))
    through = [np.mean(s * np.exp(-mu_t * (s * MIDPOINTS + s * (1.0 - MIDPOINTS)))) for s in secant]
    assert absorption.flat_plate_transmission(TWO_THETA, mu_t=mu_t)[0] == pytest.approx(np.array(through) / np.exp(-mu_t), rel=1e-9)
    assert absorption.flat_plate_transmission(np.array([0.0]), mu_t=mu_t)[0] == pytest.approx([1.0])


@pytest.mark.parametrize("mu_r", [0.1, 0.5, 1.0, 1.5, 2.0, 2.5])
def test_a_capillary_gives_the_integral_over_its_cross_section(mu_r):
    angles = np.array([0.0, 3.0, 20.0, 61.0, 90.0, 135.0, 180.0])
    expected = [transmission_of_a_disc(mu_r, angle) for angle in angles]
    assert absorption.cylinder_absorption(angles, mu_r=mu_r)[0] == pytest.approx(expected, rel=5e-5)


@pytest.mark.parametrize(("mu_r", "tolerance"), [(1.0, 1e-6), (3.0, 5e-5), (10.0, 4e-3)])
def test_a_capillary_in_the_straight_beam_lets_through_the_mean_over_its_chords(mu_r, tolerance):
    # paths at 2θ = 0 are chords 2 sin t with density (4/π) sin² t … one-dimensional, so exact; sin² t sums by the midpoint rule
    t = np.pi * MIDPOINTS
    expected = np.sum(np.sin(t) ** 2 * np.exp(-2.0 * mu_r * np.sin(t))) / np.sum(np.sin(t) ** 2)
    assert absorption.cylinder_absorption(np.array([0.0]), mu_r=mu_r)[0] == pytest.approx([expected], rel=tolerance)


@given(st.floats(0.0, 0.7))
def test_a_capillary_agrees_with_hewats_formula_where_that_holds(mu_r):
    # Hewat (1979), the formula of most Rietveld programs; at µR = 1 it is 1.2 % above the integral in back-reflection
    s = np.sin(np.radians(TWO_THETA / 2.0)) ** 2
    hewat = np.exp(-(1.7133 - 0.0368 * s) * mu_r + (0.0927 + 0.375 * s) * mu_r**2)
    assert absorption.cylinder_absorption(TWO_THETA, mu_r=mu_r)[0] == pytest.approx(hewat, rel=0.005)


@given(st.floats(0.0, 9.0), st.floats(0.05, 1.0))
def test_a_darker_capillary_lets_less_through_and_least_at_low_angles(mu_r, more):
    angles = np.linspace(0.0, 180.0, 37)
    light, slope = absorption.cylinder_absorption(angles, mu_r=mu_r)
    dark, _ = absorption.cylinder_absorption(angles, mu_r=mu_r + more)
    assert np.all(dark < light)
    assert np.all(slope < 0.0)
    assert np.all(np.diff(dark) > 0.0)


@pytest.mark.parametrize("name", FACTORS)
@pytest.mark.parametrize("x", [1e-4, 4e-3, 0.05, 0.7, 2.5, 6.0])
def test_derivatives_are_finite_differences(name, x):
    step = 1e-4 * max(x, 0.01)
    high, low = FACTORS[name](TWO_THETA, x + step)[0], FACTORS[name](TWO_THETA, x - step)[0]
    assert FACTORS[name](TWO_THETA, x)[1] == pytest.approx((high - low) / (2.0 * step), rel=1e-5, abs=1e-9)


@pytest.mark.parametrize("name", FACTORS)
@pytest.mark.parametrize("x", [-0.1, np.nan, np.inf])
def test_an_impossible_thickness_is_refused(name, x):
    with pytest.raises(UsageError, match=r"not possible|cannot be computed"):
        FACTORS[name](TWO_THETA, x)


def test_transparency_is_refused_where_it_means_nothing():
    with pytest.raises(UsageError, match="Bragg-Brentano geometry only, not in Debye-Scherrer"):
        absorption.transparency_shift(TWO_THETA, geometry="Debye-Scherrer")
    with pytest.raises(UsageError, match="positive µ and goniometer radius"):
        absorption.transparency_amplitude(0.0, 240.0)


@pytest.mark.parametrize("contrast", [-1.0, -0.3, -0.1, 0.01, 0.1, 0.5, 1.0, 3.0])
def test_brindleys_factor_is_the_mean_over_random_points_of_a_sphere(contrast):
    expected, esd = transmission_of_a_sphere(contrast, 0.0)
    factor, _ = microabsorption.brindley_factor(delta_mu=contrast / (2.0 * 5.0 * 1e-4), radius_um=5.0)
    assert abs(factor - expected) < 4.0 * esd


@pytest.mark.parametrize(("contrast", "tolerance"), [(-0.1, 1.1e-3), (0.1, 1.1e-3), (-1.0, 0.115), (1.0, 0.1)])
@pytest.mark.parametrize("two_theta", [30.0, 90.0, 179.0])
def test_the_angle_changes_brindleys_factor_by_no_more_than_its_docstring_says(contrast, tolerance, two_theta):
    expected, esd = transmission_of_a_sphere(contrast, two_theta)
    factor, _ = microabsorption.brindley_factor(delta_mu=contrast / (2.0 * 5.0 * 1e-4), radius_um=5.0)
    assert abs(expected / factor - 1.0) < tolerance + 4.0 * esd


@given(st.floats(-3.0, 20.0))
def test_brindleys_factor_and_derivative_are_their_integrals_over_chords(contrast):
    s, weight = np.polynomial.legendre.leggauss(40)
    s = (s + 1.0) / 2.0
    factor, slope = microabsorption.brindley_factor(delta_mu=contrast * 1e3, radius_um=5.0)
    assert factor == pytest.approx(np.sum(weight * 1.5 * s**2 * np.exp(-contrast * s)), rel=1e-10)
    assert slope == pytest.approx(-np.sum(weight * 1.5 * s**3 * np.exp(-contrast * s)), rel=1e-10)


def test_a_grain_that_absorbs_as_its_neighbours_is_not_hidden():
    assert microabsorption.brindley_factor(delta_mu=0.0, radius_um=20.0) == (1.0, -0.75)
    assert microabsorption.brindley_factor(delta_mu=500.0, radius_um=0.0)[0] == 1.0


def test_brindleys_classes_have_their_published_limits():
    named = [microabsorption.microabsorption_class(delta_mu=-x * 1e3, radius_um=5.0) for x in (0.009, 0.011, 0.099, 0.101, 0.99, 1.01)]
    assert named == ["fine", "medium", "medium", "coarse", "coarse", "very coarse"]


# corundum, magnetite and zircon with Cu Kα, the mixture in which microabsorption is notorious (IUCr round robin, sample 4)
MU, RHO = np.array([125.7, 1160.0, 380.0]), np.array([3.99, 5.20, 4.67])


def observed(true, *, radius_um, mu=MU, rho=RHO):
    """Weights that a refinement finds when every phase's intensity is τ times what it should be."""
    mean = np.sum(true / rho * mu) / np.sum(true / rho)
    factors = [microabsorption.brindley_factor(delta_mu=m - mean, radius_um=r)[0] for m, r in zip(mu, radius_um, strict=True)]
    seen = true * np.array(factors)
    return seen / seen.sum()


fractions = st.tuples(*[st.floats(0.02, 1.0)] * 3).map(lambda w: np.array(w) / sum(w))


@given(fractions, st.tuples(*[st.floats(0.1, 4.5)] * 3))
def test_planted_weights_come_back_from_three_phases_of_very_different_absorption(true, radius_um):
    seen = observed(true, radius_um=radius_um)
    back = microabsorption.microabsorption_correction(seen, absorption=MU, density=RHO, radius_um=radius_um)
    assert back == pytest.approx(true, abs=1e-6)


def test_the_correction_is_worth_making_and_goes_the_right_way():
    true, radius_um = np.array([0.5, 0.2, 0.3]), (3.0, 3.0, 3.0)
    seen = observed(true, radius_um=radius_um)
    assert seen[1] < 0.85 * true[1]
    assert seen[0] > 1.05 * true[0]


@given(fractions, st.floats(0.1, 50.0))
def test_phases_of_one_absorption_need_no_correction_however_coarse(weights, radius_um):
    back = microabsorption.microabsorption_correction(weights, absorption=[126.0] * 3, density=RHO, radius_um=[radius_um] * 3)
    assert back == pytest.approx(weights, rel=1e-7)


@pytest.mark.parametrize("weights", [(50.0, 50.0, 0.0), (100.0, 0.0, 0.0), (100.0, 1e-18, 0.0)])
def test_percent_and_absent_phases_stay_what_they_are(weights):
    back = microabsorption.microabsorption_correction(np.array(weights), absorption=MU, density=RHO, radius_um=[2.0] * 3)
    assert back.sum() == pytest.approx(100.0)
    assert [w == 0.0 for w in back] == [w == 0.0 for w in weights]


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"absorption": [125.0, None, 380.0]}, "absorption coefficient of phase 2 of 3 is not known"),
        ({"density": [4.0, 5.0, -1.0]}, "density of phase 3 of 3 is -1.0, which is not possible"),
        ({"radius_um": [1.0, 1.0, None]}, "particle radius of phase 3 of 3 is not known"),
        ({"radius_um": [1.0, 1.0]}, "one particle radius a phase"),
        ({"radius_um": [1.0, 1.0, 5000.0]}, "between 0 and 100 µm"),
        ({"radius_um": [30.0, 30.0, 30.0]}, "too coarse for any correction"),
        ({"weights": np.array([0.5, -0.1, 0.6])}, "none may be negative"),
        ({"density": [4.0, 5.0]}, "do not make a mixture"),
    ],
)
def test_what_cannot_be_corrected_is_refused_with_a_reason(changed, words):
    given_well = {"weights": np.array([0.5, 0.2, 0.3]), "absorption": MU, "density": RHO, "radius_um": [2.0] * 3} | changed
    with pytest.raises(UsageError, match=words):
        microabsorption.microabsorption_correction(given_well.pop("weights"), **given_well)
