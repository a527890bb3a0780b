"""What dies takes nothing with it: workers, the server, and a reader that breaks down over one file."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from xrdkna.edge.store.database import now
from xrdkna.edge.store.jobs import LEASE_S, MOST_CRASHES, enqueue, expired_jobs, fail_job, finish_job, give_back, keep_alive, take_job
from xrdkna.edge.store.projects import project_named
from xrdkna.edge.store.store import Store, open_store
from xrdkna.edge.store.tables import Job

# A reader that breaks down as a C library does: the process is gone, without a word.
_BREAKDOWN = """
import os, sys
if "XRDKNA_WORKER" in os.environ and sys.argv[:1] != ["-c"]:
    import xrdkna.read.formats as formats
    whole = formats.read_scans
    def read_scans(path):
        if path.read_bytes().startswith(b"BREAKDOWN"):
            os.abort()
        return whole(path)
    formats.read_scans = read_scans
"""


@pytest.fixture
def store(tmp_path: Path) -> Any:
    """An empty store."""
    with open_store(tmp_path / "store") as opened:
        yield opened


@pytest.fixture
def make_job(store: Store) -> Callable[..., str]:
    """Puts a job into the queue: its id."""

    def make(key: str = "a", priority: int = 0) -> str:
        with store.database.writing() as session:
            project = project_named(session, "p").id
            return enqueue(session, "look", project_id=project, key=key, request={}, priority=priority).id

    return make


def state_of(store: Store, job: str) -> str:
    """The state of a job."""
    with store.database.reading() as session:
        return session.get_one(Job, job).state


def test_a_job_is_taken_once_and_the_urgent_one_first(store: Store, make_job: Callable[..., str]) -> None:
    slow, urgent = make_job("slow"), make_job("urgent", priority=5)
    taken = [take_job(store.database, owner, ("look",)) for owner in ("w1", "w2", "w3")]
    assert [job.id if job else None for job in taken] == [urgent, slow, None]


def test_the_same_work_waits_once_and_is_not_done_twice_at_a_time(store: Store, make_job: Callable[..., str]) -> None:
    first = make_job("same")
    assert make_job("same") == first
    assert take_job(store.database, "w1", ("look",)) is not None
    again = make_job("same")
    assert again != first
    assert take_job(store.database, "w2", ("look",)) is None
    with store.database.writing() as session:
        finish_job(session, first, "w1", {})
    following = take_job(store.database, "w2", ("look",))
    assert following is not None
    assert following.id == again


def test_the_result_of_a_worker_that_lost_its_lease_is_not_kept(store: Store, make_job: Callable[..., str]) -> None:
    job = make_job()
    take_job(store.database, "slow", ("look",))
    with store.database.writing() as session:
        session.get_one(Job, job).lease_until = now() - 1
        (expired,) = expired_jobs(session)
        give_back(session, expired, crashed=False)
    assert take_job(store.database, "fast", ("look",)) is not None
    assert not keep_alive(store.database, job, "slow", done=0, total=0)
    with store.database.writing() as session:
        assert finish_job(session, job, "slow", {"document": "late"}) is None
        assert fail_job(session, job, "slow", {}) is None
        assert finish_job(session, job, "fast", {"document": "good"}) is not None
    with store.database.reading() as session:
        assert session.get_one(Job, job).artifacts == {"document": "good"}


def test_a_lease_is_renewed_by_a_worker_that_lives(store: Store, make_job: Callable[..., str]) -> None:
    job = make_job()
    take_job(store.database, "w", ("look",))
    assert keep_alive(store.database, job, "w", done=3, total=7)
    with store.database.reading() as session:
        row = session.get_one(Job, job)
    assert (row.done, row.total) == (3, 7)
    assert row.lease_until is not None
    assert row.lease_until > now() + LEASE_S - 5


def test_a_job_that_breaks_its_workers_down_is_given_up_and_one_that_is_interrupted_is_not(
    store: Store, make_job: Callable[..., str]
) -> None:
    harmful, unlucky = make_job("harmful"), make_job("unlucky")
    for _ in range(MOST_CRASHES):
        for _ in range(2):
            job = take_job(store.database, "w", ("look",))
            assert job is not None
            with store.database.writing() as session:
                give_back(session, session.get_one(Job, job.id), crashed=job.id == harmful)
    assert (state_of(store, harmful), state_of(store, unlucky)) == ("failed", "queued")


def test_a_reader_that_breaks_down_takes_down_one_job_and_not_the_server(
    running: Callable[..., Any], begin: Callable[..., str], tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text(_BREAKDOWN)
    service = running(PYTHONPATH=os.pathsep.join((str(tmp_path), os.environ.get("PYTHONPATH", ""))))
    with service.client() as client:
        series = begin(client, "harmed", range(4))
        client.post(f"/api/v1/series/{series}/scans", files={"file": ("scan_009.xy", b"BREAKDOWN")})
        assert service.settled(series, client)["unreadable"] == 1
        states = {file["name"]: file["state"] for file in client.get(f"/api/v1/series/{series}/scans").json()["files"]}
        assert states.pop("scan_009.xy") == "harmful"
        assert set(states.values()) == {"read"}
        assert [one["used"] for one in client.get(f"/api/v1/series/{series}/track").json()["scans"]] == [True] * 4
        assert client.get("/healthz").json()["status"] == "ok"


def test_killed_workers_are_replaced_and_their_work_is_done(running: Callable[..., Any], begin: Callable[..., str]) -> None:
    service = running()
    with service.client() as client:
        series = begin(client, "killed", range(6))
        for _ in range(3):
            for worker in children_of(service.process.pid):
                os.kill(worker, signal.SIGKILL)
            time.sleep(0.3)
        assert service.settled(series, client)["scans"] == 6
        assert len(client.get(f"/api/v1/series/{series}/track").json()["scans"]) == 6


def test_a_killed_server_leaves_no_worker_behind_and_goes_on_where_it_was(
    running: Callable[..., Any], begin: Callable[..., str], upload: Callable[..., httpx.Response]
) -> None:
    service = running()
    with service.client() as client:
        series = begin(client, "restarted", range(3))
    workers = children_of(service.process.pid)
    assert workers
    service.kill()
    end = time.monotonic() + 10
    while any(Path(f"/proc/{worker}").exists() for worker in workers) and time.monotonic() < end:
        time.sleep(0.05)
    assert not any(Path(f"/proc/{worker}").exists() for worker in workers)
    service.start()
    with service.client() as client:
        upload(client, series, 3)
        assert service.settled(series, client)["scans"] == 4


def test_a_service_that_is_told_to_end_ends_well_and_soon(running: Callable[..., Any], begin: Callable[..., str]) -> None:
    service = running()
    with service.client() as client:
        begin(client, "unfinished", range(3))
    began = time.monotonic()
    assert service.stop() == 0
    assert time.monotonic() - began < 15
    with open_store(service.data) as store, store.database.reading() as session:
        assert "running" not in session.scalars(select(Job.state)).all()


def test_a_cancelled_job_ends_and_its_worker_goes_on(running: Callable[..., Any], begin: Callable[..., str]) -> None:
    service = running()
    with service.client() as client, open_store(service.data, prepare=False) as store:
        series = begin(client, "cancelled", range(8))
        end = time.monotonic() + 60
        job = None
        while job is None and time.monotonic() < end:
            with store.database.reading() as session:
                job = session.scalar(select(Job.id).where(Job.kind == "track", Job.state.in_(("queued", "running"))))
        assert job is not None
        assert client.delete(f"/api/v1/jobs/{job}").json()["state"] in ("cancelled", "done")
        client.patch(f"/api/v1/series/{series}", json={"name": "again"})
        assert service.settled(series, client)["name"] == "again"


def test_two_services_do_not_share_a_store(service: Any, command_line: Callable[..., Any], free_port: Callable[[], int]) -> None:
    done = command_line("serve", "--data", service.data, "--port", free_port())
    assert done.returncode == 2
    assert "another service uses the store" in done.stderr


def children_of(pid: int) -> list[int]:
    """The processes that a process has started."""
    found = []
    for place in Path("/proc").iterdir():
        if place.name.isdigit():
            try:
                parent = int((place / "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, ValueError):
                continue
            found += [int(place.name)] if parent == pid else []
    return found
