"""The door to lmfit: parameters with names, bounds and ties, and the solution in its terms."""

import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from xrdkna.errors import RecipeError
from xrdkna.records.arrays import BoolArray, FloatArray, IntArray
from xrdkna.refine.forward.layout import Layout, Slot
from xrdkna.refine.settings import ParameterChoice


@dataclass(frozen=True, slots=True)
class Ties:
    """How the model's parameters follow from the free ones.

    start, lower, upper: (p,) after the user's choices. free: (p,) may move at all. dependent: (d,) parameters that follow an
    expression; follow(values) returns values with those recomputed.
    """

    start: FloatArray
    lower: FloatArray
    upper: FloatArray
    free: BoolArray
    dependent: IntArray
    expressions: Mapping[str, str]
    follow: Callable[[FloatArray], FloatArray]

    def slopes(self, values: FloatArray, moving: IntArray) -> FloatArray:
        """(d, m) derivatives of the dependent parameters by the `moving` ones, by central differences of lmfit's evaluation."""
        slopes = np.zeros((self.dependent.size, moving.size))
        for column, parameter in enumerate(moving):
            step = 1e-6 * max(abs(values[parameter]), 1e-3)
            up, down = values.copy(), values.copy()
            up[parameter] += step
            down[parameter] -= step
            slopes[:, column] = (self.follow(up) - self.follow(down))[self.dependent] / (2.0 * step)
        return slopes


def chosen_slots(layout: Layout, choices: Mapping[str, ParameterChoice]) -> tuple[Slot, ...]:
    """The layout's slots with the user's word on start, bounds and whether they move; raises RecipeError for a name that is not one,
    and for bounds that leave no room."""
    unknown = [name for name in choices if name not in layout.index]
    if unknown:
        # A person asks for none of the many terms of background and texture.
        telling = [slot for slot in layout.slots if slot.kind not in ("texture", "background", "watched")]
        moving, held = (", ".join(slot.name for slot in telling if slot.refined is refined) for refined in (True, False))
        raise RecipeError(
            f"there is no parameter {', '.join(unknown)} in this model; it refines {moving}, and holds unless asked for {held or 'none'}."
        )
    return tuple(_chosen(slot, choices[slot.name]) if slot.name in choices else slot for slot in layout.slots)


def _chosen(slot: Slot, choice: ParameterChoice) -> Slot:
    lower = slot.lower if choice.lower is None else choice.lower
    upper = slot.upper if choice.upper is None else choice.upper
    if lower > upper:
        raise RecipeError(f"parameter {slot.name} has lower bound {lower:g} above its upper bound {upper:g}; exchange them.")
    start = min(max(slot.start if choice.value is None else choice.value, lower), upper)
    # Bounds that meet leave nothing to refine.
    refined = (slot.refined if choice.vary is None else choice.vary) and lower < upper
    return replace(slot, start=start, lower=lower, upper=upper, refined=refined)


def read_ties(layout: Layout, choices: Mapping[str, ParameterChoice]) -> Ties:
    """The layout with the user's choices, as arrays for the solver. lmfit, which takes its time to load, is asked only where one
    parameter is to follow others."""
    slots = chosen_slots(layout, choices)
    start = np.array([slot.start for slot in slots])
    lower, upper = np.array([slot.lower for slot in slots]), np.array([slot.upper for slot in slots])
    free = np.array([slot.refined for slot in slots], dtype=np.bool_)
    tied = {name: choice.expr for name, choice in choices.items() if choice.expr is not None}
    if not tied:
        return Ties(start, lower, upper, free, np.zeros(0, dtype=np.int64), {}, lambda values: values)
    parameters = _tied_parameters(slots, tied)
    names = [slot.name for slot in slots]
    dependent = np.array([i for i, name in enumerate(names) if name in tied], dtype=np.int64)
    free[dependent] = False

    def follow(values: FloatArray) -> FloatArray:
        for name, value in zip(names, values, strict=True):
            if name not in tied:
                parameters[name].value = value
        parameters.update_constraints()
        return np.array([parameters[name].value for name in names])

    return Ties(follow(start), lower, upper, free, dependent, tied, follow)


def _tied_parameters(slots: Sequence[Slot], tied: Mapping[str, str]) -> Any:
    """lmfit.Parameters for the slots with these expressions; raises RecipeError for one that cannot be evaluated."""
    from lmfit import Parameters

    parameters = Parameters()
    for slot in slots:
        room = {"min": slot.lower, "max": slot.upper} if slot.lower < slot.upper else {}
        parameters.add(slot.name, value=slot.start, vary=slot.refined, **room)
    for name, expr in tied.items():
        _tie(parameters, name, expr)
    return parameters


def _tie(parameters: Any, name: str, expr: str) -> None:
    try:
        parameters[name].set(expr=expr)
        parameters.update_constraints()
    except (NameError, SyntaxError, TypeError, ValueError, ZeroDivisionError) as problem:
        raise RecipeError(
            f"the expression {expr!r} for {name} cannot be evaluated ({problem}); use names of this model's parameters."
        ) from None


def profile_interval(
    layout: Layout,
    ties: Ties,
    values: FloatArray,
    *,
    names: Sequence[str],
    wanted: str,
    residual: Callable[[FloatArray], FloatArray],
    slopes: Callable[[FloatArray], FloatArray],
    level: float,
) -> tuple[float | None, float | None]:
    """The ends of `wanted`'s profile-likelihood interval by lmfit.conf_interval; None where the data close none.

    values: (p,) the solution. names: the parameters fitted again at every step. residual(values): (m,) weighted; slopes(values):
    (q, m) its derivatives by `names` in order.
    """
    from lmfit import Minimizer, Parameters, conf_interval

    places = [layout.index[name] for name in names]
    parameters = Parameters()
    for name, place in zip(names, places, strict=True):
        parameters.add(name, value=values[place], min=ties.lower[place], max=ties.upper[place])

    def full(given: Any) -> FloatArray:
        moved = values.copy()
        moved[places] = [given[name].value for name in names]
        return ties.follow(moved)

    def jacobian(given: Any) -> FloatArray:
        # While the interval is traced, lmfit holds the parameter it is for.
        return slopes(full(given))[[bool(given[name].vary) for name in names]]

    minimizer = Minimizer(lambda given: residual(full(given)), parameters, Dfun=jacobian, col_deriv=True)
    with warnings.catch_warnings():
        # lmfit warns where it finds no end; that is told as None.
        warnings.simplefilter("ignore")
        result = minimizer.leastsq()
        found = conf_interval(minimizer, result, p_names=[wanted], sigmas=[level])[wanted]
    low, high = float(found[0][1]), float(found[-1][1])
    return (low if math.isfinite(low) else None), (high if math.isfinite(high) else None)
