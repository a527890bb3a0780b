"""Is a phase there? A fit that is free to move lines finds, somewhere, noise that suits them.

A weak phase is looked for twice: where it was expected before the fit, with lines as wide as those of its neighbours, which is Currie's one
amount beside noise; and where the fit has put it, which is allowed for by how far it was free to look (`physics.trials`). Of two looks each
may err half as often.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np

from xrdkna.physics.evidence import PhaseEvidence, phase_evidence
from xrdkna.physics.trials import SIDED, SIDED_OF_TWO, sigmas_anywhere, sigmas_of_two
from xrdkna.records.arrays import FloatArray, IntArray
from xrdkna.records.refinement import IntensityInformation
from xrdkna.refine.forward.model import LineList, calculate_with_jacobian, line_list
from xrdkna.refine.search.fit import Fitted
from xrdkna.refine.search.released import phase_of_each, priors
from xrdkna.refine.trust.detection import limiting_scale
from xrdkna.refine.trust.information import intensity_information

# A phase of so many sigmas is where the fit has put it; beyond the second number what a search adds no longer matters.
_CLEAR, _BEYOND = 6.0, 30.0


@dataclass(frozen=True, slots=True)
class Seen:
    """significance: sigmas, 1.645 of which noise exceeds in 5 % of patterns. limiting: scale from which 95 % of patterns show the phase."""

    significance: float
    limiting: float | None


def seen_phases(fitted: Fitted, lines: LineList, information: IntensityInformation) -> tuple[Seen, ...]:
    """What is seen of every phase of the model, watched ones too."""
    model = fitted.model
    evidences = [phase_evidence(information, term.reflections.phase, texture_sd=fitted.texture_sd) for term in model.phases]
    searching = [_searching(fitted, number) for number in range(len(model.phases))]
    weak = {k for k, one in enumerate(evidences) if one is not None and searching[k].size and one.significance < _CLEAR}
    here, expected = (fitted, lines, information), _as_expected(fitted, {i for k in weak for i in searching[k].tolist()}) if weak else None
    seen = []
    for number, evidence in enumerate(evidences):
        if evidence is None:
            seen.append(Seen(0.0, None))
        elif not searching[number].size:
            seen.append(Seen(evidence.significance, _limiting(*here, number, evidence, SIDED)))
        else:
            found = evidence.significance
            if found < _BEYOND:
                found = sigmas_anywhere(found, _reach(fitted, number, searching[number]))
            if number not in weak or expected is None:
                seen.append(Seen(sigmas_of_two(found, found), _limiting(*here, number, evidence, SIDED_OF_TWO)))
                continue
            held = phase_evidence(expected[2], model.phases[number].reflections.phase, texture_sd=fitted.texture_sd)
            limiting = None if held is None else _limiting(*expected, number, held, SIDED_OF_TWO)
            seen.append(Seen(sigmas_of_two(found, found if held is None else held.significance), limiting))
    return tuple(seen)


def _searching(fitted: Fitted, number: int) -> IntArray:
    """The parameters with which a phase looks for lines: where they are, how wide, and how strong each is beside the others."""
    model = fitted.model
    if number >= model.fitted_phases or not fitted.moving[model.phases[number].scale]:
        return np.zeros(0, dtype=np.int64)
    own = (phase_of_each(model) == number) & fitted.moving
    own[model.phases[number].scale] = False
    own[model.phases[number].texture[model.phases[number].texture >= 0]] = False
    return np.flatnonzero(own)


def _as_expected(fitted: Fitted, searching: Collection[int]) -> tuple[Fitted, LineList, IntensityInformation]:
    """The fit with these parameters held where they were expected: at their starts, widths at the middle of what other phases have."""
    model, values, moving = fitted.model, fitted.values.copy(), fitted.moving.copy()
    held = np.array(sorted(searching), dtype=np.int64)
    values[held] = model.layout.starts()[held] if fitted.started is None else fitted.started[held]
    moving[held] = False
    for widths in ([term.x for term in model.phases], [term.y for term in model.phases]):
        seen = [i for i in widths if fitted.moving[i] and i not in searching]
        if seen:
            values[[i for i in widths if i in searching]] = float(np.median(fitted.values[seen]))
    rows = np.full(values.size, -1, dtype=np.int64)
    calculated, _ = calculate_with_jacobian(model, values, rows, 0)
    there = replace(fitted, values=values, moving=moving, calculated=calculated)
    return there, line_list(model, values), intensity_information(there)


def _limiting(
    fitted: Fitted, lines: LineList, information: IntensityInformation, number: int, evidence: PhaseEvidence, critical: float
) -> float | None:
    low, high = fitted.model.two_theta[0], fitted.model.two_theta[-1]
    inside = (lines.owner == number) & (lines.position > low) & (lines.position < high)
    unit_area = float(lines.unit[inside].sum())
    return limiting_scale(fitted, number, esd=evidence.esd / unit_area, critical=critical) if unit_area > 0.0 else None


def _reach(fitted: Fitted, number: int, searching: IntArray) -> FloatArray:
    """(d,) how far a phase was free to look, in lengths over which noise changes: with its pattern t and the slopes of t, freed of what
    all else can imitate, Λ is the metric of t/|t|."""
    scale = fitted.model.phases[number].scale
    if fitted.values[scale] <= 0.0:
        return np.zeros(0)
    index = np.flatnonzero(fitted.moving)
    rows = np.full(fitted.values.size, -1, dtype=np.int64)
    rows[index] = np.arange(index.size)
    _, jacobian = calculate_with_jacobian(fitted.model, fitted.values, rows, index.size)
    normal = (jacobian * fitted.counting_weight) @ jacobian.T
    prior = priors(fitted.model, fitted.texture_sd)[1]
    own = rows[[scale, *searching.tolist()]]
    others = np.setdiff1d(np.arange(index.size), own)
    inner = normal[np.ix_(others, others)] + np.diag(prior[index[others]])
    size = np.sqrt(np.maximum(np.diag(inner), 1e-300))
    inner = inner / np.outer(size, size) + 1e-9 * np.eye(others.size)
    cross = normal[np.ix_(others, own)] / size[:, None]
    alone = normal[np.ix_(own, own)] - cross.T @ np.linalg.solve(inner, cross)
    strength = max(float(alone[0, 0]), 1e-300)
    metric = (alone[1:, 1:] - np.outer(alone[1:, 0], alone[0, 1:]) / strength) / (strength * fitted.values[scale] ** 2)
    # What is pulled is expected within a standard deviation, what is only bounded anywhere between its bounds.
    width = (fitted.upper - fitted.lower)[searching]
    bounded = np.where(np.isfinite(width), width, 0.0) / np.sqrt(2.0 * np.pi)
    pulled = prior[searching]
    spread = np.where(pulled > 0.0, 1.0 / np.sqrt(np.where(pulled > 0.0, pulled, 1.0)), bounded)
    return np.asarray(np.sqrt(np.maximum(np.linalg.eigvalsh(metric * np.outer(spread, spread)), 0.0)))
