"""Jobs as rows: taken with a lease, given back when a worker dies, kept when done.

queued ─take─▶ running ─finish─▶ done
   ▲              ├──fail────▶ failed          (a sentence says why)
   └──give back───┤
                  └──cancel──▶ cancelled       (also from queued)
"""

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import exists, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, aliased

from xrdkna.edge.store.changes import tell
from xrdkna.edge.store.database import Database, new_id, now
from xrdkna.edge.store.tables import Job

# A worker says so often that it lives (seconds), and is believed dead after so long without a word.
HEARTBEAT_S = 5.0
LEASE_S = 30.0
# A job that takes its worker down so often is at fault itself; one whose workers are ended from outside is not, within reason.
MOST_CRASHES = 3
MOST_INTERRUPTIONS = 200


def enqueue(
    session: Session,
    kind: str,
    *,
    project_id: str,
    key: str,
    request: Mapping[str, Any],
    series_id: str | None = None,
    priority: int = 0,
) -> Job:
    """A job that waits. Where the same work (by its key) waits already, that one."""
    waiting = session.scalar(select(Job).where(Job.key == key, Job.state == "queued"))
    if waiting is not None:
        return waiting
    job = Job(id=new_id(), kind=kind, project_id=project_id, series_id=series_id, key=key, request=dict(request), priority=priority)
    job.state, job.created, job.artifacts = "queued", now(), {}
    job.crashes = job.interruptions = job.done = job.total = 0
    session.add(job)
    session.flush()
    return job


def job_at_hand(session: Session, key: str) -> Job | None:
    """The newest job of this key that is done, running or waiting; None where there is none."""
    states = ("done", "running", "queued")
    return session.scalar(select(Job).where(Job.key == key, Job.state.in_(states)).order_by(Job.created.desc()).limit(1))


def take_job(database: Database, owner: str, kinds: Iterable[str]) -> Job | None:
    """The most urgent job of these kinds, now this worker's; None when there is nothing to do."""
    with database.reading() as session:  # looking first: an idle worker must not hold up writers
        if session.scalar(select(Job.id).where(Job.state == "queued", Job.kind.in_(kinds)).limit(1)) is None:
            return None
    other = aliased(Job)
    runs_already = exists().where(other.key == Job.key, other.state == "running")
    wanted = select(Job).where(Job.state == "queued", Job.kind.in_(kinds), ~runs_already)
    try:
        with database.writing() as session:
            job = session.scalar(wanted.order_by(Job.priority.desc(), Job.created).limit(1).with_for_update(skip_locked=True, of=Job))
            if job is None:
                return None
            job.state, job.owner, job.started = "running", owner, now()
            job.lease_until = now() + LEASE_S
            job.done = job.total = 0
            return job
    except IntegrityError:  # another worker took the same work in the same moment
        return None


def keep_alive(database: Database, job_id: str, owner: str, *, done: int, total: int) -> bool:
    """Renew the lease and tell the progress. False: the job is no longer this worker's (cancelled, or given to another)."""
    with database.writing() as session:
        job = _own(session, job_id, owner)
        if job is None:
            return False
        job.lease_until = now() + LEASE_S
        if (job.done, job.total) != (done, total):
            job.done, job.total = done, total
            tell(session, "progress", project_id=job.project_id, series_id=job.series_id, job=job.id, done=done, total=total)
    return True


def finish_job(session: Session, job_id: str, owner: str, artifacts: Mapping[str, str]) -> Job | None:
    """Done, with what it made. None: the job is no longer this worker's, and its result is not wanted."""
    job = _own(session, job_id, owner)
    if job is not None:
        job.state, job.finished, job.artifacts = "done", now(), dict(artifacts)
        _tell_end(session, job)
    return job


def fail_job(session: Session, job_id: str, owner: str, problem: Mapping[str, Any]) -> Job | None:
    """Ended without a result, for a reason that another try would not change."""
    job = _own(session, job_id, owner)
    if job is not None:
        _end_badly(session, job, problem)
    return job


def cancel_job(session: Session, job: Job) -> None:
    """No longer wanted; a worker that has it learns of it with its next word."""
    if job.state in ("queued", "running"):
        job.state, job.finished = "cancelled", now()
        _tell_end(session, job)


def give_back(session: Session, job: Job, *, crashed: bool) -> None:
    """The worker of this job is dead: the work waits again, or is given up where it is at fault too often."""
    job.crashes += crashed
    job.interruptions += not crashed
    if job.crashes >= MOST_CRASHES or job.interruptions >= MOST_INTERRUPTIONS:
        sentence = "the program that carries out jobs broke down over this one each time it was tried; the file may be damaged."
        _end_badly(session, job, {"status": 422, "sentence": sentence, "code": "crashed"})
        return
    waits_already = session.scalar(select(Job.id).where(Job.key == job.key, Job.state == "queued")) is not None
    job.state, job.owner, job.lease_until = ("cancelled" if waits_already else "queued"), None, None
    session.flush()


def jobs_of(session: Session, owner: str) -> list[Job]:
    """What a worker has in hand; owners that begin with the given words count."""
    return list(session.scalars(select(Job).where(Job.state == "running", Job.owner.startswith(owner, autoescape=True))))


def expired_jobs(session: Session) -> list[Job]:
    """Jobs whose worker has not been heard of for too long."""
    return list(session.scalars(select(Job).where(Job.state == "running", Job.lease_until < now())))


def _own(session: Session, job_id: str, owner: str) -> Job | None:
    return session.scalar(select(Job).where(Job.id == job_id, Job.owner == owner, Job.state == "running").with_for_update())


def _end_badly(session: Session, job: Job, problem: Mapping[str, Any]) -> None:
    job.state, job.finished, job.problem = "failed", now(), dict(problem)
    _tell_end(session, job)


def _tell_end(session: Session, job: Job) -> None:
    tell(session, "job", project_id=job.project_id, series_id=job.series_id, job=job.id, job_kind=job.kind, state=job.state)
