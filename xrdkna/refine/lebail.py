"""Intensities from the pattern itself, for a phase whose structure is not known or not believed.

"lebail": between least-squares steps on everything else, what is observed above the background is shared out among the lines in
proportion to what each is calculated to give there (Le Bail, Duroy & Fourquet 1988, Mater. Res. Bull. 23, 447). Each point counts
with its weight 1/σ² times the line's own profile:

    A_g ← A_g · Σ w φ_g (y − b) / Σ w φ_g (f − b)

so that far tails, which hold a line's noise and nothing of the line, say little, an area is never negative, and the areas at
rest are those of least squares (ISRA; Daube-Witherspoon & Muehllehner 1986, IEEE Trans. Med. Imaging 5, 61). Lines that nothing
separates keep the ratio they start with: multiplicity times Lorentz–polarisation.
"pawley": from there, every area is a parameter of the least squares, not negative (Pawley 1981, J. Appl. Cryst. 14, 357).
Either way the areas are free in the covariance: the esds of cells and widths know that no structure held the intensities.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from xrdkna.physics.kernel import line_reach
from xrdkna.records.arrays import BoolArray, FloatArray, IntArray
from xrdkna.records.scan import Pattern
from xrdkna.refine.forward.extracted import EXTRACTED
from xrdkna.refine.forward.layout import Layout
from xrdkna.refine.forward.model import Model, add_line_columns, line_list, smooth_part
from xrdkna.refine.forward.noise import expected_variance, local_misfit
from xrdkna.refine.forward.parameters import Ties
from xrdkna.refine.search.fit import EARLY_ITERATIONS, EARLY_TOLERANCE, PLAN, TEXTURE_ROUNDS, Fitted, told
from xrdkna.refine.search.line_ratios import learn_texture
from xrdkna.refine.search.released import full_covariance, moving_parameters, solve_released, starting_values
from xrdkna.refine.search.solver import Solution
from xrdkna.refine.settings import RefineSettings

# Partitions between two least-squares steps: lines apart are done in two or three, and each costs next to nothing.
_PARTITIONS = 100
# A line never falls below this share of its esd: a product that is zero once would stay zero.
_FLOOR = 0.1
# Turns of least squares and partition before the fit is called unsettled.
_TURNS = 60
# … and before Pawley's least squares takes over: it only has to come near.
_TURNS_BEFORE_PAWLEY = 5
# Turns end when one gains less than this of χ²: a twentieth of an esd in the direction that still moves.
_SETTLED = 0.0025
# An area is known beforehand to within this many times itself, or that many times ten esds where it is smaller: nothing to a
# line that stands apart, while the difference of two that nothing separates cannot run away (Pawley's slack constraint).
_SLACK, _SLACK_ESDS = 3.0, 10.0


@dataclass(frozen=True, slots=True)
class _Lines:
    """The extracted lines at some parameter values. slot: (g,) the parameter of each area, rising; area: (g,) counts·degrees;
    shape: (g, n) sparse, unit area; other: (n,) all other lines together."""

    slot: IntArray
    area: FloatArray
    shape: Any
    other: FloatArray


@dataclass(slots=True)
class _Run:
    """A fit on its way: what changes from one least-squares solution to the next."""

    model: Model
    values: FloatArray
    weight: FloatArray
    released: set[str] = field(default_factory=set)
    spread: Mapping[str, float] = field(default_factory=dict)
    evaluations: int = 0

    def solve(
        self, ties: Ties, observed: FloatArray, *, tolerance: float = EARLY_TOLERANCE, iterations: int = EARLY_ITERATIONS
    ) -> Solution:
        """One least-squares solution with everything released moving."""
        solution, self.values = solve_released(
            self.model, ties, self.values, observed, self.weight, self.released, self.spread, tolerance, iterations
        )  # fmt: skip
        self.evaluations += solution.evaluations
        return solution

    def share_out(self, observed: FloatArray, smooth: FloatArray | None = None) -> None:
        """One partition of what is observed above the background (n,), the model's own unless given."""
        smooth = smooth_part(self.model, self.values) if smooth is None else smooth
        self.model = _partitioned(self.model, self.values, observed, self.weight, smooth)


def fit_extracting(
    pattern: Pattern,
    used: BoolArray,
    model: Model,
    ties: Ties,
    settings: RefineSettings,
    *,
    initial: Mapping[str, float] | None = None,
    start: Mapping[str, float] | None = None,
    progress: Callable[[str], None] | None = None,
) -> Fitted:
    """`fit_model` for a model in which some phase's intensities are extracted; areas always begin equal."""
    observed, sigma = pattern.intensity[used], pattern.sigma[used]
    run, steps = _Run(model, starting_values(model, ties, start or initial or {}), 1.0 / sigma**2), []
    run.share_out(observed, pattern.background[used])
    for title, kinds in PLAN:
        run.released |= set(kinds)
        solution = run.solve(ties, observed)
        run.share_out(observed)
        steps.append(told(title, solution, observed, run.weight, progress))
    ways = {slot.kind for slot in model.layout.slots}
    turns, solution, converged = _take_turns(
        run, solution, pattern, used, ties, settings, most=_TURNS if "lebail" in ways else _TURNS_BEFORE_PAWLEY
    )
    steps.append(told(f"lines shared out {turns} times", solution, observed, run.weight, progress))
    run.model, run.values = _anchored(run.model, run.values, run.weight)
    if "pawley" in ways:
        run.released |= {"pawley"}
        solution = run.solve(ties, observed, tolerance=settings.tolerance, iterations=settings.max_iterations)
        converged = solution.converged and (converged or "lebail" not in ways)
        steps.append(told("every area with everything else", solution, observed, run.weight, progress))
    # Without bounds on the areas: what is known of a line that is at zero is how far above it could be.
    run.released |= set(EXTRACTED)
    solution = run.solve(_without_floors(run.model, ties), observed, iterations=0)
    moving = moving_parameters(run.model, ties, run.released)
    return Fitted(
        model=run.model,
        values=run.values,
        lower=ties.lower,
        upper=ties.upper,
        moving=moving,
        covariance=full_covariance(model, ties, run.values, moving, solution),
        calculated=solution.calculated,
        observed=observed,
        sigma=sigma,
        weight=run.weight,
        counting_weight=1.0 / expected_variance(pattern, used, solution.calculated),
        texture_sd=run.spread,
        converged=converged,
        evaluations=run.evaluations,
        steps=tuple(steps),
    )


def _take_turns(
    run: _Run, solution: Solution, pattern: Pattern, used: BoolArray, ties: Ties, settings: RefineSettings, *, most: int
) -> tuple[int, Solution, bool]:
    """Least squares and partition in turn until neither changes χ²: how many turns, the last solution, and whether they ended."""
    observed = pattern.intensity[used]
    before: list[float] = []
    for turn in range(most):
        if turn < TEXTURE_ROUNDS:
            run.spread = learn_texture(run.model, ties, run.values, solution, run.released)
            run.weight = _weight(pattern, used, run.model, run.values, solution.calculated, settings)
            before = []
        # To the last digits: a solver that is content too early would leave the turn to the partition, and end the turns.
        solution = run.solve(ties, observed, tolerance=settings.tolerance)
        run.share_out(observed)
        # Where the windows of lines end, areas may go to and fro between two values: that is settled too.
        least = max(_SETTLED, settings.tolerance * solution.objective)
        if any(abs(solution.objective - earlier) < least for earlier in before[-2:]):
            return turn + 1, solution, True
        before.append(solution.objective)
    return most, solution, False


def _weight(
    pattern: Pattern, used: BoolArray, model: Model, values: FloatArray, calculated: FloatArray, settings: RefineSettings
) -> FloatArray:
    weight = 1.0 / expected_variance(pattern, used, calculated)
    if settings.weights == "misfit":
        weight = weight / local_misfit(model, values, weight, pattern.intensity[used] - calculated)
    return np.asarray(weight)


def _partitioned(model: Model, values: FloatArray, observed: FloatArray, weight: FloatArray, smooth: FloatArray) -> Model:
    """The model with what is observed above `smooth` (n,) shared out among the extracted lines."""
    lines = _extracted_lines(model, values)
    weighted = lines.shape * weight
    wanted = np.maximum(weighted @ (observed - smooth), 0.0)
    overlap, beside = csr_array(weighted @ lines.shape.T), weighted @ lines.other
    known = overlap.diagonal()
    # A line in a gap of the pattern gets nothing.
    least = np.divide(_FLOOR, np.sqrt(known), out=np.zeros(known.size), where=known > 0.0)
    area = np.maximum(lines.area, least)
    for _ in range(_PARTITIONS):
        given = overlap @ area + beside
        area = np.maximum(area * np.divide(wanted, given, out=np.zeros(known.size), where=given > 0.0), least)
    return _with_areas(model, lines, area)


def _anchored(model: Model, values: FloatArray, weight: FloatArray) -> tuple[Model, FloatArray]:
    """The same pattern with each area written as unit·(1 + value), the unit as large as the area or some esds, and a slack
    pull towards where it stands."""
    lines = _extracted_lines(model, values)
    known = np.asarray((lines.shape * lines.shape) @ weight)
    unit = np.maximum(lines.area, np.divide(_SLACK_ESDS, np.sqrt(known), out=np.zeros(known.size), where=known > 0.0))
    values = values.copy()
    values[lines.slot] = np.divide(lines.area, unit, out=np.ones(unit.size), where=unit > 0.0) - 1.0
    slots = list(model.layout.slots)
    for parameter in lines.slot.tolist():
        slots[parameter] = replace(slots[parameter], prior_mean=float(values[parameter]), prior_sd=_SLACK)
    return replace(_with_areas(model, lines, unit), layout=Layout(tuple(slots), model.layout.index)), values


def _extracted_lines(model: Model, values: FloatArray) -> _Lines:
    lines = line_list(model, values, phases=model.fitted_phases)
    slot = _slots_of_lines(model, lines.position.size)
    slots, column = np.unique(slot[slot >= 0], return_inverse=True)
    place = np.full(slot.size, slots.size, dtype=np.int64)
    place[slot >= 0] = column
    # An area of zero still has a shape: members of a group keep their share.
    unit = np.bincount(place, weights=lines.unit, minlength=slots.size + 1)[place]
    share = np.divide(lines.unit, unit, out=np.zeros(slot.size), where=unit > 0.0)
    reach = line_reach(lines.area, lines.fwhm, lines.eta, tolerance=model.tail_tolerance)
    columns = add_line_columns(model, lines, place, np.where(slot >= 0, share, lines.area), reach, slots.size + 1)
    area = np.asarray(np.bincount(place, weights=lines.area, minlength=slots.size + 1)[:-1], dtype=np.float64)
    return _Lines(slots, area, csr_array(columns[:-1]), columns[-1])


def _slots_of_lines(model: Model, count: int) -> IntArray:
    """(m,) the parameter that holds each line's area, −1 for lines that are calculated or free."""
    kinds = np.array([slot.kind in EXTRACTED for slot in model.layout.slots])
    spectral = len(model.instrument.radiation.lines)
    slot = np.concatenate([np.tile(term.texture, spectral) for term in model.phases[: model.fitted_phases]])
    slot = np.where((slot >= 0) & kinds[slot], slot, -1)
    return np.concatenate([slot, np.full(count - slot.size, -1, dtype=np.int64)])


def _with_areas(model: Model, lines: _Lines, area: FloatArray) -> Model:
    """The model with these areas (g,) at unit scale and no deviation."""
    factor = np.ones(len(model.layout.slots) + 1)
    factor[lines.slot] = np.divide(area, lines.area, out=np.ones(area.size), where=lines.area > 0.0)
    # −1, no parameter, is the last entry: unchanged.
    return replace(model, fitted=model.fitted._replace(strength=model.fitted.strength * factor[model.fitted.texture]))


def _without_floors(model: Model, ties: Ties) -> Ties:
    free = np.array([slot.kind in EXTRACTED for slot in model.layout.slots])
    return replace(ties, lower=np.where(free, -np.inf, ties.lower))
