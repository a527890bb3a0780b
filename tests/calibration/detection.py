"""Is a phase at its detection limit seen, and an absent one not? Currie's two errors, on the planted specimens of `plant`:

    python tests/calibration/detection.py [--patterns 200] [--first 0] [--jobs 1] [--library]

Each specimen is fitted with one phase more than it holds. What its fit gives as detection limit is then added to the same specimen, and
the fit repeated. The phase is seen where its significance exceeds 1.645 (5 % of one-sided noise): it should be in 95 % of patterns with
it and in at most 5 % of those without. Its cell is free in the fit, off the library's by 0 ± 0.2 %, and expected near its own (0.03 %), as
all cells of these specimens; with --library at the library's, where some lines are beyond the reach of a limit.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

for threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(threads, "1")
sys.path.insert(0, str(Path(__file__).parent))

import numpy as np  # noqa: E402 - threads are settled before numpy starts any
from plant import KINDS, PHASES, Specimen, TruePhase, another_phase, cell_volume_of, crystal_pattern, draw_specimen, expected_counts  # noqa: E402
from pulls import fit  # noqa: E402

# One-sided, 5 %.
SEEN = 1.645
# A limit beyond this share of the weight says that the phase cannot be seen in this pattern; there is nothing to plant.
HOPELESS = 0.8


@dataclass(frozen=True, kw_only=True)
class Detection:
    """One specimen: significance of the phase without it and with as much of it as the limit says (None: hopeless)."""

    seed: int
    kind: str
    phase: str
    limit: float
    without: float
    planted: float | None


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--patterns", type=int, default=200)
    parser.add_argument("--first", type=int, default=0, help="number of the first specimen")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--library", action="store_true", help="start the cell at the library's")
    options = parser.parse_args()
    found = detections_of(range(options.first, options.first + options.patterns), library=options.library, jobs=options.jobs)
    sys.stdout.write(table(found))


def detections_of(seeds: Sequence[int], *, library: bool = False, jobs: int = 1) -> list[Detection]:
    """What became of the additional phase of these specimens."""
    each = partial(detection_of_one, library=library)
    if jobs == 1:
        return [each(seed) for seed in seeds]
    with ProcessPoolExecutor(jobs) as pool:
        return list(pool.map(each, seeds, chunksize=4))


def detection_of_one(seed: int, *, library: bool) -> Detection:
    """Fit without the phase, plant its limit, fit again."""
    specimen = draw_specimen(seed)
    trace = _another_phase(specimen)
    asked = replace(specimen, phases=(*specimen.phases, trace))
    expected, scales = expected_counts(specimen)
    at_library = (trace.phase.name,) if library else ()
    empty = fit(asked, _counted(expected, seed, 1), library=at_library).phase(trace.phase.name)
    assert empty.detection_limit is not None
    limit, planted = float(empty.detection_limit.value), None
    if limit < HOPELESS:
        rest = sum(s * _mass(true) for s, true in zip(scales, specimen.phases, strict=True))
        amount = limit / (1.0 - limit) * rest / _mass(trace)
        with_it = expected + amount * crystal_pattern(specimen, trace)
        planted = fit(asked, _counted(with_it, seed, 4), library=at_library).phase(trace.phase.name).significance
    return Detection(
        seed=seed, kind=specimen.kind, phase=trace.phase.name, limit=limit, without=empty.significance, planted=planted
    )  # fmt: skip


def _another_phase(specimen: Specimen) -> TruePhase:
    rng = np.random.default_rng([specimen.seed, 5])
    here = {true.phase.name for true in specimen.phases}
    name = str(rng.choice([name for name in PHASES if name not in here]))
    return another_phase(name, specimen, rng)


def _mass(true: TruePhase) -> float:
    return true.reflections.cell_mass * cell_volume_of(true)


def _counted(expected: np.ndarray, seed: int, stream: int) -> np.ndarray:
    return np.random.default_rng([seed, stream]).poisson(expected).astype(float)


def table(found: Sequence[Detection]) -> str:
    """Both shares with their binomial standard errors, of all and of each kind of specimen."""
    lines = [f"{'patterns':14s} {'absent, flagged':>18s} {'at the limit, seen':>20s} {'median limit':>13s}"]
    for title, kinds in (("all", KINDS), *((kind, (kind,)) for kind in KINDS)):
        own = [one for one in found if one.kind in kinds]
        planted = [one.planted for one in own if one.planted is not None]
        flagged, seen = _share([one.without for one in own]), _share(planted)
        limit = f"{100.0 * float(np.median([one.limit for one in own])):10.2f} wt%" if own else ""
        lines.append(f"{title:14s} {flagged:>18s} {seen:>20s} {limit}")
    hopeless = sum(one.planted is None for one in found)
    return "\n".join(lines) + f"\n{hopeless} of {len(found)} phases cannot be seen in their patterns (limit above {HOPELESS:.0%}).\n"


def _share(significances: Sequence[float]) -> str:
    n = len(significances)
    if not n:
        return "-"
    share = float(np.mean([significance > SEEN for significance in significances]))
    return f"{100.0 * share:.1f} ± {100.0 * np.sqrt(max(share * (1.0 - share), 1.0 / n) / n):.1f} % of {n}"


if __name__ == "__main__":
    main()
