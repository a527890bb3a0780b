"""A solved model as a Refinement: cells, weights, widths, texture, each with its esd."""

from collections.abc import Sequence

import numpy as np

from xrdkna.records.arrays import IntArray
from xrdkna.records.peaks import Halo
from xrdkna.records.refinement import UNEXPLAINED, FittedLine, Parameter, Refinement
from xrdkna.records.values import Estimate
from xrdkna.refine.forward.extracted import EXTRACTED, extraction_notices, shared_esds
from xrdkna.refine.forward.layout import TELLING_BOUNDS
from xrdkna.refine.forward.model import LineList, line_list, phase_part, smooth_part
from xrdkna.refine.forward.structure import PhaseTerm
from xrdkna.refine.forward.weights import grain_words
from xrdkna.refine.search.fit import Fitted
from xrdkna.refine.trust.doubts import doubts_of, ghost_notices, ghost_phases
from xrdkna.refine.trust.estimates import estimate_of, inflation_of
from xrdkna.refine.trust.identifiability import beside_each_other, hidden_phases, hidden_words, separability_notices, worth_of_phases
from xrdkna.refine.trust.information import intensity_information
from xrdkna.refine.trust.notices import correlations, free_line_share, narrow_lines, partial_weights
from xrdkna.refine.trust.phase_fits import phase_fits
from xrdkna.refine.trust.quality import agreement, judge, misfit_sigmas, residual_share


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
    phases = phase_fits(fitted, every, information, radius_mm, worth_of_phases(fitted, besides))
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
        free_line_share=free_line_share(every),
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
            *correlations(fitted),
            *narrow_lines(fitted, every, phases),
            *partial_weights(fitted, every),
            *grain_words(model, values),
            *ghost_notices(ghosts),
            *separability_notices(fitted, hidden),
        ),
        inflation=inflation_of(fitted),
        steps=fitted.steps,
        evaluations=fitted.evaluations,
        texture_sd=fitted.texture_sd,
        lines=lines,
    )


def _parameters(fitted: Fitted, expressions: dict[str, str]) -> tuple[Parameter, ...]:
    parameters = []
    for i, slot in enumerate(fitted.model.layout.slots):
        if slot.kind in EXTRACTED:
            continue
        low, high = float(fitted.lower[i]), float(fitted.upper[i])
        value, moved = float(fitted.values[i]), bool(fitted.moving[i])
        tied = slot.name in expressions
        estimate = estimate_of(fitted, i, slot.unit) if moved or tied else Estimate(value=value, esd=None, unit=slot.unit)
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
        group_esd[term.grouping.group[members]] = estimate_of(fitted, int(parameter), "").esd * unit[members].sum()
    esds = shared_esds(term, lines.area[block].sum(axis=0), unit, group_esd)
    return [float(esd) if esd > 0.0 else None for esd in esds]


def _halos(fitted: Fitted) -> tuple[Halo, ...]:
    halos = []
    for (area, center, fwhm), (name, _) in zip(fitted.model.halos, fitted.model.halo_names, strict=True):
        estimate = estimate_of(fitted, area, "counts·°")
        snr = estimate.value / estimate.esd if estimate.esd else 0.0
        place, width = estimate_of(fitted, center, "°"), estimate_of(fitted, fwhm, "°")
        halos.append(Halo(two_theta=place, fwhm=width, area=estimate, snr=snr, name=name))
    return tuple(halos)
