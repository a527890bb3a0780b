"""Points that take no part: dead channels, spikes, excluded regions."""

import numpy as np

from xrdkna.records.arrays import BoolArray, FloatArray
from xrdkna.records.scan import Scan
from xrdkna.records.values import Notice

# A channel that expects 25 counts reads zero once in 10^11: then zero is not a count.
CERTAIN_COUNTS = 25.0
NEIGHBOURHOOD = 2.0


def excluded_points(two_theta: FloatArray, regions: tuple[tuple[float, float], ...]) -> BoolArray:
    """(n,) True inside one of the regions (low, high) in degrees, ends included."""
    inside = np.zeros(two_theta.size, dtype=np.bool_)
    for low, high in regions:
        inside |= (two_theta >= low) & (two_theta <= high)
    return inside


def dead_points(scan: Scan, sigma: FloatArray) -> BoolArray:
    """(n,) True where the intensity is exactly zero though the neighbourhood (2°) expects CERTAIN_COUNTS and more.

    sigma: (n,) on an absolute scale, so that (I/σ)² is a number of counts.
    """
    zero = scan.intensity == 0.0
    if not zero.any() or zero.all():
        return np.zeros(zero.size, dtype=np.bool_)
    cell = ((scan.two_theta - scan.two_theta[0]) / NEIGHBOURHOOD).astype(np.int64)
    alive = ~zero
    counts = np.zeros(zero.size)
    counts[alive] = (np.maximum(scan.intensity[alive], 0.0) / sigma[alive]) ** 2
    starts = np.flatnonzero(np.r_[True, np.diff(cell) > 0])
    ends = np.r_[starts[1:], cell.size]
    level = np.array([np.median(part) if (part := counts[a:b][alive[a:b]]).size else np.nan for a, b in zip(starts, ends, strict=True)])
    # A neighbourhood where most points read zero is one of few counts, unless all of it is zero: then its sides decide.
    share = np.add.reduceat(zero.astype(np.float64), starts) / (ends - starts)
    known = np.isfinite(level)
    level = np.interp(np.arange(level.size), np.flatnonzero(known), level[known])
    few = (share > 0.5) & known & (level < 4.0 * CERTAIN_COUNTS)
    expected = np.where(few, 0.0, level)
    return np.asarray(zero & (np.repeat(expected, ends - starts) >= CERTAIN_COUNTS))


def spikes(
    two_theta: FloatArray, intensity: FloatArray, sigma: FloatArray, used: BoolArray, *, narrowest: float, sigmas: float
) -> BoolArray:
    """(n,) True at single points that no line of FWHM `narrowest` degrees or wider can make.

    A Gaussian line of height h puts at least h·exp(−4 ln2 (step/FWHM)²) on the higher of the peak point's neighbours. A
    spike leaves both below half of that; on a grid too coarse to see the difference nothing is masked.
    """
    found = np.zeros(two_theta.size, dtype=np.bool_)
    index = np.flatnonzero(used)
    if index.size < 7:
        return found
    x, y, s = (part if index.size == used.size else part[index] for part in (two_theta, intensity, sigma))
    # Few points stand above both their neighbours by as much as a spike must: only they are looked at.
    above = y[2:-2] - np.maximum(y[1:-3], y[3:-1])
    i = np.flatnonzero(above > sigmas * s[2:-2]) + 2
    # The scan's own foot: the lower of the two points next but one, so that a rising flank is not called a spike's base.
    base = np.minimum(y[i - 2], y[i + 2])
    noise = np.maximum(s[i - 1], s[i + 1])
    higher = np.maximum(y[i - 1], y[i + 1])
    height = y[i] - base
    step = np.maximum(x[i] - x[i - 1], x[i + 1] - x[i])
    least = 0.5 * height * np.exp(-4.0 * np.log(2.0) * (step / narrowest) ** 2)
    lone = (y[i] - higher > sigmas * np.hypot(s[i], noise)) & (higher - base + 3.0 * noise < least)
    found[index[i[lone]]] = True
    return found


def mask_notices(scan: Scan, *, dead: BoolArray, spiked: BoolArray) -> tuple[Notice, ...]:
    """A sentence for each kind of point left out."""
    kinds = (("dead-points", dead, "read exactly zero amid counts"), ("spikes", spiked, "stand alone far above both neighbours"))
    return tuple(
        Notice(
            code=code,
            severity="info",
            sentence=f"{int(points.sum())} points of {scan.name} {what} and are left out, the first at {scan.two_theta[points][0]:.3f}°.",
        )
        for code, points, what in kinds
        if points.any()
    )
