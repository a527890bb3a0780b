"""The server's side of its workers: starts them, and gives back the work of one that has died."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from types import TracebackType

from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from xrdkna.edge.logs import log
from xrdkna.edge.store.database import new_id
from xrdkna.edge.store.jobs import expired_jobs, give_back, jobs_of
from xrdkna.edge.store.store import Store
from xrdkna.edge.store.tables import Job
from xrdkna.edge.work.worker import ENDED, ENVIRONMENT, NOT_WANTED

_WATCH_S = 0.1
_EXPIRED_S = 5.0
# A worker that dies at once is not started again in a circle.
_LEAST_LIFE_S = 1.0
# Ended from outside: by a person, or by the system for want of memory. Everything else is the job's own doing.
_FROM_OUTSIDE = {ENDED, NOT_WANTED, -signal.SIGKILL, -signal.SIGTERM, -signal.SIGINT, -signal.SIGHUP}


@dataclass(slots=True)
class _Worker:
    process: "subprocess.Popen[bytes]"
    owner: str
    lane: str
    born: float


class Workers:
    """As many worker processes as asked for, the first of them for quick work alone, as long as the context is open."""

    def __init__(self, store: Store, count: int) -> None:
        self._store, self._count = store, count
        self._workers: list[_Worker] = []
        self._closing = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="workers", daemon=True)

    def __enter__(self) -> "Workers":
        for left in self._store.scratch.iterdir():
            shutil.rmtree(left, ignore_errors=True)
        with self._store.database.writing() as session:
            for job in jobs_of(session, ""):  # there is one server a store: whoever had these is gone
                _give_back(session, job, crashed=False)
        self._workers = [self._start("quick" if place == 0 and self._count > 1 else "all") for place in range(self._count)]
        self._watcher.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._closing.set()
        self._watcher.join()
        for worker in self._workers:
            worker.process.terminate()
        for worker in self._workers:
            worker.process.wait()
            self._release(worker)

    def pids(self) -> list[int]:
        """The processes that live."""
        return [worker.process.pid for worker in self._workers if worker.process.poll() is None]

    def _start(self, lane: str) -> _Worker:
        owner = new_id()
        said = {"folder": str(self._store.folder), "url": self._store.url, "owner": owner, "lane": lane}
        process = subprocess.Popen(
            [sys.executable, "-m", "xrdkna.edge.work.worker"], stdin=subprocess.PIPE, env={**os.environ, ENVIRONMENT: json.dumps(said)}
        )
        return _Worker(process=process, owner=owner, lane=lane, born=time.monotonic())

    def _watch(self) -> None:
        looked = time.monotonic()
        while not self._closing.wait(_WATCH_S):
            try:
                self._replace_the_dead()
                if time.monotonic() - looked > _EXPIRED_S:
                    looked = time.monotonic()
                    with self._store.database.writing() as session:
                        for job in expired_jobs(session):
                            _give_back(session, job, crashed=False)
            except DBAPIError as error:  # the database is away for a moment: the next round tries again
                log("database", problem=type(error).__name__)

    def _replace_the_dead(self) -> None:
        for place, worker in enumerate(self._workers):
            if worker.process.poll() is None:
                continue
            log("worker ended", status=worker.process.returncode)
            self._release(worker)
            if time.monotonic() - worker.born < _LEAST_LIFE_S and self._closing.wait(_LEAST_LIFE_S):
                return
            self._workers[place] = self._start(worker.lane)

    def _release(self, worker: _Worker) -> None:
        with self._store.database.writing() as session:
            for job in jobs_of(session, worker.owner):
                _give_back(session, job, crashed=worker.process.returncode not in _FROM_OUTSIDE)


def _give_back(session: Session, job: Job, *, crashed: bool) -> None:
    give_back(session, job, crashed=crashed)
    if job.state == "failed":
        from xrdkna.edge.work.kinds import KINDS

        KINDS[job.kind].failed(session, job, job.problem or {})
