"""What one scan of a chain says about the area of each group of reflections, everything else profiled out, in milliseconds.

With φ the unit-area profiles of the groups, Φ the derivatives by all other parameters and W = 1/σ²:
N = φᵀWφ − φᵀWΦ (ΦᵀWΦ + prior)⁻¹ ΦᵀWφ, and b from the gradient the same way (a Schur complement: the Gaussian
marginal of a linear model). σ² is raised where the fit misses by more than counting statistics allows. The same as
`information`, but what does not change from scan to scan is worked out once, and every product runs over a line's own window only.
"""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import uniform_filter1d

from xrdkna.physics.compiled import compiled
from xrdkna.physics.kernel import line_reach
from xrdkna.records.arrays import BoolArray, FloatArray, IntArray
from xrdkna.records.refinement import UNEXPLAINED, IntensityInformation, ReflectionGroup
from xrdkna.refine.forward.extracted import EXTRACTED
from xrdkna.refine.forward.model import LineList, Model, add_line_columns, line_list
from xrdkna.refine.forward.noise import local_misfit

# The profile of a line that is not there is followed this far: beyond, its tails tell nothing from background.
_SHAPE_WIDTHS = 10.0
# What residuals have in common over so many widths is background or a hump that the model has not quite right, and nobody's line.
_SMOOTH_WIDTHS = 20.0
# Weak lines of a phase follow its scale only this well (texture), when they are not followed themselves.
_REST_SPREAD = 0.3


@dataclass(frozen=True, slots=True)
class AreaPlan:
    """What the scans of one grid share. column: (L,) of each line: its group's, or group count + phase number for those that are not
    followed. leader: (m,) the line that stands for a group. nuisance: (r,) rows of the jacobian of all that is no area, and
    prior: (r,) their prior weight. names: (m,) phase, role, hkl and members of each group; free: (m,)."""

    column: IntArray
    leader: IntArray
    phase: IntArray
    nuisance: IntArray
    prior: FloatArray
    names: tuple[tuple[str, str, tuple[int, int, int], tuple[tuple[int, int, int], ...]], ...]
    free: BoolArray


def plan_areas(model: Model, values: FloatArray, *, rows: IntArray, prior_weight: FloatArray) -> AreaPlan:
    """The groups to follow: every strong group of every phase whose first line lies in the pattern, and every line of no phase.

    rows: (p,) the row of each parameter in the jacobian, −1 if held; prior_weight: (p,).
    """
    lines = line_list(model, values)
    column = np.full(lines.position.size, -1, dtype=np.int64)
    low, high = model.two_theta[0], model.two_theta[-1]
    names: list[tuple[str, str, tuple[int, int, int], tuple[tuple[int, int, int], ...]]] = []
    leaders: list[int] = []
    phases: list[int] = []
    free: list[bool] = []
    rest: list[tuple[BoolArray, int]] = []
    for number, term in enumerate(model.phases):
        own = lines.owner == number
        begin = int(np.flatnonzero(own)[0]) if own.any() else 0
        for g, strong in enumerate(term.grouping.strong):
            members = own & (lines.group == g)
            leader = begin + int(term.grouping.leader[g])
            if not strong or not low < lines.position[leader] < high:
                rest.append((members, number))
                continue
            column[members] = len(names)
            inside = np.flatnonzero(term.grouping.group == g)
            hkl = [_indices(term.reflections.hkl[i]) for i in (term.grouping.leader[g], *inside)]
            names.append((term.reflections.phase, term.reflections.role, hkl[0], tuple(hkl[1:])))
            leaders.append(leader)
            phases.append(number)
            free.append(term.intensities != "structure")
    for number in range(len(model.free_lines.peaks)):
        members = (lines.owner < 0) & (lines.group == number)
        column[members] = len(names)
        names.append((UNEXPLAINED, UNEXPLAINED, (number + 1, 0, 0), ((number + 1, 0, 0),)))
        leaders.append(int(np.flatnonzero(members)[0]))
        phases.append(-1)
        free.append(False)
    for members, number in rest:
        column[members] = len(names) + number
    slots = model.layout.slots
    nuisance = [i for i in np.flatnonzero(rows >= 0) if slots[i].kind not in ("texture", "scale", *EXTRACTED)]
    return AreaPlan(
        column=column,
        leader=np.array(leaders, dtype=np.int64),
        phase=np.array(phases, dtype=np.int64),
        nuisance=rows[nuisance],
        prior=prior_weight[nuisance],
        names=tuple(names),
        free=np.array(free, dtype=np.bool_),
    )


def area_information(
    model: Model, plan: AreaPlan, values: FloatArray, *, jacobian: FloatArray, weight: FloatArray, residual: FloatArray
) -> tuple[IntensityInformation, FloatArray]:
    """N and b at the fitted values, and (P,) the area of each phase's followed groups at unit scale.

    jacobian: (q, n) of the refined parameters; weight: (n,) 1/variance by counting; residual: (n,) observed − calculated counts.
    """
    lines = line_list(model, values)
    m, phases = plan.leader.size, len(model.phases)
    inside = (lines.position > model.two_theta[0]) & (lines.position < model.two_theta[-1])
    unit = np.where(plan.column < m, np.where(lines.owner < 0, lines.share, lines.unit * inside), 0.0)
    areas_of = _sums(plan.column, unit, m + phases)[:m]
    coefficient = np.where(plan.column < m, unit / np.maximum(areas_of, 1e-300)[np.minimum(plan.column, m - 1)], lines.area)
    reach = np.maximum(line_reach(lines.area, lines.fwhm, lines.eta, tolerance=model.tail_tolerance), _SHAPE_WIDTHS * lines.fwhm)
    profiles = add_line_columns(model, lines, plan.column, coefficient, reach, m + phases)
    misfit = local_misfit(model, values, weight, residual)
    weight = weight / misfit
    residual = residual - _local_mean(
        residual, weight, max(round(_SMOOTH_WIDTHS * float(np.median(lines.fwhm)) / float(np.median(np.diff(model.two_theta)))), 3)
    )
    slopes = jacobian[plan.nuisance]
    own, cross, push = _products(profiles, slopes, weight, residual)
    information, score = _marginal(own, cross, push, slopes, plan.prior, weight, residual, m)
    expected = _sums(plan.column, np.where(inside | (lines.owner < 0), lines.area, 0.0), m + phases)[:m]
    by_phase = _sums(plan.phase + 1, areas_of, phases + 1)
    groups = _groups(plan, lines, areas_of, expected, by_phase)
    score = information @ expected + score
    return IntensityInformation(groups=groups, information=information, score=score, inflation=float(np.mean(misfit))), by_phase[1:]


def _local_mean(residual: FloatArray, weight: FloatArray, points: int) -> FloatArray:
    """(n,) weighted mean of the residuals over so many points around each."""
    mass = uniform_filter1d(weight, points, mode="nearest")
    return np.asarray(uniform_filter1d(weight * residual, points, mode="nearest") / mass)


def _sums(of: IntArray, what: FloatArray, count: int) -> FloatArray:
    return np.bincount(of, weights=what, minlength=count).astype(np.float64)


def _indices(hkl: IntArray) -> tuple[int, int, int]:
    h, k, l = (int(index) for index in hkl)
    return h, k, l


def _groups(
    plan: AreaPlan, lines: LineList, areas_of: FloatArray, expected: FloatArray, by_phase: FloatArray
) -> tuple[ReflectionGroup, ...]:
    share = np.where(plan.phase < 0, 0.0, areas_of / np.maximum(by_phase[plan.phase + 1], 1e-300)).tolist()
    position, fwhm = lines.position[plan.leader].tolist(), lines.fwhm[plan.leader].tolist()
    return tuple(
        ReflectionGroup(
            phase=phase,
            role=role,
            hkl=hkl,
            members=members,
            two_theta=position[i],
            fwhm=fwhm[i],
            expected=expected_area,
            share=share[i],
            free=free,
        )
        for i, ((phase, role, hkl, members), expected_area, free) in enumerate(
            zip(plan.names, expected.tolist(), plan.free.tolist(), strict=True)
        )
    )


def _marginal(
    own: FloatArray,
    cross: FloatArray,
    push: FloatArray,
    slopes: FloatArray,
    prior: FloatArray,
    weight: FloatArray,
    residual: FloatArray,
    m: int,
) -> tuple[FloatArray, FloatArray]:
    """N (m, m) and the score's part (m,) of the residual, all but the first m columns and the slopes profiled out."""
    q, rest = slopes.shape[0], own.shape[0] - m
    scaled = slopes * np.sqrt(weight)
    inner = np.empty((q + rest, q + rest))
    inner[:q, :q] = scaled @ scaled.T
    inner[q:, q:] = own[m:, m:]
    inner[q:, :q] = cross[m:]
    inner[:q, q:] = cross[m:].T
    inner[np.diag_indices_from(inner)] += np.concatenate([prior, np.full(rest, _REST_SPREAD**-2.0)])
    scale = np.sqrt(np.maximum(np.diag(inner), 1e-300))
    inner /= np.outer(scale, scale)
    inner[np.diag_indices_from(inner)] += 1e-10
    outer = np.hstack([cross[:m], own[:m, m:]]) / scale
    gradient = np.concatenate([slopes @ (weight * residual), push[m:]]) / scale
    projected = np.linalg.solve(inner, np.column_stack([outer.T, gradient]))
    reduced = outer @ projected
    information = own[:m, :m] - reduced[:, :-1]
    return np.asarray(0.5 * (information + information.T)), np.asarray(push[:m] - reduced[:, -1])


@compiled
def _products(
    profiles: FloatArray, slopes: FloatArray, weight: FloatArray, residual: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """φWφᵀ (c, c), φWΦᵀ (c, q) and φWr (c,), each over the points where a profile is not zero."""
    c, n = profiles.shape
    q = slopes.shape[0]
    own, cross, push = np.zeros((c, c)), np.zeros((c, q)), np.zeros(c)
    first, last = np.zeros(c, dtype=np.int64), np.zeros(c, dtype=np.int64)
    for i in range(c):
        a, b = 0, n
        while a < n and profiles[i, a] == 0.0:
            a += 1
        while b > a and profiles[i, b - 1] == 0.0:
            b -= 1
        first[i], last[i] = a, b
    weighted = np.empty(n)
    for i in range(c):
        a, b = first[i], last[i]
        for j in range(a, b):
            weighted[j] = profiles[i, j] * weight[j]
        push[i] = np.dot(weighted[a:b], residual[a:b])
        for k in range(q):
            cross[i, k] = np.dot(weighted[a:b], slopes[k, a:b])
        for k in range(i, c):
            low, high = max(a, first[k]), min(b, last[k])
            if low < high:
                own[i, k] = np.dot(weighted[low:high], profiles[k, low:high])
                own[k, i] = own[i, k]
    return own, cross, push
