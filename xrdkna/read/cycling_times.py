"""Times in a cycler's table: moments, or seconds since a start that the file names elsewhere."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from xrdkna.read.csv_rows import find_column
from xrdkna.read.times import parse_time
from xrdkna.records.arrays import FloatArray
from xrdkna.records.values import Notice

_MOMENTS = (
    "time", "times", "timestamp", "datetime", "dateandtime", "date", "starttime", "absolutetime", "abstime", "realtime", "systemtime",
    "dpttime", "datetimeiso", "unixtimes", "unixtime", "epochtimes", "zeit", "datumzeit",
)  # fmt: skip
_ELAPSED = re.compile(
    r"^(?:test|total|elapsed|run|zeit)?[\s_]*(?:time|zeit)[\s_/]*[(\[]?\s*(?P<unit>ms|s|sec|seconds?|min|minutes?|h|hr|hours?|h:min:s(?:\.ms)?)?\s*[)\]]?$",
    re.IGNORECASE,
)
_SECONDS_IN = {"m": 60.0, "h": 3600.0, "s": 1.0}
# Excel counts days from here; a bare number in these ranges (1995 … 2091) is such a day, or Unix seconds (1998 … 2096).
_EXCEL_EPOCH, _EXCEL_DAYS, _UNIX_SECONDS = datetime(1899, 12, 30), (34_700.0, 70_000.0), (9e8, 4e9)
_TO_MINUTES = re.compile(r"^(.*\d:\d\d):(\d\d(?:[.,]\d*)?)$")
_SPAN = re.compile(r"^(?:(\d+)\s*d?[\s.\-]\s*)?(\d+):(\d\d):(\d\d(?:[.,]\d+)?)$")
_DATE = re.compile(r"^\s*(\d{1,2})/(\d{1,2})/(\d{4})(?=[\s,T])")
# Cells looked at to tell moments from numbers.
_LOOK = 50
# A clock that goes back further than this while the elapsed time runs on was set back: the end of daylight saving, or by hand.
_SET_BACK = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Moments:
    """seconds: (n,) since `start`, NaN where a row gives no time."""

    start: datetime
    seconds: FloatArray
    notices: tuple[Notice, ...] = ()


def read_moments(
    names: Sequence[str], columns: Sequence[Sequence[str]], *, started: datetime | None, month_first: bool, file: str
) -> Moments | str:
    """When each row was written; or, as a string, why that cannot be known.

    started: the moment the file's heading gives for time zero. month_first: what 07/02/2025 means in this program's files.
    """
    elapsed = _elapsed(names, columns)
    kept = [column for word in _MOMENTS if (column := find_column(names, word)) is not None]
    ambiguous = ""
    for column in kept:
        cells = _with_date(names, columns, column)
        moments = _absolute(cells, names[column], elapsed, month_first=month_first)
        if isinstance(moments, str):
            ambiguous = moments
        elif moments is not None:
            return _unturned(moments, elapsed, file)
    if elapsed is not None and started is not None:
        return Moments(start=started, seconds=elapsed)
    if ambiguous:
        return f"{ambiguous!r} is one of two dates; export the times as 2025-12-31 23:59:59"
    if not kept and elapsed is None:
        return f"no column is called time; the columns are {', '.join(names)}"
    example = next((cell for column in kept for cell in columns[column] if cell), "")
    if elapsed is not None:
        return (
            "its times count from a start that the file does not name, so no row holds a date with a time of day; "
            "add a column of ISO 8601 times, or a first line like # start: 2025-12-31 23:59:59"
        )
    return f"no row holds a date with a time of day (the first time is {example!r}); write ISO 8601"


def numbers_in(cells: Sequence[str]) -> FloatArray:
    """(n,) the numbers in a column of text, with a point or a comma; NaN where there is none."""
    try:
        return np.array(cells, dtype=np.float64)
    except ValueError:
        return np.array([_number(cell) for cell in cells], dtype=np.float64)


def _number(cell: str) -> float:
    word = cell.replace(",", "" if "." in cell else ".") if "," in cell else cell
    try:
        return float(word)
    except ValueError:
        return float("nan")


def _elapsed(names: Sequence[str], columns: Sequence[Sequence[str]]) -> FloatArray | None:
    """(n,) seconds since the test began, from a column that only ever rises; None without one."""
    for name, cells in zip(names, columns, strict=True):
        named = _ELAPSED.match(name.strip())
        if named is None:
            continue
        unit = (named["unit"] or "s").lower()
        first = next((cell for cell in cells if cell), "")
        if not _SPAN.match(first) and not np.isfinite(_number(first)):
            continue
        if ":" in first:
            seconds = np.array([_span(cell) for cell in cells])
        else:
            seconds = numbers_in(cells) * (1e-3 if unit == "ms" else _SECONDS_IN.get(unit[0], 1.0))
        seen = seconds[np.isfinite(seconds)]
        if seen.size > 0.5 * len(cells) and np.all(np.diff(seen) >= 0.0) and seen[0] >= 0.0 and seen[-1] < _UNIX_SECONDS[0]:
            return seconds
    return None


def _span(cell: str) -> float:
    """1d 02:03:04.5 or 26:03:04.5 in seconds; NaN for anything else."""
    found = _SPAN.match(cell.strip())
    if found is None:
        return float("nan")
    days, hours, minutes, seconds = found.groups()
    return 86_400.0 * int(days or 0) + 3600.0 * int(hours) + 60.0 * int(minutes) + _number(seconds)


def _with_date(names: Sequence[str], columns: Sequence[Sequence[str]], column: int) -> Sequence[str]:
    """The cells of a column; with those of the column of dates before them where they hold only a time of day."""
    cells, dates = columns[column], find_column(names, "date", "datum")
    if dates is None or dates == column or not _SPAN.match(next((cell for cell in cells if cell), "")):
        return cells
    if any(":" in cell for cell in columns[dates][:5]):
        return cells
    return [f"{date} {cell}" for date, cell in zip(columns[dates], cells, strict=True)]


def _absolute(cells: Sequence[str], name: str, elapsed: FloatArray | None, *, month_first: bool) -> Moments | str | None:
    """The moments in a column; None where most cells are none; an example as a string where the day may be the month."""
    if not any(":" in cell for cell in cells[:_LOOK]):
        numbers = numbers_in(cells)
        return _numeric(numbers, name) if np.count_nonzero(np.isfinite(numbers)) > 0.5 * len(cells) else None
    try:
        stamps: list[datetime | None] = [datetime.fromisoformat(cell) for cell in cells]
    except ValueError:
        order = _order_of_dates(cells, elapsed, month_first=month_first)
        if order is None:
            return next(cell for cell in cells if _DATE.match(cell))
        stamps = _by_minutes(cells, order)
    return _relative_to_first(stamps)


def _numeric(numbers: FloatArray, name: str) -> Moments | None:
    seen = numbers[np.isfinite(numbers)]
    for factor in (1.0, 1e-3):
        if _UNIX_SECONDS[0] < seen.min() * factor and seen.max() * factor < _UNIX_SECONDS[1]:
            first = float(seen[0])
            return Moments(start=datetime.fromtimestamp(first * factor, UTC), seconds=(numbers - first) * factor)
    if "date" in name.lower() and _EXCEL_DAYS[0] < seen.min() and seen.max() < _EXCEL_DAYS[1]:
        start = _EXCEL_EPOCH + timedelta(seconds=round(float(seen[0]) * 86_400.0, 3))
        return Moments(start=start, seconds=np.round((numbers - seen[0]) * 86_400.0, 3))
    return None


def _relative_to_first(stamps: Sequence[datetime | None]) -> Moments | None:
    known = [moment for moment in stamps if moment is not None]
    if len(known) <= 0.5 * len(stamps):
        return None
    notices: tuple[Notice, ...] = ()
    if len({moment.tzinfo is None for moment in known}) == 2:
        stamps = [None if moment is None else moment.replace(tzinfo=None) for moment in stamps]
        sentence = "some times of the cycler's file carry a zone and some do not; all were taken as the same local time."
        notices = (Notice(code="cycler-mixed-zones", severity="warning", sentence=sentence),)
    start = next(moment for moment in stamps if moment is not None)
    seconds = np.array([float("nan") if moment is None else (moment - start).total_seconds() for moment in stamps])
    return Moments(start=start, seconds=seconds, notices=notices)


def _order_of_dates(cells: Sequence[str], elapsed: FloatArray | None, *, month_first: bool) -> bool | None:
    """Does the month come first in 07/02/2025? By a day above 12, else by the elapsed time, else by the program's habit; None: unknown."""
    dates = {found.groups() for cell in cells if (found := _DATE.match(cell))}
    if not dates or any(int(second) > 12 for _, second, _ in dates):
        return True
    if any(int(first) > 12 for first, _, _ in dates):
        return False
    if month_first or all(first == second for first, second, _ in dates):
        return True
    if elapsed is None or len(dates) < 2:
        return None
    misfit = []
    for order in (True, False):
        moments = _relative_to_first(_by_minutes(cells, order))
        whole = elapsed - elapsed[np.isfinite(elapsed)][0]
        misfit.append(np.inf if moments is None else float(np.nanmax(np.abs(moments.seconds - whole))))
    return None if min(misfit) > 0.1 * max(misfit) else misfit[0] < misfit[1]


def _by_minutes(cells: Sequence[str], month_first: bool) -> list[datetime | None]:
    """Moments in any known notation; each minute's text is understood once, for a long record holds each many times."""
    known: dict[str, datetime | None] = {}
    stamps: list[datetime | None] = []
    for cell in cells:
        parted = _TO_MINUTES.match(cell)
        head, seconds = (parted[1], _number(parted[2])) if parted else (cell, 0.0)
        if head not in known:
            known[head] = parse_time(_iso_date(head + ":00" if parted else head, month_first))
        base = known[head]
        stamps.append(None if base is None else base + timedelta(seconds=seconds))
    return stamps


def _iso_date(text: str, month_first: bool) -> str:
    """07/02/2025 … as 2025-07-02 … or 2025-02-07 …; other notations as they are."""
    return _DATE.sub(lambda d: f"{d[3]}-{int(d[1 if month_first else 2]):02d}-{int(d[2 if month_first else 1]):02d}", text)


def _unturned(moments: Moments, elapsed: FloatArray | None, file: str) -> Moments:
    """A clock that was set back while the test ran on: the elapsed time tells how long it really took."""
    steps = np.diff(moments.seconds[np.isfinite(moments.seconds)])
    if elapsed is None or not steps.size or steps.min() > -_SET_BACK or not np.isfinite(elapsed).all():
        return moments
    first = int(np.flatnonzero(np.isfinite(moments.seconds))[0])
    sentence = (
        f"the clock of {file} goes back by {-steps.min() / 60.0:.0f} min while its test time runs on, as when daylight saving ends; "
        "the test time was taken, counted from the first moment."
    )
    notice = Notice(code="cycler-clock-set-back", severity="warning", sentence=sentence)
    return Moments(start=moments.start, seconds=elapsed - elapsed[first] + moments.seconds[first], notices=(*moments.notices, notice))
