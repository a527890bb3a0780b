"""Processor time by stage of a running `xrdkna track`: stopwatches around the functions that are its stages."""

import importlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import wraps
from typing import Any
from unittest.mock import patch

READ, SURVEY, REST = "read", "survey", "all else"
# Each stage, and the function that is it, where it is called from.
STAGES = (
    ("open the folder", "xrdkna.edge.commands.track", "series_with_cell"),
    ("library", "xrdkna.edge.commands.track", "library_of"),
    (SURVEY, "xrdkna.pipeline.series", "survey_series"),
    ("prepare", "xrdkna.pipeline.observe", "prepare_scan"),
    ("chain fit, warm", "xrdkna.refine.following.chain", "settle"),
    ("chain fit, begun", "xrdkna.refine.following.chain", "from_known"),
    ("chain fit, cold", "xrdkna.refine.following.chain", "from_the_cold"),
    ("chain: esds and words", "xrdkna.refine.following.chain", "Chain.fit"),
    ("information", "xrdkna.refine.following.chain", "_with_areas"),
    ("residual lines", "xrdkna.pipeline.observe", "Observer._new_strangers"),
    ("observation", "xrdkna.pipeline.observe", "Observer.__call__"),
    ("picture", "xrdkna.track.heatmap", "HeatmapBuilder.add"),
    ("evidence and events", "xrdkna.track.chain", "interpret_series"),
    ("words and JSON", "xrdkna.edge.commands.track", "write_answer"),
)


@dataclass(slots=True)
class Ledger:
    """seconds: by stage, each without the stages that ran inside it; what the survey does is all the survey's."""

    seconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys((READ, *(name for name, _, _ in STAGES), REST), 0.0))
    _open: list[str] = field(default_factory=lambda: [REST])
    _since: float = field(default_factory=time.process_time)

    @property
    def total(self) -> float:
        """Seconds of everything."""
        return sum(self.seconds.values())

    def during(self, stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function with its time going to this stage."""

        @wraps(function)
        def watched(*args: Any, **kwargs: Any) -> Any:
            if SURVEY in self._open:
                return function(*args, **kwargs)
            self._switch()
            self._open.append(stage)
            try:
                return function(*args, **kwargs)
            finally:
                self._switch()
                self._open.pop()

        return watched

    def _switch(self) -> None:
        now = time.process_time()
        self.seconds[self._open[-1]] += now - self._since
        self._since = now

    def close(self) -> None:
        """Time since the last stage belongs to none."""
        self._switch()


@contextmanager
def listening() -> Iterator[Ledger]:
    """A ledger that is written while the block runs."""
    patches = []
    ledger = Ledger()
    for stage, module, path in STAGES:
        owner: Any = importlib.import_module(module)
        *classes, name = path.split(".")
        for one in classes:
            owner = getattr(owner, one)
        patches.append(patch.object(owner, name, ledger.during(stage, getattr(owner, name))))
    series = importlib.import_module("xrdkna.pipeline.series")
    patches.append(patch.object(series, "follow", _reading(ledger, series.follow)))
    for one in patches:
        one.start()
    ledger._since = time.process_time()
    try:
        yield ledger
    finally:
        ledger.close()
        for one in patches:
            one.stop()


def _reading(ledger: Ledger, follow: Callable[..., Any]) -> Callable[..., Any]:
    """`follow`, whose scans are read on the ledger's clock."""

    def followed(series: Any, *args: Any, **kwargs: Any) -> Any:
        entries = tuple(replace(entry, load=ledger.during(READ, entry.load)) for entry in series.entries)
        return follow(replace(series, entries=entries), *args, **kwargs)

    return followed
