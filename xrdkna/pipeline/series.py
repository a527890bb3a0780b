"""A series: a survey says who may be there, then each scan is observed in turn and the track room reads the result."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np

from xrdkna.errors import DataError, DeclinedError
from xrdkna.match.assign import assign_peaks
from xrdkna.match.leftovers import explain_leftovers
from xrdkna.match.verdicts import judge_coincidence
from xrdkna.physics.bragg import two_theta_from_d
from xrdkna.physics.evidence import phase_evidence, with_strangers_settled
from xrdkna.physics.lattice import free_cell_parameters
from xrdkna.pipeline.identify import asking_phases
from xrdkna.pipeline.scan import find_peaks_of
from xrdkna.pipeline.settings import Settings, robust, settings_for_series
from xrdkna.pipeline.survey import Survey, survey_series
from xrdkna.records.index import Assignment
from xrdkna.records.peaks import Peaks
from xrdkna.records.phases import Library
from xrdkna.records.refinement import IntensityInformation, Refinement
from xrdkna.records.scan import Pattern, Scan
from xrdkna.records.series import Series
from xrdkna.records.track import Observation, Track
from xrdkna.records.values import Estimate
from xrdkna.refine.layout import tag
from xrdkna.refine.refine import refine_pattern
from xrdkna.refine.threads import one_thread
from xrdkna.track.chain import track_series as follow

# Phases that come into, or leave, the fit of one scan are tried at most this often.
_REFITS = 2
# A phase leaves the fit of a scan below this evidence; above `present_sigmas` it comes in. Between, it stays as it was.
_LEAVES_BELOW = 3.0
# A sum of scans fits worse than one of them (its noise is smaller): a scan beyond this multiple of it is out of line.
_OUT_OF_LINE = 2.0
# A reflection this near (degrees), and at least this strong in its phase, is a candidate for an unexplained line.
_NEAR = 0.25
_CANDIDATE_SHARE = 0.03
_MOST_CANDIDATES = 5


def track_series(series: Series, library: Library, settings: Settings, *, progress: Callable[[int, int], None] | None = None) -> Track:
    """What appears, vanishes and changes along the series. progress is told (scans done, scans in all).

    Raises DeclinedError when no scan can be used, RadiationError when no wavelength is known.
    """
    settings = robust(settings_for_series(settings, series.setup))
    survey = survey_series(series, library, settings)
    following = replace(settings.track, marker=settings.marker)
    with one_thread():
        return follow(
            series,
            partial(observe_scan, survey=survey, settings=settings),
            following,
            progress=progress,
            candidates=partial(reflections_near, survey=survey),
            confirm=partial(objection_to, survey=survey, settings=settings),
        )


def observe_scan(scan: Scan, previous: Observation | None, *, survey: Survey, settings: Settings) -> Observation:
    """One scan of a series: fitted from where the previous one ended, and what it says of every followed reflection.

    A phase is in the fit only where it shows; elsewhere it is held at zero at its known cell, for a cell that is free to
    look for its phase in the noise would find it there.
    """
    pattern, peaks = find_peaks_of(scan, settings)
    _same_range(scan, pattern, survey)
    start = dict(previous.restart) if previous is not None else dict(survey.start)
    inside = survey.fitted_in(start)
    refinement = _fit(pattern, inside, start, survey, settings)
    for _ in range(_REFITS):
        wanted = _wanted(refinement, peaks, inside, survey, settings)
        if wanted == inside:
            break
        inside = wanted
        refinement = _fit(pattern, inside, start, survey, settings)
    return _observation(scan, peaks, refinement, inside, survey)


def reflections_near(two_theta: float, *, survey: Survey) -> tuple[Assignment, ...]:
    """Reflections of the library near an angle, nearest first."""
    found: list[tuple[float, Assignment]] = []
    for lines in survey.reflections:
        angle = two_theta_from_d(lines.d_spacing, wavelength=survey.instrument.radiation.wavelength)
        strength = lines.multiplicity * lines.f_squared
        for i in np.flatnonzero((np.abs(angle - two_theta) < _NEAR) & (strength > _CANDIDATE_SHARE * strength.max(initial=0.0))):
            h, k, l = (int(index) for index in lines.hkl[i])
            share = float(strength[i] / strength.max())
            found.append((abs(angle[i] - two_theta), Assignment(phase=lines.phase, hkl=(h, k, l), two_theta=float(angle[i]), share=share)))
    return tuple(assignment for _, assignment in sorted(found, key=lambda pair: pair[0])[:_MOST_CANDIDATES])


def objection_to(information: IntensityInformation, phase: str, *, survey: Survey, settings: Settings) -> str | None:
    """Why the summed evidence of a phase's scans is not to be believed; None when it is."""
    lines = next(lines for lines in survey.followed if lines.phase == phase)
    evidence = phase_evidence(information, phase, texture_sd=survey.texture_sd)
    parameters = len(free_cell_parameters(lines.crystal_system, lines.cell))
    verdict, reasons = judge_coincidence(evidence, survey.unexplained, role=lines.role, cell_parameters=parameters, settings=settings.match)
    return None if verdict == "present" else " ".join(reasons)


def _same_range(scan: Scan, pattern: Pattern, survey: Survey) -> None:
    if pattern.instrument.radiation != survey.instrument.radiation:
        raise DeclinedError(
            f"{scan.name} was measured with {pattern.instrument.radiation.name}, the series with {survey.instrument.radiation.name}; "
            "give one --radiation for all, or take it out of the series."
        )
    if not np.any(scan.intensity > 0):
        raise DataError(f"{scan.name} holds no counts at all; it is left out.")


def _fit(pattern: Pattern, inside: frozenset[str], start: dict[str, float], survey: Survey, settings: Settings) -> Refinement:
    there = [lines for lines in survey.followed if lines.phase in inside]
    watched = [lines for lines in survey.followed if lines.phase not in inside]
    known = {**survey.start, **start}
    common = partial(
        refine_pattern,
        pattern,
        there,
        settings.refine,
        fwhm=survey.fwhm,
        halos=survey.halos,
        unexplained=survey.unexplained,
        watched=[survey.at_known_cell(lines) for lines in watched],
        texture_sd=survey.texture_sd,
    )
    warm = common(start=known)
    # A warm start that ended in the wrong place must not decide; the stages find the way from further off.
    return warm if warm.verdict in ("accepted", "doubtful") else common(initial=survey.start)


def _wanted(refinement: Refinement, peaks: Peaks, inside: frozenset[str], survey: Survey, settings: Settings) -> frozenset[str]:
    watched = [lines for lines in survey.followed if lines.phase not in inside]
    fits = [fit for fit in refinement.phases if fit.phase in inside]
    leave = {fit.phase for fit in fits if fit.significance < _LEAVES_BELOW}
    return (inside | asking_phases(peaks, refinement, watched, settings).keys()) - leave


def _observation(scan: Scan, peaks: Peaks, refinement: Refinement, inside: frozenset[str], survey: Survey) -> Observation:
    there = [line for line in refinement.lines if line.phase in inside]
    explained = explain_leftovers(assign_peaks(peaks.peaks, there), there, survey.instrument)
    loose = [indexed.peak for indexed in explained if indexed.status == "unindexed"]
    names = {tag(phase) for phase in inside}
    restart = {
        parameter.name: parameter.value.value
        for parameter in refinement.parameters
        if "_" not in parameter.name or not parameter.name.startswith("scale_") or parameter.name.removeprefix("scale_") in names
    }
    return Observation(
        information=with_strangers_settled(refinement.information),
        values=_values(refinement, inside),
        unindexed=tuple(loose),
        two_theta_range=(float(refinement.two_theta[0]), float(refinement.two_theta[-1])),
        verdict=_verdict_in_series(refinement, survey),
        reasons=refinement.reasons,
        start=scan.start_time,
        end=scan.end_time,
        restart=restart,
    )


def _verdict_in_series(refinement: Refinement, survey: Survey) -> str:
    """What is static and not in the library (a casing, a current collector) spoils every fit alike; only a scan that fits
    worse than the survey's sums of scans did is out of line."""
    usual = refinement.gof < _OUT_OF_LINE * survey.gof
    return "doubtful" if refinement.verdict == "rejected" and usual else refinement.verdict


def _values(refinement: Refinement, inside: frozenset[str]) -> dict[tuple[str, str], Estimate]:
    """The estimates that become trajectories, by quantity and phase ("" for those of the whole scan)."""
    values = {
        ("rwp", ""): Estimate(value=refinement.rwp, esd=None, unit=""),
        ("gof", ""): Estimate(value=refinement.gof, esd=None, unit=""),
    }
    values |= {("halo_area", halo.name): halo.area for halo in refinement.halos}
    for fit in refinement.phases:
        if fit.detection_limit is not None:
            values["detection_limit", fit.phase] = fit.detection_limit
        if fit.phase not in inside:
            continue
        if fit.weight_fraction is not None:
            values["weight_fraction", fit.phase] = fit.weight_fraction
        values["scale", fit.phase] = fit.scale
        values |= {(name, fit.phase): estimate for name, estimate in fit.cell.items()}
        if fit.displacement is not None:
            values["displacement", ""] = fit.displacement
    return values
