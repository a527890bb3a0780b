"""The model of a whole pattern and how it changes with every parameter.

    y(2θ) = Σ background terms + Σ halos + Σ phases s Σ hkl m|F|² LP E (1 + ε) Σ spectral lines r_l · pV(2θ − position; Γ, η)
            + Σ free lines

|F|² is held; E holds texture and absorption (`intensities`); positions follow from the cell, zero and displacement; Γ and η from
Caglioti, size and strain widths (Thompson, Cox & Hastings 1987), spread by aberrations (`spread`). A Rietveld model (Rietveld
1969); `physics` holds each formula, the two kernels compute them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from xrdkna.physics.kernel import line_reach
from xrdkna.records.arrays import FloatArray, IntArray
from xrdkna.records.instrument import Instrument
from xrdkna.refine.forward.background import halo_profile
from xrdkna.refine.forward.intensities import intensity_factor
from xrdkna.refine.forward.layout import Layout
from xrdkna.refine.forward.spread import Spread
from xrdkna.refine.forward.structure import FreeLines, PhaseTerm
from xrdkna.refine.kernels.derivative_kernel import add_phases_with_derivatives
from xrdkna.refine.kernels.line_kernel import Lines, Structure, empty_lines, list_lines
from xrdkna.refine.kernels.profile_kernel import FAR, Nodes, add_columns, add_phases, plain_nodes

# Even a line too weak to have tails is followed this many full widths: there its Gaussian part is 1e-5 of the top.
_NARROWEST_REACH = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """Everything a fit of one pattern needs that does not change while it runs. Arrays over the points that take part.

    fitted_phases: how many of the phases are fitted; the rest is watched, held at zero. fitted, watched: the arrays of the two.
    halos: area, centre and width of each hump; halo_names: its name and how the names of the three begin.
    free_profiles: (k, n) of unit area, one for each free line; free_areas: (k,) their parameters. particle_diameter: µm, for
    microabsorption; None: weights are as the lines say. voigt: lines are Voigt functions; False: pseudo-Voigts.
    """

    two_theta: FloatArray
    instrument: Instrument
    layout: Layout
    phases: tuple[PhaseTerm, ...]
    fitted_phases: int
    fitted: Structure
    watched: Structure
    free_lines: FreeLines
    free_profiles: FloatArray
    free_areas: IntArray
    halos: tuple[tuple[int, int, int], ...]
    halo_names: tuple[tuple[str, str], ...]
    background: FloatArray
    background_rows: IntArray
    tail_tolerance: float
    spread: Spread | None
    particle_diameter: float | None = None
    voigt: bool = True

    @property
    def amounts(self) -> IntArray:
        """The parameters that the model is linear in: of background, scales, halos and free lines."""
        scales, humps = [term.scale for term in self.phases], [area for area, _, _ in self.halos]
        return np.concatenate([self.background_rows, self.free_areas, np.array(scales + humps, dtype=np.int64)])


@dataclass(frozen=True, slots=True, kw_only=True)
class LineList:
    """Every line of every phase and spectral line, then the free lines: (m,) arrays.

    owner: phase number (free lines: −1). group: intensity group within the phase (free lines: their number). unit: calculated
    area at unit scale, without the line's own deviation. share: of a free line's area.
    """

    position: FloatArray
    area: FloatArray
    fwhm: FloatArray
    eta: FloatArray
    unit: FloatArray
    owner: IntArray
    group: IntArray
    share: FloatArray
    nodes: Nodes


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """The model at some values: (n,) calculated counts and what of them is smooth (background and halos), (P, n) each fitted phase at
    unit scale, (m,) how far lines are followed."""

    calculated: FloatArray
    smooth: FloatArray
    parts: FloatArray
    reach: FloatArray


def calculate(model: Model, values: FloatArray, *, reach: FloatArray | None = None) -> Evaluation:
    """The model for the parameter vector `values` (p,). reach: (m,) degrees, as an earlier evaluation had it; None: anew."""
    factor, _ = _intensities(model.phases[: model.fitted_phases], values)
    lines = _listed(model.fitted, values, factor)
    reach = _reach(model, values, lines) if reach is None else reach
    parts = np.zeros((model.fitted_phases, model.two_theta.size))
    add_phases(model.two_theta, model.fitted, lines, _nodes(model, values), reach, parts)
    smooth = smooth_part(model, values)
    return Evaluation(calculated=_total(model, values, parts, smooth), smooth=smooth, parts=parts, reach=reach)


def calculate_with_jacobian(model: Model, values: FloatArray, rows: IntArray, count: int) -> tuple[FloatArray, FloatArray]:
    """(n,) calculated counts and (count, n) derivatives; rows: (p,) row of each parameter in the jacobian, −1 if held."""
    jacobian = np.zeros((count, model.two_theta.size))
    evaluation = add_derivatives(model, values, rows, jacobian)
    return evaluation.calculated, jacobian


def add_derivatives(model: Model, values: FloatArray, rows: IntArray, jacobian: FloatArray) -> Evaluation:
    """The model, and its derivatives added to jacobian (q, n), zero before; rows: as for `calculate_with_jacobian`."""
    factor, slopes = _intensities(model.phases[: model.fitted_phases], values)
    lines = _listed(model.fitted, values, factor)
    reach = _reach(model, values, lines)
    parts = np.zeros((model.fitted_phases, model.two_theta.size))
    add_phases_with_derivatives(
        model.two_theta, model.fitted, values, lines, _nodes(model, values), reach, model.tail_tolerance, slopes, rows, parts, jacobian
    )  # fmt: skip
    linear = ((model.background_rows, model.background), (model.free_areas, model.free_profiles), (model.fitted.phase[:, 0], parts))
    for parameters, terms in linear:
        for row, term in zip(rows[parameters].tolist(), terms, strict=True):
            if row >= 0:
                jacobian[row] = term
    smooth = values[model.background_rows] @ model.background
    for halo in model.halos:
        hump, hump_slopes = halo_profile(model.two_theta, *values[list(halo)])
        smooth = smooth + hump
        for parameter, slope in zip(halo, hump_slopes, strict=True):
            if rows[parameter] >= 0:
                jacobian[rows[parameter]] = slope
    return Evaluation(calculated=_total(model, values, parts, smooth), smooth=smooth, parts=parts, reach=reach)


def smooth_part(model: Model, values: FloatArray) -> FloatArray:
    """(n,) background and halos."""
    total = values[model.background_rows] @ model.background
    for halo in model.halos:
        total = total + halo_profile(model.two_theta, *values[list(halo)])[0]
    return np.asarray(total)


def phase_part(model: Model, lines: LineList, number: int) -> FloatArray:
    """(n,) what one phase contributes (number −1: the free lines together), given the model's lines."""
    reach = line_reach(lines.area, lines.fwhm, lines.eta, tolerance=model.tail_tolerance)
    # the far tails of phases are in the model, those of free lines are not
    reach = reach if number < 0 else FAR * reach
    return np.asarray(add_line_columns(model, lines, np.where(lines.owner == number, 0, -1), lines.area, reach, 1)[0])


def add_line_columns(model: Model, lines: LineList, column: IntArray, coefficient: FloatArray, reach: FloatArray, count: int) -> FloatArray:
    """(count, n) the lines with these areas, each in its column (−1: none)."""
    out = np.zeros((count, model.two_theta.size))
    add_columns(model.two_theta, lines.position, lines.fwhm, lines.eta, lines.nodes, reach, column, coefficient, out)
    return out


def line_list(model: Model, values: FloatArray, *, phases: int | None = None) -> LineList:
    """All lines for these parameter values; of the first `phases` phases only, when given."""
    spectral = len(model.instrument.radiation.lines)
    chosen = model.phases[:phases]
    both = [(model.fitted, model.phases[: model.fitted_phases]), (model.watched, model.phases[model.fitted_phases :])]
    listed = [_listed(structure, values, _intensities(terms, values)[0]) for structure, terms in both if len(chosen) > 0]
    counts = [len(term.reflections.hkl) * spectral for term in chosen]
    m = sum(counts)

    def joined(name: str) -> FloatArray:
        return np.asarray(np.concatenate([getattr(lines, name) for lines in listed])[:m]) if listed else np.zeros(0)

    free = model.free_lines
    owner = np.repeat(np.arange(len(chosen), dtype=np.int64), counts)
    scale = values[np.array([term.scale for term in chosen], dtype=np.int64)][owner]
    strangers = free.position.size
    return LineList(
        position=np.concatenate([joined("position"), free.position]),
        area=np.concatenate([scale * joined("area"), values[free.area] * free.share]),
        fwhm=np.concatenate([joined("fwhm"), free.fwhm]),
        eta=np.concatenate([joined("eta"), free.eta]),
        unit=np.concatenate([joined("unit"), np.zeros(strangers)]),
        owner=np.concatenate([owner, np.full(strangers, -1, dtype=np.int64)]),
        group=np.concatenate([*(np.tile(term.grouping.group, spectral) for term in chosen), free.number]).astype(np.int64),
        share=np.concatenate([np.zeros(m), free.share]),
        nodes=_nodes_with_strangers(model, values, m, strangers),
    )


def _listed(structure: Structure, values: FloatArray, factor: FloatArray) -> Lines:
    lines = empty_lines(structure)
    list_lines(structure, values, factor, lines)
    return lines


def _intensities(terms: Sequence[PhaseTerm], values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(r,) intensity factors of all reflections and (r, A) logarithmic slopes, columns as in `Structure.area_parameter`."""
    if not any(term.effects for term in terms):
        reflections = sum(len(term.reflections.hkl) for term in terms)
        return np.ones(reflections), np.zeros((reflections, 0))
    each = [intensity_factor(term.effects, values, len(term.reflections.hkl)) for term in terms]
    width = max((slopes.shape[1] for _, slopes in each), default=0)
    factor = np.concatenate([factor for factor, _ in each]) if each else np.zeros(0)
    padded = [np.pad(slopes, ((0, 0), (0, width - slopes.shape[1]))) for _, slopes in each]
    return factor, np.concatenate(padded) if padded else np.zeros((0, 0))


def _reach(model: Model, values: FloatArray, lines: Lines) -> FloatArray:
    spectral = model.fitted.wavelength.size
    scale = np.repeat(values[model.fitted.phase[:, 0]], np.diff(model.fitted.first) * spectral)
    return line_reach(scale * lines.area, lines.fwhm, lines.eta, tolerance=model.tail_tolerance, narrowest=_NARROWEST_REACH)


def _nodes(model: Model, values: FloatArray) -> Nodes:
    if model.spread is None:
        return plain_nodes(model.fitted.hkl.shape[0] * model.fitted.wavelength.size, voigt=model.voigt)
    return model.spread.nodes(values)._replace(voigt=model.voigt)


def _nodes_with_strangers(model: Model, values: FloatArray, m: int, strangers: int) -> Nodes:
    """The nodes of the first m lines, and plain ones for free lines."""
    if model.spread is None:
        return plain_nodes(m + strangers, voigt=model.voigt)
    own, plain = model.spread.nodes(values), plain_nodes(strangers)
    width = own.offset.shape[1]
    pad = ((0, 0), (0, width - 1))
    return Nodes(
        np.concatenate([own.number[:m], plain.number]),
        np.concatenate([own.offset[:m], np.pad(plain.offset, pad)]),
        np.concatenate([own.weight[:m], np.pad(plain.weight, pad)]),
        np.zeros((m + strangers, width, 0)),
        np.zeros((m + strangers, width, 0)),
        np.zeros(0, dtype=np.int64),
        model.voigt,
    )


def _total(model: Model, values: FloatArray, parts: FloatArray, smooth: FloatArray) -> FloatArray:
    total = smooth + values[model.fitted.phase[:, 0]] @ parts
    if model.free_areas.size:
        total += values[model.free_areas] @ model.free_profiles
    return np.asarray(total)
