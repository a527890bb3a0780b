"""The physics of the planted patterns, from formulas written here and gemmi's scattering factors; no code of xrdkna takes part.

Bragg–Brentano, Cu Kα₁₂ 2:1, 10–80°, step 0.02°:

    y = Σ_p S_p Σ_hkl m|F|² LP Σ_l r_l V(2θ − 2θ_hkl,l − shift)

F: IT92 form factors with Cromer–Liberman f′, f″ and isotropic displacement. LP: unpolarised. V: the pseudo-Voigt of Thompson, Cox
& Hastings, J. Appl. Cryst. 20 (1987) 79, Gaussian by Caglioti (common), Lorentzian X/cos θ + Y tan θ (per phase).
"""

from dataclasses import dataclass
from functools import cache

import gemmi
import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

WAVELENGTHS = (1.54056, 1.54443)
RATIOS = (1.0, 0.5)
RADIUS_MM = 217.5
CAGLIOTI = (0.0040, -0.0020, 0.0060)
TWO_THETA = np.round(np.arange(3501) * 0.02 + 10.0, 4)

# Reflections a little beyond the pattern's end still send their tails into it.
LAST_REFLECTION = 82.0
HC_EV_ANGSTROM = 12398.4197


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """An atom of the asymmetric unit: fractional coordinates, isotropic U in Å²."""

    label: str
    element: str
    position: tuple[float, float, float]
    u_iso: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PlantedPhase:
    """A phase as planted. start_cell: a, b, c (Å), α, β, γ (degrees) as its CIF says; cell_offset: by how much the specimen's
    edges and angles differ; size_width, strain_width: X and Y (degrees) of the Lorentzian width X/cos θ + Y tan θ."""

    name: str
    symbol: str
    space_group: str
    start_cell: tuple[float, ...]
    cell_offset: tuple[float, ...]
    sites: tuple[Site, ...]
    size_width: float
    strain_width: float

    @property
    def cell(self) -> gemmi.UnitCell:
        """The specimen's cell."""
        return gemmi.UnitCell(*(start + offset for start, offset in zip(self.start_cell, self.cell_offset, strict=True)))


@cache
def unit_weight_profile(phase: PlantedPhase) -> "UnitProfile":
    """The pattern of one unit of weight of a phase, as a function of displacement."""
    return UnitProfile(phase)


class UnitProfile:
    """The pattern of one unit of weight of a phase at any displacement inside `DISPLACEMENTS_MM`.

    Profiles are smooth in the displacement, so Chebyshev interpolation gives them to rounding in a two-hundredth of the time.
    """

    # Half this range moves a line by 0.018° and no line is narrower than 0.1°: 24 nodes leave an error below 1e-14.
    DISPLACEMENTS_MM = (-0.115, -0.045)
    NODES = 24

    def __init__(self, phase: PlantedPhase) -> None:
        lower, upper = self.DISPLACEMENTS_MM
        self._centre, self._half = (lower + upper) / 2, (upper - lower) / 2
        self._angles = (np.arange(self.NODES) + 0.5) * np.pi / self.NODES
        nodes = self._centre + self._half * np.cos(self._angles)
        self._values = np.array([profile_at(phase, displacement_mm=float(node)) for node in nodes])

    def at(self, displacement_mm: float) -> FloatArray:
        """(3501,) the pattern at this displacement. Barycentric formula of the second kind (Berrut & Trefethen 2004)."""
        x = (displacement_mm - self._centre) / self._half
        distance = x - np.cos(self._angles)
        if np.any(distance == 0.0):
            return self._values[int(np.argmin(np.abs(distance)))]
        weights = np.where(np.arange(self.NODES) % 2, -1.0, 1.0) * np.sin(self._angles) / distance
        return np.asarray(weights @ self._values / weights.sum())


def profile_at(phase: PlantedPhase, *, displacement_mm: float) -> FloatArray:
    """(3501,) the pattern of one unit of weight: intensity over cell volume times cell mass (Hill & Howard 1987)."""
    d_spacing, intensity = reflections_of(phase)
    profile = np.zeros_like(TWO_THETA)
    for wavelength, ratio in zip(WAVELENGTHS, RATIOS, strict=True):
        theta = np.arcsin(np.clip(wavelength / (2.0 * d_spacing), 0.0, 1.0))
        area = ratio * intensity * (1.0 + np.cos(2.0 * theta) ** 2) / (np.sin(theta) ** 2 * np.cos(theta))
        centre = np.degrees(2.0 * theta) - np.degrees(2.0 * displacement_mm * np.cos(theta) / RADIUS_MM)
        fwhm, mixing = _width_and_mixing(theta, phase)
        for line in zip(area, centre, fwhm, mixing, strict=True):
            profile += _line(*line)
    return profile / volume_times_mass(phase)


def volume_times_mass(phase: PlantedPhase) -> float:
    """Å³ g/mol: what turns a Rietveld scale into a weight."""
    mass = sum(len(orbit) * gemmi.Element(site.element).weight for site, orbit in _orbits(phase))
    return float(phase.cell.volume * mass)


def reflections_of(phase: PlantedPhase) -> tuple[FloatArray, FloatArray]:
    """d-spacings (Å, falling) and m|F|² (electrons²) of the lines up to 82°; hkl of equal d are one line."""
    cell = phase.cell
    shortest = WAVELENGTHS[0] / (2.0 * np.sin(np.radians(LAST_REFLECTION / 2.0)))
    ranges = [np.arange(-limit, limit + 1) for limit in (int(edge / shortest) + 1 for edge in (cell.a, cell.b, cell.c))]
    hkl = np.stack(np.meshgrid(*ranges, indexing="ij"), axis=-1).reshape(-1, 3)
    hkl = hkl[np.any(hkl != 0, axis=1)]
    d_spacing = np.array([cell.calculate_d(index) for index in hkl.tolist()])
    inside = d_spacing >= shortest
    hkl, d_spacing = hkl[inside], d_spacing[inside]
    intensity = np.abs(_structure_factor(phase, hkl, d_spacing)) ** 2
    seen = np.flatnonzero(intensity > 1e-6 * intensity.max())
    order = seen[np.argsort(-d_spacing[seen], kind="stable")]
    # Equivalent reflections differ by rounding only, distinct lines by far more than a millionth of an Å.
    first = np.flatnonzero(np.diff(d_spacing[order], prepend=np.inf) < -1e-6)
    return d_spacing[order][first], np.add.reduceat(intensity[order], first)


def _structure_factor(phase: PlantedPhase, hkl: npt.NDArray[np.int64], d_spacing: FloatArray) -> npt.NDArray[np.complex128]:
    s_squared = 1.0 / (4.0 * d_spacing**2)
    total = np.zeros(len(hkl), dtype=np.complex128)
    for site, orbit in _orbits(phase):
        element = gemmi.Element(site.element)
        real, imaginary = gemmi.cromer_liberman(element.atomic_number, HC_EV_ANGSTROM / WAVELENGTHS[0])
        form = np.array([element.it92.calculate_sf(float(value)) for value in s_squared]) + real + 1j * imaginary
        damping = np.exp(-8.0 * np.pi**2 * site.u_iso * s_squared)
        total += form * damping * np.exp(2j * np.pi * hkl @ orbit.T).sum(axis=1)
    return total


def _orbits(phase: PlantedPhase) -> list[tuple[Site, FloatArray]]:
    """Each site with all its positions in the cell, (n, 3)."""
    operations = gemmi.find_spacegroup_by_name(phase.space_group).operations()
    return [
        (site, _distinct(np.mod([operation.apply_to_xyz(list(site.position)) for operation in operations], 1.0))) for site in phase.sites
    ]


def _distinct(positions: FloatArray) -> FloatArray:
    """Positions that differ by more than a thousandth of an edge, lattice translations aside."""
    kept: list[FloatArray] = []
    for position in positions:
        if not any(np.all(np.abs((position - other + 0.5) % 1.0 - 0.5) < 1e-3) for other in kept):
            kept.append(position)
    return np.array(kept)


def _width_and_mixing(theta: FloatArray, phase: PlantedPhase) -> tuple[FloatArray, FloatArray]:
    """Full width (degrees) and Lorentzian share of the pseudo-Voigt at each line."""
    tangent = np.tan(theta)
    u, v, w = CAGLIOTI
    g = np.sqrt(u * tangent**2 + v * tangent + w)
    l = phase.size_width / np.cos(theta) + phase.strain_width * tangent
    fwhm = (g**5 + 2.69269 * g**4 * l + 2.42843 * g**3 * l**2 + 4.47163 * g**2 * l**3 + 0.07842 * g * l**4 + l**5) ** 0.2
    share = l / fwhm
    return fwhm, 1.36603 * share - 0.47719 * share**2 + 0.11116 * share**3


def _line(area: float, centre: float, fwhm: float, mixing: float) -> FloatArray:
    u = (TWO_THETA - centre) / fwhm
    lorentzian = (2.0 / np.pi / fwhm) / (1.0 + 4.0 * u**2)
    gaussian = (2.0 / fwhm) * np.sqrt(np.log(2.0) / np.pi) * np.exp(-4.0 * np.log(2.0) * u**2)
    return area * (mixing * lorentzian + (1.0 - mixing) * gaussian)
