"""A smooth background that follows halos and air scatter but not reflections.

First clipping of everything narrow (after SNIP: Ryan et al. 1988, Nucl. Instrum. Methods B 34, 396; Morháč & Matoušek 2008,
Appl. Spectrosc. 62, 91), then a penalised smooth curve (Whittaker 1923; Eilers 2003, Anal. Chem. 75, 3631)
through the points that lie on it within their noise. All of it on bins of a fixed width in degrees, so that a million
points cost no more than a thousand.
"""

import numpy as np

from xrdkna.correct.settings import CorrectSettings
from xrdkna.physics.smoothing import whittaker_curve, whittaker_stiffness
from xrdkna.records.arrays import BoolArray, FloatArray

# Bins this wide are fine enough for a curve that bends over degrees.
BIN = 0.05
# Clipping needs a level known to a fifth: this many counts in its smoothing width …
WANTED_COUNTS = 25.0
# … but no smoothing wider than this, or reflections turn into humps.
WIDEST_SMOOTHING = 1.0
# Clipping lowers the top of a halo by a tenth or two; clipping what it took gives most of that back, and of a line nothing.
BOOSTS = 3
# The first pass removes lines that stand alone, the second what stood between neighbours.
PASSES = 2
# The level is not below this share of the mean of the quiet points so near (degrees).
LOWEST_SHARE, LEVEL_REACH = 0.6, 1.5
# Where the bend length holds fewer counts than this (a level known to 3 %), the curve is made stiffer, up to this factor: a halo
# of FWHM 5° is then still followed.
ENOUGH_COUNTS, LONGEST_BEND = 1000.0, 1.7
# Within this share of its level the curve need not be right, however many counts there are: no clipped shape is.
ACCEPTED_MISFIT = 0.02
ROUNDS = 20


def smooth_background(
    two_theta: FloatArray, intensity: FloatArray, sigma: FloatArray, used: BoolArray, settings: CorrectSettings
) -> tuple[FloatArray, BoolArray]:
    """(n,) counts, the background estimate at every point, and (n,) True where a point shows nothing but background."""
    n = two_theta.size
    if used.sum() < 5:
        return np.full(n, float(np.median(intensity[used])) if used.any() else 0.0), np.ones(n, dtype=np.bool_)
    centre, mean, variance, weight, cell = _binned(two_theta, intensity, sigma, used)
    if centre.size < 5:
        return np.full(n, float(np.median(intensity[used]))), np.ones(n, dtype=np.bool_)
    step = float(centre[1] - centre[0])
    reach = _smoothing_bins(mean, variance, weight, step)
    level, noise = _smoothed(mean, variance, weight, reach)
    floor = float(np.median(noise[weight > 0]))
    # A bin's own variance follows its own luck: the neighbourhood's variance of a point, over the bin's number of points, does not.
    variance = _smoothed(variance * weight, np.zeros_like(variance), weight, max(reach, int(0.5 / step)))[0] / np.maximum(weight, 1.0)
    base = np.zeros_like(level)
    for _ in range(BOOSTS):
        base = base + _clipped_to_its_ends(level - base, half_width=max(round(settings.clip_half_width / step), 2))
    counts = (level / noise) ** 2 / (2 * reach + 1) * settings.bend_length / step
    longer = float(np.clip((ENOUGH_COUNTS / max(float(np.median(counts)), 1.0)) ** 0.2, 1.0, LONGEST_BEND))
    stiffness = whittaker_stiffness(longer * settings.bend_length, step=step)
    # The clipped curve lies at the lower edge of the noise: one σ up is a fair start.
    curve = whittaker_curve(base + noise, np.ones_like(base), stiffness=stiffness)
    quiet = weight > 0
    for _ in range(ROUNDS):
        # Noise of the level the background has, not of the peak that stands there.
        expected = noise * np.sqrt(np.clip(curve, 0.25 * level, level) / np.maximum(level, 1e-30)) if level.min() > 0 else noise
        margin = settings.clip_sigmas * np.maximum(expected, 0.3 * floor) + ACCEPTED_MISFIT * np.abs(curve)
        now = (weight > 0) & (level - np.maximum(curve, base) < margin)
        if now.sum() < 5:
            break
        precision = np.where(now, 1.0 / np.maximum(variance, 0.05 * floor**2), 0.0)
        curve = whittaker_curve(mean, precision / precision[now].mean(), stiffness=stiffness)
        settled = bool(np.array_equal(now, quiet))
        quiet = now
        if settled:
            break
    # A stiff curve through a handful of counts may swing below them, even below zero, most of all at an end.
    near = _smoothed(mean, variance, np.where(quiet, weight, 0.0), max(int(LEVEL_REACH / step), 1))[0]
    curve = np.maximum(curve, np.where(near > 0, LOWEST_SHARE * near, -np.inf))
    return np.asarray(np.interp(two_theta, centre, curve)), np.asarray(quiet[cell])


def _binned(
    two_theta: FloatArray, intensity: FloatArray, sigma: FloatArray, used: BoolArray
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray]:
    """Bin centres, mean intensity, variance of the mean, points in each bin (0 in a gap), and the bin of every point."""
    step = float(np.median(np.diff(two_theta[used])))
    width = max(BIN, step)
    cell = ((two_theta - two_theta[0]) / width).astype(np.int64)
    count = int(cell[-1]) + 1
    weight = np.bincount(cell[used], minlength=count).astype(np.float64)
    safe = np.maximum(weight, 1.0)
    mean = np.bincount(cell[used], weights=intensity[used], minlength=count) / safe
    variance = np.bincount(cell[used], weights=sigma[used] ** 2, minlength=count) / safe**2
    centre = two_theta[0] + (np.arange(count) + 0.5) * width
    filled = weight > 0
    if not filled.all():
        mean = np.interp(centre, centre[filled], mean[filled])
        variance = np.interp(centre, centre[filled], variance[filled])
    return centre, mean, variance, weight, cell


def _smoothing_bins(mean: FloatArray, variance: FloatArray, weight: FloatArray, step: float) -> int:
    """Bins to either side that give the level to a fifth, from the typical bin's own precision."""
    filled = weight > 0
    counts = float(np.median(mean[filled])) ** 2 / max(float(np.median(variance[filled])), 1e-30)
    counts = max(counts, 1e-3)
    wanted = np.clip(WANTED_COUNTS / counts, 0.2 / step, WIDEST_SMOOTHING / step)
    return int(min(max(round(wanted / 2.0), 1), max((mean.size - 1) // 4, 1)))


def _smoothed(mean: FloatArray, variance: FloatArray, weight: FloatArray, reach: int) -> tuple[FloatArray, FloatArray]:
    """Running weighted mean over ± reach bins and its σ."""
    kernel = np.ones(2 * reach + 1)
    share = np.maximum(weight, 1e-6)
    total = np.convolve(np.pad(share, reach, mode="edge"), kernel, mode="valid")
    level = np.convolve(np.pad(share * mean, reach, mode="edge"), kernel, mode="valid") / total
    noise = np.sqrt(np.convolve(np.pad(share**2 * variance, reach, mode="edge"), kernel, mode="valid")) / total
    return np.asarray(level), np.asarray(noise)


def _clipped_to_its_ends(level: FloatArray, *, half_width: int) -> FloatArray:
    """`_clipped`, told for each end whether what rises there is air scatter (wide: goes on rising) or a cut-off reflection."""
    half_width = min(half_width, max((level.size - 1) // 2, 1))
    mirrored = _clipped(level, half_width=half_width, rises=(False, False))
    excess = level - mirrored
    rises = [bool(end[0] > 0 and end[: max(3 * half_width // 10, 1)].min() > 0.5 * end[0]) for end in (excess, excess[::-1])]
    return _clipped(level, half_width=half_width, rises=(rises[0], rises[1])) if any(rises) else mirrored


def _clipped(level: FloatArray, *, half_width: int, rises: tuple[bool, bool]) -> FloatArray:
    """Every point lowered to the lowest middle of two points w bins to either side of it, for all w up to `half_width`; PASSES times.

    Unlike SNIP proper, whose windows build on each other, a curved top sinks by a window's sagitta a pass and no further.
    Beyond an end the curve is mirrored, or where it `rises` there, continued by its reflection in the end point.
    """
    n = level.size
    curve = level
    for _ in range(PASSES):
        left, right = curve[1 : half_width + 1][::-1], curve[-half_width - 1 : -1][::-1]
        ends = (2.0 * curve[0] - left if rises[0] else left, 2.0 * curve[-1] - right if rises[1] else right)
        wide = np.concatenate([ends[0], curve, ends[1]])
        lowest = curve.copy()
        for w in range(half_width, 0, -1):
            np.minimum(lowest, 0.5 * (wide[half_width - w : half_width - w + n] + wide[half_width + w : half_width + w + n]), out=lowest)
        curve = lowest
    return np.asarray(curve)
