"""One cell and one shift that explain as many published lines as they can: fit, and the evidence it gives for the phase.

The model of a list: a line of the phase with relative intensity I is printed with probability v = t·I/(I + h), at its calculated place
with a Gaussian error; other lines fall anywhere with density ρ. The likelihood ratio "with the phase" to "without" is

    Λ = Π_clusters (1 − v) · Π_lines (1 + Σ_r o_r N(2θ_i − 2θ_r; σ_i) / ρ_i),    o = v/(1 − v)

maximised over the cell (Gaussian prior around the reference cell, hard limits) and the shift by expectation–maximisation
with σ annealed from wide to true, then integrated over both by Laplace's method, and averaged over the completeness t. Lines
that other phases already explain have a large ρ_i and count for nothing. Under chance alone P(Λ ≥ x) ≤ 1/x (Markov's
inequality, as the mean of a likelihood ratio is 1; Royall 2000, J. Am. Stat. Assoc. 95, 760), which turns ln Λ into a
significance without tables.
"""

import math
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from xrdkna.match.expected_lines import ExpectedLines, covered_clusters, gaussian_density, odds_of_printing
from xrdkna.match.line_list import LineSettings, ListedLines
from xrdkna.records.arrays import FloatArray, IntArray
from xrdkna.records.phases import Cell

# Annealing, degrees: wide enough to catch a line from between two grid points, then the list's own precision.
ANNEALING = (0.15, 0.08, 0.04)
# Steps at the true precision; the assignments settle in three or four.
FINAL_STEPS = 12
# The starting grid: isotropic strains, strains of the last edge against the others, shifts (in limits).
STRAIN_STEPS = 21
SKEW_STEPS = 5
SHIFT_STEPS = 7
# Starts kept from one completeness to the next.
KEPT_STARTS = 2
# Lines less likely to be printed than this decide nothing and only cost time in a fit.
NEGLIGIBLE = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftPrior:
    """What is known of the list's displacement amplitude before a phase is fitted: degrees."""

    center: float
    sigma: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CellFitState:
    """Fitted cells of one or several phases with one shift, and what they explain.

    cells: one u (k,) a phase, in prior sigmas. shift: amplitude, degrees. covariance: of all u and the shift (its last row,
    in degrees). log_evidence: ln Λ, integrated over cell and shift. explained: (n,) share of each line that the phases explain,
    0 … 1. density: (n,) lines per degree the phases would print at each listed line. completeness: t of each phase that fits best.
    """

    phases: tuple[ExpectedLines, ...]
    cells: tuple[FloatArray, ...]
    shift: float
    covariance: FloatArray
    log_evidence: float
    explained: FloatArray
    density: FloatArray
    completeness: tuple[float, ...]

    def cell(self, index: int = 0) -> Cell:
        """The fitted cell of one phase."""
        return self.phases[index].cell(self.cells[index])

    def places(self, index: int = 0) -> tuple[FloatArray, FloatArray]:
        """(m,) degrees where the phase's lines lie in the fitted cell, shift included, and (m,) their esds."""
        phase = self.phases[index]
        bare, slopes = phase.places(self.cells[index])
        pattern = phase.shift_pattern(bare)
        first = sum(len(u) for u in self.cells[:index])
        rows = [*range(first, first + len(self.cells[index])), len(self.covariance) - 1]
        full = np.column_stack([slopes, pattern])
        variance = np.einsum("mi,ij,mj->m", full, self.covariance[np.ix_(rows, rows)], full)
        return bare + self.shift * pattern, np.sqrt(np.maximum(variance, 0.0))

    def cell_esds(self, index: int = 0) -> FloatArray:
        """(k,) Å or degrees, of the free cell parameters."""
        first = sum(len(u) for u in self.cells[:index])
        diagonal = np.diag(self.covariance)[first : first + len(self.cells[index])]
        return np.asarray(np.sqrt(np.maximum(diagonal, 0.0)) * self.phases[index].unit)


def fit_phase(
    phase: ExpectedLines, listed: ListedLines, *, chance: FloatArray, hidden: FloatArray, prior: ShiftPrior, settings: LineSettings
) -> CellFitState:
    """The best cell and shift of one phase, tried from many starts.

    chance: (n,) ρ, lines per degree that chance and the other phases put at each listed line. hidden: (n,) 0 … 1, how far
    another phase already explains each listed line (a line that would fall on it is not missed).
    """
    task = _Task(listed=listed, chance=chance, hidden=hidden, prior=prior, settings=settings)
    starts = _starts(phase, task)
    found: list[CellFitState] = []
    for t in settings.completeness:
        tried = sorted((_climb((phase,), start, (t,), task) for start in starts), key=lambda fit: -fit.log_evidence)
        # the place of the optimum hardly depends on t: the best few are enough to start from
        starts = [_start_of(fit, prior) for fit in tried[:KEPT_STARTS]]
        found.append(tried[0])
    best = max(found, key=lambda fit: fit.log_evidence)
    average = np.logaddexp.reduce([fit.log_evidence for fit in found]) - math.log(len(found))
    return replace(best, log_evidence=float(average))


def fit_together(
    fits: tuple[CellFitState, ...], listed: ListedLines, *, chance: FloatArray, prior: ShiftPrior, settings: LineSettings
) -> CellFitState:
    """Several phases (one a fit) with their own cells and one common shift, starting from their single fits."""
    phases = tuple(fit.phases[0] for fit in fits)
    shift = float(np.mean([fit.shift for fit in fits]))
    start = np.concatenate([*(fit.cells[0] for fit in fits), [(shift - prior.center) / prior.sigma]])
    task = _Task(listed=listed, chance=chance, hidden=np.zeros(listed.two_theta.size), prior=prior, settings=settings)
    return _climb(phases, start, tuple(fit.completeness[0] for fit in fits), task)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Task:
    """What stays the same while a fit is looked for; see `fit_phase`."""

    listed: ListedLines
    chance: FloatArray
    hidden: FloatArray
    prior: ShiftPrior
    settings: LineSettings


def _start_of(fit: CellFitState, prior: ShiftPrior) -> FloatArray:
    return np.append(np.concatenate(fit.cells), (fit.shift - prior.center) / prior.sigma)


def _starts(phase: ExpectedLines, task: _Task) -> list[FloatArray]:
    """The best start for each shift on a coarse grid, positions linear in the cell; and the reference cell itself."""
    listed, prior, settings = task.listed, task.prior, task.settings
    k = len(phase.names)
    edges = np.array([name in ("a", "b", "c") for name in phase.names])
    strong = np.flatnonzero(phase.printed > NEGLIGIBLE)
    _, slopes = phase.places(np.zeros(k))
    reference, slopes = phase.reference[strong], slopes[strong]
    pattern, weight = (
        phase.shift_pattern(reference),
        odds_of_printing(phase, np.zeros(len(phase.cluster_printed)), settings.completeness[0])[strong],
    )
    sigma = np.maximum(listed.sigma, ANNEALING[0])
    limit = settings.strain_limit / settings.strain_sigma
    skews = np.linspace(-0.5, 0.5, SKEW_STEPS) * limit if edges.sum() > 1 else np.zeros(1)
    last_edge = np.flatnonzero(edges)[-1]
    starts = [np.zeros(k + 1)]
    for amplitude in _shift_grid(prior, settings):
        v = (amplitude - prior.center) / prior.sigma
        best, best_score = None, -np.inf
        for strain, skew in product(np.linspace(-limit, limit, STRAIN_STEPS), skews):
            u = np.where(edges, strain, 0.0)
            u[last_edge] = np.clip(u[last_edge] + skew, -limit, limit)
            place = reference + slopes @ u + amplitude * pattern
            gain = np.log1p(gaussian_density(listed.two_theta, place, sigma) @ weight / task.chance).sum()
            score = float(gain - 0.5 * (u @ u + v * v))
            if score > best_score:
                best, best_score = np.append(u, v), score
        if best is not None:
            starts.append(best)
    return starts


def _shift_grid(prior: ShiftPrior, settings: LineSettings) -> FloatArray:
    reach = min(2.5 * prior.sigma, settings.shift_limit)
    steps = SHIFT_STEPS if reach > 0.1 else 3
    return np.unique(np.clip(np.linspace(prior.center - reach, prior.center + reach, steps), -settings.shift_limit, settings.shift_limit))


def _climb(phases: tuple[ExpectedLines, ...], start: FloatArray, completeness: tuple[float, ...], task: _Task) -> CellFitState:
    """Expectation–maximisation with annealed σ: soft assignment of lines to reflections, then one damped-by-prior Gauss–Newton step."""
    listed, chance, prior, settings = task.listed, task.chance, task.prior, task.settings
    sizes = [len(phase.names) for phase in phases]
    cuts = np.asarray(np.cumsum(sizes), dtype=np.int64)
    reach = (settings.shift_limit - prior.center) / prior.sigma, (-settings.shift_limit - prior.center) / prior.sigma
    upper = np.append(np.concatenate([phase.limit for phase in phases]), reach[0])
    lower = np.append(-np.concatenate([phase.limit for phase in phases]), reach[1])
    keep = [np.flatnonzero(phase.printed > NEGLIGIBLE) for phase in phases]
    u = np.clip(start, lower, upper)
    widths = [np.maximum(listed.sigma, wide) for wide in ANNEALING] + [listed.sigma] * FINAL_STEPS
    for sigma in widths:
        place, slopes, weight, _ = _model(phases, u, cuts, keep, completeness, task)
        expected = gaussian_density(listed.two_theta, place, sigma) * weight
        share = expected / (chance + expected.sum(axis=1))[:, None] / sigma[:, None] ** 2
        strength = share.sum(axis=0)
        pull = (share * (listed.two_theta[:, None] - place)).sum(axis=0)
        curvature = slopes.T @ (strength[:, None] * slopes) + np.eye(u.size)
        stepped = np.clip(u + np.linalg.solve(curvature, slopes.T @ pull - u), lower, upper)
        if sigma is listed.sigma and np.allclose(stepped, u, atol=1e-6):
            break
        u = stepped
    place, slopes, weight, missing = _model(phases, u, cuts, keep, completeness, task)
    expected = gaussian_density(listed.two_theta, place, listed.sigma) * weight
    density = expected.sum(axis=1)
    strength = (expected / (chance + density)[:, None] / listed.sigma[:, None] ** 2).sum(axis=0)
    curvature = slopes.T @ (strength[:, None] * slopes) + np.eye(u.size)
    explained = density / (chance + density)
    evidence = missing + float(np.log1p(density / chance).sum()) - 0.5 * float(u @ u) - 0.5 * float(np.linalg.slogdet(curvature)[1])
    evidence += _fewer_left_to_chance(float((1.0 - task.hidden).sum()), float((explained * (1.0 - task.hidden)).sum()))
    scale = np.append(np.ones(u.size - 1), prior.sigma)
    return CellFitState(
        phases=phases,
        cells=tuple(np.split(u[:-1], cuts[:-1])),
        shift=float(prior.center + prior.sigma * u[-1]),
        covariance=np.linalg.inv(curvature) * np.outer(scale, scale),
        log_evidence=evidence,
        explained=explained,
        density=density,
        completeness=completeness,
    )


def _fewer_left_to_chance(free: float, explained: float) -> float:
    """What ln Λ gains when ρ is not known but integrated over (flat prior, Poisson): m ln n − ln(n!/(n − m)!).

    With m of n lines explained only n − m are left to chance, so chance lines are rarer than the n over the span that ρ says.
    """
    left = max(free - explained, 0.0)
    return explained * math.log(max(free, 1.0)) - math.lgamma(free + 1.0) + math.lgamma(left + 1.0)


def _model(
    phases: tuple[ExpectedLines, ...], u: FloatArray, cuts: IntArray, keep: list[IntArray], completeness: tuple[float, ...], task: _Task
) -> tuple[FloatArray, FloatArray, FloatArray, float]:
    """Of all phases together: (m,) places, (m, p) slopes, (m,) odds of being printed, and Σ ln(1 − v) over the clusters."""
    amplitude = task.prior.center + task.prior.sigma * u[-1]
    places: list[FloatArray] = []
    slopes: list[FloatArray] = []
    odds: list[FloatArray] = []
    missing = 0.0
    for phase, part, kept, t in zip(phases, np.split(u[:-1], cuts[:-1]), keep, completeness, strict=True):
        bare, by_cell = phase.places(part, kept)
        pattern = phase.shift_pattern(bare)
        block = np.zeros((kept.size, u.size))
        first = int(cuts[len(places)]) - part.size
        block[:, first : first + part.size] = by_cell
        block[:, -1] = pattern * task.prior.sigma
        places.append(bare + amplitude * pattern)
        slopes.append(block)
        cover = covered_clusters(phase, task.listed, task.hidden)
        odds.append(odds_of_printing(phase, cover, t)[kept])
        missing += float(np.log1p(-t * phase.cluster_printed * (1.0 - cover) * phase.cluster_counts).sum())
    return np.concatenate(places), np.vstack(slopes), np.concatenate(odds), missing
