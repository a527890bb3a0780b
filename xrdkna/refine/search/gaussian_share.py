"""A way out for fits whose Gaussian widths have fallen below zero.

U tan²θ + V tan θ + W is the square of a width; where it is negative lines have no Gaussian part, and no slope tells the fit how to get
one back: a few lines at one end of the range are enough for a side minimum. A fit that ends so is tried again from an even Gaussian share
of its own widths, and the better of the two ends stays.
"""

import numpy as np

from xrdkna.records.arrays import FloatArray
from xrdkna.refine.forward.model import Model, line_list
from xrdkna.refine.forward.parameters import Ties
from xrdkna.refine.kernels.width_kernel import NARROWEST
from xrdkna.refine.search.escape import Solve
from xrdkna.refine.search.solver import Solution

GAUSSIAN = ("u", "v", "w")


def regain_gaussian(model: Model, ties: Ties, solution: Solution, values: FloatArray, *, solve: Solve) -> tuple[Solution, FloatArray, int]:
    """The better of this end and that of a fit with a Gaussian part to start from, its values (p,), and evaluations spent."""
    u, v, w, x = (model.layout.index[name] for name in (*GAUSSIAN, "x"))
    if not (ties.free[[u, v, w]].any() and gaussian_lost(model, values)):
        return solution, values, 0
    fwhm = float(np.median(line_list(model, values, phases=model.fitted_phases).fwhm))
    trial = values.copy()
    for place, value in ((u, 0.0), (v, 0.0), (w, (0.6 * fwhm) ** 2), (x, 0.5 * values[x])):
        if ties.free[place]:
            trial[place] = min(max(value, ties.lower[place]), ties.upper[place])
    evaluations = 0
    for kinds, finally_ in ((frozenset({"background", "scale", "width"}), False), (None, True)):
        found, trial = solve(trial, kinds, finally_)
        evaluations += found.evaluations
    if found.objective < solution.objective:
        return found, trial, evaluations
    return solution, values, evaluations


def gaussian_lost(model: Model, values: FloatArray) -> bool:
    """Whether the Gaussian width of some line in range is at its floor: there χ² has a kink."""
    u, v, w = (model.layout.index[name] for name in GAUSSIAN)
    lines = line_list(model, values, phases=model.fitted_phases)
    inside = (lines.position > model.two_theta[0]) & (lines.position < model.two_theta[-1]) & (lines.owner >= 0)
    tangent = np.tan(np.radians(lines.position[inside]) / 2.0)
    squared = values[u] * tangent**2 + values[v] * tangent + values[w]
    return bool(np.any(squared <= NARROWEST**2))
