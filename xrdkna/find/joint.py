"""All reflections of a scan fitted: those that overlap together, the rest held while a group is fitted."""

from dataclasses import dataclass

import numpy as np

from xrdkna.find.grid import Grid
from xrdkna.find.group import Shape, fit_groups
from xrdkna.find.lines import NO_LINES, Lines, profile
from xrdkna.records.arrays import BoolArray, FloatArray


@dataclass(frozen=True, slots=True)
class Fit:
    """lines: as fitted. esd: (m, 4) of position, area, fwhm, eta, misfit included. misfit: (m,) reduced χ² near each
    line, 1 where it is as it should be. background: (m,) counts under the line. model: (n,) counts of all lines on the grid."""

    lines: Lines
    esd: FloatArray
    misfit: FloatArray
    background: FloatArray
    model: FloatArray


def no_fit(grid: Grid) -> Fit:
    """The fit of no line at all."""
    return Fit(NO_LINES, np.empty((0, 4)), np.empty(0), np.empty(0), np.zeros(grid.two_theta.size))


def fit_lines(
    grid: Grid, lines: Lines, shape: Shape, *, tolerance: float, before: Fit | None = None, changed: BoolArray | None = None
) -> Fit:
    """One pass over all groups: position, area, width and shape of every line, a free straight background in each group.

    tolerance: EXACT or ROUGH.
    before, changed: a fit that holds these lines' esds and their model, and (m,) True for those to fit again; groups without any
    are taken over.
    """
    m = lines.how_many
    if before is None or changed is None:
        esd, misfit, under = np.ones((m, 4)), np.ones(m), np.interp(lines.position, grid.two_theta, grid.background)
        model, changed = profile(lines, grid), np.ones(m, dtype=np.bool_)
    else:
        esd, misfit, under, model = before.esd.copy(), before.misfit.copy(), before.background.copy(), before.model.copy()
    fitted = Lines(*(array.copy() for array in lines))
    fit_groups(grid, fitted, shape, changed, esd, misfit, under, model, tolerance)
    order = np.argsort(fitted.position, kind="stable")
    return Fit(fitted.chosen(order), esd[order], misfit[order], under[order], model)
