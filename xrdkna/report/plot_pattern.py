"""Interactive figures of one diffractogram."""

from collections.abc import Mapping, Sequence

from xrdkna.records.index import Index, IndexedPeak
from xrdkna.records.peaks import Peaks
from xrdkna.records.refinement import Refinement
from xrdkna.records.scan import Pattern
from xrdkna.report.decimate import kept_indices
from xrdkna.report.palette import BLUE, GREY, ORANGE, PURPLE, VERMILION, colour
from xrdkna.report.pattern_view import height_at, stick_heights, tick_row_names
from xrdkna.report.plot_parts import INK, MARGIN, Spec, axis, figure, line, numbers, plotly_text
from xrdkna.report.values import hkl_text, line_name, shortened, with_esd

POINTS_SHOWN = 4000
_ROW = 20
# A mark stands this share of the highest point above its peak.
_LIFT = 0.025
_STATUS = {"indexed": (BLUE, "circle"), "ambiguous": (PURPLE, "diamond-open"), "unindexed": (VERMILION, "triangle-down-open")}


def pattern_plot(index: Index) -> Spec:
    """Observed, calculated, background; tick rows; difference. A published list becomes sticks."""
    fit = index.refinement
    if fit is None:
        return _sticks(index)
    names = tick_row_names(index, fit)
    rows = max(len(names), 1)
    upper, lower = 380, 110
    total = upper + rows * _ROW + 24 + lower
    ticks_top, difference_top = 1 - (upper + 8) / total, (lower - 8) / total
    layout: Spec = {
        "xaxis": axis("2θ (degrees)", anchor="y3", range=_range(fit)),
        "yaxis": axis("intensity (counts)", domain=[1 - upper / total, 1], rangemode="tozero"),
        "yaxis2": _tick_axis(names, [difference_top + 12 / total, ticks_top]),
        "yaxis3": axis("obs − calc", domain=[0, difference_top], nticks=6),
        "margin": MARGIN | {"l": 86},
    }
    data = [*_curves(fit), *_marks(index.peaks, fit), *_tick_rows(fit.ticks, names)]
    label = f"Diffractogram of {index.scan.name}: observed and calculated intensity, reflections of {len(names)} phases, difference."
    caption = "Drag to zoom, double-click to go back; press a name in the legend to hide it."
    return figure(data, layout, height=total + 90, label=label, caption=caption, scalable=True)


def peaks_plot(pattern: Pattern, peaks: Peaks) -> Spec:
    """The pattern with every peak found marked."""
    kept = kept_indices(pattern.intensity, at_most=POINTS_SHOWN)
    x = numbers(pattern.two_theta[kept])
    places = [p.two_theta.value for p in peaks.peaks]
    hover = [f"{with_esd(p.two_theta)}°, d {with_esd(p.d_spacing)} Å" for p in peaks.peaks]
    lift = _LIFT * float(pattern.intensity.max(initial=0.0))
    heights = [height_at(pattern.two_theta, pattern.intensity, place) + lift for place in places]
    data: list[Spec] = [
        line(x, pattern.intensity[kept], "observed", INK, width=1),
        line(x, pattern.background[kept], "background (estimate)", BLUE),
        _points(places, heights, "found", VERMILION, "triangle-down", hover),
    ]
    halos = [
        {
            "type": "rect", "xref": "x", "yref": "paper", "y0": 0, "y1": 1, "layer": "below", "opacity": 0.18,
            "x0": h.two_theta.value - h.fwhm.value / 2, "x1": h.two_theta.value + h.fwhm.value / 2,
            "fillcolor": ORANGE, "line": {"width": 0}, "label": {"text": "halo", "textposition": "top left", "font": {"size": 11}},
        }
        for h in peaks.halos
    ]  # fmt: skip
    layout: Spec = {"xaxis": axis("2θ (degrees)", range=_range(pattern)), "yaxis": axis("intensity (counts)"), "shapes": halos}
    return figure(data, layout, height=470, label=f"Diffractogram of {pattern.name} with {len(places)} peaks marked.", scalable=True)


def _curves(fit: Refinement) -> list[Spec]:
    kept = kept_indices(fit.observed, fit.calculated, at_most=POINTS_SHOWN)
    x = numbers(fit.two_theta[kept])
    observed = {"type": "scatter", "mode": "markers", "x": x, "y": numbers(fit.observed[kept]), "name": "observed"}
    return [
        observed | {"marker": {"color": INK, "size": 3, "opacity": 0.65}},
        line(x, fit.background[kept], "background", BLUE, dash="dash"),
        line(x, fit.calculated[kept], "calculated", VERMILION),
        line(x, (fit.observed - fit.calculated)[kept], "difference", GREY, width=1) | {"yaxis": "y3"},
    ]


def _marks(peaks: Sequence[IndexedPeak], fit: Refinement) -> list[Spec]:
    found, lift = [], _LIFT * float(fit.observed.max(initial=0.0))
    for status in ("ambiguous", "unindexed"):
        chosen = [p for p in peaks if p.status == status]
        shade, symbol = _STATUS[status]
        places = [p.peak.two_theta.value for p in chosen]
        heights = [height_at(fit.two_theta, fit.observed, place) + lift for place in places]
        if chosen:
            found.append(_points(places, heights, status, shade, symbol, [_hover(p) for p in chosen]))
    return found


def _tick_rows(ticks: Mapping[str, tuple[tuple[tuple[int, int, int], float], ...]], names: Sequence[str]) -> list[Spec]:
    rows = []
    for row, name in enumerate(names):
        lines = ticks.get(name, ())
        marker = {"symbol": "line-ns", "size": 11, "line": {"width": 1.4, "color": colour(row)}}
        rows.append(
            {
                "type": "scatter", "mode": "markers", "yaxis": "y2", "name": plotly_text(name), "showlegend": False, "marker": marker,
                "x": numbers([place for _, place in lines]), "y": [-row] * len(lines),
                "text": [plotly_text(line_name(name, hkl)) for hkl, _ in lines], "hovertemplate": "%{text}<br>%{x:.3f}°<extra></extra>",
            }
        )  # fmt: skip
    return rows


def _tick_axis(names: Sequence[str], domain: list[float]) -> Spec:
    return {
        "domain": domain,
        "tickvals": [-row for row in range(len(names))],
        "ticktext": [f'<span style="color:{colour(row)}">{plotly_text(shortened(name, 12))}</span>' for row, name in enumerate(names)],
        "range": [-max(len(names), 1) + 0.4, 0.6],
        "showgrid": False,
        "zeroline": False,
        "fixedrange": True,
        "tickfont": {"size": 10},
    }


def _sticks(index: Index) -> Spec:
    data: list[Spec] = []
    tops, known = stick_heights(index)
    for status, (shade, symbol) in _STATUS.items():
        chosen = [p for p in index.peaks if p.status == status]
        if not chosen:
            continue
        x = [p.peak.two_theta.value for p in chosen]
        y = [top for p, top in zip(index.peaks, tops, strict=True) if p.status == status]
        stems = [value for place in x for value in (place, place, None)]
        heights = [value for top in y for value in (0, top, None)]
        stick: Spec = {"type": "scatter", "mode": "lines", "x": stems, "y": heights, "line": {"color": shade}, "showlegend": False}
        data.append(stick | {"hoverinfo": "skip"})
        data.append(_points(x, y, status, shade, symbol, [_hover(p) for p in chosen]))
    layout: Spec = {"xaxis": axis("2θ (degrees)"), "yaxis": axis("intensity (relative)", rangemode="tozero")}
    if not known:
        layout["yaxis"] = axis("", rangemode="tozero") | {"showticklabels": False, "ticks": "", "showgrid": False}
    caption = "" if known else "Positions only: the list gives no intensities"
    return figure(data, layout, height=360, label=f"The {len(index.peaks)} lines of {index.scan.name}.", caption=caption)


def _points(x: Sequence[float], y: Sequence[float], name: str, shade: str, symbol: str, hover: Sequence[str]) -> Spec:
    marker = {"symbol": symbol, "size": 9, "color": shade, "line": {"width": 1.6, "color": shade}}
    text = [plotly_text(words) for words in hover]
    shown = {"text": text, "hovertemplate": "%{text}<extra></extra>"}
    return {"type": "scatter", "mode": "markers", "x": numbers(x), "y": numbers(y), "name": name, "marker": marker, **shown}


def _hover(indexed: IndexedPeak) -> str:
    names = " + ".join(f"{shortened(a.phase)} {hkl_text(a.hkl)}" for a in indexed.assignments) or "nothing explains it"
    return f"{with_esd(indexed.peak.two_theta)}°, {indexed.status}: {names}"


def _range(drawn: Refinement | Pattern) -> list[float] | None:
    return [float(drawn.two_theta[0]), float(drawn.two_theta[-1])] if drawn.two_theta.size > 1 else None
