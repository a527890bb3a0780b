"""From kept observations to a Track: evidence, presence, events, contamination, trajectories, in that order."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import numpy as np

from xrdkna.errors import DeclinedError
from xrdkna.records.air import Contamination
from xrdkna.records.arrays import FloatArray
from xrdkna.records.series import Series
from xrdkna.records.track import Event, Heatmap, Observation, Presence, Track, TrackedScan
from xrdkna.records.values import Notice
from xrdkna.track.air.contamination import AirRecord, Coincidence, judge_contamination
from xrdkna.track.cell.clock import check_clock, clock_notices
from xrdkna.track.cell.electrochemistry import CellHistory, cell_in_scan, charge_at, first_plating, read_history, segments_of
from xrdkna.track.change.substance import substance_notices
from xrdkna.track.change.trajectories import gather_trajectories
from xrdkna.track.events import Timeline, find_events
from xrdkna.track.paths.decoys import withhold_the_coincidental
from xrdkna.track.paths.presence import Confirm, Followed, follow_all, reference_line
from xrdkna.track.paths.segmentation import follow_phase, prior_odds
from xrdkna.track.paths.sweep import sweep_over
from xrdkna.track.settings import TrackSettings
from xrdkna.track.shifts import read_trends, shift_events, trend_notices
from xrdkna.track.signal.evidence import FreeAreas, PhaseEvidence, free_areas, gather_evidence
from xrdkna.track.signal.hardware import Hardware, learn_hardware, levels_of, unlearned_hardware, widen_by_drift
from xrdkna.track.signal.scatter import inflate_by_scatter
from xrdkna.track.signal.stack import Stack, stack_informations
from xrdkna.track.signal.widths import with_steady_widths
from xrdkna.track.strangers.stranger_words import Neighbours, describe_lines
from xrdkna.track.strangers.unindexed import Candidates, link_unindexed
from xrdkna.track.strangers.unknown_phases import group_lines
from xrdkna.track.times import seconds_between

REST_SCANS = 200
"""More rest scans teach nothing new about ratios."""


def interpret_series(
    series: Series,
    observations: Sequence[Observation | None],
    why_not: Sequence[str | None],
    settings: TrackSettings,
    *,
    heatmap: Heatmap | None = None,
    candidates: Candidates | None = None,
    confirm: Confirm | None = None,
    coincidence: Coincidence | None = None,
    neighbours: Neighbours | None = None,
) -> Track:
    """Read a whole series from one observation a scan; why_not: the sentence of each scan that is not used, None for the others.

    Raises DeclinedError when no scan can be used.
    """
    used = [place for place, reason in enumerate(why_not) if reason is None]
    if not used:
        first = next((reason for reason in why_not if reason), "it holds no scans.")
        raise DeclinedError(f"no scan of series {series.name} can be used; the first reason: {first}")
    kept = [observation if why_not[place] is None else None for place, observation in enumerate(observations)]
    good = [observation for observation in kept if observation is not None]
    scans, history, origin, notices = _scans(series, observations, why_not, settings)
    stack = stack_informations(with_steady_widths([observation.information for observation in good]))
    free = free_areas(stack)
    states = [scans[place].state for place in used]
    timeline = _timeline(series, scans, used, good, origin, history)
    hardware, rest_notice = _hardware(stack, free, states, used, timeline, settings)
    evidence = {phase: inflate_by_scatter(found) for phase, found in gather_evidence(stack, hardware, free).items()}
    followed, undecided = follow_all(stack, evidence, free, timeline.passing, settings, confirm)
    followed, coincidental = withhold_the_coincidental(followed, evidence, settings)
    clock = check_clock(series)
    tube = _tube(stack, hardware, free)
    air = AirRecord(
        stack=stack,
        hardware=hardware,
        free=free,
        tube=tube,
        scans=scans,
        used=used,
        observations=good,
        passing=timeline.passing,
        timed=series.axis == "time",
        coincidence=coincidence,
    )
    lines, unknown = group_lines(describe_lines(link_unindexed(kept, candidates, settings), stack, used, neighbours))
    trends = read_trends(kept, settings)
    contamination = judge_contamination(followed, evidence, air, settings)
    events = find_events(followed, stack, evidence, tube, timeline, settings)
    told = [*substance_notices(kept, used, stack, evidence), *trend_notices(trends)]
    return Track(
        name=series.name,
        axis=series.axis,
        origin=origin,
        scans=tuple(scans),
        trajectories=gather_trajectories(kept, used, stack, evidence),
        presence=_presences(followed, used, len(scans)),
        events=_in_order([*_borne_out(events, evidence, contamination), *shift_events(trends, stack, timeline, settings)]),
        contamination=contamination,
        unindexed=lines,
        unknown_phases=unknown,
        notices=_distinct(
            [*series.notices, *notices, *clock_notices(clock), *rest_notice, *told, *(notice for one in good for notice in one.notices)]
        ),
        marker=settings.marker,
        cycling=series.cycling,
        heatmap=heatmap,
        undecided=(*undecided, *coincidental),
        segments=segments_of(history),
        clock=clock,
    )


def _borne_out(events: Sequence[Event], evidence: Mapping[str, PhaseEvidence], contamination: Contamination) -> list[Event]:
    """The events, but of contaminants only those that the family's verdict bears out: the answer says one thing everywhere."""
    return [event for event in events if evidence[event.phase].role != "contamination" or event.phase in contamination.phases]


def _scans(
    series: Series, observations: Sequence[Observation | None], why_not: Sequence[str | None], settings: TrackSettings
) -> tuple[list[TrackedScan], CellHistory | None, datetime | None, tuple[Notice, ...]]:
    """The scans on the axis of the series with the cell's state in each."""
    in_time = series.axis == "time"
    origin = next((entry.start for entry in series.entries if entry.start is not None), None) if in_time else None
    windows: list[tuple[float, float | None]] = []
    for place, entry in enumerate(series.entries):
        observation = observations[place]
        end = entry.end or (None if observation is None else observation.end)
        start = seconds_between(entry.start, origin) if origin is not None and entry.start is not None else float(place)
        stop = seconds_between(end, origin) if origin is not None and end is not None else None
        windows.append((start, stop if stop is not None and stop >= start else None))
    history, notices = read_history(
        series.cycling,
        origin=origin,
        last_end=max((end if end is not None else start for start, end in windows), default=0.0),
        plating_current=series.setup.plating_current,
        deadband=settings.current_deadband,
    )
    cells = [cell_in_scan(history, start, end) for start, end in windows]
    scans = [
        TrackedScan(
            index=place,
            name=entry.name,
            start=start,
            end=end,
            start_time=entry.start,
            state=cell.state,
            charge_mAh=charge_at(history, start if end is None else 0.5 * (start + end)),
            used=why_not[place] is None,
            why_not=why_not[place],
            mean_current_mA=cell.mean_current_mA,
            charge_in_scan_mAh=cell.charge_mAh,
            states=cell.states,
            cell_note=cell.note,
        )
        for place, (entry, (start, end), cell) in enumerate(zip(series.entries, windows, cells, strict=True))
    ]
    return scans, history, origin, notices


def _hardware(
    stack: Stack, free: FreeAreas, states: Sequence[str], used: Sequence[int], timeline: Timeline, settings: TrackSettings
) -> tuple[dict[str, Hardware], list[Notice]]:
    """Hardware from the scans the user names, else from those before the current, else from those where no deposit shows."""
    unlearned = unlearned_hardware(stack, settings)
    if not unlearned:
        return {}, []
    if settings.rest_scans is not None:
        rest, how, bare = [row for row, place in enumerate(used) if place in settings.rest_scans], "the scans chosen", True
    else:
        shown = _deposit_shown(stack, free, unlearned, timeline, settings)
        current = first_plating(states)
        before = [row for row in range(len(stack)) if (current is None or row < current) and shown[row] < 0.5]
        clear = [row for row in range(len(stack)) if shown[row] < 0.1]
        rest, how = (before, "the scans before the current") if current is not None else (clear, "the scans without deposit")
        bare = True
    if not rest:
        rest, how, bare = list(range(len(stack))), "all scans, for none is free of deposit", False
    stride = -(-len(rest) // REST_SCANS)
    hardware = learn_hardware(stack, rest[::stride], settings, bare=bare)
    clear_lines = (np.median(free.openness, axis=0) > 0.7).astype(np.float64)
    for phase, at in stack.columns.items():
        if phase in hardware:
            hardware[phase] = widen_by_drift(hardware[phase], free.areas[:, at], free.esds[:, at], clear_lines[at])
    names = ", ".join(phase for phase, known in hardware.items() if known.learned_from)
    if not names:
        return hardware, []
    count = len(rest)
    sentence = f"The line ratios of {names} were learned from {how} ({count} scan{'s' if count > 1 else ''})."
    return hardware, [Notice(code="hardware-learned", severity="info", sentence=sentence)]


def _deposit_shown(
    stack: Stack, free: FreeAreas, hardware: Mapping[str, Hardware], timeline: Timeline, settings: TrackSettings
) -> FloatArray:
    """(n,) the largest probability of any deposit, hardware as free as texture lets it be."""
    shown = np.zeros(len(stack))
    deposits = [phase for phase, role in stack.roles.items() if role == "deposit"]
    if not deposits:
        return shown
    evidence = gather_evidence(stack, hardware, free)
    odds = prior_odds(settings, len(deposits))
    for phase in deposits:
        found = evidence[phase]
        sweep = sweep_over(stack.two_theta[found.columns], timeline.passing, reference=reference_line(found, None))
        path, _ = follow_phase(found, sweep, special=None, odds=odds, vanishings=settings.vanishings, settings=settings)
        shown = np.maximum(shown, path.on)
    return shown


def _tube(stack: Stack, hardware: Mapping[str, Hardware], free: FreeAreas) -> FloatArray:
    """(n,) common level of all hardware, 1 in the middle; ones where there is none. Every hardware line moves with it."""
    logs, weights = np.zeros(len(stack)), np.full(len(stack), 1e-12)
    for phase, known in hardware.items():
        at = stack.columns[phase]
        level, esd = levels_of(free.areas[:, at], free.esds[:, at], known.ratio, np.hypot(known.scatter, known.standing))
        weight = (level / esd) ** 2
        logs += weight * np.log(level / np.median(level))
        weights += weight
    return np.asarray(np.exp(logs / weights))


def _timeline(
    series: Series,
    scans: Sequence[TrackedScan],
    used: Sequence[int],
    good: Sequence[Observation],
    origin: datetime | None,
    history: CellHistory | None,
) -> Timeline:
    starts = np.array([scans[place].start for place in used])
    ends = np.array([scans[place].start if (end := scans[place].end) is None else end for place in used])
    ranges = np.array([observation.two_theta_range for observation in good], dtype=np.float64)
    return Timeline(axis=series.axis, origin=origin, used=tuple(used), starts=starts, ends=ends, ranges=ranges, history=history)


def _presences(followed: Sequence[Followed], used: Sequence[int], total: int) -> tuple[Presence, ...]:
    """One probability a scan of the series; a scan that gave nothing takes that of the nearest scan before it (after it, at the start)."""
    nearest = np.clip(np.searchsorted(np.asarray(used), np.arange(total), side="right") - 1, 0, len(used) - 1)
    return tuple(Presence(phase=item.phase, hkl=item.hkl, probability=item.path.on[nearest]) for item in followed)


def _in_order(events: Sequence[Event]) -> tuple[Event, ...]:
    return tuple(sorted(events, key=lambda event: (event.time.value, event.phase, event.hkl is not None, event.kind)))


def _distinct(notices: Sequence[Notice]) -> tuple[Notice, ...]:
    """Each notice once, in order of first appearance, at most three of one code: a thousand scans may say the same."""
    counts: dict[str, int] = {}
    kept: dict[Notice, None] = {}
    for notice in notices:
        if notice not in kept and counts.get(notice.code, 0) < 3:
            counts[notice.code] = counts.get(notice.code, 0) + 1
            kept[notice] = None
    return tuple(kept)
