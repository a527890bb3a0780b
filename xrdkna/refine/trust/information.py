"""What a fitted scan says about the area of each group of reflections, everything else profiled out.

The areas' `marginal`, with σ² raised where the fit misses by more than counting statistics allows.
"""

import numpy as np
from scipy.optimize import nnls

from xrdkna.records.arrays import FloatArray
from xrdkna.records.refinement import UNEXPLAINED, IntensityInformation, ReflectionGroup
from xrdkna.refine.forward.extracted import EXTRACTED
from xrdkna.refine.forward.model import LineList, calculate_with_jacobian, line_list
from xrdkna.refine.forward.noise import local_misfit
from xrdkna.refine.search.fit import Fitted
from xrdkna.refine.search.released import priors
from xrdkna.refine.trust.marginal import group_profiles, marginal


def intensity_information(fitted: Fitted) -> IntensityInformation:
    """N and b for every strong group of every phase and every line of no phase, at the fitted solution."""
    model = fitted.model
    lines = line_list(model, fitted.values)
    groups, column, share, rest = _columns(fitted, lines)
    m, phases = len(groups), len(model.phases)
    profiles = group_profiles(model, lines, column, np.where(column < m, share, rest), m + phases)

    nuisance = [i for i in np.flatnonzero(fitted.moving) if model.layout.slots[i].kind not in ("texture", "scale", *EXTRACTED)]
    rows = np.full(len(model.layout.slots), -1, dtype=np.int64)
    rows[nuisance] = np.arange(len(nuisance))
    _, slopes = calculate_with_jacobian(model, fitted.values, rows, len(nuisance))
    prior = priors(model, fitted.texture_sd)[1][nuisance]

    residual = fitted.observed - fitted.calculated
    unexplained = residual - _explained_by_watched(fitted, groups, profiles[:m], residual)
    weight = fitted.counting_weight / local_misfit(model, fitted.values, fitted.counting_weight, unexplained)
    information, score = marginal(profiles, m, slopes=slopes, prior=prior, weight=weight, residual=residual)
    areas = np.array([group.expected for group in groups])
    return IntensityInformation(
        groups=tuple(groups),
        information=information,
        score=information @ areas + score,
        inflation=float(np.mean(fitted.counting_weight / weight)),
    )


def _explained_by_watched(fitted: Fitted, groups: list[ReflectionGroup], profiles: FloatArray, residual: FloatArray) -> FloatArray:
    """(n,) what the watched phases, each with its calculated pattern in one positive amount, would take of the residual.

    A phase that is there but held at zero leaves its whole pattern as misfit; taken for noise, it would hide the phase itself.
    """
    names = [term.reflections.phase for term in fitted.model.phases[fitted.model.fitted_phases :]]
    shapes = np.zeros((len(names), residual.size))
    for group, profile in zip(groups, profiles, strict=True):
        if group.phase in names:
            shapes[names.index(group.phase)] += group.share * profile
    present = [shape for shape in shapes if shape.any()]
    if not present:
        return np.zeros(residual.size)
    root = np.sqrt(fitted.counting_weight)
    design = np.array(present) * root
    size = np.sqrt(np.sum(design**2, axis=1))
    amounts, _ = nnls((design / size[:, None]).T, root * residual)
    return np.asarray((amounts / size) @ np.array(present))


def _columns(fitted: Fitted, lines: LineList) -> tuple[list[ReflectionGroup], np.ndarray, FloatArray, FloatArray]:
    """The followed groups; for each line its column (m + phase number: the rest of its phase, −1: none), its share of the
    group's area, and what it adds to the phase's rest."""
    model = fitted.model
    unit = lines.unit
    column = np.full(lines.position.size, -1, dtype=np.int64)
    share, rest = np.zeros(lines.position.size), np.zeros(lines.position.size)
    groups: list[ReflectionGroup] = []
    low, high = model.two_theta[0], model.two_theta[-1]
    inside = (lines.position > low) & (lines.position < high)
    leftovers = []
    for number, term in enumerate(model.phases):
        own = lines.owner == number
        total = float(unit[own & inside].sum())
        for g, strong in enumerate(term.grouping.strong):
            members = own & (lines.group == g)
            within = members & inside
            area = float(unit[within].sum())
            if not strong or area <= 0.0 or not total > 0.0:
                leftovers.append((members, number))
                continue
            column[members] = len(groups)
            share[members] = unit[members] / area
            groups.append(_group(fitted, number, g, lines, within, expected=float(lines.area[within].sum()), share=area / total))
    for number, two_theta in enumerate(model.free_lines.peaks):
        members = (lines.owner < 0) & (lines.group == number)
        column[members] = len(groups)
        share[members] = lines.share[members]
        fwhm = float(lines.fwhm[members][0])
        groups.append(_stranger(number, two_theta, fwhm, expected=float(lines.area[members].sum())))
    for members, number in leftovers:
        column[members] = len(groups) + number
        rest[members] = lines.area[members]
    return groups, column, share, rest


def _group(fitted: Fitted, number: int, g: int, lines: LineList, within: np.ndarray, *, expected: float, share: float) -> ReflectionGroup:
    term = fitted.model.phases[number]
    members = np.flatnonzero(term.grouping.group == g)
    leader = int(term.grouping.leader[g])
    # The first spectral line of the leader: lines are listed phase by phase, spectral line by spectral line.
    first = np.flatnonzero(lines.owner == number)[0] + leader
    hkl = [tuple(int(index) for index in term.reflections.hkl[i]) for i in (leader, *members)]
    return ReflectionGroup(
        phase=term.reflections.phase,
        role=term.reflections.role,
        hkl=(hkl[0][0], hkl[0][1], hkl[0][2]),
        members=tuple((h, k, l) for h, k, l in hkl[1:]),
        two_theta=float(lines.position[first]),
        fwhm=float(lines.fwhm[first]),
        expected=expected,
        share=share,
        free=term.intensities != "structure",
    )


def _stranger(number: int, two_theta: float, fwhm: float, *, expected: float) -> ReflectionGroup:
    hkl = (number + 1, 0, 0)
    return ReflectionGroup(phase=UNEXPLAINED, role=UNEXPLAINED, hkl=hkl, members=(hkl,), two_theta=two_theta, fwhm=fwhm, expected=expected)
