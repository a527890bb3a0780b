"""The points a search works on: masked ones left out, needlessly fine ones merged, the law of their noise known."""

from typing import NamedTuple

import numpy as np

from xrdkna.physics.smoothing import whittaker_curve, whittaker_stiffness
from xrdkna.records.arrays import FloatArray
from xrdkna.records.instrument import Radiation
from xrdkna.records.scan import Pattern

# Merged points are this many to a full width: the line is widened by 0.3 % of its width, nothing else changes.
POINTS_A_WIDTH = 10.0
# The level of a scan with hardly a count is known no better than half a count in this many degrees.
LEVEL_REACH = 2.0
# Tails of lines are followed to this share of the background.
FAINT = 1e-3
# The background may bend over this length (degrees), sampled in cells fine enough for it …
BEND_LENGTH = 3.0
CELL = 0.1
# … and is not learned from where lines may leave this share of themselves.
LINE_MISFIT = 0.1


class Grid(NamedTuple):
    """(n,) each: two_theta in degrees, intensity, the smooth background, variance as stated, and `gain`: variance over
    expected intensity. Where `poisson`, variance = gain × expectation; else the stated variance holds. `faint`: counts below
    which a line's tail is nothing. A plain tuple of arrays, for compiled code takes it as it is."""

    two_theta: FloatArray
    intensity: FloatArray
    background: FloatArray
    variance: FloatArray
    gain: FloatArray
    poisson: bool
    step: float
    ratios: FloatArray
    shares: FloatArray
    faint: float

    def expected_variance(self, level: FloatArray) -> FloatArray:
        """(n,) variance if the expectation were `level`."""
        return np.asarray(self.gain * level) if self.poisson else self.variance

    def third_moment(self, level: FloatArray) -> FloatArray:
        """(n,) third central moment if the expectation were `level`: that of counting, or of a normal law (zero)."""
        return np.asarray(self.gain**2 * level) if self.poisson else np.zeros_like(level)


def grid_of_pattern(pattern: Pattern) -> Grid:
    """The used points of the pattern. Its level is never below what one count in LEVEL_REACH would make it."""
    used = pattern.used
    x, y, s = pattern.two_theta[used], pattern.intensity[used], pattern.sigma[used]
    gain, poisson = _gain(y, s, counted=pattern.sigma_source == "counts")
    ratios, shares = spectrum_of(pattern.instrument.radiation)
    step = float(np.median(np.diff(x))) if x.size > 1 else 1.0
    least = gain * 0.5 / max(LEVEL_REACH / step, 1.0)
    # Repeated smoothing of a few counts leaves a level that wanders below the truth; it may not fall below half a degree's mean.
    background = np.maximum(pattern.background[used], least)
    faint = FAINT * float(np.median(background)) if x.size else 1.0
    return Grid(x, y, background, s**2, gain, poisson, step, ratios, shares, faint)


def merged(grid: Grid, *, points: int) -> Grid:
    """Every `points` neighbours made one (their mean); groups end where the scan has a gap."""
    if points <= 1 or grid.two_theta.size < 2 * points:
        return grid
    n = grid.two_theta.size
    begins = np.r_[True, np.diff(grid.two_theta) > 5.0 * grid.step]
    since = np.arange(n) - np.maximum.accumulate(np.where(begins, np.arange(n), 0))
    starts = np.flatnonzero(since % points == 0)
    size = np.diff(np.r_[starts, n]).astype(np.float64)

    def mean(values: FloatArray) -> FloatArray:
        return np.asarray(np.add.reduceat(values, starts) / size)

    return Grid(
        mean(grid.two_theta),
        mean(grid.intensity),
        mean(grid.background),
        mean(grid.variance) / size,
        mean(grid.gain) / size,
        grid.poisson,
        grid.step * points,
        grid.ratios,
        grid.shares,
        grid.faint,
    )


def with_rest_smoothed(grid: Grid, model: FloatArray) -> Grid:
    """The grid with its background corrected by the smooth part of what the lines leave.

    model: (n,) counts of all lines. Until they are known, their tails count as background and pull areas down.
    """
    width = max(CELL, grid.step)
    cell = ((grid.two_theta - grid.two_theta[0]) / width).astype(np.int64)
    precision = 1.0 / (grid.expected_variance(grid.background) + (LINE_MISFIT * model) ** 2)
    total = np.bincount(cell, weights=precision)
    if total.size < 5:
        return grid
    rest = np.bincount(cell, weights=precision * (grid.intensity - grid.background - model)) / np.maximum(total, 1e-300)
    stiffness = whittaker_stiffness(BEND_LENGTH, step=width)
    curve = whittaker_curve(rest, total / total[total > 0].mean(), stiffness=stiffness)
    centre = grid.two_theta[0] + (np.arange(total.size) + 0.5) * width
    corrected = grid.background + np.interp(grid.two_theta, centre, curve)
    return grid._replace(background=np.maximum(corrected, 0.5 * grid.background))


def spectrum_of(radiation: Radiation) -> tuple[FloatArray, FloatArray]:
    """(k,) wavelengths relative to the strongest, and (k,) shares of the area, of the spectral lines."""
    wavelengths = np.array([line.wavelength for line in radiation.lines])
    weights = np.array([line.weight for line in radiation.lines])
    return wavelengths / wavelengths[0], weights / weights.sum()


def _gain(intensity: FloatArray, sigma: FloatArray, *, counted: bool) -> tuple[FloatArray, bool]:
    """(n,) variance over intensity, and whether the noise is that of counting (then the ratio hardly changes from point to point)."""
    positive = intensity > 0
    if positive.sum() < 2:
        level = float(np.median(sigma**2)) if sigma.size else 1.0
        return np.full(intensity.size, max(level, 1e-30)), counted
    index = np.arange(intensity.size)
    ratio = np.interp(index, index[positive], sigma[positive] ** 2 / intensity[positive])
    steady = np.median(np.abs(np.diff(np.log(ratio[positive])))) < 0.02
    if counted and not steady:
        ratio = np.full(intensity.size, float(np.median(ratio[positive])))
    return np.asarray(ratio), bool(counted or steady)
