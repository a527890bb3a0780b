"""Database and files together, in one folder."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select

from xrdkna.edge.store.database import Database, migrate, new_id, sqlite_url
from xrdkna.edge.store.files import Files
from xrdkna.edge.store.tables import Identity, SeriesFile
from xrdkna.errors import UsageError

_DATABASE = "xrdkna.sqlite"


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """folder: holds the files, the scratch space of the workers and, without a URL, the database."""

    database: Database
    files: Files
    folder: Path
    url: str

    @property
    def scratch(self) -> Path:
        """Where workers lay out the folder of a series while they work on it."""
        return self.folder / "scratch"

    def keep(self, content: bytes) -> str:
        """Keep a document; its SHA-256."""
        return self.files.add(content)[0]


@contextmanager
def open_store(folder: Path, url: str | None = None, *, prepare: bool = True) -> Iterator[Store]:
    """The store in a folder; url: of a database elsewhere. prepare: make what is missing and bring the schema up to date.

    Raises UsageError where the folder cannot be used or the database not be reached.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (folder / "scratch").mkdir(exist_ok=True)
        files = Files(folder / "files")
    except OSError as error:
        raise UsageError(f"the store {folder} cannot be used ({error.strerror or error}); name another folder with --data.") from error
    wanted = url or sqlite_url(folder.resolve() / _DATABASE)
    database = Database(wanted)
    try:
        if prepare:
            migrate(database)
            _same_store(database, folder)
        yield Store(database=database, files=files, folder=folder.resolve(), url=wanted)
    finally:
        database.close()


def _same_store(database: Database, folder: Path) -> None:
    """Database and folder carry the same word from their first meeting on. Raises UsageError where they belong to others."""
    place = folder / "identity"
    here = place.read_text(encoding="ascii").strip() if place.exists() else None
    with database.writing() as session:
        known = session.scalar(select(Identity.id))
        holds_series = session.scalar(select(SeriesFile.id).limit(1)) is not None
        if known is None and here is None:
            known = new_id()
            session.add(Identity(id=known))
    empty = not any((folder / "files").glob("??"))
    if known is None or (here is not None and here != known) or (here is None and holds_series and empty):
        raise UsageError(
            f"the database and the folder {folder} are of two stores; name the one that goes with the other, --data or --database."
        )
    if here is None:
        place.write_text(known, encoding="ascii")


def default_folder() -> Path:
    """Where a person's store lies when nobody says: the place that the desktop's rules name for data."""
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "xrdkna"
