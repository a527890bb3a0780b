"""Presence along the series: absent, or present at some level, optionally with one reflection missing; forward–backward.

States: absent; present at level A_g with the followed reflection gone; present at A_g with it there. Levels lie on a logarithmic
grid and move mostly a little from scan to scan, now and then far. Beside them runs the standing error δ of the hardware line
the phase hides behind, a slow walk over a few values. (Rabiner 1989 for the recursions.)
"""

from dataclasses import dataclass

import numpy as np

from xrdkna.records.arrays import FloatArray, IntArray
from xrdkna.track.evidence import PhaseEvidence
from xrdkna.track.settings import TrackSettings

STEP = 0.25
"""Distance of levels in ln A: near the width that texture leaves each scan's level."""
ERROR_NODES = np.linspace(-2.4, 2.4, 7)
"""Standing error in its own sd; closer than the width each scan leaves it."""
KERNEL = ((0.86, 0.15), (0.12, 0.5))
"""(weight, sd in ln A) of a level's move in one scan; the rest of the weight jumps anywhere."""

FROM_THE_START = 0.2
"""Part of the prior chance of a phase that lies on its being there before the first scan."""


@dataclass(frozen=True, slots=True)
class Path:
    """Posterior of an on/off thing: on (n,) probability; up, down (n−1,) probability that it turns on/off between scans i, i+1."""

    on: FloatArray
    up: FloatArray
    down: FloatArray


def prior_odds(settings: TrackSettings, followed: int) -> float:
    """Prior odds that a phase ever shows up: with them, by Markov's inequality, at most `false_alarms_per_100_series` of 100 empty
    series bring any of `followed` phases to the posterior `report_probability`."""
    rate = settings.false_alarms_per_100_series / 100.0
    return rate * settings.report_probability / (1.0 - settings.report_probability) / max(1, followed)


def follow_phase(
    evidence: PhaseEvidence,
    *,
    special: int | None,
    odds: float,
    vanishings: float,
    settings: TrackSettings,
    freedom: FloatArray | None = None,
) -> tuple[Path, Path | None]:
    """Posterior paths of the phase and, with `special` (a place among its columns), of that reflection.

    O(n) in time. vanishings: expected number in a series. freedom: (k,) relative sd of each line about the template; None: as texture.
    """
    n = len(evidence.level)
    if special is not None and evidence.template.size < 2:
        special = None
    levels = _levels(evidence)
    nodes = ERROR_NODES if _tilted(evidence) else np.zeros(1)
    if freedom is None:
        freedom = np.full(evidence.template.size, settings.texture)
        freedom[[] if special is None else [special]] = settings.marker_texture
    if special is None:
        present = _log_likelihood(evidence, levels, nodes, freedom, np.arange(evidence.template.size))
    else:
        others = np.delete(np.arange(evidence.template.size), special)
        gone = _log_likelihood(evidence, levels, nodes, freedom, others)
        there = _log_likelihood(evidence, levels, nodes, freedom, np.arange(evidence.template.size))
        present = np.concatenate((gone, there), axis=2)
    baseline = evidence.tilt_score[:, None] * nodes - 0.5 * evidence.tilt_curvature[:, None] * nodes**2
    log_emission = np.concatenate((np.zeros((n, nodes.size, 1)), present), axis=2) + baseline[:, :, None]
    changes = 0.0 if special is None else min(0.3, settings.reflection_changes / n)
    start, move = _transitions(levels, odds=odds, vanish=min(0.3, vanishings / n), toggle=changes, split=special is not None, scans=n)
    groups = [np.arange(1, start.size)] if special is None else [np.arange(1, start.size), np.arange(1 + levels.size, start.size)]
    paths = _forward_backward(log_emission, start, move, nodes, groups)
    return (paths[0], None) if special is None else (paths[0], paths[1])


def _levels(evidence: PhaseEvidence) -> FloatArray:
    """(G,) levels from the typical uncertainty of one scan (less cannot be told from nothing) to twice the largest seen."""
    esd = float(np.median(evidence.level_esd))
    low = esd
    high = 2.0 * max(float((evidence.level + 2.0 * evidence.level_esd).max(initial=0.0)), 3.0 * esd)
    number = int(np.clip(np.ceil(np.log(high / low) / STEP) + 1, 8, 40))
    return np.geomspace(low, high, number)


def _tilted(evidence: PhaseEvidence) -> bool:
    """Does the standing error of hardware move this phase's level by more than a tenth of its esd?"""
    moved = np.abs(evidence.tilt @ evidence.template) * evidence.level_esd
    return bool(np.median(moved) > 0.1)


def _log_likelihood(evidence: PhaseEvidence, levels: FloatArray, nodes: FloatArray, freedom: FloatArray, columns: IntArray) -> FloatArray:
    """(n, J, G) ln L(A_g; δ_j) against A = 0, texture marginalised: areas A·t·(1 + u z), z standard normal.

    With S = diag(u t) and S N S = U Λ Uᵀ, p = Uᵀ S b, v = Uᵀ u⁻¹:
    ln L = A p·v − ½A² Λv·v + ½ Σ A²(p − AΛv)²/(1 + A²Λ) − ½ Σ ln(1 + A²Λ).
    """
    at = columns
    soft = freedom[at] * evidence.template[at]
    values, vectors = np.linalg.eigh(evidence.information[:, at[:, None], at[None, :]] * np.outer(soft, soft))
    values = np.maximum(values, 0.0)
    along = np.einsum("nik,i->nk", vectors, 1.0 / freedom[at])
    score = evidence.score[:, None, at] + nodes[None, :, None] * evidence.tilt[:, None, at]
    turned = np.einsum("nik,nji->njk", vectors, soft * score)
    result = np.empty((len(values), nodes.size, levels.size))
    for g, level in enumerate(levels):
        stiff = 1.0 + level**2 * values
        rest = turned - (level * values * along)[:, None, :]
        gain = (turned * along[:, None, :]).sum(axis=2) * level + 0.5 * level**2 * (rest**2 / stiff[:, None, :]).sum(axis=2)
        cost = 0.5 * level**2 * (values * along**2).sum(axis=1) + 0.5 * np.log(stiff).sum(axis=1)
        result[:, :, g] = gain - cost[:, None]
    return result


def _transitions(
    levels: FloatArray, *, odds: float, vanish: float, toggle: float, split: bool, scans: int
) -> tuple[FloatArray, FloatArray]:
    """Start probabilities and the matrix of moves. A part of the prior chance of ever being present lies on the first scan."""
    ever = odds / (1.0 + odds)
    appear = 1.0 - (1.0 - ever * (1.0 - FROM_THE_START)) ** (1.0 / max(1, scans - 1))
    place = np.log(levels)
    kernel = np.full((levels.size, levels.size), (1.0 - sum(weight for weight, _ in KERNEL)) / levels.size)
    for weight, width in KERNEL:
        hop = np.exp(-0.5 * ((place[:, None] - place[None, :]) / width) ** 2)
        kernel += weight * hop / hop.sum(axis=1, keepdims=True)
    stay = np.array([[1.0 - toggle, toggle], [toggle, 1.0 - toggle]]) if split else np.ones((1, 1))
    inner = np.kron(stay, kernel)
    size = inner.shape[0]
    move = np.zeros((size + 1, size + 1))
    move[0, 0], move[0, 1:] = 1.0 - appear, appear / size
    move[1:, 0], move[1:, 1:] = vanish, (1.0 - vanish) * inner
    start = np.concatenate(([1.0 - ever * FROM_THE_START], np.full(size, ever * FROM_THE_START / size)))
    return start, move


def _error_walk(nodes: FloatArray, scans: int) -> tuple[FloatArray, FloatArray]:
    """Standard-normal weights of the nodes and a slow walk among neighbours that keeps them (Metropolis), about one sd in a series."""
    weight = np.exp(-0.5 * nodes**2)
    weight /= weight.sum()
    if nodes.size == 1:
        return weight, np.ones((1, 1))
    rate = min(0.2, 0.8 / scans)
    walk = np.zeros((nodes.size, nodes.size))
    for i in range(nodes.size):
        for j in (i - 1, i + 1):
            if 0 <= j < nodes.size:
                walk[i, j] = rate * min(1.0, weight[j] / weight[i])
        walk[i, i] = 1.0 - walk[i].sum()
    return weight, walk


def _forward_backward(
    log_emission: FloatArray, start: FloatArray, move: FloatArray, nodes: FloatArray, groups: list[IntArray]
) -> list[Path]:
    """Posterior of being in each group of states, and of entering and leaving it between scans; scaled recursions."""
    n = len(log_emission)
    emission = np.exp(log_emission - log_emission.max(axis=(1, 2), keepdims=True))
    weight, walk = _error_walk(nodes, n)
    forward = np.empty_like(emission)
    current = weight[:, None] * start[None, :] * emission[0]
    forward[0] = current / current.sum()
    for i in range(1, n):
        current = (walk.T @ forward[i - 1] @ move) * emission[i]
        forward[i] = current / current.sum()
    inside = np.zeros((len(groups), start.size))
    for g, group in enumerate(groups):
        inside[g, group] = 1.0
    on, up, down = np.zeros((len(groups), n)), np.zeros((len(groups), max(0, n - 1))), np.zeros((len(groups), max(0, n - 1)))
    on[:, -1] = inside @ forward[-1].sum(axis=0)
    backward = np.ones_like(emission[0])
    for i in range(n - 2, -1, -1):
        ahead = emission[i + 1] * backward
        ahead /= ahead.max()
        joint = move * (forward[i].T @ walk @ ahead)
        joint /= joint.sum()
        both = ((inside @ joint) * inside).sum(axis=1)
        on[:, i] = inside @ joint.sum(axis=1)
        up[:, i] = inside @ joint.sum(axis=0) - both
        down[:, i] = on[:, i] - both
        backward = walk @ ahead @ move.T
    return [Path(on=np.clip(on[g], 0, 1), up=np.clip(up[g], 0, 1), down=np.clip(down[g], 0, 1)) for g in range(len(groups))]
