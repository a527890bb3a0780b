"""How significant a line would be at every place: generalised least squares on the local background.

The template is a whole reflection, every spectral line of the source in its place by Bragg's law. A local polynomial is
projected out, so neither level nor slope nor curvature of the background counts for a line. The variance is that of the
background (the hypothesis that nothing is there), never that of the peak's own counts.
"""

import numpy as np

from xrdkna.find.filter import TABLE_STEP, TEMPLATE_REACH, filter_each, filter_places
from xrdkna.find.grid import Grid
from xrdkna.find.lines import Lines, spectral_positions
from xrdkna.physics.profile import pseudo_voigt
from xrdkna.records.arrays import FloatArray

_OFFSETS = np.arange(0.0, TEMPLATE_REACH + 2 * TABLE_STEP, TABLE_STEP)


def filter_lines(
    grid: Grid, *, signal: FloatArray, level: FloatArray, centres: FloatArray, base: FloatArray, factors: FloatArray, eta: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """For lines at `centres` (m,) with widths base (m,) × factors (k,) in degrees: area, its σ and significance, (m, k) each.

    signal: (n,) counts left to explain. level: (n,) counts expected where no line is. Significance follows the counting
    law, see `counting_significance`.
    """
    area = np.zeros((centres.size, factors.size))
    sigma, skew = np.full_like(area, np.inf), np.zeros_like(area)
    table = pseudo_voigt(_OFFSETS, fwhm=1.0, eta=eta)
    weight, third = 1.0 / grid.expected_variance(level), grid.third_moment(level)
    filter_places(grid.two_theta, signal, weight, third, centres, base, factors, grid.ratios, grid.shares, table, area, sigma, skew)
    return area, sigma, counting_significance(area / sigma, skew)


def significances(grid: Grid, lines: Lines, model: FloatArray) -> FloatArray:
    """(m,) of every line of a fit: all others taken away, the noise that of the background and of those others.

    model: (n,) counts of all lines together. A line that is not there at all has significance 0.
    """
    if not lines.count:
        return np.empty(0)
    area, sigma, skew = np.zeros(lines.count), np.full(lines.count, np.inf), np.zeros(lines.count)
    places = spectral_positions(lines.position, grid.ratios)
    tables = np.stack([pseudo_voigt(_OFFSETS, fwhm=1.0, eta=eta) for eta in (0.0, 1.0)])
    data = (grid.two_theta, grid.intensity, grid.background, model, grid.gain, grid.variance, grid.poisson)
    shape = (lines.position, lines.area, lines.fwhm, lines.eta, places, grid.ratios, grid.shares, tables)
    filter_each(*data, *shape, area, sigma, skew)
    return np.maximum(counting_significance(area / sigma, skew), 0.0)


def counting_significance(z: FloatArray, skewness: FloatArray) -> FloatArray:
    """Significance in sigmas of a sum of weighted counts that lies z standard deviations above its expectation.

    The sum is taken for a scaled Poisson count with the same skewness: B = 1/skewness² counts expected, S = z√B more seen,
    and then √(2[(S + B) ln(1 + S/B) − S]) (Wilks; Li & Ma 1983, Astrophys. J. 272, 317; Cowan et al. 2011, eq. 97).
    """
    r = np.clip(z * np.abs(skewness), 1e-4, None)
    counting = np.sqrt(2.0 * np.maximum((1.0 + r) * np.log1p(r) - r, 0.0)) / r * z
    return np.asarray(np.where(z * np.abs(skewness) > 1e-4, counting, z))
