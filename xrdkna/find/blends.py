"""One line or two? Both descriptions of a group are fitted to the same points, and BIC decides (Schwarz 1978)."""

import numpy as np

from xrdkna.find.grid import Grid
from xrdkna.find.group import ROUGH, GroupFit, Shape, fit_group, group_starts, part_of, window_of
from xrdkna.find.joint import Fit
from xrdkna.find.lines import Lines, profile_here
from xrdkna.find.settings import FindSettings
from xrdkna.find.width import WidthLaw
from xrdkna.records.arrays import FloatArray

# Two lines closer than this many widths must each earn their place.
CLOSE = 1.3
# A line this much wider than the instrument's may be two.
WIDE = 1.2
# Parameters a line adds: position, area, width (η hardly counts, its prior holds it).
PARAMETERS_A_LINE = 3.0
# Axial divergence makes one line of low angle look like a sharp and a broad one side by side. So lines nearer than this share
# of the wider one's width, a pair whose widths differ by more than this factor, or a part this small are one line.
NEAREST = 0.6
MOST_UNEQUAL = 1.6
SMALLEST_PART = 0.1
FWHM_SPREAD, FWHM_SPREAD_UNKNOWN = 0.3, 0.8
ETA_SPREAD, ETA_SPREAD_UNKNOWN = 0.15, 0.3


def shape_from_law(law: WidthLaw, lines: Lines, settings: FindSettings) -> Shape:
    """What is expected of each line: the instrument's width, loosely (a phase may be broadened), and its shape."""
    return Shape(
        fwhm=law.at(lines.position),
        fwhm_spread=FWHM_SPREAD if law.learned else FWHM_SPREAD_UNKNOWN,
        eta=np.full(lines.how_many, law.eta),
        eta_spread=ETA_SPREAD if law.learned else ETA_SPREAD_UNKNOWN,
        narrowest=settings.narrowest,
        widest=settings.widest,
    )


def settled_lines(grid: Grid, fit: Fit, law: WidthLaw, settings: FindSettings, *, threshold: float) -> Lines:
    """The lines of the fit with blends divided and doubles joined, group by group."""
    lines = fit.lines
    gaps = np.diff(lines.position) / np.maximum(lines.fwhm[1:], lines.fwhm[:-1])
    # By counting alone: the misfit that inflates the esds is what a blend looks like.
    esd = fit.esd / np.sqrt(fit.misfit)[:, None]
    strong = lines.area > 3.0 * threshold * esd[:, 1]
    wide = strong & (lines.fwhm - 2.0 * esd[:, 2] > WIDE * law.at(lines.position))
    close = gaps < CLOSE
    starts = group_starts(lines, grid.ratios)
    untouched, settled = np.ones(lines.how_many, dtype=np.bool_), []
    for a, b in zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True):
        if wide[a:b].any() or close[a : b - 1].any():
            untouched[a:b] = False
            places = lines.position[a:b][wide[a:b]]
            settled.append(_settled(grid, fit, part_of(lines, a, b), places, law, settings))
    if not settled:
        return lines
    joined = Lines(*(np.concatenate(arrays) for arrays in zip(lines.chosen(untouched), *settled, strict=True)))
    return joined.chosen(np.argsort(joined.position, kind="stable"))


def _settled(grid: Grid, fit: Fit, members: Lines, wide: FloatArray, law: WidthLaw, settings: FindSettings) -> Lines:
    """The members of one group, those at the places `wide` divided where that is worth it, those too close joined unless both are."""
    window = slice(*window_of(grid, members, 0, members.how_many))
    others = fit.model[window] - profile_here(members, grid.two_theta[window], grid)

    def fitted(lines: Lines) -> GroupFit:
        return fit_group(grid, lines, shape_from_law(law, lines, settings), window.start, window.stop, others, ROUGH)

    now = fitted(members)
    for position in wide:
        i = int(np.argmin(np.abs(now.lines.position - position)))
        trial = fitted(_divided(now.lines, i, float(law.at(now.lines.position[i : i + 1])[0])))
        if _worth_it(now, trial, grid, window, settings) and _distinct(trial.lines):
            now = trial
    for _ in range(now.lines.how_many):
        gaps = np.diff(now.lines.position) / np.maximum(now.lines.fwhm[1:], now.lines.fwhm[:-1])
        if not gaps.size or gaps.min() >= CLOSE:
            break
        for i in np.argsort(gaps):
            if gaps[i] >= CLOSE:
                return now.lines
            fewer = fitted(_joined(now.lines, int(i)))
            if not _worth_it(fewer, now, grid, window, settings) or not _distinct(now.lines.chosen(np.array([i, i + 1]))):
                now = fewer
                break
    return now.lines


def _worth_it(fewer: GroupFit, more: GroupFit, grid: Grid, window: slice, settings: FindSettings) -> bool:
    """True when one line more earns its parameters (misfit-scaled) and more than an imperfect line shape would leave.

    A fitted pseudo-Voigt takes up about half of the misfit that a held one shows.
    """
    price = PARAMETERS_A_LINE * np.log(max(more.points, 2)) * max(more.reduced, 1.0)
    shape = profile_here(fewer.lines, grid.two_theta[window], grid)
    variance = grid.gain[window] * (grid.background[window] + np.maximum(shape, 0.0)) if grid.poisson else grid.variance[window]
    systematic = (0.5 * settings.systematic_floor) ** 2 * float((shape**2 / variance).sum())
    return bool(fewer.deviance - more.deviance > price + systematic)


def _distinct(lines: Lines) -> bool:
    """True when no two neighbours are one line described twice: too near, or near and very unequal."""
    wider, narrower = np.maximum(lines.fwhm[1:], lines.fwhm[:-1]), np.minimum(lines.fwhm[1:], lines.fwhm[:-1])
    larger, smaller = np.maximum(lines.area[1:], lines.area[:-1]), np.minimum(lines.area[1:], lines.area[:-1])
    gaps = np.diff(lines.position) / wider
    unequal = (smaller < SMALLEST_PART * larger) | (wider > MOST_UNEQUAL * narrower)
    return bool((gaps > NEAREST).all() and not (unequal & (gaps < CLOSE)).any() and (lines.area > 0).all())


def _divided(lines: Lines, index: int, usual: float) -> Lines:
    """The list with one wide line replaced by two of the usual width that together are as wide."""
    width = float(lines.fwhm[index])
    half = 0.5 * max(float(np.sqrt(max(width**2 - usual**2, 0.0))), 0.5 * usual)
    pair = lines.position[index] + np.array([-half, half])
    two = Lines(pair, np.full(2, 0.5 * lines.area[index]), np.full(2, usual), np.full(2, lines.eta[index]))
    return lines.chosen(np.delete(np.arange(lines.how_many), index)).with_more(two)


def _joined(lines: Lines, index: int) -> Lines:
    """The list with one line in place of `index` and the next: their area, at their centre of gravity."""
    pair = np.array([index, index + 1])
    area = np.maximum(lines.area[pair], 1e-12)
    share: FloatArray = area / area.sum()
    stronger = pair[int(np.argmax(area))]
    one = Lines(
        np.array([float((share * lines.position[pair]).sum())]),
        np.array([float(area.sum())]),
        lines.fwhm[stronger : stronger + 1],
        lines.eta[stronger : stronger + 1],
    )
    return lines.chosen(np.delete(np.arange(lines.how_many), pair)).with_more(one)
