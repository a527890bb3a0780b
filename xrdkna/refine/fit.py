"""From a model to its best parameters: the staged plan, the noise it expects, the texture it learns."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from xrdkna.records.arrays import BoolArray, FloatArray
from xrdkna.records.scan import Pattern
from xrdkna.refine.branches import both_branches
from xrdkna.refine.escape import Solve, escape
from xrdkna.refine.gaussian_share import regain_gaussian
from xrdkna.refine.model import Model, calculate_with_jacobian
from xrdkna.refine.noise import expected_variance, local_misfit, unheard_variance
from xrdkna.refine.parameters import Ties
from xrdkna.refine.settings import RefineSettings
from xrdkna.refine.solver import Problem, Solution, solve

# What is released when: first what is linear, then where lines are, then how wide, then what they say of the crystal.
PLAN: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("background and scales", ("background", "scale")),
    ("line positions", ("position",)),
    ("line widths", ("width",)),
    ("cells", ("cell",)),
    ("line shapes and halos", ("shape", "halo")),
    ("texture and absorption", ("texture", "intensity")),
)
# An early stage only has to come near: its last digits are the next stage's business.
EARLY_TOLERANCE = 1e-3
EARLY_ITERATIONS = 12
# Amounts and line widths may rest at zero, which is a bound of theirs and no knowledge: what trades with them (the strain of a phase with
# its size, an absent phase with one that is there) is as uncertain as if they moved.
_UNCERTAIN_AT_ZERO = ("scale", "background", "width", "shape")
# Texture learns its size in this many rounds (EM converges fast where many lines speak).
TEXTURE_ROUNDS = 3
_TEXTURE_RANGE = (0.003, 1.5)
_STRAY_LINE = 2.5
_MEDIAN_OF_CHI_SQUARED = 0.4549  # of one degree of freedom


@dataclass(frozen=True, slots=True)
class Fitted:
    """A solved model. values, lower, upper: (p,) of the full layout. moving: (p,) True where refined. covariance: (p, p),
    tied parameters included, unscaled. weight: (n,) as used last; counting_weight: (n,) from the
    variance that the model expects. texture_sd: by phase. rivals: phases that another cell suits as well."""

    model: Model
    values: FloatArray
    lower: FloatArray
    upper: FloatArray
    moving: BoolArray
    covariance: FloatArray
    calculated: FloatArray
    observed: FloatArray
    sigma: FloatArray
    weight: FloatArray
    counting_weight: FloatArray
    texture_sd: Mapping[str, float]
    converged: bool
    evaluations: int
    steps: tuple[str, ...]
    rivals: tuple[str, ...] = ()


def fit_model(
    pattern: Pattern,
    used: BoolArray,
    model: Model,
    ties: Ties,
    settings: RefineSettings,
    *,
    initial: Mapping[str, float] | None = None,
    start: Mapping[str, float] | None = None,
    texture_sd: Mapping[str, float] | None = None,
    progress: Callable[[str], None] | None = None,
) -> Fitted:
    """Solve the model: stage by stage from `initial` (a guess at some values, by name), or at once from `start` (all values,
    as from the scan before). progress is told each stage as it ends."""
    observed, sigma = pattern.intensity[used], pattern.sigma[used]
    weight = 1.0 / sigma**2
    spread = dict(texture_sd or {})
    values, evaluations, steps = starting_values(model, ties, start or initial or {}), 0, []
    released: set[str] = set()
    if start is None:
        for title, kinds in PLAN:
            released |= set(kinds)
            solution, values = solve_released(model, ties, values, observed, weight, released, spread, EARLY_TOLERANCE, EARLY_ITERATIONS)
            evaluations += solution.evaluations
            steps.append(told(title, solution, observed, weight, progress))
        for _ in range(TEXTURE_ROUNDS):
            spread = learn_texture(model, ties, values, solution)
            weight = 1.0 / (sigma**2 + unheard_variance(model, values, spread))
            solution, values = solve_released(model, ties, values, observed, weight, released, spread, EARLY_TOLERANCE, EARLY_ITERATIONS)
            evaluations += solution.evaluations
    else:
        released = {kind for _, kinds in PLAN for kind in kinds}
        solution, values = solve_released(model, ties, values, observed, weight, released, spread, EARLY_TOLERANCE, EARLY_ITERATIONS)
        evaluations += solution.evaluations
    weight = 1.0 / (expected_variance(pattern, used, solution.calculated) + unheard_variance(model, values, spread))
    if settings.weights == "misfit":
        weight = weight / local_misfit(model, values, weight, observed - solution.calculated)
    solution, values = solve_released(model, ties, values, observed, weight, released, spread, settings.tolerance, settings.max_iterations)
    steps.append(told("everything", solution, observed, weight, progress))
    evaluations += solution.evaluations
    found = _Searched(solution, values, (), np.zeros((values.size, values.size)), 0)
    moving = moving_parameters(model, ties, released)
    if start is None:

        def again(values: FloatArray, kinds: frozenset[str] | None, finally_: bool) -> tuple[Solution, FloatArray]:
            ends = (settings.tolerance, settings.max_iterations) if finally_ else (EARLY_TOLERANCE, EARLY_ITERATIONS)
            return solve_released(model, ties, values, observed, weight, released if kinds is None else set(kinds), spread, *ends)

        found = _search_elsewhere(model, ties, solution, values, moving, observed=observed, weight=weight, settings=settings, solve=again)
        if found.solution is not solution:
            steps.append(told("looked for elsewhere", found.solution, observed, weight, progress))
    solution, values = found.solution, found.values
    return Fitted(
        model=model,
        values=values,
        lower=ties.lower,
        upper=ties.upper,
        moving=moving,
        covariance=full_covariance(model, ties, values, moving, solution) + found.undecided,
        calculated=solution.calculated,
        observed=observed,
        sigma=sigma,
        weight=weight,
        counting_weight=1.0 / expected_variance(pattern, used, solution.calculated),
        texture_sd=spread,
        converged=solution.converged,
        evaluations=evaluations + found.evaluations,
        steps=tuple(steps),
        rivals=found.rivals,
    )


@dataclass(frozen=True, slots=True)
class _Searched:
    """The best end found: solution and (p,) values; rivals: phases another cell suits as well; undecided: (p, p) what minima that
    the data do not tell apart add to the covariance."""

    solution: Solution
    values: FloatArray
    rivals: tuple[str, ...]
    undecided: FloatArray
    evaluations: int


def _search_elsewhere(
    model: Model,
    ties: Ties,
    solution: Solution,
    values: FloatArray,
    moving: BoolArray,
    *,
    observed: FloatArray,
    weight: FloatArray,
    settings: RefineSettings,
    solve: Solve,
) -> _Searched:
    """A cold fit may end beside the best minimum: other cells, a lost Gaussian share and the other side of a March coefficient are
    tried in turn."""
    ended = escape(model, ties, solution, values, observed=observed, weight=weight, solve=solve)
    solution, values, spent = regain_gaussian(model, ties, ended.solution, ended.values, solve=solve)
    evaluations, undecided = ended.evaluations + spent, np.zeros((values.size, values.size))
    if settings.texture == "march":
        branches = both_branches(model, ties, solution, values, moving=np.flatnonzero(moving).tolist(), solve=solve)
        solution, values, undecided = branches.solution, branches.values, branches.spread()
        evaluations += branches.evaluations
    return _Searched(solution, values, ended.rivals, undecided, evaluations)


def told(title: str, solution: Solution, observed: FloatArray, weight: FloatArray, progress: Callable[[str], None] | None) -> str:
    """One stage in a line, as the plan is told; progress hears it too."""
    total = float(np.sum(weight * observed**2))
    rwp = np.sqrt(solution.chi_squared / total) if total > 0.0 else 0.0
    line = f"{title}: Rwp {rwp:.4f} after {solution.evaluations} evaluation{'s' if solution.evaluations != 1 else ''}"
    if progress is not None:
        progress(line)
    return line


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

    mean, prior_weight = priors(model, texture_sd)
    problem = Problem(
        observed, weight, evaluate, ties.lower[moving], ties.upper[moving], mean[moving], prior_weight[moving]
    )  # fmt: skip
    solution = solve(problem, values[moving], tolerance=tolerance, max_iterations=max_iterations)
    return solution, expand(solution.values)


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


def learn_texture(model: Model, ties: Ties, values: FloatArray, solution: Solution) -> dict[str, float]:
    """How far each phase's lines leave the calculated ratios: the EM step τ² = mean(ε² + var ε) (Dempster et al. 1977), with ε
    cut at some widths of the middle one: one weak line in the misfit of a strong neighbour must not set the whole phase free."""
    covariance = solution.covariance()
    everything = {kind for _, kinds in PLAN for kind in kinds}
    position = {int(parameter): i for i, parameter in enumerate(np.flatnonzero(moving_parameters(model, ties, everything)))}
    spread = {}
    for term in model.phases:
        own = [int(parameter) for parameter in np.unique(term.texture[term.texture >= 0]) if int(parameter) in position]
        rows = [position[parameter] for parameter in own]
        if rows:
            square, variance = values[own] ** 2, np.diag(covariance)[rows]
            most = _STRAY_LINE**2 * float(np.median(square + variance)) / _MEDIAN_OF_CHI_SQUARED
            typical = float(np.sqrt(np.mean(np.minimum(square, most) + variance)))
            spread[term.reflections.phase] = float(np.clip(typical, *_TEXTURE_RANGE))
    return spread


def full_covariance(model: Model, ties: Ties, values: FloatArray, moving: BoolArray, solution: Solution) -> FloatArray:
    """(p, p) unscaled covariance of all parameters: zero for what is held, propagated to what is tied."""
    index = np.flatnonzero(moving)
    transform = np.zeros((values.size, index.size))
    transform[index, np.arange(index.size)] = 1.0
    if ties.dependent.size:
        transform[ties.dependent] = ties.slopes(values, index)
    uncertain = np.array([model.layout.slots[i].kind in _UNCERTAIN_AT_ZERO for i in index], dtype=np.bool_)
    return np.asarray(transform @ solution.covariance(known_though_held=uncertain) @ transform.T)
