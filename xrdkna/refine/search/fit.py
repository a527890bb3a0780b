"""From a model to its best parameters: the staged plan, the noise it expects, the texture it learns, and the end of the valley."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from xrdkna.records.arrays import BoolArray, FloatArray, IntArray
from xrdkna.records.scan import Pattern
from xrdkna.refine.forward.model import Model
from xrdkna.refine.forward.noise import expected_variance, local_misfit, unheard_variance
from xrdkna.refine.forward.parameters import Ties
from xrdkna.refine.search.branches import without_slope
from xrdkna.refine.search.elsewhere import Found, search_elsewhere
from xrdkna.refine.search.gaussian_share import GAUSSIAN
from xrdkna.refine.search.line_ratios import learn_texture
from xrdkna.refine.search.released import (
    full_covariance,
    known_uncertainty,
    moving_parameters,
    released_problem,
    solve_released,
    starting_values,
    unseen_parameters,
)
from xrdkna.refine.search.settle import settle
from xrdkna.refine.search.solver import Solution
from xrdkna.refine.settings import RefineSettings

# What is released when: first what is linear, then where lines are, then how wide, then what they say of the crystal.
PLAN: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("background and scales", ("background", "scale")),
    ("line positions", ("position",)),
    ("line widths", ("width",)),
    ("cells", ("cell",)),
    ("line shapes and halos", ("shape", "halo")),
    ("texture and absorption", ("texture", "intensity")),
)
_EVERYTHING = {kind for _, kinds in PLAN for kind in kinds}
# An early stage only has to come near: its last digits are the next stage's business.
EARLY_TOLERANCE, EARLY_ITERATIONS = 1e-3, 12
TEXTURE_ROUNDS = 3  # EM converges fast where many lines speak.


@dataclass(frozen=True, slots=True)
class Fitted:
    """A solved model. values, lower, upper: (p,) of the full layout. moving: (p,) True where refined. covariance: (p, p), tied parameters
    included, unscaled. weight: (n,) as used last; counting_weight: (n,) from the variance that the model expects. texture_sd: by phase.
    rivals: phases that another cell suits as well. started: (p,) where the fit began."""

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
    started: FloatArray | None = None


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
    run = _Run(pattern, used, model, ties, settings, starting_values(model, ties, start or initial or {}), dict(texture_sd or {}), progress)
    moving, started = run.moving(), run.values
    solution = run.staged() if start is None else run.solve()
    run.weigh(solution)
    solution = run.solved_to_the_end()
    run.tell("everything", solution)
    found = run.searched(solution) if start is None else Found(solution, run.values)
    solution = run.settled(found.solution)
    misfit = max(solution.chi_squared / max(run.observed.size - int(moving.sum()), 1), 1.0)
    known = known_uncertainty(model, ties, run.values, moving, solution, run.weight, settings.parameters)
    return Fitted(
        model=model,
        values=run.values,
        lower=ties.lower,
        upper=ties.upper,
        moving=moving,
        covariance=full_covariance(model, ties, run.values, moving, solution) + found.undecided + known / misfit,
        calculated=solution.calculated,
        observed=run.observed,
        sigma=run.sigma,
        weight=run.weight,
        counting_weight=1.0 / expected_variance(pattern, used, solution.calculated),
        texture_sd=run.spread,
        converged=solution.converged,
        evaluations=run.evaluations,
        steps=tuple(run.steps),
        rivals=found.rivals,
        started=started,
    )


@dataclass(slots=True)
class _Run:
    """A fit on its way: what changes from one least-squares solution to the next. values: (p,). weight: (n,), misfit
    taken off. spread: texture of each phase."""

    pattern: Pattern
    used: BoolArray
    model: Model
    ties: Ties
    settings: RefineSettings
    values: FloatArray
    spread: dict[str, float]
    progress: Callable[[str], None] | None
    evaluations: int = 0
    steps: list[str] = field(default_factory=list)
    observed: FloatArray = field(init=False)
    sigma: FloatArray = field(init=False)
    weight: FloatArray = field(init=False)
    misfit: FloatArray | float = 1.0

    def __post_init__(self) -> None:
        self.observed, self.sigma = self.pattern.intensity[self.used], self.pattern.sigma[self.used]
        self.weight = 1.0 / self.sigma**2

    def moving(self) -> BoolArray:
        """(p,) True for what moves once everything is released."""
        return moving_parameters(self.model, self.ties, _EVERYTHING)

    def solve(self, released: set[str] = _EVERYTHING) -> Solution:
        """Nearly the least squares with these kinds released, from where the fit stands, which moves there."""
        solution, self.values = self.tried(self.values, frozenset(released), False)
        return solution

    def solved_to_the_end(self) -> Solution:
        """The least squares with everything released."""
        solution, self.values = self.tried(self.values, None, True)
        return solution

    def tried(self, values: FloatArray, released: frozenset[str] | None, finally_: bool) -> tuple[Solution, FloatArray]:
        """A solution from other values, and (p,) where it ends; the fit itself stays where it is. released: None for everything."""
        ends = (self.settings.tolerance, self.settings.max_iterations) if finally_ else (EARLY_TOLERANCE, EARLY_ITERATIONS)
        given = (self.observed, self.weight, set(released or _EVERYTHING), self.spread)
        solution, values = solve_released(self.model, self.ties, values, *given, *ends)
        self.evaluations += solution.evaluations
        return solution, values

    def staged(self) -> Solution:
        """The plan, stage by stage, then the rounds in which texture learns its size."""
        released: set[str] = set()
        for title, kinds in PLAN:
            released |= set(kinds)
            solution = self.solve(released)
            self.tell(title, solution)
        for _ in range(TEXTURE_ROUNDS):
            self.spread = learn_texture(self.model, self.ties, self.values, solution, released)
            self.weight = 1.0 / (self.sigma**2 + unheard_variance(self.model, self.values, self.spread))
            solution = self.solve(released)
        return solution

    def weigh(self, solution: Solution) -> None:
        """Weights by the noise that the model expects, and where they are wanted so, by how it misses."""
        self.weight = self._expected_weight(self.values, solution.calculated)
        if self.settings.weights == "misfit":
            self.misfit = local_misfit(self.model, self.values, self.weight, self.observed - solution.calculated)
            self.weight = self.weight / self.misfit

    def searched(self, solution: Solution) -> Found:
        """The best end of a fit that looked for others, which moves there."""
        names = list(self.model.layout.index)
        march = [i for i in np.flatnonzero(self.moving()).tolist() if names[i].startswith("march_")]
        data = {"observed": self.observed, "weight": self.weight}
        found = search_elsewhere(self.model, self.ties, solution, self.values, **data, march=march, solve=self.tried)
        self.values = found.values
        if found.solution is not solution:
            self.tell("looked for elsewhere", found.solution)
        return found

    def settled(self, solution: Solution) -> Solution:
        """The end of the valley in which the fit stands, with the weights of that end. How the model misses is judged once.

        Phases that do not show stay as they are; where something of theirs is in the way, they take the usual widths, and their amounts
        settle with all else. Where lines lose their Gaussian part χ² has a kink, and where a cubic crystal loses its texture no slope:
        no step is the right one there, and what stands there stays in the end.
        """
        moving = np.flatnonzero(self.moving())
        unseen = unseen_parameters(self.model, self.values, moving, solution)
        widths = unseen & self.ties.free & np.array([slot.kind in ("shape", "width") for slot in self.model.layout.slots])
        seen, amounts = ~unseen[moving], np.isin(moving, self.model.amounts)
        solution = self._settled_from_here(moving, seen)
        if not solution.converged and unseen.any():
            self.values = self.ties.follow(np.where(widths, self.ties.start, self.values))
            solution = self._settled_from_here(moving, seen | amounts)
        if not solution.converged:
            stuck = [self.model.layout.index[name] for name in (*GAUSSIAN, *without_slope(self.model.layout, self.values))]
            solution = self._settled_from_here(moving, (seen | amounts) & ~np.isin(moving, stuck))
        return solution

    def _settled_from_here(self, moving: IntArray, awake: BoolArray) -> Solution:
        free = released_problem(self.model, self.ties, self.values, self.observed, self.weight, _EVERYTHING, self.spread)

        def weigh(at: FloatArray, calculated: FloatArray) -> FloatArray:
            return self._expected_weight(free.expand(at), calculated) / self.misfit

        amounts = np.isin(moving, self.model.amounts)
        smooth = np.array([self.model.layout.slots[i].kind in ("background", "halo") for i in moving], dtype=np.bool_)
        solution, self.weight = settle(
            free.problem,
            self.values[moving],
            weigh,
            awake=awake,
            linear=amounts,
            smooth=smooth,
            roughly=self.settings.weights == "misfit",
        )
        self.values = free.expand(solution.values)
        self.evaluations += solution.evaluations
        return solution

    def tell(self, title: str, solution: Solution) -> None:
        """Note how a stage ended."""
        self.steps.append(told(title, solution, self.observed, self.weight, self.progress))

    def _expected_weight(self, values: FloatArray, calculated: FloatArray) -> FloatArray:
        variance = expected_variance(self.pattern, self.used, calculated) + unheard_variance(self.model, values, self.spread)
        return np.asarray(1.0 / variance)


def told(title: str, solution: Solution, observed: FloatArray, weight: FloatArray, progress: Callable[[str], None] | None) -> str:
    """One stage in a line, as the plan is told; progress hears it too."""
    total = float(np.sum(weight * observed**2))
    rwp = np.sqrt(solution.chi_squared / total) if total > 0.0 else 0.0
    line = f"{title}: Rwp {rwp:.4f} after {solution.evaluations} evaluation{'s' if solution.evaluations != 1 else ''}"
    if progress is not None:
        progress(line)
    return line
