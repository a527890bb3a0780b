"""A series: a survey says who may be there, then each scan is observed in turn and the track room reads the result."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np

from xrdkna.match.coincidence import chance_of_coincidence
from xrdkna.match.strangers import neighbours_of
from xrdkna.match.verdicts import judge_coincidence
from xrdkna.physics.bragg import two_theta_from_d
from xrdkna.physics.evidence import phase_evidence
from xrdkna.physics.lattice import free_cell_parameters
from xrdkna.pipeline.observe import Observer
from xrdkna.pipeline.settings import Settings, robust, settings_for_series
from xrdkna.pipeline.survey import Survey, survey_series
from xrdkna.records.index import Assignment
from xrdkna.records.phases import Library
from xrdkna.records.refinement import IntensityInformation
from xrdkna.records.series import Series
from xrdkna.records.track import Track
from xrdkna.refine.threads import one_thread
from xrdkna.track.chain import track_series as follow

# A reflection this near (degrees), and at least this strong in its phase, is a candidate for an unexplained line.
_NEAR = 0.25
_CANDIDATE_SHARE = 0.03
_MOST_CANDIDATES = 5
# A phase that the track believes in, and that its scans added up give less than this many sigmas, is contradicted by them.
_CONTRADICTED = 3.0


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
            Observer(survey, settings),
            following,
            progress=progress,
            candidates=partial(reflections_near, survey=survey),
            confirm=partial(objection_to, survey=survey, settings=settings),
            coincidence=partial(coincidence_of, survey=survey, settings=settings),
            neighbours=neighbours_of(
                survey.reflections, survey.instrument, displacement=survey.start.get("displacement", 0.0), settings=settings.match
            ),
        )


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


def objection_to(information: IntensityInformation, phase: str, agreed: bool, *, survey: Survey, settings: Settings) -> str | None:
    """Why the summed evidence of a phase's scans is not to be believed; None when it is. agreed: several of its lines show beside hardware
    as it was learned, of which the sum knows nothing; what is left to ask is whether they could be a stranger's."""
    if agreed:
        return coincidence_of(information, phase, survey=survey, settings=settings)
    lines = next(lines for lines in survey.followed if lines.phase == phase)
    evidence = phase_evidence(information, phase, texture_sd=survey.texture_sd)
    parameters = len(free_cell_parameters(lines.crystal_system, lines.cell))
    # How sure is sure the track itself has said; here its lines are asked whether they contradict it.
    asked = replace(settings.match, present_sigmas=_CONTRADICTED, absent_sigmas=_CONTRADICTED)
    verdict, reasons = judge_coincidence(evidence, survey.unexplained, role=lines.role, cell_parameters=parameters, settings=asked)
    return None if verdict == "present" else " ".join(reasons)


def coincidence_of(information: IntensityInformation, phase: str, *, survey: Survey, settings: Settings) -> str | None:
    """Why the lines of a phase in its summed scans may be those of something unknown; None where chance hardly meets so many."""
    lines = next(lines for lines in survey.followed if lines.phase == phase)
    evidence = phase_evidence(information, phase, texture_sd=survey.texture_sd)
    if evidence is None or not survey.unexplained:
        return None
    parameters = len(free_cell_parameters(lines.crystal_system, lines.cell))
    chance = chance_of_coincidence(evidence.groups, survey.unexplained, cell_parameters=parameters, settings=settings.match)
    if chance <= settings.match.chance_present:
        return None
    return f"{len(survey.unexplained)} lines here belong to no phase, and by chance some of them may be at {phase}'s places."
