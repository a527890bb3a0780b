"""Normal equations of a least-squares fit in one pass over the Jacobian, compiled.

A library's product of matrices wants the Jacobian scaled by the weights first, megabytes to write and to read, and makes little of the
symmetry of the outcome, and nothing of its zeros: a line says nothing of angles where it is not. Here those rows of a block of points
that are not zero are scaled into a corner of the cache, and stay there while all pairs of them are taken up, four rows against two at a
time so that a number loaded is used several times.
"""

import math

import numpy as np

from xrdkna.physics.compiled import compiled
from xrdkna.records.arrays import FloatArray, IntArray

# Points a block: forty rows of them are 40 kB, in the cache of any processor, and few lines reach across many blocks.
_BLOCK = 128
_TALL, _WIDE = 4, 2


@compiled
def normal_equations(jacobian: FloatArray, weight: FloatArray, residual: FloatArray, normal: FloatArray, gradient: FloatArray) -> None:
    """Set normal (q, q) to J W Jᵀ and gradient (q,) to J W r, for jacobian (q, n), weight and residual (n,)."""
    q, n = jacobian.shape
    block, root = np.empty((q + _TALL, _BLOCK)), np.empty(_BLOCK)
    # the row past q takes up what fills the last tile
    number, total = np.empty(q + _TALL, dtype=np.int64), np.zeros((q + 1, q + 1))
    gradient[:] = 0.0
    for begin in range(0, n, _BLOCK):
        size = min(_BLOCK, n - begin)
        part, rest = weight[begin : begin + size], residual[begin : begin + size]
        for k in range(size):
            root[k] = math.sqrt(part[k])
        count = 0
        for i in range(q):
            pull, mass = _scaled(jacobian[i, begin : begin + size], root, rest, block[count])
            if mass > 0.0:
                gradient[i] += pull
                number[count] = i
                count += 1
        while count % _TALL:
            block[count, :size] = 0.0
            number[count] = q
            count += 1
        for i in range(0, count, _TALL):
            for j in range(0, i + _TALL, _WIDE):
                _add_tile(block, size, i, j, number, total)
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
def _scaled(row: FloatArray, root: FloatArray, residual: FloatArray, out: FloatArray) -> tuple[float, float]:
    """Set out to the row times `root`, and return its products with the weighted residual and with itself."""
    total, mass = 0.0, 0.0
    for k in range(row.size):
        scaled = row[k] * root[k]
        out[k] = scaled
        total += scaled * root[k] * residual[k]
        mass += scaled * scaled
    return total, mass


@compiled
def _add_tile(block: FloatArray, size: int, i: int, j: int, number: IntArray, total: FloatArray) -> None:
    """Add the products of rows i … i + 3 of the block with rows j and j + 1, where their numbers say."""
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
    first, second = number[j], number[j + 1]
    total[number[i], first] += ax
    total[number[i], second] += ay
    total[number[i + 1], first] += bx
    total[number[i + 1], second] += by
    total[number[i + 2], first] += cx
    total[number[i + 2], second] += cy
    total[number[i + 3], first] += dx
    total[number[i + 3], second] += dy
