"""Before a series is followed: a few sums of its scans are indexed, to know who may be there and where to start from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np

from xrdkna.errors import DataError, DeclinedError
from xrdkna.match.assign import unexplained_peaks
from xrdkna.physics.lattice import cell_from_free, free_cell_parameters
from xrdkna.pipeline.glance import UNKNOWN, News, cell_seen, news_of, sigmas_of
from xrdkna.pipeline.identify import Identified, identify_phases, typical_fwhm
from xrdkna.pipeline.known import known_places
from xrdkna.pipeline.observe import Observer
from xrdkna.pipeline.scan import find_peaks_of, judgeable, reflections_for, require_measured_halos
from xrdkna.pipeline.settings import Settings
from xrdkna.pipeline.surveyed import Survey
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


@dataclass(frozen=True, slots=True)
class _Stretch:
    pattern: Pattern
    peaks: Peaks
    found: Identified


@dataclass(frozen=True, slots=True)
class _Glance:
    """A stretch in which nobody is new: how well it is fitted, and the cell parameters of each phase with the sigmas it shows with."""

    gof: float
    cells: Mapping[str, tuple[float, Mapping[str, Estimate]]]


@dataclass(slots=True)
class _Gathered:
    """What the stretches looked at so far have told."""

    settings: Settings
    stretches: list[_Stretch] = field(default_factory=list)
    glances: list[_Glance] = field(default_factory=list)
    reflections: tuple[Reflections, ...] = ()
    reach: float = 0.0
    observer: Observer | None = None

    @property
    def there(self) -> frozenset[str]:
        """Who was there in any stretch that was indexed."""
        verdicts = (verdict for stretch in self.stretches for verdict in stretch.found.verdicts)
        return frozenset(verdict.phase for verdict in verdicts if verdict.verdict == "present")

    def news(self, total: Scan) -> News:
        """What the fast fit of a series finds in this sum that is not known already; where it finds nothing, its cells are kept."""
        if not self.stretches or float(total.two_theta[-1]) > self.reach:
            return UNKNOWN
        survey = self.survey()
        if not survey.trusted:
            # Where the model does not hold, a fast fit is neither fast nor to be relied on.
            return UNKNOWN
        self.observer = self.observer or Observer(survey, self.settings)
        try:
            seen = self.observer(total)
        except (DataError, DeclinedError):
            return UNKNOWN
        sigmas = sigmas_of(seen, survey.followed, texture_sd=survey.texture_sd)
        found = news_of(seen, survey, sigmas, there=self.there)
        if not found.sigmas:
            cells = {phase: (sigmas[phase], cell) for phase in self.there if (cell := cell_seen(seen, phase))}
            self.glances.append(_Glance(seen.values["gof", ""].value, cells))
        return found

    def survey(self) -> Survey:
        """The survey of all that was looked at."""
        first, fwhm = self.stretches[0], typical_fwhm(self.stretches[0].peaks)
        followed = _followed(self.stretches, judgeable(self.reflections), self.settings)
        return Survey(
            instrument=first.pattern.instrument,
            reflections=self.reflections,
            followed=followed,
            start={p.name: p.value.value for p in first.found.refinement.parameters if p.refined},
            trusted=first.found.refinement.verdict == "accepted",
            cells=_known_cells(self.stretches, self.glances, followed),
            known=known_places(
                [stretch.found for stretch in self.stretches], followed, fwhm=fwhm, wavelength=first.pattern.instrument.radiation.wavelength
            ),
            fwhm=fwhm,
            halos=distinct_halos([stretch.peaks.halos for stretch in self.stretches]),
            unexplained=_distinct_peaks(self.stretches),
            texture_sd=_texture(self.stretches),
            gof=max([*(stretch.found.refinement.gof for stretch in self.stretches), *(glance.gof for glance in self.glances)]),
        )


def survey_series(series: Series, library: Library, settings: Settings) -> Survey:
    """Index a few sums over the series: the first, then of the others the one in which most is new, until a glance finds nothing new.

    Raises DeclinedError when none of the scans tried can be read, UsageError for a named halo that none of them measures.
    """
    gathered, trouble, left = _Gathered(settings), "it holds no scan", list[Scan]()
    for entries in _chosen(series.entries):
        total, problem = _sum_of(entries)
        left += [total] if total is not None else []
        trouble = problem or trouble
    while left:
        news = [gathered.news(total) for total in (left if gathered.stretches else left[:1])]
        most = max(range(len(news)), key=lambda place: news[place].sigmas)
        richest = left[most]
        left = [total for place, total in enumerate(left) if place != most and (place >= len(news) or news[place].sigmas)]
        if news[most].sigmas:
            try:
                _index(gathered, richest, library, expected=gathered.there | news[most].phases)
            except DeclinedError as declined:
                trouble = str(declined)
    if not gathered.stretches:
        raise DeclinedError(f"no scan of the series {series.name} can be used: {trouble.rstrip('.')}.")
    require_measured_halos([stretch.pattern for stretch in gathered.stretches], settings)
    return gathered.survey()


def _index(gathered: _Gathered, total: Scan, library: Library, *, expected: frozenset[str]) -> None:
    """Index one sum; this one holds most of what the others held, so it starts from who is expected there."""
    settings = gathered.settings
    pattern, peaks = find_peaks_of(total, settings)
    if (end := float(pattern.two_theta[-1])) > gathered.reach:
        # A first scan that was cut off must not blind the rest of the series.
        gathered.reflections, gathered.reach = reflections_for(library, settings.phases, pattern.instrument, end), end
    known = expected if gathered.stretches else None
    found = identify_phases(pattern, peaks, judgeable(gathered.reflections), settings, expected=known)
    gathered.stretches.append(_Stretch(pattern, peaks, found))
    gathered.observer = None


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


def _known_cells(stretches: Sequence[_Stretch], glances: Sequence[_Glance], followed: Sequence[Reflections]) -> dict[str, Cell]:
    cells = {}
    for lines in followed:
        shown = [(v.significance, v.cell) for s in stretches for v in s.found.verdicts if v.phase == lines.phase and v.cell is not None]
        names = free_cell_parameters(lines.crystal_system, lines.cell)
        shown += [
            seen for glance in glances if (seen := glance.cells.get(lines.phase)) is not None and all(name in seen[1] for name in names)
        ]
        if shown:
            _, best = max(shown, key=lambda pair: pair[0])
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
