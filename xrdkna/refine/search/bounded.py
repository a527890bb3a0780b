"""The step of a least-squares fit within bounds, compiled: small systems cost less to solve than to hand to a library."""

import math

import numpy as np

from xrdkna.physics.compiled import compiled
from xrdkna.records.arrays import BoolArray, FloatArray

# Which parameters rest at their bounds in one step is settled in so many rounds; what is left is clipped.
_BOUND_ROUNDS = 60
# A pivot below this share of its diagonal is rounding: the direction is one the data say nothing about.
_LEAST_PIVOT = 1e-13


@compiled
def live_step(normal: FloatArray, gradient: FloatArray, live: BoolArray, free: FloatArray, room: FloatArray) -> tuple[FloatArray, float]:
    """(q,) the best step from `free` (q,) of the parameters that are live (q,), and how much of χ² it promises.

    normal (q, q), gradient (q,): of the data alone; room: (4, q) lower and upper bounds, prior means and weights.
    """
    places = np.flatnonzero(live)
    p = places.size
    inner, push, lowest, highest = np.empty((p, p)), np.empty(p), np.empty(p), np.empty(p)
    for a in range(p):
        i = places[a]
        for b in range(p):
            inner[a, b] = normal[i, places[b]]
        inner[a, a] += room[3, i]
        push[a] = gradient[i] - room[3, i] * (free[i] - room[2, i])
        lowest[a], highest[a] = room[0, i] - free[i], room[1, i] - free[i]
    part = bounded_step(inner, push, lowest, highest, 0.0)
    step, promise = np.zeros(free.size), 0.0
    for a in range(p):
        step[places[a]] = part[a]
        pull = 2.0 * push[a]
        for b in range(p):
            pull -= inner[a, b] * part[b]
        promise += part[a] * pull
    return step, promise


@compiled
def bounded_step(normal: FloatArray, gradient: FloatArray, lowest: FloatArray, highest: FloatArray, damping: float) -> FloatArray:
    """(p,) the step that minimises step·N·step − 2 g·step, N (p, p) with its diagonal raised by `damping`, within lowest ≤ step ≤
    highest (p,).

    Where the step would cross a bound it goes to the bound, and the other parameters take the best step given that; a bound met
    on the way is left again once the others have settled, unless the pull is outwards (an active set; Nocedal & Wright 2006,
    ch. 16.5).
    """
    p = gradient.size
    scale, push, damped = np.empty(p), np.empty(p), np.empty((p, p))
    for i in range(p):
        scale[i] = math.sqrt(normal[i, i]) if normal[i, i] > 0.0 else 1.0
        push[i] = gradient[i] / scale[i]
    for i in range(p):
        for j in range(p):
            damped[i, j] = normal[i, j] / (scale[i] * scale[j])
        # A parameter nothing depends on has a zero row: unit damping keeps it where it is.
        damped[i, i] = (1.0 + damping if normal[i, i] > 0.0 else 1.0) + 1e-12
    step, free = np.zeros(p), np.ones(p, dtype=np.bool_)
    for _ in range(_BOUND_ROUNDS):
        _solve_free(damped, push, free, step)
        worst = _worst_crossing(step, scale, free, lowest, highest)
        if worst >= 0:
            bound = lowest[worst] if step[worst] < lowest[worst] * scale[worst] else highest[worst]
            step[worst], free[worst] = bound * scale[worst], False
            continue
        released = _best_release(damped, push, step, scale, free, lowest)
        if released < 0:
            break
        free[released] = True
    for i in range(p):
        step[i] = min(max(step[i] / scale[i], lowest[i]), highest[i])
    return step


@compiled
def _solve_free(damped: FloatArray, push: FloatArray, free: BoolArray, step: FloatArray) -> None:
    """Set the free entries of the scaled step, the others staying, by Cholesky decomposition of their block."""
    index, bound = np.flatnonzero(free), np.flatnonzero(~free)
    n = index.size
    lower, right = np.empty((n, n)), np.empty(n)
    for i in range(n):
        right[i] = push[index[i]]
        for b in bound:
            right[i] -= damped[index[i], b] * step[b]
        for j in range(i + 1):
            total = damped[index[i], index[j]]
            for k in range(j):
                total -= lower[i, k] * lower[j, k]
            lower[i, j] = math.sqrt(max(total, _LEAST_PIVOT)) if i == j else total / lower[j, j]
    for i in range(n):
        for k in range(i):
            right[i] -= lower[i, k] * right[k]
        right[i] /= lower[i, i]
    for i in range(n - 1, -1, -1):
        for k in range(i + 1, n):
            right[i] -= lower[k, i] * right[k]
        right[i] /= lower[i, i]
    for i in range(n):
        step[index[i]] = right[i]


@compiled
def _worst_crossing(step: FloatArray, scale: FloatArray, free: BoolArray, lowest: FloatArray, highest: FloatArray) -> int:
    """The free parameter furthest beyond its bound, −1 if none is: where it comes to rest decides about the others."""
    worst, most = -1, 0.0
    for i in range(step.size):
        if free[i]:
            excess = max(lowest[i] * scale[i] - step[i], step[i] - highest[i] * scale[i])
            if excess > most:
                worst, most = i, excess
    return worst


@compiled
def _best_release(damped: FloatArray, push: FloatArray, step: FloatArray, scale: FloatArray, free: BoolArray, lowest: FloatArray) -> int:
    """The parameter at rest at a bound whose pull is most strongly inwards, −1 if none is (Kuhn & Tucker 1951)."""
    largest = np.abs(push).max()
    best, most = -1, 1e-9 * largest
    for i in range(step.size):
        if not free[i]:
            pull = push[i]
            for j in range(step.size):
                pull -= damped[i, j] * step[j]
            if step[i] > lowest[i] * scale[i] + 1e-15:
                pull = -pull
            if pull > most:
                best, most = i, pull
    return best


@compiled
def inverse_of(matrix: FloatArray) -> FloatArray:
    """(p, p) inverse of an information matrix, scaled to a unit diagonal first. A parameter of which nothing is known has zero rows,
    not infinity; a combination of which nothing is known gets a large variance."""
    p = matrix.shape[0]
    scale, lower, upper, inverse = np.empty(p), np.zeros((p, p)), np.zeros((p, p)), np.zeros((p, p))
    for i in range(p):
        scale[i] = 1.0 / math.sqrt(matrix[i, i]) if matrix[i, i] > 0.0 else 0.0
    for i in range(p):
        row = lower[i]
        for j in range(i + 1):
            total = matrix[i, j] * scale[i] * scale[j] + (1e-12 if i == j else 0.0)
            other = lower[j]
            for k in range(j):
                total -= row[k] * other[k]
            row[j] = math.sqrt(max(total, _LEAST_PIVOT)) if i == j else total / other[j]
    # rows of the inverse of the triangle, then their sum of squares
    for i in range(p):
        for k in range(i):
            _axpy(upper[i, : k + 1], -lower[i, k], upper[k, : k + 1])
        upper[i, i] = 1.0
        for k in range(i + 1):
            upper[i, k] /= lower[i, i]
    for k in range(p):
        for i in range(k + 1):
            _axpy(inverse[i, : i + 1], upper[k, i], upper[k, : i + 1])
    for i in range(p):
        for j in range(i + 1):
            inverse[i, j] *= scale[i] * scale[j]
            inverse[j, i] = inverse[i, j]
    return inverse


@compiled
def _axpy(out: FloatArray, a: float, x: FloatArray) -> None:
    for k in range(x.size):
        out[k] += a * x[k]
