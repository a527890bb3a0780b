"""An event seen from the cell: how long after which change of current, after how much charge, in which cycle."""

import numpy as np

from xrdkna.records.arrays import IntArray
from xrdkna.records.track import EventElectrochemistry, EventTime
from xrdkna.track.cell.cell_states import REST, UNKNOWN
from xrdkna.track.cell.electrochemistry import NAMES, CellHistory, charge_at, say_change
from xrdkna.track.times import say_span

# Below this part of a value, its half-interval is worth a ±; above, the two ends say more.
_LARGE_SPREAD = 0.3


def at_event(history: CellHistory | None, time: EventTime) -> EventElectrochemistry | None:
    """State at the best moment, time and charge since the last change of state.

    Before the first change the record shows, there is no such time; where the event's interval reaches over that change, its ends
    are still given relative to it.
    """
    if history is None or not history.time[0] <= time.value <= history.time[-1]:
        return None
    at, inside = _stretch(history, time.value), _inside(history, time)
    reference = at if at > 0 else int(inside[0]) if inside.size == 1 else None
    began = None if reference is None else float(history.change_times[reference])
    charges = [] if reference is None else [_charge_since(history, reference, moment) for moment in (time.low, time.high)]
    return EventElectrochemistry(
        state=NAMES[int(history.change_states[at])],
        since_change_s=time.value - float(history.change_times[at]) if at > 0 else None,
        charge_mAh=charge_at(history, time.value),
        since_change_low_s=None if began is None else time.low - began,
        since_change_high_s=None if began is None else time.high - began,
        change=None if reference is None else say_change(history, reference),
        charge_since_change_mAh=_charge_since(history, at, time.value) if at > 0 else None,
        charge_since_change_low_mAh=min(charges, default=None),
        charge_since_change_high_mAh=max(charges, default=None),
        changes_inside=int(inside.size),
        cycle=int(history.cycles[at]) if int(history.cycles[-1]) > 1 else None,
    )


def say_since_change(history: CellHistory | None, time: EventTime) -> str:
    """ "6 ± 3 min after plating began, after 0.021 ± 0.010 mAh, in cycle 3"; empty where nothing is known."""
    if history is None:
        return ""
    first, last = float(history.time[0]), float(history.time[-1])
    if time.value < first:
        return f"{say_span(first - time.value)} before the cycler's record begins"
    if time.value > last:
        return f"{say_span(time.value - last)} after the cycler's record ends"
    at = _stretch(history, time.value)
    if history.change_states[at] == UNKNOWN:
        return "in a gap of the cycler's record"
    cycle = f", in cycle {history.cycles[at]}" if int(history.cycles[-1]) > 1 else ""
    inside = _inside(history, time)
    if inside.size > 1:
        return f"the cell changed state {inside.size} times inside this interval{cycle}"
    if inside.size:
        moment = float(history.change_times[inside[0]])
        before, after = say_span(moment - time.low), say_span(time.high - moment)
        return f"{say_change(history, int(inside[0]))} inside this interval, {before} after its start and {after} before its end{cycle}"
    if at == 0:
        return f"during {NAMES[int(history.change_states[0])]}, before the cycler's record shows any change"
    return f"{_say_since(history, at, time)}{_say_charge(history, at, time)}{cycle}"


def _say_since(history: CellHistory, at: int, time: EventTime) -> str:
    began, spread = float(history.change_times[at]), (time.high - time.low) / 2.0
    since = time.value - began
    size, unit = (1.0, "s") if since < 90.0 and spread < 90.0 else (60.0, "min")
    if since >= 36_000.0:
        size, unit = 3600.0, "h"
    digits = 1 if unit == "h" else 0
    if spread > _LARGE_SPREAD * since:
        span = f"{(time.low - began) / size:.{digits}f} to {(time.high - began) / size:.{digits}f} {unit}"
    else:
        span = f"{since / size:.{digits}f} ± {spread / size:.{digits}f} {unit}"
    return f"{span} after {say_change(history, at)}"


def _say_charge(history: CellHistory, at: int, time: EventTime) -> str:
    """ ", after 0.021 ± 0.010 mAh"; nothing at rest, where none passes."""
    if history.change_states[at] == REST:
        return ""
    value, low, high = (abs(_charge_since(history, at, moment)) for moment in (time.value, time.low, time.high))
    half = abs(high - low) / 2.0
    if value <= 0.0:
        return ""
    digits = max(0, 1 - int(np.floor(np.log10(half if half > 0.0 else 0.01 * value))))
    if half > _LARGE_SPREAD * value:
        return f", after {min(low, high):.{digits}f} to {max(low, high):.{digits}f} mAh"
    return f", after {value:.{digits}f} ± {half:.{digits}f} mAh"


def _charge_since(history: CellHistory, at: int, moment: float) -> float:
    then, began = np.interp([moment, history.change_times[at]], history.time, history.charge)
    return float(then - began)


def _stretch(history: CellHistory, moment: float) -> int:
    return max(int(np.searchsorted(history.change_times, moment, side="right")) - 1, 0)


def _inside(history: CellHistory, time: EventTime) -> IntArray:
    """The stretches, but the first, that begin inside the event's interval."""
    began = history.change_times[1:]
    return np.asarray(np.flatnonzero((began >= time.low) & (began <= time.high)) + 1, dtype=np.int64)
