"""A solved model as a Refinement: cells, weights, widths, texture, each with its esd."""

from collections.abc import Sequence

import numpy as np

from xrdkna.physics.bragg import displacement_mm
from xrdkna.physics.evidence import phase_evidence
from xrdkna.physics.profile import size_from_x, strain_from_y
from xrdkna.records.arrays import FloatArray, IntArray
from xrdkna.records.peaks import Halo
from xrdkna.records.refinement import UNEXPLAINED, FittedLine, IntensityInformation, Parameter, PhaseFit, Refinement
from xrdkna.records.values import Estimate, Notice
from xrdkna.refine.detection import limiting_scale
from xrdkna.refine.doubts import doubts_of, ghost_notices, ghost_phases
from xrdkna.refine.extracted import EXTRACTED, extraction_notices, shared_esds
from xrdkna.refine.fit import Fitted
from xrdkna.refine.identifiability import beside_each_other, hidden_phases, hidden_words, separability_notices, worth_of_phases
from xrdkna.refine.information import intensity_information
from xrdkna.refine.layout import TELLING_BOUNDS
from xrdkna.refine.model import LineList, line_list, phase_part, smooth_part
from xrdkna.refine.quality import agreement, judge, misfit_sigmas, residual_share
from xrdkna.refine.structure import PhaseTerm
from xrdkna.refine.weights import grain_words, weight_fractions

# A correlation this close to ±1 means that two parameters were not measured separately.
NOTABLE_CORRELATION = 0.9
# Share of the diffracted intensity in lines of no phase from which weight fractions need a word.
NOTABLE_UNKNOWN = 0.1


def refinement_of(name: str, fitted: Fitted, *, radius_mm: float | None, expressions: dict[str, str]) -> Refinement:
    """The Refinement record of a solved model. radius_mm: to give the displacement as a length, None leaves it an angle."""
    model, values = fitted.model, fitted.values
    background = smooth_part(model, values)
    rwp, rexp, gof = agreement(fitted.observed, fitted.sigma, fitted.calculated, int(fitted.moving.sum()))
    every = line_list(model, values)
    information = intensity_information(fitted)
    parameters = _parameters(fitted, expressions)
    residual = residual_share(fitted.observed, fitted.counting_weight, fitted.calculated, background)
    besides = beside_each_other(fitted)
    phases = _phase_fits(fitted, every, information, radius_mm, worth_of_phases(fitted, besides))
    ghosts = ghost_phases(fitted, every, phases)
    weights = [phase.weight_fraction or Estimate(value=0.0, esd=0.0, unit="") for phase in phases]
    hidden = hidden_phases(
        fitted, besides, np.array([weight.value for weight in weights]), np.array([weight.esd or 0.0 for weight in weights])
    )
    verdict, reasons = judge(
        converged=fitted.converged,
        gof=gof,
        residual=residual,
        at_bound=_telling_bounds(fitted, parameters),
        free_line_share=_free_line_share(every),
        misfit_sigmas=misfit_sigmas(fitted.observed, fitted.counting_weight, fitted.calculated),
        doubts=(*doubts_of(fitted, every, phases, background, ghosts), *hidden_words(hidden)),
    )
    lines = _lines(fitted, every)
    fitted_phases = enumerate(model.phases[: model.fitted_phases])
    parts = {term.reflections.phase: phase_part(model, every, number) for number, term in fitted_phases}
    if model.free_areas.size:
        parts[UNEXPLAINED] = phase_part(model, every, -1)
    return Refinement(
        name=name,
        two_theta=model.two_theta,
        observed=fitted.observed,
        sigma=fitted.sigma,
        calculated=fitted.calculated,
        background=background,
        contributions=parts,
        ticks={
            term.reflections.phase: tuple((line.hkl, line.two_theta) for line in lines if line.phase == term.reflections.phase)
            for term in model.phases
        },
        parameters=parameters,
        phases=phases,
        halos=_halos(fitted),
        information=information,
        rwp=rwp,
        rexp=rexp,
        gof=gof,
        verdict=verdict,
        reasons=reasons,
        notices=(
            *extraction_notices(model.phases),
            *_correlations(fitted),
            *_partial_weights(fitted, every),
            *grain_words(model, values),
            *ghost_notices(ghosts),
            *separability_notices(fitted, hidden),
        ),
        inflation=_inflation(fitted),
        steps=fitted.steps,
        evaluations=fitted.evaluations,
        texture_sd=fitted.texture_sd,
        lines=lines,
    )


def _esd(fitted: Fitted, slope: FloatArray) -> float:
    """esd of a quantity with this gradient (p,), scaled by √χ² of the fit where it exceeds 1."""
    return float(np.sqrt(max(float(slope @ fitted.covariance @ slope), 0.0))) * _inflation(fitted)


def _inflation(fitted: Fitted) -> float:
    freedom = max(fitted.observed.size - int(fitted.moving.sum()), 1)
    return max(1.0, float(np.sqrt(np.sum(fitted.weight * (fitted.observed - fitted.calculated) ** 2) / freedom)))


def _value(fitted: Fitted, parameter: int, unit: str) -> Estimate:
    slope = np.zeros(fitted.values.size)
    slope[parameter] = 1.0
    return Estimate(value=float(fitted.values[parameter]), esd=_esd(fitted, slope), unit=unit)


def _parameters(fitted: Fitted, expressions: dict[str, str]) -> tuple[Parameter, ...]:
    parameters = []
    for i, slot in enumerate(fitted.model.layout.slots):
        if slot.kind in EXTRACTED:
            continue
        low, high = float(fitted.lower[i]), float(fitted.upper[i])
        value, moved = float(fitted.values[i]), bool(fitted.moving[i])
        tied = slot.name in expressions
        estimate = _value(fitted, i, slot.unit) if moved or tied else Estimate(value=value, esd=None, unit=slot.unit)
        parameters.append(
            Parameter(
                name=slot.name,
                value=estimate,
                lower=low if np.isfinite(low) else None,
                upper=high if np.isfinite(high) else None,
                at_bound=moved and (value <= low or value >= high),
                refined=moved,
                expr=expressions.get(slot.name),
            )
        )
    return tuple(parameters)


def _telling_bounds(fitted: Fitted, parameters: Sequence[Parameter]) -> tuple[str, ...]:
    kinds = {slot.name: slot.kind for slot in fitted.model.layout.slots}
    return tuple(parameter.name for parameter in parameters if parameter.at_bound and kinds[parameter.name] in TELLING_BOUNDS)


def _phase_fits(
    fitted: Fitted, lines: LineList, information: IntensityInformation, radius_mm: float | None, worth: FloatArray
) -> tuple[PhaseFit, ...]:
    """worth: (k,) what χ² would rise by without each phase."""
    fractions, slopes, factor = weight_fractions(fitted.model, fitted.values)
    total = float(sum(fitted.values[term.scale] * factor[k] for k, term in enumerate(fitted.model.phases)))
    low, high = fitted.model.two_theta[0], fitted.model.two_theta[-1]
    fits = []
    for k, term in enumerate(fitted.model.phases):
        name = term.reflections.phase
        evidence = phase_evidence(information, name, texture_sd=fitted.texture_sd)
        inside = (lines.owner == k) & (lines.position > low) & (lines.position < high)
        unit_area = float(lines.unit[inside].sum())
        weighed = not term.reflections.positions_only and term.intensities == "structure" and total > 0.0
        limit = None
        if evidence is not None and weighed and unit_area > 0.0:
            amount = limiting_scale(fitted, k, esd=evidence.esd / unit_area) * factor[k]
            limit = Estimate(value=float(amount / (total + amount)), esd=None, unit="")
        fits.append(
            PhaseFit(
                phase=name,
                role=term.reflections.role,
                scale=_value(fitted, term.scale, "") if term.intensities == "structure" else Estimate(value=1.0, esd=None, unit=""),
                weight_fraction=Estimate(value=float(fractions[k]), esd=_esd(fitted, slopes[k]), unit="") if weighed else None,
                detection_limit=limit,
                cell=_cell(fitted, term),
                size=_size(fitted, term),
                strain=_strain(fitted, term),
                displacement=_displacement(fitted, radius_mm),
                texture=_texture(fitted, term),
                significance=evidence.significance if evidence is not None else 0.0,
                delta_chi_squared=float(worth[k]),
                intensities=term.intensities,
            )
        )
    return tuple(fits)


def _cell(fitted: Fitted, term: PhaseTerm) -> dict[str, Estimate]:
    return {
        name: _value(fitted, int(parameter), "°" if len(name) > 1 else "Å")
        for name, parameter in zip(term.cell_names, term.cell, strict=True)
    }


def _size(fitted: Fitted, term: PhaseTerm) -> Estimate | None:
    """Apparent size; a lower bound where the instrument's own share of the width is not known."""
    x = _lorentzian(fitted, fitted.model.layout.index["x"], term.x)
    if x.esd is None or x.value <= 2.0 * x.esd or x.value <= 1e-4:
        return None
    size = size_from_x(x.value, wavelength=fitted.model.instrument.radiation.wavelength)
    return Estimate(value=size, esd=size * x.esd / x.value, unit="Å")


def _strain(fitted: Fitted, term: PhaseTerm) -> Estimate | None:
    y = _lorentzian(fitted, fitted.model.layout.index["y"], term.y)
    if y.esd is None or y.value <= 2.0 * y.esd or y.value <= 1e-4:
        return None
    return Estimate(value=strain_from_y(y.value), esd=strain_from_y(y.esd), unit="")


def _lorentzian(fitted: Fitted, shared: int, own: int) -> Estimate:
    """A phase's width in degrees: its own beside a machine's that is known (held), and both together where all was fitted."""
    counted = [shared, own] if fitted.moving[shared] else [own]
    slope = np.zeros(fitted.values.size)
    slope[counted] = 1.0
    return Estimate(value=float(fitted.values[counted].sum()), esd=_esd(fitted, slope), unit="°")


def _displacement(fitted: Fitted, radius_mm: float | None) -> Estimate:
    angle = _value(fitted, fitted.model.layout.index["displacement"], "°")
    if radius_mm is None or angle.esd is None:
        return angle
    geometry = fitted.model.instrument.geometry
    return Estimate(
        value=displacement_mm(angle.value, radius_mm=radius_mm, geometry=geometry),
        esd=displacement_mm(angle.esd, radius_mm=radius_mm, geometry=geometry),
        unit="mm",
    )


def _texture(fitted: Fitted, term: PhaseTerm) -> dict[str, Estimate]:
    """Intensity of each strong group over the calculated one: 1 is no texture."""
    texture: dict[str, Estimate] = {}
    if term.intensities in EXTRACTED:
        return texture
    for parameter in dict.fromkeys(int(i) for i in term.texture if i >= 0):
        group = int(term.grouping.group[np.flatnonzero(term.texture == parameter)[0]])
        h, k, l = (int(index) for index in term.reflections.hkl[term.grouping.leader[group]])
        deviation = _value(fitted, parameter, "")
        texture[f"{h} {k} {l}"] = Estimate(value=1.0 + deviation.value, esd=deviation.esd, unit="")
    return texture


def _lines(fitted: Fitted, lines: LineList) -> tuple[FittedLine, ...]:
    """Every reflection of every phase within the pattern."""
    lowest, highest = fitted.model.two_theta[0], fitted.model.two_theta[-1]
    spectral = len(fitted.model.instrument.radiation.lines)
    rows = []
    for number, term in enumerate(fitted.model.phases):
        # One row a reflection and spectral line, spectral line by spectral line; the first block has the positions to quote.
        block = np.flatnonzero(lines.owner == number).reshape(spectral, len(term.reflections.hkl))
        area_esd = _area_esds(fitted, term, lines, block)
        for hkl, where, esd in zip(term.reflections.hkl.tolist(), block.T, area_esd, strict=True):
            if lowest <= lines.position[where[0]] <= highest:
                rows.append(
                    FittedLine(
                        phase=term.reflections.phase,
                        hkl=(hkl[0], hkl[1], hkl[2]),
                        two_theta=float(lines.position[where[0]]),
                        area=float(lines.area[where].sum()),
                        fwhm=float(lines.fwhm[where[0]]),
                        area_esd=esd,
                    )
                )
    return tuple(rows)


def _area_esds(fitted: Fitted, term: PhaseTerm, lines: LineList, block: IntArray) -> list[float | None]:
    """esd of each reflection's area where it was taken from the pattern; block: (l, n) its lines."""
    if term.intensities not in EXTRACTED:
        return [None] * len(term.reflections.hkl)
    unit = lines.unit[block].sum(axis=0)
    group_esd = np.zeros(len(term.grouping.leader))
    for parameter in np.unique(term.texture[term.texture >= 0]):
        members = term.texture == parameter
        group_esd[term.grouping.group[members]] = _value(fitted, int(parameter), "").esd * unit[members].sum()
    esds = shared_esds(term, lines.area[block].sum(axis=0), unit, group_esd)
    return [float(esd) if esd > 0.0 else None for esd in esds]


def _halos(fitted: Fitted) -> tuple[Halo, ...]:
    halos = []
    for (area, center, fwhm), (name, _) in zip(fitted.model.halos, fitted.model.halo_names, strict=True):
        estimate = _value(fitted, area, "counts·°")
        snr = estimate.value / estimate.esd if estimate.esd else 0.0
        place, width = _value(fitted, center, "°"), _value(fitted, fwhm, "°")
        halos.append(Halo(two_theta=place, fwhm=width, area=estimate, snr=snr, name=name))
    return tuple(halos)


def _free_line_share(lines: LineList) -> float:
    total = float(lines.area.sum())
    return float(lines.area[lines.owner < 0].sum()) / total if total > 0.0 else 0.0


def _partial_weights(fitted: Fitted, lines: LineList) -> tuple[Notice, ...]:
    """Weights are of what the model knows; worth saying when much of the pattern is something else."""
    unknown = _free_line_share(lines)
    if unknown < NOTABLE_UNKNOWN or not any(fitted.values[term.scale] > 0.0 for term in fitted.model.phases):
        return ()
    sentence = f"{100 * unknown:.0f} % of the diffracted intensity belongs to no phase here: weight fractions are of the known part only."
    return (Notice(code="weights-partial", severity="warning", sentence=sentence, remedy="Add the missing phase with --cif FILE."),)


def _correlations(fitted: Fitted) -> tuple[Notice, ...]:
    """Pairs of cells, positions and scales that were not measured separately; widths trade places in every fit and are left out."""
    telling = [i for i in np.flatnonzero(fitted.moving) if fitted.model.layout.slots[i].kind in ("position", "cell", "scale")]
    esd = np.sqrt(np.maximum(np.diag(fitted.covariance), 1e-300))
    pairs = [
        f"{fitted.model.layout.slots[i].name} with {fitted.model.layout.slots[j].name} ({c:+.3f})"
        for n, i in enumerate(telling)
        for j in telling[n + 1 :]
        if abs(c := fitted.covariance[i, j] / (esd[i] * esd[j])) > NOTABLE_CORRELATION
    ]
    if not pairs:
        return ()
    sentence = f"Not measured separately (correlation above {NOTABLE_CORRELATION:g}): {'; '.join(pairs)}."
    return (
        Notice(code="correlated", severity="info", sentence=sentence, remedy="Read these parameters together, or hold one of each pair."),
    )
