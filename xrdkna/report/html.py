"""One self-contained page for each answer. The door to jinja2, and to plotly's script, which is embedded: no network is used."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xrdkna.records.index import Index, ScanFacts
from xrdkna.records.peaks import Peaks
from xrdkna.records.scan import Pattern
from xrdkna.records.track import Track
from xrdkna.records.values import Notice
from xrdkna.report.output import write_text
from xrdkna.report.page_facts import index_facts, peaks_facts, track_facts
from xrdkna.report.plot_parts import Spec
from xrdkna.report.plot_pattern import pattern_plot, peaks_plot
from xrdkna.report.plot_track import other_plots, track_plots

if TYPE_CHECKING:
    from jinja2 import Environment


def write_index_html(index: Index, path: str | Path) -> None:
    """The page of one indexed scan or published list. Raises UsageError when the file cannot be written."""
    _write(path, "scan.html.j2", index_facts(index, parameters=False), [pattern_plot(index)] if _drawable(index) else [])


def write_refine_html(index: Index, path: str | Path) -> None:
    """The page of one refinement: as `write_index_html`, with the fit's parameters. Raises UsageError as that does."""
    _write(path, "scan.html.j2", index_facts(index, parameters=True), [pattern_plot(index)] if _drawable(index) else [])


def write_peaks_html(facts: ScanFacts, peaks: Peaks, pattern: Pattern, path: str | Path, notices: Iterable[Notice] = ()) -> None:
    """The page of the peaks found in one pattern. Raises UsageError when the file cannot be written."""
    plots = [peaks_plot(pattern, peaks)] if pattern.two_theta.size else []
    _write(path, "peaks.html.j2", peaks_facts(facts, peaks, notices), plots)


def write_track_html(track: Track, path: str | Path) -> None:
    """The page of a series. Raises UsageError when the file cannot be written."""
    _write(path, "track.html.j2", track_facts(track), track_plots(track) if track.scans else [], other_plots(track))


def _drawable(index: Index) -> bool:
    return bool(index.peaks) if index.refinement is None else index.refinement.two_theta.size > 0


def _write(path: str | Path, template: str, facts: dict[str, Any], plots: list[Spec], more: Iterable[tuple[str, Spec]] = ()) -> None:
    page = _environment().get_template(template)
    write_text(path, page.render(**facts, plots=plots, more_plots=list(more), plotly_script=embedded_plotly()) + "\n")


def plotly_script() -> str:
    """plotly's script as its package brings it."""
    from plotly.offline import get_plotlyjs

    return str(get_plotlyjs())


def embedded_plotly() -> str:
    """plotly's script as it stands inside a script element of a page."""
    from markupsafe import Markup

    return Markup(plotly_script().replace("</script", "<\\/script"))


def _environment() -> "Environment":
    from jinja2 import Environment, PackageLoader, StrictUndefined

    loader = PackageLoader("xrdkna", "report/templates")
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["embedded"] = _embedded_json
    return environment


def _embedded_json(value: object) -> str:
    """JSON that may stand inside a script element: no sign in it can end the element or start a comment."""
    from markupsafe import Markup

    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return Markup(text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e"))
