"""The hot path, first half: from parameter values to every line of every phase, compiled, with how each line moves.

Compiled by numba and cached on disk. The formulas are those of `physics.lattice`, `bragg`, `profile` and `intensity`; a test
holds them together. A line is one reflection at one spectral line; lines stand phase by phase, within a phase spectral
line by spectral line, within that in the order of the reflections.
"""

import math
from typing import NamedTuple

import numpy as np

from xrdkna.physics.compiled import compiled, compiled_inline
from xrdkna.records.arrays import FloatArray, IntArray
from xrdkna.refine.kernels.width_kernel import mixed_width

# A spectral line fainter than this (of the strongest) is as faint as this: at nothing it would have no slope to come back by.
_FAINTEST = 1e-12
# sin θ beyond which a line has left the circle.
BACKSCATTER = 0.9998

_DEGREES = 180.0 / math.pi


class Structure(NamedTuple):
    """What does not change while a model is fitted: r reflections of P phases, l spectral lines; parameters by number, −1 none.

    wavelength: (l,) Å. natural: (l,) degrees of Lorentzian width a unit of tan θ that a spectral line has beyond the sharpest one, whose
    own is part of y. spectral_parameter: (l,) relative intensities, −1 for the strongest line (1 by definition).
    first: (P + 1,) where each phase's reflections begin. strength: (r,) m|F|² at the reference cell, reference: (r,) Å² its d²,
    d_power: (r,) the power of d by which |F|² follows the cell. texture: (r,) parameter of the reflection's own
    deviation. direction: (r,) mean cos² to the phase's axis, for widths. stephens: (r, s) S_HKL terms.
    cell_fixed, cell_follows: (P, 6) reference cell and which free parameter of the phase (0 … 5) each edge and angle follows;
    cell: (P, 6) those parameters. phase: (P, 6) scale, displacement, x, y, x along the axis, y along the axis.
    stephens_parameter: (P, s). instrument: (7,) displacement, zero, u, v, w, x, y.
    polarisation: (2,) a + b cos²2θ. geometry: number in records.instrument.GEOMETRIES. area_parameter: (P, A) parameters
    of the slopes that come with the intensity factors.
    """

    wavelength: FloatArray
    natural: FloatArray
    spectral_parameter: IntArray
    first: IntArray
    hkl: FloatArray
    strength: FloatArray
    d_power: FloatArray
    reference: FloatArray
    texture: IntArray
    direction: FloatArray
    stephens: FloatArray
    cell_fixed: FloatArray
    cell_follows: IntArray
    cell: IntArray
    phase: IntArray
    stephens_parameter: IntArray
    instrument: IntArray
    polarisation: FloatArray
    geometry: int
    area_parameter: IntArray


class Lines(NamedTuple):
    """(m,) arrays, one entry a line. area: at unit scale. unit: the same without the reflection's own deviation. by_gaussian_…,
    by_lorentzian_…: slopes of fwhm and eta by Gaussian width squared and Lorentzian width. by_cell: (m, 6) degrees a unit
    of each free cell parameter. tangent, secant: of θ. shift: what one degree of displacement moves the line by."""

    position: FloatArray
    area: FloatArray
    unit: FloatArray
    fwhm: FloatArray
    eta: FloatArray
    by_gaussian_fwhm: FloatArray
    by_gaussian_eta: FloatArray
    by_lorentzian_fwhm: FloatArray
    by_lorentzian_eta: FloatArray
    by_cell: FloatArray
    tangent: FloatArray
    secant: FloatArray
    shift: FloatArray
    by_stephens: FloatArray


def empty_lines(structure: Structure) -> Lines:
    """Room for the lines of this structure."""
    m = structure.hkl.shape[0] * structure.wavelength.size
    terms = structure.stephens.shape[1]
    wide = {"by_cell": 6, "by_stephens": terms}
    return Lines(*(np.zeros((m, wide[name]) if name in wide else m) for name in Lines._fields))


@compiled
def list_lines(structure: Structure, values: FloatArray, factor: FloatArray, lines: Lines) -> None:
    """Fill `lines` for the parameter `values` (p,). factor: (r,) intensity effects."""
    index = structure.instrument
    inverse, slopes = np.empty((3, 3)), np.zeros((6, 3, 3))
    spectral = structure.wavelength.size
    for p in range(structure.phase.shape[0]):
        first, last = structure.first[p], structure.first[p + 1]
        _metric(structure, p, values, inverse, slopes)
        x, y = values[index[5]] + values[structure.phase[p, 2]], values[index[6]] + values[structure.phase[p, 3]]
        own = structure.phase[p, 1]
        displacement = values[index[0]] + (values[own] if own >= 0 else 0.0)
        directional = structure.phase[p, 4] >= 0 or structure.phase[p, 5] >= 0 or structure.stephens.shape[1] > 0
        for i in range(first, last):
            h, k, l = structure.hkl[i, 0], structure.hkl[i, 1], structure.hkl[i, 2]
            g0 = h * inverse[0, 0] + k * inverse[1, 0] + l * inverse[2, 0]
            g1 = h * inverse[0, 1] + k * inverse[1, 1] + l * inverse[2, 1]
            g2 = h * inverse[0, 2] + k * inverse[1, 2] + l * inverse[2, 2]
            q = g0 * h + g1 * k + g2 * l
            size_term, strain_term = 0.0, 0.0
            if directional:
                size_term, strain_term = _directional(structure, p, i, values, q, lines, spectral, first, last)
            # (d/d₀)^power for cells a percent apart; too small a change to steer the fit, but scales would be off by as much
            strength = structure.strength[i] * factor[i] * (1.0 + 0.5 * structure.d_power[i] * (1.0 - q * structure.reference[i]))
            deviation = values[structure.texture[i]] if structure.texture[i] >= 0 else 0.0
            for s in range(spectral):
                weight = spectral_weight(structure.spectral_parameter[s], values)
                m = first * spectral + s * (last - first) + (i - first)
                sine = 0.5 * structure.wavelength[s] * math.sqrt(q)
                visible = sine < BACKSCATTER
                sine = min(sine, BACKSCATTER)
                cosine = math.sqrt(1.0 - sine * sine)
                theta = math.asin(sine)
                tangent, secant = sine / cosine, 1.0 / cosine
                sin_two, cos_two = 2.0 * sine * cosine, 1.0 - 2.0 * sine * sine
                shift = -cosine if structure.geometry == 0 else sin_two if structure.geometry == 1 else sine
                position = 2.0 * theta * _DEGREES + displacement * shift + values[index[1]]
                polarisation = structure.polarisation[0] + structure.polarisation[1] * cos_two * cos_two
                unit = strength * weight * polarisation / (sine * sine * cosine) if visible else 0.0
                lines.position[m], lines.unit[m], lines.area[m] = position, unit, unit * (1.0 + deviation)
                lines.tangent[m], lines.secant[m], lines.shift[m] = tangent, secant, shift
                g = values[index[2]] * tangent * tangent + values[index[3]] * tangent + values[index[4]]
                lorentzian = (x + size_term) * secant + (y + strain_term + structure.natural[s]) * tangent
                width = mixed_width(g, lorentzian)
                lines.fwhm[m], lines.eta[m] = width.fwhm, width.eta
                lines.by_gaussian_fwhm[m], lines.by_gaussian_eta[m] = width.by_gaussian_fwhm, width.by_gaussian_eta
                lines.by_lorentzian_fwhm[m], lines.by_lorentzian_eta[m] = width.by_lorentzian_fwhm, width.by_lorentzian_eta
                # d2θ/d(1/d²), and d(1/d²)/dp = −g (∂G/∂p) g
                by_q = -_DEGREES * 0.5 * structure.wavelength[s] / (math.sqrt(q) * cosine)
                for c in range(6):
                    if structure.cell[p, c] >= 0:
                        a = slopes[c]
                        quadratic = g0 * (g0 * a[0, 0] + 2.0 * (g1 * a[0, 1] + g2 * a[0, 2]))
                        quadratic += g1 * (g1 * a[1, 1] + 2.0 * g2 * a[1, 2]) + g2 * g2 * a[2, 2]
                        lines.by_cell[m, c] = by_q * quadratic


@compiled_inline
def spectral_weight(parameter: int, values: FloatArray) -> float:
    """The relative intensity of a spectral line, by the parameter that holds it; −1: the strongest line."""
    return max(values[parameter], _FAINTEST) if parameter >= 0 else 1.0


@compiled
def _directional(
    structure: Structure, p: int, i: int, values: FloatArray, q: float, lines: Lines, spectral: int, first: int, last: int
) -> tuple[float, float]:
    """What the direction of a reflection adds to its size and strain widths (degrees); fills the slopes by S_HKL."""
    size_term, strain_term = 0.0, 0.0
    if structure.phase[p, 4] >= 0:
        size_term = values[structure.phase[p, 4]] * structure.direction[i]
    if structure.phase[p, 5] >= 0:
        strain_term = values[structure.phase[p, 5]] * structure.direction[i]
    terms = structure.stephens.shape[1]
    total = 0.0
    for s in range(terms):
        if structure.stephens_parameter[p, s] >= 0:
            total += values[structure.stephens_parameter[p, s]] * structure.stephens[i, s]
    if terms > 0 and structure.stephens_parameter[p, 0] >= 0:
        root = math.sqrt(max(total, 1e-16))
        strain_term += _DEGREES * root / q
        for s in range(terms):
            slope = 0.5 * _DEGREES * structure.stephens[i, s] / (root * q) if total > 1e-16 else 0.0
            for spectrum in range(spectral):
                lines.by_stephens[first * spectral + spectrum * (last - first) + (i - first), s] = slope
    return size_term, strain_term


@compiled
def cell_volumes(structure: Structure, values: FloatArray) -> FloatArray:
    """(P,) Å³, the volume of each phase's cell; as `physics.lattice.cell_volume`."""
    volumes = np.empty(structure.cell.shape[0])
    for p in range(volumes.size):
        cell = _cell(structure, p, values)
        ca, cb, cg = math.cos(cell[3] / _DEGREES), math.cos(cell[4] / _DEGREES), math.cos(cell[5] / _DEGREES)
        volumes[p] = cell[0] * cell[1] * cell[2] * math.sqrt(1.0 - ca * ca - cb * cb - cg * cg + 2.0 * ca * cb * cg)
    return volumes


@compiled
def _cell(structure: Structure, p: int, values: FloatArray) -> FloatArray:
    """(6,) edges (Å) and angles (degrees) of phase p."""
    cell = np.empty(6)
    for c in range(6):
        follows = structure.cell_follows[p, c]
        cell[c] = values[structure.cell[p, follows]] if follows >= 0 else structure.cell_fixed[p, c]
    return cell


@compiled
def _metric(structure: Structure, p: int, values: FloatArray, inverse: FloatArray, slopes: FloatArray) -> None:
    """Inverse metric tensor of phase p, and (6, 3, 3) how the metric changes with its free parameters (per Å, per degree)."""
    raw = _cell(structure, p, values)
    cosine, sine = np.empty(3), np.empty(3)
    for c in range(3):
        cosine[c], sine[c] = math.cos(raw[3 + c] / _DEGREES), math.sin(raw[3 + c] / _DEGREES)
    metric = np.empty((3, 3))
    for i in range(3):
        metric[i, i] = raw[i] * raw[i]
        for j in range(i):
            metric[i, j] = metric[j, i] = raw[i] * raw[j] * cosine[3 - i - j]
    determinant = 0.0
    for i in range(3):
        a, b = (i + 1) % 3, (i + 2) % 3
        for j in range(3):
            c, d = (j + 1) % 3, (j + 2) % 3
            inverse[i, j] = metric[a, c] * metric[b, d] - metric[a, d] * metric[b, c]
        determinant += metric[0, i] * inverse[0, i]
    for i in range(3):
        for j in range(3):
            inverse[i, j] /= determinant
    slopes[:] = 0.0
    for c in range(6):
        free = structure.cell_follows[p, c]
        if free < 0:
            continue
        if c < 3:
            slopes[free, c, c] += 2.0 * raw[c]
            for j in range(3):
                if j != c:
                    slope = raw[j] * cosine[3 - c - j]
                    slopes[free, c, j] += slope
                    slopes[free, j, c] += slope
        else:
            i, j = (c - 3 + 1) % 3, (c - 3 + 2) % 3
            slope = -raw[i] * raw[j] * sine[c - 3] / _DEGREES
            slopes[free, i, j] += slope
            slopes[free, j, i] += slope
