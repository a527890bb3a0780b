"""Humps far wider than any reflection, told from air scatter and slopes."""

import numpy as np

from xrdkna.find.grid import Grid
from xrdkna.find.humps import (
    BASELINE,
    GAUSS,
    covariance_of,
    design_of,
    linear_fit,
    normal_equations,
    refined_humps,
    strongest_place,
    with_slopes,
)
from xrdkna.find.settings import FindSettings
from xrdkna.records.arrays import FloatArray
from xrdkna.records.peaks import Halo
from xrdkna.records.values import Estimate

# Wide enough to be few, fine enough that averaging widens a hump of 3° by less than a thousandth.
BIN = 0.25
# A hump must stand inside the scan by this share of its width on both sides, or it could be any slope.
INSIDE = 0.5
# Unresolved lines and tails of a crowd of reflections leave up to this share of its mean intensity: a halo rises above it.
CROWD_SHARE = 0.2
# Share of the curvature its height and width ask for that the data must show at its top, free of any baseline's shape.
WANTED_CURVATURE = 0.4
# Coefficient of the square when a parabola is fitted to the middle width of a Gaussian of height and FWHM 1, by brute force.
IDEAL_CURVATURE = -2.087
# A place is worth fitting when on the coarse net of places and widths it shows this share of the threshold.
COARSE_SHARE = 0.7
WIDTHS_TRIED = 6
FEWEST_BINS = 20


def find_halos(grid: Grid, lines: FloatArray, settings: FindSettings) -> tuple[Halo, ...]:
    """Humps in what the reflections leave, in rising 2θ. `lines`: (n,) counts of all reflections on the grid.

    A Gaussian on a smooth baseline (parabola and air scatter, 1/θ and 1/θ²), generalised least squares; one at a time, the strongest
    first, then all together. Every convex decay and every slope is refused by its curvature.
    """
    x, y, variance = _bins(grid, grid.intensity - lines, lines)
    if x.size < FEWEST_BINS:
        return ()
    precision = 1.0 / np.sqrt(variance)
    data = y * precision
    crowd = np.r_[0.0, np.cumsum(lines)]
    found = np.empty((0, 2))
    for _ in range(settings.most_halos):
        place = _best_place(x, data, precision, found, settings)
        if place is None:
            break
        trial = refined_humps(x, data, precision, np.vstack([found, place]), 0.5 * settings.halo_fwhm[0], 2.0 * settings.halo_fwhm[1])
        if not _all_hold(grid, crowd, x, data, precision, trial, settings):
            break
        found = trial
    return tuple(sorted(_halos(x, data, precision, found), key=lambda halo: halo.two_theta.value))


def _bins(grid: Grid, rest: FloatArray, lines: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Bin centres, mean, variance of the mean. Points where the reflections outshine the background take part with the
    misfit they leave (5 % of them)."""
    cell = ((grid.two_theta - grid.two_theta[0]) / max(BIN, grid.step)).astype(np.int64)
    point = grid.expected_variance(grid.background + np.maximum(lines, 0.0)) + (0.05 * lines) ** 2
    weight = 1.0 / point
    total = np.bincount(cell, weights=weight)
    filled = total > 0
    x = np.bincount(cell, weights=weight * grid.two_theta)[filled] / total[filled]
    y = np.bincount(cell, weights=weight * rest)[filled] / total[filled]
    return x, y, 1.0 / total[filled]


def _best_place(x: FloatArray, data: FloatArray, precision: FloatArray, found: FloatArray, settings: FindSettings) -> FloatArray | None:
    """(2,) centre and width of the hump that improves the fit most, None when none comes near the threshold."""
    low, high = settings.halo_fwhm
    high = min(high, 0.5 * float(x[-1] - x[0]))
    if high <= low:
        return None
    centre, fwhm, strength = strongest_place(x, data, precision, found, np.geomspace(low, high, WIDTHS_TRIED), INSIDE)
    return np.array([centre, fwhm]) if strength > COARSE_SHARE * settings.halo_threshold else None


def _all_hold(
    grid: Grid, crowd: FloatArray, x: FloatArray, data: FloatArray, precision: FloatArray, humps: FloatArray, settings: FindSettings
) -> bool:
    """Every hump is significant with misfit, high enough, inside the scan, of a halo's width, truly convex upwards at its top, and
    higher than what a crowd of reflections leaves; crowd: (n + 1,) running sum of the reflections' counts."""
    design = design_of(x, precision, humps)
    coefficients, covariance, misfit = _solved(design, data, 2 * len(humps))
    smooth = coefficients @ design / precision
    for k, (centre, fwhm) in enumerate(humps):
        height = float(coefficients[BASELINE + k])
        beneath = float(np.interp(centre, x, smooth)) - height
        inside = x[0] + INSIDE * fwhm < centre < x[-1] - INSIDE * fwhm
        wide = settings.halo_fwhm[0] <= fwhm <= settings.halo_fwhm[1]
        high = height > settings.halo_height * max(beneath, 0.0)
        sure = height > settings.halo_threshold * np.sqrt(covariance[BASELINE + k, BASELINE + k] * misfit)
        first, last = np.searchsorted(grid.two_theta, [centre - 0.5 * fwhm, centre + 0.5 * fwhm])
        clear = height >= CROWD_SHARE * (crowd[last] - crowd[first]) / max(last - first, 1)
        if not (inside and wide and high and sure and clear and _curved(x, data, precision, centre, fwhm, height)):
            return False
    return True


def _curved(x: FloatArray, data: FloatArray, precision: FloatArray, centre: float, fwhm: float, height: float) -> bool:
    """True when a parabola through ± half a width bends down by WANTED_CURVATURE of what the hump asks for, by two sigmas."""
    near = np.abs(x - centre) < 0.5 * fwhm
    if near.sum() < 5:
        return False
    u = (x[near] - centre) / fwhm
    bend, covariance, misfit = _solved(np.vstack([np.ones_like(u), u, u * u]) * precision[near], data[near], 0)
    return bool(bend[2] < WANTED_CURVATURE * IDEAL_CURVATURE * height and bend[2] < -2.0 * np.sqrt(covariance[2, 2] * misfit))


def _solved(design: FloatArray, data: FloatArray, more: int) -> tuple[FloatArray, FloatArray, float]:
    """Coefficients (p,) of the rows, their covariance (p, p), and reduced χ² (at least 1) with `more` parameters besides."""
    coefficients, square = linear_fit(design, data)
    covariance = covariance_of(normal_equations(design, data)[0])
    return coefficients, covariance, max(square / max(data.size - coefficients.size - more, 1), 1.0)


def _halos(x: FloatArray, data: FloatArray, precision: FloatArray, humps: FloatArray) -> list[Halo]:
    if not len(humps):
        return []
    design = design_of(x, precision, humps)
    coefficients, _, misfit = _solved(design, data, 2 * len(humps))
    covariance = misfit * covariance_of(normal_equations(with_slopes(x, design, humps, coefficients), data)[0])
    halos = []
    for i, (centre, fwhm) in enumerate(humps.tolist()):
        k, c = BASELINE + i, coefficients.size + 2 * i
        height = float(coefficients[k])
        unit = float(np.sqrt(np.pi / GAUSS))
        slope = np.zeros(len(covariance))
        slope[k], slope[c + 1] = unit * fwhm, unit * height
        halos.append(
            Halo(
                two_theta=Estimate(value=centre, esd=float(np.sqrt(covariance[c, c])), unit="°"),
                fwhm=Estimate(value=fwhm, esd=float(np.sqrt(covariance[c + 1, c + 1])), unit="°"),
                area=Estimate(value=unit * height * fwhm, esd=float(np.sqrt(slope @ covariance @ slope)), unit="counts·°"),
                snr=float(height / np.sqrt(covariance[k, k])),
            )
        )
    return halos
