"""Rounds of finding: filter what is left, add what is significant, fit all together, drop what does not hold."""

import numpy as np

from xrdkna.find.blends import settled_lines, shape_from_law
from xrdkna.find.grid import Grid, with_rest_smoothed
from xrdkna.find.joint import BEYOND, Fit, fit_lines
from xrdkna.find.lines import NO_LINES, Lines, heights, spectral_positions
from xrdkna.find.settings import FindSettings
from xrdkna.find.significance import filter_lines, significances
from xrdkna.find.width import WidthLaw
from xrdkna.records.arrays import BoolArray, FloatArray

# A neighbour this many times higher leaves more misfit than counting noise around it.
MUCH_STRONGER = 4.0
# A second candidate within this many widths of a stronger one is its flank; a real shoulder shows in the residual later.
FLANK = 1.0
GHOST_SHARE = 0.75
# Places looked at in a width: a line midway between two loses 4 % of its significance, which the threshold for candidates
# allows for; the fitted line is held to the full threshold.
PLACES_A_WIDTH = 3.0
NEARLY = 0.95


def search_lines(grid: Grid, law: WidthLaw, settings: FindSettings, *, threshold: float) -> tuple[Fit, FloatArray]:
    """All lines that reach the threshold, fitted, and the significance of each."""
    fit = _fitted(grid, NO_LINES, law, settings)
    for _ in range(settings.rounds):
        more = _candidates(grid, fit, law, settings, threshold=threshold)
        if not more.count:
            break
        grown = _pruned(grid, _fitted(grid, fit.lines.with_more(more), law, settings, before=fit), law, settings, threshold=threshold)
        unchanged = grown.lines.count == fit.lines.count and np.allclose(grown.lines.position, fit.lines.position, atol=1e-3)
        fit = grown
        if unchanged:
            break
    grid = with_rest_smoothed(grid, fit.model)
    lines = settled_lines(grid, fit, law, settings, threshold=threshold)
    fit = _pruned(grid, _fitted(grid, lines, law, settings), law, settings, threshold=threshold)
    return fit, significances(grid, fit.lines, fit.model)


def _fitted(grid: Grid, lines: Lines, law: WidthLaw, settings: FindSettings, *, before: Fit | None = None) -> Fit:
    """The lines fitted; with the fit `before`, only groups that gained or lost a line are fitted again."""
    shape = shape_from_law(law, lines)
    if before is None or not before.lines.count:
        return fit_lines(grid, lines, shape, settings)
    old = np.searchsorted(before.lines.position, lines.position)
    old = np.minimum(old, before.lines.count - 1)
    same = before.lines.position[old] == lines.position
    gone = np.setdiff1d(before.lines.position, lines.position)
    changed = ~same
    for position, width in zip(gone, before.lines.fwhm[np.isin(before.lines.position, gone)], strict=True):
        changed |= np.abs(lines.position - position) < 2.0 * BEYOND * width
    kept = Fit(lines, before.esd[old], before.misfit[old], before.background[old], before.model)
    return fit_lines(grid, lines, shape, settings, before=kept, changed=changed)


def _candidates(grid: Grid, fit: Fit, law: WidthLaw, settings: FindSettings, *, threshold: float) -> Lines:
    """New lines in what the fit leaves, strongest first taken, their flanks and Kα₂ ghosts passed over."""
    x = grid.two_theta
    stride = max(int(law.typical / grid.step / PLACES_A_WIDTH), 1)
    centres = x[::stride]
    if law.typical < 3.0 * grid.step:
        centres = np.sort(np.r_[x, 0.5 * (x[1:] + x[:-1])])
    base = law.at(centres)
    factors = np.asarray(settings.width_factors, dtype=np.float64)
    level = np.maximum(grid.background + fit.model, 0.5 * grid.background)
    signal = grid.intensity - grid.background - fit.model
    area, sigma, z = filter_lines(grid, signal=signal, level=level, centres=centres, base=base, factors=factors, eta=law.eta)
    best = np.argmax(z, axis=1)
    rows = np.arange(centres.size)
    top = z[rows, best]
    above = np.r_[-np.inf, top, -np.inf]
    peaked = np.flatnonzero((top >= NEARLY * threshold) & (top >= above[:-2]) & (top >= above[2:]))
    peaked = peaked[np.argsort(-top[peaked], kind="stable")]
    found = Lines(centres[peaked], area[peaked, best[peaked]], base[peaked] * factors[best[peaked]], np.full(peaked.size, law.eta))
    noise = sigma[peaked, best[peaked]]
    keep = _clear_of_stronger(grid, found, base[peaked])
    found, noise = found.chosen(keep), noise[keep]
    margin = _systematic(grid, found, fit.lines, settings)
    share = 1.0 - margin / np.maximum(heights(found, grid.shares), 1e-300)
    sure = share * found.area / noise >= NEARLY * threshold
    found = found.chosen(sure)
    return found.chosen(np.argsort(found.position, kind="stable"))


def _clear_of_stronger(grid: Grid, found: Lines, base: FloatArray) -> BoolArray:
    """(m,) False for a candidate (in falling significance) that a stronger one explains: its flank, its Kα₂, the place whose Kα₂ it is."""
    keep = np.ones(found.count, dtype=np.bool_)
    places = spectral_positions(found.position, grid.ratios)
    for i in range(found.count):
        taken = np.flatnonzero(keep[:i])
        if not taken.size:
            continue
        distance = np.abs(found.position[i] - found.position[taken]) / np.maximum(base[i], found.fwhm[taken])
        smaller = found.area[i] < GHOST_SHARE * found.area[taken]
        echo = np.zeros(taken.size, dtype=np.bool_)
        for line in range(1, grid.ratios.size):
            split = places[taken, line] - places[taken, 0]
            offset = found.position[i] - found.position[taken]
            echo |= np.minimum(np.abs(offset - split), np.abs(offset + split)) < FLANK * base[i]
        keep[i] = not ((distance < FLANK) | (echo & smaller)).any()
    return keep


def _systematic(grid: Grid, candidates: Lines, lines: Lines, settings: FindSettings) -> FloatArray:
    """(m,) counts of height that the imperfect profiles of much stronger neighbours may leave at each candidate."""
    if not (lines.count and candidates.count):
        return np.zeros(candidates.count)
    own, top = heights(candidates, grid.shares), heights(lines, grid.shares)
    places = spectral_positions(lines.position, grid.ratios)
    distance = np.abs(candidates.position[:, None, None] - places)
    width, eta = lines.fwhm[:, None], lines.eta[:, None]
    # The shape relative to its top, at the nearest point within a width.
    u = np.maximum(distance / width - 1.0, 0.0)
    lorentz, gauss = 2.0 / np.pi, 2.0 * np.sqrt(np.log(2.0) / np.pi)
    shape = (eta * lorentz / (1.0 + 4.0 * u * u) + (1.0 - eta) * gauss * np.exp(-4.0 * np.log(2.0) * u * u)) / (
        eta * lorentz + (1.0 - eta) * gauss
    )
    tail = settings.systematic_tail * np.maximum(1.0 - distance / (settings.systematic_reach * width), 0.0)
    # A bump in a strong line's tail that is wider than the line is the tail's own shape.
    broad = np.maximum(candidates.fwhm[:, None, None] / width, 1.0) ** 2
    tail = tail * broad
    margin = top[:, None] * grid.shares / grid.shares[0] * np.maximum(settings.systematic_floor * shape, tail)
    stronger = top[None, :] > MUCH_STRONGER * own[:, None]
    return np.asarray(np.where(stronger, margin.max(axis=2), 0.0).max(axis=1))


def _pruned(grid: Grid, fit: Fit, law: WidthLaw, settings: FindSettings, *, threshold: float) -> Fit:
    """The fit without lines that do not hold: negative, out of range, insignificant, or within a neighbour's misfit."""
    for _ in range(4):
        lines = fit.lines
        if not lines.count:
            return fit
        z = significances(grid, lines, fit.model)
        margin = _systematic(grid, lines, lines, settings)
        share = 1.0 - margin / np.maximum(heights(lines, grid.shares), 1e-300)
        holds = (lines.area > 0) & (z * share >= threshold * np.sqrt(np.maximum(fit.misfit, 1.0)))
        holds &= (lines.position >= grid.two_theta[0]) & (lines.position <= grid.two_theta[-1])
        if holds.all():
            return fit
        fit = _fitted(grid, lines.chosen(np.flatnonzero(holds)), law, settings, before=fit)
    return fit
