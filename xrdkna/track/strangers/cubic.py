"""Do a few d-spacings stand as those of a simple lattice? A first look, for lines whose phase nobody knows."""

from collections.abc import Sequence

import numpy as np
from scipy.special import bdtrc

from xrdkna.records.arrays import FloatArray, IntArray

# h² + k² + l² that each cubic lattice allows, and h² + hk + k² of a hexagonal zone, as far as the first dozen lines go.
_LARGEST = 40
_SQUARES = sorted({h * h + k * k + l * l for h in range(7) for k in range(7) for l in range(7)} - {0})
LATTICES = {
    "primitive cubic": [n for n in _SQUARES if n <= _LARGEST],
    "body-centred cubic": [n for n in range(2, _LARGEST + 1, 2) if n in _SQUARES],
    "face-centred cubic": sorted(
        {h * h + k * k + l * l for h in range(7) for k in range(7) for l in range(7) if h % 2 == k % 2 == l % 2} - {0}
    ),
    "hexagonal seen along (h k 0)": sorted({h * h + h * k + k * k for h in range(7) for k in range(7)} - {0}),
}
FIRST_TRIED = 6
"""The line of the largest d is one of the lattice's first so many."""
CHANCE = 0.01
"""Said only where lines at random would stand so in no more than this share of cases, all lattices and first lines counted."""


def lattice_relation(spacings: Sequence[tuple[float, float]]) -> str:
    """ "their d stand as those of a lattice that is face-centred cubic, a = 4.05 Å"; empty where chance would do.

    spacings: (d, esd) in Å.
    """
    if len(spacings) < 3:
        return ""
    d, esd = (np.array(column) for column in zip(*sorted(spacings, reverse=True), strict=True))
    if np.any(d[:-1] - d[1:] < 3.0 * np.hypot(esd[:-1], esd[1:])):
        return ""
    trials = sum(min(FIRST_TRIED, len(sums)) for sums in LATTICES.values())
    fitting = []
    for name, sums in LATTICES.items():
        allowed = np.array([n for n in sums if n <= _LARGEST])
        chance, first = min((_chance(d, esd, first, allowed), first) for first in sums[:FIRST_TRIED])
        if chance * trials <= CHANCE:
            fitting.append(f"{name}, a = {d[0] * np.sqrt(first):.3f} Å")
    return f"their d stand as those of a lattice that is {', or '.join(fitting)}" if fitting else ""


def _chance(d: FloatArray, esd: FloatArray, first: int, sums: IntArray) -> float:
    """Probability that lines anywhere below the first would all lie so near to allowed ones."""
    ratio = first * (d[0] / d[1:]) ** 2
    error = 3.0 * 2.0 * ratio * np.hypot(esd[1:] / d[1:], esd[0] / d[0])
    near = np.abs(ratio[:, None] - sums).min(axis=1) <= error
    if not near.all() or ratio.max() > sums.max():
        return 1.0
    span = float(ratio.max() - first)
    inside = sums[(sums > first) & (sums <= ratio.max() + 1)]
    share = min(1.0, float(np.mean(2.0 * error)) * inside.size / max(span, 1e-9))
    return float(bdtrc(ratio.size - 1, ratio.size, share)) if share < 1.0 else 1.0
