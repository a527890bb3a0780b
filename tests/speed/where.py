"""Where the milliseconds of one more scan go: `python tests/speed/where.py [--scans 60] [--widths refined]`.

The chain is run once to load what is loaded once, then once under Python's profiler, which counts calls of Python and whole
compiled kernels; its own cost makes the sum larger than the time a scan takes, which is printed first. The first scan, fitted from the
cold, is left out of both.
"""

import argparse
import cProfile
import pstats
import sys
import tempfile
from pathlib import Path
from statistics import median

from bench import WIDTHS
from workload import SEED, series_scans, write_cifs
from xrdkna_side import Xrdkna

ROWS = 16


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description="Profile of the chain of fits, by function.")
    parser.add_argument("--scans", type=int, default=60, help="scans in the series")
    parser.add_argument("--widths", choices=WIDTHS, default="refined", help="line widths of the phases")
    options = parser.parse_args()
    scans = list(series_scans(options.scans, SEED))
    with tempfile.TemporaryDirectory() as folder:
        cifs = write_cifs(Path(folder))
        side = Xrdkna(options.widths)
        list(side.refine_series(scans, cifs))
        seconds = [fit.seconds for fit in side.refine_series(scans, cifs)][1:]
        profile, series = cProfile.Profile(), side.refine_series(scans, cifs)
        next(series)
        profile.runcall(lambda: list(series))
    sys.stdout.write(f"{1e3 * median(seconds):.2f} ms a scan (median of {len(seconds)}, without the profiler)\n\n")
    sys.stdout.write(f"{'ms a scan':>10s} {'calls a scan':>13s}  function\n")
    followed = len(scans) - 1
    for own, calls, name in rows(pstats.Stats(profile))[:ROWS]:
        sys.stdout.write(f"{1e3 * own / followed:10.3f} {calls / followed:13.2f}  {name}\n")


def rows(stats: pstats.Stats) -> list[tuple[float, int, str]]:
    """Seconds of its own, calls and name of every function, the dearest first."""
    found = [
        (own, calls, f"{Path(file).parent.name}/{Path(file).name}:{name}" if line else name)
        for (file, line, name), (_, calls, own, _, _) in stats.stats.items()
    ]
    return sorted(found, reverse=True)


if __name__ == "__main__":
    main()
