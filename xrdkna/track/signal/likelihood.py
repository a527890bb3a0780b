"""How well a scan's areas go with a phase at some level: texture marginalised, on a grid of levels, for any of its lines."""

import math

import numpy as np

from xrdkna.physics.compiled import compiled
from xrdkna.records.arrays import FloatArray, IntArray
from xrdkna.track.signal.evidence import PhaseEvidence

STEP = 0.25
"""Distance of levels in ln A: near the width that texture leaves each scan's level."""

FAINTEST = 1.5
"""What fades below this many esds of a scan is said to have vanished."""


def level_grid(evidence: PhaseEvidence) -> FloatArray:
    """(G,) levels from one and a half times the uncertainty of a scan (less cannot be told from nothing) to twice the largest seen."""
    esd = float(np.median(evidence.level_esd))
    low = FAINTEST * esd
    high = 2.0 * max(float((evidence.level + 2.0 * evidence.level_esd).max(initial=0.0)), 3.0 * esd)
    number = int(np.clip(np.ceil(np.log(high / low) / STEP) + 1, 8, 40))
    return np.geomspace(low, high, number)


def is_tilted(evidence: PhaseEvidence) -> bool:
    """Does the standing error of hardware move this phase's level by more than a tenth of its esd?"""
    moved = np.abs(evidence.tilt @ evidence.template) * evidence.level_esd
    return bool(np.median(moved) > 0.1)


def log_likelihood(
    evidence: PhaseEvidence, levels: FloatArray, nodes: FloatArray, freedom: FloatArray, columns: IntArray, rows: IntArray | None = None
) -> FloatArray:
    """(n, J, G) ln L(A_g; δ_j) against A = 0 from these columns alone, texture marginalised: areas A·t·(1 + u z), z standard normal.

    rows: the scans; None: all. With S = diag(u t) and S N S = U Λ Uᵀ, p = Uᵀ S b, v = Uᵀ u⁻¹:
    ln L = A p·v − ½A² Λv·v + ½ Σ A²(p − AΛv)²/(1 + A²Λ) − ½ Σ ln(1 + A²Λ).
    """
    at, of = columns, np.arange(len(evidence.level)) if rows is None else rows
    if not at.size:
        return np.zeros((of.size, nodes.size, levels.size))
    soft = freedom[at] * evidence.template[at]
    values, vectors = np.linalg.eigh(evidence.information[of[:, None, None], at[:, None], at[None, :]] * np.outer(soft, soft))
    values = np.maximum(values, 0.0)
    along = np.einsum("nik,i->nk", vectors, 1.0 / freedom[at])
    score = evidence.score[of[:, None], at][:, None, :] + nodes[None, :, None] * evidence.tilt[of[:, None], at][:, None, :]
    turned = np.einsum("nik,nji->njk", vectors, soft * score)
    return _on_levels(values, along, turned, levels)


@compiled
def _on_levels(values: FloatArray, along: FloatArray, turned: FloatArray, levels: FloatArray) -> FloatArray:
    """(n, J, G) from Λ (n, k), v (n, k), p (n, J, k) and A (G,)."""
    n, nodes, k = turned.shape
    result = np.zeros((n, nodes, levels.size))
    for i in range(n):
        for g in range(levels.size):
            level = levels[g]
            cost = 0.0
            for m in range(k):
                cost += 0.5 * level * level * values[i, m] * along[i, m] ** 2 + 0.5 * math.log1p(level * level * values[i, m])
            for j in range(nodes):
                gain = 0.0
                for m in range(k):
                    rest = turned[i, j, m] - level * values[i, m] * along[i, m]
                    stiff = 1.0 + level * level * values[i, m]
                    gain += level * turned[i, j, m] * along[i, m] + 0.5 * level * level * rest * rest / stiff
                result[i, j, g] = gain - cost
    return result
