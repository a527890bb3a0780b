"""Interactive figures of a series, one below the other on a shared time axis."""

from collections.abc import Iterator, Sequence

import numpy as np

from xrdkna.records.arrays import FloatArray
from xrdkna.records.track import Track, Trajectory
from xrdkna.report.decimate import pooled_columns
from xrdkna.report.event_view import EventBand, event_bands
from xrdkna.report.palette import BLUE, EVENT_COLOURS, GREEN_FADE, STATE_COLOURS, VERMILION, colour
from xrdkna.report.plot_parts import MARGIN, ROOT_VIRIDIS, Spec, axis, figure, line, numbers, plotly_text
from xrdkna.report.series_view import (
    as_arrays,
    axis_label,
    axis_range,
    curve_order,
    cycler_curves,
    has_values,
    intensity_curves,
    map_cells,
    never_probable,
    presence_cells,
    presence_rows,
    scan_centres,
    state_runs,
    weight_curves,
)
from xrdkna.report.values import line_name, listed, shortened

GROUP = "time"
_CYCLER_CAPTION = "Electrochemistry; the strip at its foot is grey at rest, blue while plating, orange while stripping"
_CELL_EDGES, _CELL_ANGLES = ("a", "b", "c"), ("alpha", "beta", "gamma")
_QUANTITY_NAMES = {"rwp": "Rwp", "gof": "goodness of fit"}
_MAP_COLUMNS = 500
_MAP_ROWS = 500
_CURVES_A_PLOT = 12
_LANE = 16  # pixels a row of event numbers takes above the map
_SYMBOLS = ("circle", "square", "triangle-up", "diamond", "triangle-down", "cross", "x")


def track_plots(track: Track) -> list[Spec]:
    """Map, cycler, intensities, weight fractions, presence: those that the track can fill."""
    drawn = [_map_plot(track), _cycler_plot(track)]
    drawn.append(_curve_plot(track, intensity_curves(track), title="intensity"))
    drawn.append(_curve_plot(track, weight_curves(track), title="weight fraction (wt%)", factor=100.0))
    drawn.append(_presence_plot(track))
    return [plot for plot in drawn if plot is not None]


def other_plots(track: Track) -> list[tuple[str, Spec]]:
    """(quantity, figure) for every trajectory not drawn by `track_plots`."""
    shown = [*intensity_curves(track), *weight_curves(track)]
    rest: dict[tuple[str, str], list[Trajectory]] = {}
    for trajectory in track.trajectories:
        if has_values(trajectory) and not any(trajectory is other for other in shown):
            rest.setdefault((trajectory.quantity, trajectory.unit), []).append(trajectory)
    plots = []
    for (quantity, unit), curves in rest.items():
        kind = "cell edge " if quantity in _CELL_EDGES else "cell angle " if quantity in _CELL_ANGLES else ""
        name = _QUANTITY_NAMES.get(quantity, kind + quantity.replace("_", " "))
        title = name + (f" ({unit})" if unit and unit != "1" else "")
        ranked = sorted(curves, key=lambda t: t.hkl is not None)[:_CURVES_A_PLOT]
        if (plot := _curve_plot(track, ranked, title=title)) is not None:
            plots.append((title + (f", {len(ranked)} of {len(curves)} curves" if len(ranked) < len(curves) else ""), plot))
    return plots


def _map_plot(track: Track) -> Spec | None:
    cells = map_cells(track)
    if cells is None:
        return None
    image, two_theta = pooled_columns(cells.intensity, cells.two_theta, at_most=_MAP_COLUMNS)
    image, edges = _pooled_rows(image, cells.edges)
    seen = image[np.isfinite(image)]
    low, high = (float(np.percentile(seen, q)) for q in (1.0, 99.0)) if seen.size else (0.0, 1.0)
    bar = {"title": {"text": "counts", "font": {"size": 11}}, "thickness": 10, "x": 1.01, "xpad": 0, "len": 1, "tickfont": {"size": 10}}
    data: list[Spec] = [
        {
            "type": "heatmap", "x": numbers(edges, digits=8), "y": numbers(two_theta), "z": numbers(image.T, digits=4),
            "zmin": low, "zmax": max(high, low + 1), "colorscale": ROOT_VIRIDIS, "colorbar": bar, "hoverongaps": False,
            "hovertemplate": "%{x:.3f}, %{y:.2f}°: %{z} counts<extra></extra>",
        }
    ]  # fmt: skip
    layout = _layout(track, "2θ (degrees)", over_image=True)
    return figure(data, layout, height=380, label="Map of intensity over 2θ and time.", caption="2θ map of the series", group=GROUP)


def _cycler_plot(track: Track) -> Spec | None:
    curves = cycler_curves(track)
    if curves is None:
        return None
    x, current, potential = curves
    data = [line(numbers(x), current, "current", BLUE, shape="hv")]
    layout = _layout(track, "current (mA)", over_image=False)
    layout["yaxis"] |= {"color": BLUE}
    if potential is not None:
        data.append(line(numbers(x), potential, "potential", VERMILION, dash="dash") | {"yaxis": "y2"})
        layout["yaxis2"] = axis("potential (V)", overlaying="y", side="right", showgrid=False, color=VERMILION, tickmode="auto", nticks=5)
    layout["shapes"] = [*_state_shapes(track), *layout["shapes"]]
    return figure(data, layout, height=240, label="Current and potential of the cell over time.", caption=_CYCLER_CAPTION, group=GROUP)


def _curve_plot(track: Track, curves: Sequence[Trajectory], *, title: str, factor: float = 1.0) -> Spec | None:
    if not curves:
        return None
    order, x = curve_order(track), numbers(scan_centres(track))
    data: list[Spec] = []
    for place, trajectory in enumerate(curves):
        value, esd = as_arrays(trajectory, factor=factor)
        name = line_name(trajectory.phase, trajectory.hkl)
        bars = {"type": "data", "array": numbers(esd), "thickness": 1, "width": 2, "visible": bool(np.isfinite(esd).any())}
        data.append(_curve(x, value, name or trajectory.quantity, order.get(name, place)) | {"error_y": bars})
    unit = curves[0].unit
    named = f"{title} ({unit})" if unit and unit != "1" and "(" not in title else title
    caption = title.partition(" (")[0]
    caption = caption[:1].upper() + caption[1:]
    label = f"{caption} of {len(curves)} curves over the series."
    return figure(data, _layout(track, named, over_image=False), height=300, label=label, caption=caption, group=GROUP)


def _presence_plot(track: Track) -> Spec | None:
    shown = presence_rows(track)
    laid = presence_cells(track, shown)
    if laid is None:
        return None
    probability, edges = _pooled_rows(laid[1], laid[0])
    names = [plotly_text(line_name(shortened(presence.phase, 16), presence.hkl)) for presence in shown]
    bar = {"thickness": 10, "x": 1.01, "xpad": 0, "len": 1, "tickvals": [0, 0.5, 1], "tickfont": {"size": 10}}
    data: list[Spec] = [
        {
            "type": "heatmap", "x": numbers(edges, digits=8), "z": numbers(probability.T, digits=4), "ygap": 3,
            "zmin": 0, "zmax": 1, "colorscale": GREEN_FADE, "colorbar": bar, "hoverongaps": False,
            "hovertemplate": "%{x:.3f}: probability %{z}<extra></extra>",
        }
    ]  # fmt: skip
    layout = _layout(track, "", over_image=True)
    ends = [len(shown) - 0.5, -0.5]
    layout["yaxis"] |= {"tickvals": list(range(len(shown))), "ticktext": names, "range": ends, "tickfont": {"size": 10}, "showgrid": False}
    layout |= {"annotations": [], "margin": MARGIN, "shapes": list(event_shapes(track, outline="@ink"))}
    missed = never_probable(track)
    caption = "Presence: how probable it is, scan by scan, that a phase or reflection is there"
    caption += f"; below 5 % in every scan: {listed([plotly_text(name) for name in missed], at_most=10)}" if missed else ""
    label = "Probability, scan by scan, that a phase or reflection is there."
    return figure(data, layout, height=22 * len(shown) + 80, label=label, caption=caption, group=GROUP)


def _curve(x: list[float], y: FloatArray, name: str, order: int) -> Spec:
    marker = {"symbol": _SYMBOLS[order % len(_SYMBOLS)], "size": 6, "color": colour(order)}
    drawn = line(x, y, plotly_text(shortened(name, 30)), colour(order), width=1.6)
    return drawn | {"mode": "lines+markers", "marker": marker, "showlegend": True}


def _layout(track: Track, title: str, *, over_image: bool) -> Spec:
    low, high = axis_range(track)
    bands = event_bands(track)
    lanes = max((band.lane for band in bands), default=-1) + 1
    layout: Spec = {
        "xaxis": axis(axis_label(track), range=[low, high], **({} if track.axis == "time" else {"tickformat": "d"})),
        "yaxis": axis(title),
        "shapes": list(event_shapes(track, outline="white" if over_image else None)),
        "hovermode": "closest" if over_image else "x unified",
    }
    if over_image:
        height = MARGIN["t"] + _LANE * lanes
        layout |= {"margin": MARGIN | {"t": height}, "annotations": [_event_number(band) for band in bands]}
        layout["shapes"] += [shape for band in bands if band.slow for shape in _slow_line(band)]
    return layout


def event_shapes(track: Track, *, outline: str | None) -> Iterator[Spec]:
    """A tint over curves; only an outline over an image, where a tint would change what its colours say."""
    for band in event_bands(track):
        place = {"type": "rect", "xref": "x", "yref": "paper", "x0": band.low, "x1": band.high, "y0": 0, "y1": 1}
        place["name"] = f"event {band.numbers}"
        if outline is not None:
            yield place | {"line": {"color": outline, "width": 0 if band.slow else 1.2, "dash": "dash"}, "layer": "above"}
        else:
            tint = {"fillcolor": EVENT_COLOURS[band.kind], "opacity": 0.08 if band.slow else 0.25}
            yield place | tint | {"line": {"width": 0}, "layer": "below"}


def _event_number(band: EventBand) -> Spec:
    place = {"xref": "x", "yref": "paper", "y": 1, "yanchor": "bottom", "showarrow": False, "yshift": _LANE * band.lane}
    return place | {"x": band.middle, "text": f"<b>{band.numbers}</b>", "font": {"color": EVENT_COLOURS[band.kind]}}


def _slow_line(band: EventBand) -> Iterator[Spec]:
    """A line as long as the change took, to the left and to the right of its number."""
    height = 9 + _LANE * band.lane
    gap = 0.12 * (band.high - band.low)
    for low, high in ((band.low, band.middle - gap), (band.middle + gap, band.high)):
        line = {"color": EVENT_COLOURS[band.kind], "width": 2}
        place = {"xref": "x", "yref": "paper", "ysizemode": "pixel", "yanchor": 1, "y0": height, "y1": height}
        yield place | {"type": "line", "x0": low, "x1": high, "line": line, "name": f"slow {band.numbers}"}


def _state_shapes(track: Track) -> list[Spec]:
    """A strip along the foot of the panel: what the cell was doing."""
    place = {"type": "rect", "xref": "x", "yref": "paper", "y0": 0, "y1": 0.07, "line": {"width": 0}, "layer": "above"}
    return [place | {"x0": low, "x1": high, "fillcolor": STATE_COLOURS[state], "name": state} for state, low, high in state_runs(track)]


def _pooled_rows(image: FloatArray, edges: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Fewer rows (scans) for a long series: the largest value of neighbours, empty ones left out of it."""
    rows = image.shape[0]
    if rows <= _MAP_ROWS:
        return image, edges
    starts = np.linspace(0, rows, _MAP_ROWS + 1).astype(np.int64)[:-1]
    return np.fmax.reduceat(image, starts, axis=0), np.append(edges[starts], edges[-1])
