"""Two programs fit the same series by turns, each in a process of its own with one thread."""

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from types import TracebackType

from bench import ONE_THREAD, Fit

HERE = Path(__file__).resolve().parent
# The programs take turns in this many blocks of scans, so that a machine which drifts slows both alike.
BLOCKS = 12
# Fresh processes for the cold fit: the first may have to compile, the median of three has not.
COLD_STARTS = 3


class Worker:
    """One side in its own process; `ready_seconds` is how long it took to start and load its program."""

    def __init__(self, python: str, script: str, *, scans: int, seed: int, widths: str, first: int = 0) -> None:
        arguments = ["--scans", str(scans), "--seed", str(seed), "--first", str(first), "--widths", widths]
        started = time.perf_counter()
        self._process = subprocess.Popen(
            [python, str(HERE / script), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **ONE_THREAD},
        )
        self._script = script
        self.facts()
        self.ready_seconds = time.perf_counter() - started

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()

    def facts(self) -> dict[str, object]:
        """Program, setting, and the most memory held so far."""
        return self._ask("facts", 1)[0]

    def static(self) -> Fit:
        """The cold fit of the static pattern."""
        return Fit(**self._ask("static", 1)[0])

    def series(self, scans: int) -> list[Fit]:
        """The next scans of the series."""
        return [Fit(**answer) for answer in self._ask(f"series {scans}", scans)] if scans else []

    def _ask(self, command: str, answers: int) -> list[dict[str, object]]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(command + "\n")
        self._process.stdin.flush()
        lines = list(islice(self._process.stdout, answers))
        if len(lines) < answers:
            raise SystemExit(f"{self._script} ended during `{command}`; what it says about that stands above.")
        return [json.loads(line) for line in lines]


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """One side's run. static: one fit a cold start; blocks: the fits of the series, in order, one list a turn."""

    facts: dict[str, object]
    ready_seconds: float
    memory_begun_mb: float
    memory_ended_mb: float
    static: list[Fit]
    blocks: list[list[Fit]]

    @property
    def fits(self) -> list[Fit]:
        """All fits of the series, in order."""
        return [fit for block in self.blocks for fit in block]


def run_by_turns(*, scans: int, peer_scans: int, seed: int, widths: tuple[str, str], peer_python: str) -> dict[str, Course]:
    """Run both sides; the peer fits the last `peer_scans` scans, where all phases are there.

    widths: what xrdkna and what the peer do with the line widths of the phases in the series.
    """
    sides = {"xrdkna": (sys.executable, "xrdkna_side.py", scans), "rietx": (peer_python, "peer_rietx.py", peer_scans)}
    statics: dict[str, list[Fit]] = {name: [] for name in sides}
    for _ in range(COLD_STARTS):
        for name, (python, script, _) in sides.items():
            with Worker(python, script, scans=scans, seed=seed, widths=widths[0]) as worker:
                statics[name].append(worker.static())
    with (
        Worker(*sides["xrdkna"][:2], scans=scans, seed=seed, widths=widths[0]) as own,
        Worker(*sides["rietx"][:2], scans=scans, seed=seed, widths=widths[1], first=scans - peer_scans) as peer,
    ):
        workers = {"xrdkna": own, "rietx": peer}
        blocks: dict[str, list[list[Fit]]] = {name: [] for name in workers}
        begun: dict[str, dict[str, object]] = {}
        for turn in range(BLOCKS):
            for name, worker in workers.items():
                blocks[name].append(worker.series(_share(sides[name][2], turn)))
                # Memory counts from the first scans on: until then libraries are still being loaded.
                begun.setdefault(name, worker.facts())
        ended = {name: worker.facts() for name, worker in workers.items()}
        return {
            name: Course(
                facts=begun[name],
                ready_seconds=worker.ready_seconds,
                memory_begun_mb=_memory(begun[name]),
                memory_ended_mb=_memory(ended[name]),
                static=statics[name],
                blocks=blocks[name],
            )
            for name, worker in workers.items()
        }


def _share(scans: int, turn: int) -> int:
    """How many of the scans belong to this turn of `BLOCKS`."""
    return scans * (turn + 1) // BLOCKS - scans * turn // BLOCKS


def _memory(facts: dict[str, object]) -> float:
    return float(str(facts["peak_memory_mb"]))
