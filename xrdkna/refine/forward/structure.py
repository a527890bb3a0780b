"""A model's phases as the flat arrays that the compiled kernels read."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from xrdkna.physics.lattice import cell_from_free, free_cell_parameters, free_parameter_of_each
from xrdkna.records.arrays import FloatArray, IntArray
from xrdkna.records.instrument import GEOMETRIES, Instrument, Radiation
from xrdkna.records.peaks import Peak
from xrdkna.records.phases import Cell, Reflections
from xrdkna.refine.forward.groups import Grouping
from xrdkna.refine.forward.intensities import Effect
from xrdkna.refine.forward.layout import Layout, tag
from xrdkna.refine.kernels.line_kernel import Structure

_SHARED = ("displacement", "zero", "u", "v", "w", "x", "y")


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseTerm:
    """One phase in the model: its reflections and where its parameters stand in the layout.

    cell: (k,) its free cell parameters. texture: (n,) the reflection's own deviation, −1 none. along_x, along_y: widths along its
    axis, −1 none; direction: (n,) cos² to that axis. stephens: (s,) parameters and stephens_terms: (n, s). effects: what
    else multiplies its intensities. intensities: where they come from; where not from the structure, `texture` has their slots.
    """

    reflections: Reflections
    grouping: Grouping
    scale: int
    displacement: int
    x: int
    y: int
    cell: IntArray
    texture: IntArray
    along_x: int
    along_y: int
    direction: FloatArray
    stephens: IntArray
    stephens_terms: FloatArray
    effects: tuple[Effect, ...] = ()
    intensities: str = "structure"

    def cell_at(self, values: FloatArray) -> Cell:
        """The cell with these parameter values."""
        return cell_from_free(values[self.cell], system=self.reflections.crystal_system, reference=self.reflections.cell)

    @property
    def cell_names(self) -> tuple[str, ...]:
        """The free cell parameters, in the order of `cell`."""
        return free_cell_parameters(self.reflections.crystal_system, self.reflections.cell)


@dataclass(frozen=True, slots=True)
class FreeLines:
    """Lines that no phase explains, each at every spectral line: (m,) position, full width (degrees), Lorentzian share, share of
    the line's area, number of the line and the parameter that is its area. peaks: how many lines there are."""

    position: FloatArray
    fwhm: FloatArray
    eta: FloatArray
    share: FloatArray
    number: IntArray
    area: IntArray
    peaks: tuple[float, ...]


def structure_of(terms: Sequence[PhaseTerm], layout: Layout, instrument: Instrument) -> Structure:
    """The arrays of these phases; see `Structure`."""
    radiation = instrument.radiation
    counts = [len(term.reflections.hkl) for term in terms]
    first = np.concatenate([[0], np.cumsum(counts, dtype=np.int64)]).astype(np.int64)
    reflections = int(first[-1])
    stephens = np.zeros((reflections, max((term.stephens.size for term in terms), default=0)))
    areas = [[parameter for effect in term.effects for parameter in effect.parameters] for term in terms]
    for term, begin, count in zip(terms, first, counts, strict=False):
        stephens[begin : begin + count, : term.stephens.size] = term.stephens_terms
    follows = [free_parameter_of_each(term.reflections.crystal_system, term.reflections.cell) for term in terms]
    return Structure(
        wavelength=np.array([line.wavelength for line in radiation.lines]),
        natural=_natural_widths(radiation),
        spectral_parameter=np.array([-1, *(layout.index[f"ratio_{tag(line.label)}"] for line in radiation.lines[1:])], dtype=np.int64),
        first=first,
        hkl=_joined([term.reflections.hkl.astype(np.float64) for term in terms], (0, 3)),
        strength=_joined([term.reflections.multiplicity * term.reflections.f_squared for term in terms], (0,)),
        d_power=_joined([_power(term.reflections) for term in terms], (0,)),
        reference=_joined([term.reflections.d_spacing**2 for term in terms], (0,)),
        texture=_joined([term.texture for term in terms], (0,)).astype(np.int64),
        direction=_joined([term.direction for term in terms], (0,)),
        stephens=stephens,
        cell_fixed=_joined([np.array([term.reflections.cell.values]) for term in terms], (0, 6)),
        cell_follows=np.array(follows, dtype=np.int64).reshape(-1, 6),
        cell=_padded([term.cell.tolist() for term in terms], 6),
        phase=np.array([(t.scale, t.displacement, t.x, t.y, t.along_x, t.along_y) for t in terms], dtype=np.int64).reshape(-1, 6),
        stephens_parameter=_padded([term.stephens.tolist() for term in terms], stephens.shape[1]),
        instrument=np.array([layout.index[name] for name in _SHARED], dtype=np.int64),
        polarisation=np.array(polarisation_terms(instrument)),
        geometry=GEOMETRIES.index(instrument.geometry),
        area_parameter=_padded(areas, max((len(row) for row in areas), default=0)),
    )


def _power(reflections: Reflections) -> FloatArray:
    return np.zeros(len(reflections.hkl)) if reflections.d_power is None else reflections.d_power


def _natural_widths(radiation: Radiation) -> FloatArray:
    """(l,) degrees a unit of tan θ: 2 Δλ/λ of each spectral line beyond that of the sharpest."""
    relative = np.array([line.width / line.wavelength for line in radiation.lines])
    return np.asarray(np.degrees(2.0 * (relative - relative.min())))


def polarisation_terms(instrument: Instrument) -> tuple[float, float]:
    """a and b of the polarisation a + b cos²2θ; see `physics.intensity.lorentz_polarisation`."""
    if instrument.monochromator_two_theta is not None:
        k = float(np.cos(np.radians(instrument.monochromator_two_theta)) ** 2)
        return 1.0 / (1.0 + k), k / (1.0 + k)
    return instrument.radiation.polarised, 1.0 - instrument.radiation.polarised


def free_lines_of(peaks: Sequence[Peak], areas: IntArray, radiation: Radiation) -> FreeLines:
    """The lines of these peaks; areas: (k,) the parameter of each. Position (of the strongest spectral line), width and shape
    are held."""
    weights = np.array([line.weight for line in radiation.lines])
    ratios = np.array([line.wavelength for line in radiation.lines]) / radiation.wavelength
    angle = np.array([peak.two_theta.value for peak in peaks]).reshape(-1, 1)
    position = 2.0 * np.degrees(np.arcsin(np.minimum(np.sin(np.radians(angle) / 2.0) * ratios, 1.0)))
    repeated = weights.size
    number = np.repeat(np.arange(len(peaks), dtype=np.int64), repeated)
    return FreeLines(
        position=position.ravel(),
        fwhm=np.repeat(np.array([peak.fwhm.value for peak in peaks], dtype=np.float64), repeated),
        eta=np.repeat(np.array([min(max(peak.eta, 0.0), 1.0) for peak in peaks], dtype=np.float64), repeated),
        share=np.tile(weights / weights.sum(), len(peaks)),
        number=number,
        area=np.asarray(areas, dtype=np.int64)[number] if len(peaks) else np.zeros(0, dtype=np.int64),
        peaks=tuple(peak.two_theta.value for peak in peaks),
    )


def _joined(arrays: Sequence[np.ndarray], empty: tuple[int, ...]) -> np.ndarray:
    return np.ascontiguousarray(np.concatenate(arrays)) if arrays else np.zeros(empty)


def _padded(rows: Sequence[Sequence[int]], width: int) -> IntArray:
    table = np.full((len(rows), width), -1, dtype=np.int64)
    for row, own in zip(table, rows, strict=True):
        row[: len(own)] = own
    return table
