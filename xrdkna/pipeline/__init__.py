"""The straight line: the only room that knows the order of the stages.

Scan ─correct─▶ Pattern ─find─▶ Peaks ─match─▶ Candidates ─refine─▶ Refinement ─match─▶ Index
Series ─(survey: index a few sums)─▶ who is there ─track(observe)─▶ Track
Series ─correct─▶ Patterns ─refine (a chain)─▶ ScanFits
"""

from xrdkna.pipeline.scan import facts_of, find_peaks_of, index_lines, index_scan, refine_scan
from xrdkna.pipeline.sequence import refine_series
from xrdkna.pipeline.series import track_series
from xrdkna.pipeline.settings import Settings, instrument_of
from xrdkna.pipeline.simulation import simulate

__all__ = [
    "Settings",
    "facts_of",
    "find_peaks_of",
    "index_lines",
    "index_scan",
    "instrument_of",
    "refine_scan",
    "refine_series",
    "simulate",
    "track_series",
]
