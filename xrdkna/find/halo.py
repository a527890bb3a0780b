"""Humps far wider than any reflection, told from air scatter and slopes."""

import numpy as np

from xrdkna.find.grid import Grid
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
GAUSS = 4.0 * np.log(2.0)


def find_halos(grid: Grid, lines: FloatArray, settings: FindSettings) -> tuple[Halo, ...]:
    """Humps in what the reflections leave, in rising 2θ. `lines`: (n,) counts of all reflections on the grid.

    A Gaussian on a smooth baseline (parabola and air scatter, 1/θ and 1/θ²), generalised least squares; one at a time, the strongest
    first, then all together. Every convex decay and every slope is refused by its curvature.
    """
    x, y, variance = _bins(grid, grid.intensity - lines, lines)
    if x.size < 20:
        return ()
    crowd = np.r_[0.0, np.cumsum(lines)]
    found: list[tuple[float, float]] = []
    for _ in range(settings.most_halos):
        place = _best_place(x, y, variance, found, settings)
        if place is None:
            break
        trial = _refined(x, y, variance, [*found, place], settings)
        if not _all_hold(x, y, variance, trial, settings) or _is_crowd(grid, crowd, x, y, variance, trial):
            break
        found = trial
    return tuple(sorted(_halos(x, y, variance, found), key=lambda halo: halo.two_theta.value))


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


def _baseline(x: FloatArray) -> FloatArray:
    u = 2.0 * (x - x[0]) / (x[-1] - x[0]) - 1.0
    air = max(float(x[0]), 1.0) / np.maximum(x, 1.0)
    return np.stack([np.ones_like(u), u, u * u, air, air * air])


def _hump(x: FloatArray, centre: float, fwhm: float) -> FloatArray:
    return np.asarray(np.exp(-GAUSS * ((x - centre) / fwhm) ** 2))


def _solved(x: FloatArray, y: FloatArray, variance: FloatArray, humps: list[tuple[float, float]]) -> tuple[FloatArray, FloatArray, float]:
    """Coefficients (5 + h,), of baseline and humps' heights, their covariance, and reduced χ² (at least 1)."""
    design = np.vstack([_baseline(x), *[_hump(x, *hump)[None] for hump in humps]]) / np.sqrt(variance)
    size = np.sqrt((design**2).sum(axis=1))
    normal = (design / size[:, None]) @ (design / size[:, None]).T + 1e-10 * np.eye(size.size)
    inverse = np.linalg.inv(normal)
    data = y / np.sqrt(variance)
    coefficients = inverse @ ((design / size[:, None]) @ data) / size
    residual = data - coefficients @ design
    misfit = float((residual**2).sum()) / max(x.size - size.size - 2 * len(humps), 1)
    return coefficients, inverse / np.outer(size, size), max(misfit, 1.0)


def _best_place(
    x: FloatArray, y: FloatArray, variance: FloatArray, found: list[tuple[float, float]], settings: FindSettings
) -> tuple[float, float] | None:
    """Centre and width of the hump that improves the fit most, None when none reaches the threshold."""
    low, high = settings.halo_fwhm
    high = min(high, 0.5 * float(x[-1] - x[0]))
    if high <= low:
        return None
    design = np.vstack([_baseline(x), *[_hump(x, *hump)[None] for hump in found]]) / np.sqrt(variance)
    basis, _ = np.linalg.qr(design.T)
    data = y / np.sqrt(variance)
    rest = data - basis @ (basis.T @ data)
    places = []
    for fwhm in np.geomspace(low, high, 6):
        edge = INSIDE * fwhm
        centres = np.arange(x[0] + edge, x[-1] - edge + 1e-9, fwhm / 4.0)
        places += [(float(centre), float(fwhm)) for centre in centres]
    if not places:
        return None
    table = np.array(places)
    humps = np.exp(-GAUSS * ((x - table[:, :1]) / table[:, 1:]) ** 2) / np.sqrt(variance)
    humps -= (humps @ basis) @ basis.T
    strength = (humps @ rest) / np.sqrt(np.maximum((humps**2).sum(axis=1), 1e-30))
    best = int(np.argmax(strength))
    return places[best] if strength[best] > 0.7 * settings.halo_threshold else None


def _refined(
    x: FloatArray, y: FloatArray, variance: FloatArray, humps: list[tuple[float, float]], settings: FindSettings
) -> list[tuple[float, float]]:
    """Centres and widths by damped Gauss–Newton, heights and baseline solved within."""
    now = list(humps)
    damping = 1e-2
    coefficients, _, _ = _solved(x, y, variance, now)
    value = _misfit(x, y, variance, now, coefficients)
    for _ in range(20):
        normal, gradient = _linearised(x, y, variance, now, coefficients)
        step = np.linalg.solve(normal + damping * np.diag(np.diag(normal) + 1e-30), gradient)[-2 * len(now) :].reshape(-1, 2)
        trial = []
        for (centre, fwhm), (shift, growth) in zip(now, step, strict=True):
            moved = centre + float(np.clip(shift, -0.3 * fwhm, 0.3 * fwhm))
            wider = fwhm * float(np.exp(np.clip(growth / fwhm, -0.3, 0.3)))
            trial.append(
                (float(np.clip(moved, x[0], x[-1])), float(np.clip(wider, 0.5 * settings.halo_fwhm[0], 2.0 * settings.halo_fwhm[1])))
            )
        new, _, _ = _solved(x, y, variance, trial)
        reached = _misfit(x, y, variance, trial, new)
        if reached > value:
            damping *= 10.0
            continue
        gain, now, coefficients, value, damping = value - reached, trial, new, reached, max(damping * 0.2, 1e-8)
        if gain < 1e-4 * max(value, 1.0):
            break
    return now


def _misfit(x: FloatArray, y: FloatArray, variance: FloatArray, humps: list[tuple[float, float]], coefficients: FloatArray) -> float:
    design = np.vstack([_baseline(x), *[_hump(x, *hump)[None] for hump in humps]])
    return float(((y - coefficients @ design) ** 2 / variance).sum())


def _linearised(
    x: FloatArray, y: FloatArray, variance: FloatArray, humps: list[tuple[float, float]], coefficients: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Normal matrix and gradient for baseline, heights, then centre and FWHM of each hump."""
    shapes = [_hump(x, *hump) for hump in humps]
    top = coefficients[-len(humps) :]
    slopes = []
    for (centre, fwhm), shape, height in zip(humps, shapes, top, strict=True):
        u = (x - centre) / fwhm
        slopes += [height * shape * 2.0 * GAUSS * u / fwhm, height * shape * 2.0 * GAUSS * u * u / fwhm]
    linear = np.vstack([_baseline(x), *[shape[None] for shape in shapes]])
    jacobian = np.vstack([linear, *[slope[None] for slope in slopes]]) / np.sqrt(variance)
    return jacobian @ jacobian.T, jacobian @ ((y - coefficients @ linear) / np.sqrt(variance))


def _all_hold(x: FloatArray, y: FloatArray, variance: FloatArray, humps: list[tuple[float, float]], settings: FindSettings) -> bool:
    """Every hump is significant with misfit, high enough, inside the scan, of a halo's width, and truly convex upwards at its top."""
    coefficients, covariance, misfit = _solved(x, y, variance, humps)
    for i, (centre, fwhm) in enumerate(humps):
        place = len(coefficients) - len(humps) + i
        height = float(coefficients[place])
        beneath = float(np.interp(centre, x, coefficients @ np.vstack([_baseline(x), *[_hump(x, *h)[None] for h in humps]]))) - height
        inside = x[0] + INSIDE * fwhm < centre < x[-1] - INSIDE * fwhm
        wide = settings.halo_fwhm[0] <= fwhm <= settings.halo_fwhm[1]
        high = height > settings.halo_height * max(beneath, 0.0)
        sure = height > settings.halo_threshold * np.sqrt(covariance[place, place] * misfit)
        if not (inside and wide and high and sure and _curved(x, y, variance, centre, fwhm, height)):
            return False
    return True


def _is_crowd(grid: Grid, crowd: FloatArray, x: FloatArray, y: FloatArray, variance: FloatArray, humps: list[tuple[float, float]]) -> bool:
    """True when a hump is no higher than what a crowd of reflections leaves; crowd: (n + 1,) running sum of their counts."""
    coefficients, _, _ = _solved(x, y, variance, humps)
    for (centre, fwhm), height in zip(humps, coefficients[-len(humps) :], strict=True):
        first, last = np.searchsorted(grid.two_theta, [centre - 0.5 * fwhm, centre + 0.5 * fwhm])
        if height < CROWD_SHARE * (crowd[last] - crowd[first]) / max(last - first, 1):
            return True
    return False


def _curved(x: FloatArray, y: FloatArray, variance: FloatArray, centre: float, fwhm: float, height: float) -> bool:
    """True when a parabola through ± half a width bends down by WANTED_CURVATURE of what the hump asks for, by two sigmas."""
    near = np.abs(x - centre) < 0.5 * fwhm
    if near.sum() < 5:
        return False
    u = (x[near] - centre) / fwhm
    design = np.vstack([np.ones_like(u), u, u * u]) / np.sqrt(variance[near])
    covariance = np.linalg.inv(design @ design.T)
    bend = covariance @ (design @ (y[near] / np.sqrt(variance[near])))
    residual = y[near] / np.sqrt(variance[near]) - bend @ design
    misfit = max(float((residual**2).sum()) / (u.size - 3), 1.0)
    ideal = np.polyfit(u, _hump(u, 0.0, 1.0), 2)[0] * height
    return bool(bend[2] < WANTED_CURVATURE * ideal and bend[2] < -2.0 * np.sqrt(covariance[2, 2] * misfit))


def _halos(x: FloatArray, y: FloatArray, variance: FloatArray, humps: list[tuple[float, float]]) -> list[Halo]:
    if not humps:
        return []
    coefficients, _, misfit = _solved(x, y, variance, humps)
    normal, _ = _linearised(x, y, variance, humps, coefficients)
    size = np.sqrt(np.diag(normal))
    covariance = np.linalg.inv(normal / np.outer(size, size) + 1e-10 * np.eye(size.size)) / np.outer(size, size) * misfit
    halos = []
    for i, (centre, fwhm) in enumerate(humps):
        k, c = coefficients.size - len(humps) + i, coefficients.size + 2 * i
        height = float(coefficients[k])
        unit = float(np.sqrt(np.pi / GAUSS))
        slope = np.zeros(size.size)
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
