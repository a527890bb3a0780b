"""The shapes a change can have along a series, each a row over the scans, 0 … 1; and those that only look like a change."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from xrdkna.records.arrays import FloatArray, IntArray

STEP, CAUGHT, QUICK, RAMP, KINK, SPIKE, BOX = range(7)
"""A step between two scans; one that a scan caught in its course; a change over in three gaps; a longer one; a change of slope; a
single scan out of line; a step there and back."""
KINDS = 7

SIDE = 2
"""Scans a step needs on either side: one alone is a scan out of line."""
SHARES = (0.3, 0.7)
"""How much of a step the scan that caught it shows: two values are as close as the noise of weak steps needs."""
QUICKEST = 3
"""Gaps of the shortest ramp: of a 5σ step its middle scans differ by 5σ/3, too little to tell them apart."""
RAMPS = (4, 5, 6, 8, 11, 15, 20, 27, 36)
"""Lengths of a ramp in gaps; neighbours overlap by three quarters."""
RELAXATIONS = ((1.5, QUICK), (4.0, RAMP))
"""Time constants, in scans, of a change that begins at once and dies away, or grows and ends at once."""
BOXES = (2, 3, 4, 5, 6, 8, 11, 15, 20, 27, 36)


@dataclass(frozen=True, slots=True)
class Shapes:
    """rows: (c, n). kind: (c,). passed: (c, n−1) the part of the change that each gap takes, sum 1."""

    rows: FloatArray
    kind: IntArray
    passed: FloatArray


@lru_cache(maxsize=64)
def shapes_over(n: int) -> Shapes:
    """Every shape that fits into n scans; the set is the same when time runs backwards."""
    t = np.arange(n, dtype=np.float64)
    made = [((t > g).astype(np.float64), STEP) for g in range(SIDE - 1, n - SIDE)]
    made += [(np.where(t == i, share, (t > i).astype(np.float64)), CAUGHT) for i in range(SIDE, n - SIDE) for share in SHARES]
    for length in (QUICKEST, *RAMPS):
        kind = QUICK if length == QUICKEST else RAMP
        made += [(np.clip((t - a) / length, 0.0, 1.0), kind) for a in range(n - length)]
    for tau, kind in RELAXATIONS:
        for k in range(1, n - SIDE):
            onset = 1.0 - np.exp(-np.maximum(t - k, 0.0) / tau)
            made += [(onset, kind), (1.0 - onset[::-1], kind)]
    # Flat before or flat after: drift is not free to be any slope, so the two are not the same.
    made += [(np.maximum(side, 0.0) / n, KINK) for k in range(1, n - 1) for side in (t - k, k - t)]
    made += [((t == i).astype(np.float64), SPIKE) for i in range(n)]
    made += [(((t > g) & (t <= g + width)).astype(np.float64), BOX) for width in BOXES for g in range(SIDE - 1, n - width - SIDE)]
    rows = np.array([row for row, _ in made])
    moves = np.abs(np.diff(rows, axis=1))
    shapes = Shapes(rows, np.array([kind for _, kind in made]), moves / moves.sum(axis=1, keepdims=True))
    for array in (shapes.rows, shapes.kind, shapes.passed):
        array.setflags(write=False)
    return shapes


def box_sides(row: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The two steps a box is made of."""
    on = np.flatnonzero(row)
    t = np.arange(row.size)
    return (t >= on[0]).astype(np.float64), (t > on[-1]).astype(np.float64)
