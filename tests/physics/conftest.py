"""What the tests of texture and anisotropy share: a crystal of every Laue class, by gemmi, and a rule to average over directions."""

from collections.abc import Callable
from typing import NamedTuple

import gemmi
import numpy as np
import pytest

from xrdkna.records.arrays import FloatArray
from xrdkna.records.phases import Cell

_CUBE = Cell(a=4.05, b=4.05, c=4.05)
_HEXAGON = Cell(a=4.76, b=4.76, c=12.99, gamma=120.0)
_RHOMBUS = Cell(a=5.13, b=5.13, c=5.13, alpha=55.3, beta=55.3, gamma=55.3)
_TETRAGON = Cell(a=4.03, b=4.03, c=6.7)
# One space group of every Laue class, and the settings in which the axes lie elsewhere.
_CRYSTALS = {
    "-1": ("P -1", Cell(a=5.0, b=6.0, c=7.0, alpha=85.0, beta=95.0, gamma=102.0)),
    "2/m": ("C 1 2/c 1", Cell(a=5.64, b=9.839, c=6.874, beta=98.7)),
    "2/m, a": ("P 2/m 1 1", Cell(a=5.64, b=9.839, c=6.874, alpha=98.7)),
    "2/m, c": ("P 1 1 21/b", Cell(a=5.64, b=9.839, c=6.874, gamma=98.7)),
    "mmm": ("P n m a", Cell(a=5.0, b=6.1, c=7.3)),
    "4/m": ("I 41/a", _TETRAGON),
    "4/mmm": ("P 4/n m m", _TETRAGON),
    "-3": ("P -3", _HEXAGON),
    "-3m1": ("P -3 m 1", _HEXAGON),
    "-31m": ("P -3 1 c", _HEXAGON),
    "-3, rhombohedral": ("R -3:R", _RHOMBUS),
    "-3m, rhombohedral": ("R -3 m:R", _RHOMBUS),
    "6/m": ("P 63/m", _HEXAGON),
    "6/mmm": ("P 63/m m c", _HEXAGON),
    "m-3": ("P a -3", _CUBE),
    "m-3m": ("F d -3 m:2", _CUBE),
}


class Crystal(NamedTuple):
    """A cell and its Laue group: gemmi's operators, and their rotations as row-major matrices."""

    name: str
    cell: Cell
    operators: tuple[gemmi.Op, ...]
    rotations: tuple[tuple[int, ...], ...]

    def equivalents(self, hkl: tuple[int, int, int]) -> list[tuple[int, int, int]]:
        """hkl under every operator, by gemmi."""
        return [tuple(operator.apply_to_hkl(list(hkl))) for operator in self.operators]

    def normals(self, hkl: FloatArray) -> FloatArray:
        """(n, 3) unit normals of the planes hkl on pymatgen's Cartesian axes."""
        vectors = hkl @ self._reciprocal()
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    def planes(self, directions: FloatArray) -> FloatArray:
        """(n, 3) the planes, with fractional indices, whose normals point in these Cartesian directions (n, 3)."""
        return directions @ np.linalg.inv(self._reciprocal())

    def _reciprocal(self) -> FloatArray:
        from pymatgen.core import Lattice

        return Lattice.from_parameters(*self.cell.values).reciprocal_lattice_crystallographic.matrix


def _crystal(name: str) -> Crystal:
    symbol, cell = _CRYSTALS[name]
    operators = tuple(gemmi.SpaceGroup(symbol).operations().sym_ops)
    rotations = tuple(tuple(entry // gemmi.Op.DEN for row in operator.rot for entry in row) for operator in operators)
    return Crystal(name, cell, operators, rotations)


@pytest.fixture(scope="session", params=_CRYSTALS)
def crystal(request: pytest.FixtureRequest) -> Crystal:
    """A crystal of every Laue class in turn."""
    return _crystal(request.param)


@pytest.fixture(scope="session")
def crystal_of() -> Callable[[str], Crystal]:
    """The crystal of one Laue class."""
    return _crystal


@pytest.fixture(scope="session")
def sphere() -> tuple[FloatArray, FloatArray]:
    """(p, 3) directions and (p,) weights that average polynomials up to degree 60 exactly: rings of points about the x axis."""
    heights, weights = np.polynomial.legendre.leggauss(31)
    azimuths = np.arange(62) * 2.0 * np.pi / 62
    x, phi = np.repeat(heights, 62), np.tile(azimuths, 31)
    radius = np.sqrt(1.0 - x * x)
    return np.column_stack([x, radius * np.sin(phi), radius * np.cos(phi)]), np.repeat(weights / 124.0, 62)
