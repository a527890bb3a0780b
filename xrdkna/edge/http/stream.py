"""Changes of the store to the pages that listen: one look at the database for all of them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy.exc import DBAPIError
from starlette.concurrency import run_in_threadpool

from xrdkna.edge.store.changes import changes_after, last_place
from xrdkna.edge.store.database import Database
from xrdkna.edge.store.tables import Change

# A part of the second that a scan may take to the page.
_LOOK_S = 0.15
# Two transactions may be kept in another order than their rows were numbered: so many rows back are looked at again.
_OVERLAP = 50


class Stream:
    """Hands each change to everybody who listens."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._listeners: set[asyncio.Queue[Change]] = set()
        self._task: asyncio.Task[None] | None = None

    @property
    def open(self) -> int:
        """How many listen."""
        return len(self._listeners)

    async def start(self) -> None:
        """Begin to look."""
        place = await run_in_threadpool(self._last_place)
        self._task = asyncio.create_task(self._look(place))

    async def stop(self) -> None:
        """Look no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator["asyncio.Queue[Change]"]:
        """A queue into which every change from now on is put."""
        queue: asyncio.Queue[Change] = asyncio.Queue(maxsize=10_000)
        self._listeners.add(queue)
        try:
            yield queue
        finally:
            self._listeners.discard(queue)

    async def missed(self, place: int, series_id: str) -> list[Change]:
        """What a listener that was away has missed."""
        return await run_in_threadpool(self._after, place, series_id)

    async def _look(self, floor: int) -> None:
        """What came after `floor` and was not handed on; the floor rises behind what has been."""
        told: set[int] = set()
        while True:
            await asyncio.sleep(_LOOK_S)
            try:
                if not self._listeners:
                    floor, told = await run_in_threadpool(self._last_place), set()
                    continue
                found = await run_in_threadpool(self._after, floor, None)
            except DBAPIError:  # the database is away for a moment
                continue
            for change in found:
                if change.id not in told:
                    self._hand_on(change)
            told |= {change.id for change in found}
            if len(told) > 2 * _OVERLAP:
                floor = sorted(told)[-_OVERLAP]
                told = {place for place in told if place > floor}

    def _hand_on(self, change: Change) -> None:
        for queue in self._listeners:
            if not queue.full():  # a listener that does not listen misses some, and asks for them when it comes back
                queue.put_nowait(change)

    def _after(self, place: int, series_id: str | None) -> list[Change]:
        with self._database.reading() as session:
            return changes_after(session, place, series_id=series_id)

    def _last_place(self) -> int:
        with self._database.reading() as session:
            return last_place(session)
