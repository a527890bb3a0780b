"""Figures for paper: one scan's peaks, a whole-pattern fit, a series. Written as .png, .svg or .pdf by the name's ending."""

from __future__ import annotations

from pathlib import Path

from xrdkna.records.index import Index
from xrdkna.records.peaks import Peaks
from xrdkna.records.scan import Pattern
from xrdkna.records.track import Track
from xrdkna.report.canvas import check_suffix, drawing, save
from xrdkna.report.figure_pattern import lines_figure, peaks_figure, refinement_figure
from xrdkna.report.figure_track import track_figure


def plot_peaks(pattern: Pattern, peaks: Peaks, path: str | Path) -> None:
    """The pattern with every peak found marked. Raises UsageError for a name no figure can have or a place that cannot be written."""
    check_suffix(path)
    with drawing():
        save(peaks_figure(pattern, peaks), path)


def plot_refinement(index: Index, path: str | Path, *, scale: str = "sqrt") -> None:
    """Observed, calculated, background, difference, one tick row a phase; a published list is drawn as sticks.

    scale: "sqrt" (equal noise everywhere: the weak lines that decide show beside the hardware's) or "linear".
    Raises UsageError as `plot_peaks` does.
    """
    check_suffix(path)
    with drawing():
        save(lines_figure(index) if index.refinement is None else refinement_figure(index, scale=scale), path)


def plot_track(track: Track, path: str | Path) -> None:
    """The series on one time axis: 2θ map, electrochemistry, trajectories, presence, events as shaded intervals.

    Raises UsageError as `plot_peaks` does.
    """
    check_suffix(path)
    with drawing():
        save(track_figure(track), path)
