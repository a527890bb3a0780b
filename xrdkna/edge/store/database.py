"""One door to the database: SQLite in write-ahead mode, or PostgreSQL by its URL; the schema is brought up to date by alembic."""

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.orm import Session

from xrdkna.errors import UsageError

# A writer waits this long for another (seconds): far longer than any transaction here takes.
_PATIENCE_S = 30


class Database:
    """Transactions that read and transactions that write.

    SQLite has one writer at a time: a transaction that means to write says so at its beginning, or two that both read first would
    refuse each other. Readers never wait.
    """

    def __init__(self, url: str) -> None:
        self.engine = _engine(url)
        self._writer = self.engine.execution_options(xrdkna_writes=True)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session that looks and changes nothing."""
        with Session(self.engine, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A session whose work is kept whole on leaving, or not at all where an exception leaves."""
        with Session(self._writer, expire_on_commit=False) as session, session.begin():
            yield session

    def close(self) -> None:
        """Give the connections back."""
        self.engine.dispose()


def sqlite_url(path: Path) -> str:
    """The URL of a SQLite file."""
    return f"sqlite:///{path}"


def migrate(database: Database) -> None:
    """Bring the schema to that of this program. Raises UsageError where the database is not reachable or of a later program."""
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    try:
        with database.engine.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except CommandError as error:
        raise UsageError(f"the store was made by a later xrdkna and cannot be used by this one ({error}); upgrade the program.") from error
    except DBAPIError as error:
        raise UsageError(
            f"the database cannot be reached: {_first_line(error.orig)}; check --database and that the server runs."
        ) from error


def new_id() -> str:
    """A name that nobody guesses and that no other row has."""
    return secrets.token_hex(10)


def now() -> float:
    """Seconds since 1970."""
    return time.time()


def _engine(url: str) -> Engine:
    try:
        engine = create_engine(_with_driver(url), pool_pre_ping=not url.startswith("sqlite"), **_pool(url))
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
        raise UsageError(f"--database {url.partition('@')[2] or url} is no database that can be used ({error}).") from error
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


def _with_driver(url: str) -> str:
    """postgresql:// means the driver that this project is tested with."""
    return "postgresql+psycopg://" + url.split("://", 1)[1] if url.startswith(("postgresql://", "postgres://")) else url


def _pool(url: str) -> dict[str, Any]:
    # As many as threads that serve requests; a SQLite connection is a file handle and costs nothing.
    return {"pool_size": 20, "max_overflow": 40, **({"connect_args": {"timeout": _PATIENCE_S}} if url.startswith("sqlite") else {})}


def _prepare_sqlite(connection: Any, _: object) -> None:
    connection.isolation_level = None  # the driver begins no transactions of its own
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", f"busy_timeout={_PATIENCE_S * 1000}"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("xrdkna_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _first_line(error: BaseException | None) -> str:
    return (str(error).strip().splitlines() or ["no reason was given"])[0]
