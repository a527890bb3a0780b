"""A worker process: takes one job after the other until its server is gone."""

import json
import os
import shutil
import signal
import sys
import threading
import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from sqlalchemy.exc import DBAPIError

from xrdkna.edge.errors import exit_status, sentence_of
from xrdkna.edge.logs import log
from xrdkna.edge.store.jobs import HEARTBEAT_S, fail_job, finish_job, keep_alive, take_job
from xrdkna.edge.store.store import Store, open_store
from xrdkna.edge.store.tables import Job
from xrdkna.edge.work.documents import without_place
from xrdkna.edge.work.kinds import KINDS, LANES
from xrdkna.edge.work.outcome import Task
from xrdkna.errors import DataError, DeclinedError, XrdknaError

# The worker's environment says what it works for, so that a password in a URL is in no list of processes.
ENVIRONMENT = "XRDKNA_WORKER"
# Exits that tell the server what became of the job in hand.
NOT_WANTED, ENDED = 75, 0
# An idle worker looks for work so often (seconds); part of the second that a scan may take to the page.
_IDLE_S = 0.1
# Workers give way to the server, which somebody waits for.
_NICE = 10


@dataclass(slots=True)
class _InHand:
    """What the heartbeat tells of."""

    job: str | None = None
    done: int = 0
    total: int = 0
    told: float = field(default_factory=time.monotonic)


def main() -> None:
    """Work until standard input ends, which is when the server is gone, however it went."""
    warnings.simplefilter("ignore")
    said = json.loads(os.environ[ENVIRONMENT])
    threading.Thread(target=_end_with_server, daemon=True).start()
    signal.signal(signal.SIGTERM, _ended)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the server, which then ends its workers
    os.nice(_NICE)
    with open_store(Path(said["folder"]), said["url"], prepare=False) as store:
        _work(store, said["owner"], LANES[said["lane"]])


def _work(store: Store, owner: str, kinds: tuple[str, ...]) -> None:
    in_hand = _InHand()
    threading.Thread(target=_keep_telling, args=(store, owner, in_hand), daemon=True).start()
    while True:
        job = take_job(store.database, owner, kinds)
        if job is None:
            time.sleep(_IDLE_S)
            continue
        in_hand.done = in_hand.total = 0
        in_hand.job = job.id
        began = time.monotonic()
        state = carry_out(store, job, owner, in_hand)
        in_hand.job = None
        log("job", job=job.id, kind=job.kind, state=state, seconds=round(time.monotonic() - began, 3))


def carry_out(store: Store, job: Job, owner: str, in_hand: _InHand) -> str:
    """Run one job and keep what it came to: its end and all that follows from it in one transaction. The state it ended in."""
    kind, scratch = KINDS[job.kind], store.scratch / job.id
    shutil.rmtree(scratch, ignore_errors=True)  # of a worker that died over it
    scratch.mkdir(parents=True)

    def progress(done: int, total: int) -> None:
        in_hand.done, in_hand.total = done, total

    try:
        outcome = kind.run(Task(store=store, job=job, scratch=scratch, progress=progress))
    except XrdknaError as error:
        problem = problem_of(error, scratch)
    except DBAPIError:
        raise  # no fault of the job: the process ends, and another tries again
    except Exception as error:  # noqa: BLE001 - the outermost place of this process, as `edge.cli.run` is of the other
        problem = {"status": 500, "code": "unforeseen", "sentence": _unforeseen(error)}
    else:
        with store.database.writing() as session:
            kept = finish_job(session, job.id, owner, outcome.artifacts)
            if kept is not None:
                kind.keep(session, kept, outcome)
        return "done" if kept is not None else "not wanted"
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    with store.database.writing() as session:
        failed = fail_job(session, job.id, owner, problem)
        if failed is not None:
            kind.failed(session, failed, problem)
    return "failed"


def problem_of(error: XrdknaError, scratch: Path) -> Mapping[str, Any]:
    """A failure as it is kept: HTTP status, a word for programs, and the command line's sentence without the places of this service."""
    code = "declined" if isinstance(error, DeclinedError) else "data" if isinstance(error, DataError) else "usage"
    status = {"declined": 200, "data": 422, "usage": 400}[code]
    sentence = without_place(without_place(sentence_of(error), scratch / "?").replace(f"{scratch}/", ""), scratch)
    return {"status": status, "code": code, "sentence": sentence, "exit_status": exit_status(error)}


def _unforeseen(error: Exception) -> str:
    return f"the analysis failed in a way nobody foresaw ({type(error).__name__}); please report it with the file."


def _keep_telling(store: Store, owner: str, in_hand: _InHand) -> None:
    """Renew the lease; where the job is no longer wanted, end at once: nothing else stops a computation in its middle."""
    while True:
        time.sleep(HEARTBEAT_S / 10)
        job, moved = in_hand.job, time.monotonic() - in_hand.told
        if job is None or moved < (HEARTBEAT_S if not in_hand.total else HEARTBEAT_S / 5):
            continue
        try:
            still_mine = keep_alive(store.database, job, owner, done=in_hand.done, total=in_hand.total)
        except DBAPIError:
            continue  # the lease outlasts a few such moments
        in_hand.told = time.monotonic()
        if not still_mine and in_hand.job == job:
            os._exit(NOT_WANTED)


def _end_with_server() -> None:
    while sys.stdin.buffer.read(1):
        pass
    os._exit(ENDED)


def _ended(number: int, frame: FrameType | None) -> None:
    os._exit(ENDED)


if __name__ == "__main__":
    main()
