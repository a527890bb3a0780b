"""Groups of reflections that overlap, each fitted together on its own window while the rest is held: compiled."""

import math
from typing import NamedTuple

import numpy as np

from xrdkna.find.cluster import fit_cluster
from xrdkna.find.filter import NEAR_LINES
from xrdkna.find.grid import Grid
from xrdkna.find.kernel import add_reflections, place_of
from xrdkna.find.lines import Lines
from xrdkna.physics.compiled import compiled_strictly
from xrdkna.records.arrays import BoolArray, FloatArray, IntArray

# Peaks further apart than this many widths share no parameter worth a covariance.
APART = 4.0
# The window of a group goes on for this many widths: enough background to tell a Lorentzian's tail from it.
BEYOND = 6.0
# A group of more would cost its cube; it is divided where its members are furthest apart.
LARGEST_GROUP = 10
# Fewer points say nothing about a line.
FEWEST_POINTS = 5
# A step that gains less deviance than this (in units of the misfit) moved nothing by more than a tenth of its esd, and the
# steps converge quadratically: the next would move it by a hundredth.
EXACT = 1e-2
# While lines are still being looked for, half an esd will do.
ROUGH = 0.3
# A line is judged by the residual within this many widths.
NEAR_WIDTHS = 2.0
# The expectation under counts is never below this share of the window's background.
LEAST_SHARE = 0.05
# Stands for "no bound".
FAR = 1e300


class Shape(NamedTuple):
    """What is expected of each line before the fit: fwhm (m,) degrees with a relative spread, eta (m,) with its spread; and the
    narrowest and widest line there is (degrees)."""

    fwhm: FloatArray
    fwhm_spread: float
    eta: FloatArray
    eta_spread: float
    narrowest: float
    widest: float


class GroupFit(NamedTuple):
    """The fit of one group: its lines, esd (m, 4), background under each (m,), misfit near each (m,, at least 1), reduced χ² of all,
    deviance and number of points."""

    lines: Lines
    esd: FloatArray
    background: FloatArray
    misfit: FloatArray
    reduced: float
    deviance: float
    points: int


@compiled_strictly
def fit_groups(
    grid: Grid,
    lines: Lines,
    shape: Shape,
    changed: BoolArray,
    esd: FloatArray,
    misfit: FloatArray,
    under: FloatArray,
    model: FloatArray,
    tolerance: float,
) -> None:
    """Fit every group that has a line `changed` (m,), in rising 2θ. All of lines, esd (m, 4), misfit, under (m,) and model (n,) are
    brought up to date in place."""
    starts = group_starts(lines, grid.ratios)
    for g in range(starts.size - 1):
        a, b = starts[g], starts[g + 1]
        first, last = window_of(grid, lines, a, b)
        if not changed[a:b].any() or last - first < FEWEST_POINTS:
            continue
        own, expected = part_of(lines, a, b), part_of_shape(shape, a, b)
        _add(grid, own, -1.0, model)
        fit = fit_group(grid, own, expected, first, last, model[first:last], tolerance)
        lines.position[a:b], lines.area[a:b] = fit.lines.position, fit.lines.area
        lines.fwhm[a:b], lines.eta[a:b] = fit.lines.fwhm, fit.lines.eta
        esd[a:b], misfit[a:b], under[a:b] = fit.esd, fit.misfit, fit.background
        _add(grid, fit.lines, 1.0, model)


@compiled_strictly
def fit_each_alone(grid: Grid, lines: Lines, shape: Shape, esd: FloatArray) -> None:
    """Fit every line as if it were the only one, in place; esd (m, 4) counts the whole window's misfit, for a window that holds more
    than this line teaches little. Lines with too few points keep an infinite esd."""
    esd[:] = np.inf
    for i in range(lines.position.size):
        first, last = window_of(grid, lines, i, i + 1)
        if last - first < 8:
            continue
        fit = fit_group(grid, part_of(lines, i, i + 1), part_of_shape(shape, i, i + 1), first, last, np.zeros(last - first), ROUGH)
        lines.position[i], lines.area[i] = fit.lines.position[0], fit.lines.area[0]
        lines.fwhm[i], lines.eta[i] = fit.lines.fwhm[0], fit.lines.eta[0]
        esd[i] = fit.esd[0] * math.sqrt(max(fit.reduced, 1.0) / fit.misfit[0])


@compiled_strictly
def fit_group(grid: Grid, lines: Lines, shape: Shape, first: int, last: int, others: FloatArray, tolerance: float) -> GroupFit:
    """Fit these lines together on points first … last − 1; `others`: (k,) counts that lines outside the group put there."""
    x, background = grid.two_theta[first:last], grid.background[first:last]
    peaks = lines.position.size
    order = 1 if x.size > 4 * peaks + 4 else 0
    start, low, high, prior, prior_sd = _beginning(grid, lines, shape, order)
    theta, spread, squares, deviance = fit_cluster(
        x,
        grid.intensity[first:last],
        background + others,
        grid.gain[first:last],
        grid.variance[first:last],
        grid.poisson,
        LEAST_SHARE * background.mean(),
        start,
        low,
        high,
        prior,
        prior_sd,
        grid.ratios,
        grid.shares,
        order,
        tolerance,
    )
    squares *= x.size / max(x.size - theta.size, 1)
    fitted = Lines(np.empty(peaks), np.empty(peaks), np.empty(peaks), np.empty(peaks))
    esd, under, misfit = np.empty((peaks, 4)), np.empty(peaks), np.empty(peaks)
    middle, half = 0.5 * (x[0] + x[-1]), max(0.5 * (x[-1] - x[0]), 1e-9)
    for i in range(peaks):
        k = 4 * i
        fitted.position[i], fitted.area[i], fitted.fwhm[i], fitted.eta[i] = theta[k], theta[k + 1], math.exp(theta[k + 2]), theta[k + 3]
        misfit[i] = _local_misfit(x, squares, theta[k], fitted.fwhm[i], grid.ratios)
        for j in range(4):
            esd[i, j] = math.sqrt(max(spread[k + j], 0.0) * misfit[i])
        esd[i, 2] *= fitted.fwhm[i]
        under[i] = np.interp(theta[k], x, background) + theta[4 * peaks]
        if order:
            under[i] += theta[4 * peaks + 1] * (theta[k] - middle) / half
    return GroupFit(fitted, esd, under, misfit, squares.mean(), deviance, x.size)


@compiled_strictly
def group_starts(lines: Lines, ratios: FloatArray) -> IntArray:
    """(g + 1,) index of the first line of each group, and their number at the end; lines in rising position."""
    m = lines.position.size
    begins = np.zeros(m + 1, dtype=np.bool_)
    begins[0] = begins[m] = True
    reach = _near_end(lines.position[0], ratios) if m else 0.0
    for i in range(1, m):
        begins[i] = lines.position[i] - reach > APART * max(lines.fwhm[i], lines.fwhm[i - 1])
        reach = max(reach, _near_end(lines.position[i], ratios))
    first = 0
    while first < m:
        last = first + 1
        while not begins[last]:
            last += 1
        if last - first <= LARGEST_GROUP:
            first = last
            continue
        cut = first + 3
        for i in range(first + 3, last - 2):
            if lines.position[i] - lines.position[i - 1] > lines.position[cut] - lines.position[cut - 1]:
                cut = i
        begins[cut] = True
    return np.flatnonzero(begins)


@compiled_strictly
def window_of(grid: Grid, lines: Lines, a: int, b: int) -> tuple[int, int]:
    """The points (first, last + 1) that the group of lines a … b − 1 is fitted on."""
    end, reach = 0.0, 4.0 * grid.step
    for i in range(a, b):
        end, reach = max(end, _near_end(lines.position[i], grid.ratios)), max(reach, BEYOND * lines.fwhm[i])
    begin = float(lines.position[a:b].min())
    return int(np.searchsorted(grid.two_theta, begin - reach)), int(np.searchsorted(grid.two_theta, end + reach))


@compiled_strictly
def part_of(lines: Lines, a: int, b: int) -> Lines:
    """Copies of lines a … b − 1."""
    return Lines(lines.position[a:b].copy(), lines.area[a:b].copy(), lines.fwhm[a:b].copy(), lines.eta[a:b].copy())


@compiled_strictly
def part_of_shape(shape: Shape, a: int, b: int) -> Shape:
    """The expectations of lines a … b − 1."""
    return Shape(shape.fwhm[a:b], shape.fwhm_spread, shape.eta[a:b], shape.eta_spread, shape.narrowest, shape.widest)


@compiled_strictly
def _add(grid: Grid, lines: Lines, factor: float, total: FloatArray) -> None:
    add_reflections(grid.two_theta, lines.position, lines.area, lines.fwhm, lines.eta, grid.ratios, grid.shares, grid.faint, factor, total)


@compiled_strictly
def _beginning(grid: Grid, lines: Lines, shape: Shape, order: int) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray]:
    """Start, bounds, prior and its spread, (p,) each: a line may move by its own width, be four times narrower or five times wider
    than expected, and be anything in η."""
    peaks = lines.position.size
    p = 4 * peaks + order + 1
    start, low, high, prior, prior_sd = np.zeros(p), np.full(p, -FAR), np.full(p, FAR), np.zeros(p), np.zeros(p)
    for i in range(peaks):
        k = 4 * i
        position, usual, move = lines.position[i], shape.fwhm[i], max(lines.fwhm[i], grid.step)
        narrowest = max(usual / 4.0, max(shape.narrowest, 0.4 * grid.step))
        widest = max(min(usual * 5.0, shape.widest), 1.5 * narrowest)
        low[k], high[k] = max(position - move, 0.01), min(position + move, 179.9)
        low[k + 2], high[k + 2] = math.log(narrowest), math.log(widest)
        low[k + 3], high[k + 3] = 0.0, 1.0
        start[k], start[k + 1], start[k + 2], start[k + 3] = position, lines.area[i], math.log(lines.fwhm[i]), lines.eta[i]
        prior[k + 2], prior[k + 3] = math.log(usual), shape.eta[i]
        prior_sd[k + 2], prior_sd[k + 3] = shape.fwhm_spread, shape.eta_spread
    return np.minimum(np.maximum(start, low), high), low, high, prior, prior_sd


@compiled_strictly
def _local_misfit(x: FloatArray, squares: FloatArray, centre: float, width: float, ratios: FloatArray) -> float:
    """Mean squared residual near a line, 1 unless it exceeds 1 by more than two of its own σ.

    Near, for a giant in the same group leaves residuals that are no concern of a small line degrees away.
    """
    points, total, done = 0, 0.0, 0
    for k in range(ratios.size):
        place = place_of(centre, ratios[k])
        begin, end = int(np.searchsorted(x, place - NEAR_WIDTHS * width)), int(np.searchsorted(x, place + NEAR_WIDTHS * width))
        for i in range(max(begin, done) if place > centre else begin, end):
            points += 1
            total += squares[i]
        done = max(done, end)
    mean = total / points if points else 1.0
    return mean if mean > 1.0 + 2.0 * math.sqrt(2.0 / max(points, 1)) else 1.0


@compiled_strictly
def _near_end(position: float, ratios: FloatArray) -> float:
    """The highest angle of a reflection's spectral lines that lie near its strongest (a doublet's Kα₂)."""
    end = position
    for k in range(ratios.size):
        place = place_of(position, ratios[k])
        if abs(place - position) < NEAR_LINES:
            end = max(end, place)
    return end
