"""Alarms to the addresses that the person who runs the service has named; no client can name one."""

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from xrdkna.edge.logs import log
from xrdkna.edge.store.database import now
from xrdkna.edge.store.store import Store
from xrdkna.edge.store.tables import Alarm, Series
from xrdkna.errors import UsageError

_PATIENCE_S = 5.0
_EVERY_S = 0.5
# Twelve tries, each after twice the wait of the one before, reach over an hour.
_MOST_TRIES = 12


class Called(Protocol):
    """Settings that say whom to call."""

    @property
    def webhooks(self) -> tuple[str, ...]:
        """Addresses."""
        ...


def post_json(address: str, body: Mapping[str, Any]) -> bool:
    """Send one document; whether it was taken."""
    data = json.dumps(body, ensure_ascii=False).encode()
    request = urllib.request.Request(address, data=data, headers={"content-type": "application/json", "user-agent": "xrdkna"})
    try:
        with urllib.request.urlopen(request, timeout=_PATIENCE_S) as answer:
            return bool(200 <= answer.status < 300)
    except (urllib.error.URLError, OSError):
        return False


def check_address(address: str) -> str:
    """The address. Raises UsageError for one that is none of the web."""
    if not address.startswith(("http://", "https://")):
        raise UsageError(f"--webhook {address} is no address of the web; give one that begins with https:// or http://.")
    return address


def send_alarms(store: Store, settings: Called, stopping: threading.Event) -> None:
    """Send each alarm once to every address, again after a while where it was not taken, until the service ends."""
    while settings.webhooks and not stopping.wait(_EVERY_S):
        try:
            for alarm_id in _due(store):
                _send(store, alarm_id, settings.webhooks)
        except DBAPIError as error:
            log("database", problem=type(error).__name__)


def _due(store: Store) -> list[str]:
    with store.database.reading() as session:
        unsent = session.scalars(select(Alarm).where(Alarm.sent.is_(None), Alarm.tries < _MOST_TRIES).order_by(Alarm.moment)).all()
    return [alarm.id for alarm in unsent if now() - alarm.moment >= 2.0**alarm.tries - 1.0]


def _send(store: Store, alarm_id: str, addresses: Sequence[str]) -> None:
    with store.database.reading() as session:
        alarm = session.get(Alarm, alarm_id)
        series = None if alarm is None else session.get(Series, alarm.series_id)
    if alarm is None or series is None:
        return
    body = {
        "id": alarm.id,
        "kind": alarm.kind,
        "sentence": alarm.sentence,
        "series": series.id,
        "name": series.name,
        "moment": alarm.moment,
    }
    answers = [post_json(address, body) for address in addresses]  # all of them, also after one that refuses
    taken = all(answers)
    with store.database.writing() as session:
        row = session.get(Alarm, alarm_id)
        if row is not None:
            row.tries += 1
            row.sent = now() if taken else None
    log("webhook", taken=int(taken))
