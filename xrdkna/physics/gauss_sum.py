"""Gauss quadrature of the sum of two independent quantities, each known by points and masses, for many lines at once; compiled.

The moments up to the 2k − 1st of a sum need no others of its parts: rules of k nodes each hold all that a rule of k nodes can.
Golub & Welsch (1969), Math. Comput. 23, 221; discretised Stieltjes procedure as in `gauss_rule`.
"""

import math

import numpy as np

from xrdkna.physics.compiled import compiled, compiled_strictly
from xrdkna.records.arrays import FloatArray

# Below this share of the extent what is left of a distribution is rounding: it has fewer points than nodes were asked for.
_EXHAUSTED = 1e-10
# Implicit QL settles in two or three turns a node.
_MOST_TURNS = 60


def gauss_rule_of_sum(
    first: FloatArray, first_mass: FloatArray, second: FloatArray, second_mass: FloatArray, nodes: int
) -> tuple[FloatArray, FloatArray]:
    """(m, nodes) nodes, rising along each row, and (m, nodes) weights, 1 in the sum of each row, of first + second.

    first: (m, j) points, first_mass: (m, j), not below 0 and not all 0; second, second_mass: (m, l). A sum that has fewer different
    values than `nodes` gets its mean, with no weight, for those it lacks, at the end of the row.
    """
    node, weight = np.empty((2, first.shape[0], nodes))
    _fill_rules(first, first_mass, second, second_mass, node, weight)
    return node, weight


@compiled_strictly
def _fill_rules(
    first: FloatArray, first_mass: FloatArray, second: FloatArray, second_mass: FloatArray, node: FloatArray, weight: FloatArray
) -> None:
    rows, nodes = node.shape
    size = second.shape[1]
    points = first.shape[1] * size
    x, mass, current, previous = np.empty(points), np.empty(points), np.empty(points), np.empty(points)
    center, coupling, top = np.empty(nodes), np.empty(nodes), np.empty(nodes)
    for m in range(rows):
        total, mean = 0.0, 0.0
        for i in range(first.shape[1]):
            for j in range(size):
                p = i * size + j
                x[p], mass[p] = first[m, i] + second[m, j], first_mass[m, i] * second_mass[m, j]
                total += mass[p]
                mean += mass[p] * x[p]
        mean /= total
        scale = 0.0
        for p in range(points):
            x[p] -= mean
            mass[p] /= total
            scale = max(scale, abs(x[p]))
        found = _recurrence(x, mass, scale, current, previous, center, coupling)
        _diagonalise(center, coupling, top, found)
        order = np.argsort(center[:found])
        for k in range(nodes):
            node[m, k] = mean + (center[order[k]] * scale if k < found else 0.0)
            weight[m, k] = top[order[k]] * top[order[k]] if k < found else 0.0


@compiled
def _recurrence(
    x: FloatArray, mass: FloatArray, scale: float, current: FloatArray, previous: FloatArray, center: FloatArray, coupling: FloatArray
) -> int:
    """Diagonal and subdiagonal (one behind) of the Jacobi matrix of x over its scale, and how many nodes there are to be had."""
    center[0], coupling[0] = 0.0, 0.0
    if scale == 0.0:
        return 1
    inverse = 1.0 / scale
    for p in range(x.size):
        x[p] *= inverse
        current[p], previous[p] = 1.0, 0.0
    for i in range(center.size):
        middle = 0.0
        for p in range(x.size):
            middle += mass[p] * x[p] * current[p] * current[p]
        center[i] = middle
        if i + 1 == center.size:
            break
        norm, beside = 0.0, coupling[i]
        for p in range(x.size):
            following = (x[p] - middle) * current[p] - beside * previous[p]
            previous[p] = current[p]
            current[p] = following
            norm += mass[p] * following * following
        root = math.sqrt(norm)
        if root < _EXHAUSTED:
            return i + 1
        coupling[i + 1] = root
        for p in range(x.size):
            current[p] /= root
    return center.size


@compiled_strictly
def _diagonalise(diagonal: FloatArray, beside: FloatArray, top: FloatArray, n: int) -> None:
    """Implicit QL (Martin & Wilkinson 1968, Numer. Math. 12, 377): eigenvalues into `diagonal`, first components of the
    eigenvectors into `top`. beside: (n,) subdiagonal from its second entry on; lost."""
    for i in range(n):
        top[i] = 1.0 if i == 0 else 0.0
        beside[i] = beside[i + 1] if i + 1 < n else 0.0
    for low in range(n):
        for _ in range(_MOST_TURNS):
            m = low
            while m < n - 1 and abs(beside[m]) > 1e-16 * (abs(diagonal[m]) + abs(diagonal[m + 1])):
                m += 1
            if m == low:
                break
            g = (diagonal[low + 1] - diagonal[low]) / (2.0 * beside[low])
            r = math.hypot(g, 1.0)
            g = diagonal[m] - diagonal[low] + beside[low] / (g + math.copysign(r, g))
            s, c, p = 1.0, 1.0, 0.0
            for i in range(m - 1, low - 1, -1):
                f, b = s * beside[i], c * beside[i]
                r = math.hypot(f, g)
                beside[i + 1] = r
                if r == 0.0:
                    diagonal[i + 1] -= p
                    beside[m] = 0.0
                    break
                s, c = f / r, g / r
                g = diagonal[i + 1] - p
                r = (diagonal[i] - g) * s + 2.0 * c * b
                p = s * r
                diagonal[i + 1] = g + p
                g = c * r - b
                f = top[i + 1]
                top[i + 1] = s * top[i] + c * f
                top[i] = c * top[i] - s * f
            else:
                diagonal[low] -= p
                beside[low] = g
                beside[m] = 0.0
