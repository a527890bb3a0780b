"""Lines that belong to no phase, followed through the scans by their place."""

from bisect import bisect_left, insort
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import hypot, sqrt

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
    observations: Sequence[Observation | None], candidates: Candidates | None, settings: TrackSettings
) -> tuple[LinkedLine, ...]:
    """Lines seen at one place, by rising 2θ. A line counts with `unindexed_significance` in one scan, or over at least two with the scans
    it is missing from counted as nothing (Stouffer's sum)."""
    lines: list[_Line] = []
    places: list[tuple[float, int]] = []
    for i, observation in enumerate(observations):
        for peak in () if observation is None else observation.unindexed:
            _join(lines, places, i, peak, settings.unindexed_drift)
    linked = [_linked(line, observations, candidates, settings) for line in lines]
    return tuple(sorted((line for line in linked if line is not None), key=lambda line: line.two_theta.value))


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
    line: _Line, observations: Sequence[Observation | None], candidates: Candidates | None, settings: TrackSettings
) -> LinkedLine | None:
    single = max(peak.snr for peak in line.peaks)
    span = sum(1 for observation in observations[line.scans[0] : line.scans[-1] + 1] if observation is not None)
    joined = sum(peak.snr for peak in line.peaks) / sqrt(max(1, span))
    significance = max(single, joined)
    if significance < settings.unindexed_significance:
        return None
    weights = [(peak.two_theta.esd or 0.02) ** -2.0 for peak in line.peaks]
    where = sum(w * peak.two_theta.value for w, peak in zip(weights, line.peaks, strict=True)) / sum(weights)
    spread = sum(w * (peak.two_theta.value - where) ** 2 for w, peak in zip(weights, line.peaks, strict=True)) / max(1, len(weights) - 1)
    esd = sqrt(max(1.0, spread) / sum(weights))
    return LinkedLine(
        two_theta=Estimate(value=where, esd=esd, unit="°"),
        first_scan=line.scans[0],
        last_scan=line.scans[-1],
        significance=significance,
        candidates=() if candidates is None else candidates(where),
    )
