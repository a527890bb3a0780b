"""Series that grow: their files, and the work that a new file brings."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from xrdkna.edge.store.changes import tell
from xrdkna.edge.store.database import new_id, now
from xrdkna.edge.store.jobs import enqueue
from xrdkna.edge.store.tables import Job, Series, SeriesFile
from xrdkna.errors import UsageError

KINDS = ("scan", "log", "setup", "echem")
# More urgent first: somebody looks at a scan; a file has come; a figure is wanted; a series is followed again.
PRIORITY = {"look": 10, "inspect": 8, "figure": 6, "track": 0}
_CYCLERS = (".ndax", ".nda", ".mpr", ".mpt")
# What a file may be called anywhere: no folder, no control characters, not hidden.
_NAME = re.compile(r"(?![.~])[^/\\\x00-\x1f\x7f]{1,120}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A file as it came. start_time, end_time: ISO 8601, of a scan whose file does not say; None where not told."""

    name: str
    kind: str
    sha256: str
    size: int
    start_time: str | None = None
    end_time: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """How much a series holds; busy: it is being followed, or waits to be."""

    scans: int
    waiting: int
    unreadable: int
    busy: bool


class NameTakenError(UsageError):
    """A file of this name and other content is in the series already."""


def make_series(session: Session, *, project_id: str, name: str, options: Mapping[str, Any]) -> Series:
    """A new, empty series."""
    series = Series(
        id=new_id(), project_id=project_id, name=name, options=dict(options), created=now(), changed=now(), revision=0, artifacts={}
    )
    session.add(series)
    session.flush()
    tell(session, "series", project_id=project_id, series_id=series.id, state="created")
    return series


def series_of(session: Session, project_id: str, series_id: str) -> Series | None:
    """The series, if it is this project's."""
    return session.scalar(select(Series).where(Series.id == series_id, Series.project_id == project_id))


def all_series(session: Session, project_id: str, *, at_most: int = 500) -> list[Series]:
    """The project's series, the one that changed last first."""
    return list(session.scalars(select(Series).where(Series.project_id == project_id).order_by(Series.changed.desc()).limit(at_most)))


def files_of(session: Session, series_id: str) -> list[SeriesFile]:
    """The files of a series in the order they came."""
    return list(session.scalars(select(SeriesFile).where(SeriesFile.series_id == series_id).order_by(SeriesFile.received, SeriesFile.id)))


def plain_name(given: str) -> str:
    """The name alone of a file, whatever folder the client says it was in. Raises UsageError for one that is no name."""
    name = PurePosixPath(given.replace("\\", "/")).name
    if not _NAME.fullmatch(name):
        raise UsageError(f"a file cannot be called {name[:40]!r}; give it a plain name of at most 120 characters.")
    return name


def kind_of(name: str) -> str:
    """What a file of this name is in a series folder (contract.md)."""
    lower = name.lower()
    if lower == "scans.csv":
        return "log"
    if lower == "series.toml":
        return "setup"
    return "echem" if lower == "echem.csv" or lower.endswith(_CYCLERS) else "scan"


def add_file(session: Session, series: Series, received: Received, *, replace: bool = False) -> tuple[SeriesFile, bool]:
    """The file in the series, and whether it is new: the same content twice is one file.

    A new log, setup, or echem.csv takes the place of the one before. Raises NameTakenError where a scan of this name has other content,
    unless it is to be replaced.
    """
    wanted = select(SeriesFile).where(SeriesFile.series_id == series.id)
    same = session.scalar(wanted.where(SeriesFile.sha256 == received.sha256, SeriesFile.kind == received.kind))
    if same is not None:
        return same, False
    named = session.scalar(wanted.where(SeriesFile.name == received.name))
    if named is None:
        named = SeriesFile(id=new_id(), series_id=series.id, name=received.name, kind=received.kind, received=now())
        session.add(named)
    elif received.kind == "scan" and not replace:
        raise NameTakenError(
            f"{received.name} is in this series already, with other content; ask with replace=true to put the new one in its place."
        )
    named.kind, named.sha256, named.size, named.state = received.kind, received.sha256, received.size, "waiting"
    told = {"start_time": received.start_time, "end_time": received.end_time}
    named.facts = {key: value for key, value in told.items() if value is not None}
    series.changed = now()
    session.flush()
    enqueue(
        session,
        "inspect",
        project_id=series.project_id,
        series_id=series.id,
        key=f"inspect:{named.id}:{named.sha256[:16]}",
        request={"file": named.id, "sha256": named.sha256},
        priority=PRIORITY["inspect"],
    )
    tell(session, "file", project_id=series.project_id, series_id=series.id, name=named.name, file=named.kind, state="waiting")
    return named, True


def file_inspected(session: Session, series: Series, file: SeriesFile, *, state: str, facts: Mapping[str, Any]) -> None:
    """A file has been looked at: from now on it is part of the series."""
    file.state, file.facts = state, {**(file.facts or {}), **facts}
    tell(session, "file", project_id=series.project_id, series_id=series.id, name=file.name, file=file.kind, state=state)
    series_changed(session, series)


def series_changed(session: Session, series: Series) -> Job:
    """The answer is out of date: the series is to be followed again."""
    series.revision += 1
    series.changed = now()
    session.flush()
    return request_track(session, series)


def request_track(session: Session, series: Series) -> Job:
    """The job that follows the series as it is when the job begins."""
    return enqueue(
        session,
        "track",
        project_id=series.project_id,
        series_id=series.id,
        key=f"track:{series.id}",
        request={},
        priority=PRIORITY["track"],
    )


def holdings_of(session: Session, series_ids: Sequence[str]) -> dict[str, Holding]:
    """What each of these series holds, counted by the database: a page of series asks for all of them at once."""
    counted = select(SeriesFile.series_id, SeriesFile.kind, SeriesFile.state, func.count()).where(SeriesFile.series_id.in_(series_ids))
    counts: dict[str, list[tuple[str, str, int]]] = {}
    for series_id, kind, state, count in session.execute(counted.group_by(SeriesFile.series_id, SeriesFile.kind, SeriesFile.state)):
        counts.setdefault(series_id, []).append((kind, state, count))
    at_work = select(Job.series_id).where(Job.series_id.in_(series_ids), Job.kind == "track", Job.state.in_(("queued", "running")))
    busy = set(session.scalars(at_work))
    return {
        series_id: Holding(
            scans=sum(count for kind, _, count in counts.get(series_id, ()) if kind == "scan"),
            waiting=sum(count for _, state, count in counts.get(series_id, ()) if state == "waiting"),
            unreadable=sum(count for _, state, count in counts.get(series_id, ()) if state in ("unreadable", "harmful")),
            busy=series_id in busy,
        )
        for series_id in series_ids
    }


def remove_series(session: Session, series: Series) -> None:
    """Forget a series with everything that hangs on it; contents that nobody else refers to go with the next retention."""
    tell(session, "series", project_id=series.project_id, series_id=series.id, state="removed")
    session.delete(series)
