"""All reflections of a scan fitted: those that overlap together, the rest held while a group is fitted."""

from dataclasses import dataclass

import numpy as np

from xrdkna.find.cluster import fit_cluster
from xrdkna.find.filter import NEAR_LINES
from xrdkna.find.grid import Grid
from xrdkna.find.lines import Lines, profile, profile_here, spectral_positions
from xrdkna.find.settings import FindSettings
from xrdkna.records.arrays import BoolArray, FloatArray, IntArray

# Peaks further apart than this many widths share no parameter worth a covariance.
APART = 4.0
# The window of a group goes on for this many widths: enough background to tell a Lorentzian's tail from it.
BEYOND = 6.0
# A group of more would cost its cube; it is divided where its members are furthest apart.
LARGEST_GROUP = 10
STEPS = 20
# A line is judged by the residual within this many widths.
NEAR_WIDTHS = 2.0


@dataclass(frozen=True, slots=True)
class Shape:
    """What is expected of each line before the fit: fwhm (m,) degrees with a relative spread, eta (m,) with its spread."""

    fwhm: FloatArray
    fwhm_spread: float
    eta: FloatArray
    eta_spread: float


@dataclass(frozen=True, slots=True)
class Fit:
    """lines: as fitted. esd: (m, 4) of position, area, fwhm, eta, misfit included. misfit: (m,) reduced χ² near each
    line, 1 where it is as it should be. background: (m,) counts under the line. model: (n,) counts of all lines on the grid."""

    lines: Lines
    esd: FloatArray
    misfit: FloatArray
    background: FloatArray
    model: FloatArray


@dataclass(frozen=True, slots=True)
class GroupFit:
    """The fit of one group: its lines, esd (m, 4), background under each (m,), misfit near each (m,, at least 1), reduced χ² of all,
    deviance and number of points."""

    lines: Lines
    esd: FloatArray
    background: FloatArray
    misfit: FloatArray
    reduced: float
    deviance: float
    points: int


def fit_lines(
    grid: Grid, lines: Lines, shape: Shape, settings: FindSettings, *, before: Fit | None = None, changed: BoolArray | None = None
) -> Fit:
    """One pass over all groups: position, area, width and shape of every line, a free straight background in each group.

    before, changed: a fit of the same lines, and (m,) True for those to fit again; groups without any are taken over.
    """
    m = lines.count
    result = (lines.position.copy(), lines.area.copy(), lines.fwhm.copy(), lines.eta.copy())
    esd = np.ones((m, 4)) if before is None else before.esd.copy()
    misfit = np.ones(m) if before is None else before.misfit.copy()
    under = np.interp(lines.position, grid.two_theta, grid.background) if before is None else before.background.copy()
    total = profile(lines, grid)
    for group in groups_of(lines, grid):
        if changed is not None and not changed[group].any():
            continue
        window = window_of(lines.chosen(group), grid)
        if window.stop - window.start < 5:
            continue
        old = lines.chosen(group)
        own = profile_here(old, grid.two_theta[window], grid)
        fit = fit_group(grid, old, shape_of(shape, group), settings, window=window, others=total[window] - own)
        for target, source in zip(result, (fit.lines.position, fit.lines.area, fit.lines.fwhm, fit.lines.eta), strict=True):
            target[group] = source
        esd[group], misfit[group], under[group] = fit.esd, fit.misfit, fit.background
        total[window] += profile_here(fit.lines, grid.two_theta[window], grid) - own
    order = np.argsort(result[0], kind="stable")
    fitted = Lines(*result).chosen(order)
    return Fit(fitted, esd[order], misfit[order], under[order], profile(fitted, grid))


def fit_group(grid: Grid, lines: Lines, shape: Shape, settings: FindSettings, *, window: slice, others: FloatArray) -> GroupFit:
    """Fit these lines together in the window; `others`: (k,) counts that lines outside the group put there."""
    x, peaks = grid.two_theta[window], lines.count
    order = 1 if x.size > 4 * peaks + 4 else 0
    start = np.column_stack([lines.position, lines.area, np.log(lines.fwhm), lines.eta])
    low, high = _bounds(start, shape, settings, grid)
    prior = np.column_stack([start[:, 0], start[:, 1], np.log(shape.fwhm), shape.eta])
    prior_sd = np.tile([0.0, 0.0, shape.fwhm_spread, shape.eta_spread], peaks)
    free, far = np.zeros(order + 1), np.full(order + 1, np.inf)
    background = grid.background[window]
    parameters, covariance, residual, deviance = fit_cluster(
        x,
        grid.intensity[window],
        background + others,
        grid.gain[window],
        grid.variance[window],
        grid.poisson,
        0.05 * float(background.mean()),
        np.concatenate([np.clip(start, low, high).ravel(), free]),
        np.concatenate([low.ravel(), -far]),
        np.concatenate([high.ravel(), far]),
        np.concatenate([prior.ravel(), free]),
        np.concatenate([prior_sd, free]),
        grid.ratios,
        grid.shares,
        order,
        STEPS,
    )
    fitted = parameters[: 4 * peaks].reshape(peaks, 4)
    widths = np.exp(fitted[:, 2])
    squares = residual**2 * (x.size / max(x.size - parameters.size, 1))
    misfit = _local_misfit(x, squares, spectral_positions(fitted[:, 0], grid.ratios), widths)
    esd = np.sqrt(np.maximum(np.diag(covariance)[: 4 * peaks], 0.0)).reshape(peaks, 4) * np.sqrt(misfit)[:, None]
    esd[:, 2] *= widths
    u = (fitted[:, 0] - 0.5 * (x[0] + x[-1])) / max(0.5 * (x[-1] - x[0]), 1e-9)
    under = np.interp(fitted[:, 0], x, background) + parameters[4 * peaks] + (parameters[-1] * u if order else 0.0)
    result = Lines(fitted[:, 0].copy(), fitted[:, 1].copy(), widths, fitted[:, 3].copy())
    return GroupFit(result, esd, under, misfit, float(squares.mean()), float(deviance), int(x.size))


def groups_of(lines: Lines, grid: Grid) -> list[IntArray]:
    """Indices of the lines of each group, lines in rising position."""
    if not lines.count:
        return []
    end = _near_end(lines.position, grid)
    gaps = (lines.position[1:] - np.maximum.accumulate(end)[:-1]) / np.maximum(lines.fwhm[1:], lines.fwhm[:-1])
    groups = np.split(np.arange(lines.count), np.flatnonzero(gaps > APART) + 1)
    small: list[IntArray] = []
    while groups:
        group = groups.pop(0)
        if len(group) <= LARGEST_GROUP:
            small.append(group)
            continue
        inner = np.diff(lines.position[group])[2:-2]
        cut = int(np.argmax(inner)) + 3
        groups[:0] = [group[:cut], group[cut:]]
    return small


def window_of(lines: Lines, grid: Grid) -> slice:
    """The points that a group of lines is fitted on."""
    reach = max(BEYOND * float(lines.fwhm.max()), 4.0 * grid.step)
    ends = [float(lines.position.min()) - reach, float(_near_end(lines.position, grid).max()) + reach]
    first, last = np.searchsorted(grid.two_theta, ends)
    return slice(int(first), int(last))


def shape_of(shape: Shape, group: IntArray) -> Shape:
    """The expectations of some of the lines."""
    return Shape(shape.fwhm[group], shape.fwhm_spread, shape.eta[group], shape.eta_spread)


def _local_misfit(x: FloatArray, squares: FloatArray, places: FloatArray, widths: FloatArray) -> FloatArray:
    """(m,) mean squared residual near each line, 1 unless it exceeds 1 by more than two of its own σ.

    Near, for a giant in the same group leaves residuals that are no concern of a small line degrees away.
    """
    misfit = np.ones(widths.size)
    for i, width in enumerate(widths):
        near = np.zeros(x.size, dtype=np.bool_)
        for place in places[i]:
            first, last = np.searchsorted(x, [place - NEAR_WIDTHS * width, place + NEAR_WIDTHS * width])
            near[first:last] = True
        points = int(near.sum())
        mean = float(squares[near].mean()) if points else 1.0
        misfit[i] = mean if mean > 1.0 + 2.0 * np.sqrt(2.0 / max(points, 1)) else 1.0
    return misfit


def _bounds(start: FloatArray, shape: Shape, settings: FindSettings, grid: Grid) -> tuple[FloatArray, FloatArray]:
    """(m, 4) each: a line may move by its own width, be four times narrower or five times wider than expected, and be anything in η."""
    low, high = np.full(start.shape, -np.inf), np.full(start.shape, np.inf)
    reach = np.maximum(np.exp(start[:, 2]), grid.step)
    low[:, 0], high[:, 0] = np.maximum(start[:, 0] - reach, 0.01), np.minimum(start[:, 0] + reach, 179.9)
    narrowest = np.maximum(shape.fwhm / 4.0, max(settings.narrowest, 0.4 * grid.step))
    low[:, 2] = np.log(narrowest)
    high[:, 2] = np.log(np.maximum(np.minimum(shape.fwhm * 5.0, settings.widest), 1.5 * narrowest))
    low[:, 3], high[:, 3] = 0.0, 1.0
    return low, high


def _near_end(position: FloatArray, grid: Grid) -> FloatArray:
    """(m,) the highest angle of a reflection's spectral lines that lie near its strongest (a doublet's Kα₂)."""
    places = spectral_positions(position, grid.ratios)
    return np.asarray(np.where(np.abs(places - position[:, None]) < NEAR_LINES, places, position[:, None]).max(axis=1))
