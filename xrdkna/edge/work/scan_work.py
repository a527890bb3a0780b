"""Jobs about one file: is it what it says, and what is in this scan."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy.orm import Session

from xrdkna.edge.page.view import scan_view
from xrdkna.edge.store.changes import tell
from xrdkna.edge.store.series import file_inspected, files_of
from xrdkna.edge.store.tables import Job, Series, SeriesFile
from xrdkna.edge.work.documents import json_to_keep
from xrdkna.edge.work.folder import lay_out
from xrdkna.edge.work.options import Asked, asked_for
from xrdkna.edge.work.outcome import Outcome, Task
from xrdkna.errors import DataError

if TYPE_CHECKING:
    from xrdkna.records.index import Index
    from xrdkna.records.scan import Scan


def run_inspect(task: Task) -> Outcome:
    """Read a file that has come, so that a reader that breaks down over it does so here and takes nothing else with it."""
    with task.store.database.reading() as session:
        file = session.get_one(SeriesFile, task.job.request["file"])
    path = task.scratch / file.name
    path.write_bytes(task.store.files.read(task.job.request["sha256"]))
    facts = _READERS[file.kind](path)
    return Outcome(facts=facts)


def keep_inspected(session: Session, job: Job, outcome: Outcome) -> None:
    """The file is part of the series now."""
    _inspected(session, job, state="read", facts=outcome.facts)


def inspect_failed(session: Session, job: Job, problem: Mapping[str, Any]) -> None:
    """The file is reported as the command line reports it; one that breaks its reader down is kept out of every answer."""
    state = "harmful" if problem.get("code") == "crashed" else "unreadable"
    _inspected(session, job, state=state, facts={"why_not": problem["sentence"]})


def run_look(task: Task) -> Outcome:
    """One scan of a series: the `index` document and what the page draws of it."""
    with task.store.database.reading() as session:
        series = session.get_one(Series, task.job.series_id)
        content = files_of(session, series.id)
    folder = task.scratch / series.name
    lay_out(task.store.files, content, folder)
    found = _indexed_in_series(task.job.request["scan"], folder, asked_for(series.options))
    return _index_outcome(task, found, folder)


def run_analysis(task: Task) -> Outcome:
    """`peaks`, `index` or `refine` of one uploaded scan."""
    request = task.job.request
    path = task.scratch / request["name"]
    path.write_bytes(task.store.files.read(request["sha256"]))
    from xrdkna.read.formats import read_scan

    scan, asked = read_scan(path), asked_for(request["options"])
    if request["command"] == "peaks":
        return Outcome(artifacts={"document": task.store.keep(json_to_keep(_peaks(scan, asked), task.scratch))})
    from xrdkna.pipeline import index_scan, refine_scan

    if request["command"] == "refine":
        from xrdkna.report.document import refine_document

        fitted = refine_scan(scan, asked.library, asked.settings)
        return Outcome(artifacts={"document": task.store.keep(json_to_keep(refine_document(fitted), task.scratch))})
    return _index_outcome(task, index_scan(scan, asked.library, asked.settings), task.scratch)


def _peaks(scan: "Scan", asked: Asked) -> Mapping[str, Any]:
    from xrdkna.pipeline import facts_of, find_peaks_of
    from xrdkna.report.document import peaks_document

    pattern, found = find_peaks_of(scan, asked.settings)
    return peaks_document(facts_of(scan, pattern), found, pattern.notices)


def _indexed_in_series(name: str, folder: Path, asked: Asked) -> "Index":
    from xrdkna.pipeline import index_scan
    from xrdkna.pipeline.settings import settings_for_series
    from xrdkna.read.series import read_series

    series = read_series(folder, growing=frozenset())
    entry = next((entry for entry in series.entries if entry.name == name), None)
    if entry is None:
        raise DataError(f"the series holds no scan called {name}; GET its /scans for their names.")
    return index_scan(entry.load(), asked.library, settings_for_series(asked.settings, series.setup))


def _index_outcome(task: Task, found: "Index", folder: Path) -> Outcome:
    from xrdkna.report.document import index_document

    kept = {"document": json_to_keep(index_document(found), folder), "view": json_to_keep(scan_view(found), folder)}
    return Outcome(artifacts={name: task.store.keep(content) for name, content in kept.items()})


def _inspected(session: Session, job: Job, *, state: str, facts: Mapping[str, Any]) -> None:
    series, file = session.get(Series, job.series_id), session.get(SeriesFile, job.request["file"])
    # A file that was replaced while it was looked at waits for the job about its new content.
    if series is not None and file is not None and file.sha256 == job.request["sha256"]:
        file_inspected(session, series, file, state=state, facts=facts)
        if state == "harmful":
            tell(session, "harmful", project_id=series.project_id, series_id=series.id, name=file.name, sentence=facts["why_not"])


def _scan_facts(path: Path) -> Mapping[str, Any]:
    from xrdkna.read.formats import read_scans

    scans = read_scans(path)
    first = scans[0]
    ends = [float(first.two_theta[0]), float(first.two_theta[-1])] if first.two_theta.size else []
    told = {} if first.start_time is None else {"start": first.start_time.isoformat()}
    return {"scans": len(scans), "points": int(first.two_theta.size), "two_theta_range": ends, **told}


def _cycler_facts(path: Path) -> Mapping[str, Any]:
    from xrdkna.read.cycling import read_cyclings

    return {"records": int(read_cyclings([path]).time.size)}


def _nothing_to_read(path: Path) -> Mapping[str, Any]:
    """A log or a setup is judged with the series it belongs to."""
    return {}


_READERS = {"scan": _scan_facts, "echem": _cycler_facts, "log": _nothing_to_read, "setup": _nothing_to_read}
