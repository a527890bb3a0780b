"""How far the lines of a phase leave the ratios of its structure: what free texture learns from the lines themselves."""

import numpy as np

from xrdkna.records.arrays import FloatArray
from xrdkna.refine.forward.model import Model
from xrdkna.refine.forward.parameters import Ties
from xrdkna.refine.search.released import moving_parameters
from xrdkna.refine.search.solver import Solution

# No packing is better than this, and beyond this no ratio says anything.
_RANGE = (0.003, 1.5)
_STRAY_LINE = 2.5
_MEDIAN_OF_CHI_SQUARED = 0.4549  # of one degree of freedom


def learn_texture(model: Model, ties: Ties, values: FloatArray, solution: Solution, released: set[str]) -> dict[str, float]:
    """How far each phase's lines leave the calculated ratios: the EM step τ² = mean(ε² + var ε) (Dempster et al. 1977), with ε
    cut at some widths of the middle one: one weak line in the misfit of a strong neighbour must not set the whole phase free.
    released: the kinds that moved in the solution."""
    covariance = solution.covariance()
    position = {int(parameter): i for i, parameter in enumerate(np.flatnonzero(moving_parameters(model, ties, released)))}
    spread = {}
    for term in model.phases:
        own = [int(parameter) for parameter in np.unique(term.texture[term.texture >= 0]) if int(parameter) in position]
        rows = [position[parameter] for parameter in own]
        if rows:
            square, variance = values[own] ** 2, np.diag(covariance)[rows]
            most = _STRAY_LINE**2 * float(np.median(square + variance)) / _MEDIAN_OF_CHI_SQUARED
            typical = float(np.sqrt(np.mean(np.minimum(square, most) + variance)))
            spread[term.reflections.phase] = float(np.clip(typical, *_RANGE))
    return spread
