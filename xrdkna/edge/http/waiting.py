"""Waiting for work without holding up others."""

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

from starlette.concurrency import run_in_threadpool

Found = TypeVar("Found")
_STEP_S = 0.05
_LONGEST_STEP_S = 0.5


async def wait_until(look: Callable[[], Found | None], *, seconds: float) -> Found | None:
    """What `look` finds, as soon as it finds something; None where it has not after so many seconds."""
    end, step = time.monotonic() + seconds, _STEP_S
    while True:
        found = await run_in_threadpool(look)
        if found is not None or time.monotonic() >= end:
            return found
        await asyncio.sleep(min(step, max(end - time.monotonic(), 0.0)))
        step = min(step * 1.3, _LONGEST_STEP_S)
