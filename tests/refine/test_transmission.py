"""A flat plate that bisects the beams in transmission: planted by formulas of its own, fitted, and mistaken for other geometries."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from conftest import Planted, pattern_of, planted_counts

from xrdkna.physics.lattice import cell_volume
from xrdkna.physics.radiation import radiation_from_text
from xrdkna.records.instrument import Instrument
from xrdkna.records.phases import Cell, Reflections
from xrdkna.records.refinement import Refinement
from xrdkna.refine.refine import refine_pattern
from xrdkna.refine.settings import ParameterChoice, RefineSettings

MO = radiation_from_text("MoKa")
PLATE = Instrument(radiation=MO, geometry="transmission", radius_mm=200.0)
TWO_THETA = np.arange(8.0, 60.0, 0.01)
MU_T, DISPLACEMENT = 0.8, 0.25


@pytest.fixture
def phases(face_centred: Reflections, body_centred: Reflections) -> list[Planted]:
    return [
        Planted(face_centred, Cell(a=4.1041, b=4.1041, c=4.1041), 0.004, {}),
        Planted(body_centred, Cell(a=3.1968, b=3.1968, c=3.1968), 0.002, {}),
    ]


@pytest.fixture
def expected(phases: list[Planted]) -> np.ndarray:
    """Counts through a plate of µt = 0.8 that stands 0.25 mm upstream of the axis."""
    lines = planted_counts(TWO_THETA, phases, displacement_mm=DISPLACEMENT, instrument=PLATE, background=np.zeros_like)
    secant = 1.0 / np.cos(np.radians(TWO_THETA) / 2.0)
    return 150.0 + lines * np.exp(-MU_T * (secant - 1.0))


def fit(counts: np.ndarray, planted: list[Planted], instrument: Instrument = PLATE) -> Refinement:
    settings = RefineSettings(
        texture="none", parameters={"plate": ParameterChoice(value=MU_T, vary=False), "zero": ParameterChoice(vary=False)}
    )
    pattern = pattern_of(TWO_THETA, counts, instrument=instrument)
    return refine_pattern(pattern, [phase.reflections for phase in planted], settings, fwhm=0.1)


def weights(planted: list[Planted]) -> np.ndarray:
    mass = np.array([p.scale * p.reflections.cell_mass * cell_volume(p.cell) for p in planted])
    return mass / mass.sum()


def test_cells_weights_and_displacement_of_a_plate_come_back_within_their_esds(phases: list[Planted], expected: np.ndarray) -> None:
    pulls = []
    for seed in range(1000, 1016):
        found = fit(np.random.default_rng(seed).poisson(expected).astype(float), phases)
        assert found.verdict == "accepted"
        for planted, weight in zip(phases, weights(phases), strict=True):
            phase = found.phase(planted.reflections.phase)
            pulls.append((phase.cell["a"].value - planted.cell.a) / phase.cell["a"].esd)
            pulls.append((phase.weight_fraction.value - weight) / phase.weight_fraction.esd)
        displacement = found.phases[0].displacement
        pulls.append((displacement.value - DISPLACEMENT) / displacement.esd)
    assert abs(np.mean(pulls)) < 0.4
    assert 0.75 < np.std(pulls) < 1.35


@pytest.mark.parametrize("mistaken", ["Bragg-Brentano", "Debye-Scherrer"])
def test_another_geometry_gets_the_cell_of_a_displaced_plate_wrong(phases: list[Planted], expected: np.ndarray, mistaken: str) -> None:
    counts = np.random.default_rng(1020).poisson(expected).astype(float)
    found = fit(counts, phases, Instrument(radiation=MO, geometry=mistaken, radius_mm=200.0))
    right, wrong = (result.phase("Fcc").cell["a"] for result in (fit(counts, phases), found))
    assert abs(right.value - phases[0].cell.a) < 3.5 * right.esd
    assert abs(wrong.value - phases[0].cell.a) > 3.5 * wrong.esd


def test_the_thickness_of_a_plate_is_found_where_it_is_asked_for(phases: list[Planted], expected: np.ndarray) -> None:
    counts = np.random.default_rng(1030).poisson(expected).astype(float)
    settings = RefineSettings(texture="none", parameters={"plate": ParameterChoice(vary=True)})
    found = refine_pattern(pattern_of(TWO_THETA, counts, instrument=PLATE), [p.reflections for p in phases], settings, fwhm=0.1)
    plate = next(parameter for parameter in found.parameters if parameter.name == "plate")
    assert abs(plate.value.value - MU_T) < 3.5 * plate.value.esd
    assert plate.value.esd < 0.4
