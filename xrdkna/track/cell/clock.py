"""How the cycler's clock stands to the scans', from current or potential that the scans' own log recorded too.

Both records tell of the same cell, so the shift at which they agree best is the difference of the clocks. A logged value is the mean
over its scan, or was read at some moment of it, nobody knows which: both are allowed, and the unknown moment widens the interval.
X-ray events are never used: that they agree with the current is what the reader wants to learn from them.
"""

from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np

from xrdkna.errors import UsageError
from xrdkna.records.arrays import FloatArray
from xrdkna.records.series import Cycling, Series
from xrdkna.records.track import ClockCheck
from xrdkna.records.values import Notice
from xrdkna.track.cell.clock_hours import say_if_whole_hour
from xrdkna.track.cell.clock_log import LoggedColumn, logged_columns
from xrdkna.track.cell.clock_match import COARSE_VALUES, FEWEST, FINE_VALUES, FURTHEST, Match, coarse_shifts, interval, refined, tried
from xrdkna.track.times import say_span, seconds_between

LEVEL = 0.95
# Log-likelihood by which the best shift must beat no relation (a thousand shifts are tried), and any other shift.
_BEYOND_CHANCE, _BEYOND_OTHERS = 12.0, 4.0
# Below this correlation too little of what was logged is what the cycler recorded.
_LEAST_CORRELATION = 0.95
# A log that reads the same cell shows the same volts and amperes: this gain, and on the mean this part of their range.
_GAIN, _BIAS = (0.9, 1.1), 0.1


def check_clock(series: Series) -> ClockCheck | None:
    """The cycler's clock against the scans', from the columns of the scans' log; None where no column carries current or potential."""
    cycling = series.cycling
    if cycling is None or series.axis != "time" or cycling.time.size < 2:
        return None
    origin = series.entries[0].start if series.entries else None
    columns = logged_columns(series.entries, origin)
    if origin is None or not columns:
        return None
    checks = [_check(column, cycling, origin, series.setup.plating_current) for column in columns]
    known = [check for check in checks if check.verdict != "unknown"]
    return min(known, key=_width) if known else checks[0]


def clock_notices(check: ClockCheck | None) -> tuple[Notice, ...]:
    """What the reader should know about the two clocks."""
    if check is None:
        return ()
    severity = "warning" if check.verdict == "differs" else "info"
    remedy = f"Give --clock-offset {check.offset_s:.0f}, or auto, to use it." if check.verdict == "differs" else ""
    return (Notice(code=f"clock-{check.verdict}", severity=severity, sentence=check.sentence, remedy=remedy),)


def with_clock_found(series: Series) -> Series:
    """The series with its cycler's clock brought onto the scans', for `--clock-offset auto`; as it is where the two agree.

    Raises UsageError where nothing tells the difference of the clocks.
    """
    if series.cycling is None:
        raise UsageError("--clock-offset auto: the series has no cycler's record; name it with --echem FILE.")
    check = check_clock(series)
    if check is None:
        raise UsageError(
            "--clock-offset auto: no column of the scans' log (scans.csv) carries current or potential, and X-ray events are not used; "
            "give the offset in seconds."
        )
    if check.offset_s is None:
        raise UsageError(f"--clock-offset auto: {check.sentence[:-1]}; give the offset in seconds.")
    if check.verdict == "agrees":
        return series
    sentence = f"{check.offset_s:+.0f} s were added to the cycler's times ({say_interval(check)}, from {check.source})."
    applied = Notice(code="clock-applied", severity="info", sentence=sentence)
    cycling = replace(series.cycling, start=series.cycling.start + timedelta(seconds=check.offset_s))
    return replace(series, cycling=cycling, notices=(*series.notices, applied))


def say_interval(check: ClockCheck) -> str:
    """ "95 %: -141 to -133 s"."""
    return f"{100 * check.level:.0f} %: {check.low_s:.0f} to {check.high_s:.0f} s"


def _width(check: ClockCheck) -> float:
    return float("inf") if check.low_s is None or check.high_s is None else check.high_s - check.low_s


def _check(column: LoggedColumn, cycling: Cycling, origin: datetime, plating_current: str) -> ClockCheck:
    time = cycling.time + seconds_between(cycling.start, origin)
    signal = _signal(column, cycling, plating_current)
    if signal is None:
        return _unknown(column, "the cycler's record holds no potential")
    if column.values.size < FEWEST or np.ptp(column.values) <= 0.0:
        return _unknown(column, f"it holds {column.values.size} values" if column.values.size < FEWEST else "it never changes")
    if np.ptp(signal) <= 0.0:
        return _unknown(column, "the cycler's never changes")
    coarse = tried(column.thinned(COARSE_VALUES), time, signal, coarse_shifts(column, time))
    if coarse is None:
        return _unknown(column, f"no shift up to {FURTHEST / 3600.0:.0f} h makes the cycler's record cover the scans")
    fine = refined(column.thinned(FINE_VALUES), time, signal, coarse)
    return _judged(column, coarse, fine)


def _signal(column: LoggedColumn, cycling: Cycling, plating_current: str) -> FloatArray | None:
    """(n,) what the cycler recorded of the column's quantity."""
    if column.quantity == "potential":
        return cycling.potential
    if column.quantity == "current":
        return cycling.current
    sign = 1.0 if plating_current == "positive" else -1.0
    strong = 0.05 * float(np.abs(cycling.current).max(initial=0.0))
    return np.asarray(sign * np.sign(np.where(np.abs(cycling.current) > strong, cycling.current, 0.0)))


def _judged(column: LoggedColumn, coarse: Match, fine: Match) -> ClockCheck:
    fit = fine.better
    best = int(np.argmax(fit.gained))
    low, value, high = interval(column, fine, LEVEL)
    if fit.gained[best] * fit.independent[best] < _BEYOND_CHANCE or abs(fit.correlation[best]) < _LEAST_CORRELATION:
        return _unknown(column, "at no shift is it what the cycler recorded")
    alike = _GAIN[0] <= abs(fit.gain[best]) <= _GAIN[1] and abs(fit.bias[best]) <= _BIAS * np.ptp(column.values)
    if column.has_unit and not alike:
        gain, bias = float(fit.gain[best]), float(fit.bias[best])
        return _unknown(
            column, f"it is {gain:.2g} times what the cycler recorded, {bias:+.2g} on the mean: not the same cell's, or not its unit"
        )
    apart = np.abs(coarse.shifts - value) > max(2.0 * (high - low), 2.0 * column.usual_period)
    rival = int(np.argmax(np.where(apart, coarse.gained, -np.inf)))
    if apart.any() and (coarse.gained[rival] - coarse.gained.max()) * fit.independent[best] > -_BEYOND_OTHERS:
        return _unknown(column, f"shifts of {value:.0f} s and {coarse.shifts[rival]:.0f} s suit it alike")
    half = (high - low) / 2.0
    agrees = low - 1.0 <= 0.0 <= high + 1.0
    side = "ahead" if value < 0 else "behind"
    hours = say_if_whole_hour(value, half)
    sentence = (
        f"the cycler's clock agrees with the scans' within {say_span(max(abs(low), abs(high), 1.0))} (from {column.source})."
        if agrees
        else f"the clocks differ: the cycler's runs {abs(value):.0f} ± {half:.0f} s (95 %) {side}, from {column.source}{hours}."
    )
    return ClockCheck(
        verdict="agrees" if agrees else "differs",
        source=column.source,
        sentence=sentence,
        offset_s=float(value),
        low_s=float(low),
        high_s=float(high),
        level=LEVEL,
    )


def _unknown(column: LoggedColumn, why: str) -> ClockCheck:
    sentence = f"the two clocks cannot be compared by {column.source}: {why}."
    return ClockCheck(verdict="unknown", source=column.source, sentence=sentence)
