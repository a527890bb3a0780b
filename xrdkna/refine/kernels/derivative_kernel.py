"""The hot path, third part: how the pattern changes with every parameter, in the same compiled pass that computes it.

Values are followed to a line's `reach` and beyond (`profile_kernel`); derivatives, which only steer the fit, to `DERIVATIVE_WIDTHS` full
widths. A line changes along a few curves only (with its position, its two widths, its area), and a parameter moves it along one of
them; so the curves are computed once a line, and added to the rows of the parameters. What a phase's lines share is worked out
once a phase, and the inner functions take plain arrays: handing them a whole structure for every line would cost more than
their work.
"""

import math

import numpy as np

from xrdkna.physics.compiled import compiled
from xrdkna.records.arrays import FloatArray, IntArray
from xrdkna.refine.kernels.line_kernel import Lines, Structure, spectral_weight
from xrdkna.refine.kernels.profile_kernel import CELL, CORE_REACH, Nodes, add_cells, add_far, add_line, bell, cell_ends, near_cells
from xrdkna.refine.kernels.voigt_shape import line_shape

DERIVATIVE_WIDTHS = 16.0

# A line whose top stays below this many tolerances (a hundredth of the smallest σ each) steers nothing: hundreds of them say less of a cell
# than one line that can be seen.
_STEERS = 15.0
_LN2_4 = 4.0 * math.log(2.0)

# Rows of the scratch: the line of unit area, its slopes by position, full width and η, one curve of widths; and what they are made
# of: distance in full widths, 1/(1 + 4u²), the bell, and one node of several.
_SHAPE, _BY_POSITION, _BY_FWHM, _BY_ETA, _BY_WIDTH, _DISTANCE, _FRACTION, _BELL, _NODE, _CURVES = 0, 1, 2, 3, 4, 5, 6, 7, 8, 12
# How a parameter moves a line: by displacement, by zero, and from _CELL on by the free cell parameters.
_SHIFT, _EVENLY, _CELL = 0, 1, 2
# How a width grows with the angle: a constant, tan θ, tan² θ, 1/cos θ, the last two along the phase's axis; S_HKL from _STEPHENS on.
_CONSTANT, _TANGENT, _SQUARE, _SECANT, _SECANT_ALONG, _TANGENT_ALONG, _STEPHENS = 0, 1, 2, 3, 4, 5, 6


@compiled
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
    spectral = structure.wavelength.size
    scratch = np.empty((_CURVES, two_theta.size))
    moves, gaussian, lorentzian, coefficient = _columns(8), _columns(3), _columns(6 + structure.stephens.shape[1]), np.empty(32)
    offset, weight, voigt = nodes.offset, nodes.weight, nodes.voigt
    knots = cell_ends(two_theta)
    far = np.empty((3, knots.size))
    for p in range(structure.phase.shape[0]):
        first, count = structure.first[p], structure.first[p + 1] - structure.first[p]
        scale = values[structure.phase[p, 0]]
        far[:] = 0.0
        _position_columns(structure, p, rows, moves)
        _width_columns(structure, p, rows, gaussian, lorentzian)
        for m in range(first * spectral, (first + count) * spectral):
            size, unit = lines.area[m], lines.unit[m]
            if size == 0.0 and unit == 0.0:
                continue
            position, fwhm, eta, number = lines.position[m], lines.fwhm[m], lines.eta[m], nodes.number[m]
            form, _ = line_shape(eta, voigt)
            spectrum = (m - first * spectral) // count
            ratio = structure.spectral_parameter[spectrum]
            # a spectral line whose intensity is refined steers that, however faint it is by now
            own_weight = spectral_weight(ratio, values) if ratio >= 0 and rows[ratio] >= 0 else 1.0
            if abs(scale * unit) < _STEERS * tolerance * fwhm * own_weight:
                add_line(two_theta, knots, position, fwhm, form, size, reach[m], offset[m, :number], weight[m, :number], far, parts[p])
                continue
            i = m - first * spectral - spectrum * count + first
            first_cell, last_cell = near_cells(two_theta, position, min(reach[m], DERIVATIVE_WIDTHS * fwhm), offset[m, :number])
            low, high = first_cell * CELL, min(last_cell * CELL, two_theta.size)
            _fill(two_theta[low:high], position, fwhm, eta, voigt, offset[m, :number], weight[m, :number], scratch)
            _axpy(parts[p], size, scratch[_SHAPE], low, high)
            add_far(knots, position, 1.0 / fwhm, size / fwhm, form, reach[m], first_cell, last_cell, far)

            strength = scale * size
            for k in range(moves[0, 0]):
                kind = moves[k + 1, 1]
                by = lines.shift[m] if kind == _SHIFT else 1.0 if kind == _EVENLY else lines.by_cell[m, kind - _CELL]
                coefficient[k] = strength * by
            _accumulate(jacobian, moves, coefficient, scratch[_BY_POSITION], low, high)
            tangent, secant, along = lines.tangent[m], lines.secant[m], structure.direction[i]
            if gaussian[0, 0] > 0:
                _mix(scratch, strength * lines.by_gaussian_fwhm[m], strength * lines.by_gaussian_eta[m], high - low)
                for k in range(gaussian[0, 0]):
                    coefficient[k] = _power(gaussian[k + 1, 1], tangent, secant, along)
                _accumulate(jacobian, gaussian, coefficient, scratch[_BY_WIDTH], low, high)
            if lorentzian[0, 0] > 0:
                _mix(scratch, strength * lines.by_lorentzian_fwhm[m], strength * lines.by_lorentzian_eta[m], high - low)
                for k in range(lorentzian[0, 0]):
                    kind = lorentzian[k + 1, 1]
                    stephens = kind >= _STEPHENS
                    coefficient[k] = tangent * lines.by_stephens[m, kind - _STEPHENS] if stephens else _power(kind, tangent, secant, along)
                _accumulate(jacobian, lorentzian, coefficient, scratch[_BY_WIDTH], low, high)
            if structure.texture[i] >= 0 and rows[structure.texture[i]] >= 0:
                _axpy(jacobian[rows[structure.texture[i]]], scale * unit, scratch[_SHAPE], low, high)
            for a in range(structure.area_parameter.shape[1]):
                parameter = structure.area_parameter[p, a]
                if parameter >= 0 and rows[parameter] >= 0:
                    _axpy(jacobian[rows[parameter]], strength * area_slope[i, a], scratch[_SHAPE], low, high)
            if ratio >= 0 and rows[ratio] >= 0:
                _axpy(jacobian[rows[ratio]], strength / own_weight, scratch[_SHAPE], low, high)
            for a in range(nodes.parameter.size):
                if rows[nodes.parameter[a]] >= 0:
                    _add_spread(two_theta, m, a, lines, nodes, strength, low, high, jacobian[rows[nodes.parameter[a]]])
        add_cells(two_theta, knots, far, parts[p])


@compiled
def _columns(most: int) -> IntArray:
    """(most + 1, 2) a table of parameters: their number in the corner, below it a row of the jacobian and a kind for each."""
    return np.zeros((most + 1, 2), dtype=np.int64)


@compiled
def _add_column(columns: IntArray, rows: IntArray, parameter: int, kind: int) -> None:
    if parameter >= 0 and rows[parameter] >= 0:
        columns[0, 0] += 1
        columns[columns[0, 0], 0], columns[columns[0, 0], 1] = rows[parameter], kind


@compiled
def _position_columns(structure: Structure, p: int, rows: IntArray, columns: IntArray) -> None:
    """The refined parameters that move the lines of phase p."""
    columns[0, 0] = 0
    _add_column(columns, rows, structure.instrument[0], _SHIFT)
    _add_column(columns, rows, structure.instrument[1], _EVENLY)
    # A phase's own displacement moves a line as the common one does.
    _add_column(columns, rows, structure.phase[p, 1], _SHIFT)
    for c in range(6):
        _add_column(columns, rows, structure.cell[p, c], _CELL + c)


@compiled
def _width_columns(structure: Structure, p: int, rows: IntArray, gaussian: IntArray, lorentzian: IntArray) -> None:
    """The refined parameters that widen the lines of phase p: through the square of the Gaussian width, and through the Lorentzian."""
    gaussian[0, 0], lorentzian[0, 0] = 0, 0
    for parameter, kind in ((2, _SQUARE), (3, _TANGENT), (4, _CONSTANT)):
        _add_column(gaussian, rows, structure.instrument[parameter], kind)
    for parameter, kind in ((5, _SECANT), (6, _TANGENT)):
        _add_column(lorentzian, rows, structure.instrument[parameter], kind)
    for parameter, kind in ((2, _SECANT), (3, _TANGENT), (4, _SECANT_ALONG), (5, _TANGENT_ALONG)):
        _add_column(lorentzian, rows, structure.phase[p, parameter], kind)
    for s in range(structure.stephens.shape[1]):
        _add_column(lorentzian, rows, structure.stephens_parameter[p, s], _STEPHENS + s)


@compiled
def _power(kind: int, tangent: float, secant: float, along: float) -> float:
    """How a width parameter of this kind enters at an angle."""
    if kind == _CONSTANT:
        return 1.0
    if kind in (_SECANT, _SECANT_ALONG):
        return secant if kind == _SECANT else secant * along
    if kind == _SQUARE:
        return tangent * tangent
    return tangent if kind == _TANGENT else tangent * along


@compiled
def _fill(
    x: FloatArray, position: float, fwhm: float, eta: float, voigt: bool, offset: FloatArray, weight: FloatArray, scratch: FloatArray
) -> None:
    """The curves of a line at the angles x, in the first rows of the scratch."""
    if offset.size == 1:
        _fill_node(x, position + offset[0], 1.0 / fwhm, weight[0], eta, voigt, scratch, scratch[:_BY_WIDTH])
        return
    scratch[:_BY_WIDTH, : x.size] = 0.0
    for k in range(offset.size):
        _fill_node(x, position + offset[k], 1.0 / fwhm, weight[k], eta, voigt, scratch, scratch[_NODE:])
        for c in range(_BY_WIDTH):
            _axpy(scratch[c], 1.0, scratch[_NODE + c], 0, x.size)


@compiled
def _fill_node(
    x: FloatArray, center: float, inverse: float, weight: float, eta: float, voigt: bool, scratch: FloatArray, curves: FloatArray
) -> None:
    """Shape and slopes of one node. In several small loops, not one: with more arrays in a loop than the compiler can tell apart it is
    not vectorised, and takes several times as long."""
    n = x.size
    distance, fraction, core = scratch[_DISTANCE, :n], scratch[_FRACTION, :n], scratch[_BELL, :n]
    shape, by_position, by_fwhm, by_eta = curves[_SHAPE, :n], curves[_BY_POSITION, :n], curves[_BY_FWHM, :n], curves[_BY_ETA, :n]
    form, slope = line_shape(eta, voigt)
    top, farthest = weight * inverse, CORE_REACH * CORE_REACH
    for j in range(n):
        u = (x[j] - center) * inverse
        distance[j] = u
        fraction[j] = 1.0 / (1.0 + 4.0 * u * u)
    for j in range(n):
        core[j] = bell(min(distance[j] * distance[j], farthest))
    c1, c2, c3, d0, d1, d2 = top * form.c1, top * form.c2, top * form.c3, top * form.d0, top * form.d1, top * form.d2
    for j in range(n):
        f = fraction[j]
        shape[j] = f * (c1 + f * (c2 + f * c3)) + core[j] * (d0 + f * (d1 + f * d2))
    for j in range(n):
        f, b = fraction[j], core[j]
        steep = 8.0 * f * f * (c1 + f * (2.0 * c2 + f * 3.0 * c3) + b * (d1 + f * 2.0 * d2))
        by_position[j] = distance[j] * inverse * (steep + 2.0 * _LN2_4 * b * (d0 + f * (d1 + f * d2)))
    for j in range(n):
        by_fwhm[j] = by_position[j] * distance[j] - shape[j] * inverse
    c1, c2, c3, d0, d1, d2 = top * slope.c1, top * slope.c2, top * slope.c3, top * slope.d0, top * slope.d1, top * slope.d2
    for j in range(n):
        f = fraction[j]
        by_eta[j] = f * (c1 + f * (c2 + f * c3)) + core[j] * (d0 + f * (d1 + f * d2))


@compiled
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
            if -CORE_REACH < u < CORE_REACH:
                b = bell(u * u) * inverse
                core = b * (form.d0 + f * (form.d1 + f * form.d2))
                tail += core
                steep += 2.0 * _LN2_4 * core + 8.0 * f * f * b * (form.d1 + f * 2.0 * form.d2)
            row[j] += by_weight * tail + by_offset * steep * u * inverse


@compiled
def _accumulate(jacobian: FloatArray, columns: IntArray, coefficient: FloatArray, curve: FloatArray, low: int, high: int) -> None:
    """Add the curve to the row of every column, times its coefficient."""
    for k in range(columns[0, 0]):
        _axpy(jacobian[columns[k + 1, 0]], coefficient[k], curve, low, high)


@compiled
def _axpy(row: FloatArray, a: float, x: FloatArray, low: int, high: int) -> None:
    """row[low:high] += a x, x from its first entry on."""
    out = row[low:high]
    for j in range(out.size):
        out[j] += a * x[j]


@compiled
def _mix(scratch: FloatArray, a: float, b: float, count: int) -> None:
    """The curve of widths: a times that of the full width and b times that of η."""
    x, y, out = scratch[_BY_FWHM, :count], scratch[_BY_ETA, :count], scratch[_BY_WIDTH, :count]
    for j in range(count):
        out[j] = a * x[j] + b * y[j]
