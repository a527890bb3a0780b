"""The report of a series as it is kept: without plotly's script, which is the same in all of them and four megabytes."""

from pathlib import Path

from xrdkna.records.track import Track

_PLACE = "<!-- plotly -->"


def report_to_keep(track: Track, scratch: Path) -> bytes:
    """The page that `track --html` writes, with a mark in place of plotly's script."""
    from xrdkna.report.html import embedded_plotly, write_track_html

    path = scratch / "report.html"
    write_track_html(track, path)
    return path.read_text(encoding="utf-8").replace(embedded_plotly(), _PLACE, 1).encode("utf-8")


def report_to_show(kept: bytes) -> bytes:
    """The page as `track --html` writes it."""
    from xrdkna.report.html import embedded_plotly

    return kept.replace(_PLACE.encode("ascii"), embedded_plotly().encode("utf-8"), 1)
