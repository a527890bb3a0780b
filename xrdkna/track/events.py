"""Events: what changed between which scans, when, how surely, and what the cell was doing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from xrdkna.records.arrays import FloatArray
from xrdkna.records.track import Event, EventTime, Hkl
from xrdkna.track.air.contamination import SUSPICION_SIGMAS, line_sigmas
from xrdkna.track.cell.cell_events import at_event, say_since_change
from xrdkna.track.cell.electrochemistry import CellHistory
from xrdkna.track.change.levels import Change, level_changes
from xrdkna.track.paths.presence import Followed, marker_column, reference_line
from xrdkna.track.paths.switches import Switch, decided_states, find_switches, switch_interval
from xrdkna.track.settings import TrackSettings
from xrdkna.track.signal.evidence import PhaseEvidence
from xrdkna.track.signal.stack import Stack
from xrdkna.track.words import say_thing, say_when


@dataclass(frozen=True, slots=True)
class Timeline:
    """The usable scans on the axis. used: (n,) places in the series. passing: function of 2θ giving (n,) moments."""

    axis: str
    origin: datetime | None
    used: tuple[int, ...]
    starts: FloatArray
    ends: FloatArray
    ranges: FloatArray
    history: CellHistory | None

    def passing(self, two_theta: float) -> FloatArray:
        """(n,) when each scan's sweep passed the angle; never earlier than in the scan before."""
        span = np.maximum(self.ranges[:, 1] - self.ranges[:, 0], 1e-9)
        share = np.clip((two_theta - self.ranges[:, 0]) / span, 0.0, 1.0)
        return np.asarray(np.maximum.accumulate(self.starts + share * (self.ends - self.starts)))


def find_events(
    followed: Sequence[Followed],
    stack: Stack,
    evidence: Mapping[str, PhaseEvidence],
    tube: FloatArray,
    timeline: Timeline,
    settings: TrackSettings,
) -> tuple[Event, ...]:
    """Comings and goings of every followed phase and of the marker, and changes of level of phases that are there; in order of time.

    tube: (n,) the common level of all hardware, 1 on average: a change of a deposit's level counts only when it is one with and without it.
    """
    marker = marker_column(stack, settings)
    events: list[Event] = []
    marker_gone: dict[str, list[Event]] = {}
    for item in followed:
        if item.withheld or (item.hkl is not None and item.column != marker):
            continue
        if item.hkl is None and evidence[item.phase].role == "contamination" and _one_line_only(item, evidence, settings):
            continue
        for switch in find_switches(item.path, settings.report_probability, settings.absence_probability):
            event = _switch_event(item, switch, timeline, settings)
            events.append(event)
            if item.hkl is not None and event.kind == "vanishes":
                marker_gone.setdefault(item.phase, []).append(event)
    for item in followed:
        if item.hkl is None and not item.withheld and evidence[item.phase].role != "contamination":
            events += _level_events(item, stack, evidence[item.phase], tube, timeline, settings, marker_gone.get(item.phase, []))
    return tuple(sorted(events, key=lambda event: (event.time.value, event.phase, event.hkl is not None, event.kind)))


def _one_line_only(item: Followed, evidence: Mapping[str, PhaseEvidence], settings: TrackSettings) -> bool:
    scans = np.flatnonzero(item.path.on >= settings.report_probability)
    return bool(scans.size) and int((line_sigmas(evidence[item.phase], scans) >= SUSPICION_SIGMAS).sum()) < 2


def _angle(item: Followed, stack: Stack, evidence: Mapping[str, PhaseEvidence], marker: int | None) -> float:
    """2θ whose passing times the event: the reflection's own, or its phase's reference."""
    if item.column is not None:
        return float(stack.two_theta[item.column])
    found = evidence[item.phase]
    return float(stack.two_theta[int(found.columns[reference_line(found, marker)])])


def _switch_event(item: Followed, switch: Switch, timeline: Timeline, settings: TrackSettings) -> Event:
    time = _event_time(switch.edges, 0, switch.fine, settings.level)
    after, before = timeline.used[switch.place], timeline.used[switch.place + 1]
    return _event(
        switch.kind, item.phase, item.hkl, (after, before), time, switch.probability, timeline, verb=switch.kind, aside=item.remark
    )


def _level_events(
    item: Followed,
    stack: Stack,
    found: PhaseEvidence,
    tube: FloatArray,
    timeline: Timeline,
    settings: TrackSettings,
    marker_gone: Sequence[Event],
) -> list[Event]:
    """Changes of level inside each presence; without the marker, whose own coming and going is another statement."""
    marker = marker_column(stack, settings)
    level, esd = level_without(found, marker)
    angle = _angle(item, stack, {item.phase: found}, marker)
    events: list[Event] = []
    for first, last, present in decided_states(item.path, settings.report_probability, settings.absence_probability):
        if not present:
            continue
        rows = slice(first, last + 1)
        raw, scaled = (
            level_changes(
                level[rows] / by,
                esd[rows] / by,
                false_alarms=settings.false_alarms_per_100_series / 100.0,
                least_step=settings.least_step,
                least_ramp=settings.least_ramp,
            )
            for by in (np.ones(last + 1 - first), tube[rows])
        )
        agreed = [change for change in scaled if any(_same(change, other) for other in raw)]
        events += [_change_event(item, change, first, angle, timeline, settings, marker_gone) for change in agreed]
    return events


def level_without(found: PhaseEvidence, column: int | None) -> tuple[FloatArray, FloatArray]:
    """(n,) level and esd of a phase from its other lines than `column`, that one free; from all when it has no other."""
    kept = np.flatnonzero(found.columns != (-1 if column is None else column))
    if kept.size == found.columns.size or not kept.size:
        return found.level, found.level_esd
    template = found.template[kept]
    information = found.information[:, kept[:, None], kept[None, :]]
    power = np.maximum(information @ template @ template, 1e-300)
    gone = int(np.setdiff1d(np.arange(found.columns.size), kept)[0])
    cross = np.einsum("i,ni->n", template, found.information[:, kept, gone])
    own = np.maximum(found.information[:, gone, gone], 1e-300)
    score = found.score[:, kept] @ template - cross / own * found.score[:, gone]
    power = np.maximum(power - cross**2 / own, 1e-12 * power)
    return np.asarray(score / power), np.asarray(power**-0.5)


def _same(change: Change, other: Change) -> bool:
    near = change.first - 2 <= other.first + int(other.weights.argmax()) <= change.last + 2
    return change.kind == other.kind and near


def _change_event(
    item: Followed,
    change: Change,
    offset: int,
    two_theta: float,
    timeline: Timeline,
    settings: TrackSettings,
    marker_gone: Sequence[Event],
) -> Event:
    ramp = float(change.weights.max()) < 0.5 and bool(np.allclose(change.weights, change.weights[0])) and change.weights.size > 1
    first = offset + change.first
    time = _event_time(timeline.passing(two_theta), first, change.weights, settings.level)
    place = first + int(change.weights.argmax())
    ends = (first, first + change.weights.size) if ramp else (place, place + 1)
    after, before = timeline.used[ends[0]], timeline.used[ends[1]]
    slowly = "slowly " if ramp else ""
    remark = f" to {change.factor:.0%} of its level before".replace("%", " %")
    beside = next((event for event in marker_gone if change.kind == "weakens" and event.after_scan == after), None)
    if beside is not None:
        remark += f", while {say_thing(beside.phase, beside.hkl)} vanishes"
    verb = f"{slowly}{change.kind}"
    return _event(change.kind, item.phase, None, (after, before), time, change.probability, timeline, verb=verb, remark=remark)


def _event_time(moments: FloatArray, first: int, weights: FloatArray, level: float) -> EventTime:
    value, low, high = switch_interval(moments, first, weights, level)
    return EventTime(value=value, low=low, high=high, level=level)


def _event(
    kind: str,
    phase: str,
    hkl: Hkl | None,
    between: tuple[int, int],
    time: EventTime,
    probability: float,
    timeline: Timeline,
    *,
    verb: str,
    remark: str = "",
    aside: str = "",
) -> Event:
    said = [
        f"{say_thing(phase, hkl)} {verb} between scan {between[0]} and scan {between[1]}{remark}",
        say_when(time, axis=timeline.axis, origin=timeline.origin),
    ]
    more = [say_since_change(timeline.history, time), aside]
    sentence = "; ".join([", ".join(part for part in said if part), *(part for part in more if part)]) + "."
    return Event(
        kind=kind,
        phase=phase,
        hkl=hkl,
        after_scan=between[0],
        before_scan=between[1],
        time=time,
        probability=probability,
        electrochemistry=at_event(timeline.history, time),
        sentence=sentence,
    )
