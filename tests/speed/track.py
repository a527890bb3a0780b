"""What `xrdkna track` costs, all included: `python tests/speed/track.py [--scans 60 300] [--runs 3] [--series plating]`.

A series of 5 phases (Al, Al2O3, K, KNa2, K2CO3) and 3501 points lies in files; the command reads it, surveys it, follows it and writes
its JSON, in one process with one thread. Left out: importing the package, and loading compiled code, for which a short series of another
seed is followed first. Processor time throughout; the table is of the run in the middle, each stage without the stages inside it.
"""

import argparse
import os
import resource
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from bench import ONE_THREAD
from stages import Ledger, listening
from track_series import PHASES, SERIES, write_series

WARMING_SCANS = 6


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description="Processor time of `xrdkna track`, stage by stage.")
    parser.add_argument("--scans", type=int, nargs="+", default=[60], help="scans in the series")
    parser.add_argument("--runs", type=int, default=3, help="runs of each length, each of its own seed")
    parser.add_argument("--seed", type=int, default=1, help="seed of the first run")
    parser.add_argument("--series", choices=tuple(SERIES), default="plating", help="what happens in it")
    options = parser.parse_args()
    # Libraries read these when they are loaded, so a process that was started without them is started again.
    if any(os.environ.get(name) != value for name, value in ONE_THREAD.items()):
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **ONE_THREAD})
    for scans in options.scans:
        runs = [timed(options.series, scans, options.seed + run) for run in range(options.runs)]
        sys.stdout.write(told(scans, runs))


def timed(kind: str, scans: int, seed: int) -> Ledger:
    """One run, after a short one that loads what is loaded once."""
    with tempfile.TemporaryDirectory() as folder:
        for name, count, own_seed in (("short", WARMING_SCANS, seed + 500), ("series", scans, seed)):
            write_series(kind, Path(folder) / name, scans=count, seed=own_seed)
        follow(Path(folder) / "short")
        with listening() as ledger:
            follow(Path(folder) / "series")
        return ledger


def follow(folder: Path) -> None:
    """The command as a user gives it."""
    from xrdkna.edge.cli import run

    arguments = ["track", str(folder), "--json", str(folder / "track.json"), "--phases", ",".join(PHASES), "--quiet"]
    if status := run(arguments):
        raise SystemExit(f"xrdkna track ended with status {status}; what it says about that stands above.")


def told(scans: int, runs: Sequence[Ledger]) -> str:
    """The table of the run in the middle."""
    totals = sorted(ledger.total for ledger in runs)
    middle = min(runs, key=lambda ledger: abs(ledger.total - median(totals)))
    unit = 2**20 if sys.platform == "darwin" else 2**10
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
    each = ", ".join(f"{1e3 * total / scans:.1f}" for total in totals)
    lines = [
        f"{scans} scans: {1e3 * median(totals) / scans:.2f} ms a scan (runs: {each}); at most {memory:.0f} MB so far",
        f"{'stage':>28s} {'ms a scan':>10s} {'s a series':>11s}",
    ]
    lines += [f"{name:>28s} {1e3 * seconds / scans:10.2f} {seconds:11.3f}" for name, seconds in middle.seconds.items() if seconds > 0.0]
    return "\n".join(lines) + "\n\n"


if __name__ == "__main__":
    main()
