"""The hot path: many pseudo-Voigt lines and all their derivatives, in one compiled pass over windowed points.

Compiled by numba at first use and cached on disk. The formulas are those of `profile.pseudo_voigt`; a test holds the two
together.
"""

import math

import numpy as np

from xrdkna.physics.compiled import compiled
from xrdkna.records.arrays import FloatArray, IntArray

_LN2_4 = 4.0 * math.log(2.0)
_GAUSS_NORM = 2.0 * math.sqrt(math.log(2.0) / math.pi)
_LORENTZ_NORM = 2.0 / math.pi
# exp(−4 ln2 u²) at u = 3.2 is 5e-13 of the top: beyond it the Gaussian is nothing, and exp is the dear part
_GAUSS_REACH = 3.2


@compiled
def add_lines(
    two_theta: FloatArray,
    position: FloatArray,
    area: FloatArray,
    fwhm: FloatArray,
    eta: FloatArray,
    reach: FloatArray,
    total: FloatArray,
) -> None:
    """Add to `total` (n,) the lines (m,): area · pseudo-Voigt(2θ − position; fwhm, eta) within ± `reach` degrees."""
    n = two_theta.size
    for line in range(position.size):
        center, width, mix = position[line], fwhm[line], eta[line]
        first = np.searchsorted(two_theta, center - reach[line])
        last = np.searchsorted(two_theta, center + reach[line])
        lorentz = area[line] * mix * _LORENTZ_NORM / width
        gauss = area[line] * (1.0 - mix) * _GAUSS_NORM / width
        for j in range(first, min(last, n)):
            u = (two_theta[j] - center) / width
            value = lorentz / (1.0 + 4.0 * u * u)
            if -_GAUSS_REACH < u < _GAUSS_REACH:
                value += gauss * math.exp(-_LN2_4 * u * u)
            total[j] += value


@compiled
def add_lines_with_derivatives(
    two_theta: FloatArray,
    position: FloatArray,
    area: FloatArray,
    fwhm: FloatArray,
    eta: FloatArray,
    reach: FloatArray,
    column: IntArray,
    d_area: FloatArray,
    d_position: FloatArray,
    d_fwhm: FloatArray,
    d_eta: FloatArray,
    total: FloatArray,
    jacobian: FloatArray,
) -> None:
    """As `add_lines`, and add to `jacobian` (p, n) the derivatives of the total.

    column: (m, k) row of the jacobian each of the k parameters of a line goes to, −1 for none; d_…: (m, k) how area,
    position, fwhm and eta of the line change with that parameter.
    """
    n = two_theta.size
    shape = np.empty(n)
    by_position = np.empty(n)
    by_fwhm = np.empty(n)
    by_eta = np.empty(n)
    for line in range(position.size):
        center, width, mix, size = position[line], fwhm[line], eta[line], area[line]
        first = np.searchsorted(two_theta, center - reach[line])
        last = min(np.searchsorted(two_theta, center + reach[line]), n)
        if last <= first:
            continue
        for j in range(first, last):
            u = (two_theta[j] - center) / width
            inverse = 1.0 / (1.0 + 4.0 * u * u)
            lorentz = _LORENTZ_NORM / width * inverse
            gauss = 0.0
            if -_GAUSS_REACH < u < _GAUSS_REACH:
                gauss = _GAUSS_NORM / width * math.exp(-_LN2_4 * u * u)
            value = mix * lorentz + (1.0 - mix) * gauss
            slope = (mix * lorentz * 8.0 * inverse + (1.0 - mix) * gauss * 2.0 * _LN2_4) * u / width
            shape[j] = value
            by_position[j] = size * slope
            by_fwhm[j] = size * (slope * u - value / width)
            by_eta[j] = size * (lorentz - gauss)
            total[j] += size * value
        for k in range(column.shape[1]):
            row = column[line, k]
            if row < 0:
                continue
            ca, cp, ch, ce = d_area[line, k], d_position[line, k], d_fwhm[line, k], d_eta[line, k]
            for j in range(first, last):
                jacobian[row, j] += ca * shape[j] + cp * by_position[j] + ch * by_fwhm[j] + ce * by_eta[j]


def line_reach(
    area: FloatArray, fwhm: FloatArray, eta: FloatArray, *, tolerance: float, narrowest: float = 4.0, widest: float = 60.0
) -> FloatArray:
    """(m,) degrees to either side beyond which a line stays below `tolerance` counts.

    The Lorentzian tail at distance x is area·η·Γ/(2π x²); at least `narrowest` and at most `widest` full widths are kept.
    """
    tail = np.sqrt(np.maximum(np.abs(area) * eta * fwhm, 0.0) / (2.0 * np.pi * tolerance))
    return np.asarray(np.clip(tail, narrowest * fwhm, widest * fwhm))
