"""Line shapes against formulas that xrayutilities does not use: Scherrer, Stokes and Wilson, and the centroids of Wilson (1963)."""

from dataclasses import replace

import numpy as np
import pytest

from xrdkna.errors import RecipeError
from xrdkna.physics.radiation import radiation_from_text
from xrdkna.records.arrays import FloatArray
from xrdkna.records.instrument import Instrument
from xrdkna.simulate.engine import LineShapes, add_line, line_shapes
from xrdkna.simulate.recipe_records import Broadening, Optics

CU = Instrument(radiation=radiation_from_text("CuKa1"), radius_mm=240.0)
BARE = Optics(
    receiving_slit_mm=0.0,
    equatorial_divergence=0.0,
    soller=0.0,
    axial_length_mm=8.0,
    absorption_per_mm=0.0,
    emission_width=1e-5,
    zero_shift=0.0,
)
FULL = replace(BARE, receiving_slit_mm=0.1, equatorial_divergence=0.5, soller=2.3, absorption_per_mm=10.0, emission_width=2.9e-4)


def shapes(
    optics: Optics = BARE, *, instrument: Instrument = CU, span: tuple[float, float] = (10.0, 80.0), **broadening: float
) -> LineShapes:
    return line_shapes(
        line=instrument.radiation.lines[0],
        broadening=Broadening(**broadening),
        optics=optics,
        instrument=instrument,
        two_theta_range=span,
    )


def drawn(found: LineShapes, *, position: float, step: float = 0.001, half: float = 6.0) -> tuple[FloatArray, FloatArray]:
    two_theta = position + np.arange(-half, half, step)
    total = np.zeros(two_theta.size)
    add_line(total, two_theta, found, position=position, area=1.0)
    return two_theta, total


def centroid(two_theta: FloatArray, counts: FloatArray) -> float:
    return float((two_theta * counts).sum() / counts.sum())


def full_width(two_theta: FloatArray, counts: FloatArray) -> float:
    above = np.flatnonzero(counts >= counts.max() / 2)
    first, last = above[0], above[-1]
    half = counts.max() / 2
    left = np.interp(half, counts[first - 1 : first + 1], two_theta[first - 1 : first + 1])
    right = np.interp(-half, -counts[last : last + 2], two_theta[last : last + 2])
    return float(right - left)


@pytest.mark.parametrize("position", [12.0, 38.5, 77.0])
def test_a_line_of_area_one_has_area_one(position: float) -> None:
    two_theta, counts = drawn(shapes(FULL, size_nm=200.0), position=position, half=20.0)
    assert counts.sum() * 0.001 == pytest.approx(1.0, abs=0.002)
    assert counts.min() >= 0.0
    assert two_theta[counts.argmax()] == pytest.approx(position, abs=0.05)


@pytest.mark.parametrize("position", [20.0, 45.0, 75.0])
def test_size_broadens_a_line_as_scherrer_says(position: float) -> None:
    width = full_width(*drawn(shapes(size_nm=30.0), position=position))
    scherrer = np.degrees(0.9 * 1.5405929 / (300.0 * np.cos(np.radians(position / 2))))
    assert width == pytest.approx(scherrer, rel=0.01)


@pytest.mark.parametrize("name", ["microstrain", "gaussian_microstrain"])
def test_strain_broadens_a_line_by_four_epsilon_tan_theta(name: str) -> None:
    width = full_width(*drawn(shapes(**{name: 0.003}), position=60.0))
    assert width == pytest.approx(np.degrees(4 * 0.003 * np.tan(np.radians(30.0))), rel=0.015)


def test_size_and_strain_leave_the_line_where_bragg_puts_it() -> None:
    two_theta, counts = drawn(shapes(size_nm=30.0, microstrain=0.001), position=60.0)
    assert centroid(two_theta, counts) == pytest.approx(60.0, abs=0.002)


def test_the_receiving_slit_widens_a_line_to_the_slit() -> None:
    width = full_width(*drawn(shapes(replace(BARE, receiving_slit_mm=0.5)), position=40.0))
    assert width == pytest.approx(np.degrees(0.5 / 240.0), rel=0.02)


@pytest.mark.parametrize("position", [20.0, 60.0])
def test_a_flat_specimen_shifts_the_centroid_as_wilson_says(position: float) -> None:
    two_theta, counts = drawn(shapes(replace(BARE, equatorial_divergence=2.0), size_nm=2000.0), position=position)
    expected = -np.degrees(np.radians(2.0) ** 2 / (6.0 * np.tan(np.radians(position / 2))))
    assert centroid(two_theta, counts) - position == pytest.approx(expected, rel=0.05, abs=0.001)


def test_a_transparent_specimen_shifts_the_centroid_as_wilson_says() -> None:
    two_theta, counts = drawn(shapes(replace(BARE, absorption_per_mm=1.0), size_nm=2000.0), position=60.0)
    expected = -np.degrees(np.sin(np.radians(60.0)) / (2.0 * 1.0 * 240.0))
    assert centroid(two_theta, counts) - 60.0 == pytest.approx(expected, rel=0.03)


def test_axial_divergence_makes_low_angle_tails_below_ninety_degrees_only() -> None:
    found = shapes(replace(BARE, soller=5.0), span=(10.0, 150.0), size_nm=500.0)
    low, high = (centroid(*drawn(found, position=p, half=5.0)) - p for p in (15.0, 140.0))
    assert low < -0.01 < 0.0 < high


def test_a_shape_between_two_angles_is_the_shape_there() -> None:
    wide = shapes(FULL, size_nm=60.0, microstrain=0.001)
    for position in (17.3, 33.3, 61.7):
        near = shapes(FULL, span=(position, position + 1.0), size_nm=60.0, microstrain=0.001)
        _, one = drawn(wide, position=position)
        _, other = drawn(near, position=position)
        assert np.abs(one - other).max() < 0.01 * other.max()


def test_a_crystal_of_two_nanometres_and_a_narrow_synchrotron_line_are_both_drawn_whole() -> None:
    synchrotron = Instrument(radiation=radiation_from_text("0.4939"), geometry="Debye-Scherrer", radius_mm=760.0)
    _, wide = drawn(shapes(FULL, size_nm=2.0), position=40.0, step=0.01, half=60.0)
    assert wide.sum() * 0.01 == pytest.approx(1.0, abs=0.01)
    narrow = shapes(replace(BARE, emission_width=1.3e-4), instrument=synchrotron, span=(5.0, 30.0))
    two_theta, counts = drawn(narrow, position=12.0, step=1e-4, half=1.0)
    assert full_width(two_theta, counts) == pytest.approx(np.degrees(2 * 1.3e-4 * np.tan(np.radians(6.0))), rel=0.05)
    assert counts.sum() * 1e-4 == pytest.approx(1.0, abs=0.002)


def test_crystals_that_leave_no_line_at_all_get_a_sentence() -> None:
    with pytest.raises(RecipeError, match="lower the strain, raise the size"):
        shapes(microstrain=0.2, span=(80.0, 170.0))
