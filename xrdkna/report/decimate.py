"""Fewer points that still look the same: the extremes of every stretch are kept, so no peak is lost."""

import numpy as np

from xrdkna.records.arrays import FloatArray, IntArray


def kept_indices(*curves: FloatArray, at_most: int) -> IntArray:
    """Rising indices of at most `at_most` points, with the smallest and largest of each curve in every stretch and both ends.

    curves: (n,) each, at least one. With n ≤ at_most every index is kept.
    """
    n = curves[0].size
    if n <= at_most:
        return np.arange(n, dtype=np.int64)
    stretches = max((at_most - 2) // (2 * len(curves)), 1)
    starts = np.linspace(0, n, stretches + 1).astype(np.int64)[:-1]
    ends = np.append(starts[1:], n)
    chosen = [0, n - 1]
    for curve in curves:
        for start, end in zip(starts, ends, strict=True):
            part = curve[start:end]
            chosen += [start + int(part.argmin()), start + int(part.argmax())]
    return np.unique(np.array(chosen, dtype=np.int64))


def pooled_columns(image: FloatArray, x: FloatArray, *, at_most: int) -> tuple[FloatArray, FloatArray]:
    """(m, k) largest value of each of k ≤ at_most groups of neighbouring columns of image (m, n), and (k,) mean x of each group."""
    n = x.size
    if n <= at_most or not n:
        return image, x
    starts = np.linspace(0, n, at_most + 1).astype(np.int64)[:-1]
    counts = np.diff(np.append(starts, n))
    return np.maximum.reduceat(image, starts, axis=1), np.add.reduceat(x, starts) / counts
