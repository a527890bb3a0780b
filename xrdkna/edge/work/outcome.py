"""What a job comes to, and what follows for the store."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from xrdkna.edge.store.store import Store
from xrdkna.edge.store.tables import Job

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """artifacts: SHA-256 by name of the documents made. facts: what else is told to `keep`."""

    artifacts: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of job. run: the work, without the database. keep: in one transaction with the end of the job. failed: the same where the job
    ends with a problem."""

    run: "Callable[[Task], Outcome]"
    keep: Callable[[Session, Job, Outcome], None]
    failed: Callable[[Session, Job, Mapping[str, Any]], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One job in a worker's hand. scratch: an empty folder of its own. progress: to be called with (done, total)."""

    store: Store
    job: Job
    scratch: Path
    progress: Progress


def nothing_to_keep(session: Session, job: Job, told: object) -> None:
    """For a job whose documents are all there is to it."""
