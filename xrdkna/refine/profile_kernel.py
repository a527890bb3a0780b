"""The hot path, second part: from lines to the pattern, in one compiled pass over windowed points.

A line is a Voigt function (`voigt_shape`), or a sum of them (`Nodes`) where the aberrations of machine and specimen make it
lopsided; it is followed to its `reach`.
"""

import math
from typing import NamedTuple

import numpy as np

from xrdkna.physics.compiled import compiled, compiled_inline
from xrdkna.records.arrays import FloatArray, IntArray
from xrdkna.refine.line_kernel import Lines, Structure
from xrdkna.refine.voigt_shape import Shape, line_shape

_LN2_4 = 4.0 * math.log(2.0)
# exp(−4 ln2 u²) at u = 2.6 is 7e-9 of the top, below any count: exp is the dear part
CORE_REACH = 2.6


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
    for p in range(structure.phase.shape[0]):
        for m in range(structure.first[p] * spectral, structure.first[p + 1] * spectral):
            if lines.area[m] != 0.0:
                add_profile(two_theta, lines.position[m], lines.fwhm[m], lines.eta[m], lines.area[m], reach[m], m, nodes, parts[p])


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
