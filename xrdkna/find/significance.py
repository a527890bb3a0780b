"""How significant a line would be at every place: generalised least squares on the local background.

The template is a whole reflection, every spectral line of the source in its place by Bragg's law. A local polynomial is
projected out, so neither level nor slope nor curvature of the background counts for a line. The variance is that of the
background (the hypothesis that nothing is there), never that of the peak's own counts.
"""

import math

import numpy as np

from xrdkna.find.filter import MARGIN, TABLE_STEP, TEMPLATE_REACH, filter_places, spectra
from xrdkna.find.grid import Grid
from xrdkna.find.kernel import add_reflections
from xrdkna.find.lines import Lines
from xrdkna.find.quick import QUICK_SHARE, promising_places
from xrdkna.physics.compiled import compiled_strictly
from xrdkna.physics.profile import pseudo_voigt
from xrdkna.records.arrays import FloatArray, IntArray

# The filter's own maximum lies at most this many places from a box's. Where the box shows the first share of the threshold it is
# looked for at once, else only if the filter shows the second share in the same place.
AROUND, SURE_SHARE, NEAR_SHARE = 2, 0.9, 0.7

_OFFSETS = np.arange(0.0, TEMPLATE_REACH + 2 * TABLE_STEP, TABLE_STEP)
# Profiles of η 0 and 1 at these offsets: every other η lies between.
_TABLES = np.stack([pseudo_voigt(_OFFSETS, fwhm=1.0, eta=eta) for eta in (0.0, 1.0)])


def filter_lines(
    grid: Grid,
    *,
    signal: FloatArray,
    level: FloatArray,
    centres: FloatArray,
    base: FloatArray,
    factors: FloatArray,
    eta: float,
    threshold: float | None,
) -> tuple[IntArray, FloatArray, FloatArray, FloatArray]:
    """For lines with widths base (m,) × factors (k,) in degrees: which `centres` (m,) were looked at, (c,) rising indices, and there
    area, its σ and significance, (c, k) each. Places that cannot reach the `threshold` are passed over; with None every place is
    looked at.

    signal: (n,) counts left to explain. level: (n,) counts expected where no line is. Significance follows the counting
    law, see `counting_significance`.
    """
    x, weight, third = grid.two_theta, 1.0 / grid.expected_variance(level), grid.third_moment(level)
    places, low, high = spectra(centres, grid.ratios)
    table = (1.0 - eta) * _TABLES[0] + eta * _TABLES[1]

    def filtered(chosen: IntArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        area = np.zeros((chosen.size, factors.size))
        sigma, skew = np.full_like(area, np.inf), np.zeros_like(area)
        filter_places(x, signal, weight, third, chosen, centres, base, factors, places, low, high, grid.shares, table, area, sigma, skew)
        return area, sigma, counting_significance(area / sigma, skew)

    if threshold is None:
        everywhere = np.arange(centres.size)
        return everywhere, *filtered(everywhere)
    # Boxes are broad: every second place will do for them.
    every = slice(None, None, 2)
    spectrum = (places[every].copy(), low[every].copy(), high[every].copy())
    centre, width, least = centres[every].copy(), base[every].copy(), QUICK_SHARE * threshold
    maxima, strength = promising_places(x, signal, weight, centre, width, *spectrum, factors, grid.shares, least)
    maxima *= 2
    doubtful = strength < SURE_SHARE * threshold
    doubtful[doubtful] = filtered(maxima[doubtful])[2].max(axis=1, initial=0.0) < NEAR_SHARE * threshold
    wanted = np.zeros(centres.size, dtype=np.bool_)
    for offset in range(-AROUND, AROUND + 1):
        wanted[np.clip(maxima[~doubtful] + offset, 0, centres.size - 1)] = True
    chosen = np.flatnonzero(wanted)
    return chosen, *filtered(chosen)


def significances(grid: Grid, lines: Lines, model: FloatArray) -> FloatArray:
    """(m,) of every line of a fit: all others taken away, the noise that of the background and of those others.

    model: (n,) counts of all lines together. A line that is not there at all has significance 0.
    """
    area, sigma, skew = np.zeros(lines.how_many), np.full(lines.how_many, np.inf), np.zeros(lines.how_many)
    _filter_each(grid, lines, model, _TABLES, area, sigma, skew)
    return np.maximum(counting_significance(area / sigma, skew), 0.0)


def counting_significance(z: FloatArray, skewness: FloatArray) -> FloatArray:
    """Significance in sigmas of a sum of weighted counts that lies z standard deviations above its expectation.

    The sum is taken for a scaled Poisson count with the same skewness: B = 1/skewness² counts expected, S = z√B more seen,
    and then √(2[(S + B) ln(1 + S/B) − S]) (Wilks; Li & Ma 1983, Astrophys. J. 272, 317; Cowan et al. 2011, eq. 97).
    """
    r = np.maximum(z * np.abs(skewness), 1e-4)
    counting = np.sqrt(2.0 * np.maximum((1.0 + r) * np.log1p(r) - r, 0.0)) / r * z
    return np.asarray(np.where(z * np.abs(skewness) > 1e-4, counting, z))


@compiled_strictly
def _filter_each(
    grid: Grid, lines: Lines, model: FloatArray, tables: FloatArray, area: FloatArray, sigma: FloatArray, skew: FloatArray
) -> None:
    """`filter_places` for every line (m,) in its own width, on data from which all other lines are taken away."""
    one, only = np.ones(1), np.zeros(1, dtype=np.int64)
    places, low, high = spectra(lines.position, grid.ratios)
    out_area, out_sigma, out_skew = np.zeros((1, 1)), np.zeros((1, 1)), np.zeros((1, 1))
    for m in range(lines.position.size):
        half, part = MARGIN * lines.fwhm[m], slice(m, m + 1)
        first = np.searchsorted(grid.two_theta, low[m] - half)
        last = np.searchsorted(grid.two_theta, high[m] + half)
        x, background = grid.two_theta[first:last], grid.background[first:last]
        position, width = lines.position[part], lines.fwhm[part]
        others = model[first:last].copy()
        add_reflections(x, position, lines.area[part], width, lines.eta[part], grid.ratios, grid.shares, grid.faint, -1.0, others)
        signal = grid.intensity[first:last] - background - others
        weight, third = np.empty(x.size), np.zeros(x.size)
        for i in range(x.size):
            level = max(background[i] + others[i], 0.5 * background[i])
            gain = grid.gain[first + i]
            weight[i] = 1.0 / (gain * level) if grid.poisson else 1.0 / grid.variance[first + i]
            if grid.poisson:
                third[i] = gain * gain * level
        table = (1.0 - lines.eta[m]) * tables[0] + lines.eta[m] * tables[1]
        out_area[0, 0], out_sigma[0, 0], out_skew[0, 0] = 0.0, math.inf, 0.0
        filter_places(
            x,
            signal,
            weight,
            third,
            only,
            position,
            width,
            one,
            places[part],
            low[part],
            high[part],
            grid.shares,
            table,
            out_area,
            out_sigma,
            out_skew,
        )
        area[m], sigma[m], skew[m] = out_area[0, 0], out_sigma[0, 0], out_skew[0, 0]
