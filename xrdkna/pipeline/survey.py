"""Before a series is followed: a few sums of its scans are indexed, to know who may be there and where to start from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from xrdkna.errors import DataError, DeclinedError
from xrdkna.match.assign import unexplained_peaks
from xrdkna.physics.lattice import cell_from_free, d_spacings, free_cell_parameters
from xrdkna.pipeline.identify import Identified, identify_phases, typical_fwhm
from xrdkna.pipeline.known import known_places
from xrdkna.pipeline.scan import find_peaks_of, judgeable, reflections_for, require_measured_halos
from xrdkna.pipeline.settings import Settings
from xrdkna.records.instrument import Instrument
from xrdkna.records.peaks import Halo, Peak, Peaks
from xrdkna.records.phases import Cell, Library, Reflections
from xrdkna.records.refinement import FittedLine
from xrdkna.records.scan import Pattern, Scan
from xrdkna.records.series import Series, SeriesEntry
from xrdkna.records.values import Estimate

# So many stretches of the series are summed and indexed, each from at most so many scans: enough to meet every phase that
# lasts a fifth of the series, at a cost that does not grow with it.
_STRETCHES = 5
_SCANS_A_STRETCH = 4
# Peaks nearer than this (in widths) are one line; a line weaker than this share of its phase's strongest claims no peak.
_SAME_LINE = 0.5
_VISIBLE = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What the survey found. reflections: of the whole choice; followed: of the phases worth following scan by scan.

    start: parameters by name of the first stretch's fit; cells: of each phase where it showed best; known: places and widths of the
    phases that come and go, by parameter; unexplained: lines of no phase, at their places in the sums.
    """

    instrument: Instrument
    reflections: tuple[Reflections, ...]
    followed: tuple[Reflections, ...]
    start: Mapping[str, float]
    cells: Mapping[str, Cell]
    known: Mapping[str, Estimate]
    fwhm: float
    halos: tuple[Halo, ...]
    unexplained: tuple[Peak, ...]
    texture_sd: Mapping[str, float]
    gof: float

    def at_known_cell(self, lines: Reflections) -> Reflections:
        """The phase's reflections at the cell the survey found for it; at the reference cell where it did not show."""
        cell = self.cells.get(lines.phase)
        return lines if cell is None else replace(lines, cell=cell, d_spacing=d_spacings(lines.hkl, cell))


@dataclass(frozen=True, slots=True)
class _Stretch:
    pattern: Pattern
    peaks: Peaks
    found: Identified


def survey_series(series: Series, library: Library, settings: Settings) -> Survey:
    """Index a few sums over the series. Raises DeclinedError when none of the scans tried can be read, UsageError for a named halo that
    none of them measures."""
    stretches, reflections = _index_stretches(series, library, settings)
    require_measured_halos([stretch.pattern for stretch in stretches], settings)
    first, fwhm = stretches[0], typical_fwhm(stretches[0].peaks)
    followed = _followed(stretches, judgeable(reflections), settings)
    return Survey(
        instrument=first.pattern.instrument,
        reflections=reflections,
        followed=followed,
        start={p.name: p.value.value for p in first.found.refinement.parameters if p.refined},
        cells=_known_cells(stretches, followed),
        known=known_places(
            [stretch.found for stretch in stretches], followed, fwhm=fwhm, wavelength=first.pattern.instrument.radiation.wavelength
        ),
        fwhm=fwhm,
        halos=distinct_halos([stretch.peaks.halos for stretch in stretches]),
        unexplained=_distinct_peaks(stretches),
        texture_sd=_texture(stretches),
        gof=max(stretch.found.refinement.gof for stretch in stretches),
    )


def _index_stretches(series: Series, library: Library, settings: Settings) -> tuple[list[_Stretch], tuple[Reflections, ...]]:
    stretches: list[_Stretch] = []
    reflections: tuple[Reflections, ...] = ()
    trouble = "it holds no scan"
    reach = 0.0
    there: frozenset[str] | None = None
    for entries in _chosen(series.entries):
        total, problem = _sum_of(entries)
        if total is None:
            trouble = problem or trouble
            continue
        pattern, peaks = find_peaks_of(total, settings)
        if (end := float(pattern.two_theta[-1])) > reach:
            # A first scan that was cut off must not blind the rest of the series.
            reflections, reach = reflections_for(library, settings.phases, pattern.instrument, end), end
        try:
            found = identify_phases(pattern, peaks, judgeable(reflections), settings, expected=there)
        except DeclinedError as declined:
            trouble = str(declined)
            continue
        stretches.append(_Stretch(pattern, peaks, found))
        # The next stretch holds most of the same: it starts from who was there.
        there = frozenset(verdict.phase for verdict in found.verdicts if verdict.verdict == "present")
    if not stretches:
        raise DeclinedError(f"no scan of the series {series.name} can be used: {trouble.rstrip('.')}.")
    return stretches, reflections


def _chosen(entries: Sequence[SeriesEntry]) -> list[list[SeriesEntry]]:
    """Contiguous stretches of the series, each thinned to a few scans spread over it."""
    count = min(_STRETCHES, len(entries))
    edges = np.linspace(0, len(entries), count + 1).round().astype(int)
    stretches = [list(entries[a:b]) for a, b in pairwise(edges)]
    return [[s[i] for i in np.unique(np.linspace(0, len(s) - 1, _SCANS_A_STRETCH).round().astype(int))] for s in stretches if s]


def _sum_of(entries: Sequence[SeriesEntry]) -> tuple[Scan | None, str | None]:
    """The readable scans on the first one's grid, added up; or None and why."""
    total: Scan | None = None
    problem: str | None = None
    for entry in entries:
        try:
            scan = entry.load()
        except DataError as refusal:
            problem = str(refusal)
            continue
        if total is None:
            total = scan
        elif np.array_equal(scan.two_theta, total.two_theta) and scan.sigma_source == total.sigma_source:
            total = replace(total, intensity=total.intensity + scan.intensity, sigma=np.hypot(total.sigma, scan.sigma))
    return total, problem


def _followed(stretches: Sequence[_Stretch], reflections: Sequence[Reflections], settings: Settings) -> tuple[Reflections, ...]:
    """Phases that showed or could not be excluded, the marker's, all deposits, and the contamination family."""
    noticed = {verdict.phase for stretch in stretches for verdict in stretch.found.verdicts if verdict.verdict != "absent"}
    always = {lines.phase for lines in reflections if lines.role in ("deposit", "contamination") and not lines.positions_only}
    wanted = noticed | always | {settings.marker[0]}
    return tuple(lines for lines in reflections if lines.phase in wanted)


def _known_cells(stretches: Sequence[_Stretch], followed: Sequence[Reflections]) -> dict[str, Cell]:
    cells = {}
    for lines in followed:
        shown = [(v.significance, v.cell) for s in stretches for v in s.found.verdicts if v.phase == lines.phase and v.cell is not None]
        if shown:
            _, best = max(shown, key=lambda pair: pair[0])
            names = free_cell_parameters(lines.crystal_system, lines.cell)
            cells[lines.phase] = cell_from_free([best[name].value for name in names], system=lines.crystal_system, reference=lines.cell)
    return cells


def _texture(stretches: Sequence[_Stretch]) -> dict[str, float]:
    """The widest texture each phase showed."""
    spread: dict[str, float] = {}
    for stretch in stretches:
        for phase, sd in stretch.found.refinement.texture_sd.items():
            spread[phase] = max(sd, spread.get(phase, 0.0))
    return spread


def _distinct_peaks(stretches: Sequence[_Stretch]) -> tuple[Peak, ...]:
    """The peaks of all stretches that no phase of any stretch explains, one for each place.

    A phase too weak in one stretch to be seen as such may leave its strongest line there unexplained; a free line at that
    place would take the line away from the phase in every scan.
    """
    places = np.array(sorted({line.two_theta for stretch in stretches for line in _visible_lines(stretch)}))
    kept: list[Peak] = []
    for stretch in stretches:
        lines = [line for line in stretch.found.refinement.lines if line.phase not in stretch.found.watched]
        for peak in unexplained_peaks(stretch.peaks.peaks, lines):
            where, width = peak.two_theta.value, peak.fwhm.value
            known = np.any(np.abs(places - where) < _SAME_LINE * width)
            if not known and all(abs(where - other.two_theta.value) > _SAME_LINE * other.fwhm.value for other in kept):
                kept.append(peak)
    return tuple(kept)


def _visible_lines(stretch: _Stretch) -> list[FittedLine]:
    """The stronger lines of the phases that a stretch shows, or cannot exclude, where its fit has them."""
    noticed = {verdict.phase for verdict in stretch.found.verdicts if verdict.verdict != "absent"} - set(stretch.found.watched)
    strongest: dict[str, float] = {}
    for line in stretch.found.refinement.lines:
        strongest[line.phase] = max(line.area, strongest.get(line.phase, 0.0))
    return [line for line in stretch.found.refinement.lines if line.phase in noticed and line.area > _VISIBLE * strongest[line.phase]]


def distinct_halos(found: Sequence[Sequence[Halo]]) -> tuple[Halo, ...]:
    """The humps of several patterns, one for each place."""
    kept: list[Halo] = []
    for halos in found:
        # What one pattern tells apart is two humps, however near.
        known = tuple(kept)
        kept += [halo for halo in halos if not any(_same_place(halo, other) for other in known)]
    return tuple(kept)


def _same_place(halo: Halo, other: Halo) -> bool:
    return abs(halo.two_theta.value - other.two_theta.value) <= 0.5 * other.fwhm.value
