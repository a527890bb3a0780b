"""The compiled inner part of the filter: for every place, template and local polynomial against the data."""

import math

import numpy as np
from numba import njit

from xrdkna.physics.kernel import add_lines
from xrdkna.records.arrays import FloatArray

# The local background is looked at this many widths beyond the outermost spectral line.
MARGIN = 7.0
# A template ends here (widths): the rest of a Lorentzian's tail is background to any local polynomial.
TEMPLATE_REACH = 4.0
# A Kβ lies degrees away from its Kα: no local background spans both, so it is left to the model of the stronger line.
NEAR_LINES = 1.5
# Below this many σ nobody asks for the exact law of the noise.
DULL = 2.5
TABLE_STEP = 1.0 / 64.0


@njit(cache=True, fastmath=True, boundscheck=False)
def filter_places(
    x: FloatArray,
    signal: FloatArray,
    weight: FloatArray,
    third: FloatArray,
    centres: FloatArray,
    base: FloatArray,
    factors: FloatArray,
    ratios: FloatArray,
    shares: FloatArray,
    table: FloatArray,
    area: FloatArray,
    sigma: FloatArray,
    skew: FloatArray,
) -> None:
    """Fill area, sigma and skew (m, k) for lines at centres (m,) of widths base (m,) × factors (k,).

    x, signal, weight (1/variance), third (third central moment): (n,). table: the profile at |u| = 0, TABLE_STEP, … widths.
    """
    places, template, out = np.empty(ratios.size), np.empty(x.size), np.empty(3)
    fit = np.empty(9)
    for c in range(centres.size):
        low, high = _spectrum(centres[c], ratios, places)
        half = MARGIN * base[c]
        first, last = np.searchsorted(x, low - half), np.searchsorted(x, high + half)
        if last - first < 4:
            continue
        middle, span = 0.5 * (low + high), 0.5 * (high - low) + half
        # Near an end of the data a parabola could take any line's place: there a straight line is all that is projected out.
        parabola = centres[c] - x[first] > 0.6 * half and x[last - 1] - centres[c] > 0.6 * half and last - first > 8
        if not _polynomial(x, signal, weight, first, last, middle, span, parabola, fit):
            continue
        for k in range(factors.size):
            width = base[c] * factors[k]
            begin = np.searchsorted(x, low - TEMPLATE_REACH * width)
            end = np.searchsorted(x, high + TEMPLATE_REACH * width)
            begin, end = max(begin, first), min(end, last)
            _draw(x, begin, end, places, shares, width, table, template)
            _against(x, signal, weight, third, first, last, begin, end, middle, span, template, fit, out)
            area[c, k], sigma[c, k], skew[c, k] = out[0], out[1], out[2]


@njit(cache=True, fastmath=True, boundscheck=False)
def filter_each(
    x: FloatArray,
    y: FloatArray,
    background: FloatArray,
    model: FloatArray,
    gain: FloatArray,
    variance: FloatArray,
    poisson: bool,
    position: FloatArray,
    size: FloatArray,
    fwhm: FloatArray,
    eta: FloatArray,
    places: FloatArray,
    ratios: FloatArray,
    shares: FloatArray,
    tables: FloatArray,
    area: FloatArray,
    sigma: FloatArray,
    skew: FloatArray,
) -> None:
    """`filter_places` for every fitted line (m,) in its own width, on data from which all other lines are taken away.

    tables: (2, t) profiles of η 0 and 1. Noise is that of background and other lines.
    """
    lines = ratios.size
    one, far = np.ones(1), np.full(lines, 1e9)
    out_area, out_sigma, out_skew = np.zeros((1, 1)), np.zeros((1, 1)), np.zeros((1, 1))
    for m in range(position.size):
        reach = (MARGIN + 1.0) * fwhm[m] + NEAR_LINES
        first, last = np.searchsorted(x, position[m] - reach), np.searchsorted(x, position[m] + reach)
        here = x[first:last]
        own = np.zeros(here.size)
        add_lines(here, places[m], size[m] * shares, np.full(lines, fwhm[m]), np.full(lines, eta[m]), far, own)
        signal, weight, third = np.empty(here.size), np.empty(here.size), np.zeros(here.size)
        for i in range(here.size):
            j = first + i
            others = model[j] - own[i]
            signal[i] = y[j] - background[j] - others
            level = max(background[j] + others, 0.5 * background[j])
            weight[i] = 1.0 / (gain[j] * level) if poisson else 1.0 / variance[j]
            if poisson:
                third[i] = gain[j] * gain[j] * level
        out_area[0, 0], out_sigma[0, 0], out_skew[0, 0] = 0.0, np.inf, 0.0
        table = (1.0 - eta[m]) * tables[0] + eta[m] * tables[1]
        centre, width = position[m : m + 1], fwhm[m : m + 1]
        filter_places(here, signal, weight, third, centre, width, one, ratios, shares, table, out_area, out_sigma, out_skew)
        area[m], sigma[m], skew[m] = out_area[0, 0], out_sigma[0, 0], out_skew[0, 0]


@njit(cache=True, fastmath=True, boundscheck=False)
def _spectrum(centre: float, ratios: FloatArray, places: FloatArray) -> tuple[float, float]:
    """Fill places (k,) with the spectral lines' angles (1e9 for far ones); return the lowest and highest near one."""
    sine = math.sin(math.radians(centre) / 2.0)
    low, high = centre, centre
    for j in range(ratios.size):
        value = ratios[j] * sine
        places[j] = 2.0 * math.degrees(math.asin(value)) if value < 1.0 else 1e9
        if abs(places[j] - centre) > NEAR_LINES:
            places[j] = 1e9
        else:
            low, high = min(low, places[j]), max(high, places[j])
    return low, high


@njit(cache=True, fastmath=True, boundscheck=False)
def _polynomial(
    x: FloatArray,
    signal: FloatArray,
    weight: FloatArray,
    first: int,
    last: int,
    middle: float,
    span: float,
    parabola: bool,
    fit: FloatArray,
) -> bool:
    """Fill `fit` with the Cholesky factor (l00, l10, l11, l20, l21, l22) of the polynomial's normal matrix and the data's
    coordinates (b0, b1, b2); l22 is 0 where no parabola is taken. False when the points cannot carry a straight line."""
    m0 = m1 = m2 = m3 = m4 = v0 = v1 = v2 = 0.0
    for i in range(first, last):
        u = (x[i] - middle) / span
        w = weight[i]
        wu = w * u
        wuu = wu * u
        m0 += w
        m1 += wu
        m2 += wuu
        m3 += wuu * u
        m4 += wuu * u * u
        v0 += w * signal[i]
        v1 += wu * signal[i]
        v2 += wuu * signal[i]
    l00 = math.sqrt(m0)
    l10, l20 = m1 / l00, m2 / l00
    rest = m2 - l10 * l10
    if rest <= 1e-12 * m0:
        return False
    l11 = math.sqrt(rest)
    l21 = (m3 - l20 * l10) / l11
    rest = m4 - l20 * l20 - l21 * l21
    l22 = math.sqrt(rest) if parabola and rest > 1e-12 * m0 else 0.0
    b0 = v0 / l00
    b1 = (v1 - l10 * b0) / l11
    b2 = (v2 - l20 * b0 - l21 * b1) / l22 if l22 > 0.0 else 0.0
    fit[0], fit[1], fit[2], fit[3], fit[4], fit[5], fit[6], fit[7], fit[8] = l00, l10, l11, l20, l21, l22, b0, b1, b2
    return True


@njit(cache=True, fastmath=True, boundscheck=False)
def _draw(
    x: FloatArray, begin: int, end: int, places: FloatArray, shares: FloatArray, width: float, table: FloatArray, template: FloatArray
) -> None:
    """Fill template[begin:end] with the reflection's profile, per degree, unit area."""
    for i in range(begin, end):
        total = 0.0
        for j in range(places.size):
            v = abs(x[i] - places[j]) / width
            if v < TEMPLATE_REACH:
                index = int(v / TABLE_STEP)
                part = v / TABLE_STEP - index
                total += shares[j] * (table[index] + part * (table[index + 1] - table[index]))
        template[i] = total / width


@njit(cache=True, fastmath=True, boundscheck=False)
def _against(
    x: FloatArray,
    signal: FloatArray,
    weight: FloatArray,
    third: FloatArray,
    first: int,
    last: int,
    begin: int,
    end: int,
    middle: float,
    span: float,
    template: FloatArray,
    fit: FloatArray,
    out: FloatArray,
) -> None:
    """Fill `out` with area, σ and skewness of the estimate; (0, ∞, 0) where the polynomial can do all that the template does."""
    out[0], out[1], out[2] = 0.0, np.inf, 0.0
    t0 = t1 = t2 = tt = tv = 0.0
    for i in range(begin, end):
        u = (x[i] - middle) / span
        wt = weight[i] * template[i]
        t0 += wt
        t1 += wt * u
        t2 += wt * u * u
        tt += wt * template[i]
        tv += wt * signal[i]
    l00, l10, l11, l20, l21, l22 = fit[0], fit[1], fit[2], fit[3], fit[4], fit[5]
    a0 = t0 / l00
    a1 = (t1 - l10 * a0) / l11
    a2 = (t2 - l20 * a0 - l21 * a1) / l22 if l22 > 0.0 else 0.0
    left = tt - a0 * a0 - a1 * a1 - a2 * a2
    if left <= 0.02 * tt or tt <= 0.0:
        return
    out[0] = (tv - a0 * fit[6] - a1 * fit[7] - a2 * fit[8]) / left
    out[1] = 1.0 / math.sqrt(left)
    if out[0] < DULL * out[1]:
        return
    # What the polynomial takes of the template, back from the factored coordinates.
    q2 = a2 / l22 if l22 > 0.0 else 0.0
    q1 = (a1 - l21 * q2) / l11
    q0 = (a0 - l10 * q1 - l20 * q2) / l00
    cube = 0.0
    for i in range(first, last):
        u = (x[i] - middle) / span
        t = template[i] if begin <= i < end else 0.0
        g = weight[i] * (t - q0 - q1 * u - q2 * u * u)
        cube += g * g * g * third[i]
    out[2] = cube / (left * math.sqrt(left))
