"""What a scan says about some amounts when everything else is profiled out: the Gaussian marginal of a linear model.

With φ the unit-area profiles of the amounts, Φ the derivatives by all other parameters and W = 1/σ²:
N = φᵀWφ − φᵀWΦ (ΦᵀWΦ + prior)⁻¹ ΦᵀWφ, and b from the gradient the same way (a Schur complement). Every product runs over a line's own
window only.
"""

import numpy as np

from xrdkna.physics.compiled import compiled
from xrdkna.physics.kernel import line_reach
from xrdkna.records.arrays import FloatArray, IntArray
from xrdkna.refine.forward.model import LineList, Model, add_line_columns

# The profile of a line that is not there is followed this far: beyond, its tails tell nothing from background.
_SHAPE_WIDTHS = 10.0
# Weak lines of a phase follow its scale only this well (texture), when they are not followed themselves.
_REST_SPREAD = 0.3


def group_profiles(model: Model, lines: LineList, column: IntArray, coefficient: FloatArray, columns: int) -> FloatArray:
    """(columns, n) the profile of each group: its lines, each coefficient (L,) times unit area; column: (L,) the group's, −1 none."""
    reach = np.maximum(line_reach(lines.area, lines.fwhm, lines.eta, tolerance=model.tail_tolerance), _SHAPE_WIDTHS * lines.fwhm)
    return add_line_columns(model, lines, column, coefficient, reach, columns)


def marginal(
    profiles: FloatArray,
    followed: int,
    *,
    slopes: FloatArray,
    prior: FloatArray,
    weight: FloatArray,
    residual: FloatArray,
    kept: IntArray | None = None,
) -> tuple[FloatArray, FloatArray]:
    """N (m, m) and the residual's part of b (m,), m = followed.

    profiles: (c, n), of the followed amounts first, then what each phase scatters besides, which follows its scale to 30 %.
    slopes: (q, n) of all that is no amount, prior: (q,) its prior weights. weight: (n,) 1/variance; residual: (n,) counts.
    kept: (s,) which of the slopes are told beside the amounts, N (m + s, m + s) then; None: none.
    """
    m, q, c = followed, slopes.shape[0], profiles.shape[0]
    own, cross, push = _products(profiles, slopes, weight, residual)
    scaled = slopes * np.sqrt(weight)
    joint = np.empty((c + q, c + q))
    joint[:c, :c], joint[:c, c:], joint[c:, :c], joint[c:, c:] = own, cross, cross.T, scaled @ scaled.T
    joint[np.diag_indices_from(joint)] += np.concatenate([np.zeros(m), np.full(c - m, _REST_SPREAD**-2.0), prior])
    gradient = np.concatenate([push, slopes @ (weight * residual)])
    told = np.arange(m) if kept is None else np.concatenate([np.arange(m), c + kept])
    out = np.delete(np.arange(c + q), told)
    inner = joint[out[:, None], out]
    scale = np.sqrt(np.maximum(np.diag(inner), 1e-300))
    inner /= np.outer(scale, scale)
    inner[np.diag_indices_from(inner)] += 1e-10
    outer = joint[told[:, None], out] / scale
    projected = np.linalg.solve(inner, np.column_stack([outer.T, gradient[out] / scale]))
    reduced = outer @ projected
    information = joint[told[:, None], told] - reduced[:, :-1]
    return np.asarray(0.5 * (information + information.T)), np.asarray(gradient[told] - reduced[:, -1])


@compiled
def _products(
    profiles: FloatArray, slopes: FloatArray, weight: FloatArray, residual: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """φWφᵀ (c, c), φWΦᵀ (c, q) and φWr (c,), each over the points where a profile is not zero."""
    c, n = profiles.shape
    q = slopes.shape[0]
    own, cross, push = np.zeros((c, c)), np.zeros((c, q)), np.zeros(c)
    first, last = np.zeros(c, dtype=np.int64), np.zeros(c, dtype=np.int64)
    for i in range(c):
        a, b = 0, n
        while a < n and profiles[i, a] == 0.0:
            a += 1
        while b > a and profiles[i, b - 1] == 0.0:
            b -= 1
        first[i], last[i] = a, b
    weighted = np.empty(n)
    for i in range(c):
        a, b = first[i], last[i]
        for j in range(a, b):
            weighted[j] = profiles[i, j] * weight[j]
        push[i] = np.dot(weighted[a:b], residual[a:b])
        for k in range(q):
            cross[i, k] = np.dot(weighted[a:b], slopes[k, a:b])
        for k in range(i, c):
            low, high = max(a, first[k]), min(b, last[k])
            if low < high:
                own[i, k] = np.dot(weighted[low:high], profiles[k, low:high])
                own[k, i] = own[i, k]
    return own, cross, push
