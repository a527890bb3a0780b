"""What the cell was doing during each scan and at each event, from the cycler's own record."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from xrdkna.records.arrays import FloatArray, IntArray
from xrdkna.records.series import Cycling
from xrdkna.records.track import EventElectrochemistry
from xrdkna.records.values import Notice
from xrdkna.track.times import say_span, seconds_between

PLATING, REST, STRIPPING = 1, 0, -1
NAMES = {PLATING: "plating", REST: "rest", STRIPPING: "stripping"}
BEGAN = {PLATING: "plating began", STRIPPING: "stripping began"}
STOPPED = {PLATING: "plating stopped", STRIPPING: "stripping stopped"}


@dataclass(frozen=True, slots=True)
class CellHistory:
    """The cycler's record on the axis of the series.

    time: (n,) seconds since the series' origin. current: (n,) mA, plating positive. charge: (n,) mAh, its integral from the
    record's first point. change_times, change_states: (s,) starts of the stretches of one state, the first at time[0].
    """

    time: FloatArray
    current: FloatArray
    charge: FloatArray
    deadband: float
    change_times: FloatArray
    change_states: IntArray


def read_history(
    cycling: Cycling | None, *, origin: datetime | None, last_end: float, plating_current: str, deadband: float
) -> tuple[CellHistory | None, tuple[Notice, ...]]:
    """The cell's history on the axis of the series, or None with a notice when the two clocks cannot be related.

    last_end: seconds, the end of the last scan. deadband: part of the largest |current| below which the cell rests.
    """
    if cycling is None:
        return None, ()
    if origin is None:
        return None, (_notice("clock-unknown", "the scans have no times, so the cycler's record cannot be joined to them"),)
    if cycling.time.size < 2:
        return None, (_notice("cycling-empty", f"the cycler's record {cycling.source} holds fewer than two points"),)
    time = cycling.time + seconds_between(cycling.start, origin)
    if time[-1] < 0.0 or time[0] > last_end:
        gap = -time[-1] if time[-1] < 0.0 else time[0] - last_end
        where = "before the first scan starts" if time[-1] < 0.0 else "after the last scan ends"
        sentence = f"the cycler's record lies {say_span(gap)} {where}: the two clocks do not overlap, and no state is joined"
        return None, (_notice("clocks-apart", sentence),)
    current = cycling.current if plating_current == "positive" else -cycling.current
    charge = np.concatenate(([0.0], np.cumsum(0.5 * (current[1:] + current[:-1]) * np.diff(time)))) / 3600.0
    threshold = deadband * float(np.abs(current).max(initial=0.0))
    states = _states(current, threshold)
    starts = np.concatenate(([0], np.flatnonzero(np.diff(states)) + 1))
    history = CellHistory(
        time=time,
        current=current,
        charge=charge,
        deadband=threshold,
        change_times=time[starts],
        change_states=states[starts],
    )
    return history, ()


def state_in_window(history: CellHistory | None, start: float, end: float | None) -> str:
    """rest, plating or stripping by the mean current over the scan; unknown where the record does not reach."""
    if history is None:
        return "unknown"
    low, high = max(start, history.time[0]), min(start if end is None else end, history.time[-1])
    if high < low:
        return "unknown"
    if high == low:
        mean = float(np.interp(low, history.time, history.current))
    else:
        low_charge, high_charge = np.interp([low, high], history.time, history.charge)
        mean = float(high_charge - low_charge) * 3600.0 / (high - low)
    return NAMES[int(_states(np.array([mean]), history.deadband)[0])]


def charge_at(history: CellHistory | None, time: float) -> float | None:
    """mAh passed since the start of the first scan (or of the record, if later), plating counted positive; None outside the record."""
    if history is None or not history.time[0] <= time <= history.time[-1]:
        return None
    then, start = np.interp([time, max(0.0, history.time[0])], history.time, history.charge)
    return float(then - start)


def at_event(history: CellHistory | None, time: float) -> EventElectrochemistry | None:
    """State at a moment, time since the last change of state (None when the record shows none before) and charge."""
    if history is None or not history.time[0] <= time <= history.time[-1]:
        return None
    at = int(np.searchsorted(history.change_times, time, side="right")) - 1
    return EventElectrochemistry(
        state=NAMES[int(history.change_states[at])],
        since_change_s=float(time - history.change_times[at]) if at > 0 else None,
        charge_mAh=charge_at(history, time),
    )


def say_since_change(history: CellHistory | None, time: float, low: float, high: float) -> str:
    """ "6 min after plating began", with the spread of the event's interval; empty where nothing is known."""
    if history is None or not history.time[0] <= time <= history.time[-1]:
        return ""
    inside = np.flatnonzero((history.change_times[1:] >= low) & (history.change_times[1:] <= high)) + 1
    if inside.size:
        return f"{_say_change(history, int(inside[0]))} inside this interval"
    at = int(np.searchsorted(history.change_times, time, side="right")) - 1
    if at == 0:
        return f"during {NAMES[int(history.change_states[0])]}"
    what = _say_change(history, at)
    spread = (high - low) / 2.0
    since = time - float(history.change_times[at])
    size, unit = (1.0, "s") if since < 90.0 and spread < 90.0 else (60.0, "min")
    if spread > 0.3 * since:
        begin = max(low - float(history.change_times[at]), 0.0)
        return f"{begin / size:.0f} to {(begin + 2.0 * spread) / size:.0f} {unit} after {what}"
    return f"{since / size:.0f} ± {spread / size:.0f} {unit} after {what}"


def _say_change(history: CellHistory, at: int) -> str:
    state, before = int(history.change_states[at]), int(history.change_states[at - 1])
    return STOPPED[before] if state == REST else BEGAN[state]


def first_plating(states: Sequence[str]) -> int | None:
    """Index of the first scan with current on (plating or stripping); None when there is none or no state is known."""
    if all(state == "unknown" for state in states):
        return None
    return next((i for i, state in enumerate(states) if state in ("plating", "stripping")), None)


def _states(current: FloatArray, threshold: float) -> IntArray:
    return np.where(current > threshold, PLATING, np.where(current < -threshold, STRIPPING, REST)).astype(np.int64)


def _notice(code: str, sentence: str) -> Notice:
    remedy = "Check the start times in scans.csv and the cycler file; --clock-offset SECONDS shifts the cycler's clock."
    return Notice(code=code, severity="warning", sentence=sentence + ".", remedy=remedy)
