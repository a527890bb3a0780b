"""A smooth background that follows halos and air scatter but not reflections.

First clipping of everything narrow (after SNIP: Ryan et al. 1988, Nucl. Instrum. Methods B 34, 396; Morháč & Matoušek 2008,
Appl. Spectrosc. 62, 91), then a penalised smooth curve (Whittaker 1923; Eilers 2003, Anal. Chem. 75, 3631)
through the points that lie on it within their noise. All of it on bins of a fixed width in degrees, so that a million
points cost no more than a thousand.
"""

import numpy as np

from xrdkna.correct.kernel import clipped, running_mean, settled_curve
from xrdkna.correct.settings import CorrectSettings
from xrdkna.physics.smoothing import whittaker_stiffness
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
    level, noise = running_mean(mean, variance, weight, reach)
    floor = float(np.median(noise[weight > 0]))
    # A bin's own variance follows its own luck: the neighbourhood's variance of a point, over the bin's number of points, does not.
    variance = running_mean(variance * weight, np.zeros_like(variance), weight, max(reach, int(0.5 / step)))[0] / np.maximum(weight, 1.0)
    base = np.zeros_like(level)
    for _ in range(BOOSTS):
        base = base + _clipped_to_its_ends(level - base, half_width=max(round(settings.clip_half_width / step), 2))
    counts = (level / noise) ** 2 / (2 * reach + 1) * settings.bend_length / step
    longer = float(np.clip((ENOUGH_COUNTS / max(float(np.median(counts)), 1.0)) ** 0.2, 1.0, LONGEST_BEND))
    stiffness = whittaker_stiffness(longer * settings.bend_length, step=step)
    # The clipped curve lies at the lower edge of the noise: one σ up is a fair start.
    tolerated = (settings.clip_sigmas, ACCEPTED_MISFIT, ROUNDS)
    curve, quiet = settled_curve(mean, variance, weight, level, noise, base, stiffness, floor, *tolerated)
    # A stiff curve through a handful of counts may swing below them, even below zero, most of all at an end.
    near = running_mean(mean, variance, np.where(quiet, weight, 0.0), max(int(LEVEL_REACH / step), 1))[0]
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


def _clipped_to_its_ends(level: FloatArray, *, half_width: int) -> FloatArray:
    """`clipped`, told for each end whether what rises there is air scatter (wide: goes on rising) or a cut-off reflection."""
    half_width = min(half_width, max((level.size - 1) // 2, 1))
    mirrored = clipped(level, half_width, PASSES, False, False)
    excess = level - mirrored
    rises = [bool(end[0] > 0 and end[: max(3 * half_width // 10, 1)].min() > 0.5 * end[0]) for end in (excess, excess[::-1])]
    return np.asarray(clipped(level, half_width, PASSES, *rises)) if any(rises) else np.asarray(mirrored)
