"""What the cell was doing during each scan, from the cycler's own record."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from xrdkna.records.arrays import FloatArray, IntArray
from xrdkna.records.series import Cycling
from xrdkna.records.track import CellSegment
from xrdkna.records.values import Notice
from xrdkna.track.cell.cell_states import PLATING, REST, STRIPPING, UNKNOWN, cell_states, cycles_of
from xrdkna.track.cell.clock_hours import say_whole_hours
from xrdkna.track.times import say_span, seconds_between

# A record whose charge never rises above its beginning by more than this part of its range has plated nothing first.
_PLATED = 0.05
NAMES = {PLATING: "plating", REST: "rest", STRIPPING: "stripping", UNKNOWN: "unknown"}


@dataclass(frozen=True, slots=True)
class CellHistory:
    """The cycler's record on the axis of the series.

    time: (n,) seconds since the series' origin. current: (n,) mA, plating positive. charge: (n,) mAh passed since the record's
    first point. deadband: mA below which the cell rests; share: so does it in a scan whose mean current is less than this part of the
    largest in it. change_times, change_states, cycles: (s,) starts of the stretches of one state, the first at time[0]. gaps: (g, 2)
    seconds between which nothing was recorded.
    """

    time: FloatArray
    current: FloatArray
    charge: FloatArray
    deadband: float
    share: float
    change_times: FloatArray
    change_states: IntArray
    cycles: IntArray
    gaps: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class CellInScan:
    """The cell during one scan; see TrackedScan."""

    state: str
    mean_current_mA: float | None = None
    charge_mAh: float | None = None
    states: tuple[str, ...] = ()
    note: str | None = None


def read_history(
    cycling: Cycling | None, *, origin: datetime | None, last_end: float, plating_current: str, deadband: float
) -> tuple[CellHistory | None, tuple[Notice, ...]]:
    """The cell's history on the axis of the series, or None with a notice when the two clocks cannot be related.

    last_end: seconds, the end of the last scan. deadband: part of the largest |current| above which one record counts as current.
    """
    if cycling is None:
        return None, ()
    if origin is None:
        return None, (_notice("clock-unknown", "the scans have no times, so the cycler's record cannot be joined to them"),)
    if cycling.time.size < 2:
        return None, (_notice("cycling-empty", f"the cycler's record {cycling.source} holds fewer than two points"),)
    time = cycling.time + seconds_between(cycling.start, origin)
    hours = say_whole_hours(float(time[0]), float(time[-1]), last_end)
    if time[-1] < 0.0 or time[0] > last_end:
        gap = -time[-1] if time[-1] < 0.0 else time[0] - last_end
        where = "before the first scan starts" if time[-1] < 0.0 else "after the last scan ends"
        sentence = f"the cycler's record lies {say_span(gap)} {where}: the two clocks do not overlap, and no state is joined"
        return None, (_notice("clocks-apart", sentence + hours),)
    sign = 1.0 if plating_current == "positive" else -1.0
    notices = (_notice("clock-hours-suspected", f"the cycler's record covers less than half of the scans' time{hours}"),) if hours else ()
    history = _history(cycling, time, sign, deadband)
    return history, (*notices, *_doubt_sign(history, plating_current))


def _history(cycling: Cycling, time: FloatArray, sign: float, deadband: float) -> CellHistory:
    """time: (n,) seconds on the axis of the series."""
    current = sign * cycling.current
    breaks = np.array(cycling.breaks, dtype=np.int64)
    steps = 0.5 * (current[1:] + current[:-1]) * np.diff(time) / 3600.0
    steps[breaks - 1] = 0.0
    charge = np.concatenate(([0.0], np.cumsum(steps))) if cycling.charge is None else sign * (cycling.charge - cycling.charge[0])
    states, weak = cell_states(current, time, deadband=deadband)
    starts = np.unique(np.concatenate(([0], np.flatnonzero(np.diff(states)) + 1, breaks)))
    # Nothing is known from the last record before a break to the first after it.
    times = np.concatenate((time[starts], time[breaks - 1]))
    kinds = np.concatenate((states[starts], np.full(breaks.size, UNKNOWN)))
    order = np.argsort(times, kind="stable")
    return CellHistory(
        time=time,
        current=current,
        charge=charge,
        deadband=weak,
        share=deadband,
        change_times=times[order],
        change_states=kinds[order],
        cycles=cycles_of(kinds[order]),
        gaps=np.column_stack((time[breaks - 1], time[breaks])),
    )


def _doubt_sign(history: CellHistory, plating_current: str) -> tuple[Notice, ...]:
    """What was never plated cannot be stripped: a record that only strips, from its first current on, may have its sign reversed."""
    on = history.change_states[(history.change_states == PLATING) | (history.change_states == STRIPPING)]
    lowest, highest = float(history.charge.min()), float(history.charge.max())
    if not on.size or on[0] != STRIPPING or highest > _PLATED * (highest - lowest):
        return ()
    other = "positive" if plating_current == "negative" else "negative"
    sentence = f"the cycler's first current strips, and nothing was plated before: is plating the {plating_current} current?"
    remedy = f'If not, give --plating-current {other}, or plating_current = "{other}" under [cell] in series.toml.'
    return (Notice(code="plating-sign-doubtful", severity="warning", sentence=sentence, remedy=remedy),)


def segments_of(history: CellHistory | None) -> tuple[CellSegment, ...]:
    """The stretches of one state, in order, over the whole record."""
    if history is None:
        return ()
    ends = np.append(history.change_times[1:], history.time[-1])
    charges = np.interp(ends, history.time, history.charge) - np.interp(history.change_times, history.time, history.charge)
    segments = []
    for start, end, state, charge, cycle in zip(history.change_times, ends, history.change_states, charges, history.cycles, strict=True):
        known = state != UNKNOWN
        segments.append(
            CellSegment(
                start=float(start),
                end=float(end),
                state=NAMES[int(state)],
                charge_mAh=float(charge) if known else None,
                mean_current_mA=float(charge * 3600.0 / (end - start)) if known and end > start else None,
                cycle=int(cycle) if known else None,
            )
        )
    return tuple(segments)


def cell_in_scan(history: CellHistory | None, start: float, end: float | None) -> CellInScan:
    """Mean current, charge and state over a scan, and a sentence where it spans a change or reaches beyond the record."""
    if history is None:
        return CellInScan(state="unknown")
    stop = start if end is None else end
    low, high = max(start, float(history.time[0])), min(stop, float(history.time[-1]))
    known = _known_seconds(history, low, high)
    first = max(int(np.searchsorted(history.change_times, low, side="right")) - 1, 0)
    last = max(int(np.searchsorted(history.change_times, high, side="left")), first + 1)
    kinds = history.change_states[first:last]
    if high < low or (known <= 0.0 and kinds[0] == UNKNOWN):
        return CellInScan(state="unknown", note="the cycler's record does not reach this scan.")
    if known <= 0.0:
        mean, charge = float(np.interp(low, history.time, history.current)), 0.0
    else:
        begin, finish = np.interp([low, high], history.time, history.charge)
        charge = float(finish - begin)
        mean = charge * 3600.0 / known
    return CellInScan(
        state=_state_held(history, mean, first, last, low, high),
        mean_current_mA=mean,
        charge_mAh=charge,
        states=tuple(dict.fromkeys(NAMES[int(kind)] for kind in kinds)),
        note=_note(history, first, last, start, stop),
    )


def state_in_window(history: CellHistory | None, start: float, end: float | None) -> str:
    """rest, plating or stripping by the mean current over the scan; unknown where the record does not reach."""
    return cell_in_scan(history, start, end).state


def charge_at(history: CellHistory | None, time: float) -> float | None:
    """mAh passed since the start of the first scan (or of the record, if later), plating counted positive; None outside the record."""
    if history is None or not history.time[0] <= time <= history.time[-1]:
        return None
    then, start = np.interp([time, max(0.0, history.time[0])], history.time, history.charge)
    return float(then - start)


def first_plating(states: Sequence[str]) -> int | None:
    """Index of the first scan with current on (plating or stripping); None when there is none or no state is known."""
    if all(state == "unknown" for state in states):
        return None
    return next((i for i, state in enumerate(states) if state in ("plating", "stripping")), None)


def _state_held(history: CellHistory, mean: float, first: int, last: int, low: float, high: float) -> str:
    """The state of the mean current; where plating and stripping cancel, the one that was held longest."""
    kinds = history.change_states[first:last]
    on = {int(kind) for kind in kinds} & {PLATING, STRIPPING}
    within = history.current[slice(*np.searchsorted(history.time, [low, high]))]
    counts = abs(mean) > max(history.deadband, history.share * float(np.abs(within).max(initial=0.0)))
    if len(on) < 2 or counts:
        if on and counts:
            return NAMES[PLATING if mean > 0 else STRIPPING]
        return NAMES[int(kinds[0])] if kinds.size == 1 else NAMES[REST]
    edges = np.clip(np.append(history.change_times[first:last], np.inf), low, high)
    held = {kind: float(np.diff(edges)[kinds == kind].sum()) for kind in (PLATING, STRIPPING, REST)}
    return NAMES[max(held, key=lambda kind: held[kind])]


def _note(history: CellHistory, first: int, last: int, start: float, stop: float) -> str | None:
    changes = [at for at in range(max(first, 1), last) if start < history.change_times[at] < stop]
    if len(changes) > 3:
        return f"the cell changed state {len(changes)} times during this scan."
    said = [f"{say_change(history, at)} {say_span(history.change_times[at] - start)} into the scan" for at in changes]
    if start < history.time[0] < stop:
        said.append(f"the cycler's record begins {say_span(history.time[0] - start)} into the scan")
    if start < history.time[-1] < stop:
        said.append(f"the cycler's record ends {say_span(history.time[-1] - start)} into the scan")
    return ", ".join(said) + "." if said else None


def say_change(history: CellHistory, at: int) -> str:
    """ "plating began", "stripping stopped", at the beginning of stretch `at`."""
    state, before = int(history.change_states[at]), int(history.change_states[at - 1])
    if state == UNKNOWN:
        return "the cycler's record broke off"
    if before == UNKNOWN:
        return "the cycler's record went on"
    return f"{NAMES[before]} stopped" if state == REST else f"{NAMES[state]} began"


def _known_seconds(history: CellHistory, low: float, high: float) -> float:
    missing = np.clip(history.gaps, low, max(high, low))
    return high - low - float(np.sum(missing[:, 1] - missing[:, 0]))


def _notice(code: str, sentence: str) -> Notice:
    remedy = "Check the start times in scans.csv and the cycler file; --clock-offset SECONDS shifts the cycler's clock."
    return Notice(code=code, severity="warning", sentence=sentence + ".", remedy=remedy)
