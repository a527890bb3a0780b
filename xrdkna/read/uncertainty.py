"""Where the standard uncertainty of each intensity comes from: a column, counting, or nowhere."""

from dataclasses import dataclass

import numpy as np

from xrdkna.records.arrays import FloatArray
from xrdkna.records.values import Notice

# A column of uncertainties is positive nearly everywhere: a few zeros stand where no counts were.
_MOSTLY = 0.9
# σ beyond 0.7 of the intensity in the median point means fewer than two counts a point: then it is more likely a second curve.
_LARGEST_RELATIVE = 0.7
# Scatter (median absolute deviation of the logarithm) of σ/√I that counting with a varying monitor still shows.
_COUNTING_SCATTER = 0.35
# How far from whole a number may lie through the writing and reading of decimals.
_WHOLE = 1e-6
# Distinct intensities below which a common divisor is chance.
_ENOUGH_VALUES = 20
# The floor of a relative σ, as a fraction of the strong intensities: keeps points at or below zero from ruling a fit.
_RELATIVE_FLOOR = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Uncertain:
    """Intensities with their σ; `source` as in Scan.sigma_source. The intensities may have been brought back to counts."""

    intensity: FloatArray
    sigma: FloatArray
    source: str
    notices: tuple[Notice, ...] = ()


def with_column(intensity: FloatArray, column: FloatArray) -> Uncertain:
    """σ from the file's own column; points whose σ is zero, negative or not a number get that of counting on the column's scale."""
    good = np.isfinite(column) & (column > 0)
    if good.all():
        return Uncertain(intensity=intensity, sigma=column, source="column")
    bright = good & (intensity > 0)
    scale = float(np.median(column[bright] / np.sqrt(intensity[bright]))) if bright.any() else 1.0
    counting = np.maximum(scale * np.sqrt(np.maximum(intensity, 0.0)), float(column[good].min()))
    missing = int(np.count_nonzero(~good))
    notice = Notice(
        code="sigma-replaced",
        severity="info",
        sentence=f"{missing} of {len(column)} uncertainties are zero, negative or not numbers; counting statistics replace them.",
    )
    return Uncertain(intensity=intensity, sigma=np.where(good, column, counting), source="column", notices=(notice,))


def without_column(intensity: FloatArray, *, count_time: float | None, per_second: bool) -> Uncertain:
    """σ from counting where the intensities are counts, or were; else relative.

    Whole numbers are counts, unless all are multiples of one number: then they are counts times it. Numbers that become
    whole when multiplied by the count time, or that the header calls a rate, are counts per second.
    """
    if count_time is not None and (per_second or (not _whole(intensity) and _rate_of_counts(intensity, count_time))):
        return _from_rate(intensity, count_time)
    if per_second or not _whole(intensity):
        return relative(intensity)
    divisor = _common_divisor(intensity)
    sigma = np.sqrt(divisor * np.maximum(intensity, divisor))
    if divisor == 1.0:
        return Uncertain(intensity=intensity, sigma=sigma, source="counts")
    notice = Notice(
        code="counts-multiplied",
        severity="info",
        sentence=f"all intensities are multiples of {divisor:g}; they are taken as counts times {divisor:g}.",
    )
    return Uncertain(intensity=intensity, sigma=sigma, source="counts", notices=(notice,))


def relative(intensity: FloatArray) -> Uncertain:
    """σ = √I on an arbitrary scale with a constant floor, and the notice that only ratios of uncertainties mean anything."""
    strong = float(np.percentile(np.abs(intensity), 99.0)) if intensity.size else 0.0
    floor = _RELATIVE_FLOOR * (strong or 1.0)
    notice = Notice(
        code="relative-errors",
        severity="warning",
        sentence="errors are relative only: the file holds neither counts nor a column of uncertainties.",
        remedy="Export counts, or a third column with standard uncertainties.",
    )
    return Uncertain(intensity=intensity, sigma=np.sqrt(np.maximum(intensity, floor)), source="relative", notices=(notice,))


def looks_like_sigma(intensity: FloatArray, column: FloatArray) -> bool:
    """Is an unnamed third column the uncertainty of the second? (A calculated curve, a background or a flag is not.)

    It is when it is positive, varies, is smaller than the intensity, and goes as √I more closely than as I.
    """
    both = np.isfinite(column) & np.isfinite(intensity)
    positive = both & (column > 0)
    if np.count_nonzero(positive) < _MOSTLY * max(int(np.count_nonzero(both)), 1):
        return False
    bright = positive & (intensity > 0)
    if np.count_nonzero(bright) < 2:
        return False
    c, i = column[bright], intensity[bright]
    # A constant column is a time, a temperature, a flag – unless the intensities hardly vary themselves.
    if (np.ptp(c) == 0 and np.ptp(i) > 0) or float(np.median(c / i)) > _LARGEST_RELATIVE:
        return False
    as_root, as_curve = _scatter(np.log(c / np.sqrt(i))), _scatter(np.log(c / i))
    return as_root <= as_curve or (as_root < _COUNTING_SCATTER and as_root < 2.0 * as_curve)


def _scatter(values: FloatArray) -> float:
    return float(np.median(np.abs(values - np.median(values))))


def _whole(intensity: FloatArray) -> bool:
    return bool(np.all(intensity >= 0) and np.all(np.abs(intensity - np.rint(intensity)) <= _WHOLE) and intensity.max(initial=0.0) > 0)


def _common_divisor(intensity: FloatArray) -> float:
    whole = np.rint(intensity[intensity > 0.5]).astype(np.int64)
    divisor = int(np.gcd.reduce(whole))
    return float(divisor) if divisor > 1 and len(np.unique(whole)) >= _ENOUGH_VALUES else 1.0


def _rate_of_counts(intensity: FloatArray, count_time: float) -> bool:
    """Do the rates become whole counts? Asked only where their decimals are fine enough for "whole" to say something."""
    if np.any(intensity < 0):
        return False
    written = next((k for k in range(7) if np.all(np.abs(intensity * 10**k - np.rint(intensity * 10**k)) < 1e-3)), 7)
    rounding = 0.5 * 10.0**-written * count_time + _WHOLE
    counts = intensity * count_time
    return rounding < 0.1 and bool(np.all(np.abs(counts - np.rint(counts)) <= rounding))


def _from_rate(intensity: FloatArray, count_time: float) -> Uncertain:
    if np.any(intensity < 0):
        return relative(intensity)
    counts = intensity * count_time
    notice = Notice(
        code="rate-to-counts",
        severity="info",
        sentence=f"the intensities are counts per second; multiplied by the count time of {count_time:g} s they are counts again.",
    )
    return Uncertain(intensity=counts, sigma=np.sqrt(np.maximum(counts, 1.0)), source="counts", notices=(notice,))
