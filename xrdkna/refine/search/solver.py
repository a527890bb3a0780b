"""Levenberg–Marquardt for a model with bounds, soft priors and ties (Marquardt 1963; Moré 1978 for the scaling).

The unknowns are the free parameters f; the model's own parameters follow as values = expand(f), the identity where
nothing is tied. Gaussian priors enter as further observations; a parameter at a bound that the gradient pushes outwards
is held for that step (an active set, re-decided each step).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.linalg import eigh

from xrdkna.records.arrays import BoolArray, FloatArray
from xrdkna.refine.kernels.normal_equations import normal_equations
from xrdkna.refine.search.bounded import bounded_step

# A step that promises less than this of χ² moves nothing by a twentieth of its esd.
_LEAST_PROMISE = 0.0025
# Lines are followed only so far, and where their windows end χ² is rough by about this much: a step that promises less and
# fails has met that, not a wrong direction.
_ROUGHNESS = 0.2

Evaluate = Callable[[FloatArray], tuple[FloatArray, FloatArray]]


@dataclass(frozen=True, slots=True)
class Problem:
    """observed, weight: (n,), weight = 1/σ². evaluate(f) gives (n,) and its (p, n) jacobian.

    lower, upper, prior_mean, prior_weight: (p,); prior_weight 0 where there is no prior.
    """

    observed: FloatArray
    weight: FloatArray
    evaluate: Evaluate
    lower: FloatArray
    upper: FloatArray
    prior_mean: FloatArray
    prior_weight: FloatArray


@dataclass(frozen=True, slots=True)
class Solution:
    """values: (p,). normal: (p, p) information including priors. held: (p,) True where a bound stops the parameter.

    chi_squared: of the data alone. objective: with the priors. converged: False when the iterations ran out.
    """

    values: FloatArray
    calculated: FloatArray
    normal: FloatArray
    held: BoolArray
    chi_squared: float
    objective: float
    converged: bool
    evaluations: int

    def covariance(self, *, known_though_held: BoolArray | None = None) -> FloatArray:
        """(p, p) inverse information; rows of held parameters are zero, but for those that are known_though_held (p,): an
        amount that rests at zero is still uncertain. Directions the data say nothing about, and no prior holds, get the
        pseudo-inverse's zero rather than infinity."""
        free = ~self.held if known_though_held is None else ~self.held | known_though_held
        full = np.zeros_like(self.normal)
        scale = np.sqrt(np.maximum(np.diag(self.normal)[free], 1e-300))
        values, vectors = eigh(self.normal[np.ix_(free, free)] / np.outer(scale, scale))
        inverse = np.where(values > 1e-12, 1.0 / np.maximum(values, 1e-12), 0.0)
        full[np.ix_(free, free)] = (vectors * inverse) @ vectors.T / np.outer(scale, scale)
        return full


def solve(problem: Problem, start: FloatArray, *, tolerance: float, max_iterations: int) -> Solution:
    """The least-squares solution from `start` (p,), clipped into the bounds first."""
    values = np.clip(start, problem.lower, problem.upper)
    calculated, jacobian = problem.evaluate(values)
    objective = _objective(problem, values, calculated)
    normal, gradient = _normal_equations(problem, values, calculated, jacobian)
    damping, evaluations, converged = 1e-4, 1, False
    while evaluations <= max_iterations and not converged:
        step = bounded_step(normal, gradient, problem.lower - values, problem.upper - values, damping)
        promise = 2.0 * gradient @ step - step @ normal @ step
        if promise <= max(tolerance * objective, _LEAST_PROMISE):
            converged = True
            break
        trial = np.clip(values + step, problem.lower, problem.upper)
        # The jacobian comes with the trial: nearly every trial is accepted, and then it is the next one's.
        trial_calculated, trial_jacobian = problem.evaluate(trial)
        trial_objective = _objective(problem, trial, trial_calculated)
        evaluations += 1
        gain = objective - trial_objective
        if not gain >= -1e-12 * objective:
            damping *= 8.0
            converged = damping > 1e8 or bool(promise < _ROUGHNESS)
            continue
        values, calculated, jacobian, objective = trial, trial_calculated, trial_jacobian, trial_objective
        damping = max(damping * 0.2, 1e-9)
        normal, gradient = _normal_equations(problem, values, calculated, jacobian)
        converged = gain <= tolerance * max(objective, 1.0)
    return Solution(
        values=values,
        calculated=calculated,
        normal=normal,
        held=_held(problem, values, gradient),
        chi_squared=float(np.sum(problem.weight * (problem.observed - calculated) ** 2)),
        objective=objective,
        converged=converged,
        evaluations=evaluations,
    )


def _objective(problem: Problem, values: FloatArray, calculated: FloatArray) -> float:
    data = np.sum(problem.weight * (problem.observed - calculated) ** 2)
    return float(data + np.sum(problem.prior_weight * (values - problem.prior_mean) ** 2))


def _normal_equations(problem: Problem, values: FloatArray, calculated: FloatArray, jacobian: FloatArray) -> tuple[FloatArray, FloatArray]:
    normal, gradient = np.empty((values.size, values.size)), np.empty(values.size)
    normal_equations(jacobian, problem.weight, problem.observed - calculated, normal, gradient)
    normal[np.diag_indices_from(normal)] += problem.prior_weight
    return normal, gradient - problem.prior_weight * (values - problem.prior_mean)


def _held(problem: Problem, values: FloatArray, gradient: FloatArray) -> BoolArray:
    low = (values <= problem.lower) & (gradient <= 0)
    high = (values >= problem.upper) & (gradient >= 0)
    return np.asarray(low | high)
