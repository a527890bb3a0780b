"""Drawings of one diffractogram."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from xrdkna.errors import UsageError
from xrdkna.records.arrays import FloatArray
from xrdkna.records.index import Index, IndexedPeak
from xrdkna.records.peaks import Peaks
from xrdkna.records.refinement import Refinement
from xrdkna.records.scan import Pattern
from xrdkna.report.canvas import stacked_panels
from xrdkna.report.palette import BLUE, GREY, ORANGE, PURPLE, VERMILION, colour
from xrdkna.report.pattern_view import height_at, stick_heights, tick_row_names
from xrdkna.report.values import line_name, shortened

if TYPE_CHECKING:
    from xrdkna.report.canvas import Axes, Figure

WIDTH = 8.6
SCALES = ("linear", "sqrt")
_MAIN_HEIGHT = 3.6
_ROW_HEIGHT = 0.17
# Peaks whose angle is written beside them: more would overprint each other.
_LABELLED = 24
_MARKS = {"unindexed": ("v", VERMILION, "unindexed"), "ambiguous": ("d", PURPLE, "ambiguous")}
Ticks = Mapping[str, tuple[tuple[tuple[int, int, int], float], ...]]


def peaks_figure(pattern: Pattern, peaks: Peaks) -> Figure:
    """The measured pattern, its estimated background, a mark over every peak."""
    figure, (panel,) = stacked_panels([_MAIN_HEIGHT], width=WIDTH)
    panel.plot(pattern.two_theta, pattern.intensity, color="black", lw=0.7, label="observed")
    panel.plot(pattern.two_theta, pattern.background, color=BLUE, lw=1.0, label="background (estimate)")
    _shade_unused(panel, pattern)
    top, span = _limits(panel, pattern.intensity)
    labelled = _labelled_places(peaks, float(np.ptp(pattern.two_theta)) if pattern.two_theta.size else 0.0)
    for rank, peak in enumerate(sorted(peaks.peaks, key=lambda p: -p.snr)):
        x = peak.two_theta.value
        height = height_at(pattern.two_theta, pattern.intensity, x) + 0.03 * span
        panel.plot([x], [height], marker="v", ls="none", ms=4, color=VERMILION, label="found" if rank == 0 else None, clip_on=False)
        if x in labelled:
            panel.text(x, height + 0.03 * span, f"{x:.2f}", rotation=90, ha="center", va="bottom", fontsize=7, color=VERMILION)
    for halo in peaks.halos:
        low, high = halo.two_theta.value - halo.fwhm.value / 2, halo.two_theta.value + halo.fwhm.value / 2
        panel.axvspan(low, high, color=ORANGE, alpha=0.15, lw=0, label="halo" if halo is peaks.halos[0] else None)
    if peaks.peaks:
        panel.set_ylim(top=top + 0.18 * span)
    if pattern.two_theta.size > 1:
        panel.set_xlim(float(pattern.two_theta[0]), float(pattern.two_theta[-1]))
    panel.set(xlabel="2θ (degrees)", ylabel="intensity (counts)")
    panel.set_title(shortened(pattern.name, 90), loc="left", fontsize=9, pad=14)
    panel.legend(loc="upper right")
    return figure


def refinement_figure(index: Index, *, scale: str = "linear") -> Figure:
    """A whole-pattern fit. Raises UsageError for a scale that is not known or an index without a fit."""
    if scale not in SCALES:
        raise UsageError(f"the scale {scale!r} is not known; give one of {', '.join(SCALES)}.")
    fit = index.refinement
    if fit is None:
        raise UsageError(f"{index.scan.name} has no whole-pattern fit to draw.")
    names = tick_row_names(index, fit)
    rows = len(names)
    difference = _scaled(fit.observed, scale) - _scaled(fit.calculated, scale)
    low, high = _scaled(np.array(_value_range(fit)), scale)
    reach = float(np.abs(difference).max(initial=0.0)) or 1.0
    # one count is one length on both panels; a fit that is far off may take at most as much room as the pattern
    height = float(np.clip(_MAIN_HEIGHT * 2.2 * reach / (high - low), 0.65, _MAIN_HEIGHT))
    figure, (main, ticks, below) = stacked_panels([_MAIN_HEIGHT, rows * _ROW_HEIGHT + 0.1, height], width=WIDTH)
    _draw_fit(main, fit, scale)
    _draw_marks(main, index.peaks, fit, scale)
    main.set_ylim(low, high)
    _root_axis(main, scale, high)
    draw_ticks(ticks, fit.ticks, names)
    half = height / _MAIN_HEIGHT * (high - low) / 2
    below.axhline(0.0, color=GREY, lw=0.6)
    below.plot(fit.two_theta, difference, color="#444444", lw=0.6)
    below.set_ylim(-half, half)
    below.set(xlabel="2θ (degrees)", ylabel="Δ√counts" if scale == "sqrt" else "obs − calc")
    below.locator_params(axis="y", nbins=3)
    title = f"{shortened(index.scan.name, 60)} · Rwp {fit.rwp * 100:.3g} % · goodness of fit {fit.gof:.3g} · {fit.verdict}"
    main.set_title(title, loc="left", fontsize=9, pad=12)
    if fit.two_theta.size > 1:
        main.set_xlim(float(fit.two_theta[0]), float(fit.two_theta[-1]))
    return figure


def lines_figure(index: Index) -> Figure:
    """Lines without a pattern (a published list): one stick each, coloured by whether something explains it."""
    figure, (panel,) = stacked_panels([2.4], width=WIDTH)
    heights, known = stick_heights(index)
    for status, shade in (("indexed", BLUE), ("ambiguous", PURPLE), ("unindexed", VERMILION)):
        sticks = [(p.peak.two_theta.value, height) for p, height in zip(index.peaks, heights, strict=True) if p.status == status]
        if sticks:
            panel.vlines([place for place, _ in sticks], 0, [height for _, height in sticks], color=shade, lw=1.6, label=status)
    for indexed, height in zip(index.peaks, heights, strict=True):
        place = indexed.peak.two_theta.value
        panel.text(place, height, f" {_stick_name(indexed)}", rotation=90, ha="center", va="bottom", fontsize=7)
    panel.set_ylim(0, 1.7 * max(heights, default=1.0))
    panel.set(xlabel="2θ (degrees)", ylabel="intensity (relative)" if known else "")
    if not known:
        panel.set_yticks([])
        panel.spines["left"].set_visible(False)
    title = shortened(index.scan.name, 90) + ("" if known or not index.peaks else " · positions only, no intensities are given")
    panel.set_title(title, loc="left", fontsize=9, pad=12)
    if index.peaks:
        panel.legend(loc="upper right", ncols=3)
    else:
        panel.text(0.5, 0.5, "no lines", transform=panel.transAxes, ha="center", color=GREY)
    return figure


def _stick_name(indexed: IndexedPeak) -> str:
    """What explains a line; with a question mark where that is not certain."""
    if not indexed.assignments or indexed.status == "unindexed":
        return "?"
    best = max(indexed.assignments, key=lambda a: a.share)
    return line_name(shortened(best.phase, 16), best.hkl) + ("" if indexed.status == "indexed" else " ?")


def draw_ticks(panel: Axes, ticks: Ticks, names: Sequence[str]) -> None:
    """One labelled row of reflection marks a phase, the first on top."""
    for row, name in enumerate(names):
        positions = [place for _, place in ticks.get(name, ())]
        panel.vlines(positions, -row - 0.36, -row + 0.36, color=colour(row), lw=1.0, gid=f"ticks {name}")
    panel.set_yticks([-row for row in range(len(names))], [shortened(name) for name in names])
    for row, label in enumerate(panel.get_yticklabels()):
        label.set(color=colour(row), fontsize=8)
    panel.set_ylim(-max(len(names), 1) + 0.4, 0.6)
    panel.tick_params(axis="both", length=0)
    panel.spines[["left", "bottom"]].set_visible(False)


def _labelled_places(peaks: Peaks, span: float) -> set[float]:
    """Positions of the most significant peaks that stand far enough apart for their numbers to be read."""
    chosen: list[float] = []
    for peak in sorted(peaks.peaks, key=lambda p: -p.snr):
        place = peak.two_theta.value
        if len(chosen) < _LABELLED and all(abs(place - other) > 0.013 * span for other in chosen):
            chosen.append(place)
    return set(chosen)


def _draw_fit(panel: Axes, fit: Refinement, scale: str) -> None:
    dots = 2.2 if fit.two_theta.size < 8000 else 1.0
    x, rasterise = fit.two_theta, fit.two_theta.size > 20_000
    panel.plot(x, _scaled(fit.observed, scale), ".", ms=dots, color="black", alpha=0.6, label="observed", rasterized=rasterise)
    panel.plot(x, _scaled(fit.background, scale), color=BLUE, lw=1.0, ls="--", label="background")
    panel.plot(x, _scaled(fit.calculated, scale), color=VERMILION, lw=0.9, label="calculated")
    panel.set_ylabel("intensity (counts)")


def _draw_marks(panel: Axes, peaks: Sequence[IndexedPeak], fit: Refinement, scale: str) -> None:
    low, high = _scaled(np.array(_value_range(fit)), scale)
    for status, (mark, shade, label) in _MARKS.items():
        x = [p.peak.two_theta.value for p in peaks if p.status == status]
        heights = [float(_scaled(np.array(height_at(fit.two_theta, fit.observed, place)), scale)) + 0.04 * (high - low) for place in x]
        if x:
            panel.plot(x, heights, mark, ms=6, mfc="none", mew=1.4, color=shade, label=label, clip_on=False)
    panel.legend(loc="upper right")


def _value_range(fit: Refinement) -> tuple[float, float]:
    if not fit.observed.size:
        return 0.0, 1.0
    low = min(float(fit.observed.min()), float(fit.background.min()), float(fit.calculated.min()))
    high = max(float(fit.observed.max()), float(fit.calculated.max()))
    span = (high - low) or 1.0
    return max(low - 0.03 * span, min(low, 0.0)), high + 0.08 * span


def _scaled(values: FloatArray, scale: str) -> FloatArray:
    return np.sqrt(np.maximum(values, 0.0)) if scale == "sqrt" else np.asarray(values)


def _root_axis(panel: Axes, scale: str, top: float) -> None:
    """Label a square-root axis with the counts themselves."""
    if scale != "sqrt":
        return
    round_counts = [digit * 10.0**power for power in range(12) for digit in (1, 2, 5)]
    shown = [0.0]
    for counts in round_counts:
        if np.sqrt(counts) <= top and np.sqrt(counts) - np.sqrt(shown[-1]) >= 0.1 * top:
            shown.append(counts)
    panel.set_yticks(np.sqrt(shown).tolist(), [f"{counts:,.0f}" for counts in shown])
    panel.set_ylabel("intensity (counts, square-root scale)")


def _limits(panel: Axes, intensity: FloatArray) -> tuple[float, float]:
    top = float(intensity.max(initial=1.0))
    span = (top - float(intensity.min(initial=0.0))) or 1.0
    panel.set_ylim(float(intensity.min(initial=0.0)) - 0.03 * span, top + 0.05 * span)
    return top, span


def _shade_unused(panel: Axes, pattern: Pattern) -> None:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], (~pattern.used).astype(int), [0]])))
    for first, after in edges.reshape(-1, 2):
        panel.axvspan(float(pattern.two_theta[first]), float(pattern.two_theta[after - 1]), color=GREY, alpha=0.15, lw=0)
