"""The last steps of a fit: on until nothing is left to go, with the weights that belong to where it ends.

A fit that stops because χ² hardly falls may still be esds from the end of a flat valley. What is left is known: the undamped
Gauss–Newton step s promises to lower χ² by 2 g·s − s·N·s, the square of its length in esds (the Newton decrement; Boyd & Vandenberghe
2004, ch. 9.5), and no parameter moves by more esds than that length. A phase that does not show
has an amount, and no place to settle in.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from xrdkna.records.arrays import BoolArray, FloatArray
from xrdkna.refine.search.bounded import bounded_step
from xrdkna.refine.search.solver import Problem, Solution

# On until a step is shorter than this many esds …
_NOTHING = 0.003
# … but where the windows of lines end the gradient is rough: what comes to and fro by less than this has settled.
SETTLED = 0.1
# The same two where a search only asks who is there.
_NEARLY, _NEAR = 0.1, 0.3
# By so much (χ² a degree of freedom) χ² itself is rough for the same reason: a step that raises it by less is no step in a wrong direction.
_ROUGH = 0.2
_MOST_STEPS = 30
# A step in a wrong direction is shortened by damping (Marquardt 1963), from this on and by this factor.
_FIRST_DAMPING, _LEAST_DAMPING, _MORE, _LESS = 1e-4, 1e-8, 10.0, 0.2
_SHARES = (0.5, 4.0)

Weigh = Callable[[FloatArray, FloatArray], FloatArray]


def settle(
    problem: Problem, values: FloatArray, weigh: Weigh, *, awake: BoolArray, linear: BoolArray, smooth: BoolArray, roughly: bool = False
) -> tuple[Solution, FloatArray]:
    """The solution at the end of the valley in which `values` (p,) stand, and (n,) the weights there; converged: whether it is the end.

    weigh(free, calculated): (n,) the weights that a model with these values expects. awake: (p,) what still moves. linear: (p,) amounts,
    which the model is linear in. smooth: (p,) humps and background: they may trade what they explain along a valley without end, which is
    said by their esds and does not concern the lines. roughly: near enough for a search, which asks who is there and not for last digits.
    """
    here = best = _stand(problem, values, weigh, awake)
    damping, share, evaluations = 0.0, 1.0, 1
    enough, near = (_NEARLY, _NEAR) if roughly else (_NOTHING, SETTLED)
    told = awake & ~smooth
    while here.left > enough and evaluations < _MOST_STEPS and not (damping > _FIRST_DAMPING and here.furthest(told) < enough):
        step = share * here.step if damping == 0.0 else _step(problem, here.values, here.normal, here.gradient, awake, damping)
        there = _stand(problem, np.clip(here.values + step, problem.lower, problem.upper), weigh, awake)
        evaluations += 1
        highest = _objective(problem, here, here.weight) + _ROUGH * here.misfit
        if _objective(problem, there, here.weight) > highest:
            # Valleys bend because places and widths drag amounts along: amounts catch up exactly, in one step (Golub & Pereyra 1973).
            amounts = _step(problem, there.values, there.normal, there.gradient, awake & linear, 0.0)
            there = _stand(problem, np.clip(there.values + amounts, problem.lower, problem.upper), weigh, awake)
            evaluations += 1
        if _objective(problem, there, here.weight) > highest:
            damping, share = max(_MORE * damping, _FIRST_DAMPING), 1.0
            continue
        share = _share(share, here.step, there.step, there.normal) if damping == 0.0 else 1.0
        damping = _LESS * damping if damping > _LEAST_DAMPING else 0.0
        here = there
        # Steps may go to and fro for ever where the gradient is rough: the place with the least to go is the end.
        best = here if here.left < best.left else best
    return _ended(problem, best, told, near, evaluations)


def _ended(problem: Problem, here: "_Stand", told: BoolArray, near: float, evaluations: int) -> tuple[Solution, FloatArray]:
    return (
        Solution(
            values=here.values,
            calculated=here.calculated,
            normal=here.normal,
            held=here.held(problem),
            chi_squared=float(here.weight @ (problem.observed - here.calculated) ** 2),
            objective=_objective(problem, here, here.weight),
            converged=here.left < near or here.furthest(told) < near,
            evaluations=evaluations,
        ),
        here.weight,
    )


@dataclass(frozen=True, slots=True)
class _Stand:
    """A place in the valley: (p,) values, (n,) counts and weights, (p, p) information, (p,) gradient and undamped step, the length of that
    step in esds, and χ² a degree of freedom, ≥ 1."""

    values: FloatArray
    calculated: FloatArray
    weight: FloatArray
    normal: FloatArray
    gradient: FloatArray
    step: FloatArray
    left: float
    misfit: float

    def furthest(self, told: BoolArray) -> float:
        """By how many of its esds the step moves one of these parameters (p,) at most."""
        size = np.sqrt(np.maximum(np.diag(self.normal), 1e-300))
        scaled = self.normal / np.outer(size, size)
        scaled[np.diag_indices_from(scaled)] += 1e-12
        esd = np.sqrt(self.misfit * np.diag(np.linalg.inv(scaled))) / size
        return float(np.max(np.abs(self.step / esd)[told], initial=0.0))

    def held(self, problem: Problem) -> BoolArray:
        """(p,) True where a bound stops the parameter."""
        low, high = self.values <= problem.lower, self.values >= problem.upper
        return np.asarray((low & (self.gradient <= 0.0)) | (high & (self.gradient >= 0.0)))


def _stand(problem: Problem, values: FloatArray, weigh: Weigh, awake: BoolArray) -> _Stand:
    calculated, jacobian = problem.evaluate(values)
    weight, residual = weigh(values, calculated), problem.observed - calculated
    root = np.sqrt(weight)
    scaled = jacobian * root
    normal, gradient = scaled @ scaled.T, scaled @ (root * residual)
    normal[np.diag_indices_from(normal)] += problem.prior_weight
    gradient = gradient - problem.prior_weight * (values - problem.prior_mean)
    step = _step(problem, values, normal, gradient, awake, 0.0)
    freedom = float(max(calculated.size - values.size, 1))
    misfit = max(1.0, float(weight @ residual**2) / freedom)
    promise = float(2.0 * gradient @ step - step @ normal @ step)
    left = float(np.sqrt(max(promise, 0.0) / misfit))
    return _Stand(values, calculated, weight, normal, gradient, step, left, misfit)


def _step(problem: Problem, values: FloatArray, normal: FloatArray, gradient: FloatArray, awake: BoolArray, damping: float) -> FloatArray:
    """(p,) the best step within the bounds of what is awake."""
    step = np.zeros(values.size)
    low, high = (problem.lower - values)[awake], (problem.upper - values)[awake]
    step[awake] = bounded_step(np.ascontiguousarray(normal[np.ix_(awake, awake)]), gradient[awake], low, high, damping)
    return step


def _objective(problem: Problem, stand: _Stand, weight: FloatArray) -> float:
    """χ² with these weights, and what the priors cost."""
    data = weight @ (problem.observed - stand.calculated) ** 2
    return float(data + problem.prior_weight @ (stand.values - problem.prior_mean) ** 2)


def _share(share: float, before: FloatArray, step: FloatArray, normal: FloatArray) -> float:
    """How much of a step to take: steps that go to and fro meet half way, steps that creep are lengthened (Aitken's extrapolation as by
    Irons & Tuck 1969, Int. J. Numer. Methods Eng. 1, 275, with lengths in esds). share, before: of the last step."""
    change = step - before
    size = float(change @ normal @ change)
    return float(np.clip(-share * (before @ normal @ change) / size, *_SHARES)) if size > 0.0 else 1.0
