"""A working list of reflections and the sum of their profiles."""

from typing import NamedTuple

import numpy as np

from xrdkna.find.grid import Grid
from xrdkna.find.kernel import NOWHERE, add_reflections
from xrdkna.records.arrays import BoolArray, FloatArray, IntArray


class Lines(NamedTuple):
    """(m,) each, in rising position: position (degrees, strongest spectral line), area (counts·degrees, all spectral
    lines), fwhm (degrees), eta. A plain tuple of arrays, for compiled code takes it as it is."""

    position: FloatArray
    area: FloatArray
    fwhm: FloatArray
    eta: FloatArray

    @property
    def how_many(self) -> int:
        """Number of reflections."""
        return int(self.position.size)

    def chosen(self, keep: IntArray | BoolArray) -> "Lines":
        """Those selected by a mask or an index, in its order."""
        return Lines(self.position[keep], self.area[keep], self.fwhm[keep], self.eta[keep])

    def with_more(self, other: "Lines") -> "Lines":
        """Both lists together, in rising position."""
        joined = Lines(*(np.concatenate(pair) for pair in zip(self, other, strict=True)))
        return joined.chosen(np.argsort(joined.position, kind="stable"))


NO_LINES = Lines(np.empty(0), np.empty(0), np.empty(0), np.empty(0))


def spectral_positions(position: FloatArray, ratios: FloatArray) -> FloatArray:
    """(m, k) degrees: where each reflection's spectral lines appear (Bragg); NOWHERE where a line has no angle."""
    sine = np.sin(np.radians(np.asarray(position)) / 2.0)[:, None] * ratios
    return np.asarray(np.where(sine < 1.0, 2.0 * np.degrees(np.arcsin(np.minimum(sine, 1.0))), NOWHERE))


def heights(lines: Lines, shares: FloatArray) -> FloatArray:
    """(m,) counts: top of the strongest spectral line alone."""
    top = (2.0 / np.pi) * lines.eta + 2.0 * np.sqrt(np.log(2.0) / np.pi) * (1.0 - lines.eta)
    return np.asarray(lines.area * shares[0] * top / lines.fwhm)


def profile(lines: Lines, grid: Grid) -> FloatArray:
    """(n,) counts of all the lines on the grid, tails out to where they are faint."""
    total = np.zeros(grid.two_theta.size)
    add_reflections(grid.two_theta, *lines, grid.ratios, grid.shares, grid.faint, 1.0, total)
    return total


def profile_here(lines: Lines, two_theta: FloatArray, grid: Grid) -> FloatArray:
    """(k,) counts of the lines at `two_theta`: for the window of one group."""
    total = np.zeros(two_theta.size)
    add_reflections(two_theta, *lines, grid.ratios, grid.shares, grid.faint, 1.0, total)
    return total
