"""What the person who runs the service needs: tokens, backup, retention, health, numbers, and a schema that is what the program thinks."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from xrdkna.edge.store.backup import back_up, restore
from xrdkna.edge.store.database import Database, migrate, now, sqlite_url
from xrdkna.edge.store.files import Files
from xrdkna.edge.store.jobs import enqueue
from xrdkna.edge.store.projects import any_token, caller_with_token, make_token, project_named, revoke_tokens
from xrdkna.edge.store.retention import forget
from xrdkna.edge.store.series import Received, add_file, files_of, make_series
from xrdkna.edge.store.store import open_store
from xrdkna.edge.store.tables import Base, Job, Series
from xrdkna.errors import DataError, UsageError


def test_the_migrations_make_the_schema_that_the_program_uses(tmp_path: Path) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    database = Database(sqlite_url(tmp_path / "store.sqlite"))
    migrate(database)
    migrate(database)  # a second time changes nothing
    with database.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []
    database.close()


def test_a_store_of_a_later_program_is_refused(tmp_path: Path) -> None:
    with open_store(tmp_path / "store") as store, store.database.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(UsageError, match="made by a later xrdkna"), open_store(tmp_path / "store"):
        pass


def test_a_database_that_is_not_there_is_one_sentence(command_line: Callable[..., Any], tmp_path: Path) -> None:
    done = command_line("store", "prune", "--data", tmp_path / "store", "--database", "postgresql://nobody@127.0.0.1:1/none")
    assert done.returncode == 2
    assert "the database cannot be reached" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_token_opens_its_project_until_it_is_revoked(tmp_path: Path, command_line: Callable[..., Any]) -> None:
    data = tmp_path / "store"
    made = command_line("store", "token", "ann", "--project", "group", "--data", data)
    token = made.stdout.strip()
    with open_store(data) as store, store.database.reading() as session:
        caller = caller_with_token(session, token)
        assert caller is not None
        assert caller.project_id == project_named(session, "group").id
        assert caller_with_token(session, token[:-1]) is None
    assert command_line("store", "revoke", "ann", "--data", data).returncode == 0
    with open_store(data) as store, store.database.reading() as session:
        assert caller_with_token(session, token) is None
        assert not any_token(session)
    assert command_line("store", "revoke", "ann", "--data", data).returncode == 2


def test_a_backup_taken_while_the_service_runs_is_the_store_again(
    service: Any,
    client: httpx.Client,
    begin: Callable[..., str],
    command_line: Callable[..., Any],
    running: Callable[..., Any],
    tmp_path: Path,
) -> None:
    series = begin(client, "kept", range(4))
    service.settled(series, client)
    done = command_line("store", "backup", tmp_path / "all.tar", "--data", service.data)
    assert done.returncode == 0, done.stderr
    done = command_line("store", "restore", tmp_path / "all.tar", "--data", tmp_path / "again")
    assert done.returncode == 0, done.stderr
    again = running(data=tmp_path / "again")
    with again.client() as other:
        for place in ("", "/scans", "/track", "/alarms"):
            assert other.get(f"/api/v1/series/{series}{place}").text == client.get(f"/api/v1/series/{series}{place}").text
        content = client.get(f"/api/v1/series/{series}/files/scan_000.xy").content
        assert other.get(f"/api/v1/series/{series}/files/scan_000.xy").content == content


def test_a_backup_does_not_overwrite_and_a_restore_does_not_mix(tmp_path: Path) -> None:
    with open_store(tmp_path / "store") as store:
        back_up(store, tmp_path / "all.tar")
        with pytest.raises(UsageError, match="is there already"):
            back_up(store, tmp_path / "all.tar")
    with pytest.raises(UsageError, match="holds a store already"):
        restore(tmp_path / "all.tar", tmp_path / "store", None)
    (tmp_path / "no.tar").write_bytes(b"nothing of the kind")
    with pytest.raises(DataError, match="cannot be read"):
        restore(tmp_path / "no.tar", tmp_path / "other", None)


def test_retention_forgets_what_is_due_and_nothing_that_is_referred_to(tmp_path: Path) -> None:
    with open_store(tmp_path / "store") as store:
        held, dropped, young = (store.keep(content) for content in (b"held", b"dropped", b"young"))
        with store.database.writing() as session:
            project = project_named(session, "p").id
            series = make_series(session, project_id=project, name="s", options={})
            add_file(session, series, Received(name="a.xy", kind="scan", sha256=held, size=4))
            old = enqueue(session, "look", project_id=project, key="old", request={})
            old.state, old.finished, old.artifacts = "done", now() - 40 * 86_400, {"document": dropped}
            fresh = enqueue(session, "look", project_id=project, key="fresh", request={})
            fresh.state, fresh.finished = "done", now()
        for sha256 in (held, dropped):
            os.utime(store.files.path(sha256), (now() - 7200, now() - 7200))
        assert forget(store, days=30) == 1
        assert [store.files.path(sha256).exists() for sha256 in (held, dropped, young)] == [True, False, True]
        with store.database.reading() as session:
            assert session.get(Job, old.id) is None
            assert session.get(Job, fresh.id) is not None
            assert len(files_of(session, session.get_one(Series, series.id).id)) == 1


def test_the_same_content_is_kept_once_and_no_other_name_leads_to_a_file(tmp_path: Path) -> None:
    files = Files(tmp_path)
    assert files.add(b"one") == files.add(iter([b"o", b"ne"]))
    assert len(list(files.all())) == 1
    for name in ("../../etc/passwd", "a" * 63, "A" * 64, ""):
        with pytest.raises(UsageError):
            files.path(name)


def test_health_and_numbers_are_told(service: Any, client: httpx.Client) -> None:
    health = client.get("/healthz").json()
    assert (health["status"], health["workers"], health["database"]) == ("ok", 2, True)
    client.get("/api/v1/series")
    numbers = client.get("/metrics").text
    assert 'xrdkna_requests_total{method="GET",route="/api/v1/series",status="200"}' in numbers
    assert "xrdkna_workers 2.0" in numbers
    assert "process_resident_memory_bytes" in numbers


def test_revoking_signs_browsers_out(tmp_path: Path) -> None:
    from xrdkna.edge.store.projects import caller_with_cookie, open_session

    with open_store(tmp_path / "store") as store, store.database.writing() as session:
        caller = caller_with_token(session, make_token(session, name="n", project="p"))
        assert caller is not None
        cookie = open_session(session, caller)
        assert caller_with_cookie(session, cookie) == caller
        revoke_tokens(session, name="n")
        assert caller_with_cookie(session, cookie) is None


def test_the_unit_for_systemd_is_well_formed(project_root: Path, tmp_path: Path) -> None:
    verify = shutil.which("systemd-analyze")
    if verify is None:
        pytest.skip("systemd-analyze is not installed")
    text = (project_root / "deploy" / "xrdkna.service").read_text().replace("/opt/xrdkna/bin/xrdkna", "/bin/true")
    (tmp_path / "xrdkna.service").write_text(text)
    done = subprocess.run([verify, "verify", str(tmp_path / "xrdkna.service")], capture_output=True, text=True, check=False)
    assert "xrdkna.service" not in done.stderr, done.stderr


RULES = "{extends: default, rules: {line-length: {max: 140}, document-start: disable}}"


@pytest.mark.parametrize("words", [("hadolint", "Dockerfile"), ("yamllint", "-d", RULES, "compose.yaml")])
def test_the_containers_files_are_without_a_complaint(words: tuple[str, ...], project_root: Path) -> None:
    program = Path(sys.executable).with_name(words[0])
    if not program.exists():
        pytest.skip(f"{words[0]} is not installed beside this Python")
    done = subprocess.run([str(program), *words[1:]], capture_output=True, text=True, cwd=project_root, check=False)
    assert done.stdout + done.stderr == ""


def test_the_openapi_document_has_an_example_for_every_document(client: httpx.Client) -> None:
    document = client.get("/openapi.json").json()
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            for content in operation["responses"].get("200", {}).get("content", {}).items():
                if content[0] == "application/json" and "$ref" not in json.dumps(content[1]["schema"]):
                    assert "example" in content[1], f"{method} {path}"
            assert operation["summary"]
            assert operation["description"]


def test_a_store_is_opened_in_less_time_than_a_person_notices(tmp_path: Path) -> None:
    with open_store(tmp_path / "store"):
        pass
    began = time.monotonic()
    with open_store(tmp_path / "store"):
        pass
    assert time.monotonic() - began < 2.0
