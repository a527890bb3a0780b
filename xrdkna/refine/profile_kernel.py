"""The hot path, second half: from lines to the pattern and its derivatives, in one compiled pass over windowed points.

A line is a Voigt function (`voigt_shape`), or a sum of them (`Nodes`) where the aberrations of machine and specimen make it lopsided. Values are followed
to `reach`; derivatives, which only steer the fit, to `DERIVATIVE_WIDTHS` full widths.
"""

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from xrdkna.records.arrays import FloatArray, IntArray
from xrdkna.refine.line_kernel import Lines, Structure
from xrdkna.refine.voigt_shape import Shape, line_shape

DERIVATIVE_WIDTHS = 16.0

# A line whose top stays below this many tolerances (a twentieth of σ each) steers nothing.
_STEERS = 4.0
_LN2_4 = 4.0 * math.log(2.0)
# exp(−4 ln2 u²) at u = 2.6 is 7e-9 of the top, below any count: exp is the dear part
_GAUSS_REACH = 2.6


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
    return Nodes(np.ones(lines, dtype=np.int64), np.zeros((lines, 1)), np.ones((lines, 1)), nothing, nothing, np.zeros(0, dtype=np.int64), voigt)


@njit(cache=True, fastmath=True, boundscheck=False)
def _place(two_theta: FloatArray, angle: float) -> int:
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


@njit(cache=True, fastmath=True, boundscheck=False, inline="always")
def _bell(u: float) -> float:
    """exp(−4 ln2 u²) as the 64th power of exp(−4 ln2 u²/64): a polynomial and six squarings run on several points at once, the
    library's exp does not. Within 1e-9 of the top everywhere."""
    y = (_LN2_4 / 64.0) * u * u
    e = 1.0 - y * (1.0 - y * (1.0 / 2.0 - y * (1.0 / 6.0 - y * (1.0 / 24.0 - y * (1.0 / 120.0 - y * (1.0 / 720.0))))))
    e *= e
    e *= e
    e *= e
    e *= e
    e *= e
    return e * e


@njit(cache=True, fastmath=True, boundscheck=False)
def add_phases(two_theta: FloatArray, structure: Structure, lines: Lines, nodes: Nodes, reach: FloatArray, parts: FloatArray) -> None:
    """Add to parts (P, n) the pattern of each phase at unit scale."""
    spectral = structure.wavelength.size
    for p in range(structure.phase.shape[0]):
        for m in range(structure.first[p] * spectral, structure.first[p + 1] * spectral):
            if lines.area[m] != 0.0:
                add_profile(two_theta, lines.position[m], lines.fwhm[m], lines.eta[m], lines.area[m], reach[m], m, nodes, parts[p])


@njit(cache=True, fastmath=True, boundscheck=False)
def add_profile(
    two_theta: FloatArray, position: float, fwhm: float, eta: float, area: float, reach: float, m: int, nodes: Nodes, out: FloatArray
) -> None:
    """Add to out (n,) line m with its nodes."""
    inverse, width = 1.0 / fwhm, min(_GAUSS_REACH * fwhm, reach)
    form, _ = line_shape(eta, nodes.voigt)
    for k in range(nodes.number[m]):
        center, share = position + nodes.offset[m, k], area * nodes.weight[m, k] * inverse
        low, high = _place(two_theta, center - reach), _place(two_theta, center + reach)
        _add_tail(two_theta[low:high], center, inverse, share, form, out[low:high])
        low, high = _place(two_theta, center - width), _place(two_theta, center + width)
        _add_core(two_theta[low:high], center, inverse, share, form, out[low:high])


# Loops run over slices from 0 on: with a start that is not known, numba allows for negative indices, and no loop is vectorised.
@njit(cache=True, fastmath=True, boundscheck=False)
def _add_tail(x: FloatArray, center: float, inverse: float, top: float, form: Shape, out: FloatArray) -> None:
    c1, c2, c3 = top * form.c1, top * form.c2, top * form.c3
    for j in range(x.size):
        u = (x[j] - center) * inverse
        f = 1.0 / (1.0 + 4.0 * u * u)
        out[j] += f * (c1 + f * (c2 + f * c3))


@njit(cache=True, fastmath=True, boundscheck=False)
def _add_core(x: FloatArray, center: float, inverse: float, top: float, form: Shape, out: FloatArray) -> None:
    d0, d1, d2 = top * form.d0, top * form.d1, top * form.d2
    for j in range(x.size):
        u = (x[j] - center) * inverse
        f = 1.0 / (1.0 + 4.0 * u * u)
        out[j] += _bell(u) * (d0 + f * (d1 + f * d2))


@njit(cache=True, fastmath=True, boundscheck=False)
def _add_tails(
    two_theta: FloatArray,
    position: float,
    fwhm: float,
    eta: float,
    area: float,
    reach: float,
    m: int,
    nodes: Nodes,
    low: int,
    high: int,
    out: FloatArray,
) -> None:
    """Add to out (n,) the tails of line m that lie outside the points low … high."""
    inverse = 1.0 / fwhm
    form, _ = line_shape(eta, nodes.voigt)
    for k in range(nodes.number[m]):
        center, top = position + nodes.offset[m, k], area * nodes.weight[m, k] * inverse
        first, last = _place(two_theta, center - reach), _place(two_theta, center + reach)
        if first < low:
            _add_tail(two_theta[first:low], center, inverse, top, form, out[first:low])
        if high < last:
            _add_tail(two_theta[high:last], center, inverse, top, form, out[high:last])


@njit(cache=True, fastmath=True, boundscheck=False)
def add_phases_with_derivatives(
    two_theta: FloatArray,
    structure: Structure,
    values: FloatArray,
    lines: Lines,
    nodes: Nodes,
    reach: FloatArray,
    tolerance: float,
    area_slope: FloatArray,
    rows: IntArray,
    parts: FloatArray,
    jacobian: FloatArray,
) -> None:
    """As `add_phases`, and add to jacobian (q, n) the derivatives by every parameter with a row (rows: (p,), −1 none) but the
    scales', which are the parts themselves. area_slope: (r, A) of the intensity factors, over the factor. tolerance: counts
    below which a line's tails are not followed."""
    n, spectral = two_theta.size, structure.wavelength.size
    shape, by_position, by_fwhm, by_eta, by_width = np.empty(n), np.empty(n), np.empty(n), np.empty(n), np.empty(n)
    for p in range(structure.phase.shape[0]):
        first, count = structure.first[p], structure.first[p + 1] - structure.first[p]
        scale = values[structure.phase[p, 0]]
        for m in range(first * spectral, (first + count) * spectral):
            if lines.area[m] == 0.0 and lines.unit[m] == 0.0:
                continue
            i = first + (m - first * spectral) % count
            size = lines.area[m]
            if abs(scale * lines.unit[m]) < _STEERS * tolerance * lines.fwhm[m]:
                add_profile(two_theta, lines.position[m], lines.fwhm[m], lines.eta[m], size, reach[m], m, nodes, parts[p])
                continue
            low, high = _fill(two_theta, m, lines, nodes, reach[m], shape, by_position, by_fwhm, by_eta)
            _axpy(parts[p], size, shape, low, high)
            _add_tails(two_theta, lines.position[m], lines.fwhm[m], lines.eta[m], size, reach[m], m, nodes, low, high, parts[p])
            strength = scale * size
            _add_positions(structure, p, m, lines, rows, strength, low, high, by_position, jacobian)
            _add_widths(structure, p, m, i, lines, rows, strength, low, high, by_fwhm, by_eta, by_width, jacobian)
            if structure.texture[i] >= 0 and rows[structure.texture[i]] >= 0:
                _axpy(jacobian[rows[structure.texture[i]]], scale * lines.unit[m], shape, low, high)
            for a in range(structure.area_parameter.shape[1]):
                parameter = structure.area_parameter[p, a]
                if parameter >= 0 and rows[parameter] >= 0:
                    _axpy(jacobian[rows[parameter]], strength * area_slope[i, a], shape, low, high)
            spectrum = structure.spectral_parameter[(m - first * spectral) // count]
            if spectrum >= 0 and rows[spectrum] >= 0 and values[spectrum] > 0.0:
                _axpy(jacobian[rows[spectrum]], strength / values[spectrum], shape, low, high)
            for a in range(nodes.parameter.size):
                if rows[nodes.parameter[a]] >= 0:
                    _add_spread(two_theta, m, a, lines, nodes, strength, low, high, jacobian[rows[nodes.parameter[a]]])


@njit(cache=True, fastmath=True, boundscheck=False)
def _fill(
    two_theta: FloatArray,
    m: int,
    lines: Lines,
    nodes: Nodes,
    reach: float,
    shape: FloatArray,
    by_position: FloatArray,
    by_fwhm: FloatArray,
    by_eta: FloatArray,
) -> tuple[int, int]:
    """The unit-area profile of line m and its slopes, from the first entry on, for the points low … high that are returned."""
    width, (form, slope) = lines.fwhm[m], line_shape(lines.eta[m], nodes.voigt)
    inverse, window = 1.0 / width, min(reach, DERIVATIVE_WIDTHS * width)
    nearest, farthest = 0.0, 0.0
    for k in range(nodes.number[m]):
        nearest, farthest = min(nearest, nodes.offset[m, k]), max(farthest, nodes.offset[m, k])
    low = _place(two_theta, lines.position[m] + nearest - window)
    high = _place(two_theta, lines.position[m] + farthest + window)
    count = high - low
    shape[:count], by_position[:count], by_fwhm[:count], by_eta[:count] = 0.0, 0.0, 0.0, 0.0
    for k in range(nodes.number[m]):
        center, top = lines.position[m] + nodes.offset[m, k], nodes.weight[m, k] * inverse
        _fill_tail(two_theta[low:high], center, inverse, top, form, slope, shape, by_position, by_fwhm, by_eta)
        first = max(_place(two_theta, center - _GAUSS_REACH * width), low)
        last = min(_place(two_theta, center + _GAUSS_REACH * width), high)
        if first < last:
            a, b = first - low, last - low
            _fill_core(
                two_theta[first:last], center, inverse, top, form, slope,
                shape[a:b], by_position[a:b], by_fwhm[a:b], by_eta[a:b],
            )  # fmt: skip
    return low, high


@njit(cache=True, fastmath=True, boundscheck=False)
def _fill_tail(
    x: FloatArray,
    center: float,
    inverse: float,
    top: float,
    form: Shape,
    slope: Shape,
    shape: FloatArray,
    by_position: FloatArray,
    by_fwhm: FloatArray,
    by_eta: FloatArray,
) -> None:
    c1, c2, c3 = top * form.c1, top * form.c2, top * form.c3
    s1, s2, s3 = top * slope.c1, top * slope.c2, top * slope.c3
    for j in range(x.size):
        u = (x[j] - center) * inverse
        f = 1.0 / (1.0 + 4.0 * u * u)
        value = f * (c1 + f * (c2 + f * c3))
        steep = 8.0 * u * inverse * f * f * (c1 + f * (2.0 * c2 + f * 3.0 * c3))
        shape[j] += value
        by_position[j] += steep
        by_fwhm[j] += steep * u - value * inverse
        by_eta[j] += f * (s1 + f * (s2 + f * s3))


@njit(cache=True, fastmath=True, boundscheck=False)
def _fill_core(
    x: FloatArray,
    center: float,
    inverse: float,
    top: float,
    form: Shape,
    slope: Shape,
    shape: FloatArray,
    by_position: FloatArray,
    by_fwhm: FloatArray,
    by_eta: FloatArray,
) -> None:
    d0, d1, d2 = top * form.d0, top * form.d1, top * form.d2
    s0, s1, s2 = top * slope.d0, top * slope.d1, top * slope.d2
    for j in range(x.size):
        u = (x[j] - center) * inverse
        f, bell = 1.0 / (1.0 + 4.0 * u * u), _bell(u)
        value = bell * (d0 + f * (d1 + f * d2))
        steep = 2.0 * u * inverse * (_LN2_4 * value + 4.0 * f * f * bell * (d1 + f * 2.0 * d2))
        shape[j] += value
        by_position[j] += steep
        by_fwhm[j] += steep * u - value * inverse
        by_eta[j] += bell * (s0 + f * (s1 + f * s2))


@njit(cache=True, fastmath=True, boundscheck=False)
def _add_positions(
    structure: Structure,
    p: int,
    m: int,
    lines: Lines,
    rows: IntArray,
    strength: float,
    low: int,
    high: int,
    by_position: FloatArray,
    jacobian: FloatArray,
) -> None:
    index = structure.instrument
    if rows[index[0]] >= 0:
        _axpy(jacobian[rows[index[0]]], strength * lines.shift[m], by_position, low, high)
    if rows[index[1]] >= 0:
        _axpy(jacobian[rows[index[1]]], strength, by_position, low, high)
    own = structure.phase[p, 1]
    if own >= 0 and rows[own] >= 0:
        _axpy(jacobian[rows[own]], strength * lines.shift[m], by_position, low, high)
    for c in range(6):
        parameter = structure.cell[p, c]
        if parameter >= 0 and rows[parameter] >= 0:
            _axpy(jacobian[rows[parameter]], strength * lines.by_cell[m, c], by_position, low, high)


@njit(cache=True, fastmath=True, boundscheck=False)
def _add_widths(
    structure: Structure,
    p: int,
    m: int,
    i: int,
    lines: Lines,
    rows: IntArray,
    strength: float,
    low: int,
    high: int,
    by_fwhm: FloatArray,
    by_eta: FloatArray,
    by_width: FloatArray,
    jacobian: FloatArray,
) -> None:
    """Every width parameter moves a line along one of two curves: by its Gaussian width squared, by its Lorentzian width."""
    index, tangent, secant, along = structure.instrument, lines.tangent[m], lines.secant[m], structure.direction[i]
    gaussian = ((index[2], tangent * tangent), (index[3], tangent), (index[4], 1.0))
    if max(rows[index[2]], rows[index[3]], rows[index[4]]) >= 0:
        _mix(by_width, strength * lines.by_gaussian_fwhm[m], by_fwhm, strength * lines.by_gaussian_eta[m], by_eta, high - low)
        for parameter, slope in gaussian:
            if rows[parameter] >= 0:
                _axpy(jacobian[rows[parameter]], slope, by_width, low, high)
    _mix(by_width, strength * lines.by_lorentzian_fwhm[m], by_fwhm, strength * lines.by_lorentzian_eta[m], by_eta, high - low)
    for parameter, slope in (
        (index[5], secant),
        (index[6], tangent),
        (structure.phase[p, 2], secant),
        (structure.phase[p, 3], tangent),
        (structure.phase[p, 4], secant * along),
        (structure.phase[p, 5], tangent * along),
    ):
        if parameter >= 0 and rows[parameter] >= 0:
            _axpy(jacobian[rows[parameter]], slope, by_width, low, high)
    for s in range(structure.stephens.shape[1]):
        parameter = structure.stephens_parameter[p, s]
        if parameter >= 0 and rows[parameter] >= 0:
            _axpy(jacobian[rows[parameter]], tangent * lines.by_stephens[m, s], by_width, low, high)


@njit(cache=True, fastmath=True, boundscheck=False)
def _add_spread(
    two_theta: FloatArray, m: int, a: int, lines: Lines, nodes: Nodes, strength: float, low: int, high: int, out: FloatArray
) -> None:
    """How the line changes with a parameter that moves and reweighs its nodes."""
    width, (form, _) = lines.fwhm[m], line_shape(lines.eta[m], nodes.voigt)
    inverse = 1.0 / width
    x, row = two_theta[low:high], out[low:high]
    for k in range(nodes.number[m]):
        center = lines.position[m] + nodes.offset[m, k]
        by_weight, by_offset = strength * nodes.by_weight[m, k, a], strength * nodes.weight[m, k] * nodes.by_offset[m, k, a]
        for j in range(x.size):
            u = (x[j] - center) * inverse
            f = 1.0 / (1.0 + 4.0 * u * u)
            tail = f * (form.c1 + f * (form.c2 + f * form.c3)) * inverse
            steep = 8.0 * f * f * (form.c1 + f * (2.0 * form.c2 + f * 3.0 * form.c3)) * inverse
            if -_GAUSS_REACH < u < _GAUSS_REACH:
                bell = _bell(u) * inverse
                core = bell * (form.d0 + f * (form.d1 + f * form.d2))
                tail += core
                steep += 2.0 * _LN2_4 * core + 8.0 * f * f * bell * (form.d1 + f * 2.0 * form.d2)
            row[j] += by_weight * tail + by_offset * steep * u * inverse


@njit(cache=True, fastmath=True, boundscheck=False)
def _axpy(row: FloatArray, a: float, x: FloatArray, low: int, high: int) -> None:
    """row[low:high] += a x, x from its first entry on."""
    out = row[low:high]
    for j in range(out.size):
        out[j] += a * x[j]


@njit(cache=True, fastmath=True, boundscheck=False)
def _mix(out: FloatArray, a: float, x: FloatArray, b: float, y: FloatArray, count: int) -> None:
    for j in range(count):
        out[j] = a * x[j] + b * y[j]


@njit(cache=True, fastmath=True, boundscheck=False)
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
