"""From rows as written to a rising grid: several runs, falling or unsorted angles, repeated angles, impossible angles."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from xrdkna.errors import ScanFileError
from xrdkna.records.arrays import FloatArray, IntArray
from xrdkna.records.values import Notice

# A run shorter than this is disorder, not a scan of its own.
_SHORTEST_RUN = 10
_MOST_RUNS = 1000
# Two runs that share more than half of the shorter one's range are two scans; less, and they are pieces of one.
_SHARED = 0.5
# Of an angle in degrees; finer than any goniometer.
_DECIMALS = 9


def split_runs(two_theta: FloatArray) -> list[slice]:
    """The scans in a file that holds several one below the other: where the angle starts again over the same range.

    One slice with everything where that is not so: a single scan, disorder, or ranges that continue each other.
    """
    everything = [slice(0, len(two_theta))]
    steps = np.diff(two_theta)
    if not steps.size or not (direction := np.sign(np.median(steps))):
        return everything
    edges = np.concatenate([[0], np.flatnonzero(steps * direction < 0) + 1, [len(two_theta)]])
    if len(edges) == 2 or len(edges) > _MOST_RUNS or np.diff(edges).min() < _SHORTEST_RUN:
        return everything
    runs = [slice(int(a), int(b)) for a, b in pairwise(edges)]
    ranges = [(float(two_theta[run].min()), float(two_theta[run].max())) for run in runs]
    return runs if all(_overlap(one, two) > _SHARED for one, two in pairwise(ranges)) else everything


def check_angles(two_theta: FloatArray, lines: IntArray, *, where: str) -> tuple[IntArray, tuple[Notice, ...]]:
    """Which points lie within 0 … 180°, as indices. Negative angles (the direct beam passed) are left out with a notice.

    Raises ScanFileError when an angle is above 180 or most are below 0: then the column is not 2θ in degrees.
    """
    low, high = float(two_theta.min()), float(two_theta.max())
    kept = np.flatnonzero(two_theta >= 0.0)
    if high > 180.0 or 2 * len(kept) < len(two_theta):
        worst = int(lines[int(np.argmax(two_theta) if high > 180.0 else np.argmin(two_theta))])
        raise ScanFileError(
            f"{where}, line {worst}: the first column runs from {low:g} to {high:g}, so it is not 2θ in degrees (0 to 180); "
            "export the scan with 2θ first and the intensity second."
        )
    if len(kept) == len(two_theta):
        return kept, ()
    sentence = f"{len(two_theta) - len(kept)} points at negative angles are left out."
    return kept, (Notice(code="negative-angles", severity="warning", sentence=sentence),)


def rising_order(two_theta: FloatArray) -> tuple[IntArray, tuple[Notice, ...]]:
    """The order of points in which the angle does not fall, and what to say about it."""
    steps = np.diff(two_theta)
    if np.all(steps >= 0):
        return np.arange(len(two_theta)), ()
    if np.all(steps <= 0):
        notice = Notice(code="descending", severity="info", sentence="the angles fall through the file; the scan was turned round.")
        return np.arange(len(two_theta))[::-1], (notice,)
    sentence = f"the angles go back {int(np.count_nonzero(steps < 0))} times; the points were sorted."
    return np.argsort(two_theta, kind="stable"), (Notice(code="sorted", severity="warning", sentence=sentence),)


def merge_repeats(
    two_theta: FloatArray, intensity: FloatArray, sigma: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray, tuple[Notice, ...]]:
    """Points at the same angle become their mean, with the mean's σ = √Σσ²/n. two_theta must not fall."""
    if np.all(np.diff(two_theta) > 0):
        return two_theta, intensity, sigma, ()
    angles, first, number = np.unique(two_theta, return_index=True, return_counts=True)
    mean = np.add.reduceat(intensity, first) / number
    error = np.sqrt(np.add.reduceat(sigma**2, first)) / number
    sentence = f"{len(two_theta) - len(angles)} points repeat an angle (the first is {angles[number > 1][0]:g}°); repeats were averaged."
    return angles, mean, error, (Notice(code="repeated-angles", severity="warning", sentence=sentence),)


def _overlap(one: Sequence[float], two: Sequence[float]) -> float:
    """Shared length over the shorter one's length."""
    shorter = min(one[1] - one[0], two[1] - two[0])
    return (min(one[1], two[1]) - max(one[0], two[0])) / shorter if shorter > 0 else 0.0


def number_or_none(text: str) -> float | None:
    """The finite number a field of a header holds; None where it holds none."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if np.isfinite(value) else None


def even_steps(first: float, step: float, number: int) -> FloatArray:
    """(number,) angles of a scan that gives its first one and its step, to the decimals that any file writes: 30.02 is the same number
    whether it was read or counted up to, so that scans of one grid in two formats have one grid."""
    with np.errstate(over="ignore", invalid="ignore"):
        return np.round(first + step * np.arange(number, dtype=np.float64), _DECIMALS)
