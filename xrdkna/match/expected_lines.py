"""The lines a phase would put on a published list: where, how likely each is to be printed, how each moves with the cell."""

from dataclasses import dataclass

import numpy as np

from xrdkna.match.line_list import LineSettings, ListedLines
from xrdkna.physics.bragg import displacement_pattern, two_theta_from_d
from xrdkna.physics.intensity import lorentz_polarisation
from xrdkna.physics.lattice import CELL_NAMES, cell_from_free, d_spacing_derivatives, d_spacings, free_cell_parameters
from xrdkna.records.arrays import FloatArray, IntArray
from xrdkna.records.instrument import Instrument
from xrdkna.records.phases import Cell, Reflections

# A line of this intensity relative to the phase's strongest is extinct: what is left of |F|² is rounding.
EXTINCT = 1e-9
# Reflections this far outside the list's range may move into it with the cell and the shift, degrees.
MARGIN = 5.0
# Lines are called strong or weak by comparison with the strongest within this of the list's range, degrees.
NEIGHBOURHOOD = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedLines:
    """One phase's reflections near the list's range, by falling d; k free cell parameters in units of their prior sigma.

    reference: (m,) degrees in the reference cell. intensity: (m,) relative to the strongest near the range. printed: (m,)
    probability of being printed on a complete list. cluster: (m,) the cluster it is printed with (lines closer than the resolution);
    part: (m,) its share of the cluster. cluster_printed, cluster_place: (c,) probability and degrees; cluster_counts: (c,)
    1 where a missing one counts against the phase, 0 outside the list's range. unit: (k,) Å or degrees of one prior sigma;
    limit: (k,) in those units. possible_d: every d the phase allows, Å.
    """

    source: Reflections
    hkl: IntArray
    reference: FloatArray
    intensity: FloatArray
    printed: FloatArray
    cluster: IntArray
    part: FloatArray
    cluster_printed: FloatArray
    cluster_place: FloatArray
    cluster_counts: FloatArray
    names: tuple[str, ...]
    unit: FloatArray
    limit: FloatArray
    possible_d: FloatArray
    wavelength: float
    geometry: str

    def cell(self, u: FloatArray) -> Cell:
        """The cell that lies u (k,) prior sigmas from the reference cell."""
        reference = self.source.cell
        values = [getattr(reference, name) + shift for name, shift in zip(self.names, u * self.unit, strict=True)]
        return cell_from_free(values, system=self.source.crystal_system, reference=reference)

    def places(self, u: FloatArray, rows: IntArray | None = None) -> tuple[FloatArray, FloatArray]:
        """(m,) degrees 2θ in the cell at u, without shift, and (m, k) their derivatives by u; of these rows only, if given."""
        hkl = self.hkl if rows is None else self.hkl[rows]
        if not len(hkl):
            return np.zeros(0), np.zeros((0, len(self.names)))
        d, slopes = d_spacing_derivatives(hkl, self.cell(u), system=self.source.crystal_system)
        two_theta = two_theta_from_d(d, wavelength=self.wavelength)
        by_d = -np.degrees(2.0 * np.tan(np.radians(two_theta) / 2.0)) / d
        return two_theta, by_d[:, None] * slopes * self.unit

    def shift_pattern(self, two_theta: FloatArray) -> FloatArray:
        """(m,) degrees each line moves for a displacement amplitude of one degree."""
        return displacement_pattern(two_theta, geometry=self.geometry)


def expect_lines(reflections: Reflections, listed: ListedLines, *, instrument: Instrument, settings: LineSettings) -> ExpectedLines:
    """What `reflections` would put on the list; empty arrays where the phase has no line near its range."""
    wavelength = instrument.radiation.wavelength
    reached = np.flatnonzero(reflections.d_spacing > wavelength / 1.999)
    hkl = reflections.hkl[reached]
    # positions must follow from the cell alone, as they do everywhere in a fit
    d = d_spacings(hkl, reflections.cell) if len(hkl) else np.zeros(0)
    two_theta = two_theta_from_d(d, wavelength=wavelength)
    strength = reflections.multiplicity[reached] * reflections.f_squared[reached] * lorentz_polarisation(two_theta, instrument=instrument)
    allowed = strength > EXTINCT * strength.max(initial=0.0)
    near = allowed & (two_theta > listed.low - MARGIN) & (two_theta < listed.high + MARGIN)
    around = strength[allowed & (two_theta > listed.low - NEIGHBOURHOOD) & (two_theta < listed.high + NEIGHBOURHOOD)]
    order = np.flatnonzero(near)[np.argsort(two_theta[near])]
    place, intensity = two_theta[order], strength[order] / around.max(initial=np.finfo(np.float64).tiny)
    cluster = _clusters(place, settings.resolution)
    count = int(cluster.max(initial=-1)) + 1
    total = np.asarray(np.bincount(cluster, weights=intensity, minlength=count), dtype=np.float64)
    middle = np.bincount(cluster, weights=intensity * place, minlength=count) / total
    names = free_cell_parameters(reflections.crystal_system, reflections.cell)
    unit, limit = _units(names, reflections.cell, settings)
    return ExpectedLines(
        source=reflections,
        hkl=hkl[order],
        reference=place,
        intensity=intensity,
        printed=printing_probability(intensity, settings),
        cluster=cluster,
        part=intensity / total[cluster],
        cluster_printed=printing_probability(total, settings),
        cluster_place=middle,
        cluster_counts=((middle > listed.low - settings.resolution) & (middle < listed.high + settings.resolution)).astype(np.float64),
        names=names,
        unit=unit,
        limit=limit,
        possible_d=d[allowed],
        wavelength=wavelength,
        geometry=instrument.geometry,
    )


def printing_probability(intensity: FloatArray, settings: LineSettings) -> FloatArray:
    """(n,) probability that a line of this relative intensity gets printed on a complete list: I/(I + half), I at most 1."""
    capped = np.minimum(intensity, 1.0)
    return np.asarray(capped / (capped + settings.printed_half))


def covered_clusters(phase: ExpectedLines, listed: ListedLines, hidden: FloatArray) -> FloatArray:
    """(c,) how far each cluster would be printed as one with a listed line that another phase explains, 0 … 1."""
    if not hidden.any() or not phase.cluster_place.size:
        return np.zeros(phase.cluster_place.size)
    offset = (listed.two_theta[:, None] - phase.cluster_place) / np.hypot(0.15, listed.sigma)[:, None]
    return np.asarray((hidden[:, None] * np.exp(-0.5 * offset**2)).max(axis=0))


def odds_of_printing(phase: ExpectedLines, cover: FloatArray, t: float) -> FloatArray:
    """(m,) odds that each reflection is printed by itself; outside the range its probability, as nothing is lost if it is not."""
    v = t * phase.cluster_printed * (1.0 - cover)
    return np.asarray(np.where(phase.cluster_counts > 0, v / (1.0 - v), v)[phase.cluster] * phase.part)


def gaussian_density(observed: FloatArray, place: FloatArray, sigma: FloatArray) -> FloatArray:
    """(n, m) per degree: the density of each listed line around each calculated one."""
    z = (observed[:, None] - place) / sigma[:, None]
    return np.asarray(np.exp(-0.5 * z * z) / (sigma[:, None] * np.sqrt(2.0 * np.pi)))


def _clusters(place: FloatArray, resolution: float) -> IntArray:
    numbers = np.zeros(place.size, dtype=np.int64)
    start = 0
    for k in range(1, place.size):
        if place[k] - place[start] > resolution:
            start = k
            numbers[k:] += 1
    return numbers


def _units(names: tuple[str, ...], cell: Cell, settings: LineSettings) -> tuple[FloatArray, FloatArray]:
    edge = np.array([name in CELL_NAMES[:3] for name in names])
    length = np.array([getattr(cell, name) for name in names])
    unit = np.where(edge, settings.strain_sigma * length, settings.angle_sigma)
    limit = np.where(edge, settings.strain_limit / settings.strain_sigma, settings.angle_limit / settings.angle_sigma)
    return unit, limit
