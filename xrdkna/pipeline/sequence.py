"""A series scan by scan through the fast fit: cells, weights and widths along time, without a word on who appears when."""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from xrdkna.correct.scan import prepare_scan
from xrdkna.errors import DataError, DeclinedError, RadiationError
from xrdkna.pipeline.identify import typical_fwhm
from xrdkna.pipeline.scan import find_peaks_of, judgeable, reflections_for, require_measured_halos
from xrdkna.pipeline.settings import Settings, instrument_of, settings_for_series
from xrdkna.pipeline.survey import distinct_halos, survey_series
from xrdkna.records.instrument import Instrument
from xrdkna.records.peaks import Halo, Peak
from xrdkna.records.phases import Library, Reflections
from xrdkna.records.scan import Pattern, Scan
from xrdkna.records.series import Series
from xrdkna.records.series_fit import LeftOut, ScanFit
from xrdkna.refine.following.chain import follow_patterns


@dataclass(frozen=True, slots=True)
class _Beginning:
    """What the chain starts with, learned from a few scans."""

    instrument: Instrument
    reflections: tuple[Reflections, ...]
    fwhm: float
    halos: tuple[Halo, ...]
    unexplained: tuple[Peak, ...] = ()


def refine_series(series: Series, library: Library, settings: Settings) -> Iterator[ScanFit | LeftOut]:
    """The fit of every scan in order, as it is done, each from the last good one; a scan that cannot be used is left out, with the
    reason, in its place.

    The phases are the chosen ones, or those that a survey of the series shows. Memory does not grow with the series.
    Raises DeclinedError when no scan can be used or no phase is found, RadiationError when no wavelength is known.
    """
    settings = settings_for_series(settings, series.setup)
    beginning = _beginning(series, library, settings)
    waiting: deque[LeftOut] = deque()
    patterns = _patterns(series, settings, beginning.instrument, waiting)
    fits = follow_patterns(
        patterns,
        beginning.reflections,
        settings.refine,
        fwhm=beginning.fwhm,
        halos=beginning.halos,
        unexplained=beginning.unexplained,
    )
    for fit in fits:
        while waiting:
            yield waiting.popleft()
        yield fit
    yield from waiting


def _patterns(series: Series, settings: Settings, instrument: Instrument, waiting: deque[LeftOut]) -> Iterator[Pattern]:
    for entry in series.entries:
        try:
            scan = entry.load()
            own = instrument_of(scan, settings)
            if own.radiation != instrument.radiation:
                raise DataError(f"{scan.name} was measured with {own.radiation.name}, the series with {instrument.radiation.name}.")
            _require_counts(scan)
            yield prepare_scan(scan, own, settings.correct)
        except (DataError, RadiationError) as refusal:
            waiting.append(LeftOut(name=entry.name, why=str(refusal)))


def _require_counts(scan: Scan) -> None:
    if not (scan.intensity > 0).sum() > scan.two_theta.size // 20:
        raise DataError(f"{scan.name} holds next to no counts; it is left out.")


def _beginning(series: Series, library: Library, settings: Settings) -> _Beginning:
    if not settings.phases:
        survey = survey_series(series, library, settings)
        there = tuple(lines for lines in survey.followed if lines.phase in survey.cells)
        if not there:
            raise DeclinedError(f"no phase of the library is found in {series.name}; name the phases to refine with --phases.")
        return _Beginning(survey.instrument, there, survey.fwhm, survey.halos, survey.unexplained)
    chosen = _first_middle_last(series)
    found = [find_peaks_of(scan, settings) for scan in chosen]
    require_measured_halos([other for other, _ in found], settings)
    pattern, peaks = found[0]
    end = max(float(other.two_theta[-1]) for other, _ in found)
    reflections = judgeable(reflections_for(library, settings.phases, pattern.instrument, end))
    return _Beginning(pattern.instrument, reflections, typical_fwhm(peaks), distinct_halos([peaks.halos for _, peaks in found]))


def _first_middle_last(series: Series) -> Sequence[Scan]:
    """Up to three readable scans from all over the series."""
    scans: list[Scan] = []
    trouble = "it holds no scan"
    for entries in (series.entries, series.entries[len(series.entries) // 2 :], series.entries[::-1]):
        for entry in entries:
            try:
                scan = entry.load()
                _require_counts(scan)
                scans.append(scan)
                break
            except DataError as refusal:
                trouble = str(refusal)
    if not scans:
        raise DeclinedError(f"no scan of the series {series.name} can be used: {trouble.rstrip('.')}.")
    return scans
