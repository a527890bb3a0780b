"""Planted patterns of cubic crystals for the refine room."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import permutations, product
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
import planting
from planting import lines_on

from xrdkna.physics.radiation import radiation_from_text
from xrdkna.records.instrument import Instrument
from xrdkna.records.phases import Cell, Reflections
from xrdkna.records.scan import Pattern

INSTRUMENT = Instrument(radiation=radiation_from_text("CuKa"), radius_mm=200.0)


@dataclass(frozen=True)
class Planted:
    """A made-up crystal and how much of it is in the specimen."""

    reflections: Reflections
    cell: Cell
    scale: float
    texture: Mapping[int, float]


def cubic_phase(name: str, a: float, *, centring: str, mass: float, role: str = "other", decay: float = 4.0) -> Reflections:
    """A cubic crystal with one kind of atom: |F|² falls off with angle, absences as the centring demands."""
    hkl = []
    for h in range(9):
        for k in range(h + 1):
            for l in range(k + 1):
                allowed = {"I": (h + k + l) % 2 == 0, "F": h % 2 == k % 2 == l % 2, "P": True}[centring]
                if allowed and (h, k, l) != (0, 0, 0) and h * h + k * k + l * l < 4 * a * a / 1.54**2:
                    hkl.append((h, k, l))
    hkl.sort(key=lambda index: sum(i * i for i in index))
    multiplicity = [_cubic_multiplicity(index) for index in hkl]
    d = [a / np.sqrt(sum(i * i for i in index)) for index in hkl]
    f_squared = [400.0 * np.exp(-decay / (2 * spacing) ** 2 * 2) for spacing in d]
    return Reflections(
        phase=name,
        role=role,
        crystal_system="cubic",
        cell=Cell(a=a, b=a, c=a),
        cell_mass=mass,
        positions_only=False,
        hkl=np.array(hkl),
        multiplicity=np.array(multiplicity, dtype=float),
        f_squared=np.array(f_squared),
        d_spacing=np.array(d),
    )


def _cubic_multiplicity(hkl: tuple[int, int, int]) -> int:
    return len({tuple(s * i for s, i in zip(signs, p, strict=True)) for p in permutations(hkl) for signs in product((1, -1), repeat=3)})


def planted_counts(
    two_theta: np.ndarray,
    phases: list[Planted],
    *,
    displacement_mm: float = 0.0,
    gaussian_fwhm: float = 0.06,
    lorentzian_fwhm: float = 0.05,
    background: Callable[[np.ndarray], np.ndarray] = lambda x: 80.0 + 2000.0 / x,
    instrument: Instrument = INSTRUMENT,
) -> np.ndarray:
    """Expected counts of cubic phases on a background."""
    counts = background(two_theta)
    for phase in phases:
        hkl = phase.reflections.hkl
        texture = np.array([phase.texture.get(i, 1.0) for i in range(len(hkl))])
        counts = counts + lines_on(
            two_theta,
            phase.cell.a / np.sqrt(np.sum(hkl**2, axis=1)),
            phase.scale * phase.reflections.multiplicity * phase.reflections.f_squared * texture,
            instrument=instrument,
            displacement_mm=displacement_mm,
            gaussian=gaussian_fwhm,
            lorentzian=lorentzian_fwhm,
            reach=180.0,
        )
    return counts


def pattern_of(two_theta: np.ndarray, counts: np.ndarray, *, name: str = "planted", instrument: Instrument = INSTRUMENT) -> Pattern:
    """A Pattern with counting statistics."""
    return planting.pattern_of(two_theta, counts, instrument, name=name)


@pytest.fixture
def two_theta() -> np.ndarray:
    return np.arange(20.0, 100.0, 0.02)


@pytest.fixture
def body_centred() -> Reflections:
    return cubic_phase("Bcc", 3.20, centring="I", mass=100.0, role="deposit")


@pytest.fixture
def face_centred() -> Reflections:
    return cubic_phase("Fcc", 4.10, centring="F", mass=150.0, role="hardware")


@pytest.fixture
def primitive() -> Reflections:
    return cubic_phase("Prim", 3.70, centring="P", mass=60.0)
