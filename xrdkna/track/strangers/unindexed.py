"""Lines that belong to no phase, followed through the scans by their place."""

from bisect import bisect_left, insort
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import hypot, sqrt

from scipy.stats import norm

from xrdkna.records.index import Assignment
from xrdkna.records.peaks import Peak
from xrdkna.records.track import LinkedLine, Observation
from xrdkna.records.values import Estimate
from xrdkna.track.settings import TrackSettings

Candidates = Callable[[float], tuple[Assignment, ...]]


@dataclass(slots=True)
class _Line:
    scans: list[int] = field(default_factory=list)
    peaks: list[Peak] = field(default_factory=list)

    @property
    def place(self) -> float:
        return self.peaks[-1].two_theta.value


def link_unindexed(
    observations: Sequence[Observation | None],
    candidates: Candidates | None,
    settings: TrackSettings,
) -> tuple[LinkedLine, ...]:
    """Lines seen at one place, by rising 2θ. A line counts with `least_significance` in one scan, or over at least two with the scans
    it is missing from counted as nothing (Stouffer's sum)."""
    lines: list[_Line] = []
    places: list[tuple[float, int]] = []
    for i, observation in enumerate(observations):
        for peak in () if observation is None else observation.unindexed:
            _join(lines, places, i, peak, settings.unindexed_drift)
    least = least_significance(sum(one is not None for one in observations), settings)
    linked = [_linked(line, observations, candidates, least) for line in lines]
    return tuple(sorted((line for line in linked if line is not None), key=lambda line: line.two_theta.value))


def least_significance(scans: int, settings: TrackSettings) -> float:
    """`unindexed_significance` holds for one scan; among many it is met by chance as many times as often (Bonferroni)."""
    return float(norm.isf(norm.sf(settings.unindexed_significance) / max(1, scans)))


def _join(lines: list[_Line], places: list[tuple[float, int]], scan: int, peak: Peak, drift: float) -> None:
    """Give the peak to the nearest line within 3 esds and the drift that has no peak of this scan yet, or begin a line."""
    where, esd = peak.two_theta.value, peak.two_theta.esd or 0.0
    reach = drift + 3.0 * hypot(esd, 0.5 * drift)
    at = bisect_left(places, (where - reach, -1))
    best: int | None = None
    while at < len(places) and places[at][0] <= where + reach:
        number = places[at][1]
        line = lines[number]
        allowed = drift + 3.0 * hypot(esd, line.peaks[-1].two_theta.esd or 0.0)
        free = line.scans[-1] != scan
        if free and abs(line.place - where) <= allowed and (best is None or abs(line.place - where) < abs(lines[best].place - where)):
            best = number
        at += 1
    if best is None:
        lines.append(_Line())
        best = len(lines) - 1
    else:
        places.remove((lines[best].place, best))
    lines[best].scans.append(scan)
    lines[best].peaks.append(peak)
    insort(places, (where, best))


def _linked(
    line: _Line,
    observations: Sequence[Observation | None],
    candidates: Candidates | None,
    least: float,
) -> LinkedLine | None:
    single = max(peak.snr for peak in line.peaks)
    span = sum(1 for observation in observations[line.scans[0] : line.scans[-1] + 1] if observation is not None)
    joined = sum(peak.snr for peak in line.peaks) / sqrt(max(1, span))
    significance = max(single, joined)
    if significance < least:
        return None
    where = _mean([peak.two_theta for peak in line.peaks])
    value, esd = _trajectory(line, observations, where)
    return LinkedLine(
        two_theta=where,
        first_scan=line.scans[0],
        last_scan=line.scans[-1],
        significance=significance,
        candidates=() if candidates is None else candidates(where.value),
        d_spacing=_mean([peak.d_spacing for peak in line.peaks]),
        value=value,
        esd=esd,
    )


def _mean(estimates: Sequence[Estimate]) -> Estimate:
    """Weighted mean; its esd with the scatter where that is more than the esds say."""
    weights = [(one.esd or 0.02) ** -2.0 for one in estimates]
    value = sum(w * one.value for w, one in zip(weights, estimates, strict=True)) / sum(weights)
    spread = sum(w * (one.value - value) ** 2 for w, one in zip(weights, estimates, strict=True)) / max(1, len(weights) - 1)
    return Estimate(value=value, esd=sqrt(max(1.0, spread) / sum(weights)), unit=estimates[0].unit)


def _trajectory(
    line: _Line, observations: Sequence[Observation | None], where: Estimate
) -> tuple[tuple[float | None, ...], tuple[float | None, ...]]:
    """(n,) areas and esds: from the fit where it holds the line in every scan, else from the peaks where they were found."""
    seen = {scan: peak.area for scan, peak in zip(line.scans, line.peaks, strict=True)}
    widest = max(peak.fwhm.value for peak in line.peaks)
    areas = [seen.get(i) if one is None else _held(one, where.value, widest) or seen.get(i) for i, one in enumerate(observations)]
    return tuple(None if a is None else a.value for a in areas), tuple(None if a is None else a.esd for a in areas)


def _held(observation: Observation, where: float, width: float) -> Estimate | None:
    """The area of the free line that the fit has within half a width."""
    near = [place for place in observation.strangers if abs(place - where) < 0.5 * width]
    return observation.strangers[min(near, key=lambda place: abs(place - where))] if near else None
