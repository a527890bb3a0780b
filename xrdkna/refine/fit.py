"""From a model to its best parameters: the staged plan, the noise it expects, the texture it learns."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import uniform_filter1d

from xrdkna.records.arrays import BoolArray, FloatArray
from xrdkna.records.scan import Pattern
from xrdkna.refine.model import Model, calculate_with_jacobian, line_list
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
_EARLY_TOLERANCE = 1e-3
_EARLY_ITERATIONS = 12
# Texture learns its size in this many rounds (EM converges fast where many lines speak).
_TEXTURE_ROUNDS = 3
_TEXTURE_RANGE = (0.003, 1.5)
_MEDIAN_OF_CHI_SQUARED = 0.4549  # of one degree of freedom
# Misfit is judged over this many line widths: wider than a line's own wiggle, narrower than the pattern.
_MISFIT_WIDTHS = 6.0
_TYPICAL_FWHM = 0.2
# Expected counts are never taken below this: a point where the model says 0 would get infinite weight.
FEWEST_COUNTS = 0.1


@dataclass(frozen=True, slots=True)
class Fitted:
    """A solved model. values, lower, upper: (p,) of the full layout. moving: (p,) True where refined. covariance: (p, p),
    tied parameters included, unscaled. weight: (n,) as used last; counting_weight: (n,) from the
    variance that the model expects. texture_sd: by phase."""

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
    values, evaluations, steps = _with_values(model, ties, start or initial or {}), 0, []
    released: set[str] = set()
    if start is None:
        for title, kinds in PLAN:
            released |= set(kinds)
            solution, values = _solve(model, ties, values, observed, weight, released, spread, _EARLY_TOLERANCE, _EARLY_ITERATIONS)
            evaluations += solution.evaluations
            steps.append(_told(title, solution, observed, weight, progress))
        for _ in range(_TEXTURE_ROUNDS):
            spread = _learn_texture(model, ties, values, solution)
            solution, values = _solve(model, ties, values, observed, weight, released, spread, _EARLY_TOLERANCE, _EARLY_ITERATIONS)
            evaluations += solution.evaluations
    else:
        released = {kind for _, kinds in PLAN for kind in kinds}
        solution, values = _solve(model, ties, values, observed, weight, released, spread, _EARLY_TOLERANCE, _EARLY_ITERATIONS)
        evaluations += solution.evaluations
    weight = 1.0 / expected_variance(pattern, used, solution.calculated)
    if settings.weights == "misfit":
        weight = weight / local_misfit(model, values, weight, observed - solution.calculated)
    solution, values = _solve(model, ties, values, observed, weight, released, spread, settings.tolerance, settings.max_iterations)
    steps.append(_told("everything", solution, observed, weight, progress))
    moving = _moving(model, ties, released)
    return Fitted(
        model=model,
        values=values,
        lower=ties.lower,
        upper=ties.upper,
        moving=moving,
        covariance=_full_covariance(ties, values, moving, solution),
        calculated=solution.calculated,
        observed=observed,
        sigma=sigma,
        weight=weight,
        counting_weight=1.0 / expected_variance(pattern, used, solution.calculated),
        texture_sd=spread,
        converged=solution.converged,
        evaluations=evaluations + solution.evaluations,
        steps=tuple(steps),
    )


def _told(title: str, solution: Solution, observed: FloatArray, weight: FloatArray, progress: Callable[[str], None] | None) -> str:
    total = float(np.sum(weight * observed**2))
    rwp = np.sqrt(solution.chi_squared / total) if total > 0.0 else 0.0
    line = f"{title}: Rwp {rwp:.4f} after {solution.evaluations} evaluation{'s' if solution.evaluations != 1 else ''}"
    if progress is not None:
        progress(line)
    return line


def local_misfit(model: Model, values: FloatArray, weight: FloatArray, residual: FloatArray) -> FloatArray:
    """(n,) ≥ 1: by how much (squared) the residuals around each point exceed counting statistics.

    Judged twice, over some line widths: point by point, and summed over one line width, where independent noise would
    grow like √points but a wrong profile or a missing line adds up (serial correlation; Bérar & Lelann 1991, J. Appl.
    Cryst. 24, 1). The larger counts. The scatter of such a mean, √(2/terms), is allowed for twice.
    """
    step = float(np.median(np.diff(model.two_theta)))
    lines = line_list(model, values, phases=model.fitted_phases)
    fwhm = float(np.median(lines.fwhm)) if lines.fwhm.size else _TYPICAL_FWHM
    width = max(round(fwhm / step), 1)
    points = int(np.clip(round(_MISFIT_WIDTHS * fwhm / step), 15, max(residual.size // 4, 15)))
    pulls = np.sqrt(weight) * residual
    single = uniform_filter1d(pulls**2, points, mode="nearest") - 2.0 * np.sqrt(2.0 / points)
    summed = np.sqrt(width) * uniform_filter1d(pulls, width, mode="nearest")
    together = uniform_filter1d(summed**2, points, mode="nearest") - 2.0 * np.sqrt(2.0 * width / points)
    return np.asarray(np.maximum(np.maximum(single, together), 1.0))


def expected_variance(pattern: Pattern, used: BoolArray, calculated: FloatArray) -> FloatArray:
    """(n,) variance the model expects at each point.

    Weighting counts by 1/counts drags every fit below the data (points that fluctuate down weigh more); weighting by
    1/expected does not (Bevington & Robinson 2003, ch. 6; iteratively reweighted least squares is then Poisson maximum
    likelihood to second order). Applies where σ² is counts times a factor (attenuator, time); otherwise σ² stands.
    """
    factor = variance_factor(pattern, used)
    if factor is None:
        return np.asarray(pattern.sigma[used] ** 2)
    return np.asarray(factor * np.maximum(calculated, FEWEST_COUNTS))


def variance_factor(pattern: Pattern, used: BoolArray) -> FloatArray | None:
    """(n,) σ² over counts, where σ² is counts times a factor; None where it is not."""
    intensity, variance = pattern.intensity[used], pattern.sigma[used] ** 2
    bright = intensity >= 1.0
    if pattern.sigma_source == "relative" or not bright.any():
        return None
    factor = variance[bright] / intensity[bright]
    middle = float(np.median(factor))
    if pattern.sigma_source == "column" and np.mean(np.abs(factor / middle - 1.0) < 0.05) < 0.9:
        return None
    per_point = np.full(intensity.size, middle)
    per_point[bright] = factor
    return per_point


def _with_values(model: Model, ties: Ties, given: Mapping[str, float]) -> FloatArray:
    values = ties.start.copy()
    watched = {i for i, slot in enumerate(model.layout.slots) if slot.kind == "watched"}
    # A watched phase may stand at another cell, but it stays at zero.
    held = watched - {int(i) for term in model.phases[model.fitted_phases :] for i in term.cell}
    for name, value in given.items():
        if (i := model.layout.index.get(name)) is not None and ties.free[i] and i not in held:
            values[i] = min(max(value, ties.lower[i]), ties.upper[i])
    return values


def _moving(model: Model, ties: Ties, released: set[str]) -> BoolArray:
    kinds = np.array([slot.kind in released for slot in model.layout.slots])
    return np.asarray(kinds & ties.free)


def _solve(
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
    moving = np.flatnonzero(_moving(model, ties, released))
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
    """(p,) prior means and (p,) prior weights 1/sd², 0 where nothing pulls; textures with the spread learned so far."""
    mean = np.array([slot.prior_mean for slot in model.layout.slots])
    weight = np.array([0.0 if slot.prior_sd is None else slot.prior_sd**-2.0 for slot in model.layout.slots])
    for term in model.phases:
        if (sd := texture_sd.get(term.reflections.phase)) is not None:
            weight[np.unique(term.texture[term.texture >= 0])] = sd**-2.0
    return mean, weight


def _learn_texture(model: Model, ties: Ties, values: FloatArray, solution: Solution) -> dict[str, float]:
    """How far each phase's lines leave the calculated ratios: the EM step τ² = mean(ε² + var ε) (Dempster et al. 1977), with
    the median in the mean's place: one weak line in the misfit of a strong neighbour must not set the whole phase free."""
    covariance = solution.covariance()
    everything = {kind for _, kinds in PLAN for kind in kinds}
    position = {int(parameter): i for i, parameter in enumerate(np.flatnonzero(_moving(model, ties, everything)))}
    spread = {}
    for term in model.phases:
        own = [int(parameter) for parameter in np.unique(term.texture[term.texture >= 0]) if int(parameter) in position]
        rows = [position[parameter] for parameter in own]
        if rows:
            second_moment = values[own] ** 2 + np.diag(covariance)[rows]
            typical = float(np.sqrt(np.median(second_moment) / _MEDIAN_OF_CHI_SQUARED))
            spread[term.reflections.phase] = float(np.clip(typical, *_TEXTURE_RANGE))
    return spread


def _full_covariance(ties: Ties, values: FloatArray, moving: BoolArray, solution: Solution) -> FloatArray:
    index = np.flatnonzero(moving)
    transform = np.zeros((values.size, index.size))
    transform[index, np.arange(index.size)] = 1.0
    if ties.dependent.size:
        transform[ties.dependent] = ties.slopes(values, index)
    return np.asarray(transform @ solution.covariance() @ transform.T)
