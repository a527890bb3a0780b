"""Jobs about a whole series: following it, and drawing what was found."""

import json
import pickle
import zlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from xrdkna.edge.alarms import alarms_of
from xrdkna.edge.page.report_file import report_to_keep
from xrdkna.edge.page.view import map_to_keep, series_view
from xrdkna.edge.store.changes import tell
from xrdkna.edge.store.database import new_id, now
from xrdkna.edge.store.series import files_of
from xrdkna.edge.store.tables import Alarm, Job, Series, SeriesFile
from xrdkna.edge.work.documents import json_to_keep
from xrdkna.edge.work.folder import lay_out
from xrdkna.edge.work.options import asked_for
from xrdkna.edge.work.outcome import Outcome, Task
from xrdkna.errors import DataError

if TYPE_CHECKING:
    from xrdkna.records.track import Track

# Finer than the report's map (600 × 400), which shows the whole series at once: the page asks for more where a person zooms in.
_MAP_BINS, _MAP_SCANS = 1000, 1000


def run_track(task: Task) -> Outcome:
    """Follow the series as it is now: all its documents."""
    with task.store.database.reading() as session:
        series = session.get_one(Series, task.job.series_id)
        content = files_of(session, series.id)
    from xrdkna.report.document import track_document
    from xrdkna.report.table import write_track_csv

    folder = task.scratch / series.name
    there = lay_out(task.store.files, content, folder)
    if not any(file.kind == "scan" for file in there):
        raise DataError(f"the series {series.name} holds no scan that can be followed; upload one.")
    track = _followed(series, there, folder, task)
    table = task.scratch / "track.csv"
    write_track_csv(track, table)
    document = json_to_keep(track_document(track), folder)
    kept = {
        "track": document,
        "events": _events_alone(document, series),
        "view": json_to_keep(series_view(track), folder),
        "table": table.read_bytes(),
        "report": report_to_keep(track, task.scratch),
        "map": map_to_keep(track),
        "record": zlib.compress(pickle.dumps(track), 1),
    }
    artifacts = {name: task.store.keep(content) for name, content in kept.items()}
    alarms = [{"kind": alarm.kind, "key": alarm.key, "sentence": alarm.sentence} for alarm in alarms_of(json.loads(document))]
    return Outcome(artifacts=artifacts, facts={"revision": series.revision, "alarms": alarms})


def keep_track(session: Session, job: Job, outcome: Outcome) -> None:
    """The new answer takes the place of the old one; what calls for attention for the first time becomes an alarm."""
    series = session.get_one(Series, job.series_id)
    series.artifacts, series.declined, series.tracked = dict(outcome.artifacts), None, outcome.facts["revision"]
    for alarm in outcome.facts["alarms"]:
        known = select(Alarm.id).where(Alarm.series_id == series.id, Alarm.kind == alarm["kind"], Alarm.key == alarm["key"][:200])
        if session.scalar(known) is None:
            sentence = alarm["sentence"][:1000]
            row = Alarm(
                id=new_id(), series_id=series.id, kind=alarm["kind"], key=alarm["key"][:200], sentence=sentence, moment=now(), tries=0
            )
            session.add(row)
            tell(session, "alarm", project_id=series.project_id, series_id=series.id, alarm=alarm["kind"], sentence=sentence)
    tell(session, "track", project_id=series.project_id, series_id=series.id, revision=series.tracked)


def track_failed(session: Session, job: Job, problem: Mapping[str, Any]) -> None:
    """The answer at hand stays; why there is no newer one is told beside it."""
    series = session.get(Series, job.series_id)
    if series is not None:
        series.declined = dict(problem)
        series.tracked = series.revision
        tell(session, "track", project_id=series.project_id, series_id=series.id, revision=series.tracked)


def run_figure(task: Task) -> Outcome:
    """The figure on paper of an answer at hand; its record was written by this program, into its own folder."""
    from xrdkna.report.figures import plot_track

    track = pickle.loads(zlib.decompress(task.store.files.read(task.job.request["record"])))
    path = task.scratch / f"figure.{task.job.request['form']}"
    plot_track(track, path)
    return Outcome(artifacts={"figure": task.store.keep(path.read_bytes())})


def _events_alone(document: bytes, series: Series) -> bytes:
    """The part of the answer that somebody asks for again and again."""
    found = json.loads(document)
    head = {"schema": "xrdkna.events/1", "series": series.id, "revision": series.revision}
    return json.dumps({**head, **{key: found[key] for key in ("axis", "marker", "events", "contamination")}}, ensure_ascii=False).encode()


def _followed(series: Series, there: list[SeriesFile], folder: Path, task: Task) -> "Track":
    from xrdkna.edge.echem import series_with_cell
    from xrdkna.pipeline import track_series

    asked = asked_for(series.options)
    found = series_with_cell(folder, _named_cyclers(there, folder), asked.clock, asked.plating_current, growing=frozenset())
    finer = replace(asked.settings.track, heatmap_bins=_MAP_BINS, heatmap_scans=_MAP_SCANS)
    return track_series(found, asked.library, replace(asked.settings, track=finer), progress=task.progress)


def _named_cyclers(there: list[SeriesFile], folder: Path) -> tuple[Path, ...]:
    """The cycler's files by name where one of them is a table that the folder would not be searched for."""
    from xrdkna.edge.store.series import kind_of

    files = [file for file in there if file.kind == "echem"]
    return tuple(folder / file.name for file in files) if any(kind_of(file.name) != "echem" for file in files) else ()
