"""The hot path of finding: reflections of several spectral lines, their derivatives, and small linear systems, compiled.

Formulas are those of `physics.profile.pseudo_voigt`; a test holds the two together. Each pseudo-Voigt is added in two loops: the
Lorentzian everywhere (a division a point, several points at once), the Gaussian only where it is not nothing.
"""

import math

import numpy as np

from xrdkna.physics.compiled import compiled, compiled_strictly
from xrdkna.records.arrays import BoolArray, FloatArray

_LN2 = math.log(2.0)
_GAUSS_NORM = 2.0 * math.sqrt(math.log(2.0) / math.pi)
_LORENTZ_NORM = 2.0 / math.pi
# exp(−4 ln2 u²) at u = 3.2 is 5e-13 of the top.
_GAUSS_REACH = 3.2
# Where a spectral line would need a sine above one: far from every point.
NOWHERE = 1e9


@compiled
def place_of(centre: float, ratio: float) -> float:
    """Degrees 2θ of the spectral line whose wavelength is `ratio` times that of the line at `centre` (Bragg); NOWHERE if none."""
    if ratio == 1.0:
        return centre
    sine = ratio * math.sin(0.5 * math.radians(centre))
    return 2.0 * math.degrees(math.asin(sine)) if sine < 1.0 else NOWHERE


@compiled
def add_reflections(
    x: FloatArray,
    position: FloatArray,
    area: FloatArray,
    fwhm: FloatArray,
    eta: FloatArray,
    ratios: FloatArray,
    shares: FloatArray,
    faint: float,
    factor: float,
    total: FloatArray,
) -> None:
    """Add `factor` times the reflections (m,) to `total` (n,), tails out to where they fall below `faint` counts.

    The Lorentzian tail at distance d is area·η·Γ/(2π d²); at least 4 and at most 200 full widths are kept.
    """
    for m in range(position.size):
        for k in range(ratios.size):
            place = place_of(position[m], ratios[k])
            if place == NOWHERE:
                continue
            width, size = fwhm[m], area[m] * shares[k]
            reach = math.sqrt(abs(size) * eta[m] * width / (2.0 * math.pi * faint))
            reach = min(max(reach, 4.0 * width), 200.0 * width)
            _add_line(x, place, factor * size, width, eta[m], reach, total)


@compiled
def _add_line(x: FloatArray, place: float, area: float, width: float, eta: float, reach: float, total: FloatArray) -> None:
    s = 4.0 / (width * width)
    lorentz, gauss = area * eta * _LORENTZ_NORM / width, area * (1.0 - eta) * _GAUSS_NORM / width
    for i in range(np.searchsorted(x, place - reach), np.searchsorted(x, place + reach)):
        d = x[i] - place
        total[i] += lorentz / (1.0 + s * d * d)
    core = min(reach, _GAUSS_REACH * width)
    for i in range(np.searchsorted(x, place - core), np.searchsorted(x, place + core)):
        d = x[i] - place
        total[i] += gauss * math.exp(-_LN2 * s * d * d)


@compiled
def add_with_derivatives(
    x: FloatArray,
    centre: float,
    area: float,
    width: float,
    eta: float,
    ratios: FloatArray,
    shares: FloatArray,
    model: FloatArray,
    by_centre: FloatArray,
    by_area: FloatArray,
    by_log_width: FloatArray,
    by_eta: FloatArray,
) -> None:
    """Add one reflection to `model` (n,) and fill the derivatives (n,) by its centre, area, ln FWHM and η."""
    by_centre[:], by_area[:], by_log_width[:], by_eta[:] = 0.0, 0.0, 0.0, 0.0
    s, inverse = 4.0 / (width * width), np.empty(x.size)
    angle = 0.5 * math.radians(centre)
    for k in range(ratios.size):
        place = place_of(centre, ratios[k])
        if place == NOWHERE:
            continue
        slope = ratios[k] * math.cos(angle) / math.cos(0.5 * math.radians(place))
        unit = shares[k] * _LORENTZ_NORM / width
        c_area, c_centre, c_width, c_eta = unit * eta, unit * eta * area * slope * 2.0 * s, unit * eta * area, unit * area
        # Few arrays in each loop, so that the compiler can show that they do not overlap and takes several points at once.
        for i in range(x.size):
            d = x[i] - place
            inverse[i] = 1.0 / (1.0 + s * d * d)
        for i in range(x.size):
            by_area[i] += c_area * inverse[i]
            by_centre[i] += c_centre * (x[i] - place) * inverse[i] * inverse[i]
        for i in range(x.size):
            by_log_width[i] += c_width * inverse[i] * (1.0 - 2.0 * inverse[i])
            by_eta[i] += c_eta * inverse[i]
        unit = shares[k] * _GAUSS_NORM / width
        for i in range(np.searchsorted(x, place - _GAUSS_REACH * width), np.searchsorted(x, place + _GAUSS_REACH * width)):
            d = x[i] - place
            e = _LN2 * s * d * d
            gauss = unit * math.exp(-e)
            by_area[i] += (1.0 - eta) * gauss
            by_centre[i] += (1.0 - eta) * area * slope * gauss * 2.0 * _LN2 * s * d
            by_log_width[i] += (1.0 - eta) * area * gauss * (2.0 * e - 1.0)
            by_eta[i] -= area * gauss
    for i in range(x.size):
        model[i] += area * by_area[i]


@compiled_strictly
def factored(matrix: FloatArray, damping: float, held: BoolArray, factor: FloatArray, scale: FloatArray) -> None:
    """Fill `factor` with the Cholesky factor of the matrix (p, p) on unit diagonal, its diagonal raised by the share `damping`, and
    `scale` (p,) with what brings it there. Parameters that are `held` (p,), or count for nothing, take no part: their scale is 0."""
    p = scale.size
    for i in range(p):
        scale[i] = 1.0 / math.sqrt(matrix[i, i]) if matrix[i, i] > 0.0 and not held[i] else 0.0
        for j in range(i + 1):
            total = matrix[i, j] * scale[i] * scale[j]
            if i == j:
                total *= 1.0 + damping
            for k in range(j):
                total -= factor[i, k] * factor[j, k]
            if i == j:
                factor[i, i] = math.sqrt(total + 1e-10) if total > 0.0 else 1e-5
            else:
                factor[i, j] = total / factor[j, j]


@compiled_strictly
def solved(factor: FloatArray, scale: FloatArray, right: FloatArray, x: FloatArray) -> None:
    """Fill x (p,) with the solution for the right side (p,) from what `factored` left."""
    p = scale.size
    for i in range(p):
        total = right[i] * scale[i]
        for k in range(i):
            total -= factor[i, k] * x[k]
        x[i] = total / factor[i, i]
    for i in range(p - 1, -1, -1):
        total = x[i]
        for k in range(i + 1, p):
            total -= factor[k, i] * x[k]
        x[i] = total / factor[i, i]
    for i in range(p):
        x[i] *= scale[i]


@compiled_strictly
def inverse_diagonal(factor: FloatArray, scale: FloatArray, diagonal: FloatArray) -> None:
    """Fill (p,) the diagonal of the inverse of the matrix that `factored` was given: the squared norms of the columns of L⁻¹."""
    p = scale.size
    column = np.empty(p)
    for c in range(p):
        norm = 0.0
        for i in range(c, p):
            total = 1.0 if i == c else 0.0
            for k in range(c, i):
                total -= factor[i, k] * column[k]
            column[i] = total / factor[i, i]
            norm += column[i] * column[i]
        diagonal[c] = norm * scale[c] * scale[c]
