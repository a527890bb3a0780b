"""Normal equations of a least-squares fit in one pass over the Jacobian, compiled.

A library's product of matrices wants the Jacobian scaled by the weights first, a second megabyte to write and to read, and makes little
of the symmetry of the outcome. Here a block of points is scaled into a corner of the cache, and stays there while all pairs of
rows take it up, four rows against two at a time so that a number loaded is used several times.
"""

import math

import numpy as np

from xrdkna.physics.compiled import compiled
from xrdkna.records.arrays import FloatArray

# Points a block: 40 rows of them are 80 kB, in the second cache of any processor.
_BLOCK = 256
_TALL, _WIDE = 4, 2


@compiled
def normal_equations(jacobian: FloatArray, weight: FloatArray, residual: FloatArray, normal: FloatArray, gradient: FloatArray) -> None:
    """Set normal (q, q) to J W Jᵀ and gradient (q,) to J W r, for jacobian (q, n), weight and residual (n,)."""
    q, n = jacobian.shape
    rows = (q + _TALL - 1) // _TALL * _TALL
    # the rows past q stay zero: they fill the last tile
    block, root, total = np.zeros((rows, _BLOCK)), np.empty(_BLOCK), np.zeros((rows, rows))
    gradient[:] = 0.0
    for begin in range(0, n, _BLOCK):
        size = min(_BLOCK, n - begin)
        part, rest = weight[begin : begin + size], residual[begin : begin + size]
        for k in range(size):
            root[k] = math.sqrt(part[k])
        for i in range(q):
            gradient[i] += _scaled(jacobian[i, begin : begin + size], root, rest, block[i])
        for i in range(0, rows, _TALL):
            for j in range(0, i + _TALL, _WIDE):
                _add_tile(block, size, i, j, total)
    for i in range(q):
        for j in range(i + 1):
            normal[i, j] = normal[j, i] = total[i, j]


@compiled
def gradient_of(jacobian: FloatArray, weight: FloatArray, residual: FloatArray, gradient: FloatArray) -> None:
    """Set gradient (q,) to J W r."""
    weighted = np.empty(residual.size)
    for k in range(residual.size):
        weighted[k] = weight[k] * residual[k]
    for i in range(jacobian.shape[0]):
        row, total = jacobian[i], 0.0
        for k in range(weighted.size):
            total += row[k] * weighted[k]
        gradient[i] = total


@compiled
def _scaled(row: FloatArray, root: FloatArray, residual: FloatArray, out: FloatArray) -> float:
    """Set out to the row times `root`, and return its product with the weighted residual."""
    total = 0.0
    for k in range(row.size):
        scaled = row[k] * root[k]
        out[k] = scaled
        total += scaled * root[k] * residual[k]
    return total


@compiled
def _add_tile(block: FloatArray, size: int, i: int, j: int, total: FloatArray) -> None:
    """Add the products of rows i … i + 3 with rows j and j + 1."""
    a, b, c, d = block[i, :size], block[i + 1, :size], block[i + 2, :size], block[i + 3, :size]
    x, y = block[j, :size], block[j + 1, :size]
    ax = ay = bx = by = cx = cy = dx = dy = 0.0
    for k in range(size):
        p, q = x[k], y[k]
        ax += a[k] * p
        ay += a[k] * q
        bx += b[k] * p
        by += b[k] * q
        cx += c[k] * p
        cy += c[k] * q
        dx += d[k] * p
        dy += d[k] * q
    total[i, j] += ax
    total[i, j + 1] += ay
    total[i + 1, j] += bx
    total[i + 1, j + 1] += by
    total[i + 2, j] += cx
    total[i + 2, j + 1] += cy
    total[i + 3, j] += dx
    total[i + 3, j + 1] += dy
