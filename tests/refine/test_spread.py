"""Lines spread by the aberrations of a machine: planted by convolution, found again by the fit."""

import math
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from scipy.special import voigt_profile
from scipy.stats import qmc

sys.path.insert(0, str(Path(__file__).parent))
from conftest import INSTRUMENT, cubic_phase, pattern_of

from xrdkna.errors import RecipeError, UsageError
from xrdkna.physics.radiation import radiation_from_text
from xrdkna.records.instrument import Instrument, InstrumentProfile
from xrdkna.refine.forward.build import build_model
from xrdkna.refine.forward.model import calculate
from xrdkna.refine.refine import refine_pattern
from xrdkna.refine.settings import ParameterChoice, RefineSettings

TWO_THETA = np.arange(18.0, 120.0, 0.02)
PHASE = cubic_phase("Prim", 4.0, centring="P", mass=60.0, decay=1.0)
CELL = 4.0013
HELD = {"source_height": 0.02, "sample_height": 0.03, "detector_height": 0.025, "divergence": 1.0, "transparency": 0.03}


def held(**values):
    return {name: ParameterChoice(value=value) for name, value in values.items()}


def settings_with(parameters):
    return RefineSettings(texture="none", parameters={"zero": ParameterChoice(value=0.0, vary=False), **parameters})


@cache
def even_points():
    """(n, 5) in 0 … 1; a fifth of the rays from them is caught, and fewer leave noise of their own in the pattern."""
    return qmc.Sobol(5, seed=3).random_base2(19)


def rays(two_theta, *, source, sample, detector, divergence, transparency):
    """Offsets (degrees) of rays from the source over the specimen into the slit, all steps evenly filled. Axially by vectors (the
    goniometer axis is z, the detector a cylinder of radius 1, the azimuth around the incident ray even), the rest by the formulas of
    the papers."""
    even = even_points()
    angle = math.radians(two_theta)
    start, hit = source * (2.0 * even[:, 0] - 1.0), sample * (2.0 * even[:, 1] - 1.0)
    rise, nothing = hit - start, np.zeros(start.size)
    ray = np.array([np.ones(start.size), nothing, rise]) / np.hypot(1.0, rise)
    azimuth = 1.2 * (source + 2.0 * sample + detector) / math.sin(angle) * (2.0 * even[:, 2] - 1.0)
    across = np.array([[0.0], [1.0], [0.0]]) * np.cos(azimuth) + np.array([-ray[2], nothing, ray[0]]) * np.sin(azimuth)
    out = math.cos(angle) * ray + math.sin(angle) * across
    caught = np.abs(hit + out[2] / np.hypot(out[0], out[1])) <= detector
    axial = np.arctan2(out[1], out[0]) - angle
    flat = -((math.radians(divergence) * even[:, 3]) ** 2) / 2.0 / math.tan(angle / 2.0)
    return (np.degrees(axial + flat) + transparency * math.sin(angle) * np.log1p(-even[:, 4]))[caught]


def planted(spread, *, seed, counts=1e4):
    """Counts of the phase with Voigt lines on 512 quantiles of the traced offsets."""
    expected = np.full(TWO_THETA.size, 200.0)
    for hkl, multiplicity, f_squared in zip(PHASE.hkl, PHASE.multiplicity, PHASE.f_squared, strict=True):
        d = CELL / np.sqrt(float(np.sum(hkl**2)))
        for line in INSTRUMENT.radiation.lines:
            if line.wavelength / (2 * d) >= 0.87:
                continue
            theta = math.asin(line.wavelength / (2 * d))
            lp = (1 + math.cos(2 * theta) ** 2) / 2 / (math.sin(theta) ** 2 * math.cos(theta))
            parts = np.array_split(np.sort(rays(math.degrees(2 * theta), **spread)), 512)
            for place in math.degrees(2 * theta) + np.array([part.mean() for part in parts]):
                near = np.abs(TWO_THETA - place) < 6.0
                shape = voigt_profile(TWO_THETA[near] - place, 0.06 / 2.3548, 0.03 / 2 / math.cos(theta))
                expected[near] += counts * 1e-5 * multiplicity * f_squared * lp * line.weight * shape / 512
    return np.random.default_rng(seed).poisson(expected).astype(float)


def value_of(fit, name):
    return next(parameter.value for parameter in fit.parameters if parameter.name == name)


@pytest.fixture(scope="module")
def spread_pattern():
    spread = {"source": 0.02, "sample": 0.03, "detector": 0.025, "divergence": 1.0, "transparency": 0.03}
    return pattern_of(TWO_THETA, planted(spread, seed=11))


def test_a_cell_is_right_when_the_machine_is_known_and_wrong_when_it_is_not(spread_pattern):
    known = refine_pattern(spread_pattern, [PHASE], settings_with(held(**HELD)), fwhm=0.1)
    unknown = refine_pattern(spread_pattern, [PHASE], settings_with({}), fwhm=0.1)
    a, blind = value_of(known, "a_Prim"), value_of(unknown, "a_Prim")
    assert abs(a.value - CELL) < 3.0 * a.esd
    assert a.esd < 2e-5 * CELL
    assert abs(value_of(known, "displacement").value) < 3.0 * value_of(known, "displacement").esd
    assert abs(blind.value - CELL) > 10.0 * a.esd
    assert known.gof < 1.15 < unknown.gof


@pytest.mark.parametrize(
    ("name", "truth", "start"),
    [("transparency", 0.03, None), ("divergence", 1.0, 0.6), ("sample_height", 0.03, None), ("source_height", 0.02, 0.03)],
)
def test_what_spreads_the_lines_is_found_again_within_its_esd(name, truth, start, spread_pattern):
    choices = held(**HELD) | {name: ParameterChoice(value=start, vary=True)}
    fit = refine_pattern(spread_pattern, [PHASE], settings_with(choices), fwhm=0.1)
    found, a = value_of(fit, name), value_of(fit, "a_Prim")
    assert abs(found.value - truth) < 3.0 * found.esd
    assert found.esd < 0.2 * truth
    assert abs(a.value - CELL) < 3.0 * a.esd


def test_no_transparency_is_found_where_there_is_none():
    spread = {"source": 0.02, "sample": 0.03, "detector": 0.025, "divergence": 1.0, "transparency": 0.0}
    pattern = pattern_of(TWO_THETA, planted(spread, seed=12))
    choices = held(**{**HELD, "transparency": 0.0}) | {"transparency": ParameterChoice(vary=True)}
    found = value_of(refine_pattern(pattern, [PHASE], settings_with(choices), fwhm=0.1), "transparency")
    assert found.value < 0.003


def model_with(parameters, *, profile=None, instrument=INSTRUMENT):
    pattern = pattern_of(TWO_THETA, np.full(TWO_THETA.size, 100.0), instrument=instrument)
    return build_model(pattern, [PHASE], fwhm=0.1, settings=RefineSettings(texture="none", parameters=parameters, profile=profile))


def test_a_machine_nobody_described_spreads_nothing():
    assert model_with({}).spread is None
    assert model_with({}, profile=InstrumentProfile(u=0.0, v=0.0, w=0.01)).spread is None


def test_a_machine_profile_brings_its_aberrations():
    profile = InstrumentProfile(u=0.0, v=0.0, w=0.01, sample=0.03, detector=0.03, source_height=0.02, soller=5.0, divergence=1.0)
    model = model_with({}, profile=profile)
    assert model.spread is not None
    assert {name: model.layout.slots[place].start for name, place in model.spread.parameters.items()} == {
        "source_height": 0.02,
        "sample_height": 0.03,
        "detector_height": 0.03,
        "soller": 5.0,
        "divergence": 1.0,
        "transparency": 0.0,
        "tail_share": 0.0,
        "tail_low": 0.0,
        "tail_high": 0.0,
    }
    assert model.spread.moving == ()


def test_held_aberrations_are_computed_once_and_moved_ones_anew():
    model = model_with(held(**HELD))
    values = model.layout.starts()
    for name, place in model.spread.parameters.items():
        values[place] = HELD.get(name, 0.0)
    first = model.spread.nodes(values)
    values[model.layout.index["a_Prim"]] += 0.01
    assert model.spread.nodes(values) is first
    assert first.by_offset.shape[2] == 0
    values[model.layout.index["transparency"]] *= 2.0
    assert model.spread.nodes(values) is not first


def test_only_what_moves_has_slopes_and_lines_get_no_more_nodes_than_they_need():
    model = model_with(held(**HELD) | {"transparency": ParameterChoice(value=0.03, vary=True)})
    values = model.layout.starts()
    for name, place in model.spread.parameters.items():
        values[place] = HELD.get(name, 0.0)
    nodes = model.spread.nodes(values)
    assert nodes.parameter.tolist() == [model.layout.index["transparency"]]
    assert nodes.offset.shape[1] == nodes.number.max() <= 40
    assert nodes.number.min() < nodes.number.max()


def test_neutral_aberrations_leave_the_pattern_as_it_is():
    plain = model_with({})
    neutral = model_with(held(transparency=0.0, divergence=0.0))
    values = plain.layout.starts()
    values[plain.layout.index["scale_Prim"]] = 1.0
    assert neutral.spread is not None
    np.testing.assert_array_equal(calculate(neutral, values).calculated, calculate(plain, values).calculated)


def test_a_capillary_has_no_flat_specimen_to_be_transparent():
    round_one = Instrument(radiation=radiation_from_text("CuKa1"), geometry="Debye-Scherrer")
    pattern = pattern_of(TWO_THETA, np.full(TWO_THETA.size, 100.0), instrument=round_one)
    for name in ("transparency", "divergence"):
        with pytest.raises(RecipeError, match=name):
            refine_pattern(pattern, [PHASE], settings_with(held(**{name: 0.1})), fwhm=0.1)


def test_heights_in_millimetres_are_refused_with_a_sentence():
    model = model_with({"sample_height": ParameterChoice(value=7.5, upper=10.0)})
    values = model.layout.starts()
    values[model.layout.index["sample_height"]] = 7.5
    with pytest.raises(UsageError, match="sample"):
        model.spread.nodes(values)
