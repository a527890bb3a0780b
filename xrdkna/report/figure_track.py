"""Drawing of a series: everything on one time axis."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from xrdkna.records.track import Track, Trajectory
from xrdkna.report.canvas import above, fade, power_norm, second_axis, stacked_panels
from xrdkna.report.decimate import pooled_columns
from xrdkna.report.event_view import event_bands, event_line
from xrdkna.report.palette import BLUE, EVENT_COLOURS, GREEN, GREY, STATE_COLOURS, VERMILION, colour, marker
from xrdkna.report.series_view import (
    as_arrays,
    axis_label,
    axis_range,
    curve_order,
    cycler_curves,
    intensity_curves,
    map_cells,
    never_probable,
    presence_cells,
    presence_rows,
    scan_centres,
    state_runs,
    weight_curves,
)
from xrdkna.report.values import counted, line_name, listed, shortened

if TYPE_CHECKING:
    from xrdkna.report.canvas import Axes, Figure

WIDTH = 8.6
EVENTS_LISTED = 10
# Beyond this many scans markers run together and error bars become a band.
SCANS_WITH_MARKERS = 80
_MAP_COLUMNS = 1500
_ROW = 0.15
_LANE = 11.0  # points a row of event numbers takes above the first panel
Panel = tuple[float, Callable[["Axes", Track], None]]


def track_figure(track: Track) -> Figure:
    """Panels for what the track holds, from the top: map, states, cycler, intensities, weight fractions, presence."""
    panels: list[Panel] = []
    if map_cells(track) is not None:
        panels.append((2.6, _draw_map))
    if state_runs(track):
        panels.append((0.2, _draw_states))
    if cycler_curves(track) is not None:
        panels.append((1.2, _draw_cycler))
    if intensity_curves(track):
        panels.append((1.6, _draw_intensities))
    if weight_curves(track):
        panels.append((1.6, _draw_weights))
    if presence_rows(track):
        panels.append((_ROW * len(presence_rows(track)) + 0.1, _draw_presence))
    panels = panels or [(1.5, _draw_nothing)]
    figure, axes = stacked_panels([height for height, _ in panels], width=WIDTH, footer=_footer(track))
    for (_, draw), axis in zip(panels, axes, strict=True):
        draw(axis, track)
        if draw is not _draw_states:
            _shade_events(axis, track, outline=_OUTLINES.get(draw))
    lanes = _number_events(axes[0], track)
    axes[-1].set_xlabel(axis_label(track))
    if track.axis != "time":
        axes[-1].locator_params(axis="x", integer=True)
    axes[0].set_xlim(*axis_range(track))
    axes[0].set_title(shortened(track.name, 90), loc="left", fontsize=9, pad=6 + _LANE * lanes)
    return figure


def _draw_map(panel: Axes, track: Track) -> None:
    cells = map_cells(track)
    if cells is None:
        return
    image, two_theta = pooled_columns(cells.intensity, cells.two_theta, at_most=_MAP_COLUMNS)
    seen = image[np.isfinite(image)]
    norm = power_norm(float(np.percentile(seen, 1)), float(np.percentile(seen, 99.0))) if seen.size else power_norm(0.0, 1.0)
    middle = (two_theta[1:] + two_theta[:-1]) / 2.0
    step = (two_theta[-1] - two_theta[0]) / max(two_theta.size - 1, 1) or 1.0
    edges = np.concatenate([[two_theta[0] - step / 2], middle, [two_theta[-1] + step / 2]])
    mesh = panel.pcolormesh(cells.edges, edges, np.ma.masked_invalid(image.T), cmap="viridis", norm=norm, rasterized=True)
    panel.set_facecolor("#E8E8E8")
    panel.set_ylabel("2θ (degrees)")
    strip = panel.inset_axes((1.012, 0.0, 0.016, 1.0))
    panel.figure.colorbar(mesh, cax=strip, label="intensity (counts)", extend="max")


def _draw_states(panel: Axes, track: Track) -> None:
    low, high = axis_range(track)
    for state, start, end in state_runs(track):
        panel.axvspan(start, end, color=STATE_COLOURS[state], lw=0)
        if end - start > 0.012 * len(state) * (high - low):
            panel.text((start + end) / 2, 0.5, state, transform=panel.get_xaxis_transform(), ha="center", va="center", fontsize=7.5)
    panel.set_yticks([])
    panel.set_ylabel("cell", rotation=0, ha="right", va="center")
    panel.spines[:].set_visible(False)
    panel.tick_params(length=0)


def _draw_cycler(panel: Axes, track: Track) -> None:
    curves = cycler_curves(track)
    if curves is None:
        return
    x, current, potential = curves
    panel.plot(x, current, color=BLUE, lw=1.1, drawstyle="steps-post")
    panel.set_ylabel("current (mA)", color=BLUE)
    panel.tick_params(axis="y", colors=BLUE)
    panel.margins(y=0.12)
    if potential is not None:
        twin = second_axis(panel)
        twin.plot(x, potential, color=VERMILION, lw=1.1, ls="--")
        twin.set_ylabel("potential (V)", color=VERMILION)
        twin.tick_params(axis="y", colors=VERMILION)
        twin.margins(y=0.12)


def _draw_intensities(panel: Axes, track: Track) -> None:
    curves = intensity_curves(track)
    _draw_curves(panel, track, curves)
    panel.set_ylabel(f"intensity\n({curves[0].unit})" if curves[0].unit else "intensity")


def _draw_weights(panel: Axes, track: Track) -> None:
    _draw_curves(panel, track, weight_curves(track), factor=100.0)
    panel.set_ylabel("weight fraction\n(wt%, crystalline)")
    panel.set_ylim(bottom=min(0.0, panel.get_ylim()[0]))


def _draw_curves(panel: Axes, track: Track, curves: Sequence[Trajectory], *, factor: float = 1.0) -> None:
    x, few, numbers = scan_centres(track), len(track.scans) <= SCANS_WITH_MARKERS, curve_order(track)
    for trajectory in curves:
        value, esd = as_arrays(trajectory, factor=factor)
        order = numbers[line_name(trajectory.phase, trajectory.hkl)]
        width = 1.8 if track.marker is not None and (trajectory.phase, trajectory.hkl) == track.marker else 0.9
        label = line_name(shortened(trajectory.phase or "", 24), trajectory.hkl)
        bars, shade = np.where(np.isfinite(esd), esd, 0.0), colour(order)
        if few:
            panel.errorbar(
                x, value, yerr=bars, color=shade, lw=width, label=label, marker=marker(order), ms=3.5, capsize=2.0, elinewidth=0.8
            )
        else:
            panel.plot(x, value, color=shade, lw=width, label=label)
            panel.fill_between(x, value - bars, value + bars, color=shade, alpha=0.25, lw=0)
    panel.margins(y=0.08)
    _legend(panel)


def _draw_presence(panel: Axes, track: Track) -> None:
    """One row a phase or reflection, filled as far as it is probable in each scan."""
    shown = presence_rows(track)
    laid = presence_cells(track, shown)
    if laid is None:
        return
    edges, probability = laid
    rows = np.arange(len(shown) + 1) - 0.5
    mesh = panel.pcolormesh(edges, rows, np.ma.masked_invalid(probability.T), cmap=fade(GREEN), vmin=0.0, vmax=1.0, rasterized=True)
    panel.hlines(rows[1:-1], edges[0], edges[-1], color="white", lw=1.5)
    panel.set_ylim(len(shown) - 0.5, -0.5)
    panel.set_yticks(range(len(shown)), [line_name(shortened(p.phase, 20), p.hkl) for p in shown], fontsize=7.5)
    panel.tick_params(axis="y", length=0)
    strip = panel.inset_axes((1.012, 0.0, 0.016, 1.0))
    panel.figure.colorbar(mesh, cax=strip, label="probability\nit is there", ticks=[0, 0.5, 1])


def _draw_nothing(panel: Axes, track: Track) -> None:
    said = "the series holds no scan" if not track.scans else "nothing to draw: no scan gave a value"
    panel.text(0.5, 0.5, said, transform=panel.transAxes, ha="center", va="center", color=GREY)
    panel.set_yticks([])


def _legend(panel: Axes) -> None:
    panel.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), handlelength=1.6, labelspacing=0.3, borderaxespad=0.0, fontsize=7.5)


def _shade_events(panel: Axes, track: Track, *, outline: str | None) -> None:
    """A tint over curves; only an outline over an image, where a tint would change what its colours say."""
    for band in event_bands(track):
        name = f"event {band.numbers}"
        if outline is not None:
            panel.axvspan(band.low, band.high, fill=False, edgecolor=outline, ls="--", lw=0.0 if band.slow else 1.0, gid=name)
        else:
            panel.axvspan(band.low, band.high, color=EVENT_COLOURS[band.kind], alpha=0.07 if band.slow else 0.25, lw=0, gid=name)


def _number_events(panel: Axes, track: Track) -> int:
    """Numbers above the panel, each clear of the others, a slow change with a line as long as it took; how many lanes that needs."""
    bands = event_bands(track)
    for band in bands:
        shade, place = EVENT_COLOURS[band.kind], above(panel, 8.0 + _LANE * band.lane)
        if band.slow:
            panel.plot([band.low, band.high], [1.0, 1.0], color=shade, lw=1.2, marker="|", ms=5, transform=place, clip_on=False)
        box = {"facecolor": "white", "edgecolor": "none", "pad": 0.8}
        panel.text(band.middle, 1.0, band.numbers, transform=place, ha="center", va="center", fontsize=8, color=shade, bbox=box)
    return max((band.lane for band in bands), default=-1) + 1


# An image is outlined, not tinted.
_OUTLINES: dict[Callable[[Axes, Track], None], str] = {_draw_map: "white", _draw_presence: "#444444"}


def _footer(track: Track) -> list[str]:
    lines = [f"{order + 1}   {shortened(event_line(event, track), 110)}" for order, event in enumerate(track.events[:EVENTS_LISTED])]
    more = len(track.events) - EVENTS_LISTED
    lines += [f"     and {counted(more, 'more event')}"] if more > 0 else []
    missed = [shortened(name, 20) for name in never_probable(track)]
    return [*lines, f"Looked for and improbable (below 5 %) in every scan: {listed(missed, at_most=8)}"] if missed else lines
