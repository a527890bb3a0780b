"""Planted mixtures of made-up crystals of every system: positions, intensities and Voigt lines from formulas of their own.

Nothing here comes from the fit or from `physics`: cells go through a metric tensor written out once more, families of planes
are counted one by one, lines are Voigt functions (see planting.py) and counts are Poisson.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from planting import lines_on, pattern_of

from xrdkna.physics.radiation import radiation_from_text
from xrdkna.records.instrument import Instrument
from xrdkna.records.phases import Cell, Reflections
from xrdkna.records.scan import Pattern

RADIUS_MM = 217.5
# The free edges and angles of each crystal system here, and how the others follow.
FREE = {
    "cubic": ("a",),
    "hexagonal": ("a", "c"),
    "tetragonal": ("a", "c"),
    "orthorhombic": ("a", "b", "c"),
    "monoclinic": ("a", "b", "c", "beta"),
}
# 2θ of a line of given d moves with the density of lines; a phase of some ten to sixty lines is what a laboratory meets.
_VOLUME = {
    "cubic": (25.0, 180.0),
    "hexagonal": (60.0, 260.0),
    "tetragonal": (40.0, 200.0),
    "orthorhombic": (60.0, 300.0),
    "monoclinic": (80.0, 320.0),
}


@dataclass(frozen=True)
class PlantedPhase:
    """A made-up crystal: what the fit is told (reflections at the reference cell), and the truth."""

    reflections: Reflections
    cell: Cell
    weight: float
    strain: float = 0.02


@dataclass(frozen=True)
class Mixture:
    """What is measured: the phases, the machine, the range, and the pattern's counts."""

    phases: tuple[PlantedPhase, ...]
    instrument: Instrument
    two_theta: np.ndarray
    displacement_mm: float
    expected: np.ndarray
    fwhm: float

    @property
    def reflections(self) -> list[Reflections]:
        return [phase.reflections for phase in self.phases]


def made_up_phase(
    name: str, system: str, rng: np.random.Generator, *, wavelength: float, highest: float, cell: Cell | None = None
) -> Reflections:
    """A crystal of this system with |F|² drawn at random, a third of its families extinct."""
    cell = cell or _made_up_cell(system, rng)
    shortest = wavelength / 2.0 / np.sin(np.radians(min(highest + 2.0, 178.0) / 2.0))
    families: dict[tuple[int, ...], list[tuple[int, int, int]]] = {}
    reach = [int(edge / shortest) + 1 for edge in (cell.a, cell.b, cell.c)]
    every = np.array([hkl for hkl in product(*(range(-n, n + 1) for n in reach)) if any(hkl)])
    spacing = spacings(every, cell)
    for hkl in every[spacing > shortest].tolist():
        families.setdefault(_family(system, *hkl), []).append((hkl[0], hkl[1], hkl[2]))
    kept = [members for members in families.values() if rng.random() > 0.33]
    if len(kept) < 2:
        kept = list(families.values())
    leaders = np.array([max(members) for members in kept])
    d = spacings(leaders, cell)
    order = np.argsort(-d)
    volume = float(np.sqrt(np.linalg.det(_metric(cell))))
    f_squared = rng.lognormal(0.0, 0.9, len(kept)) * np.exp(-1.2 / (2.0 * d) ** 2 * 2.0) * (volume * rng.uniform(1.0, 3.0)) ** 2 / 10.0
    return Reflections(
        phase=name,
        role="other",
        crystal_system=system,
        cell=cell,
        cell_mass=volume * rng.uniform(1.0, 4.0),
        positions_only=False,
        hkl=leaders[order],
        multiplicity=np.array([float(len(kept[i])) for i in order]),
        f_squared=f_squared[order],
        d_spacing=d[order],
    )


def strained(cell: Cell, system: str, strains: Mapping[str, float]) -> Cell:
    """The cell with each free edge and angle longer by this share, the symmetry kept."""
    values = {name: getattr(cell, name) * (1.0 + strains.get(name, 0.0)) for name in FREE[system]}
    if system in ("cubic", "hexagonal", "tetragonal"):
        values["b"] = values["a"]
    if system == "cubic":
        values["c"] = values["a"]
    return replace(cell, **values)


def spacings(hkl: np.ndarray, cell: Cell) -> np.ndarray:
    """(n,) d in Å, by the reciprocal metric tensor."""
    reciprocal = np.linalg.inv(_metric(cell))
    return 1.0 / np.sqrt(np.einsum("ni,ij,nj->n", hkl, reciprocal, hkl))


def mixture(
    seed: int,
    *,
    phases: int | None = None,
    systems: Sequence[str] = (),
    radiation: str | None = None,
    two_theta: tuple[float, float] | None = None,
    peak_counts: float | None = None,
    weights: Sequence[float] = (),
    off: float = 0.001,
) -> Mixture:
    """A mixture drawn at random; what is given is not drawn. off: how far (relative) true cells are from the reference's."""
    rng = np.random.default_rng(seed)
    radiation = radiation or str(rng.choice(["CuKa", "MoKa"], p=[0.7, 0.3]))
    default = [(10.0, 80.0), (20.0, 100.0), (25.0, 130.0)] if radiation == "CuKa" else [(5.0, 40.0), (8.0, 60.0)]
    low, high = two_theta or default[rng.integers(len(default))]
    instrument = Instrument(radiation=radiation_from_text(radiation), radius_mm=RADIUS_MM)
    angle = np.arange(low, high, 0.02 if radiation == "CuKa" else 0.01)
    count = phases or len(systems) or int(rng.integers(2, 6))
    chosen = list(systems) or [str(system) for system in rng.choice(list(FREE), count)]
    parts = list(weights) or _made_up_weights(count, rng).tolist()
    planted = []
    for number, (system, weight) in enumerate(zip(chosen, parts, strict=True)):
        reflections = made_up_phase(f"P{number}", system, rng, wavelength=instrument.radiation.wavelength, highest=high)
        cell = strained(
            reflections.cell, system, {name: rng.uniform(-off, off) * (0.3 if name == "beta" else 1.0) for name in FREE[system]}
        )
        planted.append(PlantedPhase(reflections, cell, weight, strain=rng.uniform(0.0, 0.08)))
    gaussian, lorentzian = (rng.uniform(0.05, 0.09), rng.uniform(0.03, 0.07)) if radiation == "CuKa" else (0.05, rng.uniform(0.02, 0.04))
    top = peak_counts or float(10 ** rng.uniform(3.3, 4.3))
    return planted_mixture(
        tuple(planted), instrument=instrument, two_theta=angle, displacement_mm=float(rng.uniform(-0.1, 0.1)),
        gaussian=gaussian, lorentzian=lorentzian, peak_counts=top,
    )  # fmt: skip


def planted_mixture(
    phases: tuple[PlantedPhase, ...],
    *,
    instrument: Instrument,
    two_theta: np.ndarray,
    displacement_mm: float,
    gaussian: float = 0.07,
    lorentzian: float = 0.05,
    peak_counts: float = 6000.0,
    background: float = 0.02,
) -> Mixture:
    """The mixture with its expected counts. gaussian, lorentzian: degrees. background: share of the peak counts."""
    lines = np.zeros(two_theta.size)
    for phase in phases:
        lines += phase.weight / _unit_mass(phase) * phase_counts(phase, instrument, two_theta, displacement_mm, gaussian, lorentzian)
    smooth = background * (1.0 + 6.0 / two_theta + 0.4 * np.exp(-0.5 * ((two_theta - two_theta[0] - 14.0) / 6.0) ** 2))
    expected = peak_counts * (lines / lines.max() + smooth)
    return Mixture(phases, instrument, two_theta, displacement_mm, expected, gaussian + 0.6 * lorentzian)


def phase_counts(
    phase: PlantedPhase, instrument: Instrument, two_theta: np.ndarray, displacement_mm: float, gaussian: float, lorentzian: float
) -> np.ndarray:
    """(n,) one phase at unit scale."""
    strength = phase.reflections.multiplicity * phase.reflections.f_squared
    return lines_on(
        two_theta,
        spacings(phase.reflections.hkl, phase.cell),
        strength,
        instrument=instrument,
        displacement_mm=displacement_mm,
        gaussian=gaussian,
        lorentzian=lorentzian,
        strain=phase.strain,
    )


def measured(mixture: Mixture, seed: int, *, name: str = "planted") -> Pattern:
    """The pattern of one count of this mixture."""
    counts = np.random.default_rng(seed).poisson(mixture.expected).astype(float)
    return pattern_of(mixture.two_theta, counts, mixture.instrument, name=name)


def true_weights(mixture: Mixture) -> dict[str, float]:
    total = sum(phase.weight for phase in mixture.phases)
    return {phase.reflections.phase: phase.weight / total for phase in mixture.phases}


def _unit_mass(phase: PlantedPhase) -> float:
    return phase.reflections.cell_mass * float(np.sqrt(np.linalg.det(_metric(phase.cell))))


def _metric(cell: Cell) -> np.ndarray:
    edges = np.array([cell.a, cell.b, cell.c])
    cosines = np.cos(np.radians([[0.0, cell.gamma, cell.beta], [cell.gamma, 0.0, cell.alpha], [cell.beta, cell.alpha, 0.0]]))
    np.fill_diagonal(cosines, 1.0)
    return np.outer(edges, edges) * cosines


def _family(system: str, h: int, k: int, l: int) -> tuple[int, ...]:
    """One name for all planes that the holohedry makes equivalent."""
    if system == "cubic":
        return tuple(sorted((abs(h), abs(k), abs(l))))
    if system == "tetragonal":
        return (*sorted((abs(h), abs(k))), abs(l))
    if system == "hexagonal":
        return (*sorted((abs(h), abs(k), abs(h + k))), abs(l))
    if system == "orthorhombic":
        return abs(h), abs(k), abs(l)
    return (*max((h, l), (-h, -l)), abs(k))


def _made_up_cell(system: str, rng: np.random.Generator) -> Cell:
    volume = float(np.exp(rng.uniform(*np.log(_VOLUME[system]))))
    beta = float(rng.uniform(92.0, 110.0)) if system == "monoclinic" else 90.0
    gamma = 120.0 if system == "hexagonal" else 90.0
    b = 1.0 if system in ("cubic", "hexagonal", "tetragonal") else float(rng.uniform(0.75, 1.4))
    c = 1.0 if system == "cubic" else float(rng.uniform(0.7, 1.9))
    shape = Cell(a=1.0, b=b, c=c, beta=beta, gamma=gamma)
    a = (volume / float(np.sqrt(np.linalg.det(_metric(shape))))) ** (1.0 / 3.0)
    return replace(shape, a=a, b=a * b, c=a * c)


def _made_up_weights(count: int, rng: np.random.Generator) -> np.ndarray:
    parts = rng.dirichlet(np.full(count, 1.2))
    return np.asarray(0.04 + (1.0 - 0.04 * count) * parts)
