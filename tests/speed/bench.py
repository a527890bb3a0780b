"""What both sides of the comparison share: one record a fit, one ruler, one starting point, and a worker that fits on command.

A worker is a process of its own with one thread. Its commands come as arguments or else line by line on standard input:
`static`, `series 5` (the next five scans) and `facts`. It answers with one JSON object a fit, or one object of facts.
"""

import argparse
import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Protocol

from workload import SCANS, SEED, FloatArray, PlantedScan, series_scans, static_scan, write_cifs

# BLAS, OpenMP, numba and the compiled kernels of rietx, each in one thread; read by them when they are loaded.
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "RIETX_COMPILED_THREADS")
ONE_THREAD = dict.fromkeys(THREADS, "1")

# Where every fit starts, on both sides: cells of the CIF files, no displacement, and a hump that is a little off in all it has.
START_HUMP_CENTRE, START_HUMP_FWHM, START_HUMP_HEIGHT = 23.0, 8.0, 80.0
# The Lorentzian widths of the phases in a series: held at the truth (25 parameters) or refined as well (35). Weights of the second
# are some 15 to 40 % less certain, by counting statistics alone, so weights are compared fairly only under the same choice.
WIDTHS = ("held", "refined")
# Lorentzian widths X and Y (degrees) of every phase in a fit that refines them.
START_SIZE_WIDTH, START_STRAIN_WIDTH = 0.05, 0.03


class Stopwatch:
    """Times what happens inside it. seconds: by the wall clock; processor_seconds: what of it this process was given, which a
    busy machine hardly changes."""

    seconds = 0.0
    processor_seconds = 0.0

    def __enter__(self) -> "Stopwatch":
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def start(self) -> None:
        """From now on."""
        self._started = time.perf_counter(), time.process_time()

    def stop(self) -> None:
        """Up to now."""
        wall, processor = self._started
        self.seconds = time.perf_counter() - wall
        self.processor_seconds = time.process_time() - processor


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """One fit: seconds as in `Stopwatch`, Rwp (a fraction, by this file's ruler), weight fractions by phase, the program's word."""

    seconds: float
    processor_seconds: float
    rwp: float
    weights: Mapping[str, float]
    verdict: str


class Side(Protocol):
    """A program that takes part. It is made with `WIDTHS`' choice for the series, and has then loaded its program."""

    def refine_static(self, scan: PlantedScan, cifs: Mapping[str, Path]) -> Fit:
        """The three phases of the static pattern, their widths too, from a cold start."""

    def refine_series(self, scans: Iterable[PlantedScan], cifs: Mapping[str, Path]) -> Iterator[Fit]:
        """Five phases scan after scan, each from where the one before ended; the widths of the phases as chosen."""

    def facts(self) -> dict[str, object]:
        """Version and settings, for the table."""


def fit_of(scan: PlantedScan, watch: Stopwatch, *, calculated: FloatArray, weights: Mapping[str, float], verdict: str) -> Fit:
    """The record of a fit. calculated: (3501,) counts; the agreement is worked out here, the same way for every program."""
    weight = 1.0 / scan.sigma**2
    rwp = float((weight @ (scan.counts - calculated) ** 2 / (weight @ scan.counts**2)) ** 0.5)
    return Fit(seconds=watch.seconds, processor_seconds=watch.processor_seconds, rwp=rwp, weights=dict(weights), verdict=verdict)


def work(load: Callable[[str], Side]) -> None:
    """Run a side as a worker: load the program in one thread, then obey."""
    options = _options()
    # Libraries read these when they are loaded, so a process that was started without them is started again.
    if any(os.environ.get(name) != value for name, value in ONE_THREAD.items()):
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **ONE_THREAD})
    side = load(options.widths)
    with tempfile.TemporaryDirectory() as folder:
        cifs = write_cifs(Path(folder))
        scans = islice(series_scans(options.scans, options.seed), options.first, None)
        series = side.refine_series(scans, cifs)
        for command in options.commands or map(str.strip, sys.stdin):
            if command == "static":
                _answer(asdict(side.refine_static(static_scan(options.seed), cifs)))
            elif command == "facts":
                _answer({**side.facts(), "peak_memory_mb": _peak_memory_mb()})
            else:
                for fit in islice(series, int(command.removeprefix("series "))):
                    _answer(asdict(fit))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Fits the speed workload; one line of JSON a fit.")
    parser.add_argument("commands", nargs="*", help='static, "series N" or facts; none: read them from standard input')
    parser.add_argument("--scans", type=int, default=SCANS, help="scans in the series")
    parser.add_argument("--first", type=int, default=0, help="scan of the series to start with")
    parser.add_argument("--widths", choices=WIDTHS, default=WIDTHS[0], help="the phases' line widths in the series")
    parser.add_argument("--seed", type=int, default=SEED, help="seed of the counting noise")
    return parser.parse_args()


def _answer(document: Mapping[str, object]) -> None:
    sys.stdout.write(json.dumps(document) + "\n")
    sys.stdout.flush()


def _peak_memory_mb() -> float:
    """Most memory this process has held; getrusage counts kilobytes, on macOS bytes."""
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
