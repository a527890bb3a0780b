"""A series as one file to take away."""

import io
import zipfile
from collections.abc import Sequence

from xrdkna.edge.page.report_file import report_to_show
from xrdkna.edge.store.store import Store
from xrdkna.edge.store.tables import Series, SeriesFile

_RESULTS = (("track", "results/track.json"), ("table", "results/track.csv"), ("report", "results/report.html"))
# The oldest moment a zip file can tell: the same series is the same bytes.
_MOMENT = (1980, 1, 1, 0, 0, 0)


def bundle_of(store: Store, series: Series, files: Sequence[SeriesFile]) -> bytes:
    """A zip of the series folder, as `xrdkna track` reads it, and of its results."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files:
            archive.writestr(_entry(f"{series.name}/{file.name}"), store.files.read(file.sha256))
        for name, place in _RESULTS:
            if name in series.artifacts:
                kept = store.files.read(series.artifacts[name])
                archive.writestr(_entry(f"{series.name}/{place}"), report_to_show(kept) if name == "report" else kept)
    return content.getvalue()


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _MOMENT)
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry
