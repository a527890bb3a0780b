"""What is forgotten: ended jobs, old changes, contents that nobody refers to. A series stays until somebody removes it."""

import threading
from typing import Protocol

from sqlalchemy import delete, select
from sqlalchemy.exc import DBAPIError

from xrdkna.edge.logs import log
from xrdkna.edge.store.database import now
from xrdkna.edge.store.store import Store
from xrdkna.edge.store.tables import Change, Job, Series, SeriesFile, WebSession

_DAY_S = 86_400.0
# A content may be written a while before the row that refers to it; a page may ask for the one before the newest.
_YOUNG_S = 3600.0
# A page that was away longer reads everything anew.
_CHANGES_S = 2 * _DAY_S
# Answers to single questions that a day later are asked again rarely, and are many.
_EVERY_S = 3600.0


class Keeping(Protocol):
    """Settings that say for how long."""

    @property
    def keep_days(self) -> float:
        """Days after which an ended job is forgotten."""
        ...


def keep_tidy(store: Store, settings: Keeping, stopping: threading.Event) -> None:
    """Forget what is due, now and every hour, until the service ends."""
    while not stopping.is_set():
        try:
            log("tidied", files=forget(store, days=settings.keep_days))
        except (DBAPIError, OSError) as error:
            log("tidying failed", problem=type(error).__name__)
        stopping.wait(_EVERY_S)


def forget(store: Store, *, days: float) -> int:
    """Forget ended jobs older than so many days, then every content that nothing refers to; how many files went."""
    due = now() - days * _DAY_S
    with store.database.writing() as session:
        session.execute(delete(Job).where(Job.finished < due))
        session.execute(delete(Change).where(Change.moment < now() - _CHANGES_S))
        session.execute(delete(WebSession).where(WebSession.expires < now()))
    store.files.drop_incoming(older_than=now() - _DAY_S)
    removed = 0
    old = [path for path in store.files.all() if path.stat().st_mtime < now() - _YOUNG_S]
    with store.database.writing() as session:  # within, no upload can come to refer to what is being removed
        referred = set(session.scalars(select(SeriesFile.sha256)))
        for column in (Series.artifacts, Job.artifacts):
            referred |= {str(sha256) for artifacts in session.scalars(select(column)) for sha256 in artifacts.values()}
        for request in session.scalars(select(Job.request)):
            referred |= {str(request[name]) for name in ("sha256", "record") if name in request}
        for path in old:
            if path.name not in referred and path.stat().st_mtime < now() - _YOUNG_S:
                path.unlink(missing_ok=True)
                removed += 1
    return removed
