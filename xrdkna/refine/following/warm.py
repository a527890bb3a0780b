"""The warm fit: from where the scan before ended to where this one ends, in one evaluation as a rule.

The last scan leaves its solution, its calculated pattern and its Jacobian. The next scan takes a first step with that Jacobian (no
evaluation at all), evaluates model and derivatives once where it lands, and takes a second, full step (a chord step before a
Gauss–Newton step; Ortega & Rheinboldt 1970, ch. 7). What is left then is what does not follow its parameters straight: the halos, the
weights, and the cell of a phase that has become more or less meanwhile. All three cost next to nothing to compute anew, so the last
steps take them as they are, and everything else by its derivatives. Where a full step promises too much for that, the whole
model is evaluated again.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from xrdkna.records.arrays import BoolArray, FloatArray
from xrdkna.records.scan import Pattern
from xrdkna.refine.following.grid import Grid
from xrdkna.refine.forward.model import Evaluation, smooth_part
from xrdkna.refine.forward.noise import FEWEST_COUNTS, variance_factor
from xrdkna.refine.kernels.normal_equations import gradient_of, normal_equations
from xrdkna.refine.search.bounded import inverse_of, live_step
from xrdkna.refine.trust.series_doubts import NOTHING_FOUND, NOTHING_STANDS, Examined, Standing

# A full step that promises more than this of χ² asks for another evaluation of the lines …
_SETTLED = 12.0
# … and so does one that leaves more than this undone, in esds. A full step of e esds of a phase that shows with s sigmas leaves some
# e (5 + e)/s undone, by trial on six seeds of the speed workload; a few in a hundred leave twice to four times that.
_UNDONE, _SLOWNESS = 0.025, 5.0
# Where full steps shrink by the same factor from one to the next, the sum of all to come is taken; up to this factor.
_LARGEST_FACTOR = 0.7
# Steps with halos and weights anew; one that promises less than this of χ² (a thirtieth of an esd) is the last.
_LAST_STEPS, _LEAST_PROMISE = 3, 0.001
# Full steps of one scan before it is handed to the cold start; one is the rule.
_MOST_STEPS = 10

Variance = Callable[[FloatArray], FloatArray]


@dataclass(frozen=True, slots=True)
class Link:
    """Where a scan ended: (p,) values, (n,) calculated counts there and what of them is smooth; (q, n) Jacobian and (q, q) normal
    matrix of the data, both of the last evaluation; slopes: (d, q) of what is tied; live: (q,) what was moved; weight: (n,)
    1/variance; gof: of the chain so far; examined: what was found when counts and model were last compared; standing:
    what the last cold start found."""

    values: FloatArray
    calculated: FloatArray
    smooth: FloatArray
    jacobian: FloatArray
    normal: FloatArray
    slopes: FloatArray
    live: BoolArray
    weight: FloatArray
    chi_squared: float
    converged: bool
    evaluations: int
    gof: float
    examined: Examined = NOTHING_FOUND
    standing: Standing = NOTHING_STANDS


def settle(pattern: Pattern, grid: Grid, link: Link) -> Link:
    """Where this scan ends, from where the one before did; not converged if it will not settle. The Jacobian of `link` may be gone
    afterwards (`renewed`)."""
    observed, variance = grid.taken(pattern.intensity), variance_of(pattern, grid)
    values, jacobian, normal, slopes = link.values, link.jacobian, link.normal, link.slopes
    gradient = np.empty(grid.index.size)
    gradient_of(jacobian, 1.0 / variance(link.calculated), observed - link.calculated, gradient)
    live = grid.live(values, normal, link.chi_squared)
    step, _ = live_step(normal, gradient, live, values[grid.index], grid.room)
    before, evaluations = None, 0
    while evaluations < _MOST_STEPS:
        values = grid.moved(values, step)
        jacobian, normal, slopes = grid.emptied(), np.empty_like(normal), grid.slopes(values)
        evaluation = grid.evaluate(values, slopes, jacobian)
        evaluations += 1
        calculated = evaluation.calculated
        weight, residual = 1.0 / variance(calculated), observed - calculated
        normal_equations(jacobian, weight, residual, normal, gradient)
        live = grid.live(values, normal, float(weight @ residual**2))
        step, promise = live_step(normal, gradient, live, values[grid.index], grid.room)
        if promise <= _SETTLED and _undone(grid, values, step, normal) <= _UNDONE:
            break
        if before is not None:
            step = _with_those_to_come(grid, values, step, before, normal)
        before = step
    ended = _last_steps(grid, values, step, evaluation, jacobian, normal, live, observed, variance)
    jacobian *= ended.stretch[:, None]
    normal *= ended.stretch[:, None] * ended.stretch
    chi_squared = float(ended.weight @ (observed - ended.calculated) ** 2)
    return Link(
        ended.values, ended.calculated, ended.smooth, jacobian, normal, slopes, live, ended.weight,
        chi_squared, promise <= _SETTLED, evaluations, link.gof, standing=link.standing,
    )  # fmt: skip


def renewed(grid: Grid, link: Link) -> Link:
    """The link with a Jacobian again, where a scan that is not to be followed has taken its place."""
    jacobian = np.zeros_like(link.jacobian)
    grid.evaluate(link.values, link.slopes, jacobian)
    return replace(link, jacobian=jacobian)


def _undone(grid: Grid, values: FloatArray, step: FloatArray, normal: FloatArray) -> float:
    """About how many esds a full step (q,) leaves undone: faint phases are slow to settle, because noise bends χ² as much as they do."""
    sizes = np.sqrt(np.maximum(((grid.groups @ (step[:, None] * normal * step)) * grid.groups).sum(axis=1), 0.0))
    sigmas = np.maximum(grid.sigmas(values, normal), 1.0)
    # what phases share is as certain as the strongest of them
    sigmas = np.append(sigmas, sigmas.max(initial=1.0))
    return float(np.max(sizes * (_SLOWNESS + sizes) / sigmas))


def _with_those_to_come(grid: Grid, values: FloatArray, step: FloatArray, before: FloatArray, normal: FloatArray) -> FloatArray:
    """(q,) the step and all that would follow it, if each is the same share of the one before (Aitken 1926), within bounds."""
    length = float(before @ normal @ before)
    factor = float(before @ normal @ step) / length if length > 0.0 else 0.0
    free = values[grid.index]
    longer = step / (1.0 - min(max(factor, -_LARGEST_FACTOR), _LARGEST_FACTOR))
    return np.asarray(np.clip(longer, grid.room[0] - free, grid.room[1] - free))


@dataclass(frozen=True, slots=True)
class _Ended:
    """values: (p,); calculated, smooth, weight: (n,); stretch: (q,) by how much derivatives have grown with the amounts."""

    values: FloatArray
    calculated: FloatArray
    smooth: FloatArray
    weight: FloatArray
    stretch: FloatArray


def _last_steps(
    grid: Grid,
    values: FloatArray,
    step: FloatArray,
    evaluation: Evaluation,
    jacobian: FloatArray,
    normal: FloatArray,
    live: BoolArray,
    observed: FloatArray,
    variance: Variance,
) -> _Ended:
    """The end of a full step, and of some more with the same derivatives, of the lines alone: background, halos and weights are exact."""
    lines = evaluation.calculated - evaluation.smooth
    gradient, total = np.empty_like(step), step
    for _ in range(_LAST_STEPS):
        there = grid.moved(values, total)
        smooth = smooth_part(grid.model, there)
        stretch = grid.growth(values, there)
        calculated = lines + np.where(grid.smooth, 0.0, stretch * total) @ jacobian + smooth
        weight = 1.0 / variance(calculated)
        gradient_of(jacobian, weight, observed - calculated, gradient)
        more, promise = live_step(normal, gradient, live, there[grid.index], grid.room)
        if promise < _LEAST_PROMISE:
            break
        total = total + more
    return _Ended(there, calculated, smooth, weight, stretch)


def variance_of(pattern: Pattern, grid: Grid) -> Variance:
    """`expected_variance` of this pattern, with what does not depend on the model worked out once."""
    sigma = grid.taken(pattern.sigma)
    factor = variance_factor(grid.taken(pattern.intensity), sigma, pattern.sigma_source)
    if factor is None:
        measured = sigma**2
        return lambda calculated: measured
    return lambda calculated: factor * np.maximum(calculated, FEWEST_COUNTS)


def covariance_of(grid: Grid, ended: Link) -> FloatArray:
    """(q, q) inverse information of the refined parameters, and what a zero that is held and known only so well adds to it (as
    `known_uncertainty`; unscaled). The rows of those at rest at a bound are zero, but for amounts and widths: a phase or a hump that is not
    there still has an esd, and from it a detection limit."""
    free, (lower, upper, _, pull) = ended.values[grid.index], grid.room
    held = ((free <= lower) | (free >= upper)) & ~grid.uncertain
    inner = np.flatnonzero(~held & ended.live)
    normal = ended.normal[inner[:, None], inner]
    normal.flat[:: inner.size + 1] += pull[inner]
    covariance = np.zeros_like(ended.normal)
    covariance[inner[:, None], inner] = inverse_of(normal)
    if grid.zero_known_to > 0.0:
        # all lines move with the zero alike, so what it would change is the slope of the pattern they make
        moved = -_slope(ended.calculated - ended.smooth) / _slope(grid.model.two_theta)
        follows = covariance @ (ended.jacobian @ (ended.weight * moved))
        misfit = max(ended.chi_squared / max(ended.calculated.size - grid.index.size, 1), 1.0)
        covariance += grid.zero_known_to**2 / misfit * np.outer(follows, follows)
    return covariance


def _slope(of: FloatArray) -> FloatArray:
    """(n,) derivative by the number of the point, from four neighbours (fourth order)."""
    slope = np.zeros(of.size)
    slope[2:-2] = (8.0 * (of[3:-1] - of[1:-3]) - (of[4:] - of[:-4])) / 12.0
    slope[[0, 1, -2, -1]] = slope[2], slope[2], slope[-3], slope[-3]
    return slope
