"""Specimens drawn at random and the patterns they would give, by an engine of its own: true Voigt lines (Faddeeva function), d-spacings
and equivalent planes from gemmi, March–Dollase texture plane by plane.

Nothing here comes from the fit or from `physics`. Two things are the same on both sides because they define the numbers that are
compared: |F|² by atoms and their places in the cell (here worked out for the strained cell itself; the fit follows it from the library's),
and the table of wavelengths. What the fit takes as known beforehand (the zero error of an aligned goniometer, how far texture lets a line
stray) is drawn from just that knowledge.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import gemmi
import numpy as np
from scipy.special import wofz

from xrdkna.phases.library import load_library
from xrdkna.phases.reflections import reflections_of, structure_factors_squared
from xrdkna.physics.radiation import tube_radiation
from xrdkna.records.instrument import Instrument
from xrdkna.records.phases import Phase, Reflections

# Phases whose patterns differ in these ranges; at most two of each crystal system are drawn, so that systems mix.
PHASES = (
    "Al", "Al2O3", "austenite", "Be", "Cu", "graphite", "K", "K2CO3", "K2O", "KF", "KHCO3", "KNa2", "KO2", "KOH", "Na", "Na2CO3",
    "NaF", "NaHCO3",
)  # fmt: skip
# tube: lowest start, highest start, lowest end, highest end (degrees 2θ)
RANGES = {"Cu": (10.0, 22.0, 80.0, 120.0), "Co": (12.0, 25.0, 90.0, 130.0), "Mo": (5.0, 10.0, 38.0, 55.0)}
FREE = {
    "cubic": ("a",), "hexagonal": ("a", "c"), "trigonal": ("a", "c"), "tetragonal": ("a", "c"),
    "orthorhombic": ("a", "b", "c"), "monoclinic": ("a", "b", "c", "beta"),
}  # fmt: skip
TEXTURE_AXIS = {"cubic": (1, 1, 1), "monoclinic": (0, 1, 0)}
# How well the zero of the goniometer is known (degrees): an aligned flat-plate machine is displaced, hardly rotated.
ZERO_SD = {"Bragg-Brentano": 0.002, "Debye-Scherrer": 0.05}
# Lines of one phase closer than this share one intensity, in the specimen as in the fit.
TOGETHER = 0.06
# Degrees of 2θ a polynomial term: no background bends faster than the fit beside a halo allows by default, and the fit could not know.
RESOLUTION = 7.5
KINDS = ("known machine", "free texture", "march")


@dataclass(frozen=True, kw_only=True)
class TruePhase:
    """One phase of the specimen. cell: six numbers. weight: fraction. x, y: degrees, what the specimen adds in Lorentzian width to
    1/cos θ and tan θ. height_mm: above the others. march: coefficient. biso: Å² on top of |F|². factor: intensity of each
    reflection over the calculated one."""

    phase: Phase
    reflections: Reflections
    cell: tuple[float, ...]
    weight: float
    x: float
    y: float
    height_mm: float = 0.0
    march: float = 1.0
    biso: float = 0.0
    factor: np.ndarray = field(default_factory=lambda: np.ones(0))


@dataclass(frozen=True, kw_only=True)
class Specimen:
    """A specimen in a machine. gaussian: u, v, w in degrees² and machine: its Lorentzian x, y in degrees. background: Chebyshev
    coefficients in counts, then that of 1/2θ. halos: (area, centre, fwhm). ratio: Kα₂ to Kα₁."""

    seed: int
    kind: str
    instrument: Instrument
    two_theta: np.ndarray
    phases: tuple[TruePhase, ...]
    displacement_mm: float
    zero: float
    ratio: float
    gaussian: tuple[float, float, float]
    machine: tuple[float, float]
    background: tuple[float, ...]
    halos: tuple[tuple[float, float, float], ...]
    top: float


def draw_specimen(seed: int) -> Specimen:
    """The specimen of this number."""
    rng = np.random.default_rng(seed)
    kind = KINDS[seed % len(KINDS)]
    tube = str(rng.choice(list(RANGES), p=(0.5, 0.25, 0.25)))
    geometry = str(rng.choice(list(ZERO_SD), p=(0.65, 0.35)))
    instrument = Instrument(radiation=tube_radiation(tube), geometry=geometry, radius_mm=float(rng.uniform(150.0, 300.0)))
    first, latest, earliest, last = RANGES[tube]
    start, end = rng.uniform(first, latest), rng.uniform(earliest, last)
    step = float(rng.choice([0.01, 0.015, 0.02, 0.026] if tube != "Mo" else [0.005, 0.01, 0.015]))
    two_theta = np.arange(start, end, step)
    fine = 1.0 if tube != "Mo" else 0.5
    u, w = float(rng.uniform(0.0, 0.006)) * fine**2, float(rng.uniform(0.05, 0.11) * fine) ** 2
    # u tan²θ + v tan θ + w has no zero where v² < 4uw
    gaussian = (u, -2.0 * float(rng.uniform(0.0, 0.8) * np.sqrt(u * w)), w)
    machine = (float(rng.uniform(0.0, 0.03) * fine), float(rng.uniform(0.0, 0.02) * fine))
    phases = _draw_phases(rng, kind, instrument, end)
    top = float(np.exp(rng.uniform(np.log(500.0), np.log(20_000.0))))
    return Specimen(
        seed=seed,
        kind=kind,
        instrument=instrument,
        two_theta=two_theta,
        phases=phases,
        displacement_mm=float(rng.normal(0.0, 0.1)),
        zero=float(rng.normal(0.0, ZERO_SD[geometry])),
        ratio=0.5 if kind == "free texture" else float(np.random.default_rng([seed, 3]).uniform(0.46, 0.54)),
        gaussian=gaussian,
        machine=machine,
        background=_draw_background(rng, top, most=int((end - start) / RESOLUTION) - 1),
        halos=_draw_halos(rng, start, end, top) if rng.random() < 0.7 else (),
        top=top,
    )


def _draw_phases(rng: np.random.Generator, kind: str, instrument: Instrument, end: float) -> tuple[TruePhase, ...]:
    library = load_library().phases
    names = [str(name) for name in rng.permutation(PHASES)]
    systems: list[str] = []
    chosen: list[Phase] = []
    count = int(rng.integers(2, 6))
    for name in names:
        if len(chosen) < count and systems.count(library[name].crystal_system) < 2:
            systems.append(library[name].crystal_system)
            chosen.append(library[name])
    weights = rng.dirichlet(np.full(count, 1.5)) * 0.8 + 0.2 / count
    phases = []
    for number, (phase, weight) in enumerate(zip(chosen, weights, strict=True)):
        reflections = reflections_of(phase, instrument=instrument, two_theta_max=end + 2.0)
        size, strain = np.exp(rng.uniform(np.log(150.0), np.log(2000.0))), rng.uniform(0.0, 0.002)
        spread = float(rng.choice([0.0, 0.05, 0.15, 0.3])) if kind == "free texture" else 0.0
        phases.append(
            TruePhase(
                phase=phase,
                reflections=reflections,
                cell=_strained(phase, rng),
                weight=float(weight),
                x=float(np.degrees(0.9 * instrument.radiation.wavelength / size)),
                y=float(np.degrees(4.0 * strain)),
                height_mm=float(rng.uniform(-0.05, 0.05)) if number == 0 and kind == "known machine" and rng.random() < 0.6 else 0.0,
                march=float(np.clip(rng.normal(1.0, 0.25), 0.5, 1.6)) if kind == "march" else 1.0,
                biso=float(rng.uniform(-0.3, 1.5)) if number < 2 and kind == "known machine" and rng.random() < 0.5 else 0.0,
                factor=_draw_factors(rng, reflections, instrument, spread),
            )
        )
    return tuple(phases)


def another_phase(name: str, specimen: Specimen, rng: np.random.Generator) -> TruePhase:
    """A phase that the specimen does not hold, with nothing of it there yet: a cell off the library's as all are, grains like the others'
    (the middle of their widths), no texture."""
    phase = load_library().phases[name]
    reflections = reflections_of(phase, instrument=specimen.instrument, two_theta_max=float(specimen.two_theta[-1]) + 2.0)
    x, y = (float(np.median(widths)) for widths in zip(*((true.x, true.y) for true in specimen.phases), strict=True))
    return TruePhase(
        phase=phase, reflections=reflections, cell=_strained(phase, rng), weight=0.0, x=x, y=y, factor=np.ones(len(reflections.hkl))
    )


def _strained(phase: Phase, rng: np.random.Generator) -> tuple[float, ...]:
    """The phase's cell, each free edge longer by 0 ± 0.2 %, a free angle turned by 0 ± 0.002 rad: the fit's own idea of how far off a
    library's cells are."""
    values = dict(zip(("a", "b", "c", "alpha", "beta", "gamma"), phase.cell.values, strict=True))
    for name in FREE[phase.crystal_system]:
        share = rng.normal(0.0, 0.002)
        values[name] += np.degrees(share) if len(name) > 1 else share * values[name]
    if phase.crystal_system == "cubic":
        values["b"] = values["c"] = values["a"]
    elif phase.crystal_system in ("hexagonal", "trigonal", "tetragonal"):
        values["b"] = values["a"]
    return tuple(float(value) for value in values.values())


def _draw_factors(rng: np.random.Generator, reflections: Reflections, instrument: Instrument, spread: float) -> np.ndarray:
    """(n,) normal about 1, one for all lines that no diffractometer separates."""
    two_theta = 2.0 * np.degrees(np.arcsin(np.minimum(instrument.radiation.wavelength / (2.0 * reflections.d_spacing), 1.0)))
    order = np.argsort(two_theta)
    group = np.empty(two_theta.size, dtype=int)
    group[order] = np.concatenate([[0], np.cumsum(np.diff(two_theta[order]) > TOGETHER)])
    return np.asarray(np.maximum(1.0 + spread * rng.standard_normal(group.max() + 1), 0.02)[group])


def _draw_background(rng: np.random.Generator, top: float, *, most: int) -> tuple[float, ...]:
    level = top * float(np.exp(rng.uniform(np.log(0.01), np.log(0.15))))
    bends = rng.uniform(-0.25, 0.25, int(rng.integers(1, min(most, 4) + 1)))
    return (level, *(float(level * bend) for bend in bends), float(level * rng.uniform(0.0, 20.0)))


def _draw_halos(rng: np.random.Generator, start: float, end: float, top: float) -> tuple[tuple[float, float, float], ...]:
    fwhm = float(rng.uniform(5.0, 10.0)) if end > 60.0 else float(rng.uniform(3.0, 5.0))
    center = float(rng.uniform(start + fwhm, 0.5 * (start + end)))
    return ((top * float(rng.uniform(0.02, 0.2)) * fwhm, center, fwhm),)


def expected_counts(specimen: Specimen) -> tuple[np.ndarray, np.ndarray]:
    """(n,) what would be counted on average, and (k,) the scales (counts·degrees per electron²) that put the highest point of the
    crystals at `top` counts."""
    x = specimen.two_theta
    patterns = np.array([crystal_pattern(specimen, phase) for phase in specimen.phases])
    amounts = np.array([p.weight / (p.reflections.cell_mass * _cell_of(p.cell).volume) for p in specimen.phases])
    scales = amounts * specimen.top / (amounts @ patterns).max()
    *smooth, air = specimen.background
    total = np.polynomial.chebyshev.chebval((2.0 * x - x[0] - x[-1]) / (x[-1] - x[0]), smooth) + air / x
    for area, center, fwhm in specimen.halos:
        sigma = fwhm / np.sqrt(8.0 * np.log(2.0))
        total = total + area * np.exp(-0.5 * ((x - center) / sigma) ** 2) / (sigma * np.sqrt(2.0 * np.pi))
    return np.asarray(np.maximum(total + scales @ patterns, 0.0)), scales


def crystal_pattern(specimen: Specimen, phase: TruePhase) -> np.ndarray:
    """(n,) the pattern of one phase at unit scale."""
    x, instrument = specimen.two_theta, specimen.instrument
    hkl = phase.reflections.hkl.tolist()
    d = np.array([_cell_of(phase.cell).calculate_d(h) for h in hkl])
    f_squared = structure_factors_squared(phase.phase.sites, phase.reflections.hkl, d, wavelength=instrument.radiation.wavelength)
    strength = phase.reflections.multiplicity * f_squared * phase.factor * march_factors(phase)
    strength = strength * np.exp(-phase.biso / (2.0 * d**2))
    u, v, w = specimen.gaussian
    total = np.zeros(x.size)
    for line, share in zip(instrument.radiation.lines, (1.0, specimen.ratio), strict=True):
        seen = line.wavelength < 2.0 * d * 0.9998
        theta = np.arcsin(line.wavelength / (2.0 * d[seen]))
        lp = 0.5 * (1.0 + np.cos(2.0 * theta) ** 2) / (np.sin(theta) ** 2 * np.cos(theta))
        tangent = np.tan(theta)
        sigma = np.sqrt(u * tangent**2 + v * tangent + w) / np.sqrt(8.0 * np.log(2.0))
        gamma = 0.5 * ((specimen.machine[0] + phase.x) / np.cos(theta) + (specimen.machine[1] + phase.y) * tangent)
        center = np.degrees(2.0 * theta) + specimen.zero + _shift(theta, specimen.displacement_mm + phase.height_mm, instrument)
        for area, c, s, g in zip(strength[seen] * lp * share, center, sigma, gamma, strict=True):
            total += area * _voigt(x - c, s, g)
    return total


def _voigt(offset: np.ndarray, sigma: float, gamma: float) -> np.ndarray:
    return np.asarray(wofz((offset + 1j * gamma) / (sigma * np.sqrt(2.0))).real / (sigma * np.sqrt(2.0 * np.pi)))


def _shift(theta: np.ndarray, height_mm: float, instrument: Instrument) -> np.ndarray:
    """Degrees: a flat specimen too low by `height_mm` lowers angles; on a detector circle one upstream raises them."""
    assert instrument.radius_mm is not None
    ratio = height_mm / instrument.radius_mm
    return np.degrees(-2.0 * ratio * np.cos(theta) if instrument.geometry == "Bragg-Brentano" else ratio * np.sin(2.0 * theta))


def march_factors(phase: TruePhase) -> np.ndarray:
    """(n,) March–Dollase mean over the planes that gemmi says are equivalent, about the unique axis ((1 1 1) in cubic crystals)."""
    if phase.march == 1.0:
        return np.ones(len(phase.reflections.hkl))
    cell = _cell_of(phase.cell)
    system = phase.phase.crystal_system
    reciprocal = np.linalg.inv(np.array(cell.orth.mat.tolist()))
    axis = np.array(TEXTURE_AXIS.get(system, (0, 0, 1))) @ reciprocal
    group = gemmi.find_spacegroup_by_name(phase.phase.space_group, alpha=cell.alpha, gamma=cell.gamma)
    operations = group.operations().sym_ops
    factors = []
    for hkl in phase.reflections.hkl.tolist():
        planes = np.array([operation.apply_to_hkl(hkl) for operation in operations]) @ reciprocal
        cosine = planes @ axis / (np.linalg.norm(planes, axis=1) * np.linalg.norm(axis))
        factors.append(float(np.mean((phase.march**2 * cosine**2 + (1.0 - cosine**2) / phase.march) ** -1.5)))
    return np.array(factors)


def true_texture(phase: TruePhase, members: Sequence[tuple[int, int, int]]) -> float:
    """What lines that are told as one have over the calculated intensity."""
    own = [tuple(h) for h in phase.reflections.hkl.tolist()]
    rows = [own.index(tuple(member)) for member in members]
    weight = (phase.reflections.multiplicity * phase.reflections.f_squared)[rows]
    return float(np.average(phase.factor[rows], weights=weight))


def true_cell(phase: TruePhase) -> Mapping[str, float]:
    """The free edges and angles, by name."""
    names = ("a", "b", "c", "alpha", "beta", "gamma")
    return {name: phase.cell[names.index(name)] for name in FREE[phase.phase.crystal_system]}


def cell_volume_of(phase: TruePhase) -> float:
    """Å³."""
    return float(_cell_of(phase.cell).volume)


def _cell_of(values: Sequence[float]) -> gemmi.UnitCell:
    return gemmi.UnitCell(*values)
