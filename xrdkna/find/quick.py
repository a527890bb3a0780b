"""A quick look at every place before the filter proper: box-shaped lines, whose sums come from running totals.

A box twelve tenths as wide as a pseudo-Voigt shares nine tenths of its significance, a box for each spectral line the more so; so
a place where no box shows QUICK_SHARE of the threshold holds no line that reaches it (the difference is above five sigmas).
"""

import math

import numpy as np

from xrdkna.find.filter import MARGIN, factored_polynomial, takes_parabola
from xrdkna.physics.compiled import compiled
from xrdkna.records.arrays import FloatArray, IntArray

# Width of a box over the FWHM of the line it stands for.
BOX = 1.2
QUICK_SHARE = 0.45
# Running totals start again after this many windows, so that little is lost in their differences.
RESTART = 4.0


@compiled
def promising_places(
    x: FloatArray,
    signal: FloatArray,
    weight: FloatArray,
    centres: FloatArray,
    base: FloatArray,
    places: FloatArray,
    low: FloatArray,
    high: FloatArray,
    factors: FloatArray,
    shares: FloatArray,
    least: float,
) -> tuple[IntArray, FloatArray]:
    """(c,) rising indices of the centres (m,) where the boxes' significance has a maximum of at least `least`, and that maximum."""
    m = centres.size
    strength = np.zeros(m)
    begin, end = np.zeros((factors.size, shares.size), dtype=np.int64), np.zeros((factors.size, shares.size), dtype=np.int64)
    fit = np.empty(9)
    c = 0
    while c < m:
        scale = MARGIN * base[c]
        stop = c + 1
        while stop < m and centres[stop] - centres[c] < RESTART * scale and base[stop] < 2.0 * base[c]:
            stop += 1
        offset = np.searchsorted(x, (low[c:stop] - MARGIN * base[c:stop]).min())
        beyond = np.searchsorted(x, (high[c:stop] + MARGIN * base[c:stop]).max())
        here = x[offset:beyond]
        if here.size >= 4:
            sums = _running_totals(here, signal[offset:beyond], weight[offset:beyond], centres[c], scale)
            begin[:], end[:] = 0, 0
            first = last = 0
            for i in range(c, stop):
                half = MARGIN * base[i]
                first, last = _moved(here, first, low[i] - half), _moved(here, last, high[i] + half)
                if last - first < 4:
                    continue
                parabola = takes_parabola(centres[i] - here[first], here[last - 1] - centres[i], half, last - first)
                if _window(sums, first, last, parabola, fit):
                    strength[i] = _strongest_box(here, sums, first, last, places[i], shares, base[i], factors, begin, end, fit)
        c = stop
    wanted = np.zeros(m, dtype=np.bool_)
    for i in range(m):
        if strength[i] >= least and (i == 0 or strength[i] >= strength[i - 1]) and (i == m - 1 or strength[i] >= strength[i + 1]):
            wanted[i] = True
    chosen = np.flatnonzero(wanted)
    return chosen, strength[chosen]


@compiled
def _running_totals(x: FloatArray, signal: FloatArray, weight: FloatArray, origin: float, scale: float) -> FloatArray:
    """(n + 1, 8) running totals of w, wu, wu², wu³, wu⁴, ws, wus, wu²s, u the distance from the origin over `scale`."""
    sums = np.empty((x.size + 1, 8))
    sums[0] = 0.0
    for i in range(x.size):
        u, w, s = (x[i] - origin) / scale, weight[i], signal[i]
        wu = w * u
        wuu = wu * u
        before, after = sums[i], sums[i + 1]
        after[0], after[1], after[2] = before[0] + w, before[1] + wu, before[2] + wuu
        after[3], after[4], after[5] = before[3] + wuu * u, before[4] + wuu * u * u, before[5] + w * s
        after[6], after[7] = before[6] + wu * s, before[7] + wuu * s
    return sums


@compiled
def _moved(x: FloatArray, index: int, value: float) -> int:
    """First index with x at least `value`, searched from a near one."""
    while index < x.size and x[index] < value:
        index += 1
    while index > 0 and x[index - 1] >= value:
        index -= 1
    return index


@compiled
def _window(sums: FloatArray, first: int, last: int, parabola: bool, fit: FloatArray) -> bool:
    """The polynomial over the window, see `factored_polynomial`."""
    a, b = sums[first], sums[last]
    return factored_polynomial(
        b[0] - a[0], b[1] - a[1], b[2] - a[2], b[3] - a[3], b[4] - a[4], b[5] - a[5], b[6] - a[6], b[7] - a[7], parabola, fit
    )


@compiled
def _strongest_box(
    x: FloatArray,
    sums: FloatArray,
    first: int,
    last: int,
    places: FloatArray,
    shares: FloatArray,
    base: float,
    factors: FloatArray,
    begin: IntArray,
    end: IntArray,
    fit: FloatArray,
) -> float:
    """The largest significance, over the widths, of a box for each spectral line, the polynomial projected out. begin, end: (k, l) where
    the boxes of the place before lay; moved along."""
    best = 0.0
    for k in range(factors.size):
        half = 0.5 * BOX * base * factors[k]
        t0 = t1 = t2 = tt = tv = 0.0
        for j in range(shares.size):
            if abs(places[j]) > 1e6:
                begin[k, j] = end[k, j] = 0
                continue
            begin[k, j] = min(max(_moved(x, begin[k, j], places[j] - half), first), last)
            end[k, j] = min(max(_moved(x, end[k, j], places[j] + half), first), last)
            a, b, share = sums[begin[k, j]], sums[end[k, j]], shares[j]
            t0 += share * (b[0] - a[0])
            t1 += share * (b[1] - a[1])
            t2 += share * (b[2] - a[2])
            tv += share * (b[5] - a[5])
            tt += share * share * (b[0] - a[0])
            for l in range(j):
                a_both, b_both = max(begin[k, j], begin[k, l]), min(end[k, j], end[k, l])
                if b_both > a_both:
                    tt += 2.0 * share * shares[l] * (sums[b_both, 0] - sums[a_both, 0])
        a0 = t0 / fit[0]
        a1 = (t1 - fit[1] * a0) / fit[2]
        a2 = (t2 - fit[3] * a0 - fit[4] * a1) / fit[5] if fit[5] > 0.0 else 0.0
        left = tt - a0 * a0 - a1 * a1 - a2 * a2
        if tt > 0.0 and left > 0.02 * tt:
            best = max(best, (tv - a0 * fit[6] - a1 * fit[7] - a2 * fit[8]) / math.sqrt(left))
    return best
