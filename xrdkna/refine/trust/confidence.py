"""Profile-likelihood intervals: how far a parameter can go before the best fit around it becomes too bad to believe."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from xrdkna.errors import RecipeError
from xrdkna.records.arrays import FloatArray
from xrdkna.records.refinement import ConfidenceInterval, Refinement
from xrdkna.refine.forward.model import calculate, calculate_with_jacobian
from xrdkna.refine.forward.parameters import Ties, profile_interval
from xrdkna.refine.search.fit import Fitted
from xrdkna.refine.search.released import priors

LEVEL = 0.95


def with_intervals(refinement: Refinement, fitted: Fitted, ties: Ties, names: Sequence[str]) -> Refinement:
    """The refinement with a 95 % interval at each parameter named.

    All other parameters are fitted again at every step (Venzon & Moolgavkar 1988), and χ² is compared by the F-test on the
    fit's own reduced χ², so that misfit widens the interval as it widens an esd.
    Raises RecipeError for a name that is no refined parameter of this fit.
    """
    known = {parameter.name: parameter for parameter in refinement.parameters}
    for name in names:
        if name not in known:
            refined = ", ".join(parameter.name for parameter in refinement.parameters if parameter.refined)
            raise RecipeError(f"there is no parameter {name} in this fit to give an interval for; it refined {refined}.")
        if not known[name].refined:
            raise RecipeError(f"parameter {name} was held in this fit, so it has no interval; let it vary with --parameters.")
    intervals = {name: _interval(fitted, ties, name) for name in names}
    parameters = [replace(parameter, interval=intervals.get(parameter.name)) for parameter in refinement.parameters]
    return replace(refinement, parameters=tuple(parameters))


def _interval(fitted: Fitted, ties: Ties, name: str) -> ConfidenceInterval:
    model = fitted.model
    mean, pull = priors(model, fitted.texture_sd)
    at_bound = (fitted.values <= fitted.lower) | (fitted.values >= fitted.upper)
    own = model.layout.index[name]
    moving = np.flatnonzero(fitted.moving & ~(at_bound & (np.arange(fitted.values.size) != own)))
    soft = moving[pull[moving] > 0.0]
    root, root_pull = np.sqrt(fitted.weight), np.sqrt(pull[soft])
    rows = np.full(fitted.values.size, -1, dtype=np.int64)
    rows[moving] = np.arange(moving.size)
    rows[ties.dependent] = moving.size + np.arange(ties.dependent.size)
    # Windows that moved with the parameters would make χ² rough, and an interval is read off its shape.
    reach = calculate(model, fitted.values).reach

    def residual(values: FloatArray) -> FloatArray:
        data = root * (fitted.observed - calculate(model, values, reach=reach).calculated)
        return np.concatenate([data, root_pull * (mean[soft] - values[soft])])

    def slopes(values: FloatArray) -> FloatArray:
        _, jacobian = calculate_with_jacobian(model, values, rows, moving.size + ties.dependent.size)
        if ties.dependent.size:
            jacobian = jacobian[: moving.size] + ties.slopes(values, moving).T @ jacobian[moving.size :]
        restraints = np.zeros((moving.size, soft.size))
        restraints[rows[soft], np.arange(soft.size)] = -root_pull
        return np.concatenate([-root * jacobian, restraints], axis=1)

    names = tuple(model.layout.slots[i].name for i in moving)
    low, high = profile_interval(
        model.layout, ties, fitted.values, names=names, wanted=name, residual=residual, slopes=slopes, level=LEVEL
    )  # fmt: skip
    return ConfidenceInterval(low=low, high=high, level=LEVEL)
