"""Aberrations against rays traced one by one, against depths summed, and against the convolutions of xrayutilities."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq

from xrdkna.errors import UsageError
from xrdkna.physics.aberrations import (
    MOST_NODES,
    Aberrations,
    aberration_node_slopes,
    aberration_nodes,
    aberration_nodes_needed,
)
from xrdkna.physics.axial import axial_node_derivatives, axial_nodes
from xrdkna.physics.gauss_sum import gauss_rule_of_sum
from xrdkna.physics.profile import pseudo_voigt

LABORATORY = Aberrations(source=0.028, sample=0.034, detector=0.035, soller=5.0, divergence=1.0, transparency=0.004)
ALL = tuple(LABORATORY.__dataclass_fields__)


def one_line(two_theta, aberrations, nodes):
    offset, weight = aberration_nodes(np.array([two_theta]), aberrations, nodes=nodes)
    return offset[0], weight[0]


def moments(offset, weight):
    """Mean, standard deviation and third central moment."""
    mean = float(np.sum(weight * offset))
    return mean, math.sqrt(float(np.sum(weight * (offset - mean) ** 2))), float(np.sum(weight * (offset - mean) ** 3))


def two_beam_rays(two_theta, aberrations, count=600_000):
    """Offsets and shares of rays from points of the source over points of the specimen into the slit, the azimuth around the incident
    ray even. Vectors only: the goniometer axis is z, the detector a cylinder of radius 1."""
    rng = np.random.default_rng(7)
    angle = math.radians(two_theta)
    start = rng.uniform(-aberrations.source, aberrations.source, count)
    hit = rng.uniform(-aberrations.sample, aberrations.sample, count)
    rise = hit - start
    ray = np.array([np.ones(count), np.zeros(count), rise]) / np.hypot(1.0, rise)
    level, up = np.array([[0.0], [1.0], [0.0]]), np.array([-ray[2], np.zeros(count), ray[0]])
    widest = min(1.5 * (aberrations.source + 2 * aberrations.sample + aberrations.detector) / math.sin(angle), 1.0) * math.pi / 2
    azimuth = rng.uniform(-widest, widest, count)
    out = math.cos(angle) * ray + math.sin(angle) * (level * np.cos(azimuth) + up * np.sin(azimuth))
    slope = out[2] / np.hypot(out[0], out[1])
    share = (np.abs(hit + slope) <= aberrations.detector).astype(float)
    if aberrations.soller:
        limit = math.radians(aberrations.soller) / 2
        share *= np.clip(1 - np.abs(rise) / limit, 0, 1) * np.clip(1 - np.abs(slope) / limit, 0, 1)
    return np.degrees(np.arctan2(out[1], out[0]) - angle), share / share.sum()


@pytest.mark.parametrize(
    ("two_theta", "aberrations"),
    [
        (21.4, Aberrations(source=0.0276, sample=0.0345, detector=0.0345, soller=6.776)),
        (21.4, Aberrations(source=0.0276, sample=0.0345, detector=0.0345)),
        (60.0, Aberrations(source=0.02, sample=0.01, detector=0.04)),
        (92.0, Aberrations(source=0.03, sample=0.02, detector=0.04)),
        (140.0, Aberrations(source=0.01, sample=0.03, detector=0.02, soller=4.0)),
        (8.0, Aberrations(source=0.03, sample=0.03, detector=0.03)),
    ],
)
def test_two_diverging_beams_spread_a_line_as_traced_rays_do(two_theta, aberrations):
    offset, share = two_beam_rays(two_theta, aberrations)
    mean, sd, third = moments(offset, share)
    chance = sd * math.sqrt(np.sum(share**2))
    found = moments(*one_line(two_theta, aberrations, 8))
    assert found[0] == pytest.approx(mean, abs=4 * chance)
    assert found[1] == pytest.approx(sd, rel=0.015)
    assert math.copysign(abs(found[2]) ** (1 / 3), found[2]) == pytest.approx(math.copysign(abs(third) ** (1 / 3), third), rel=0.03)
    parallel = one_line(two_theta, replace(aberrations, source=0.0), 1)[0][0]
    assert abs(parallel - mean) > 20 * chance


@pytest.mark.parametrize("two_theta", [20.0, 45.0, 100.0])
@pytest.mark.parametrize("divergence", [0.3, 1.0, 2.0])
def test_a_flat_specimen_spreads_a_line_as_traced_rays_do(two_theta, divergence):
    """Source and detector on a circle of radius 1 at the same angle to the surface; a ray leaves the source beside the middle one,
    meets the plane, turns by 2θ and is seen where both angles let it meet the detector."""

    def missed(turn, aside, theta):
        angle = theta + turn / 2.0
        source = np.array([-math.cos(angle), math.sin(angle)])
        down = angle + aside
        hit = source[0] + source[1] / math.tan(down)
        out = 2 * theta - down
        # where the ray from (hit, 0) crosses the circle
        along = -hit * math.cos(out) + math.sqrt(1.0 - (hit * math.sin(out)) ** 2)
        return math.atan2(along * math.sin(out), hit + along * math.cos(out)) - angle

    theta, opening = math.radians(two_theta) / 2.0, math.radians(divergence)
    aside = opening * ((np.arange(400) + 0.5) / 400 - 0.5)
    traced = np.degrees([brentq(missed, -0.1, 0.1, args=(one, theta)) for one in aside])
    truth = moments(traced, np.full(400, 1 / 400))
    found = moments(*one_line(two_theta, Aberrations(divergence=divergence), 6))
    assert found[:2] == pytest.approx(truth[:2], rel=0.01 * max(divergence, 0.5) ** 2 / math.tan(theta))
    assert found[0] == pytest.approx(-math.degrees(opening**2 / 6.0 / math.tan(theta)), rel=1e-12)


@pytest.mark.parametrize("two_theta", [15.0, 90.0, 150.0])
def test_transparency_is_the_sum_over_depths(two_theta):
    """From depth z, weakened on its way by exp(−2µz/sin θ), a line is displaced by −2z cos θ/R."""
    mu, radius, theta = 5.0, 200.0, math.radians(two_theta) / 2.0
    depth = (np.arange(200_000) + 0.5) / 200_000 * 20.0 * math.sin(theta) / (2.0 * mu)
    share = np.exp(-2.0 * mu * depth / math.sin(theta))
    truth = moments(np.degrees(-2.0 * depth * math.cos(theta) / radius), share / share.sum())
    found = moments(*one_line(two_theta, Aberrations(transparency=math.degrees(1.0 / (2.0 * mu * radius))), 5))
    assert found == pytest.approx(truth, rel=1e-4)


@pytest.mark.parametrize("two_theta", [22.0, 45.0, 110.0])
def test_the_two_beams_of_xrayutilities_have_the_same_mean_and_width(two_theta):
    """Cheary & Coelho (1998) as Mendenhall, Mullen & Cline (2015) coded it; its sum over the incident slopes has forty steps."""
    from xrayutilities.simpack.powder import FP_profile

    engine = FP_profile(anglemode="twotheta", oversampling=2, gaussian_smoother_bins_sigma=1.0)
    engine.set_window(twotheta_output_points=6001, twotheta_window_center_deg=two_theta, twotheta_window_fullwidth_deg=6.0)
    bins = engine.twothetasamples - math.radians(two_theta)
    total = engine.full_axdiv_I3(
        Lx=12.0, Ls=15.0, Lr=15.1, R=217.5, twotheta=math.radians(two_theta), epsvals=bins, sollerIdeg=6.776, sollerDdeg=6.776, nsteps=40
    )
    truth = moments(np.degrees(bins), total / total.sum())
    aberrations = Aberrations(source=6.0 / 217.5, sample=7.5 / 217.5, detector=7.55 / 217.5, soller=6.776)
    assert moments(*one_line(two_theta, aberrations, 8))[:2] == pytest.approx(truth[:2], rel=0.02)


@given(st.floats(12.0, 168.0), st.sampled_from([1, 2, 5, 12]))
def test_means_variances_and_third_moments_of_the_parts_add_up(two_theta, nodes):
    axial = replace(LABORATORY, divergence=0.0, transparency=0.0)
    parts = [axial, Aberrations(divergence=1.0), Aberrations(transparency=0.004)]
    found = moments(*one_line(two_theta, LABORATORY, nodes))
    each = [moments(*one_line(two_theta, part, nodes)) for part in parts]
    assert found[0] == pytest.approx(sum(mean for mean, _, _ in each), rel=1e-9)
    if nodes > 1:
        assert found[1] ** 2 == pytest.approx(sum(sd**2 for _, sd, _ in each), rel=1e-9)
        assert found[2] == pytest.approx(sum(third for _, _, third in each), rel=1e-8, abs=1e-12)


@given(st.floats(15.0, 165.0), st.sampled_from(list(range(2, MOST_NODES + 1))))
def test_one_node_is_the_mean_and_weights_share_one_line(two_theta, nodes):
    offset, weight = one_line(two_theta, LABORATORY, nodes)
    single, one = one_line(two_theta, LABORATORY, 1)
    assert np.all(weight >= 0.0)
    assert weight.sum() == pytest.approx(1.0, abs=1e-12)
    assert np.all(np.diff(offset) >= 0.0)
    assert one == [1.0]
    # rays for one node are integrated with fewer points than for forty; 5e-6 degrees are 0.1 ppm of a lattice parameter
    assert single[0] == pytest.approx(np.sum(weight * offset), abs=5e-6)


def test_a_parallel_beam_is_finger_cox_and_jephcoat_and_wide_sollers_change_nothing():
    angle = np.array([12.0, 30.0, 88.0, 150.0])
    plain = aberration_nodes(angle, Aberrations(sample=0.02, detector=0.03), nodes=6)
    known = axial_nodes(angle, sample=0.02, detector=0.03, nodes=6)
    assert all(a == pytest.approx(b, rel=1e-12) for a, b in zip(plain, known, strict=True))
    for two_theta in (12.0, 30.0, 150.0):
        bare = moments(*one_line(two_theta, Aberrations(sample=0.02, detector=0.03), 8))
        mean, sd, _ = moments(*one_line(two_theta, Aberrations(sample=0.02, detector=0.03, soller=59.9), 8))
        assert 0.8 * abs(bare[0]) < abs(mean) < abs(bare[0])
        assert 0.8 * bare[1] < sd < bare[1]


def test_nothing_at_all_moves_nothing():
    offset, weight = aberration_nodes(np.array([20.0, 90.0]), Aberrations(), nodes=3)
    assert np.array_equal(offset, np.zeros((2, 3)))
    assert np.allclose(weight.sum(axis=1), 1.0)
    assert aberration_nodes_needed(np.array([20.0]), Aberrations(), fwhm=np.array([0.01])).tolist() == [1]


def brute_profile(x, two_theta, aberrations, *, fwhm, eta):
    """The line as the convolution of every part with every other, each at hundreds of points."""
    axial = replace(aberrations, divergence=0.0, transparency=0.0)
    offset, share = one_line(two_theta, axial, MOST_NODES)
    theta = math.radians(two_theta) / 2.0
    even = (np.arange(200) + 0.5) / 200
    flat = -np.degrees(np.radians(aberrations.divergence) ** 2 / 2.0 / math.tan(theta)) * even**2
    even = (np.arange(2000) + 0.5) / 2000
    tail = aberrations.transparency * math.sin(2 * theta) * np.log(1.0 - even)
    tail = tail.reshape(250, 8).mean(axis=1)
    places = (offset[:, None, None] + flat[None, :, None] + tail[None, None, :]).ravel()
    shares = np.repeat(share, 200 * 250) / (200 * 250)
    counts, edges = np.histogram(places, bins=1200, weights=shares)
    first, _ = np.histogram(places, bins=edges, weights=shares * places)
    seen = counts > 0
    return pseudo_voigt(x[:, None] - (first[seen] / counts[seen])[None, :], fwhm=fwhm, eta=eta) @ counts[seen]


@pytest.mark.parametrize("eta", [0.3, 1.0])
@pytest.mark.parametrize("fwhm", [0.6, 0.15, 0.06])
@pytest.mark.parametrize(
    ("two_theta", "aberrations"),
    [(21.4, LABORATORY), (120.0, LABORATORY), (35.0, Aberrations(sample=0.02, detector=0.02, transparency=0.06))],
)
def test_the_nodes_asked_for_give_the_convolution_within_a_five_hundredth_of_the_peak(two_theta, aberrations, fwhm, eta):
    nodes = int(aberration_nodes_needed(np.array([two_theta]), aberrations, fwhm=np.array([fwhm]))[0])
    offset, weight = one_line(two_theta, aberrations, nodes)
    x = np.linspace(offset.min() - 2 * fwhm, max(offset.max(), 0.0) + 2 * fwhm, 300)
    truth = brute_profile(x, two_theta, aberrations, fwhm=fwhm, eta=eta)
    found = pseudo_voigt(x[:, None] - offset[None, :], fwhm=fwhm, eta=eta) @ weight
    error = np.max(np.abs(found - truth))
    assert error < 2e-3 * truth.max()
    bare = pseudo_voigt(x, fwhm=fwhm, eta=eta)
    assert np.max(np.abs(bare - truth)) > 5.0 * error


@pytest.mark.parametrize("fwhm", [0.1, 0.05])
def test_half_the_nodes_asked_for_are_not_enough(fwhm):
    needed = int(aberration_nodes_needed(np.array([21.4]), LABORATORY, fwhm=np.array([fwhm]))[0])
    x = np.linspace(-1.0, 0.3, 500)
    truth = brute_profile(x, 21.4, LABORATORY, fwhm=fwhm, eta=1.0)
    offset, weight = one_line(21.4, LABORATORY, needed // 2)
    assert np.max(np.abs(pseudo_voigt(x[:, None] - offset, fwhm=fwhm, eta=1.0) @ weight - truth)) > 2e-3 * truth.max()


@settings(max_examples=20)
@given(st.floats(15.0, 80.0), st.sampled_from([1, 3, 7]))
def test_slopes_by_differences_are_the_analytic_ones(two_theta, nodes):
    """A slope by one more name is asked for, so that none is analytic."""
    aberrations, angle = Aberrations(sample=0.02, detector=0.03), np.array([two_theta])
    names = ("detector", "sample")
    known = aberration_node_slopes(angle, aberrations, names=names, nodes=nodes)
    found = aberration_node_slopes(angle, aberrations, names=(*names, "divergence"), nodes=nodes)
    for analytic, difference in zip(known, found, strict=True):
        assert difference[..., :2] == pytest.approx(analytic, rel=1e-4, abs=1e-5 * np.abs(analytic).max() + 1e-9)
    by_sample = axial_node_derivatives(angle, sample=0.02, detector=0.03, nodes=nodes)[0]
    assert np.array_equal(known[0][..., 1], by_sample)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("nodes", [1, 4, 9])
def test_a_profile_follows_the_slopes(name, nodes):
    """A step forty times that of the difference quotients leads where they say."""
    two_theta, x = 25.0, np.linspace(-0.8, 0.4, 200)
    by_offset, by_weight = aberration_node_slopes(np.array([two_theta]), LABORATORY, names=(name,), nodes=nodes)
    offset, weight = one_line(two_theta, LABORATORY, nodes)
    step = 4e-3 * getattr(LABORATORY, name)

    def line(places, shares):
        return pseudo_voigt(x[:, None] - places, fwhm=0.15, eta=0.5) @ shares

    ahead, behind = (line(*one_line(two_theta, replace(LABORATORY, **{name: getattr(LABORATORY, name) + s}), nodes)) for s in (step, -step))
    along = line(offset + step * by_offset[0, :, 0], weight + step * by_weight[0, :, 0])
    back = line(offset - step * by_offset[0, :, 0], weight - step * by_weight[0, :, 0])
    assert np.abs(along - back - (ahead - behind)).max() < 5e-3 * np.abs(ahead - behind).max()


def test_transparency_has_a_slope_at_zero_and_heights_have_none():
    by_offset, by_weight = aberration_node_slopes(np.array([40.0]), Aberrations(), names=("transparency", "divergence"), nodes=1)
    assert by_offset[0, 0] == pytest.approx([-math.sin(math.radians(40.0)), 0.0], abs=1e-3)
    assert np.array_equal(by_weight, np.zeros((1, 1, 2)))


@pytest.mark.parametrize("nodes", [1, 3, 8])
@pytest.mark.parametrize(
    "aberrations", [LABORATORY, Aberrations(sample=0.03, detector=0.02, transparency=0.02), Aberrations(divergence=1.0)]
)
def test_many_lines_at_once_are_the_same_as_each_alone(aberrations, nodes):
    """Interpolated between angles where they stand close."""
    angle = np.linspace(18.0, 160.0, 700)
    offset, weight = aberration_nodes(angle, aberrations, nodes=nodes)
    for i in range(0, 700, 37):
        alone, share = one_line(float(angle[i]), aberrations, nodes)
        spread = max(float(np.abs(alone).max()), 1e-3)
        assert offset[i] == pytest.approx(alone, abs=3e-4 * spread)
        assert weight[i] == pytest.approx(share, abs=3e-4)
        assert np.sum(offset[i] * weight[i]) == pytest.approx(np.sum(alone * share), abs=3e-6)


@given(
    st.lists(st.floats(-5.0, 5.0), min_size=3, max_size=9, unique=True), st.lists(st.floats(-1.0, 1.0), min_size=3, max_size=9, unique=True)
)
def test_the_rule_of_a_sum_has_its_moments(first, second):
    x, y = np.array([first]), np.array([second])
    u, v = np.full(x.shape, 1.0 / x.size), np.full(y.shape, 1.0 / y.size)
    node, weight = gauss_rule_of_sum(x, u, y, v, 3)
    total = (x[0][:, None] + y[0]).ravel()
    for power in range(6):
        rounding = 1e-7 * np.mean(np.abs(total) ** power) + 1e-9
        assert np.sum(weight * node**power) == pytest.approx(np.mean(total**power), abs=rounding)


def test_a_sum_with_fewer_values_than_nodes_is_kept_as_it_is():
    node, weight = gauss_rule_of_sum(np.array([[1.0, 3.0]]), np.array([[0.25, 0.75]]), np.zeros((1, 1)), np.ones((1, 1)), 4)
    assert node[0, :2] == pytest.approx([1.0, 3.0])
    assert weight[0] == pytest.approx([0.25, 0.75, 0.0, 0.0], abs=1e-12)


@pytest.mark.parametrize(
    ("change", "words"),
    [({"source": 0.4}, "source"), ({"sample": -0.1}, "sample"), ({"divergence": 12.0}, "divergence"), ({"soller": math.nan}, "soller")],
)
def test_impossible_aberrations_are_named(change, words):
    with pytest.raises(UsageError, match=words):
        Aberrations(**change)


def test_impossible_counts_and_widths_are_named():
    with pytest.raises(UsageError, match="nodes"):
        aberration_nodes(np.array([20.0]), LABORATORY, nodes=MOST_NODES + 1)
    with pytest.raises(UsageError, match="full width"):
        aberration_nodes_needed(np.array([20.0]), LABORATORY, fwhm=np.array([0.0]))
