"""The events of a series laid out for drawing: which share a band, which are slow, and where their numbers stand."""

from dataclasses import dataclass

from xrdkna.records.track import Event, Track
from xrdkna.report.sentences import time_scale
from xrdkna.report.series_view import axis_range
from xrdkna.report.values import interval_text, line_name, probability_text

# Intervals whose ends differ by less than this share of their length are one interval to the eye.
_SAME = 0.1
# A number takes this share of the axis; two numbers nearer than that stand in different lanes.
_NUMBER_WIDTH = 0.045
# One steady change over this many scans or more is slow: its interval says how long it lasted, not how well it is known.
SLOW_SCANS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class EventBand:
    """The interval of one event, or of several that share it. kind: of the first. numbers: "2, 3", as in the list of events.
    lane: row above the figure, 0 the lowest, in which the number stands clear of all others."""

    low: float
    high: float
    kind: str
    numbers: str
    slow: bool
    lane: int

    @property
    def middle(self) -> float:
        """Where the number stands."""
        return (self.low + self.high) / 2.0


def event_bands(track: Track) -> list[EventBand]:
    """The shaded intervals on the drawn axis, in order of their first event."""
    size, _ = time_scale(track)
    groups: list[tuple[float, float, bool, list[int]]] = []
    for order, event in enumerate(track.events):
        low, high, slow = event.time.low / size, event.time.high / size, is_slow(event)
        near = _SAME * (high - low) + 1e-12
        same = next((k for k, g in enumerate(groups) if g[2] == slow and abs(g[0] - low) < near and abs(g[1] - high) < near), None)
        if same is None:
            groups.append((low, high, slow, [order]))
        else:
            first = groups[same]
            groups[same] = (min(first[0], low), max(first[1], high), slow, [*first[3], order])
    lanes = _lanes(groups, track)
    return [
        EventBand(
            low=low,
            high=high,
            kind=track.events[orders[0]].kind,
            numbers=", ".join(str(order + 1) for order in orders),
            slow=slow,
            lane=lane,
        )
        for (low, high, slow, orders), lane in zip(groups, lanes, strict=True)
    ]


def is_slow(event: Event) -> bool:
    """True for a change that went on over several scans."""
    return event.after_scan is not None and event.before_scan is not None and event.before_scan - event.after_scan >= SLOW_SCANS


def event_line(event: Event, track: Track) -> str:
    """ "KNa2 (1 0 3) appears, 0.74 … 1.09 h, scan 2 → 3, p 0.998"."""
    place = when_text(event, track) if track.axis == "time" else ""
    scans = f"scan {scans_text(event)}" if None not in (event.after_scan, event.before_scan) else ""
    slowly = "slowly " if is_slow(event) and event.kind in ("weakens", "strengthens", "shifts") else ""
    parts = (f"{line_name(event.phase, event.hkl)} {slowly}{event.kind}", place, scans, f"p {probability_text(event.probability)}")
    return ", ".join(part for part in parts if part)


def when_text(event: Event, track: Track) -> str:
    """ "0.74 … 1.09 h" after the start of the first scan; "2.1 … 2.9" on an axis of scan numbers."""
    size, unit = time_scale(track)
    return interval_text(event.time.low / size, event.time.high / size) + (f" {unit}" if track.axis == "time" else "")


def scans_text(event: Event) -> str:
    """ "2 → 3"; a dash at an end of the series."""
    return " → ".join("–" if scan is None else str(scan) for scan in (event.after_scan, event.before_scan))


def state_text(event: Event, track: Track) -> str:
    """ "plating", or "rest → plating" where the scans before and after the event saw different states; "–" where none is known."""
    states = {scan.index: scan.state for scan in track.scans}
    ends = [states.get(scan, "unknown") for scan in (event.after_scan, event.before_scan) if scan is not None]
    if len(ends) == 2 and ends[0] != ends[1] and "unknown" not in ends:
        return " → ".join(ends)
    return "–" if event.electrochemistry is None else event.electrochemistry.state


def _lanes(groups: list[tuple[float, float, bool, list[int]]], track: Track) -> list[int]:
    """The lowest lane for each group in which its number, and a slow one's whole interval, meets nothing placed before."""
    low, high = axis_range(track)
    taken: list[list[tuple[float, float]]] = []
    lanes = []
    for begin, end, slow, orders in groups:
        half = _NUMBER_WIDTH * (high - low) * (0.5 + 0.3 * (len(orders) - 1))
        middle = (begin + end) / 2.0
        span = (min(begin, middle - half), max(end, middle + half)) if slow else (middle - half, middle + half)
        lane = next((k for k, row in enumerate(taken) if all(span[1] <= a or b <= span[0] for a, b in row)), len(taken))
        if lane == len(taken):
            taken.append([])
        taken[lane].append(span)
        lanes.append(lane)
    return lanes
