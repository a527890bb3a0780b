"""What the page draws, made by the worker that made the answer: the server only hands it on."""

import io
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from xrdkna.records.arrays import FloatArray
    from xrdkna.records.index import Index
    from xrdkna.records.track import Presence, Track

Json = dict[str, Any]
# The first look at a long series: finer than a screen of 1280 shows, and small enough to be there at once. Zooming asks for more.
_FIRST_COLUMNS, _FIRST_ROWS = 260, 400
_COLUMNS, _ROWS = 500, 500
# What is drawn first, by the beginning of its label: the map, and what the cell did meanwhile.
_ABOVE_THE_MARKER = ("Map of intensity", "Current and potential")


def series_view(track: "Track") -> Json:
    """Figures, sentences and the stretch of the axis that each scan stands for."""
    from xrdkna.report.page_facts import track_facts
    from xrdkna.report.plot_track import other_plots, track_plots
    from xrdkna.report.series_view import axis_label, scan_spans

    plots = track_plots(track)
    for plot in plots:
        if plot["data"] and plot["data"][0]["type"] == "heatmap" and "y" in plot["data"][0]:
            _thin_map(plot)
    marker = _marker_plot(track)
    lead = sum(plot["label"].startswith(_ABOVE_THE_MARKER) for plot in plots)
    facts = track_facts(track)
    return {
        "name": track.name,
        "axis": axis_label(track),
        "plots": [*plots[:lead], *([marker] if marker else []), *plots[lead:]],
        "more": [{"name": name, "plot": plot} for name, plot in other_plots(track)],
        "facts": facts,
        "scans": [
            {"name": scan.name, "low": low, "high": high, "used": scan.used, "why_not": scan.why_not, "state": scan.state}
            for scan, (low, high) in zip(track.scans, scan_spans(track), strict=True)
        ],
    }


def scan_view(index: "Index") -> Json:
    """Fit, difference, tick rows, and the table of the phases of one scan."""
    from xrdkna.report.page_facts import index_facts
    from xrdkna.report.plot_pattern import pattern_plot

    drawable = bool(index.peaks) if index.refinement is None else index.refinement.two_theta.size > 0
    return {"name": index.scan.name, "plot": pattern_plot(index) if drawable else None, "facts": index_facts(index, parameters=False)}


def map_to_keep(track: "Track") -> bytes:
    """The whole map as the track has it, for looks at a part of it."""
    from xrdkna.report.series_view import map_cells

    cells, content = map_cells(track), io.BytesIO()
    if cells is not None:
        np.savez_compressed(content, edges=cells.edges, two_theta=cells.two_theta, intensity=cells.intensity.astype(np.float32))
    return content.getvalue()


def map_part(kept: bytes, *, start: float, end: float, low: float, high: float) -> Json:
    """The map between two moments on the axis and two angles, as fine as it is, within what a screen shows."""
    from xrdkna.report.plot_parts import numbers

    nothing: Json = {"x": [], "y": [], "z": []}
    if not kept:
        return nothing
    with np.load(io.BytesIO(kept)) as arrays:
        edges, two_theta, image = (np.asarray(arrays[name], dtype=np.float64) for name in ("edges", "two_theta", "intensity"))
    rows, columns = (edges[1:] >= start) & (edges[:-1] <= end), (two_theta >= low) & (two_theta <= high)
    if not rows.any() or not columns.any():
        return nothing
    first, last = int(np.flatnonzero(rows)[0]), int(np.flatnonzero(rows)[-1]) + 1
    image, two_theta, edges = _thinned(
        image[first:last, columns], two_theta[columns], edges[first : last + 1], rows=_ROWS, columns=_COLUMNS
    )
    return {"x": numbers(edges, digits=8), "y": numbers(two_theta), "z": numbers(image.T, digits=4)}


def _thin_map(plot: Json) -> None:
    """Fewer cells in a heat map of a figure."""
    from xrdkna.report.plot_parts import numbers

    heat = plot["data"][0]
    image = np.array(heat["z"], dtype=np.float64).T
    image, two_theta, edges = _thinned(image, np.array(heat["y"]), np.array(heat["x"]), rows=_FIRST_ROWS, columns=_FIRST_COLUMNS)
    heat |= {"x": numbers(edges, digits=8), "y": numbers(two_theta), "z": numbers(image.T, digits=4)}


def _thinned(
    image: "FloatArray", two_theta: "FloatArray", edges: "FloatArray", *, rows: int, columns: int
) -> tuple["FloatArray", "FloatArray", "FloatArray"]:
    """The largest value of neighbours, so that no line is lost: (image, 2θ, edges)."""
    if two_theta.size > columns:
        starts = np.linspace(0, two_theta.size, columns + 1).astype(np.int64)[:-1]
        counts = np.diff(np.append(starts, two_theta.size))
        image, two_theta = np.fmax.reduceat(image, starts, axis=1), np.add.reduceat(two_theta, starts) / counts
    if image.shape[0] > rows:
        starts = np.linspace(0, image.shape[0], rows + 1).astype(np.int64)[:-1]
        image, edges = np.fmax.reduceat(image, starts, axis=0), np.append(edges[starts], edges[-1])
    return image, two_theta, edges


def _marker_plot(track: "Track") -> Json | None:
    """The marker's intensity with its esds, and how probable it is that it is there, on one axis of time."""
    from xrdkna.report.palette import BLUE, GREEN
    from xrdkna.report.plot_parts import axis, figure, line, numbers, plotly_text
    from xrdkna.report.plot_track import GROUP, event_shapes
    from xrdkna.report.series_view import as_arrays, axis_label, axis_range, scan_centres
    from xrdkna.report.values import line_name

    if track.marker is None:
        return None
    phase, hkl = track.marker
    found = [t for t in track.trajectories if t.quantity == "intensity" and (t.phase, t.hkl) == (phase, hkl)]
    present = _marker_presence(track)
    if not found and present is None:
        return None
    name, x = line_name(phase, hkl), numbers(scan_centres(track))
    data: list[Json] = []
    if found:
        value, esd = as_arrays(found[0])
        bars = {"type": "data", "array": numbers(esd), "thickness": 1, "width": 2, "visible": True}
        data.append(line(x, value, plotly_text(name), BLUE) | {"mode": "lines+markers", "error_y": bars, "marker": {"size": 7}})
    if present is not None:
        probable = line(x, present.probability, "probability that it is there", GREEN, dash="dot", shape="hvh")
        data.append(probable | {"yaxis": "y2"})
    low, high = axis_range(track)
    unit = found[0].unit if found else ""
    layout: Json = {
        "xaxis": axis(axis_label(track), range=[low, high]),
        "yaxis": axis(f"intensity ({unit})" if unit else "intensity", color=BLUE),
        "yaxis2": axis("probability", overlaying="y", side="right", showgrid=False, color=GREEN, range=[-0.04, 1.04], tickvals=[0, 0.5, 1]),
        "shapes": list(event_shapes(track, outline=None)),
        "hovermode": "x unified",
    }
    label = f"Intensity of {name} over the series, and the probability that it is there."
    return figure(data, layout, height=280, label=label, caption=plotly_text(f"The marker, {name}"), group=GROUP)


def _marker_presence(track: "Track") -> "Presence | None":
    if track.marker is None:
        return None
    phase, hkl = track.marker
    of_line = [p for p in track.presence if (p.phase, p.hkl) == (phase, hkl)]
    of_phase = [p for p in track.presence if (p.phase, p.hkl) == (phase, None)]
    return next(iter([*of_line, *of_phase]), None)
