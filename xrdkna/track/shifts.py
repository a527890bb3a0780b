"""What cells, heights and widths did along a series: an event "shifts" where a cell or a height steps, a notice where one drifts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import floor, log10

import numpy as np

from xrdkna.records.arrays import FloatArray
from xrdkna.records.track import Event, EventTime, Observation
from xrdkna.records.values import Notice
from xrdkna.track.cell.cell_events import at_event, say_since_change
from xrdkna.track.change.steps import Step
from xrdkna.track.change.trends import Movement, Trend, movement_at, read_trend, step_rows, strain_at
from xrdkna.track.events import Timeline
from xrdkna.track.paths.switches import switch_interval
from xrdkna.track.settings import TrackSettings
from xrdkna.track.signal.stack import Stack
from xrdkna.track.words import say_when

EDGES = ("a", "b", "c")
CELLS = (*EDGES, "alpha", "beta", "gamma")
HEIGHT = "displacement"
WIDTHS = ("fwhm", "size", "strain")
SAMPLE = "sample"
"""What shifts when all phases move together."""
TOGETHER = 1
"""Steps of one phase this many gaps apart are one."""
LEAST_WIDTH_CHANGE = 0.2
"""Lines that broaden or narrow by less are no sentence worth."""
DRIFT_SIGMAS = 5.0
"""A drift is told as a change between the ends when it is this sure."""
_WORDS = {"fwhm": "line width", "size": "crystallite size", "strain": "microstrain", HEIGHT: "height"}


@dataclass(frozen=True, slots=True)
class _Step:
    trend: Trend
    step: Step

    @property
    def between(self) -> tuple[int, int]:
        return step_rows(self.trend, self.step)


def read_trends(observations: Sequence[Observation | None], settings: TrackSettings) -> tuple[Trend, ...]:
    """Every cell edge and angle, height and width that enough scans gave; the accepted rate of false alarms is shared among all."""
    wanted = {*CELLS, HEIGHT, *WIDTHS}
    keys = dict.fromkeys(key for one in observations if one is not None for key in one.values if key[0] in wanted)
    rate, report = settings.false_alarms_per_100_series / 100.0, settings.report_probability
    odds = rate * report / (1.0 - report)
    trends = []
    for quantity, phase in keys:
        given = [None if one is None else one.values.get((quantity, phase)) for one in observations]
        value = [None if estimate is None else estimate.value for estimate in given]
        esd = [None if estimate is None else estimate.esd for estimate in given]
        unit = next(estimate.unit for estimate in given if estimate is not None)
        trend = read_trend(quantity, phase, unit, value, esd, odds=odds, report=report, tests=len(keys))
        trends += [] if trend is None else [trend]
    return tuple(trends)


def shift_events(trends: Sequence[Trend], stack: Stack, timeline: Timeline, settings: TrackSettings) -> tuple[Event, ...]:
    """One event for every place where the cell or the height of a phase steps, and one for all where the sample did."""
    angles = {phase: float(stack.two_theta[at] @ stack.templates[phase]) for phase, at in stack.columns.items()}
    events: list[Event] = []
    moved: list[tuple[int, int]] = []
    common = [_Step(trend, step) for trend in trends if trend.quantity == HEIGHT and not trend.phase for step in trend.reading.steps]
    for found in common:
        moved.append(found.between)
        size = f"{_number(found.step.size, found.step.esd)} {found.trend.unit}".strip()
        told = f"all phases together, as cos θ, by {size}: its height changed, not a cell"
        events.append(_event(SAMPLE, found, told, float(np.mean(list(angles.values()))), timeline, settings))
    for phase in dict.fromkeys(trend.phase for trend in trends if trend.phase in angles):
        own = [trend for trend in trends if trend.phase == phase and trend.quantity in (*CELLS, HEIGHT)]
        for together in _gathered([_Step(trend, step) for trend in own for step in trend.reading.steps]):
            lead = max(together, key=lambda one: abs(one.step.size) / one.step.esd)
            movement = _movement(phase, lead.between[0], trends, angles)
            if movement is not None and movement.explained:
                if any(abs(lead.between[0] - before) <= TOGETHER for before, _ in moved):
                    continue
                moved.append(lead.between)
                size = _number(movement.shift, movement.shift_esd)
                told = f"all phases together, as cos θ, by {size}° at 2θ = 0: its height changed, not the cell of {phase}"
                events.append(_event(SAMPLE, lead, told, angles[phase], timeline, settings))
                continue
            events.append(_event(phase, lead, _told(together, movement), angles[phase], timeline, settings))
    return tuple(events)


def trend_notices(trends: Sequence[Trend]) -> tuple[Notice, ...]:
    """A sentence for every cell or height that drifts without a step and for every width that changes."""
    notices = []
    for trend in trends:
        name = f"{trend.phase or 'the sample'}'s {_WORDS.get(trend.quantity, trend.quantity)}"
        change, esd = trend.change
        scans = f"between scan {trend.rows[0]} and scan {trend.rows[-1]}"
        size = f"{_number(change, esd)} {trend.unit}".strip()
        if trend.quantity in WIDTHS:
            typical = abs(float(np.median(trend.value)))
            for step in trend.reading.steps:
                before, after = step_rows(trend, step)
                if abs(step.size) >= LEAST_WIDTH_CHANGE * typical:
                    by = f"{_number(step.size, step.esd)} {trend.unit}".strip()
                    notices.append(_notice(trend, f"{_capital(name)} steps by {by} between scan {before} and scan {after}."))
            if trend.verdict not in ("drifts", "kinks") or abs(change) < LEAST_WIDTH_CHANGE * typical:
                continue
        if trend.verdict in ("drifts", "kinks") and abs(change) >= DRIFT_SIGMAS * esd:
            relative = _ppm(trend, change, esd)
            turns = _turns(trend)
            notices.append(_notice(trend, f"{_capital(name)} drifts by {size}{relative} {scans}, without a step{turns}."))
    return tuple(notices)


def _turns(trend: Trend) -> str:
    kinks = [int(trend.rows[one.first]) for one in trend.reading.slow if one.kind == "kink"]
    return f"; its slope changes near scan {', '.join(str(scan) for scan in kinks)}" if kinks else ""


def _notice(trend: Trend, sentence: str) -> Notice:
    where = "-".join(part for part in (trend.quantity, trend.phase) if part)
    return Notice(code=f"trend-{where}", severity="info", sentence=sentence)


def _gathered(steps: Sequence[_Step]) -> list[list[_Step]]:
    """Steps at the same place, together."""
    gathered: list[list[_Step]] = []
    for one in sorted(steps, key=lambda step: step.between):
        if gathered and one.between[0] - gathered[-1][-1].between[0] <= TOGETHER:
            gathered[-1].append(one)
        else:
            gathered.append([one])
    return gathered


def _movement(phase: str, last_before: int, trends: Sequence[Trend], angles: Mapping[str, float]) -> Movement | None:
    """None when the phase's own edges say nothing at this place."""
    strains: dict[str, tuple[float, float]] = {}
    for trend in trends:
        if trend.quantity in EDGES and trend.phase in angles and (seen := strain_at(trend, last_before)) is not None:
            known = strains.get(trend.phase)
            # The edge that is known best speaks for its phase.
            if known is None or seen[1] < known[1]:
                strains[trend.phase] = seen
    return movement_at(phase, strains, dict(angles)) if phase in strains else None


def _told(together: Sequence[_Step], movement: Movement | None) -> str:
    parts = []
    for one in together:
        unit = f" {one.trend.unit}" if one.trend.unit else ""
        before = _number(one.step.size, one.step.esd)
        parts.append(
            f"{_WORDS.get(one.trend.quantity, one.trend.quantity)} by {before}{unit}{_ppm(one.trend, one.step.size, one.step.esd)}"
        )
    if movement is None or all(one.trend.quantity == HEIGHT for one in together):
        return " and ".join(parts)
    if not movement.others:
        return " and ".join(parts) + "; with no other phase beside it a moved sample cannot be excluded"
    if movement.alone:
        return " and ".join(parts) + f"; {', '.join(movement.others)} did not move with it as a moved sample would, so the cell changed"
    return " and ".join(parts) + "; whether the sample moved instead cannot be told"


def _ppm(trend: Trend, change: float, esd: float) -> str:
    """ " (−750 ± 30 ppm)" for a cell edge."""
    if trend.quantity not in EDGES:
        return ""
    scale = 1e6 / abs(float(np.median(trend.value)))
    return f" ({_number(change * scale, esd * scale)} ppm)"


def _event(phase: str, found: _Step, told: str, two_theta: float, timeline: Timeline, settings: TrackSettings) -> Event:
    moments = _moments(found.trend, timeline, two_theta)
    value, low, high = switch_interval(moments, 0, found.step.weights, settings.level)
    time = EventTime(value=value, low=low, high=high, level=settings.level)
    before, after = found.between
    when = say_when(time, axis=timeline.axis, origin=timeline.origin)
    head = f"{phase if phase != SAMPLE else 'The sample'} shifts between scan {before} and scan {after}"
    said = [", ".join(part for part in (head, when) if part), told, say_since_change(timeline.history, time)]
    return Event(
        kind="shifts",
        phase=phase,
        hkl=None,
        after_scan=before,
        before_scan=after,
        time=time,
        probability=found.step.probability,
        electrochemistry=at_event(timeline.history, time),
        sentence="; ".join(part for part in said if part) + ".",
    )


def _moments(trend: Trend, timeline: Timeline, two_theta: float) -> FloatArray:
    """(m,) when the scans of the trend passed its typical line."""
    place = {scan: row for row, scan in enumerate(timeline.used)}
    return np.asarray(timeline.passing(two_theta)[[place[int(scan)] for scan in trend.rows]])


def _number(value: float, esd: float) -> str:
    """−0.0040 ± 0.0002: as many decimals as the esd's two first digits have."""
    decimals = 0 if esd <= 0.0 else max(0, 1 - floor(log10(esd)))
    return f"{value:.{decimals}f} ± {esd:.{decimals}f}".replace("-", "−")


def _capital(words: str) -> str:
    return words[0].upper() + words[1:] if words.startswith("the ") else words
