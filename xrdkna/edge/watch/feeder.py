"""Watched folders of the service: every file that has come to rest goes into a series, as if it had been uploaded."""

import threading
from pathlib import Path
from typing import Protocol

from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from xrdkna.edge.logs import log
from xrdkna.edge.store.projects import LOCAL_PROJECT, project_named
from xrdkna.edge.store.series import Received, add_file, kind_of, make_series, plain_name
from xrdkna.edge.store.store import Store
from xrdkna.edge.store.tables import Series
from xrdkna.edge.watch.settled import Folder, Stamp, wait_for_changes
from xrdkna.errors import UsageError


class Watching(Protocol):
    """Settings that say which folders."""

    @property
    def watched(self) -> tuple[tuple[Path, str], ...]:
        """Folder and name of its series."""
        ...

    @property
    def poll_s(self) -> float:
        """Seconds between looks; 0: told by the system."""
        ...

    @property
    def settle_s(self) -> float:
        """Seconds for which a file must stay unchanged."""
        ...

    @property
    def watch_project(self) -> str:
        """Whose series these are."""
        ...


def watch_for_service(store: Store, settings: Watching, stopping: threading.Event) -> None:
    """Follow every watched folder until the service ends."""
    for folder, name in settings.watched:
        threading.Thread(target=_follow, args=(store, folder, name, settings, stopping), name=f"watch {name}", daemon=True).start()


def _follow(store: Store, folder: Path, name: str, settings: Watching, stopping: threading.Event) -> None:
    """A restart looks at everything again: what is in the series already is known by its content."""
    series_id = _series_for(store, name, settings.watch_project)
    at_rest, taken = Folder(folder, settle_s=settings.settle_s), dict[Path, Stamp]()
    changes = wait_for_changes(folder, stopping, poll_s=settings.poll_s)
    while not stopping.is_set():
        for path, stamp in at_rest.look().items():
            if taken.get(path) != stamp and _taken(store, series_id, path):
                taken[path] = stamp
        if at_rest.unfinished:
            stopping.wait(settings.settle_s / 2)
        else:
            next(changes, None)


def _series_for(store: Store, name: str, project: str) -> str:
    with store.database.writing() as session:
        owner = project_named(session, project or LOCAL_PROJECT)
        known = session.scalar(select(Series).where(Series.project_id == owner.id, Series.name == name).order_by(Series.created))
        return (known or make_series(session, project_id=owner.id, name=name, options={})).id


def _taken(store: Store, series_id: str, path: Path) -> bool:
    """Put one file into the series; False where it should be tried again."""
    try:
        name = plain_name(path.name)
        sha256, size = store.files.add(path.read_bytes())
        with store.database.writing() as session:
            series = session.get(Series, series_id)
            if series is not None:
                add_file(session, series, Received(name=name, kind=kind_of(name), sha256=sha256, size=size), replace=True)
    except UsageError:
        log("watch", problem="a file's name cannot be taken")
    except (OSError, DBAPIError) as error:  # a share that is away for a moment, a database that is busy
        log("watch", problem=type(error).__name__)
        return False
    return True
