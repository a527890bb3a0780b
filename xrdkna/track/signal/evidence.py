"""What each scan says about one phase, everything else marginalised: other deposits within their templates, hardware within what
was learned of it. Gaussian conditioning in information form (Rasmussen & Williams 2006, app. A.2)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from xrdkna.records.arrays import FloatArray, IntArray
from xrdkna.track.signal.hardware import Hardware, hardware_precision, levels_of, prior_precision
from xrdkna.track.signal.linear import scaled_inverse
from xrdkna.track.signal.stack import Stack


@dataclass(frozen=True, slots=True)
class FreeAreas:
    """Areas with every group free, (n, m) each. openness: ‖φ⊥‖/‖φ‖, the part of a line's signal no other group can imitate.
    hider: (m,) column of the group each line resembles most, −1 when none does by more than a tenth."""

    areas: FloatArray
    esds: FloatArray
    openness: FloatArray
    hider: IntArray


@dataclass(slots=True)
class PhaseEvidence:
    """One phase over n scans and its k groups (columns of the stack), template t (k,) with sum 1.

    ln L(a, δ) = −½aᵀNa + (b + δ·c)ᵀa + e·δ − ½f·δ²   information N (n, k, k), score b (n, k), tilt c (n, k),
    tilt_score e (n,), tilt_curvature f (n,). δ is a standard normal number common to all scans: the error of the learned ratio of the
    hardware line this phase hides behind, so that one wrong ratio is not counted as n independent signs.
    level, level_esd: (n,) counts·°rees, the summed area if the pattern is the template's; may be negative.
    areas, area_esds, openness: (n, k) of each group by itself.
    """

    phase: str
    role: str
    columns: IntArray
    template: FloatArray
    information: FloatArray
    score: FloatArray
    tilt: FloatArray
    tilt_score: FloatArray
    tilt_curvature: FloatArray
    level: FloatArray
    level_esd: FloatArray
    areas: FloatArray
    area_esds: FloatArray
    openness: FloatArray


@dataclass(frozen=True, slots=True)
class _Block:
    """Some scans (c) with all priors in: everything the phases are then cut out of. sizes: (c, m), one sd of the standing error of each
    hardware line as an area."""

    rows: IntArray
    information: FloatArray
    prior: FloatArray
    covariance: FloatArray
    mean: FloatArray
    sizes: FloatArray

    @property
    def shifts(self) -> FloatArray:
        """(c, m, m), column j the change of the prior's score P·μ when the standing error of hardware line j is one sd."""
        return self.prior * self.sizes[:, None, :]


def free_areas(stack: Stack) -> FreeAreas:
    """A first look: every group of every phase free, no prior at all."""
    n, m = len(stack), len(stack.labels)
    areas, esds, openness = np.zeros((n, m)), np.ones((n, m)), np.zeros((n, m))
    likeness = np.zeros((m, m))
    for rows, information, score in stack.blocks():
        covariance = scaled_inverse(information)
        variance = np.einsum("cii->ci", covariance)
        diagonal = np.einsum("cii->ci", information)
        areas[rows] = np.einsum("cij,cj->ci", covariance, score)
        esds[rows] = np.sqrt(variance)
        openness[rows] = np.where(diagonal > 0.0, 1.0 / np.sqrt(np.maximum(variance * diagonal, 1.0)), 0.0)
        size = np.sqrt(np.where(diagonal > 0.0, diagonal, np.inf))
        likeness += np.abs(information / size[:, :, None] / size[:, None, :]).sum(axis=0)
    likeness /= max(1, n)
    likeness[np.arange(m), np.arange(m)] = 0.0
    hider = np.where(likeness.max(axis=1, initial=0.0) > 0.1, likeness.argmax(axis=1), -1) if m else np.zeros(0)
    return FreeAreas(areas=areas, esds=esds, openness=openness, hider=hider.astype(np.int64))


def gather_evidence(stack: Stack, hardware: Mapping[str, Hardware], free: FreeAreas) -> dict[str, PhaseEvidence]:
    """The evidence of every phase (hardware too, for its trajectories)."""
    evidence = {phase: _empty(stack, phase) for phase in stack.columns}
    scales = _scales(stack, hardware, free)
    tilting: dict[str, int] = {}
    for rows, information, score in stack.blocks():
        prior = np.zeros_like(information)
        for phase, at in stack.columns.items():
            inside = np.ix_(np.arange(len(rows)), at, at)
            prior[inside] = _prior(stack, hardware, phase, scales[phase][rows])
        sizes = np.zeros(score.shape)
        for phase, known in hardware.items():
            sizes[:, stack.columns[phase]] = scales[phase][rows][:, None] * known.ratio * known.standing
        covariance = scaled_inverse(information + prior)
        block = _Block(rows, information, prior, covariance, np.einsum("cij,cj->ci", covariance, score), sizes)
        for found in evidence.values():
            line = -1 if found.role == "hardware" else tilting.setdefault(found.phase, _tilting_line(found, block))
            _fill(found, block, line)
    return evidence


def with_template(evidence: PhaseEvidence, template: FloatArray) -> PhaseEvidence:
    """The same evidence read with another pattern of areas (k,); the level follows."""
    power = np.maximum(np.einsum("i,nij,j->n", template, evidence.information, template), 1e-300)
    return replace(evidence, template=template, level=(evidence.score @ template) / power, level_esd=1.0 / np.sqrt(power))


def hidden_columns(evidence: PhaseEvidence, least: float) -> FloatArray:
    """(k,) median openness below `least`."""
    return np.asarray(np.median(evidence.openness, axis=0) < least)


def _empty(stack: Stack, phase: str) -> PhaseEvidence:
    n, at = len(stack), stack.columns[phase]
    k = at.size
    return PhaseEvidence(
        phase=phase,
        role=stack.roles[phase],
        columns=at,
        template=stack.templates[phase],
        information=np.zeros((n, k, k)),
        score=np.zeros((n, k)),
        tilt=np.zeros((n, k)),
        tilt_score=np.zeros(n),
        tilt_curvature=np.zeros(n),
        level=np.zeros(n),
        level_esd=np.ones(n),
        areas=np.zeros((n, k)),
        area_esds=np.ones((n, k)),
        openness=np.zeros((n, k)),
    )


def _scales(stack: Stack, hardware: Mapping[str, Hardware], free: FreeAreas) -> dict[str, FloatArray]:
    """(n,) by phase: the level of hardware; for others a width broad against both what is seen and its uncertainty."""
    scales = {}
    for phase, at in stack.columns.items():
        known = hardware.get(phase)
        ratio = stack.templates[phase] if known is None else known.ratio
        freedom = np.full(at.size, 1.0) if known is None else np.hypot(known.scatter, known.standing)
        level, esd = levels_of(free.areas[:, at], free.esds[:, at], ratio, freedom)
        scales[phase] = 2.0 * (level + 3.0 * esd) if known is None else level
    return scales


def _prior(stack: Stack, hardware: Mapping[str, Hardware], phase: str, scale: FloatArray) -> FloatArray:
    if phase in hardware:
        return hardware_precision(hardware[phase], scale)
    template = stack.templates[phase]
    return prior_precision(scale, template, np.ones(template.size), breadth=1.0)


def _tilting_line(found: PhaseEvidence, block: _Block) -> int:
    """The hardware line whose standing error matters most to a phase, −1 where none does."""
    size = _tilts(found, block, scaled_inverse(block.covariance[:, found.columns[:, None], found.columns]))[1]
    return int(size.argmax()) if size.max(initial=0.0) > 0.0 else -1


def _tilts(found: PhaseEvidence, block: _Block, joint: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(c, k, m) how the phase's score moves with the standing error of each hardware line, and (m,) its level, in esds."""
    at, template = found.columns, found.template
    moved = joint @ (block.covariance[:, at, :] @ block.shifts)
    reduced = joint - block.prior[:, at[:, None], at]
    power = np.maximum(np.einsum("i,cij,j->c", template, reduced, template), 1e-300)
    on_level = np.einsum("i,cil->cl", template, moved) / np.sqrt(power)[:, None]
    return moved, np.sqrt((on_level**2).mean(axis=0))


def _fill(found: PhaseEvidence, block: _Block, line: int) -> None:
    """Marginalise all other groups for one block of scans: N = Σ_SS⁻¹ − P_SS, b = Σ_SS⁻¹ μ_S. line: the hardware line that δ moves."""
    at, rows = found.columns, block.rows
    joint = scaled_inverse(block.covariance[:, at[:, None], at[None, :]])
    reduced = _positive(joint - block.prior[:, at[:, None], at[None, :]])
    score = np.einsum("cij,cj->ci", joint, block.mean[:, at])
    diagonal = block.information[:, at, at]
    # What a scan does not have it says nothing about: not even the rounding that is left when its prior is taken off again.
    held = diagonal > 0.0
    reduced = reduced * held[:, :, None] * held[:, None, :]
    score = score * held
    template = found.template
    power = np.maximum(np.einsum("i,cij,j->c", template, reduced, template), 1e-300)
    free = scaled_inverse(reduced)
    variance = np.einsum("cii->ci", free)
    found.information[rows], found.score[rows] = reduced, score
    found.level[rows], found.level_esd[rows] = (score @ template) / power, 1.0 / np.sqrt(power)
    found.areas[rows], found.area_esds[rows] = np.einsum("cij,cj->ci", free, score), np.sqrt(variance)
    if line >= 0:
        _fill_tilt(found, block, joint, line)
    # what stands in the hardware line hides as much as what is new in each scan
    spread = variance + np.einsum("cij,cj->ci", free, found.tilt[rows]) ** 2
    found.openness[rows] = np.where(diagonal > 0.0, 1.0 / np.sqrt(np.maximum(spread * diagonal, 1.0)), 0.0)


def _fill_tilt(found: PhaseEvidence, block: _Block, joint: FloatArray, line: int) -> None:
    """How the phase's score moves with the standing error of the hardware line that matters most to it, made as large as all of them
    together (in quadrature)."""
    at, rows, covariance = found.columns, block.rows, block.covariance
    moved, size = _tilts(found, block, joint)
    if size[line] <= 0.0:
        return
    grow = float(np.sqrt((size**2).sum()) / size[line])
    push = grow * block.shifts[:, :, line]
    found.tilt[rows] = grow * moved[:, :, line]
    without = np.einsum("cij,cj->ci", covariance[:, :, at], np.einsum("cij,cj->ci", joint, block.mean[:, at]))
    found.tilt_score[rows] = np.einsum("ci,ci->c", push, block.mean - without)
    through = np.einsum("ci,cij->cj", push, covariance[:, :, at])
    explained = np.einsum("ci,cij,cj->c", push, covariance, push) - np.einsum("ci,cij,cj->c", through, joint, through)
    own = grow**2 * block.shifts[:, line, line] * block.sizes[:, line]
    found.tilt_curvature[rows] = np.maximum(0.0, own - explained)


def _positive(matrices: FloatArray) -> FloatArray:
    """Nearest positive semidefinite matrices: rounding may leave a direction without information slightly negative."""
    diagonal = np.einsum("cii->ci", matrices)
    scale = np.sqrt(np.maximum(diagonal, 1e-12 * diagonal.max(axis=1, keepdims=True, initial=1e-200)))
    values, vectors = np.linalg.eigh(matrices / scale[:, :, None] / scale[:, None, :])
    clean = np.einsum("cij,cj,ckj->cik", vectors, np.maximum(values, 0.0), vectors)
    return np.asarray(clean * scale[:, :, None] * scale[:, None, :])
