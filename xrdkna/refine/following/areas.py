"""What one scan of a chain says about the area of each group of reflections, everything else profiled out, in milliseconds.

As `trust.information` says it of a single fit, but what does not change from scan to scan is worked out once, and the derivatives are
those that the fit has.
"""

from dataclasses import dataclass

import numpy as np

from xrdkna.records.arrays import BoolArray, FloatArray, IntArray
from xrdkna.records.refinement import STEADY, UNEXPLAINED, IntensityInformation, ReflectionGroup
from xrdkna.refine.forward.extracted import EXTRACTED
from xrdkna.refine.forward.model import LineList, Model, line_list
from xrdkna.refine.forward.noise import local_misfit
from xrdkna.refine.search.released import phase_of_each
from xrdkna.refine.trust.marginal import group_profiles, marginal


@dataclass(frozen=True, slots=True)
class AreaPlan:
    """What the scans of one grid share. column: (L,) of each line: its group's, or group count + phase number for those that are not
    followed. leader: (m,) the line that stands for a group. nuisance: (r,) rows of the jacobian of all that is no area, and
    prior: (r,) their prior weight. steady: (s,) which of them are told beside the areas, and widths: (s,) their parameters.
    names: (m,) phase, role, hkl and members of each group; free: (m,)."""

    column: IntArray
    leader: IntArray
    phase: IntArray
    nuisance: IntArray
    prior: FloatArray
    steady: IntArray
    widths: IntArray
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
    nuisance = np.array([i for i in np.flatnonzero(rows >= 0) if slots[i].kind not in ("texture", "scale", *EXTRACTED)], dtype=np.int64)
    steady = np.flatnonzero(_stays(model)[nuisance])
    return AreaPlan(
        column=column,
        leader=np.array(leaders, dtype=np.int64),
        phase=np.array(phases, dtype=np.int64),
        nuisance=rows[nuisance],
        prior=prior_weight[nuisance],
        steady=steady,
        widths=nuisance[steady],
        names=tuple(names),
        free=np.array(free, dtype=np.bool_),
    )


def _stays(model: Model) -> BoolArray:
    """(p,) True for the widths of the machine and of hardware: grains of a mesh do not grow, whatever is deposited on it."""
    hardware = np.array([term.reflections.role == "hardware" for term in model.phases], dtype=np.bool_)
    owner = phase_of_each(model)
    widths = np.array([slot.kind in ("width", "shape") for slot in model.layout.slots], dtype=np.bool_)
    return np.asarray(widths & np.append(hardware, True)[owner])


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
    profiles = group_profiles(model, lines, plan.column, coefficient, m + phases)
    misfit = local_misfit(model, values, weight, residual)
    slopes, weight = jacobian[plan.nuisance], weight / misfit
    information, score = marginal(profiles, m, slopes=slopes, prior=plan.prior, weight=weight, residual=residual, kept=plan.steady)
    expected = _sums(plan.column, np.where(inside | (lines.owner < 0), lines.area, 0.0), m + phases)[:m]
    by_phase = _sums(plan.phase + 1, areas_of, phases + 1)
    groups = (*_groups(plan, lines, areas_of, expected, by_phase), *_widths(model, plan, values))
    score = information @ np.append(expected, values[plan.widths]) + score
    return IntensityInformation(groups=groups, information=information, score=score, inflation=float(np.mean(misfit))), by_phase[1:]


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


def _widths(model: Model, plan: AreaPlan, values: FloatArray) -> tuple[ReflectionGroup, ...]:
    slots, nowhere = model.layout.slots, (0, 0, 0)
    return tuple(
        ReflectionGroup(
            phase=slots[i].name, role=STEADY, hkl=nowhere, members=(), two_theta=0.0, fwhm=0.0, expected=float(values[i]), share=0.0
        )
        for i in plan.widths
    )
