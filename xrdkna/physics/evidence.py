"""What the areas of overlapping reflections say about one phase, by Gaussian algebra.

The likelihood ln L(a) = −½ aᵀNa + bᵀa of an `IntensityInformation` is taken with a model of where the areas come from:
for every other phase q that is there, a = level·share·(1 + ε), level free and ε ~ N(0, τ²) its texture; for the phase in
question either one amplitude for all its groups, or one free area each. Linear and Gaussian, so everything is one solve.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from xrdkna.records.arrays import FloatArray
from xrdkna.records.refinement import UNEXPLAINED, IntensityInformation, ReflectionGroup

# A one-sided 5 % error on either side (Currie 1968): a true amount at the limit is missed in 5 % of scans.
CURRIE_FACTOR = 2.0 * 1.6449
# A phase whose level is below this many sigmas does not get to explain what another phase leaves.
_LEVEL_COUNTS = 2.0
# Information below this share of the best known unknown's is rounding.
_HIDDEN = 1e-12
# Area groups may have beyond the calculated ratio even where texture was not learned.
DEFAULT_TEXTURE_SD = 0.3


@dataclass(frozen=True, slots=True)
class GroupEvidence:
    """One group on its own: free area and esd (counts·degrees) beside everything else, and what the phase's level predicts."""

    group: ReflectionGroup
    area: float
    esd: float
    predicted: float

    @property
    def significance(self) -> float:
        """area/esd."""
        return self.area / self.esd


@dataclass(frozen=True, slots=True)
class PhaseEvidence:
    """One phase as a whole. area, esd: counts·degrees of all its groups together, from one amplitude; may be negative.

    joint: sigmas-equivalent of all its areas, each on its own, being zero; None where one amplitude speaks for them.
    """

    phase: str
    area: float
    esd: float
    groups: tuple[GroupEvidence, ...]
    joint: float | None = None

    @property
    def significance(self) -> float:
        """Sigmas by which the phase's amplitude differs from zero; negative when noise points the other way."""
        return self.area / self.esd if self.joint is None else self.joint


def phase_evidence(information: IntensityInformation, phase: str, *, texture_sd: Mapping[str, float] | None = None) -> PhaseEvidence | None:
    """The evidence for one phase, or None when none of its groups lies in the pattern.

    Lines of no phase keep what they can take: a phase whose lines they are shows only in `without_strangers(information)`.
    """
    own = [i for i, group in enumerate(information.groups) if group.phase == phase]
    if not own:
        return None
    others_map, others_prior = other_phases(information, {phase}, texture_sd or {})
    m = len(information.groups)
    template = np.zeros((m, 1))
    template[own, 0] = [information.groups[i].share for i in own]
    template /= template.sum()
    amplitude, variance = _estimate(information, np.hstack([template, others_map]), np.concatenate([[0.0], others_prior]), 1)
    single = np.zeros((m, len(own)))
    single[own, np.arange(len(own))] = 1.0
    areas, covariance = _estimate(
        information, np.hstack([single, others_map]), np.concatenate([np.zeros(len(own)), others_prior]), len(own)
    )
    esds = np.sqrt(np.diag(covariance))
    if information.groups[own[0]].free:
        return _free_evidence(information, phase, own, areas, covariance)
    groups = tuple(
        GroupEvidence(information.groups[i], float(areas[k]), float(esds[k]), float(amplitude[0] * template[i, 0]))
        for k, i in enumerate(own)
    )
    return PhaseEvidence(phase, float(amplitude[0]), float(np.sqrt(variance[0, 0])), groups)


def _free_evidence(
    information: IntensityInformation, phase: str, own: list[int], areas: FloatArray, covariance: FloatArray
) -> PhaseEvidence:
    """The evidence for a phase whose areas came from the pattern: as these follow no ratio, noise would make an amplitude of any.

    χ² of the areas against zero, turned into sigmas by its cube root, which is normal (Wilson & Hilferty 1931, PNAS 17, 684).
    """
    esds = np.sqrt(np.diag(covariance))
    groups = tuple(
        GroupEvidence(information.groups[i], float(areas[k]), float(esds[k]), float(max(areas[k], 0.0))) for k, i in enumerate(own)
    )
    pulls, m = areas / esds, len(own)
    correlation = covariance / np.outer(esds, esds)
    correlation[np.diag_indices_from(correlation)] += 1e-9
    chi_squared = max(float(pulls @ np.linalg.solve(correlation, pulls)), 0.0)
    spread = 2.0 / (9.0 * m)
    joint = (np.cbrt(chi_squared / m) - (1.0 - spread)) / np.sqrt(spread)
    total, esd = float(areas.sum()), float(np.sqrt(covariance.sum()))
    return PhaseEvidence(phase, total, esd, groups, float(joint if total > 0.0 else min(joint, total / esd)))


def without_strangers(information: IntensityInformation) -> IntensityInformation:
    """As if no line of an unknown phase had been in the model: what they took is there again for others to explain."""
    kept = [i for i, group in enumerate(information.groups) if group.role != UNEXPLAINED]
    return _restricted(information, kept, information.information[np.ix_(kept, kept)], information.score[kept])


def with_strangers_settled(information: IntensityInformation) -> IntensityInformation:
    """The lines of unknown phases profiled out, like any other nuisance: smaller, and the same for every phase."""
    kept = [i for i, group in enumerate(information.groups) if group.role != UNEXPLAINED]
    out = [i for i, group in enumerate(information.groups) if group.role == UNEXPLAINED]
    if not out:
        return information
    normal, score = information.information, information.score
    scale = np.sqrt(np.maximum(np.diag(normal)[out], 1e-300))
    inner = normal[np.ix_(out, out)] / np.outer(scale, scale)
    inner[np.diag_indices_from(inner)] += 1e-9
    cross = normal[np.ix_(kept, out)] / scale
    solved = np.linalg.solve(inner, np.column_stack([cross.T, score[out] / scale]))
    settled = normal[np.ix_(kept, kept)] - cross @ solved[:, :-1]
    return _restricted(information, kept, 0.5 * (settled + settled.T), score[kept] - cross @ solved[:, -1])


def _restricted(information: IntensityInformation, kept: list[int], normal: FloatArray, score: FloatArray) -> IntensityInformation:
    groups = tuple(information.groups[i] for i in kept)
    return IntensityInformation(groups=groups, information=normal, score=score, inflation=information.inflation)


def other_phases(information: IntensityInformation, own: Collection[str], texture_sd: Mapping[str, float]) -> tuple[FloatArray, FloatArray]:
    """(m, k) how the areas follow from the levels and textures of all phases but `own`, and (k,) the prior information on those."""
    groups = information.groups
    diagonal = np.maximum(np.diag(information.information), 0.0)
    columns, prior = [], []
    for other in dict.fromkeys(group.phase for group in groups):
        members = [i for i, group in enumerate(groups) if group.phase == other]
        level = np.array([groups[i].expected for i in members])
        if other == UNEXPLAINED or (other not in own and groups[members[0]].free):
            # Each is somebody's, and may take whatever it likes.
            columns += list(np.eye(len(groups))[members])
            prior += [0.0] * len(members)
            continue
        if other in own or np.sqrt(np.sum(level**2 * diagonal[members])) < _LEVEL_COUNTS:
            continue
        column = np.zeros(len(groups))
        column[members] = level
        columns.append(column)
        prior.append(0.0)
        spread = texture_sd.get(other, DEFAULT_TEXTURE_SD)
        for i, area in zip(members, level, strict=True):
            if area > 0.0:
                column = np.zeros(len(groups))
                column[i] = area
                columns.append(column)
                prior.append(spread**-2.0)
    stacked = np.array(columns).T if columns else np.zeros((len(groups), 0))
    return stacked, np.array(prior)


def _estimate(information: IntensityInformation, design: FloatArray, prior: FloatArray, wanted: int) -> tuple[FloatArray, FloatArray]:
    """Best values (k,) and covariance (k, k) of the first k = `wanted` unknowns u in a = design·u; texture unknowns are deviations
    around the fitted areas, so their prior mean is zero."""
    # Groups that no unknown moves stay at zero: they take no part.
    moved = np.flatnonzero(np.any(design != 0.0, axis=1))
    design = design[moved]
    normal = design.T @ information.information[np.ix_(moved, moved)] @ design
    normal[np.diag_indices_from(normal)] += prior
    diagonal = np.diag(normal)
    # A line wholly hidden keeps only rounding, of either sign: it is given an esd, a million times the best one's, not infinity.
    scale = np.sqrt(np.maximum(diagonal, max(_HIDDEN * diagonal.max(initial=0.0), 1e-60)))
    scaled = normal / np.outer(scale, scale)
    scaled[np.diag_indices_from(scaled)] = 1.0 + 1e-9
    covariance = np.linalg.inv(scaled) / np.outer(scale, scale)
    best = covariance @ (design.T @ information.score[moved])
    covariance[np.diag_indices_from(covariance)] = np.maximum(np.diag(covariance), 1e-300)
    return best[:wanted], covariance[:wanted, :wanted]
