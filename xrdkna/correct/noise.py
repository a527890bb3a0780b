"""Noise in absolute terms, and whether the data's own scatter agrees with it."""

import numpy as np

from xrdkna.correct.settings import CorrectSettings
from xrdkna.records.arrays import BoolArray, FloatArray
from xrdkna.records.scan import Scan
from xrdkna.records.values import Notice

# Fewer second differences than this say nothing about a scale (its error would exceed 15 %).
FEWEST = 20
FEW_COUNTS = 10.0


def absolute_sigma(scan: Scan, used: BoolArray) -> FloatArray:
    """(n,) counts. "column" and "counts" are kept; "relative" is brought to the scale of the scan's own scatter.

    Relative uncertainties r become σ² = k·max(r², floor): k from the points of larger r, floor from those of the smallest,
    so that a file whose background was subtracted does not claim to know its zero exactly.
    """
    if scan.sigma_source != "relative" or used.sum() < FEWEST + 2:
        return scan.sigma
    difference, norm = second_differences(scan.two_theta[used], scan.intensity[used], np.ones(int(used.sum())))
    # Sorted by a running mean: sorted by themselves, points of one group would share their luck and scatter too little.
    length = min(2 * FEWEST + 1, difference.size)
    variance = np.convolve(scan.sigma[used][1:-1] ** 2, np.ones(length) / length, mode="same")
    variance /= np.convolve(np.ones(difference.size), np.ones(length) / length, mode="same")
    squares = (difference / norm) ** 2
    groups = np.array_split(np.argsort(variance, kind="stable"), int(np.clip(difference.size // (2 * FEWEST), 1, 8)))
    measured = np.array([_robust_mean_square(squares[group]) for group in groups])
    stated = np.array([np.median(variance[group]) for group in groups])
    if not measured.max() > 0:
        # A calculated pattern without noise: rounding to a thousandth of its range is the best that can be said.
        span = float(np.ptp(scan.intensity[used]))
        return np.asarray(scan.sigma / np.median(scan.sigma) * max(1e-3 * span, 1e-9))
    k = float(np.median((measured / stated)[len(groups) // 2 :])) or float((measured / stated).max())
    floor = measured[0] / k if measured[0] > 2.0 * k * stated[0] else 0.0
    return np.asarray(np.sqrt(k * np.maximum(scan.sigma**2, floor)))


def scatter_ratio(scan: Scan, sigma: FloatArray, background: FloatArray, quiet: BoolArray) -> float | None:
    """Measured scatter over stated σ on the quiet points, None when they are too few to say.

    Below FEW_COUNTS a count, √N of the single point is no longer its σ (a zero has none): there Poisson's law is asked for
    the variance of the mean level instead.
    """
    if quiet.sum() < FEWEST + 2:
        return None
    stated = sigma[quiet].copy()
    if scan.sigma_source == "counts":
        gain = np.median(sigma[quiet] ** 2 / np.maximum(scan.intensity[quiet], 1.0))
        few = background[quiet] < FEW_COUNTS * gain
        stated[few] = np.sqrt(gain * np.maximum(background[quiet][few], 1e-3 * gain))
    difference, norm = second_differences(scan.two_theta[quiet], scan.intensity[quiet], stated)
    if difference.size < FEWEST:
        return None
    squares = (difference / norm) ** 2
    kept = squares[squares < 16.0 * max(_robust_mean_square(squares), 1e-12)]
    return float(np.sqrt(kept.mean())) if kept.size else None


def second_differences(two_theta: FloatArray, intensity: FloatArray, sigma: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(n − 2,) each: the deviation of every point from the chord of its neighbours, and its σ; any slope drops out."""
    left = (two_theta[2:] - two_theta[1:-1]) / (two_theta[2:] - two_theta[:-2])
    difference = intensity[1:-1] - left * intensity[:-2] - (1.0 - left) * intensity[2:]
    norm = np.sqrt(sigma[1:-1] ** 2 + (left * sigma[:-2]) ** 2 + ((1.0 - left) * sigma[2:]) ** 2)
    return np.asarray(difference), np.asarray(norm)


def noise_notices(scan: Scan, sigma: FloatArray, ratio: float | None, settings: CorrectSettings) -> tuple[Notice, ...]:
    """What the reader should know about σ."""
    if scan.sigma_source == "relative":
        factor = float(np.median(sigma / scan.sigma))
        known = ratio is not None
        how = (
            f"the scatter between neighbouring points set its scale (a factor of {factor:.3g})" if known else "too few points set its scale"
        )
        return (
            Notice(
                code="relative-noise",
                severity="info" if known else "warning",
                sentence=f"{scan.name} gives neither counts nor uncertainties; {how}.",
                remedy="Give counts, or a third column with the standard uncertainty.",
            ),
        )
    if ratio is None or 1.0 / settings.noise_tolerance <= ratio <= settings.noise_tolerance:
        return ()
    stated = "the square root of its counts" if scan.sigma_source == "counts" else "its uncertainty column"
    return (
        Notice(
            code="noise-inconsistent",
            severity="warning",
            sentence=f"{scan.name} scatters {ratio:.3g} times as much as {stated} says; its uncertainties were kept as given.",
            remedy="Check whether the file holds counts per second, smoothed or rescaled data; give raw counts if they exist.",
        ),
    )


def _robust_mean_square(squares: FloatArray) -> float:
    """Mean square of normal deviates from the median of their squares (0.4549 for unit variance); of coarse integers, whose
    median may be zero, from the lower nine tenths (mean square 0.6231 of the whole)."""
    median = float(np.median(squares)) / 0.4549
    if median > 0:
        return median
    ordered = np.sort(squares)
    return float(ordered[: max(int(0.9 * ordered.size), 1)].mean()) / 0.6231
