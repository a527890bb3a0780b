"""Which reflections make each peak, read off the whole-pattern fit."""

from collections.abc import Collection, Sequence

import numpy as np

from xrdkna.records.index import Assignment, IndexedPeak
from xrdkna.records.peaks import Peak
from xrdkna.records.refinement import FittedLine

# A reflection this many widths away still feeds the peak; further out it does not.
_REACH = 1.0
# Reflections with a smaller share of a peak are not worth naming.
_SMALLEST_SHARE = 0.03
# A peak of which the model makes less than this share is nobody's.
_EXPLAINED = 0.4
# How far (share of a line's area) intensities of a textured phase may be off without a peak becoming unexplained.
_AREA_TOLERANCE = 0.25


def assign_peaks(peaks: Sequence[Peak], lines: Sequence[FittedLine], *, undecided: Collection[str] = ()) -> tuple[IndexedPeak, ...]:
    """Each peak with the reflections that make it. lines: of the phases that are there or may be; `undecided` names the latter."""
    position = np.array([line.two_theta for line in lines])
    area = np.array([line.area for line in lines])
    width = np.array([line.fwhm for line in lines])
    return tuple(_assign(peak, lines, position, area, width, undecided) for peak in peaks)


def unexplained_peaks(peaks: Sequence[Peak], lines: Sequence[FittedLine]) -> tuple[Peak, ...]:
    """The peaks that no reflection of these lines makes."""
    return tuple(indexed.peak for indexed in assign_peaks(peaks, lines) if indexed.status == "unindexed")


def _assign(
    peak: Peak, lines: Sequence[FittedLine], position: np.ndarray, area: np.ndarray, width: np.ndarray, undecided: Collection[str]
) -> IndexedPeak:
    reach = np.hypot(width, peak.fwhm.value) if len(lines) else np.zeros(0)
    offset = (position - peak.two_theta.value) / np.maximum(reach, 1e-9)
    feeding = np.maximum(area, 0.0) * np.exp(-4.0 * np.log(2.0) * offset**2) * (np.abs(offset) < _REACH)
    total = float(feeding.sum())
    if total < _EXPLAINED * peak.area.value and not _within_errors(peak, total):
        return IndexedPeak(peak=peak, status="unindexed", assignments=())
    shares = feeding / total if total > 0.0 else feeding
    named = np.flatnonzero(shares >= _SMALLEST_SHARE)
    order = named[np.argsort(-shares[named])].tolist()
    assignments = tuple(
        Assignment(phase=lines[i].phase, hkl=lines[i].hkl, two_theta=lines[i].two_theta, share=float(shares[i])) for i in order
    )
    unsure = sum(assignment.share for assignment in assignments if assignment.phase in undecided)
    return IndexedPeak(peak=peak, status="ambiguous" if unsure > 0.3 else "indexed", assignments=assignments)


def _within_errors(peak: Peak, explained: float) -> bool:
    """Could the rest of the peak be its own error and the model's?"""
    esd = np.hypot(peak.area.esd or 0.0, _AREA_TOLERANCE * explained)
    return explained > 0.0 and bool(peak.area.value - explained < 3.0 * esd)
