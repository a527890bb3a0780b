"""The series as a picture, built while the scans pass by."""

import numpy as np

from xrdkna.records.arrays import FloatArray
from xrdkna.records.scan import Scan
from xrdkna.records.track import Heatmap


class HeatmapBuilder:
    """Takes scans one at a time and keeps at most `scans` rows of at most `bins` means: the memory does not grow with the series.

    The grid is that of the first scan with points. A scan that covers less than nine tenths of it is left out of the picture rather
    than filled with numbers nobody measured.
    """

    def __init__(self, *, total: int, bins: int, scans: int) -> None:
        self._stride = max(1, -(-total // scans))
        self._bins = bins
        self._edges: FloatArray | None = None
        self._indices: list[int] = []
        self._rows: list[FloatArray] = []

    def add(self, index: int, scan: Scan) -> None:
        """Take the scan with this place in the series, if it is one of those shown."""
        if index % self._stride or scan.two_theta.size < 2:
            return
        if self._edges is None:
            self._edges = _edges(scan.two_theta, bins=self._bins)
        row = _binned(scan, self._edges)
        if row is not None:
            self._indices.append(index)
            self._rows.append(row)

    def picture(self) -> Heatmap | None:
        """The picture so far, or None when no scan could be shown."""
        if self._edges is None or not self._rows:
            return None
        centres = 0.5 * (self._edges[1:] + self._edges[:-1])
        return Heatmap(two_theta=centres, scans=tuple(self._indices), intensity=np.vstack(self._rows))


def _edges(two_theta: FloatArray, *, bins: int) -> FloatArray:
    number = min(bins, two_theta.size)
    step = (two_theta[-1] - two_theta[0]) / max(1, two_theta.size - 1)
    return np.linspace(two_theta[0] - step / 2, two_theta[-1] + step / 2, number + 1)


def _binned(scan: Scan, edges: FloatArray) -> FloatArray | None:
    """(bins,) mean intensity in each bin; a few empty bins take the value between their neighbours."""
    counts, _ = np.histogram(scan.two_theta, bins=edges)
    sums, _ = np.histogram(scan.two_theta, bins=edges, weights=scan.intensity)
    held = counts > 0
    span = edges[-1] - edges[0]
    covered = min(scan.two_theta[-1], edges[-1]) - max(scan.two_theta[0], edges[0])
    if held.sum() < 2 or covered < 0.9 * span:
        return None
    centres = 0.5 * (edges[1:] + edges[:-1])
    return np.asarray(np.interp(centres, centres[held], sums[held] / counts[held]))
