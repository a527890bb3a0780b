"""The hot path, second part: from lines to the pattern, in one compiled pass over windowed points.

A line is a Voigt function (`voigt_shape`), or a sum of them (`Nodes`) where the aberrations of machine and specimen make it
lopsided; it is followed to its `reach` point by point. What lies beyond is faint, but of hundreds of lines it adds up to counts that the
background would take, and scales with it; it is smooth, and followed on in cells of some points (`add_far`).
"""

import math
from typing import NamedTuple

import numpy as np

from xrdkna.physics.compiled import compiled, compiled_inline
from xrdkna.records.arrays import FloatArray, IntArray
from xrdkna.refine.kernels.line_kernel import Lines, Structure
from xrdkna.refine.kernels.voigt_shape import Shape, line_shape

_LN2_4 = 4.0 * math.log(2.0)
# exp(−4 ln2 u²) at u = 2.6 is 7e-9 of the top, below any count: exp is the dear part
CORE_REACH = 2.6
# Points of a cell of the far tails, straight between its ends. At distance x, a cell of width h is off by ¾ (h/x)² of what the tail is.
CELL = 8
# Far tails are followed to this many reaches, where they are 1/64 of what they are at the reach.
FAR = 8.0


class Nodes(NamedTuple):
    """How each line is spread: (m, k) offsets in degrees and weights, of which the first number (m,) are meant; by_offset,
    by_weight: (m, k, a) their slopes by the parameters (a,) that spread them. voigt: False where lines are pseudo-Voigts."""

    number: IntArray
    offset: FloatArray
    weight: FloatArray
    by_offset: FloatArray
    by_weight: FloatArray
    parameter: IntArray
    voigt: bool = True


def plain_nodes(lines: int, *, voigt: bool = True) -> Nodes:
    """Every line where it is, once."""
    nothing = np.zeros((lines, 1, 0))
    return Nodes(
        np.ones(lines, dtype=np.int64), np.zeros((lines, 1)), np.ones((lines, 1)), nothing, nothing, np.zeros(0, dtype=np.int64), voigt
    )


@compiled
def place(two_theta: FloatArray, angle: float) -> int:
    """np.searchsorted, from a guess that is right on an even grid."""
    n = two_theta.size
    if angle <= two_theta[0]:
        return 0
    if angle > two_theta[n - 1]:
        return n
    j = int((angle - two_theta[0]) / (two_theta[n - 1] - two_theta[0]) * (n - 1))
    while j > 0 and two_theta[j - 1] >= angle:
        j -= 1
    while two_theta[j] < angle:
        j += 1
    return j


@compiled_inline
def bell(squared: float) -> float:
    """exp(−4 ln2 u²) of u² as the 64th power of exp(−4 ln2 u²/64): a polynomial and six squarings run on several points at once, the
    library's exp does not. Within 1e-9 of the top everywhere."""
    y = (_LN2_4 / 64.0) * squared
    e = 1.0 - y * (1.0 - y * (1.0 / 2.0 - y * (1.0 / 6.0 - y * (1.0 / 24.0 - y * (1.0 / 120.0 - y * (1.0 / 720.0))))))
    e *= e
    e *= e
    e *= e
    e *= e
    e *= e
    return e * e


@compiled
def add_phases(two_theta: FloatArray, structure: Structure, lines: Lines, nodes: Nodes, reach: FloatArray, parts: FloatArray) -> None:
    """Add to parts (P, n) the pattern of each phase at unit scale."""
    spectral = structure.wavelength.size
    knots = cell_ends(two_theta)
    far = np.empty((3, knots.size))
    for p in range(structure.phase.shape[0]):
        far[:] = 0.0
        for m in range(structure.first[p] * spectral, structure.first[p + 1] * spectral):
            if lines.area[m] != 0.0:
                offset, weight = nodes.offset[m, : nodes.number[m]], nodes.weight[m, : nodes.number[m]]
                form, _ = line_shape(lines.eta[m], nodes.voigt)
                add_line(two_theta, knots, lines.position[m], lines.fwhm[m], form, lines.area[m], reach[m], offset, weight, far, parts[p])
        add_cells(two_theta, knots, far, parts[p])


@compiled
def cell_ends(two_theta: FloatArray) -> FloatArray:
    """(c + 1,) the angles between which the far tails run straight."""
    n = two_theta.size
    ends = np.empty((n + CELL - 1) // CELL + 1)
    for k in range(ends.size):
        ends[k] = two_theta[min(k * CELL, n - 1)]
    return ends


@compiled
def near_cells(two_theta: FloatArray, position: float, window: float, offset: FloatArray) -> tuple[int, int]:
    """The cells, first … last, over which a line with nodes at these offsets is followed point by point; at least one."""
    nearest, farthest = 0.0, 0.0
    for k in range(offset.size):
        nearest, farthest = min(nearest, offset[k]), max(farthest, offset[k])
    most = (two_theta.size + CELL - 1) // CELL
    first = min(place(two_theta, position + nearest - window) // CELL, most - 1)
    last = (place(two_theta, position + farthest + window) + CELL - 1) // CELL
    return first, max(last, first + 1)


@compiled
def add_line(
    two_theta: FloatArray,
    knots: FloatArray,
    position: float,
    fwhm: float,
    form: Shape,
    area: float,
    reach: float,
    offset: FloatArray,
    weight: FloatArray,
    far: FloatArray,
    out: FloatArray,
) -> None:
    """Add to out (n,) a line with its nodes, and to `far` what lies beyond its reach."""
    inverse, width = 1.0 / fwhm, min(CORE_REACH * fwhm, reach)
    first, last = near_cells(two_theta, position, reach, offset)
    low, high = first * CELL, min(last * CELL, two_theta.size)
    for k in range(offset.size):
        center, share = position + offset[k], area * weight[k] * inverse
        add_tail(two_theta[low:high], center, inverse, share, form, out[low:high])
        left, right = place(two_theta, center - width), place(two_theta, center + width)
        _add_core(two_theta[left:right], center, inverse, share, form, out[left:right])
    add_far(knots, position, inverse, area * inverse, form, reach, first, last, far)


@compiled
def add_far(
    knots: FloatArray, center: float, inverse: float, top: float, form: Shape, reach: float, first: int, last: int, far: FloatArray
) -> None:
    """Add to far (3, c + 1) a line's tails outside the cells first … last: in its first row the values at the ends of cells, in the
    others what is to be taken off again at the left and at the right end of a cell that the line has already filled."""
    c1, c2, c3 = top * form.c1, top * form.c2, top * form.c3
    begin, end = place(knots, center - FAR * reach), place(knots, center + FAR * reach)
    if first > 0 and begin <= first:
        _add_ends(knots[begin : first + 1], center, inverse, c1, c2, c3, far[0, begin : first + 1])
        f = 1.0 / (1.0 + 4.0 * ((knots[first] - center) * inverse) ** 2)
        far[1, first] -= f * (c1 + f * (c2 + f * c3))
    if last < knots.size - 1 and last < end:
        _add_ends(knots[last:end], center, inverse, c1, c2, c3, far[0, last:end])
        f = 1.0 / (1.0 + 4.0 * ((knots[last] - center) * inverse) ** 2)
        far[2, last - 1] -= f * (c1 + f * (c2 + f * c3))


@compiled
def _add_ends(x: FloatArray, center: float, inverse: float, c1: float, c2: float, c3: float, out: FloatArray) -> None:
    for j in range(x.size):
        u = (x[j] - center) * inverse
        f = 1.0 / (1.0 + 4.0 * u * u)
        out[j] += f * (c1 + f * (c2 + f * c3))


@compiled
def add_cells(two_theta: FloatArray, knots: FloatArray, far: FloatArray, out: FloatArray) -> None:
    """Add to out (n,) the far tails, straight from end to end of every cell."""
    for c in range(knots.size - 1):
        left, right = far[0, c] + far[1, c], far[0, c + 1] + far[2, c]
        width = knots[c + 1] - knots[c]
        slope = (right - left) / width if width > 0.0 else 0.0
        for j in range(c * CELL, min((c + 1) * CELL, two_theta.size)):
            out[j] += left + slope * (two_theta[j] - knots[c])


@compiled
def add_profile(
    two_theta: FloatArray, position: float, fwhm: float, eta: float, area: float, reach: float, m: int, nodes: Nodes, out: FloatArray
) -> None:
    """Add to out (n,) line m with its nodes."""
    inverse, width = 1.0 / fwhm, min(CORE_REACH * fwhm, reach)
    form, _ = line_shape(eta, nodes.voigt)
    for k in range(nodes.number[m]):
        center, share = position + nodes.offset[m, k], area * nodes.weight[m, k] * inverse
        low, high = place(two_theta, center - reach), place(two_theta, center + reach)
        add_tail(two_theta[low:high], center, inverse, share, form, out[low:high])
        low, high = place(two_theta, center - width), place(two_theta, center + width)
        _add_core(two_theta[low:high], center, inverse, share, form, out[low:high])


# Loops run over slices from 0 on: with a start that is not known, numba allows for negative indices, and no loop is vectorised.
@compiled
def add_tail(x: FloatArray, center: float, inverse: float, top: float, form: Shape, out: FloatArray) -> None:
    """Add to out the Lorentzian part of one node at the angles x: all of it, or what lies outside a window."""
    c1, c2, c3 = top * form.c1, top * form.c2, top * form.c3
    for j in range(x.size):
        u = (x[j] - center) * inverse
        f = 1.0 / (1.0 + 4.0 * u * u)
        out[j] += f * (c1 + f * (c2 + f * c3))


@compiled
def _add_core(x: FloatArray, center: float, inverse: float, top: float, form: Shape, out: FloatArray) -> None:
    d0, d1, d2 = top * form.d0, top * form.d1, top * form.d2
    for j in range(x.size):
        u = (x[j] - center) * inverse
        f = 1.0 / (1.0 + 4.0 * u * u)
        out[j] += bell(u * u) * (d0 + f * (d1 + f * d2))


@compiled
def add_columns(
    two_theta: FloatArray,
    position: FloatArray,
    fwhm: FloatArray,
    eta: FloatArray,
    nodes: Nodes,
    reach: FloatArray,
    column: IntArray,
    coefficient: FloatArray,
    out: FloatArray,
) -> None:
    """Add to row column[m] of out (q, n) the line m with area coefficient[m]; −1: nowhere."""
    for m in range(column.size):
        if column[m] >= 0 and coefficient[m] != 0.0:
            add_profile(two_theta, position[m], fwhm[m], eta[m], coefficient[m], reach[m], m, nodes, out[column[m]])
