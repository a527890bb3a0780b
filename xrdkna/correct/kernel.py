"""The compiled inner parts of the background: running means, clipping, and a smooth curve fitted until its points settle."""

import numpy as np

from xrdkna.physics.compiled import compiled, compiled_strictly
from xrdkna.records.arrays import BoolArray, FloatArray


@compiled
def running_mean(mean: FloatArray, variance: FloatArray, weight: FloatArray, reach: int) -> tuple[FloatArray, FloatArray]:
    """(n,) running weighted mean over ± `reach` bins and its σ; beyond an end its last bin repeats."""
    n = mean.size
    wide = n + 2 * reach
    share, product, square = np.empty(wide), np.empty(wide), np.empty(wide)
    for i in range(wide):
        j = min(max(i - reach, 0), n - 1)
        share[i] = max(weight[j], 1e-6)
        product[i], square[i] = share[i] * mean[j], share[i] * share[i] * variance[j]
    level, noise = np.empty(n), np.empty(n)
    # Summed afresh for every bin: differences of running totals would drown the tiny shares of a gap.
    for i in range(n):
        total = value = spread = 0.0
        for j in range(i, i + 2 * reach + 1):
            total += share[j]
            value += product[j]
            spread += square[j]
        level[i], noise[i] = value / total, np.sqrt(spread) / total
    return level, noise


@compiled_strictly
def clipped(level: FloatArray, half_width: int, passes: int, rises_first: bool, rises_last: bool) -> FloatArray:
    """Every point lowered to the lowest middle of two points w bins to either side of it, for all w up to `half_width`; `passes` times.

    Unlike SNIP proper, whose windows build on each other, a curved top sinks by a window's sagitta a pass and no further.
    Beyond an end the curve is mirrored, or where it `rises` there, continued by its reflection in the end point.
    """
    n = level.size
    curve, wide = level.copy(), np.empty(n + 2 * half_width)
    for _ in range(passes):
        wide[half_width : half_width + n] = curve
        for w in range(1, half_width + 1):
            left, right = curve[w], curve[n - 1 - w]
            wide[half_width - w] = 2.0 * curve[0] - left if rises_first else left
            wide[half_width + n - 1 + w] = 2.0 * curve[n - 1] - right if rises_last else right
        for w in range(1, half_width + 1):
            below, above = wide[half_width - w : half_width - w + n], wide[half_width + w : half_width + w + n]
            for i in range(n):
                curve[i] = min(curve[i], 0.5 * (below[i] + above[i]))
    return curve


@compiled_strictly
def settled_curve(
    mean: FloatArray,
    variance: FloatArray,
    weight: FloatArray,
    level: FloatArray,
    noise: FloatArray,
    base: FloatArray,
    stiffness: float,
    floor: float,
    sigmas: float,
    misfit: float,
    rounds: int,
) -> tuple[FloatArray, BoolArray]:
    """(n,) a smooth curve through the bins that lie on it within their noise, and (n,) True for these bins.

    A bin belongs while its level stays below the curve or the clipped `base` by less than `sigmas` of its noise plus the share
    `misfit` of the curve. Noise is that of the level the background has, not of the peak that stands there.
    """
    n = mean.size
    curve = smooth_curve(base + noise, np.ones(n), stiffness)
    quiet, now = weight > 0.0, np.empty(n, dtype=np.bool_)
    precision = np.empty(n)
    counting = level.min() > 0.0
    for _ in range(rounds):
        count, total = 0, 0.0
        for i in range(n):
            expected = noise[i]
            if counting:
                expected *= np.sqrt(min(max(curve[i], 0.25 * level[i]), level[i]) / level[i])
            margin = sigmas * max(expected, 0.3 * floor) + misfit * abs(curve[i])
            now[i] = weight[i] > 0.0 and level[i] - max(curve[i], base[i]) < margin
            precision[i] = 1.0 / max(variance[i], 0.05 * floor * floor) if now[i] else 0.0
            count += now[i]
            total += precision[i]
        if count < 5:
            break
        curve = smooth_curve(mean, precision * (count / total), stiffness)
        settled = np.array_equal(now, quiet)
        quiet[:] = now
        if settled:
            break
    return curve, quiet


@compiled_strictly
def smooth_curve(values: FloatArray, weights: FloatArray, stiffness: float) -> FloatArray:
    """(n,) the curve of `physics.smoothing.whittaker_curve`, n at least 4, by the square-root-free factors of its five bands."""
    n = values.size
    d, e, f, z = np.empty(n), np.zeros(n), np.zeros(n), np.empty(n)
    for i in range(n):
        end = min(i, n - 1 - i)
        inside = stiffness * (1.0 if end == 0 else 5.0 if end == 1 else 6.0)
        next_one = stiffness * (-2.0 if i == 0 or i == n - 2 else -4.0)
        pivot, right = inside + weights[i] + 1e-9, weights[i] * values[i]
        if i > 0:
            pivot -= d[i - 1] * e[i - 1] * e[i - 1]
            next_one -= d[i - 1] * e[i - 1] * f[i - 1]
            right -= e[i - 1] * z[i - 1]
        if i > 1:
            pivot -= d[i - 2] * f[i - 2] * f[i - 2]
            right -= f[i - 2] * z[i - 2]
        d[i], z[i] = pivot, right
        e[i], f[i] = next_one / pivot, stiffness / pivot
    z[n - 1] /= d[n - 1]
    z[n - 2] = z[n - 2] / d[n - 2] - e[n - 2] * z[n - 1]
    for i in range(n - 3, -1, -1):
        z[i] = z[i] / d[i] - e[i] * z[i + 1] - f[i] * z[i + 2]
    return z
