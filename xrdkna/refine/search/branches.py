"""March–Dollase coefficients on both sides of 1: a fit follows slopes, and a cubic crystal has none at 1.

Planes that lie flat (r < 1) and planes that stand upright (r > 1) both strengthen the lines of a cubic crystal along the axis and its
equivalents, the second less: χ² over r has two minima, with r = 1 a saddle between them. Both are visited. Where the data do not tell
them apart, what they say of each parameter is the mixture of the two, and its spread belongs into the covariance.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from xrdkna.records.arrays import FloatArray
from xrdkna.refine.forward.layout import Layout
from xrdkna.refine.forward.model import Model
from xrdkna.refine.forward.parameters import Ties
from xrdkna.refine.search.escape import Solve
from xrdkna.refine.search.solver import Solution

# Where each side is entered: a texture that any packing causes.
_SIDES = (0.7, 1.4)
# Closer to 1 than this, neither side has been chosen.
_UNDECIDED = 0.05
# Two minima whose coefficients differ by less than this are one.
_ONE = 1e-3
# A better minimum is better by more than a fit's own tolerance, and certain where it is better by three sigmas.
_BETTER, _CERTAIN = 0.5, 9.0
_ROUNDS = 4


@dataclass(frozen=True, slots=True)
class Branches:
    """The best solution and (p,) its values; other: (p,) where the rival minima lie, misfit: χ² per degree of freedom."""

    solution: Solution
    values: FloatArray
    others: tuple[tuple[FloatArray, float], ...]
    misfit: float
    evaluations: int

    def spread(self) -> FloatArray:
        """(p, p) what the rivals add to the covariance: Σ w δδᵀ, with δ from the best minimum to the other and w the probability of the
        other, e^(−Δχ²/2) of a Gaussian likelihood over the sum of all. (The second moment of a mixture about its main part.) Where
        three sigmas do not rule the other out, three esds reach it."""
        total = np.zeros((self.values.size, self.values.size))
        worse = [max(objective - self.solution.objective, 0.0) / self.misfit for _, objective in self.others]
        likely = np.exp(-0.5 * np.array(worse))
        for (values, _), odds, lost in zip(self.others, likely / (1.0 + likely.sum()), worse, strict=True):
            share = max(float(odds), 1.0 / _CERTAIN) if lost < _CERTAIN else float(odds)
            total += share * np.outer(values - self.values, values - self.values)
        return total


def without_slope(layout: Layout, values: FloatArray) -> tuple[str, ...]:
    """The March coefficients that stand at 1, where χ² may have no slope."""
    return tuple(name for name, place in layout.index.items() if name.startswith("march_") and abs(values[place] - 1.0) < _UNDECIDED)


def both_branches(model: Model, ties: Ties, solution: Solution, values: FloatArray, *, places: Sequence[int], solve: Solve) -> Branches:
    """The better of the two sides of 1 for each of these March coefficients, and the rivals met at the end.

    Phases are turned one by one, in rounds: what one phase's other side is worth shows only once the others are on the right one.
    """
    evaluations, turned = 0, True
    misfit = max(solution.chi_squared / max(solution.calculated.size - solution.values.size, 1), 1.0)
    others: list[tuple[FloatArray, float]] = []
    for _ in range(_ROUNDS):
        if not turned:
            break
        others, turned = [], False
        for place, side in ((place, side) for place in places for side in _SIDES):
            here = values[place]
            chosen = (here < 1.0) == (side < 1.0) and abs(here - 1.0) > _UNDECIDED
            if chosen or not ties.lower[place] <= side <= ties.upper[place]:
                continue
            trial = values.copy()
            trial[place] = side
            for kinds, finally_ in ((frozenset({"background", "scale", "halo"}), False), (None, True)):
                found, trial = solve(trial, kinds, finally_)
                evaluations += found.evaluations
            if abs(trial[place] - here) < _ONE:
                continue
            if found.objective < solution.objective:
                turned = turned or found.objective < solution.objective - _BETTER * misfit
                others.append((values, solution.objective))
                solution, values = found, trial
            else:
                others.append((trial, found.objective))
    return Branches(solution, values, tuple(others), misfit, evaluations)
