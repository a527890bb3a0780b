"""Tube tails in a fit: planted by convolution and found again; none where there are none."""

import math
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.special import voigt_profile

sys.path.insert(0, str(Path(__file__).parent))
from conftest import INSTRUMENT, cubic_phase, pattern_of

from xrdkna.errors import RecipeError
from xrdkna.records.instrument import InstrumentProfile
from xrdkna.refine.forward.build import build_model
from xrdkna.refine.forward.model import calculate, calculate_with_jacobian
from xrdkna.refine.refine import refine_pattern
from xrdkna.refine.settings import ParameterChoice, RefineSettings

TWO_THETA = np.arange(18.0, 120.0, 0.02)
PHASE = cubic_phase("Prim", 4.0, centring="P", mass=60.0, decay=1.0)
CELL = 4.0013
TRUTH = {"tail_share": 0.05, "tail_low": 0.8, "tail_high": 0.5}
OPEN = {name: ParameterChoice(vary=True) for name in TRUTH}


def planted(*, share, low, high, seed, counts=1e5):
    """Counts of the phase with Voigt lines, a share of each moved to every one of 600 places."""
    expected = np.full(TWO_THETA.size, 300.0)
    even = -low + (low + high) * (np.arange(600) + 0.5) / 600
    for hkl, multiplicity, f_squared in zip(PHASE.hkl, PHASE.multiplicity, PHASE.f_squared, strict=True):
        d = CELL / np.sqrt(float(np.sum(hkl**2)))
        for line in INSTRUMENT.radiation.lines:
            if line.wavelength / (2 * d) >= 0.87:
                continue
            theta = math.asin(line.wavelength / (2 * d))
            lp = (1 + math.cos(2 * theta) ** 2) / 2 / (math.sin(theta) ** 2 * math.cos(theta))
            away = TWO_THETA - math.degrees(2 * theta)
            widths = (0.06 / 2.3548, 0.03 / 2 / math.cos(theta))
            shape = (1.0 - share) * voigt_profile(away, *widths)
            shape += share * voigt_profile(away[:, None] - even, *widths).mean(axis=1)
            expected += counts * 1e-5 * multiplicity * f_squared * lp * line.weight * shape
    return pattern_of(TWO_THETA, np.random.default_rng(seed).poisson(expected).astype(float))


@pytest.fixture(scope="module")
def tailed():
    return planted(share=TRUTH["tail_share"], low=TRUTH["tail_low"], high=TRUTH["tail_high"], seed=5)


@pytest.fixture(scope="module")
def clean():
    return planted(share=0.0, low=0.8, high=0.5, seed=6)


def refined(pattern, parameters):
    return refine_pattern(pattern, [PHASE], RefineSettings(texture="none", parameters=parameters), fwhm=0.09)


def held(**values):
    return {name: ParameterChoice(value=value, vary=False) for name, value in values.items()}


def test_tails_are_found_again_within_their_esds_and_make_the_fit_good(tailed):
    fit, without = refined(tailed, OPEN), refined(tailed, {})
    for name, truth in TRUTH.items():
        found = fit.parameter(name).value
        assert abs(found.value - truth) < 3.0 * found.esd, name
        assert found.esd < 0.05 * truth
    edge = fit.parameter("a_Prim").value
    assert abs(edge.value - CELL) < 3.0 * edge.esd
    assert fit.gof < 1.05
    assert without.gof > 1.3 * fit.gof


def test_a_scan_without_tails_shows_none(clean):
    share = refined(clean, held(tail_low=0.8, tail_high=0.5) | {"tail_share": ParameterChoice(vary=True)}).parameter("tail_share").value
    assert share.value < 3.0 * share.esd
    assert 0.0 < share.esd < 0.002
    # wherever they would end
    assert refined(clean, OPEN).parameter("tail_share").value.value < 0.003


def model_with(parameters, *, profile=None):
    pattern = pattern_of(TWO_THETA, np.full(TWO_THETA.size, 100.0))
    return build_model(pattern, [PHASE], fwhm=0.1, settings=RefineSettings(texture="none", parameters=parameters, profile=profile))


def values_of(model, **values):
    full = model.layout.starts()
    for name, value in ({"scale_Prim": 2.0} | values).items():
        full[model.layout.index[name]] = value
    return full


@pytest.mark.parametrize("name", [*TRUTH, "transparency"])
def test_the_pattern_follows_the_derivatives(name):
    model = model_with(OPEN | {"transparency": ParameterChoice(vary=True)})
    values = values_of(model, **TRUTH, transparency=0.02)
    place = model.layout.index[name]
    rows = np.full(values.size, -1, dtype=np.int64)
    rows[place] = 0
    _, jacobian = calculate_with_jacobian(model, values, rows, 1)
    reach = np.full_like(calculate(model, values).reach, 360.0)
    step = 1e-4 * values[place]
    up, down = values.copy(), values.copy()
    up[place] += step
    down[place] -= step
    difference = (calculate(model, up, reach=reach).calculated - calculate(model, down, reach=reach).calculated) / (2.0 * step)
    # derivatives end at 16 full widths beyond the outermost node
    assert np.abs(jacobian[0] - difference).max() < 5e-3 * np.abs(difference).max()


def test_a_share_of_nothing_leaves_the_pattern_as_it_is_and_costs_no_node():
    known = held(sample_height=0.03, detector_height=0.02)
    plain = model_with(known)
    neutral = model_with(known | held(tail_share=0.0, tail_low=0.8, tail_high=0.5))
    ends = {"sample_height": 0.03, "detector_height": 0.02}
    before, after = plain.spread.nodes(values_of(plain, **ends)), neutral.spread.nodes(values_of(neutral, **ends, tail_low=0.8))
    for old, new in zip(before, after, strict=True):
        assert np.array_equal(old, new)
    assert model_with({}).spread is None


def test_a_machine_profile_brings_its_tails():
    model = model_with({}, profile=InstrumentProfile(u=0.0, v=0.0, w=0.01, tail_share=0.05, tail_low=0.8, tail_high=0.5))
    nodes = model.spread.nodes(model.layout.starts())
    assert nodes.number.min() > 10
    assert np.sum(nodes.weight * nodes.offset, axis=1) == pytest.approx(0.05 * (0.5 - 0.8) / 2.0)
    assert model.spread.moving == ()


@pytest.mark.parametrize(
    ("choices", "words"),
    [
        ({"tail_share": ParameterChoice(vary=True)}, "tail_low and tail_high are held at 0"),
        ({"tail_low": ParameterChoice(vary=True)}, "tail_share is held at 0"),
    ],
)
def test_tails_that_cannot_be_seen_are_refused(choices, words, clean):
    with pytest.raises(RecipeError, match=words):
        refined(clean, choices)
