"""The model of a whole pattern and how it changes with every parameter.

    y(2θ) = Σ background terms + Σ halos + Σ phases s Σ hkl m|F|² LP (1 + ε) Σ spectral lines r_l · pV(2θ − position; Γ, η)
            + Σ free lines

|F|² is held; positions follow from the cell, zero and displacement; Γ and η from Caglioti, size and strain widths
(Thompson, Cox & Hastings 1987). A Rietveld model (Rietveld 1969) in its essentials; `physics` holds each formula.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from xrdkna.physics.bragg import displacement_pattern, two_theta_from_d
from xrdkna.physics.intensity import lorentz_polarisation
from xrdkna.physics.kernel import add_lines, add_lines_with_derivatives, line_reach
from xrdkna.physics.lattice import cell_from_free, d_spacing_derivatives, free_cell_parameters
from xrdkna.physics.profile import mixed_width, mixed_width_derivatives
from xrdkna.records.arrays import FloatArray, IntArray
from xrdkna.records.instrument import Instrument
from xrdkna.records.phases import Cell, Reflections
from xrdkna.refine.background import halo_profile
from xrdkna.refine.groups import Grouping
from xrdkna.refine.layout import Layout

# Widest cell parameter list (triclinic) sets how many columns a line's derivatives have.
_CELL_COLUMNS = 6
# Narrowest Lorentzian width (degrees): keeps the mixed width differentiable where a phase has none.
_NARROWEST = 1e-4
# sin θ beyond which a line has left the circle.
_BACKSCATTER = 0.9998


@dataclass(frozen=True, slots=True)
class PhaseTerm:
    """One phase in the model: its reflections and where its parameters stand in the layout (−1: none)."""

    reflections: Reflections
    grouping: Grouping
    scale: int
    cell: IntArray
    x: int
    y: int
    texture: IntArray

    def cell_at(self, values: FloatArray) -> Cell:
        """The cell with these parameter values."""
        return cell_from_free(values[self.cell], system=self.reflections.crystal_system, reference=self.reflections.cell)

    @property
    def cell_names(self) -> tuple[str, ...]:
        """The free cell parameters, in the order of `cell`."""
        return free_cell_parameters(self.reflections.crystal_system, self.reflections.cell)


@dataclass(frozen=True, slots=True)
class FreeLine:
    """A line that no phase explains: position (Kα₁), width and shape held, area free."""

    two_theta: float
    fwhm: float
    eta: float
    area: int


@dataclass(frozen=True, slots=True)
class Model:
    """Everything a fit of one pattern needs that does not change while it runs. Arrays over the points that take part.

    fitted_phases: how many of the phases are fitted; the rest is watched, held at zero.
    """

    two_theta: FloatArray
    instrument: Instrument
    layout: Layout
    phases: tuple[PhaseTerm, ...]
    fitted_phases: int
    free_lines: tuple[FreeLine, ...]
    halos: tuple[tuple[int, int, int], ...]
    background: FloatArray
    background_rows: IntArray
    tail_tolerance: float


@dataclass(frozen=True, slots=True)
class LineList:
    """Every line of every phase and spectral line: (m,) arrays, and (m, k) derivatives with the parameter of each column.

    owner: (m,) phase number (free lines: −1). group: (m,) intensity group within the phase. unit: (m,) calculated area at unit
    scale, without texture.
    """

    position: FloatArray
    area: FloatArray
    fwhm: FloatArray
    eta: FloatArray
    unit: FloatArray
    owner: IntArray
    group: IntArray
    column: IntArray
    d_area: FloatArray
    d_position: FloatArray
    d_fwhm: FloatArray
    d_eta: FloatArray


def calculate(model: Model, values: FloatArray) -> FloatArray:
    """(n,) calculated counts for the parameter vector `values` (p,)."""
    total = smooth_part(model, values)
    _add(model, line_list(model, values, phases=model.fitted_phases), total)
    return total


def calculate_with_jacobian(model: Model, values: FloatArray, rows: IntArray, count: int) -> tuple[FloatArray, FloatArray]:
    """(n,) calculated counts and (count, n) derivatives; rows: (p,) row of each parameter in the jacobian, −1 if held."""
    total = smooth_part(model, values)
    jacobian = np.zeros((count, model.two_theta.size))
    for row, term in zip(rows[model.background_rows], model.background, strict=True):
        if row >= 0:
            jacobian[row] = term
    for halo in model.halos:
        _, slopes = halo_profile(model.two_theta, *values[list(halo)])
        for parameter, slope in zip(halo, slopes, strict=True):
            if rows[parameter] >= 0:
                jacobian[rows[parameter]] = slope
    lines = line_list(model, values, phases=model.fitted_phases)
    column = np.where(lines.column >= 0, rows[lines.column], -1)
    reach = line_reach(lines.area, lines.fwhm, lines.eta, tolerance=model.tail_tolerance)
    add_lines_with_derivatives(
        model.two_theta, lines.position, lines.area, lines.fwhm, lines.eta, reach,
        column, lines.d_area, lines.d_position, lines.d_fwhm, lines.d_eta, total, jacobian,
    )  # fmt: skip
    return total, jacobian


def smooth_part(model: Model, values: FloatArray) -> FloatArray:
    """(n,) background and halos."""
    total = values[model.background_rows] @ model.background
    for halo in model.halos:
        total = total + halo_profile(model.two_theta, *values[list(halo)])[0]
    return np.asarray(total)


def phase_part(model: Model, lines: LineList, number: int) -> FloatArray:
    """(n,) what one phase contributes (number −1: the free lines together), given the model's lines."""
    total = np.zeros(model.two_theta.size)
    _add(model, lines, total, lines.owner == number)
    return total


def line_list(model: Model, values: FloatArray, *, phases: int | None = None) -> LineList:
    """All lines for these parameter values, with their derivatives; of the first `phases` phases only, when given."""
    parts = [
        _phase_lines(model, values, number, term, line.wavelength, line.weight)
        for number, term in enumerate(model.phases[:phases])
        for line in model.instrument.radiation.lines
    ]
    parts += [_free_lines(model, values)]
    return LineList(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))


def _phase_lines(
    model: Model, values: FloatArray, number: int, term: PhaseTerm, wavelength: float, weight: float
) -> tuple[FloatArray | IntArray, ...]:
    reflections, index = term.reflections, model.layout.index
    n = len(reflections.hkl)
    d, d_by_cell = d_spacing_derivatives(reflections.hkl, term.cell_at(values), system=reflections.crystal_system)
    sine = np.minimum(wavelength / (2.0 * d), _BACKSCATTER)
    true_angle = two_theta_from_d(d, wavelength=wavelength)
    theta = np.arcsin(sine)
    tangent, cosine = np.tan(theta), np.cos(theta)
    pattern = displacement_pattern(true_angle, geometry=model.instrument.geometry)
    position = true_angle + values[index["displacement"]] * pattern + values[index["zero"]]

    gaussian_squared = values[index["u"]] * tangent**2 + values[index["v"]] * tangent + values[index["w"]]
    gaussian = np.sqrt(np.maximum(gaussian_squared, _NARROWEST**2))
    lorentzian = (values[index["x"]] + values[term.x]) / cosine + (values[index["y"]] + values[term.y]) * tangent
    # Where a bound is reached the width no longer follows its parameters.
    moves_g = 0.5 / gaussian * (gaussian_squared > _NARROWEST**2)
    moves_l = (lorentzian > _NARROWEST).astype(np.float64)
    lorentzian = np.maximum(lorentzian, _NARROWEST)
    fwhm, eta = mixed_width(gaussian, lorentzian)
    fwhm_g, fwhm_l, eta_g, eta_l = mixed_width_derivatives(gaussian, lorentzian)

    visible = (wavelength / (2.0 * d) < _BACKSCATTER).astype(np.float64)
    lp = lorentz_polarisation(2.0 * np.degrees(theta), instrument=model.instrument)
    unit = reflections.multiplicity * reflections.f_squared * lp * weight * visible
    deviation = np.where(term.texture >= 0, values[term.texture], 0.0)
    area = values[term.scale] * unit * (1.0 + deviation)

    columns = 1 + 1 + 2 + 5 + 2 + _CELL_COLUMNS
    column = np.full((n, columns), -1, dtype=np.int64)
    d_area, d_position, d_fwhm, d_eta = (np.zeros((n, columns)) for _ in range(4))
    column[:, 0], d_area[:, 0] = term.scale, unit * (1.0 + deviation)
    column[:, 1], d_area[:, 1] = term.texture, values[term.scale] * unit
    column[:, 2], d_position[:, 2] = index["displacement"], pattern
    column[:, 3], d_position[:, 3] = index["zero"], 1.0
    for k, (name, slope) in enumerate((("u", tangent**2), ("v", tangent), ("w", np.ones(n))), start=4):
        column[:, k], d_fwhm[:, k], d_eta[:, k] = index[name], fwhm_g * moves_g * slope, eta_g * moves_g * slope
    widths = ((index["x"], 1.0 / cosine), (index["y"], tangent), (term.x, 1.0 / cosine), (term.y, tangent))
    for k, (parameter, slope) in enumerate(widths, start=7):
        column[:, k], d_fwhm[:, k], d_eta[:, k] = parameter, fwhm_l * moves_l * slope, eta_l * moves_l * slope
    # ∂2θ/∂d = −(360/π)·tan θ/d, and the displacement's share of it is below 1e-3 of this.
    for k, parameter in enumerate(term.cell, start=11):
        column[:, k], d_position[:, k] = parameter, -2.0 * np.degrees(tangent / d) * d_by_cell[:, k - 11]
    owner = np.full(n, number, dtype=np.int64)
    return position, area, fwhm, eta, unit, owner, term.grouping.group, column, d_area, d_position, d_fwhm, d_eta


def _free_lines(model: Model, values: FloatArray) -> tuple[FloatArray | IntArray, ...]:
    radiation, columns = model.instrument.radiation, 1 + 1 + 2 + 5 + 2 + _CELL_COLUMNS
    total_weight = sum(line.weight for line in radiation.lines)
    rows: list[tuple[float, float, float, float, int, float]] = []
    for free in model.free_lines:
        sine = np.sin(np.radians(free.two_theta / 2.0))
        for line in radiation.lines:
            angle = 2.0 * np.degrees(np.arcsin(min(sine * line.wavelength / radiation.wavelength, 1.0)))
            share = line.weight / total_weight
            rows.append((angle, values[free.area] * share, free.fwhm, free.eta, free.area, share))
    table = np.array(rows, dtype=np.float64).reshape(len(rows), 6)
    n = len(rows)
    column = np.full((n, columns), -1, dtype=np.int64)
    d_area, d_position, d_fwhm, d_eta = (np.zeros((n, columns)) for _ in range(4))
    column[:, 0], d_area[:, 0] = table[:, 4].astype(np.int64), table[:, 5]
    owner, group = np.full(n, -1, dtype=np.int64), np.arange(n, dtype=np.int64)
    return table[:, 0], table[:, 1], table[:, 2], table[:, 3], np.zeros(n), owner, group, column, d_area, d_position, d_fwhm, d_eta


def _add(model: Model, lines: LineList, total: FloatArray, chosen: Sequence[bool] | np.ndarray | None = None) -> None:
    pick = slice(None) if chosen is None else np.asarray(chosen)
    reach = line_reach(lines.area[pick], lines.fwhm[pick], lines.eta[pick], tolerance=model.tail_tolerance)
    add_lines(model.two_theta, lines.position[pick], lines.area[pick], lines.fwhm[pick], lines.eta[pick], reach, total)
