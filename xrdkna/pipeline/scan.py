"""One diffractogram: its peaks, its phases, its whole-pattern fit."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from xrdkna.correct.scan import correct_scan
from xrdkna.errors import DeclinedError, RadiationError
from xrdkna.find.peaks import find_peaks
from xrdkna.match.assign import assign_peaks
from xrdkna.match.contamination import judge_contamination
from xrdkna.match.leftovers import explain_leftovers
from xrdkna.match.lines import index_published_lines
from xrdkna.match.strangers import describe_strangers, neighbours_of
from xrdkna.match.verdicts import judge_phases
from xrdkna.phases.reflections import reflections_of
from xrdkna.physics.bragg import two_theta_from_d
from xrdkna.pipeline.identify import Identified, fit_phases, guess_phases, identify_phases
from xrdkna.pipeline.settings import Settings, instrument_of
from xrdkna.records.index import Index, IndexedPeak, PublishedLine, ScanFacts
from xrdkna.records.instrument import Instrument
from xrdkna.records.peaks import Peaks
from xrdkna.records.phases import Library, Reflections
from xrdkna.records.refinement import FittedLine, Refinement
from xrdkna.records.scan import Pattern, Scan
from xrdkna.records.values import Notice
from xrdkna.refine.forward.build import fitted_points
from xrdkna.refine.forward.halos import require_measured


def find_peaks_of(scan: Scan, settings: Settings) -> tuple[Pattern, Peaks]:
    """The pattern of a scan and the peaks in it, but for those in regions left out of the fit, where nothing could explain them. Raises
    RadiationError without a wavelength."""
    pattern = correct_scan(scan, instrument_of(scan, settings), settings.correct)
    peaks = find_peaks(pattern, settings.find)
    excluded = settings.refine.excluded
    kept = tuple(peak for peak in peaks.peaks if not any(low <= peak.two_theta.value <= high for low, high in excluded))
    return pattern, replace(peaks, peaks=kept)


def require_measured_halos(patterns: Sequence[Pattern], settings: Settings) -> None:
    """Raise UsageError for a named halo that no pattern measures."""
    measured = [pattern.two_theta[fitted_points(pattern, settings.refine)] for pattern in patterns]
    require_measured(settings.refine, measured, wavelength=patterns[0].instrument.radiation.wavelength)


def facts_of(scan: Scan, pattern: Pattern) -> ScanFacts:
    """What identifies the scan an answer is about."""
    return ScanFacts(
        name=scan.name,
        points=len(scan.two_theta),
        two_theta_range=(float(scan.two_theta[0]), float(scan.two_theta[-1])),
        start_time=scan.start_time,
        instrument=pattern.instrument,
        sigma_source=scan.sigma_source,
        end_time=scan.end_time,
        count_time=scan.count_time,
        complete=scan.complete,
        sample=scan.sample,
        temperature_K=scan.temperature_K,
        attenuation=scan.attenuation,
    )


def reflections_for(library: Library, names: tuple[str, ...], instrument: Instrument, two_theta_max: float) -> tuple[Reflections, ...]:
    """The reflections of the chosen phases of the library, a little beyond the pattern's end."""
    upper = min(two_theta_max + 2.0, 175.0)
    return tuple(reflections_of(phase, instrument=instrument, two_theta_max=upper) for phase in library.chosen(names))


def judgeable(reflections: tuple[Reflections, ...]) -> tuple[Reflections, ...]:
    """Those whose intensities are known: where a line should be, but not how strong, nothing can be said to be missing."""
    return tuple(lines for lines in reflections if lines.intensities_known)


def index_scan(scan: Scan, library: Library, settings: Settings) -> Index:
    """Which phases are in this diffractogram, and which line belongs to which."""
    pattern, peaks = find_peaks_of(scan, settings)
    require_measured_halos([pattern], settings)
    reflections = reflections_for(library, settings.phases, pattern.instrument, float(pattern.two_theta[-1]))
    found = identify_phases(pattern, peaks, judgeable(reflections), settings)
    return _index_document(scan, pattern, peaks, found, reflections, settings)


def index_lines(lines: tuple[PublishedLine, ...], library: Library, settings: Settings) -> Index:
    """Judge a published list of lines. Raises RadiationError when the list is in 2θ and no wavelength is given."""
    machine = settings.machine
    radiation, geometry = settings.radiation or machine.radiation, settings.geometry or machine.geometry or "Bragg-Brentano"
    if radiation is None:
        raise RadiationError("a list of lines does not say its wavelength; give --radiation, for example CuKa or 0.4939.")
    radius = settings.radius_mm if settings.radius_mm is not None else machine.radius_mm
    instrument = Instrument(radiation=radiation, geometry=geometry, radius_mm=radius)
    spacings = np.array([line.d_spacing for line in lines if line.d_spacing is not None])
    angles = [line.two_theta for line in lines if line.two_theta is not None]
    angles += two_theta_from_d(spacings, wavelength=radiation.wavelength).tolist()
    reflections = judgeable(reflections_for(library, settings.phases, instrument, max(angles, default=90.0)))
    return index_published_lines(lines, reflections, instrument=instrument, settings=settings.lines)


def refine_scan(scan: Scan, library: Library, settings: Settings, *, progress: Callable[[str], None] | None = None) -> Index:
    """The whole-pattern fit with the chosen phases (none chosen: those that indexing finds, and those whose intensities are to be
    extracted), and what it says of each.

    progress is told one line a stage of the plan, as it ends.
    """
    pattern, peaks = find_peaks_of(scan, settings)
    require_measured_halos([pattern], settings)
    extracted = settings.refine.extracted
    library.chosen(extracted)
    names = tuple(dict.fromkeys((*settings.phases, *extracted))) if settings.phases else ()
    every = reflections_for(library, names, pattern.instrument, float(pattern.two_theta[-1]))
    reflections = judgeable(every)
    there, previous = tuple(lines for lines in every if lines.intensities_known or lines.phase in extracted), None
    if not settings.phases:
        # The user's parameters belong to the final fit, not to the search for its phases.
        free = replace(settings, refine=replace(settings.refine, parameters={}, intensities={}, confidence=()))
        previous = identify_phases(pattern, peaks, reflections, free)
        there = tuple(lines for lines in there if lines.phase in extracted or lines.phase not in previous.watched)
        if not there:
            raise DeclinedError(f"no phase of the library is found in {scan.name}; name the phases to refine with --phases.")
    candidates = guess_phases(pattern, peaks.peaks, there, settings)
    before = previous.refinement if previous else None
    refinement = fit_phases(pattern, peaks, there, (), candidates, settings, before, progress=progress)
    verdicts = judge_phases(refinement, peaks=peaks.peaks, settings=settings.match)
    return _index_document(scan, pattern, peaks, Identified(refinement, verdicts, ()), every, settings)


def _index_document(
    scan: Scan, pattern: Pattern, peaks: Peaks, found: Identified, reflections: Sequence[Reflections], settings: Settings
) -> Index:
    lines, undecided = _explaining(found)
    explained = explain_leftovers(assign_peaks(peaks.peaks, lines, undecided=undecided), lines, pattern.instrument)
    fitted = found.refinement.parameter("displacement")
    displacement = 0.0 if fitted is None else fitted.value.value
    neighbours = neighbours_of(reflections, pattern.instrument, displacement=displacement, settings=settings.match)
    indexed = describe_strangers(explained, neighbours, found.refinement)
    return Index(
        scan=facts_of(scan, pattern),
        peaks=indexed,
        phases=found.verdicts,
        contamination=judge_contamination(found.verdicts, found.refinement, indexed),
        halos=peaks.halos,
        verdict=found.refinement.verdict,
        notices=(*pattern.notices, *peaks.notices, *found.refinement.notices, *_doubts(found.refinement, indexed)),
        refinement=found.refinement,
    )


def _explaining(found: Identified) -> tuple[list[FittedLine], set[str]]:
    """The lines that may explain a peak, and the phases among them that are undecided."""
    undecided = {verdict.phase for verdict in found.verdicts if verdict.verdict == "undecided"}
    known = {verdict.phase for verdict in found.verdicts if verdict.verdict != "absent"} - set(found.watched)
    return [line for line in found.refinement.lines if line.phase in known], undecided


def _doubts(refinement: Refinement, indexed: Sequence[IndexedPeak]) -> tuple[Notice, ...]:
    notices = []
    if refinement.verdict != "accepted":
        notices.append(Notice(code=f"fit-{refinement.verdict}", severity="warning", sentence=" ".join(refinement.reasons)))
    strange = [f"{peak.peak.two_theta.value:.2f}°" for peak in indexed if peak.status == "unindexed"]
    if strange:
        notices.append(
            Notice(
                code="unindexed",
                severity="warning",
                sentence=f"No phase explains the lines at {', '.join(strange[:12])}{' …' if len(strange) > 12 else ''}.",
                remedy="Add the phase they may belong to with --cif FILE.",
            )
        )
    return tuple(notices)
