"""Rounds of finding: filter what is left, add what is significant, fit all together, drop what does not hold."""

import numpy as np

from xrdkna.find.blends import settled_lines, shape_from_law
from xrdkna.find.grid import Grid, with_rest_smoothed
from xrdkna.find.group import BEYOND, EXACT, ROUGH
from xrdkna.find.joint import Fit, fit_lines, no_fit
from xrdkna.find.lines import Lines, heights, profile
from xrdkna.find.margin import clear_of_stronger, systematic_heights
from xrdkna.find.settings import FindSettings
from xrdkna.find.significance import filter_lines, significances
from xrdkna.find.width import WidthLaw
from xrdkna.records.arrays import FloatArray

# Places looked at in a width: a line midway between two loses 4 % of its significance, which the threshold for candidates
# allows for; the fitted line is held to the full threshold.
PLACES_A_WIDTH = 3.0
NEARLY = 0.95
# With fewer steps in a width, every place and every middle between two is looked at.
FEWEST_STEPS = 3.0
# Dropping a line may push another below the threshold, but hardly ever a fourth time.
PRUNINGS = 4


def search_lines(grid: Grid, law: WidthLaw, settings: FindSettings, *, threshold: float) -> tuple[Fit, FloatArray]:
    """All lines that reach the threshold, fitted, and the significance of each."""
    fit = no_fit(grid)
    for _ in range(settings.rounds):
        more = _candidates(grid, fit, law, settings, threshold=threshold)
        if not more.how_many:
            break
        grown = _refitted(grid, fit.lines.with_more(more), law, settings, fit, tolerance=ROUGH)
        grown, _ = _pruned(grid, grown, law, settings, threshold=threshold, tolerance=ROUGH)
        unchanged = grown.lines.how_many == fit.lines.how_many and np.allclose(grown.lines.position, fit.lines.position, atol=1e-3)
        fit = grown
        if unchanged:
            break
    if not fit.lines.how_many:
        return fit, np.empty(0)
    # Once only: where strong lines fit badly, a second turn would take their misfit for background.
    grid = with_rest_smoothed(grid, fit.model)
    lines = settled_lines(grid, fit, law, settings, threshold=threshold)
    fit = fit_lines(grid, lines, shape_from_law(law, lines, settings), tolerance=EXACT)
    return _pruned(grid, fit, law, settings, threshold=threshold, tolerance=EXACT)


def _refitted(grid: Grid, lines: Lines, law: WidthLaw, settings: FindSettings, before: Fit, *, tolerance: float) -> Fit:
    """The lines fitted where the list differs from that of the fit `before`: only groups that gained or lost a line."""
    shape = shape_from_law(law, lines, settings)
    if not before.lines.how_many:
        return fit_lines(grid, lines, shape, tolerance=tolerance)
    old = np.minimum(np.searchsorted(before.lines.position, lines.position), before.lines.how_many - 1)
    changed = before.lines.position[old] != lines.position
    gone = before.lines.chosen(~np.isin(before.lines.position, lines.position))
    for position, width in zip(gone.position, gone.fwhm, strict=True):
        changed = changed | (np.abs(lines.position - position) < 2.0 * BEYOND * width)
    new = lines.chosen(before.lines.position[old] != lines.position)
    model = before.model + profile(new, grid) - profile(gone, grid)
    kept = Fit(lines, before.esd[old], before.misfit[old], before.background[old], model)
    return fit_lines(grid, lines, shape, tolerance=tolerance, before=kept, changed=changed)


def _candidates(grid: Grid, fit: Fit, law: WidthLaw, settings: FindSettings, *, threshold: float) -> Lines:
    """New lines in what the fit leaves, strongest first taken, their flanks and Kα₂ ghosts passed over."""
    stride = max(int(law.typical / grid.step / PLACES_A_WIDTH), 1)
    centres = np.ascontiguousarray(grid.two_theta[::stride])
    coarse = law.typical < FEWEST_STEPS * grid.step
    if coarse:
        centres = np.sort(np.r_[centres, 0.5 * (centres[1:] + centres[:-1])])
    base = law.at(centres)
    level = np.maximum(grid.background + fit.model, 0.5 * grid.background)
    signal = grid.intensity - grid.background - fit.model
    least, factors = NEARLY * threshold, np.asarray(settings.width_factors, dtype=np.float64)
    chosen, area, sigma, z = filter_lines(
        grid,
        signal=signal,
        level=level,
        centres=centres,
        base=base,
        factors=factors,
        eta=law.eta,
        threshold=None if coarse else least,
    )
    best = np.argmax(z, axis=1)
    top = np.full(centres.size + 2, -np.inf)
    top[chosen + 1] = z[np.arange(chosen.size), best]
    here = top[chosen + 1]
    peaked = np.flatnonzero((here >= least) & (here >= top[chosen]) & (here >= top[chosen + 2]))
    peaked = peaked[np.argsort(-here[peaked], kind="stable")]
    best, place = best[peaked], chosen[peaked]
    found = Lines(centres[place], area[peaked, best], base[place] * factors[best], np.full(peaked.size, law.eta))
    keep = clear_of_stronger(found, base[place], grid.ratios)
    found, noise = found.chosen(keep), sigma[peaked, best][keep]
    share = 1.0 - _systematic(grid, found, fit.lines, settings) / np.maximum(heights(found, grid.shares), 1e-300)
    found = found.chosen(share * found.area / noise >= least)
    return found.chosen(np.argsort(found.position, kind="stable"))


def _systematic(grid: Grid, candidates: Lines, lines: Lines, settings: FindSettings) -> FloatArray:
    """(m,) counts of height that the imperfect profiles of much stronger neighbours may leave at each candidate."""
    limits = (settings.systematic_floor, settings.systematic_tail, settings.systematic_reach)
    return np.asarray(systematic_heights(candidates, lines, grid.ratios, grid.shares, *limits))


def _pruned(grid: Grid, fit: Fit, law: WidthLaw, settings: FindSettings, *, threshold: float, tolerance: float) -> tuple[Fit, FloatArray]:
    """The fit without lines that do not hold: negative, out of range, insignificant, or within a neighbour's misfit; and the
    significance of each that stays."""
    for _ in range(PRUNINGS):
        lines = fit.lines
        z = significances(grid, lines, fit.model)
        margin = _systematic(grid, lines, lines, settings)
        share = 1.0 - margin / np.maximum(heights(lines, grid.shares), np.maximum(1e-6 * margin, 1e-300))
        holds = (lines.area > 0) & (z * share >= threshold * np.sqrt(np.maximum(fit.misfit, 1.0)))
        holds &= (lines.position >= grid.two_theta[0]) & (lines.position <= grid.two_theta[-1])
        if holds.all():
            return fit, z
        fit = _refitted(grid, lines.chosen(holds), law, settings, fit, tolerance=tolerance)
    return fit, significances(grid, fit.lines, fit.model)
