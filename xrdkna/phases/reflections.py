"""A Phase to its Reflections: which planes diffract, how many of each, and how strongly."""

import math

import numpy as np

from xrdkna.errors import UsageError
from xrdkna.phases.scattering import atomic_form_factor, attenuation_cross_section
from xrdkna.physics.bragg import two_theta_from_d
from xrdkna.physics.intensity import lorentz_polarisation
from xrdkna.physics.lattice import cell_volume, d_spacings, metric_tensor
from xrdkna.physics.radiation import tube_radiation
from xrdkna.records.arrays import FloatArray, IntArray
from xrdkna.records.instrument import Instrument
from xrdkna.records.phases import Phase, Reflections, Site

# Of the strongest m|F|²: absences come out near 1e-30, the weakest line worth a tick mark is near 1e-4.
_NEGLIGIBLE = 1e-5
# Beyond, a wavelength and range were asked for that hold more lines than any powder pattern resolves.
_MOST_PLANES = 4_000_000
_MOST_TERMS = 400_000_000
_CHUNK = 2_000_000
# A cell longer by this share shows how |F|² follows it.
_STRETCH = 1e-3
_GRAM_PER_CM3 = 1.66053907  # one g/mol in one Å³
_INVERSE_CM = 1e8  # one Å⁻¹
# Published lists are peak heights from a Cu tube without a monochromator, unless their source says otherwise.
_LIST_INSTRUMENT = Instrument(radiation=tube_radiation("Cu"))
_LIST_HIGHEST = 170.0

_Rotations = tuple[tuple[int, ...], ...]


def reflections_of(phase: Phase, *, instrument: Instrument, two_theta_max: float = 150.0, two_theta_min: float = 2.0) -> Reflections:
    """The symmetry-independent lines of `phase` between two angles (degrees 2θ of the strongest spectral line), by falling d.

    multiplicity counts all planes equivalent under the Laue class (Friedel pairs included), |F|² is the mean of a Friedel
    pair, with F = Σ occ (f0 + f′ + if″) exp(−B sin²θ/λ²) exp(2πi h·x) (International Tables B, 1.2). Lines below 1e-5 of the
    strongest m|F|² are left out, with them the systematic absences. Lines of equal d that are not equivalent, such as
    (333) and (511), stay apart. Raises UsageError when the range holds more lines than can be handled.
    """
    wavelength = instrument.radiation.wavelength
    d_min = wavelength / (2.0 * math.sin(math.radians(min(two_theta_max, 179.9)) / 2.0))
    d_max = wavelength / (2.0 * math.sin(math.radians(max(two_theta_min, 1e-3)) / 2.0))
    if phase.positions_only:
        return _listed_reflections(phase, d_min=d_min, d_max=d_max)
    hkl, multiplicity = unique_planes(phase, d_min=d_min, d_max=d_max)
    if len(hkl) * len(phase.sites) > _MOST_TERMS:
        raise UsageError(
            f"phase {phase.name} has {len(hkl)} lines from {len(phase.sites)} atoms up to {two_theta_max:g}°; choose a lower highest angle."
        )
    d = d_spacings(hkl, phase.cell) if len(hkl) else np.empty(0)
    f_squared = structure_factors_squared(phase.sites, hkl, d, wavelength=wavelength)
    strength = multiplicity * f_squared
    kept = np.flatnonzero(strength > _NEGLIGIBLE * strength.max(initial=0.0))
    # by falling d; lines of equal d by falling h, k, l
    order = kept[np.lexsort((-hkl[kept, 2], -hkl[kept, 1], -hkl[kept, 0], -np.round(d[kept], 9)))]
    return _reflections(
        phase,
        hkl=hkl[order],
        multiplicity=multiplicity[order],
        f_squared=f_squared[order],
        d=d[order],
        d_power=_power_of_d(phase.sites, hkl[order], d[order], f_squared[order], wavelength=wavelength),
        absorption=linear_absorption(phase, wavelength=wavelength),
    )


def linear_absorption(phase: Phase, *, wavelength: float) -> float:
    """cm⁻¹, µ = Σ occ σ / V of the dense phase at `wavelength` in Å (International Tables C, 6.3.1); 0 without atoms."""
    taken = sum(site.occupancy * attenuation_cross_section(site.element, wavelength) for site in phase.sites)
    return taken / cell_volume(phase.cell) * _INVERSE_CM


def unique_planes(phase: Phase, *, d_min: float, d_max: float) -> tuple[IntArray, FloatArray]:
    """(n, 3) one plane of each Laue-equivalent set with d_min ≤ d ≤ d_max in Å, and (n,) how many the set holds.

    The plane with the fewest negative indices stands for its set, then the one with the largest h, k, l.
    """
    hkl = _planes_in_shell(phase, d_min=d_min, d_max=d_max)
    reach = int(np.abs(hkl).max(initial=0)) * 3 + 1
    own = _rank(hkl, reach)
    best = own.copy()
    rotations = _laue_rotations(phase.rotations)
    orbit = np.zeros(len(hkl), dtype=np.int64)
    for rotation in rotations:
        turned = hkl @ rotation
        np.maximum(best, _rank(turned, reach), out=best)
        orbit += np.all(turned == hkl, axis=1)
    chosen = own == best
    return hkl[chosen], len(rotations) / orbit[chosen]


def structure_factors_squared(sites: tuple[Site, ...], hkl: IntArray, d: FloatArray, *, wavelength: float) -> FloatArray:
    """(n,) electrons², the mean of |F(hkl)|² and |F(−h−k−l)|² with dispersion and Debye–Waller factor, for d in Å.

    With C and S the sums of f cos 2πh·x and f sin 2πh·x, F(±) = C ± iS and the mean is |C|² + |S|².
    """
    result = np.zeros(len(hkl))
    q = 2.0 * np.pi / d
    groups: dict[tuple[str, float], list[Site]] = {}
    for site in sites:
        groups.setdefault((site.element, site.biso), []).append(site)
    step = max(1, _CHUNK // max(len(sites), 1))
    for first in range(0, len(hkl), step):
        part = slice(first, first + step)
        cosine = np.zeros(len(hkl[part]), dtype=np.complex128)
        sine = np.zeros_like(cosine)
        for (element, biso), members in groups.items():
            positions = np.array([(site.x, site.y, site.z) for site in members])
            occupancy = np.array([site.occupancy for site in members])
            phase_angle = 2.0 * np.pi * (hkl[part] @ positions.T)
            weight = atomic_form_factor(element, q[part], wavelength=wavelength) * np.exp(-biso / (4.0 * d[part] ** 2))
            cosine += weight * (np.cos(phase_angle) @ occupancy)
            sine += weight * (np.sin(phase_angle) @ occupancy)
        result[part] = np.abs(cosine) ** 2 + np.abs(sine) ** 2
    return result


def _power_of_d(sites: tuple[Site, ...], hkl: IntArray, d: FloatArray, f_squared: FloatArray, *, wavelength: float) -> FloatArray:
    """(n,) ∂ ln |F|²/∂ ln d of lines that are there, atoms keeping their places in the cell."""
    longer = structure_factors_squared(sites, hkl, d * (1.0 + _STRETCH), wavelength=wavelength)
    return np.asarray(np.log(longer / f_squared) / np.log1p(_STRETCH))


def _planes_in_shell(phase: Phase, *, d_min: float, d_max: float) -> IntArray:
    """(n, 3) every hkl with d_min ≤ d ≤ d_max. |h| ≤ a/d_min, and so on, bounds the search."""
    limits = [math.floor(edge / d_min) for edge in phase.cell.values[:3]]
    if math.prod(2 * limit + 1 for limit in limits) > 4 * _MOST_PLANES:
        raise UsageError(f"phase {phase.name} has too many lines down to d = {d_min:.3g} Å; choose a lower highest angle.")
    inverse = np.linalg.inv(metric_tensor(phase.cell))
    grids = np.meshgrid(*(np.arange(-limit, limit + 1) for limit in limits), indexing="ij")
    hkl = np.stack([grid.ravel() for grid in grids], axis=1)
    inverse_squared = np.einsum("ni,ij,nj->n", hkl, inverse, hkl.astype(np.float64))
    slack = 1e-9
    return np.asarray(hkl[(inverse_squared <= (1.0 + slack) / d_min**2) & (inverse_squared >= (1.0 - slack) / d_max**2)], dtype=np.int64)


def _laue_rotations(rotations: _Rotations) -> IntArray:
    """(n, 3, 3) the point group with the inversion added (Friedel's law); the inversion alone where none is known."""
    known = np.array(rotations or ((1, 0, 0, 0, 1, 0, 0, 0, 1),), dtype=np.int64).reshape(-1, 9)
    return np.unique(np.concatenate([known, -known]), axis=0).reshape(-1, 3, 3)


def _rank(hkl: IntArray, reach: int) -> IntArray:
    """(n,) larger for fewer negative indices, then for larger h, k, l."""
    width = 2 * reach + 1
    place = ((hkl[:, 0] + reach) * width + hkl[:, 1] + reach) * width + hkl[:, 2] + reach
    return np.asarray((3 - np.count_nonzero(hkl < 0, axis=1)) * width**3 + place)


def _listed_reflections(phase: Phase, *, d_min: float, d_max: float) -> Reflections:
    """Published lines: d from the cell where hkl is known, intensity as listed divided by multiplicity and Lorentz–polarisation."""
    hkl = np.array([line.hkl or (0, 0, 0) for line in phase.listed], dtype=np.int64).reshape(-1, 3)
    d = np.array([line.d_spacing for line in phase.listed])
    known = hkl.any(axis=1)
    d[known] = d_spacings(hkl[known], phase.cell)
    rotations = _laue_rotations(phase.rotations)
    alike = sum(np.all(hkl @ rotation == hkl, axis=1).astype(np.int64) for rotation in rotations)
    multiplicity = np.where(known, len(rotations) / np.maximum(alike, 1), 1.0)
    two_theta = np.minimum(two_theta_from_d(d, wavelength=_LIST_INSTRUMENT.radiation.wavelength), _LIST_HIGHEST)
    intensity = np.array([line.intensity for line in phase.listed])
    f_squared = intensity / (multiplicity * lorentz_polarisation(two_theta, instrument=_LIST_INSTRUMENT))
    order = np.argsort(-d, kind="stable")
    order = order[(d[order] >= d_min) & (d[order] <= d_max)]
    return _reflections(phase, hkl=hkl[order], multiplicity=multiplicity[order], f_squared=f_squared[order], d=d[order])


def _reflections(
    phase: Phase,
    *,
    hkl: IntArray,
    multiplicity: FloatArray,
    f_squared: FloatArray,
    d: FloatArray,
    d_power: FloatArray | None = None,
    absorption: float = 0.0,
) -> Reflections:
    return Reflections(
        phase=phase.name,
        role=phase.role,
        crystal_system=phase.crystal_system,
        cell=phase.cell,
        cell_mass=phase.cell_mass,
        positions_only=phase.positions_only,
        intensities_known=phase.intensities_known,
        hkl=hkl,
        multiplicity=multiplicity,
        f_squared=f_squared,
        d_spacing=d,
        d_power=d_power,
        absorption=absorption or None,
        density=phase.cell_mass * _GRAM_PER_CM3 / cell_volume(phase.cell) or None,
        rotations=tuple(tuple(rotation) for rotation in _laue_rotations(phase.rotations).reshape(-1, 9).tolist()),
    )
