"""The store in PostgreSQL, on a real server that the tests start; skipped where none is installed."""

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from xrdkna.edge.store.database import Database, migrate
from xrdkna.edge.store.tables import Base


def program(name: str) -> str | None:
    """A program of the server: on the path, or where Debian puts it."""
    places = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), reverse=True)
    return shutil.which(name) or (str(places[0]) if places else None)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int]) -> Iterator[str]:
    """The URL of an empty database on a server of its own."""
    if program("initdb") is None or program("postgres") is None:
        pytest.skip("no PostgreSQL server is installed (apt-get install postgresql)")
    pytest.importorskip("psycopg", reason="the driver psycopg is not installed")
    # The server does not run as root; where the tests do, it runs as the user that its package brings.
    user = "postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
    if user not in {entry.pw_name for entry in pwd.getpwall()}:
        pytest.skip("PostgreSQL does not run as root, and there is no user postgres")
    as_user = {"user": user} if os.geteuid() == 0 else {}
    folder, port = Path(tempfile.mkdtemp()), free_port()  # not pytest's, which nobody else may enter
    shutil.chown(folder, user)
    data = folder / "data"
    made = subprocess.run(
        [str(program("initdb")), "-D", str(data), "-U", "xrdkna", "-A", "trust", "-E", "UTF8", "--no-sync"],
        capture_output=True, text=True, cwd=folder, check=False, **as_user,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    words = [str(program("postgres")), "-D", str(data), "-p", str(port), "-k", str(folder), "-c", "listen_addresses=127.0.0.1"]
    process = subprocess.Popen(words, stderr=subprocess.DEVNULL, cwd=folder, **as_user)
    url = f"postgresql://xrdkna@127.0.0.1:{port}/postgres"
    _wait_for(url)
    yield url
    process.terminate()
    process.wait(timeout=60)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def database(server: str) -> str:
    """An empty database of the test's own."""
    import psycopg

    name = f"test_{time.time_ns()}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return server.rpartition("/")[0] + f"/{name}"


def _wait_for(url: str) -> None:
    import psycopg

    end = time.monotonic() + 60
    while True:
        try:
            psycopg.connect(url).close()
        except psycopg.OperationalError:
            assert time.monotonic() < end, "the server did not start"
            time.sleep(0.1)
        else:
            return


def test_the_migrations_make_the_schema_that_the_program_uses(database: str) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    opened = Database(database)
    migrate(opened)
    with opened.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []
    opened.close()


def test_a_series_grows_and_gives_the_answer_that_it_gives_in_sqlite(
    database: str, running: Callable[..., Any], service: Any, begin: Callable[..., str]
) -> None:
    on_server = running("--database", database, "--workers", "3")
    answers = []
    for one in (on_server, service):
        with one.client() as client:
            series = begin(client, "the same", range(7))
            one.settled(series, client)
            answers.append([client.get(f"/api/v1/series/{series}/{place}").text for place in ("track", "table")])
    assert answers[0] == answers[1]


def test_killed_servers_and_workers_lose_nothing(database: str, running: Callable[..., Any], begin: Callable[..., str]) -> None:
    on_server = running("--database", database)
    with on_server.client() as client:
        series = begin(client, "killed", range(4))
    on_server.kill()
    on_server.start()
    with on_server.client() as client:
        assert on_server.settled(series, client)["scans"] == 4


def test_a_backup_goes_into_another_database(
    server: str, database: str, running: Callable[..., Any], begin: Callable[..., str], command_line: Callable[..., Any], tmp_path: Path
) -> None:
    import psycopg

    if program("pg_dump") is None:
        pytest.skip("pg_dump is not installed")
    on_server = running("--database", database)
    with on_server.client() as client:
        series = begin(client, "kept", range(3))
        on_server.settled(series, client)
        track = client.get(f"/api/v1/series/{series}/track").text
    done = command_line("store", "backup", tmp_path / "all.tar", "--data", on_server.data, "--database", database)
    assert done.returncode == 0, done.stderr
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("CREATE DATABASE again")
    again = server.rpartition("/")[0] + "/again"
    done = command_line("store", "restore", tmp_path / "all.tar", "--data", tmp_path / "again", "--database", again)
    assert done.returncode == 0, done.stderr
    restored = running("--database", again, data=tmp_path / "again")
    with restored.client() as client:
        assert client.get(f"/api/v1/series/{series}/track").text == track


def test_a_folder_does_not_meet_another_stores_database(database: str, command_line: Callable[..., Any], tmp_path: Path) -> None:
    for folder, status in (("one", 0), ("one", 0)):
        assert command_line("store", "prune", "--data", tmp_path / folder, "--database", database).returncode == status
    own = command_line("store", "prune", "--data", tmp_path / "two")
    assert own.returncode == 0
    mixed = command_line("store", "prune", "--data", tmp_path / "two", "--database", database)
    assert mixed.returncode == 2
    assert "are of two stores" in mixed.stderr
