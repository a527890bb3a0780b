"""Lines in what a whole-pattern fit leaves over: a matched filter on the residual, in well under a millisecond a thousand points."""

import math

import numpy as np
from scipy.ndimage import gaussian_filter1d, maximum_filter1d, uniform_filter1d

from xrdkna.physics.bragg import d_from_two_theta
from xrdkna.physics.compiled import compiled
from xrdkna.records.arrays import FloatArray, IntArray
from xrdkna.records.instrument import Radiation
from xrdkna.records.peaks import Peak
from xrdkna.records.values import Estimate

# A template ends here (widths): further out a line is background.
_REACH = 2.5
# Misfit is judged over this many widths (see `refine.noise`): what misses coherently all around is no line.
_MISFIT_WIDTHS = 12.0
# A strong line's profile is known to this share of its height: what it leaves is not a second line.
_SYSTEMATIC = 0.03
# Gaussian: what two neighbouring lines have in common falls off fast, and no tail is mistaken for a line.
# A line of a doublet shows in the first look with at least this share of its significance.
_PROMISING = 0.55
_LN2_4 = 4.0 * math.log(2.0)


def residual_peaks(
    two_theta: FloatArray,
    residual: FloatArray,
    variance: FloatArray,
    lines: FloatArray,
    *,
    fwhm: float,
    radiation: Radiation,
    threshold: float,
) -> tuple[Peak, ...]:
    """Positive lines of the residual at or above `threshold` sigmas, by rising 2θ; nearer than one width the strongest alone.

    two_theta, residual, variance: (n,) degrees, counts, counts². lines: (n,) calculated counts of all reflections, without the smooth
    part. fwhm: degrees, of a usual line. Position and area are as the filter has them (North 1963, Proc. IEEE 51, 1016); the esd of
    a position is that of a Gaussian line of known width (Kay 1993, ch. 3).
    """
    n = two_theta.size
    if n < 8:
        return ()
    step = float(np.median(np.diff(two_theta)))
    doubted = variance + (_SYSTEMATIC * lines) ** 2
    pulls = residual / np.sqrt(doubted)
    points = int(np.clip(round(_MISFIT_WIDTHS * fwhm / step), 15, max(n // 4, 15)))
    misfit = np.maximum(uniform_filter1d(pulls**2, points, mode="nearest") - 2.0 * np.sqrt(2.0 / points), 1.0)
    weight = 1.0 / (doubted * misfit)
    ratios = np.array([line.wavelength for line in radiation.lines]) / radiation.wavelength
    shares = np.array([line.weight for line in radiation.lines])
    # A look without Kα₂ and local level, on points instead of degrees, finds where the exact one is worth its time.
    width = max(fwhm / 2.355 / step, 0.5)
    first_look = gaussian_filter1d(residual * np.sqrt(weight), width, mode="nearest", truncate=3.0) * math.sqrt(
        2.0 * width * math.sqrt(math.pi)
    )
    promising = np.flatnonzero(maximum_filter1d(first_look, 3) >= _PROMISING * threshold)
    area, sigma = _filtered(two_theta, residual, weight, promising, fwhm, ratios, shares / shares.sum())
    z = area / sigma
    places = np.flatnonzero(z >= threshold)
    kept: list[int] = []
    for i in places[np.argsort(-z[places])]:
        if all(abs(two_theta[i] - two_theta[j]) > fwhm for j in kept):
            kept.append(int(i))
    return tuple(_peak(two_theta, area, sigma, z, i, fwhm, step, radiation.wavelength) for i in sorted(kept))


def _peak(
    two_theta: FloatArray, area: FloatArray, sigma: FloatArray, z: FloatArray, i: int, fwhm: float, step: float, wavelength: float
) -> Peak:
    where = float(two_theta[i])
    if 0 < i < z.size - 1 and (bend := z[i - 1] - 2.0 * z[i] + z[i + 1]) < 0.0:
        where += 0.5 * step * float((z[i - 1] - z[i + 1]) / bend)
    esd = fwhm / 2.355 / float(z[i]) * math.sqrt(2.0)
    d = float(d_from_two_theta(np.array(where), wavelength=wavelength))
    d_esd = d * math.radians(esd) / 2.0 / math.tan(math.radians(where) / 2.0)
    return Peak(
        two_theta=Estimate(value=where, esd=esd, unit="°"),
        d_spacing=Estimate(value=d, esd=d_esd, unit="Å"),
        area=Estimate(value=float(area[i]), esd=float(sigma[i]), unit="counts·°"),
        fwhm=Estimate(value=fwhm, esd=None, unit="°"),
        eta=0.0,
        snr=float(z[i]),
        background=0.0,
    )


@compiled
def _filtered(
    two_theta: FloatArray, residual: FloatArray, weight: FloatArray, chosen: IntArray, fwhm: float, ratios: FloatArray, shares: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """(n,) area and its σ of a Gaussian line with its spectral lines at the chosen (c,) points, on a level of its own; none elsewhere."""
    n = two_theta.size
    area, sigma = np.zeros(n), np.full(n, 1e30)
    template = np.zeros(n)
    norm = 2.0 * math.sqrt(math.log(2.0) / math.pi) / fwhm
    first, last = 0, 0
    for i in chosen:
        place = two_theta[i]
        half = math.sin(math.radians(0.5 * place))
        high = place
        for ratio in ratios:
            if half * ratio < 1.0 and abs(ratio - 1.0) < 0.01:
                high = max(high, 2.0 * math.degrees(math.asin(half * ratio)))
        while two_theta[first] < place - 2.0 * _REACH * fwhm:
            first += 1
        while last < n and two_theta[last] <= high + 2.0 * _REACH * fwhm:
            last += 1
        for j in range(first, last):
            template[j] = 0.0
        for k in range(ratios.size):
            if half * ratios[k] >= 1.0 or abs(ratios[k] - 1.0) >= 0.01:
                continue
            centre = 2.0 * math.degrees(math.asin(half * ratios[k]))
            for j in range(first, last):
                u = (two_theta[j] - centre) / fwhm
                if abs(u) < _REACH:
                    template[j] += shares[k] * norm * math.exp(-_LN2_4 * u * u)
        w, wt, wtt, wr, wrt = 0.0, 0.0, 0.0, 0.0, 0.0
        for j in range(first, last):
            weighted = weight[j] * template[j]
            w += weight[j]
            wt += weighted
            wtt += weighted * template[j]
            wr += weight[j] * residual[j]
            wrt += weighted * residual[j]
        power = wtt - wt * wt / w if w > 0.0 else 0.0
        if power > 1e-12 * wtt and power > 0.0:
            area[i] = (wrt - wt * wr / w) / power
            sigma[i] = 1.0 / math.sqrt(power)
    return area, sigma
