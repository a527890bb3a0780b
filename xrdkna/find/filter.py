"""The compiled inner part of the filter: for every place, template and local polynomial against the data."""

import math

import numpy as np

from xrdkna.find.kernel import NOWHERE, place_of
from xrdkna.physics.compiled import compiled
from xrdkna.records.arrays import FloatArray, IntArray

# The local background is looked at this many widths beyond the outermost spectral line.
MARGIN = 7.0
# A template ends here (widths): the rest of a Lorentzian's tail is background to any local polynomial.
TEMPLATE_REACH = 4.0
# A Kβ lies degrees away from its Kα: no local background spans both, so it is left to the model of the stronger line.
NEAR_LINES = 1.5
# Below this many σ nobody asks for the exact law of the noise.
DULL = 2.5
TABLE_STEP = 1.0 / 64.0


@compiled
def spectra(centres: FloatArray, ratios: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """(m, k) angles of the spectral lines of a reflection at each centre, NOWHERE for far ones, and (m,) the lowest and highest near."""
    places = np.empty((centres.size, ratios.size))
    low, high = centres.copy(), centres.copy()
    for c in range(centres.size):
        for j in range(ratios.size):
            place = place_of(centres[c], ratios[j])
            if abs(place - centres[c]) > NEAR_LINES:
                place = NOWHERE
            else:
                low[c], high[c] = min(low[c], place), max(high[c], place)
            places[c, j] = place
    return places, low, high


@compiled
def filter_places(
    x: FloatArray,
    signal: FloatArray,
    weight: FloatArray,
    third: FloatArray,
    chosen: IntArray,
    centres: FloatArray,
    base: FloatArray,
    factors: FloatArray,
    places: FloatArray,
    low: FloatArray,
    high: FloatArray,
    shares: FloatArray,
    table: FloatArray,
    area: FloatArray,
    sigma: FloatArray,
    skew: FloatArray,
) -> None:
    """Fill area, sigma and skew (c, k) for lines at the `chosen` (c,) of centres (m,), of widths base (m,) × factors (k,).

    x, signal, weight (1/variance), third (third central moment): (n,). table: the profile at |u| = 0, TABLE_STEP, … widths.
    places, low, high: from `spectra`.
    """
    template, out, fit = np.empty(x.size), np.empty(3), np.empty(9)
    for row in range(chosen.size):
        c = chosen[row]
        half = MARGIN * base[c]
        first, last = np.searchsorted(x, low[c] - half), np.searchsorted(x, high[c] + half)
        if last - first < 4:
            continue
        middle, span = 0.5 * (low[c] + high[c]), 0.5 * (high[c] - low[c]) + half
        parabola = takes_parabola(centres[c] - x[first], x[last - 1] - centres[c], half, last - first)
        if not _polynomial(x, signal, weight, first, last, middle, span, parabola, fit):
            continue
        for k in range(factors.size):
            width = base[c] * factors[k]
            begin = max(np.searchsorted(x, low[c] - TEMPLATE_REACH * width), first)
            end = min(np.searchsorted(x, high[c] + TEMPLATE_REACH * width), last)
            _draw(x, begin, end, places[c], shares, width, table, template)
            _against(x, signal, weight, third, first, last, begin, end, middle, span, template, fit, out)
            area[row, k], sigma[row, k], skew[row, k] = out[0], out[1], out[2]


@compiled
def takes_parabola(left: float, right: float, half: float, points: int) -> bool:
    """Near an end of the data a parabola could take any line's place: there a straight line is all that is projected out."""
    return left > 0.6 * half and right > 0.6 * half and points > 8


@compiled
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
    """Project the data on a polynomial over points first … last − 1, see `factored_polynomial`."""
    m0 = m1 = m2 = m3 = m4 = v0 = v1 = v2 = 0.0
    inverse = 1.0 / span
    for i in range(first, last):
        u = (x[i] - middle) * inverse
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
    return factored_polynomial(m0, m1, m2, m3, m4, v0, v1, v2, parabola, fit)


@compiled
def factored_polynomial(
    m0: float, m1: float, m2: float, m3: float, m4: float, v0: float, v1: float, v2: float, parabola: bool, fit: FloatArray
) -> bool:
    """Fill `fit` with the Cholesky factor (l00, l10, l11, l20, l21, l22) of the polynomial's normal matrix and the data's
    coordinates (b0, b1, b2); l22 is 0 where no parabola is taken. False when the points cannot carry a straight line."""
    if m0 <= 0.0:
        return False
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


@compiled
def _draw(
    x: FloatArray, begin: int, end: int, places: FloatArray, shares: FloatArray, width: float, table: FloatArray, template: FloatArray
) -> None:
    """Fill template[begin:end] with the reflection's profile, per degree, unit area."""
    finest = 1.0 / (width * TABLE_STEP)
    template[begin:end] = 0.0
    for j in range(places.size):
        a = max(np.searchsorted(x, places[j] - TEMPLATE_REACH * width), begin)
        b = min(np.searchsorted(x, places[j] + TEMPLATE_REACH * width), end)
        share = shares[j] / width
        for i in range(a, b):
            v = abs(x[i] - places[j]) * finest
            index = int(v)
            template[i] += share * (table[index] + (v - index) * (table[index + 1] - table[index]))


@compiled
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
    out[0], out[1], out[2] = 0.0, 1e300, 0.0
    t0 = t1 = t2 = tt = tv = 0.0
    inverse = 1.0 / span
    for i in range(begin, end):
        u = (x[i] - middle) * inverse
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
        u = (x[i] - middle) * inverse
        t = template[i] if begin <= i < end else 0.0
        g = weight[i] * (t - q0 - q1 * u - q2 * u * u)
        cube += g * g * g * third[i]
    out[2] = cube / (left * math.sqrt(left))
