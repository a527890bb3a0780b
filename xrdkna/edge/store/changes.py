"""The stream of what changes, which open pages listen to; a page that was away goes on from the last place it knows."""

from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from xrdkna.edge.store.database import now
from xrdkna.edge.store.tables import Change


def tell(session: Session, kind: str, *, project_id: str, series_id: str | None = None, **body: Any) -> None:
    """Add to the stream; it is heard when the transaction is kept."""
    session.add(Change(project_id=project_id, series_id=series_id, kind=kind, body=body, moment=now()))


def changes_after(session: Session, place: int, *, series_id: str | None = None, at_most: int = 500) -> list[Change]:
    """What came after a place in the stream, in order."""
    wanted = select(Change).where(Change.id > place).order_by(Change.id).limit(at_most)
    return list(session.scalars(wanted if series_id is None else wanted.where(Change.series_id == series_id)))


def last_place(session: Session) -> int:
    """Where the stream ends now; 0 where nothing was ever told."""
    return session.scalar(select(func.max(Change.id))) or 0
