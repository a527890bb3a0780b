"""Tube tails against brute-force convolution and against the transform of xrayutilities."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from xrdkna.errors import UsageError
from xrdkna.physics.aberrations import Aberrations, aberration_node_slopes, aberration_nodes
from xrdkna.physics.profile import pseudo_voigt
from xrdkna.physics.tube_tails import SlopedNodes, TubeTails, nodes_with_tails

LABORATORY = Aberrations(source=0.028, sample=0.034, detector=0.035, soller=5.0, divergence=1.0, transparency=0.004)
TAILS = TubeTails(share=0.06, low=0.7, high=0.5)


def bare_nodes(two_theta=25.0, aberrations=LABORATORY, *, nodes=8, names=()):
    angle = np.atleast_1d(two_theta)
    return SlopedNodes(
        *aberration_nodes(angle, aberrations, nodes=nodes), *aberration_node_slopes(angle, aberrations, names=names, nodes=nodes)
    )


def only_line():
    """One line at one place."""
    return SlopedNodes(np.zeros((1, 1)), np.ones((1, 1)), np.zeros((1, 1, 0)), np.zeros((1, 1, 0)))


def profile(x, nodes, *, fwhm, eta):
    return pseudo_voigt(x[:, None] - nodes.offset[0], fwhm=fwhm, eta=eta) @ nodes.weight[0]


def brute_profile(x, bare, tails, *, fwhm, eta, points=4000):
    """The line, and a share of it moved to every one of thousands of places."""
    even = -tails.low + (tails.low + tails.high) * (np.arange(points) + 0.5) / points
    spread = np.zeros(x.size)
    for place, weight in zip(bare.offset[0], bare.weight[0], strict=True):
        spread += weight * pseudo_voigt(x[:, None] - place - even, fwhm=fwhm, eta=eta).mean(axis=1)
    return (1.0 - tails.share) * profile(x, bare, fwhm=fwhm, eta=eta) + tails.share * spread


@pytest.mark.parametrize("eta", [0.0, 1.0])
@pytest.mark.parametrize("fwhm", [0.4, 0.1, 0.05])
@pytest.mark.parametrize(
    "tails",
    [TAILS, TubeTails(share=0.3, low=0.05, high=0.05), TubeTails(share=0.3, low=0.3), TubeTails(share=0.02, high=2.5)],
    ids=lambda tails: f"{tails.share} from -{tails.low} to {tails.high}",
)
def test_the_nodes_give_the_convolution_within_a_five_hundredth_of_the_peak(tails, fwhm, eta):
    bare = bare_nodes()
    x = np.linspace(bare.offset.min() - tails.low - 2 * fwhm, bare.offset.max() + tails.high + 2 * fwhm, 400)
    truth = brute_profile(x, bare, tails, fwhm=fwhm, eta=eta)
    number, nodes = nodes_with_tails(bare, tails, fwhm=np.array([fwhm]))
    assert np.max(np.abs(profile(x, nodes, fwhm=fwhm, eta=eta) - truth)) < 2e-3 * truth.max()
    assert np.max(np.abs(profile(x, bare, fwhm=fwhm, eta=eta) - truth)) > 4e-3 * truth.max()
    assert number[0] <= nodes.offset.shape[1] < 200


def test_between_its_ends_the_pedestal_does_not_ripple():
    tails = TubeTails(share=0.3, low=3.0, high=3.0)
    _, nodes = nodes_with_tails(only_line(), tails, fwhm=np.array([0.1]))
    x = np.linspace(1.5, 2.0, 200)
    without = profile(x, only_line(), fwhm=0.1, eta=1.0) * 0.7
    height = profile(x, nodes, fwhm=0.1, eta=1.0) - without
    truth = brute_profile(x, only_line(), tails, fwhm=0.1, eta=1.0, points=20_000) - without
    assert height == pytest.approx(truth, rel=5e-3)


@pytest.mark.parametrize(("left", "right"), [(-1.0, 1.5), (-2.0, 0.5)])
def test_the_tails_are_those_of_xrayutilities(left, right):
    """Mendenhall, Mullen & Cline's transform: its main part is a box, its tails have a height beside that of the box; millimetres at a
    radius. Compared folded with a Gaussian, with the box as narrow as to be a delta."""
    from xrayutilities.simpack.powder import FP_profile

    radius, main, height, fwhm = 217.5, 0.02, 4e-4, 0.1
    engine = FP_profile(anglemode="twotheta", oversampling=4, gaussian_smoother_bins_sigma=1.0)
    engine.set_window(twotheta_output_points=4001, twotheta_window_center_deg=60.0, twotheta_window_fullwidth_deg=4.0)
    engine.set_parameters(convolver="global", diffractometer_radius=radius, twotheta0_deg=60.0)
    engine.set_parameters(convolver="tube_tails", main_width=main, tail_left=left, tail_right=right, tail_intens=height)
    area = height * (right - left) / main
    share = area / (1.0 + area)
    sigma = math.radians(fwhm) / math.sqrt(8.0 * math.log(2.0))
    transform = np.conj(engine.conv_tube_tails()) / (1.0 + area) * np.exp(-0.5 * (engine.omega_vals * sigma) ** 2)
    x = np.linspace(-1.2, 1.2, 300)
    omega = np.asarray(engine.omega_vals)
    density = np.trapezoid(np.real(transform * np.exp(1j * np.outer(np.radians(x), omega))), omega, axis=1) / math.pi * math.pi / 180.0
    tails = TubeTails(share=share, low=-math.degrees(left / radius), high=math.degrees(right / radius))
    _, nodes = nodes_with_tails(only_line(), tails, fwhm=np.array([fwhm]))
    assert share > 0.03
    assert np.abs(profile(x, nodes, fwhm=fwhm, eta=0.0) - density).max() < 2e-3 * density.max()


@given(st.floats(0.0, 0.3), st.floats(0.0, 3.0), st.floats(0.0, 3.0), st.floats(0.02, 1.0))
def test_weights_share_one_line_and_the_first_moment_is_exact(share, low, high, fwhm):
    bare = bare_nodes()
    number, nodes = nodes_with_tails(bare, TubeTails(share=share, low=low, high=high), fwhm=np.array([fwhm]))
    weight, offset = nodes.weight[0], nodes.offset[0]
    assert np.all(weight >= -1e-9)
    assert np.array_equal(weight[number[0] :], np.zeros(weight.size - number[0]))
    assert weight.sum() == pytest.approx(1.0, abs=1e-8)
    assert number[0] < 420
    mean = float(np.sum(bare.weight * bare.offset)) + share * (high - low) / 2.0
    assert np.sum(weight * offset) == pytest.approx(mean, abs=1e-6)


@pytest.mark.parametrize("name", ["share", "low", "high", "transparency", "source"])
@pytest.mark.parametrize("fwhm", [0.3, 0.08])
def test_a_profile_follows_the_slopes(name, fwhm):
    x = np.linspace(-1.5, 1.2, 300)

    def line(tails, aberrations):
        return profile(x, nodes_with_tails(bare_nodes(aberrations=aberrations), tails, fwhm=np.array([fwhm]))[1], fwhm=fwhm, eta=0.5)

    own = name in ("share", "low", "high")
    step = 1e-4 * getattr(TAILS if own else LABORATORY, name)
    ends = []
    for sign in (1.0, -1.0):
        change = {name: getattr(TAILS if own else LABORATORY, name) + sign * step}
        ends.append(line(replace(TAILS, **change), LABORATORY) if own else line(TAILS, replace(LABORATORY, **change)))
    difference = (ends[0] - ends[1]) / (2.0 * step)
    _, nodes = nodes_with_tails(bare_nodes(names=("transparency", "source")), TAILS, fwhm=np.array([fwhm]))
    column = ("transparency", "source", "share", "low", "high").index(name)
    moved = 1e-7
    slope = (
        pseudo_voigt(x[:, None] - nodes.offset[0] - moved * nodes.by_offset[0, :, column], fwhm=fwhm, eta=0.5)
        @ (nodes.weight[0] + moved * nodes.by_weight[0, :, column])
        - profile(x, nodes, fwhm=fwhm, eta=0.5)
    ) / moved
    assert np.abs(slope - difference).max() < 2e-3 * np.abs(difference).max()


@given(st.floats(0.1, 2.0), st.floats(0.1, 2.0), st.floats(0.03, 0.3))
def test_where_an_end_moves_by_little_the_profile_does(low, high, fwhm):
    """Also where a node more is needed: a solver that follows slopes must not meet a step."""
    x = np.linspace(-2.5, 2.5, 400)
    before, after = (
        nodes_with_tails(only_line(), TubeTails(share=0.05, low=low + more, high=high), fwhm=np.array([fwhm]))[1] for more in (0.0, 1e-6)
    )
    assume(np.diff(before.offset[0, 1:3])[0] == pytest.approx(np.diff(after.offset[0, 1:3])[0]))
    change = profile(x, after, fwhm=fwhm, eta=0.5) - profile(x, before, fwhm=fwhm, eta=0.5)
    # what leaves the rest of the pedestal, and what the end gains
    assert np.abs(change).max() < 2e-6 * 0.05 / (low + high) * pseudo_voigt(np.zeros(1), fwhm=fwhm, eta=0.5)[0] + 1e-12


def test_with_no_share_the_line_is_as_it_was_and_has_a_slope():
    bare = bare_nodes(nodes=5)
    _, nodes = nodes_with_tails(bare, TubeTails(share=0.0, low=0.5, high=0.5), fwhm=np.array([0.1]))
    assert np.array_equal(nodes.weight[:, :5], bare.weight)
    assert np.array_equal(nodes.weight[:, 5:], np.zeros_like(nodes.weight[:, 5:]))
    assert nodes.by_weight[0, 5:, 0].sum() == pytest.approx(1.0)
    assert nodes.by_weight[0, :5, 0].sum() == pytest.approx(-1.0)


def test_lines_of_different_widths_get_grids_of_their_own():
    bare = bare_nodes(np.array([30.0, 30.0, 90.0]))
    number, _ = nodes_with_tails(bare, TAILS, fwhm=np.array([0.05, 0.2, 0.05]))
    assert number[0] > 2 * number[1]
    assert abs(number[2] - number[0]) < 10


@pytest.mark.parametrize(("change", "words"), [({"share": 0.4}, "share"), ({"low": -0.1}, "below"), ({"high": math.nan}, "above")])
def test_impossible_tails_are_named(change, words):
    with pytest.raises(UsageError, match=words):
        TubeTails(**change)


def test_a_line_without_a_width_is_refused():
    with pytest.raises(UsageError, match="full width"):
        nodes_with_tails(only_line(), TAILS, fwhm=np.zeros(1))
