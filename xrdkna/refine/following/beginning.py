"""How a chain of fits begins: from values known from elsewhere, or from the cold."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from xrdkna.records.arrays import FloatArray
from xrdkna.records.scan import Pattern
from xrdkna.refine.following.grid import Grid
from xrdkna.refine.following.warm import Link, settle, variance_of
from xrdkna.refine.kernels.normal_equations import gradient_of, normal_equations
from xrdkna.refine.search.bounded import live_step
from xrdkna.refine.search.fit import fit_model
from xrdkna.refine.search.released import starting_values
from xrdkna.refine.settings import RefineSettings
from xrdkna.refine.trust.series_doubts import NOTHING_STANDS, Standing

# A scan whose goodness of fit exceeds the chain's by this factor is out of line.
OUT_OF_LINE = 1.5
# Weights follow the amounts: the second round is with the right ones.
_ROUNDS_OF_AMOUNTS = 2


def from_known(pattern: Pattern, grid: Grid, known: Mapping[str, float]) -> Link | None:
    """Where the scan ends from values known from elsewhere, amounts apart, which a scan tells at once; None where no amount is known."""
    if not any(grid.names[scale] in known for scale in grid.scale.tolist()):
        return None
    values = grid.ties.follow(starting_values(grid.model, grid.ties, known))
    amounts, gradient = np.isin(grid.index, grid.model.amounts), np.empty(grid.index.size)
    for _ in range(_ROUNDS_OF_AMOUNTS):
        link = _linked(pattern, grid, values)
        gradient_of(link.jacobian, link.weight, grid.taken(pattern.intensity) - link.calculated, gradient)
        step, _ = live_step(link.normal, gradient, amounts, values[grid.index], grid.room)
        values = grid.moved(values, step)
    return settle(pattern, grid, _linked(pattern, grid, values))


def _linked(
    pattern: Pattern,
    grid: Grid,
    values: FloatArray,
    *,
    converged: bool = True,
    evaluations: int = 0,
    standing: Standing = NOTHING_STANDS,
) -> Link:
    """The link at these values (p,)."""
    observed, q = grid.taken(pattern.intensity), grid.index.size
    jacobian, normal, slopes = np.zeros((q, observed.size)), np.empty((q, q)), grid.slopes(values)
    evaluation = grid.evaluate(values, slopes, jacobian)
    residual = observed - evaluation.calculated
    weight = 1.0 / variance_of(pattern, grid)(evaluation.calculated)
    normal_equations(jacobian, weight, residual, normal, np.empty(q))
    chi_squared = float(weight @ residual**2)
    live = grid.live(values, normal, chi_squared)
    return Link(
        values, evaluation.calculated, evaluation.smooth, jacobian, normal, slopes, live, weight,
        chi_squared, converged, evaluations, 1.0, standing=standing,
    )  # fmt: skip


def from_the_cold(pattern: Pattern, grid: Grid, known: Mapping[str, float], settings: RefineSettings) -> Link:
    """All stages of the plan; then phases that do not show go back to their reference cells and usual widths, where they stay
    while the others settle."""
    fitted = fit_model(pattern, grid.used, grid.model, grid.ties, settings, initial=known)
    standing = Standing(rivals=fitted.rivals, texture_sd=fitted.texture_sd)
    ended = _linked(pattern, grid, fitted.values, converged=fitted.converged, evaluations=fitted.evaluations, standing=standing)
    if ended.live.all():
        return ended
    values = ended.values.copy()
    asleep = grid.index[~ended.live]
    values[asleep] = grid.ties.start[asleep]
    settled = settle(pattern, grid, replace(ended, values=grid.ties.follow(values)))
    if settled.chi_squared > OUT_OF_LINE * ended.chi_squared:
        return ended
    return replace(settled, evaluations=settled.evaluations + fitted.evaluations)
