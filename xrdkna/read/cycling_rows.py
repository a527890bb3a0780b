"""What any cycler file comes down to, and how it becomes a `Cycling`: rows in order, charge as the cycler counted it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from xrdkna.errors import CyclingError
from xrdkna.records.arrays import FloatArray
from xrdkna.records.series import Cycling
from xrdkna.records.values import Notice

# Records written with the same time are spread over at most this: the resolution of clocks that write whole seconds.
_CLOCK_STEP = 1.0
# Beyond these (30 years in s, a thousand kA in mA, a million V) a number is damage and no measurement.
_LONGEST, _MOST_CURRENT, _MOST_POTENTIAL = 1e9, 1e9, 1e6
# The cycler's own counter of charge is finer than an integral over the records kept; where the two differ by more than this part
# of all charge passed, the counter counts something else (a cycle, a mass) and is not used.
_COUNTER_TRUST = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class CyclerRows:
    """A file's rows in its own order; a row without a number that can be measured is left out of the record.

    seconds: (n,) since `start`. current: (n,) mA. potential: (n,) V or None. charge: (n,) mAh, cumulated from the cycler's own
    counters, or None. left_out: rows of the file that held no usable numbers; first_left_out: the line of the first of them.
    """

    start: datetime
    seconds: FloatArray
    current: FloatArray
    potential: FloatArray | None = None
    charge: FloatArray | None = None
    left_out: int = 0
    first_left_out: int = 0
    notices: tuple[Notice, ...] = ()


def cycling_from_rows(rows: CyclerRows, path: Path, *, clock_offset: float = 0.0) -> Cycling:
    """The record in time, `clock_offset` seconds added to its clock. Raises CyclingError for fewer than two rows."""
    finite = (np.abs(rows.seconds) < _LONGEST) & (np.abs(rows.current) < _MOST_CURRENT)
    if rows.potential is not None:
        finite &= np.abs(rows.potential) < _MOST_POTENTIAL
    if np.count_nonzero(finite) < 2:
        held = "only one record" if finite.any() else "no record"
        raise CyclingError(f"{path}: the cycler file holds {held} with a time and a current; a charge needs at least two, export it again.")
    seconds, current = rows.seconds[finite], rows.current[finite]
    first = float(seconds.min())
    order = np.argsort(seconds, kind="stable")
    charge, distrust = _trusted(None if rows.charge is None else rows.charge[finite], seconds, current, path)
    dropped = rows.left_out + int(np.count_nonzero(~finite))
    try:
        start = rows.start + timedelta(seconds=first + clock_offset)
    except OverflowError as problem:
        raise CyclingError(
            f"{path}: its times, with a clock offset of {clock_offset:g} s, lie outside the calendar; check both."
        ) from problem
    return Cycling(
        start=start,
        time=_spread(seconds[order] - first),
        current=current[order],
        potential=None if rows.potential is None else rows.potential[finite][order],
        charge=None if charge is None else charge[order],
        source=str(path),
        notices=(*_said(path, dropped, rows.first_left_out, seconds), *rows.notices, *distrust),
    )


def counted_charge(up: FloatArray, down: FloatArray) -> FloatArray:
    """(n,) mAh passed, from a counter of charge and one of discharge that begin again with a step or a cycle.

    A counter that falls has begun again: what it shows is what has passed since.
    """
    return _cumulated(up) - _cumulated(down)


def _cumulated(counter: FloatArray) -> FloatArray:
    steps = np.diff(counter, prepend=counter[:1])
    return np.asarray(np.cumsum(np.where(steps >= 0.0, steps, np.maximum(counter, 0.0))))


def _trusted(
    charge: FloatArray | None, seconds: FloatArray, current: FloatArray, path: Path
) -> tuple[FloatArray | None, tuple[Notice, ...]]:
    """The counter where it agrees with the integral of the current and runs forward in time; else None, and why."""
    if charge is None or not np.isfinite(charge).all() or np.any(np.diff(seconds) < 0.0):
        return None, ()
    passed = float(np.sum(np.abs(np.diff(charge))))
    integral = float(np.trapezoid(np.abs(current), seconds)) / 3600.0
    if abs(passed - integral) <= _COUNTER_TRUST * max(passed, integral):
        return charge, ()
    sentence = (
        f"the charge counted in {path.name} ({passed:.4g} mAh) is not the integral of its current ({integral:.4g} mAh), which is used."
    )
    remedy = "Check the units of current and capacity, and that the file keeps enough records where the current changes."
    return None, (Notice(code="cycler-charge-disagrees", severity="warning", sentence=sentence, remedy=remedy),)


def _said(path: Path, dropped: int, first: int, seconds: FloatArray) -> list[Notice]:
    notices: list[Notice] = []
    if dropped:
        where = f" (the first is line {first})" if first else ""
        rows = "1 row" if dropped == 1 else f"{dropped} rows"
        sentence = f"{rows} of {path.name} are not a time with numbers and were left out{where}."
        notices.append(Notice(code="cycler-rows-left-out", severity="warning", sentence=sentence))
    back = int(np.count_nonzero(np.diff(seconds) < 0))
    if back:
        times = "once" if back == 1 else f"{back} times"
        sentence = f"the times of {path.name} go back {times}; the rows were sorted."
        notices.append(Notice(code="cycler-sorted", severity="warning", sentence=sentence))
    return notices


def _spread(seconds: FloatArray) -> FloatArray:
    """(n,) strictly rising: k records with one time are spread, in their order, over the step of the clock that wrote them."""
    distinct, first, number = np.unique(seconds, return_index=True, return_counts=True)
    if len(distinct) == len(seconds):
        return seconds
    gaps = np.append(np.diff(distinct), _CLOCK_STEP)
    within = np.arange(len(seconds)) - np.repeat(first, number)
    return np.asarray(seconds + within * np.repeat(np.minimum(gaps, _CLOCK_STEP) / number, number))
