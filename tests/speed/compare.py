"""xrdkna against rietx on the speed workload, in one run: `python tests/speed/compare.py [--scans 60] [--json FILE]`.

rietx comes with the extra `bench`, or from another environment with --peer-python. Rwp is worked out by one ruler (bench.py) and
weights are judged against the planted truth (workload.py). By default the peer is spared the line widths, which is its fastest;
weights compare fairly under `--peer-widths refined`, or under `--widths held`. Whether time and memory stay flat:
`--scans 6000 --peer-scans 20`.
"""

import argparse
import json
import sys
from collections import deque
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from bench import WIDTHS, Fit
from turns import Course, run_by_turns
from workload import PHASES, SCANS, SEED, PlantedScan, series_scans, static_scan


def main() -> None:
    """The command."""
    options = _options()
    peer_scans = min(options.scans, options.peer_scans or SCANS)
    courses = run_by_turns(
        scans=options.scans,
        peer_scans=peer_scans,
        seed=options.seed,
        widths=(options.widths, options.peer_widths),
        peer_python=options.peer_python,
    )
    truth = deque(series_scans(options.scans, options.seed), maxlen=peer_scans)
    figures = summary(courses, tuple(truth), static_scan(options.seed))
    sys.stdout.write(table(figures))
    if options.json is not None:
        fits = {name: [asdict(fit) for fit in course.fits] for name, course in courses.items()}
        options.json.write_text(json.dumps({**figures, "fits": fits}, indent=1), encoding="utf-8")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="xrdkna against rietx: time, agreement and weights on one planted series.")
    parser.add_argument("--scans", type=int, default=SCANS, help="scans in the series")
    parser.add_argument("--peer-scans", type=int, help="how many of the last scans the peer fits; default: all, at most 60")
    parser.add_argument("--widths", choices=WIDTHS, default="refined", help="line widths of the phases in the series: xrdkna")
    parser.add_argument("--peer-widths", choices=WIDTHS, default="held", help="the same for the peer; held is its fastest")
    parser.add_argument("--seed", type=int, default=SEED, help="seed of the counting noise")
    parser.add_argument("--peer-python", default=sys.executable, help="the Python that rietx is installed for")
    parser.add_argument("--json", type=Path, help="also write all figures and every fit to this file")
    return parser.parse_args()


def summary(courses: dict[str, Course], truth: Sequence[PlantedScan], static_truth: PlantedScan) -> dict[str, Any]:
    """The figures of the table; both sides are judged on the scans that both have fitted."""
    common = min(len(course.fits) for course in courses.values())
    sides = {name: _figures(course, truth[-common:], static_truth) for name, course in courses.items()}
    own, peer = courses["xrdkna"], courses["rietx"]
    turns = [_median_ms(slow) / _median_ms(fast) for slow, fast in zip(peer.blocks, own.blocks, strict=True) if slow and fast]
    tenth = max(1, len(own.fits) // 10)
    judged = truth[-common:]
    return {
        "sides": sides,
        "scans_compared": common,
        "rwp_of_truth": median(scan.rwp_of_truth for scan in truth[-common:]),
        "times_faster": _median_ms(peer.fits) / _median_ms(own.fits),
        "times_faster_by_processor_time": _median_processor_ms(peer.fits) / _median_processor_ms(own.fits),
        "times_faster_by_turn": turns,
        "times_faster_static": median(fit.seconds for fit in peer.static) / median(fit.seconds for fit in own.static),
        "rms_wt_difference": {name: _paired(own.fits[-common:], peer.fits[-common:], judged, name) for name in PHASES},
        "rwp_ratio": median(a.rwp / b.rwp for a, b in zip(own.fits[-common:], peer.fits[-common:], strict=True)),
        "first_tenth_ms": _median_ms(own.fits[1 : tenth + 1] or own.fits),
        "last_tenth_ms": _median_ms(own.fits[-tenth:]),
        "memory_grown_mb": own.memory_ended_mb - own.memory_begun_mb,
    }


def table(figures: dict[str, Any]) -> str:
    """The figures for people."""
    sides = figures["sides"]
    names = tuple(sides)
    rows = [("", *(sides[name]["program"] for name in names))]
    rows.append(("series, median ms a scan", *(f"{sides[name]['scan_ms']:.2f}" for name in names)))
    rows.append(("of it processor time, ms", *(f"{sides[name]['scan_processor_ms']:.2f}" for name in names)))
    rows.append((f"Rwp, median (truth {figures['rwp_of_truth']:.5f})", *(f"{sides[name]['rwp']:.5f}" for name in names)))
    rows += [(f"rms error {phase}, wt%", *(f"{sides[name]['rms_wt'][phase]:.3f}" for name in names)) for phase in PHASES]
    for phase, (change, esd) in figures["rms_wt_difference"].items():
        rows.append((f"  the first less the second, {phase}", f"{change:+.4f} ± {esd:.4f}"))
    rows.append(("most weight where absent, wt%", *(_or_dash(sides[name]["most_where_absent_wt"]) for name in names)))
    rows.append(("verdicts", *(", ".join(f"{n} {word}" for word, n in sides[name]["verdicts"].items()) for name in names)))
    rows.append(("static, cold, s (each start)", *(" ".join(f"{s:.3f}" for s in sides[name]["static_seconds"]) for name in names)))
    rows.append(("static, Rwp", *(f"{sides[name]['static_rwp']:.5f}" for name in names)))
    worst = {name: max(sides[name]["static_errors_wt"].values(), key=abs) for name in names}
    rows.append(("static, worst error, wt%", *(f"{worst[name]:+.3f}" for name in names)))
    rows.append(("start of the process, s", *(f"{sides[name]['ready_seconds']:.1f}" for name in names)))
    lines = [f"{label:34s}" + "".join(f"{value:>28s}" for value in values) for label, *values in rows]
    turns = figures["times_faster_by_turn"]
    lines += [
        "",
        *(f"{name}: {sides[name]['setting']}" for name in names),
        f"xrdkna is {figures['times_faster']:.1f} times faster a scan ({min(turns):.1f} to {max(turns):.1f} by turn), "
        f"{figures['times_faster_by_processor_time']:.1f} times by processor time, and "
        f"{figures['times_faster_static']:.1f} times on the static pattern.",
        f"Its Rwp is {figures['rwp_ratio']:.5f} times the peer's (median over {figures['scans_compared']} scans).",
        f"A scan takes {figures['first_tenth_ms']:.2f} ms in the first tenth of the series and {figures['last_tenth_ms']:.2f} ms in the "
        f"last; memory grows by {figures['memory_grown_mb']:.0f} MB from the first scans to the end.",
    ]
    return "\n".join(lines) + "\n"


def _paired(own: Sequence[Fit], peer: Sequence[Fit], truth: Sequence[PlantedScan], phase: str) -> tuple[float, float]:
    """rms error of one side less that of the other, wt%, and its standard error: both fit the same counts, so that what these do to both
    drops out of the difference scan by scan."""
    squares = np.array([[_error(a, scan, phase) ** 2, _error(b, scan, phase) ** 2] for a, b, scan in zip(own, peer, truth, strict=True)])
    total = float(np.sqrt(squares.mean(axis=0)).sum())
    if total == 0.0:
        return 0.0, 0.0
    difference = squares[:, 0] - squares[:, 1]
    return float(difference.mean()) / total, float(difference.std(ddof=1)) / total / float(np.sqrt(difference.size))


def _or_dash(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def _figures(course: Course, truth: Sequence[PlantedScan], static_truth: PlantedScan) -> dict[str, Any]:
    fits = course.fits[-len(truth) :]
    errors = {name: [_error(fit, scan, name) for fit, scan in zip(fits, truth, strict=True)] for name in PHASES}
    absent = [
        100.0 * fit.weights.get(name, 0.0)
        for fit, scan in zip(fits, truth, strict=True)
        for name, weight in scan.weight_fractions.items()
        if weight == 0.0
    ]
    statics = {name: _error(course.static[-1], static_truth, name) for name in static_truth.weight_fractions}
    return {
        **course.facts,
        "ready_seconds": course.ready_seconds,
        "static_seconds": [fit.seconds for fit in course.static],
        "static_rwp": course.static[-1].rwp,
        "static_errors_wt": statics,
        "scan_ms": _median_ms(course.fits),
        "scan_processor_ms": _median_processor_ms(course.fits),
        "rwp": median(fit.rwp for fit in fits),
        "rms_wt": {name: float(np.sqrt(np.mean(np.square(values)))) for name, values in errors.items()},
        "most_where_absent_wt": max(absent, default=None),
        "verdicts": {verdict: sum(fit.verdict == verdict for fit in fits) for verdict in sorted({fit.verdict for fit in fits})},
    }


def _error(fit: Fit, scan: PlantedScan, phase: str) -> float:
    """wt%, found minus planted."""
    return 100.0 * (fit.weights.get(phase, 0.0) - scan.weight_fractions[phase])


def _median_ms(fits: Sequence[Fit]) -> float:
    return 1e3 * median(fit.seconds for fit in fits)


def _median_processor_ms(fits: Sequence[Fit]) -> float:
    return 1e3 * median(fit.processor_seconds for fit in fits)


if __name__ == "__main__":
    main()
