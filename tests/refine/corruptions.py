"""What goes wrong with a measurement, or with what is said about it: seeded damage to planted scans, and the truth beside it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from planted_mixtures import FREE, Mixture, PlantedPhase, planted_mixture, strained

from xrdkna import radiation_from_text
from xrdkna.phases.reflections import reflections_of
from xrdkna.records.instrument import Instrument
from xrdkna.records.phases import Cell, Library

SPECIMENS = ("Al", "Al2O3", "KNa2", "K", "NaF", "Cu", "K2CO3", "graphite", "KF", "Na2CO3")


@dataclass
class Damaged:
    """A file's columns and what the fit is told. rows: (n, 2 or 3). truth, cells: of every planted phase, also one nobody names."""

    kind: str
    rows: np.ndarray
    phases: tuple[str, ...]
    radiation: str
    weights: Mapping[str, float]
    cells: Mapping[str, Cell]
    systems: Mapping[str, str]
    written: dict[int, str] = field(default_factory=dict)

    def write(self, path: Path) -> Path:
        """The rows as a text file; `written` replaces whole rows by text."""
        columns = "%.4f %.4f" if self.rows.shape[1] == 2 else "%.4f %.4f %.4f"
        lines = [self.written.get(i, columns % tuple(row)) for i, row in enumerate(self.rows)]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path


def planted_specimen(
    library: Library, rng: np.random.Generator, *, names: tuple[str, ...] = (), weights: tuple[float, ...] = ()
) -> Mixture:
    """Two to four phases of the library with cells up to 0.05 % off the library's."""
    instrument = Instrument(radiation=radiation_from_text("CuKa"), radius_mm=217.5)
    names = names or tuple(str(name) for name in rng.choice(SPECIMENS, int(rng.integers(2, 5)), replace=False))
    parts = weights or tuple(0.08 + (1.0 - 0.08 * len(names)) * rng.dirichlet(np.full(len(names), 1.5)))
    planted = []
    for name, part in zip(names, parts, strict=True):
        reflections = reflections_of(library.phases[name], instrument=instrument, two_theta_max=92.0)
        system = "hexagonal" if reflections.crystal_system == "trigonal" else reflections.crystal_system
        cell = strained(reflections.cell, system, {edge: rng.uniform(-5e-4, 5e-4) for edge in FREE[system] if edge != "beta"})
        planted.append(PlantedPhase(reflections, cell, float(part), strain=float(rng.uniform(0.0, 0.05))))
    return planted_mixture(
        tuple(planted),
        instrument=instrument,
        two_theta=np.arange(15.0, 85.0, 0.02),
        displacement_mm=float(rng.uniform(-0.06, 0.06)),
        gaussian=float(rng.uniform(0.05, 0.08)),
        lorentzian=float(rng.uniform(0.03, 0.06)),
        peak_counts=float(10 ** rng.uniform(3.0, 4.3)),
    )


def damaged(library: Library, seed: int) -> Damaged:
    """Damage number `seed`; kinds take turns."""
    rng = np.random.default_rng([seed, 77])
    kind = list(KINDS)[seed % len(KINDS)]
    specimen = planted_specimen(library, rng)
    counts = rng.poisson(specimen.expected).astype(float)
    return replace(KINDS[kind](_whole(specimen, counts), specimen, library, rng), kind=kind)


def _whole(specimen: Mixture, counts: np.ndarray) -> Damaged:
    total = sum(phase.weight for phase in specimen.phases)
    names = tuple(phase.reflections.phase for phase in specimen.phases)
    return Damaged(
        kind="none",
        rows=np.column_stack([specimen.two_theta, counts]),
        phases=names,
        radiation="CuKa",
        weights={phase.reflections.phase: phase.weight / total for phase in specimen.phases},
        cells={phase.reflections.phase: phase.cell for phase in specimen.phases},
        systems={phase.reflections.phase: phase.reflections.crystal_system for phase in specimen.phases},
    )


def _spikes(good: Damaged, specimen: Mixture, library: Library, rng: np.random.Generator) -> Damaged:
    y = good.rows[:, 1].copy()
    for place in rng.integers(0, y.size - 3, rng.integers(1, 12)):
        y[place : place + rng.integers(1, 4)] += y.max() * 10 ** rng.uniform(-1.0, 1.5)
    return _with_counts(good, y)


def _gaps(good: Damaged, specimen: Mixture, library: Library, rng: np.random.Generator) -> Damaged:
    x = good.rows[:, 0]
    kept = np.ones(x.size, dtype=bool)
    for _ in range(rng.integers(1, 5)):
        start = rng.uniform(x[0], x[-1])
        kept &= (x < start) | (x > start + rng.uniform(0.5, 12.0))
    return replace(good, rows=good.rows[kept])


def _zeros(good: Damaged, specimen: Mixture, library: Library, rng: np.random.Generator) -> Damaged:
    y = good.rows[:, 1].copy()
    for start in rng.integers(0, y.size, rng.integers(1, 4)):
        y[start : start + rng.integers(1, 400)] = 0.0
    return _with_counts(good, y)


def _constant(good: Damaged, specimen: Mixture, library: Library, rng: np.random.Generator) -> Damaged:
    return _with_counts(_empty(good), np.full(len(good.rows), float(rng.choice([0.0, 1.0, 100.0, 1e5]))))


def _negative(good: Damaged, specimen: Mixture, library: Library, rng: np.random.Generator) -> Damaged:
    y = good.rows[:, 1]
    return _with_counts(good, y - rng.uniform(0.5, 1.5) * np.median(y))


def _all_negative(good: Damaged, specimen: Mixture, library: Library, rng: np.random.Generator) -> Damaged:
    """Upside down, so that nothing is a line any more, or with far too much taken off."""
    y = good.rows[:, 1]
    return _with_counts(_empty(good), -y) if rng.random() < 0.5 else _with_counts(good, y - 2.0 * y.max())


def _bad_sigma(good: Damaged, specimen: Mixture, library: Library, rng: np.random.Generator) -> Damaged:
    y = good.rows[:, 1]
    sigma = np.sqrt(np.maximum(y, 1.0))
    chosen = rng.random(y.size) < rng.choice([0.002, 0.1, 1.0])
    rows = np.column_stack([good.rows, np.where(chosen, 0.0, sigma)])
    bad = str(rng.choice(["0", "nan", "-1", "inf"]))
    return replace(good, rows=rows, written={int(i): f"{rows[i, 0]:.4f} {rows[i, 1]:.4f} {bad}" for i in np.flatnonzero(chosen)})


def _wrong_sigma(good: Damaged, specimen: Mixture, library: Library, rng: np.random.Generator) -> Damaged:
    sigma = np.sqrt(np.maximum(good.rows[:, 1], 1.0)) * rng.choice([0.1, 0.3, 3.0, 10.0])
    return replace(good, rows=np.column_stack([good.rows, sigma]))


def _doubled(good: Damaged, specimen: Mixture, library: Library, rng: np.random.Generator) -> Damaged:
    x, y = good.rows.T
    start = rng.uniform(x[0], x[-1] - 5.0)
    return _with_counts(good, np.where((x > start) & (x < start + rng.uniform(5.0, 40.0)), rng.choice([2.0, 0.5]) * y, y))


def _shifted(good: Damaged, specimen: Mixture, library: Library, rng: np.random.Generator) -> Damaged:
    y = good.rows[:, 1]
    middle, points = int(rng.uniform(0.3, 0.7) * y.size), int(rng.choice([-1, 1]) * rng.integers(5, 40))
    moved = y.copy()
    moved[middle:] = np.roll(y, points)[middle:]
    return _with_counts(good, moved)


def _wrong_radiation(good: Damaged, specimen: Mixture, library: Library, rng: np.random.Generator) -> Damaged:
    return replace(good, radiation=str(rng.choice(["MoKa", "CoKa", "CuKa1", "FeKa", "CrKa", "1.5", "1.5487", "0.4939"])))


def _wrong_phases(good: Damaged, specimen: Mixture, library: Library, rng: np.random.Generator) -> Damaged:
    others = [name for name in SPECIMENS if name not in good.phases]
    return replace(good, phases=tuple(str(name) for name in rng.choice(others, int(rng.integers(1, 4)), replace=False)))


def _missing(good: Damaged, specimen: Mixture, library: Library, rng: np.random.Generator) -> Damaged:
    """One phase of 5 to 60 % is in the specimen, and nobody names it."""
    share = float(rng.uniform(0.05, 0.6))
    names = tuple(str(name) for name in rng.choice(SPECIMENS, 3, replace=False))
    known = rng.uniform(0.2, 0.8)
    mixed = planted_specimen(library, rng, names=names, weights=(share, (1 - share) * known, (1 - share) * (1 - known)))
    whole = _whole(mixed, rng.poisson(mixed.expected).astype(float))
    return replace(whole, phases=names[1:])


def _extra(good: Damaged, specimen: Mixture, library: Library, rng: np.random.Generator) -> Damaged:
    others = [name for name in SPECIMENS if name not in good.phases]
    return replace(good, phases=(*good.phases, *(str(name) for name in rng.choice(others, int(rng.integers(1, 3)), replace=False))))


def _truncated(good: Damaged, specimen: Mixture, library: Library, rng: np.random.Generator) -> Damaged:
    x = good.rows[:, 0]
    start = rng.uniform(x[0], x[-1] - 2.0)
    return replace(good, rows=good.rows[(x >= start) & (x <= start + rng.uniform(0.3, 25.0))])


def _saturated(good: Damaged, specimen: Mixture, library: Library, rng: np.random.Generator) -> Damaged:
    y = good.rows[:, 1]
    return _with_counts(good, np.minimum(y, rng.uniform(0.1, 0.8) * y.max()))


def _dead_time(good: Damaged, specimen: Mixture, library: Library, rng: np.random.Generator) -> Damaged:
    y = good.rows[:, 1]
    return _with_counts(good, np.round(y / (1.0 + rng.uniform(0.3, 3.0) * y / y.max())))


def _few_points(good: Damaged, specimen: Mixture, library: Library, rng: np.random.Generator) -> Damaged:
    if rng.random() < 0.5:
        return replace(good, rows=good.rows[: int(rng.choice([1, 2, 5, 31, 60]))])
    return replace(good, rows=good.rows[:: int(rng.choice([5, 25, 80]))])


def _repeated_angles(good: Damaged, specimen: Mixture, library: Library, rng: np.random.Generator) -> Damaged:
    rows = good.rows.copy()
    if rng.random() < 0.5:
        rows[1::2, 0] = rows[::2, 0][: len(rows[1::2])]
    else:
        place = int(rng.integers(1, len(rows) - 1))
        rows[place, 0] = rows[place - 1, 0]
    return replace(good, rows=rows)


def _background_alone(good: Damaged, specimen: Mixture, library: Library, rng: np.random.Generator) -> Damaged:
    x = good.rows[:, 0]
    return _with_counts(_empty(good), rng.poisson(rng.choice([2.0, 100.0, 3000.0]) * (1.0 + 5.0 / x)).astype(float))


def _steps(good: Damaged, specimen: Mixture, library: Library, rng: np.random.Generator) -> Damaged:
    """The background jumps, as when a beam stop moves or the tube trips."""
    x, y = good.rows.T
    return _with_counts(good, y + np.where(x > rng.uniform(x[0], x[-1]), rng.uniform(0.05, 1.0) * y.max(), 0.0))


def _scaled(good: Damaged, specimen: Mixture, library: Library, rng: np.random.Generator) -> Damaged:
    """Counts per second, or a tiny or huge unit."""
    return _with_counts(good, good.rows[:, 1] * rng.choice([1e-6, 0.01, 37.0, 1e8]))


def _noise(good: Damaged, specimen: Mixture, library: Library, rng: np.random.Generator) -> Damaged:
    return _with_counts(_empty(good), rng.uniform(0.0, good.rows[:, 1].max(), len(good.rows)))


def _empty(good: Damaged) -> Damaged:
    """Nothing of the specimen is left in the counts: no weight is right."""
    return replace(good, weights={}, cells={})


def _with_counts(good: Damaged, counts: np.ndarray) -> Damaged:
    return replace(good, rows=np.column_stack([good.rows[:, 0], counts]))


Damage = Callable[[Damaged, Mixture, Library, np.random.Generator], Damaged]
KINDS: dict[str, Damage] = {
    "spikes": _spikes,
    "gaps": _gaps,
    "zeros": _zeros,
    "constant": _constant,
    "negative": _negative,
    "all negative": _all_negative,
    "sigma zero or NaN": _bad_sigma,
    "sigma wrong": _wrong_sigma,
    "doubled": _doubled,
    "shifted": _shifted,
    "wrong radiation": _wrong_radiation,
    "wrong phases": _wrong_phases,
    "missing phase": _missing,
    "extra phase": _extra,
    "truncated": _truncated,
    "saturated": _saturated,
    "dead time": _dead_time,
    "few points": _few_points,
    "repeated angles": _repeated_angles,
    "background alone": _background_alone,
    "steps": _steps,
    "scaled": _scaled,
    "noise": _noise,
    "missing phase again": _missing,
    "shifted again": _shifted,
}
