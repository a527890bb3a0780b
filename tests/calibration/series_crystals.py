"""Crystals and their patterns, by an engine of its own: |F|² and equivalent planes from gemmi, true Voigt lines (Faddeeva function).

Nothing comes from xrdkna but the CIFs of its reference library, which say what the crystals are.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import gemmi
import numpy as np
from scipy.interpolate import CubicSpline
from scipy.special import wofz

CIFS = Path(__file__).resolve().parents[2] / "reference_phases"
# Kα₁, Kα₂ in Å: Hölzer et al. (1997), Phys. Rev. A 56, 4554; Mo: Deslattes et al. (2003), Rev. Mod. Phys. 75, 35.
KALPHA = {"Cu": (1.5405929, 1.5444274), "Co": (1.7889960, 1.7928350), "Mo": (0.70931715, 0.7136070)}
# Weaker lines than this share of the phase's strongest are under any noise here.
FAINTEST = 3e-4
# A Lorentzian's tail carries 1 % of it beyond 32 of its widths.
REACH_FWHM = 40.0
Hkl = tuple[int, int, int]


@dataclass(frozen=True, kw_only=True)
class Crystal:
    """hkl: one of each family of planes. strength: (n,) multiplicity · |F|², electrons². mass: u a cell; volume: Å³."""

    name: str
    hkl: tuple[Hkl, ...]
    families: tuple[frozenset[Hkl], ...]
    strength: np.ndarray
    d_spacing: np.ndarray
    mass: float
    volume: float

    def place(self, hkl: Hkl) -> int:
        """Where the family of this plane is."""
        return next(i for i, family in enumerate(self.families) if hkl in family)

    @property
    def density(self) -> float:
        """u·Å³: what turns a scale into a mass."""
        return self.mass * self.volume


@dataclass(frozen=True, kw_only=True)
class Machine:
    """A flat-plate diffractometer. anode: of `KALPHA`. gaussian: u, v, w in degrees². ratio: Kα₂ to Kα₁. zero: degrees. axial: half height
    of specimen and of slit over the radius."""

    anode: str
    radius_mm: float
    two_theta: np.ndarray
    gaussian: tuple[float, float, float]
    ratio: float
    zero: float
    axial: float = 0.0

    @property
    def wavelength(self) -> float:
        """Å, of Kα₁."""
        return KALPHA[self.anode][0]


@dataclass(frozen=True, kw_only=True)
class Grains:
    """What a specimen adds: x, y in degrees, Lorentzian width in 1/cos θ and tan θ; cell: strain of a and b, of c; factor: intensity over
    the calculated one by family of planes (1 where silent)."""

    x: float
    y: float
    strain: tuple[float, float] = (0.0, 0.0)
    factor: Mapping[int, float] | None = None


@lru_cache(maxsize=128)
def crystal(name: str, anode: str, two_theta_max: float) -> Crystal:
    """The phase of this name, with its lines up to an angle."""
    wavelength = KALPHA[anode][0]
    structure = gemmi.read_small_structure(str(CIFS / name / "phase.cif"))
    structure.change_occupancies_to_crystallographic()
    operations = structure.spacegroup.operations()
    calculator = gemmi.StructureFactorCalculatorX(structure.cell)
    calculator.addends.add_cl_fprime(gemmi.hc / wavelength)
    shortest = wavelength / (2.0 * np.sin(np.radians(0.5 * two_theta_max)))
    families: dict[frozenset[Hkl], float] = {}
    for plane in gemmi.make_miller_array(structure.cell, structure.spacegroup, shortest):
        if operations.is_systematically_absent(plane):
            continue
        images = {tuple(operation.apply_to_hkl(plane.tolist())) for operation in operations.sym_ops}
        family = frozenset(images | {tuple(-index for index in image) for image in images})
        families[family] = len(family) * abs(calculator.calculate_sf_from_small_structure(structure, plane)) ** 2
    kept = [(family, value) for family, value in families.items() if value > FAINTEST * max(families.values())]
    hkl = tuple(max(family) for family, _ in kept)
    images = len(operations)
    return Crystal(
        name=name,
        hkl=hkl,
        families=tuple(family for family, _ in kept),
        strength=np.array([value for _, value in kept]),
        d_spacing=np.array([structure.cell.calculate_d(plane) for plane in hkl]),
        mass=images * sum(site.occ * site.element.weight for site in structure.sites),
        volume=structure.cell.volume,
    )


def strained_spacings(phase: Crystal, strain: tuple[float, float]) -> np.ndarray:
    """(n,) d in Å when a and b are longer by the first strain, c by the second."""
    cell = gemmi.read_small_structure(str(CIFS / phase.name / "phase.cif")).cell
    along, across = 1.0 + strain[0], 1.0 + strain[1]
    stretched = gemmi.UnitCell(cell.a * along, cell.b * along, cell.c * across, cell.alpha, cell.beta, cell.gamma)
    return np.array([stretched.calculate_d(plane) for plane in phase.hkl])


def line_positions(phase: Crystal, machine: Machine, grains: Grains) -> np.ndarray:
    """(n,) degrees 2θ of Kα₁ without zero error and displacement; NaN beyond 180°."""
    sine = machine.wavelength / (2.0 * strained_spacings(phase, grains.strain))
    return np.asarray(2.0 * np.degrees(np.arcsin(np.where(sine < 1.0, sine, np.nan))))


def unit_pattern(phase: Crystal, machine: Machine, grains: Grains, *, only: Sequence[int] | None = None) -> CubicSpline:
    """The pattern at scale 1 (counts a point for one electron² of m|F|²), zero error and displacement left out, as a function of 2θ.

    Voigt lines: σ² = u tan²θ + v tan θ + w, Lorentzian width x/cos θ + y tan θ; Lorentz-polarisation of a flat plate and no
    monochromator, (1 + cos² 2θ)/(sin² θ cos θ).
    """
    step = machine.two_theta[1] - machine.two_theta[0]
    fine = np.arange(machine.two_theta[0] - 1.0, machine.two_theta[-1] + 1.0, 0.5 * step)
    total = np.zeros(fine.size)
    spacing = strained_spacings(phase, grains.strain)
    chosen = range(len(phase.hkl)) if only is None else only
    for wavelength, share in zip(KALPHA[machine.anode], (1.0, machine.ratio), strict=True):
        for i in chosen:
            sine = wavelength / (2.0 * spacing[i])
            if sine < 0.9998:
                factor = 1.0 if grains.factor is None else grains.factor.get(i, 1.0)
                _add_line(total, fine, float(np.arcsin(sine)), share * factor * phase.strength[i], machine, grains)
    return CubicSpline(fine, total if machine.axial == 0.0 else _smeared(CubicSpline(fine, total), fine, machine.axial))


def _add_line(total: np.ndarray, x: np.ndarray, theta: float, strength: float, machine: Machine, grains: Grains) -> None:
    u, v, w = machine.gaussian
    tangent, cosine = np.tan(theta), np.cos(theta)
    sigma = np.sqrt(u * tangent**2 + v * tangent + w) / np.sqrt(8.0 * np.log(2.0))
    gamma = 0.5 * (grains.x / cosine + grains.y * tangent)
    area = strength * (1.0 + np.cos(2.0 * theta) ** 2) / (np.sin(theta) ** 2 * cosine)
    center, reach = np.degrees(2.0 * theta), REACH_FWHM * (2.355 * sigma + 2.0 * gamma)
    low, high = np.searchsorted(x, (center - reach, center + reach))
    offset = x[low:high] - center
    total[low:high] += area * wofz((offset + 1j * gamma) / (sigma * np.sqrt(2.0))).real / (sigma * np.sqrt(2.0 * np.pi))


def _smeared(pattern: CubicSpline, x: np.ndarray, height: float) -> np.ndarray:
    """Axial divergence: a ray that rises by b radii from specimen to slit is seen ½ b² cot 2θ too low (van Laar & Yelon 1984); b is the
    difference of two even numbers within ± height."""
    node, weight = np.polynomial.legendre.leggauss(12)
    rise, share = height * (node + 1.0), 0.5 * weight * (1.0 - node)
    total = np.zeros(x.size)
    for b, part in zip(rise, share / share.sum(), strict=True):
        total += part * pattern(np.minimum(x + np.degrees(0.5 * b**2 / np.tan(np.radians(x))), x[-1]))
    return total


def seen_from(machine: Machine, displacement_mm: float, expansion: float = 0.0) -> np.ndarray:
    """(n,) where a spline of `unit_pattern` is to be read for the points of the machine: each point less zero error, displacement
    −2 s cos θ/R, and an even expansion of the cell −2 ε tan θ."""
    theta = np.radians(0.5 * machine.two_theta)
    shift = -2.0 * displacement_mm / machine.radius_mm * np.cos(theta) - 2.0 * expansion * np.tan(theta)
    return np.asarray(machine.two_theta - machine.zero - np.degrees(shift))
