"""Are steps told from drift at the rates and with the intervals promised? Series of numbers with a planted truth, no pattern fitted:

    python tests/calibration/steps.py [--series 300] [--first 0] [--scans 12 20 40] [--tests 1]

Series without a step: constant, with lines, saturation, sigmoids, kinks, ramps over a third and more of the series, cycles, random
walks, sines, scans out of line and scatter beyond the esds, of changes from 5 to 300 esds in all. Series with one step of 4 to 20
esds, anywhere from the second gap to the last but one, on a constant level, on a slope of up to one esd a scan, beside scans out of
line, and how often the 95 % interval holds the moment. Levels that weaken to a quarter. Each rate with its 95 % interval (Clopper &
Pearson 1934).
"""

import argparse
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from scipy.stats import beta

from xrdkna.track.change.levels import level_changes
from xrdkna.track.change.steps import Reading, read_series
from xrdkna.track.paths.switches import switch_interval

RATE, REPORT = 0.01, 0.95
AMOUNTS = (5.0, 8.0, 12.0, 20.0, 50.0, 100.0, 300.0)
Maker = Callable[[np.random.Generator, int], np.ndarray]


@dataclass(frozen=True)
class Rate:
    hits: int
    of: int

    def __str__(self) -> str:
        low = float(beta.ppf(0.025, self.hits, self.of - self.hits + 1)) if self.hits else 0.0
        high = float(beta.ppf(0.975, self.hits + 1, self.of - self.hits)) if self.hits < self.of else 1.0
        return f"{100 * self.hits / max(1, self.of):6.2f} %  ({self.hits}/{self.of}; {100 * low:.2f}–{100 * high:.2f} %)"


def read(y: np.ndarray, tests: int = 1) -> Reading:
    return read_series(y, np.ones(y.size), odds=RATE * REPORT / (1.0 - REPORT), report=REPORT, tests=tests)


def generator(*seed: int) -> np.random.Generator:
    return np.random.default_rng([20261123, *seed])


def nothings() -> Mapping[str, Maker]:
    """Series without a step, without their unit noise; t runs 0 … 1."""

    def smooth(shape: Callable[[np.random.Generator, np.ndarray], np.ndarray]) -> Maker:
        return lambda rng, n: rng.choice(AMOUNTS) * shape(rng, np.arange(n) / n)

    def outliers(rng: np.random.Generator, n: int) -> np.ndarray:
        # Apart: two neighbours out of line alike are a step there and back.
        y = np.zeros(n)
        y[rng.integers(0, 12) :: 12] = rng.choice([-1, 1]) * rng.choice(AMOUNTS)
        return y

    return {
        "constant": lambda rng, n: np.zeros(n),
        "line": smooth(lambda rng, t: t),
        "saturation": smooth(lambda rng, t: 1 - np.exp(-np.maximum(t - rng.uniform(0, 0.5), 0) / rng.uniform(0.2, 0.6))),
        "sigmoid": smooth(lambda rng, t: 1 / (1 + np.exp(-(t - rng.uniform(0.3, 0.7)) / rng.uniform(0.1, 0.2)))),
        "kink": smooth(lambda rng, t: np.maximum(t - rng.uniform(0.1, 0.8), 0)),
        "ramp": lambda rng, n: (
            rng.choice(AMOUNTS) * np.clip((np.arange(n) - rng.uniform(1, n / 2)) / max(8.0, rng.uniform(0.4, 0.6) * n), 0, 1)
        ),
        "cycles": smooth(lambda rng, t: np.abs((t * rng.uniform(1, 1.6) + rng.uniform()) % 1 * 2 - 1)),
        "sine": smooth(lambda rng, t: np.sin(2 * np.pi * (t * rng.uniform(0.3, 1.5) + rng.uniform()))),
        "random walk": lambda rng, n: np.cumsum(rng.standard_normal(n)) * rng.choice([0.1, 0.3, 0.6]),
        "scans out of line": outliers,
        "scatter twice the esds": lambda rng, n: np.sqrt(3.0) * rng.standard_normal(n),
        "scatter of long tails": lambda rng, n: rng.standard_t(3, n) - rng.standard_normal(n),
    }


def false_steps(make: Maker, seeds: Iterable[int], n: int, tests: int) -> tuple[Rate, Rate]:
    """Series with a step that is none, and series said to drift."""
    steps, drifts = [], []
    for seed in seeds:
        rng = generator(n, seed)
        found = read(make(rng, n) + rng.standard_normal(n), tests)
        steps.append(bool(found.steps))
        drifts.append(found.drifts >= REPORT)
    return Rate(sum(steps), len(steps)), Rate(sum(drifts), len(drifts))


def found_steps(size: float, base: Maker, seeds: Iterable[int], n: int, tests: int) -> dict[str, Rate]:
    """One step of this many esds: at the exact gap, within one, more steps than one, and the moment inside the interval."""
    exact, near, more, held = [], [], [], []
    for seed in seeds:
        rng = generator(n, 1, seed)
        gap = int(rng.integers(1, n - 2))
        y = rng.choice([-1, 1]) * size * (np.arange(n) > gap) + base(rng, n) + rng.standard_normal(n)
        moment = gap + rng.uniform()
        steps = read(y, tests).steps
        exact.append(any(step.gap == gap for step in steps))
        near.append(any(abs(step.gap - gap) <= 1 for step in steps))
        more.append(len(steps) > 1)
        for step in steps[:1]:
            _, low, high = switch_interval(np.arange(n, dtype=float), 0, step.weights, 0.95)
            held.append(low <= moment <= high)
    lists = {"exact": exact, "within one": near, "more than one": more, "interval holds": held}
    return {name: Rate(int(sum(hits)), len(hits)) for name, hits in lists.items()}


def weakened(sigmas: float, seeds: Iterable[int], n: int) -> dict[str, Rate]:
    """A level of this many esds a scan weakens to a quarter; what `level_changes` says."""
    exact, alone = [], []
    for seed in seeds:
        rng = generator(n, 2, seed)
        gap = int(rng.integers(1, n - 2))
        y = np.where(np.arange(n) > gap, 0.25, 1.0) * sigmas + rng.standard_normal(n)
        changes = level_changes(y, np.ones(n), false_alarms=RATE, least_step=0.2, least_ramp=1.5)
        exact.append([(c.kind, c.first + int(c.weights.argmax())) for c in changes if not c.slow] == [("weakens", gap)])
        alone.append(len(changes) == 1)
    return {"exact": Rate(sum(exact), len(exact)), "one statement": Rate(sum(alone), len(alone))}


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--series", type=int, default=300)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--scans", type=int, nargs="+", default=[12, 20, 40])
    parser.add_argument("--tests", type=int, default=1, help="quantities that share the accepted rate of false alarms")
    chosen = parser.parse_args()
    seeds = range(chosen.first, chosen.first + chosen.series)
    for n in chosen.scans:
        say(f"\n{n} scans, no step                 called a step                          said to drift")
        total = Rate(0, 0)
        for name, make in nothings().items():
            steps, drifts = false_steps(make, seeds, n, chosen.tests)
            total = Rate(total.hits + steps.hits, total.of + steps.of)
            say(f"  {name:24s} {steps}   {drifts}")
        say(f"  {'all':24s} {total}")
        bases = {
            "constant": nothings()["constant"],
            "a slope": lambda rng, n: rng.uniform(-1.0, 1.0) * np.arange(n),
            "scans out of line": nothings()["scans out of line"],
        }
        for name, base in bases.items():
            for size in (4.0, 5.0, 6.0, 8.0, 12.0, 20.0):
                rates = found_steps(size, base, seeds, n, chosen.tests)
                say(f"  step of {size:.0f} on {name}: " + "; ".join(f"{key} {rate}" for key, rate in rates.items()))
        for sigmas in (5.0, 7.0, 10.0, 15.0):
            rates = weakened(sigmas, seeds, n)
            say(f"  level of {sigmas:.0f} esds to a quarter: " + "; ".join(f"{key} {rate}" for key, rate in rates.items()))


if __name__ == "__main__":
    main()
