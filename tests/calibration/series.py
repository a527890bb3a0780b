"""Does the tracker keep its promises? Planted series, and the table of what it must do:

    python tests/calibration/series.py --seeds 200 --scenario nothing,strong --workers 2 --out table.json
    python tests/calibration/series.py --show strong 7 [--plot strong7.png]
    python tests/calibration/series.py --score table.json

Seeds are `--first` … `--first + --seeds − 1` of each scenario (default: all of them); a seed gives the same series for ever. `--out` keeps
what was said and what was true of each series, `--score` prints the tables of such files again (several with commas), `--show` one series.
"""

import argparse
import json
import os
import sys
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

for threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(threads, "1")
sys.path.insert(0, str(Path(__file__).parent))

import numpy as np  # noqa: E402 - threads are settled before numpy starts any
from series_issue import say_issue  # noqa: E402
from series_run import CHOICES, Outcome, run_one  # noqa: E402
from series_scenarios import NULL, SCENARIOS  # noqa: E402
from series_score import Row, brier, reliability, table  # noqa: E402
from series_show import plot_series, tell_series  # noqa: E402


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    options = _options(arguments)
    if options.show:
        scenario, seed = options.show[0], int(options.show[1])
        sys.stdout.write(tell_series(scenario, seed, options.phases))
        if options.plot:
            plot_series(scenario, seed, options.plot)
        return
    if options.score:
        outcomes = [one for path in options.score.split(",") for one in json.loads(Path(path).read_text(encoding="utf-8"))["outcomes"]]
    else:
        wanted = scenarios_of(options.scenario)
        seeds = range(options.first, options.first + options.seeds)
        outcomes = run_many([(name, seed) for seed in seeds for name in wanted], workers=options.workers, choice=options.phases)
    sys.stdout.write(say_table(outcomes) + say_issue(outcomes))
    if options.out:
        rows = [
            {"name": row.name, "hits": row.hits, "total": row.total, "must": row.must, "interval": row.interval} for row in table(outcomes)
        ]
        options.out.write_text(json.dumps({"phases": options.phases, "rows": rows, "outcomes": outcomes}, indent=1), encoding="utf-8")


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=20, help="series of each scenario")
    parser.add_argument("--first", type=int, default=0, help="number of the first")
    parser.add_argument("--scenario", default="", help=f"of {', '.join(SCENARIOS)}; several with commas; null: all without KNa2")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--phases", choices=list(CHOICES), default="five", help="what the tracker is told may be there")
    parser.add_argument("--out", type=Path, default=None)
    parser.add_argument("--score", default="")
    parser.add_argument("--show", nargs=2, metavar=("SCENARIO", "SEED"), default=None)
    parser.add_argument("--plot", type=Path, default=None)
    options = parser.parse_args(arguments)
    unknown = [name for name in scenarios_of(options.scenario) if name not in SCENARIOS]
    if unknown:
        parser.error(f"no scenario {', '.join(unknown)}; there are {', '.join(SCENARIOS)}.")
    return options


def scenarios_of(text: str) -> list[str]:
    """The names in a list with commas; "null" for those without KNa2, nothing for all."""
    names = [name for name in text.split(",") if name] or list(SCENARIOS)
    return [one for name in names for one in (NULL if name == "null" else (name,))]


def run_many(wanted: Sequence[tuple[str, int]], *, workers: int = 1, choice: str = "five") -> list[Outcome]:
    """The outcomes of these series, in this order; how far it is goes to standard error."""
    choices = [choice] * len(wanted)
    if workers == 1:
        return _counted(map(run_one, *zip(*wanted, strict=True), choices), len(wanted))
    with ProcessPoolExecutor(workers) as pool:
        return _counted(pool.map(run_one, *zip(*wanted, strict=True), choices), len(wanted))


def _counted(outcomes: Iterable[Outcome], total: int) -> list[Outcome]:
    done = []
    for outcome in outcomes:
        done.append(outcome)
        sys.stderr.write(f"\r{len(done)}/{total}")
    sys.stderr.write("\n")
    return done


def say_table(outcomes: Sequence[Outcome]) -> str:
    """The table for people."""
    lines = [f"{len(outcomes)} series", f"{'':52s} {'share':>7s}  {'95 % interval':15s} {'of':>9s}  must"]
    lines += [_say_row(row) for row in table(outcomes)]
    lines.append("presence probability of KNa2 and its marker together (said and true within 0.05 in every tenth):")
    for tenth in reliability(outcomes):
        counted = f"{tenth.count:6d} scans of {tenth.series:4d} series"
        lines.append(f"  said {tenth.said:.3f}  true {tenth.true:.3f} ± {tenth.error:.3f}  {counted}  {tenth.verdict}")
    error, scans = brier(outcomes)
    lines.append(f"Brier at ≥ 3σ: {error:.4f} over {scans} scans (must ≤ 0.03)")
    timed = [1000.0 * one["seconds"] / one["scans"] for one in outcomes]
    if timed:
        lines.append(f"processor time a scan: median {np.median(timed):.1f} ms, 90 % below {np.quantile(timed, 0.9):.1f} ms (must ≤ 15 ms)")
    return "\n".join(lines) + "\n"


def _say_row(row: Row) -> str:
    low, high = row.interval
    return f"{row.name:52s} {row.share:7.1%}  {low:6.1%} … {high:6.1%} {row.hits:4d}/{row.total:<4d} {row.must:8s} {row.verdict}"


if __name__ == "__main__":
    main()
