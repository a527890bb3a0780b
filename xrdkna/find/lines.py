"""A working list of reflections and the sum of their profiles."""

from dataclasses import dataclass

import numpy as np

from xrdkna.find.grid import Grid
from xrdkna.physics.kernel import add_lines, line_reach
from xrdkna.records.arrays import BoolArray, FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class Lines:
    """(m,) each, in rising position: position (degrees, strongest spectral line), area (counts·degrees, all spectral
    lines), fwhm (degrees), eta."""

    position: FloatArray
    area: FloatArray
    fwhm: FloatArray
    eta: FloatArray

    @property
    def count(self) -> int:
        """How many reflections."""
        return int(self.position.size)

    def chosen(self, keep: IntArray | BoolArray) -> "Lines":
        """Those selected by a mask or an index, in its order."""
        return Lines(self.position[keep], self.area[keep], self.fwhm[keep], self.eta[keep])

    def replaced(self, index: int, other: "Lines") -> "Lines":
        """The list with one line replaced, order kept."""
        arrays = (self.position.copy(), self.area.copy(), self.fwhm.copy(), self.eta.copy())
        for array, value in zip(arrays, (other.position, other.area, other.fwhm, other.eta), strict=True):
            array[index] = value[0]
        return Lines(*arrays)

    def with_more(self, other: "Lines") -> "Lines":
        """Both lists together, in rising position."""
        pairs = ((self.position, other.position), (self.area, other.area), (self.fwhm, other.fwhm), (self.eta, other.eta))
        joined = Lines(*(np.concatenate(pair) for pair in pairs))
        return joined.chosen(np.argsort(joined.position, kind="stable"))


NO_LINES = Lines(np.empty(0), np.empty(0), np.empty(0), np.empty(0))


def spectral_positions(position: FloatArray, ratios: FloatArray) -> FloatArray:
    """(m, k) degrees: where each reflection's spectral lines appear (Bragg); 1e9 where a line has no angle."""
    sine = np.sin(np.radians(np.asarray(position)) / 2.0)[:, None] * ratios
    return np.asarray(np.where(sine < 1.0, 2.0 * np.degrees(np.arcsin(np.minimum(sine, 1.0))), 1e9))


def heights(lines: Lines, shares: FloatArray) -> FloatArray:
    """(m,) counts: top of the strongest spectral line alone."""
    top = (2.0 / np.pi) * lines.eta + 2.0 * np.sqrt(np.log(2.0) / np.pi) * (1.0 - lines.eta)
    return np.asarray(lines.area * shares[0] * top / lines.fwhm)


def profile(lines: Lines, grid: Grid) -> FloatArray:
    """(n,) counts of all the lines on the grid, tails out to where they are a thousandth of the background."""
    total = np.zeros(grid.two_theta.size)
    if lines.count:
        places = spectral_positions(lines.position, grid.ratios)
        area = (lines.area[:, None] * grid.shares).ravel()
        fwhm, eta = np.repeat(lines.fwhm, grid.ratios.size), np.repeat(lines.eta, grid.ratios.size)
        reach = line_reach(area, fwhm, eta, tolerance=1e-3 * float(np.median(grid.background)), widest=200.0)
        add_lines(grid.two_theta, places.ravel(), area, fwhm, eta, reach, total)
    return total


def profile_here(lines: Lines, two_theta: FloatArray, grid: Grid) -> FloatArray:
    """(k,) counts of the lines at `two_theta`, tails without end: for the window of one group."""
    total = np.zeros(two_theta.size)
    places = spectral_positions(lines.position, grid.ratios)
    area = (lines.area[:, None] * grid.shares).ravel()
    fwhm, eta = np.repeat(lines.fwhm, grid.ratios.size), np.repeat(lines.eta, grid.ratios.size)
    add_lines(two_theta, places.ravel(), area, fwhm, eta, np.full(area.size, 1e9), total)
    return total
