"""The least-squares problem with some kinds of parameters released: what moves, what pulls on it, what is known of it in the end."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

import numpy as np

from xrdkna.records.arrays import BoolArray, FloatArray, IntArray
from xrdkna.refine.forward.model import Model, calculate_with_jacobian
from xrdkna.refine.forward.parameters import Ties
from xrdkna.refine.search.solver import Problem, Solution, solve

# Amounts and line widths may rest at zero, which is a bound of theirs and no knowledge: what trades with them (the strain of a phase with
# its size, an absent phase with one that is there) is as uncertain as if they moved.
UNCERTAIN_AT_ZERO = ("scale", "background", "width", "shape")
# A phase shows when its scale exceeds this many of its esds.
_SHOWS = 3.0


@dataclass(frozen=True, slots=True)
class Released:
    """A problem in the moving parameters alone. moving: (m,) where they stand; expand(free) gives (p,) all values, ties followed."""

    problem: Problem
    moving: IntArray
    expand: Callable[[FloatArray], FloatArray]


def starting_values(model: Model, ties: Ties, given: Mapping[str, float]) -> FloatArray:
    """(p,) where the fit starts: what is given by name, clipped into the bounds, and the layout's starts elsewhere."""
    values = ties.start.copy()
    watched = {i for i, slot in enumerate(model.layout.slots) if slot.kind == "watched"}
    # A watched phase may stand at another cell, but it stays at zero.
    held = watched - {int(i) for term in model.phases[model.fitted_phases :] for i in term.cell}
    for name, value in given.items():
        if (i := model.layout.index.get(name)) is not None and ties.free[i] and i not in held:
            values[i] = min(max(value, ties.lower[i]), ties.upper[i])
    return values


def moving_parameters(model: Model, ties: Ties, released: set[str]) -> BoolArray:
    """(p,) True where a parameter of the released kinds moves."""
    kinds = np.array([slot.kind in released for slot in model.layout.slots])
    return np.asarray(kinds & ties.free)


def released_problem(
    model: Model,
    ties: Ties,
    values: FloatArray,
    observed: FloatArray,
    weight: FloatArray,
    released: set[str],
    texture_sd: Mapping[str, float],
) -> Released:
    """The problem with the kinds in `released` moving and all else at `values` (p,)."""
    moving = np.flatnonzero(moving_parameters(model, ties, released))
    rows = np.full(len(model.layout.slots), -1, dtype=np.int64)
    rows[moving] = np.arange(moving.size)
    rows[ties.dependent] = moving.size + np.arange(ties.dependent.size)

    def expand(free: FloatArray) -> FloatArray:
        full = values.copy()
        full[moving] = free
        return ties.follow(full)

    def evaluate(free: FloatArray) -> tuple[FloatArray, FloatArray]:
        full = expand(free)
        calculated, jacobian = calculate_with_jacobian(model, full, rows, moving.size + ties.dependent.size)
        if ties.dependent.size:
            jacobian = jacobian[: moving.size] + ties.slopes(full, moving).T @ jacobian[moving.size :]
        return calculated, jacobian

    mean, pull = priors(model, texture_sd)
    problem = Problem(observed, weight, evaluate, ties.lower[moving], ties.upper[moving], mean[moving], pull[moving])
    return Released(problem, moving, expand)


def solve_released(
    model: Model,
    ties: Ties,
    values: FloatArray,
    observed: FloatArray,
    weight: FloatArray,
    released: set[str],
    texture_sd: Mapping[str, float],
    tolerance: float,
    max_iterations: int,
) -> tuple[Solution, FloatArray]:
    """One least-squares solution with the kinds in `released` moving, and (p,) the values there, ties followed."""
    free = released_problem(model, ties, values, observed, weight, released, texture_sd)
    solution = solve(free.problem, values[free.moving], tolerance=tolerance, max_iterations=max_iterations)
    return solution, free.expand(solution.values)


def priors(model: Model, texture_sd: Mapping[str, float]) -> tuple[FloatArray, FloatArray]:
    """(p,) prior means and (p,) prior weights 1/sd², 0 where nothing pulls; textures with the spread learned so far.

    The mean of a texture deviation ε is its variance, not 0: with areas s(1 + ε) the least Σ ε² lies at a scale s too high by 1 + sd²,
    because a larger s makes every deviation relative to it smaller; at this mean it lies at Σ ε = 0.
    """
    mean = np.array([slot.prior_mean for slot in model.layout.slots])
    weight = np.array([0.0 if slot.prior_sd is None else slot.prior_sd**-2.0 for slot in model.layout.slots])
    for term in model.phases:
        if (sd := texture_sd.get(term.reflections.phase)) is not None:
            own = np.unique(term.texture[term.texture >= 0])
            mean[own], weight[own] = sd**2, sd**-2.0
    return mean, weight


def phase_of_each(model: Model) -> IntArray:
    """(p,) the phase that each parameter belongs to, its scale included; −1 for what phases share."""
    owner = np.full(len(model.layout.slots), -1, dtype=np.int64)
    firsts = [term.scale for term in model.phases]
    for k, first in enumerate(firsts):
        owner[first : firsts[k + 1] if k + 1 < len(firsts) else None] = k
    return owner


def unseen_parameters(model: Model, values: FloatArray, moving: IntArray, solution: Solution) -> BoolArray:
    """(p,) True for all that belongs to a phase that does not show: what is not there has no place, and the noise no end of them to
    choose from. moving: (m,) where the solution's parameters stand."""
    covariance = solution.covariance(known_though_held=np.ones(moving.size, dtype=np.bool_))
    esd = np.zeros(values.size)
    esd[moving] = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    scales = np.array([term.scale for term in model.phases], dtype=np.int64)
    return np.asarray(np.isin(phase_of_each(model), np.flatnonzero(values[scales] < _SHOWS * esd[scales])))


def full_covariance(model: Model, ties: Ties, values: FloatArray, moving: BoolArray, solution: Solution) -> FloatArray:
    """(p, p) unscaled covariance of all parameters: zero for what is held, propagated to what is tied."""
    index = np.flatnonzero(moving)
    transform = np.zeros((values.size, index.size))
    transform[index, np.arange(index.size)] = 1.0
    if ties.dependent.size:
        transform[ties.dependent] = ties.slopes(values, index)
    uncertain = np.array([model.layout.slots[i].kind in UNCERTAIN_AT_ZERO for i in index], dtype=np.bool_)
    return np.asarray(transform @ solution.covariance(known_though_held=uncertain) @ transform.T)


def known_uncertainty(
    model: Model, ties: Ties, values: FloatArray, moving: BoolArray, solution: Solution, weight: FloatArray, chosen: Collection[str]
) -> FloatArray:
    """(p, p) what held parameters that are known only so well add to the covariance of the others, unscaled: σ² s sᵀ with s how the
    solution would follow (Schmidt 1966, "consider" analysis). chosen: names whose value the user has a word on, who knows them."""
    total = np.zeros((values.size, values.size))
    slots = model.layout.slots
    held = [i for i, slot in enumerate(slots) if slot.known_to is not None and not moving[i] and slot.name not in chosen]
    index = np.flatnonzero(moving)
    rows = np.full(values.size, -1, dtype=np.int64)
    rows[[*index, *held]] = np.arange(index.size + len(held))
    _, jacobian = calculate_with_jacobian(model, values, rows, index.size + len(held)) if held else (None, np.zeros((0, 0)))
    for number, parameter in enumerate(held):
        follows = np.zeros(values.size)
        follows[index] = -solution.covariance() @ (jacobian[: index.size] @ (weight * jacobian[index.size + number]))
        if ties.dependent.size:
            follows[ties.dependent] = ties.slopes(values, index) @ follows[index]
        total += (slots[parameter].known_to or 0.0) ** 2 * np.outer(follows, follows)
    return total
