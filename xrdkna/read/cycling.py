"""The cycler's record: echem.csv and its relatives, Neware .nda and .ndax."""

import math
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from xrdkna.errors import CyclingError
from xrdkna.read.bytes_in import bytes_of, text_from_bytes
from xrdkna.read.csv_rows import CsvRows, csv_rows, find_column
from xrdkna.read.neware import is_neware, read_neware
from xrdkna.read.times import parse_time
from xrdkna.records.arrays import FloatArray
from xrdkna.records.series import Cycling
from xrdkna.records.values import Notice

_WHAT = "cycler file"
_TIMES = (
    "time",
    "timestamp",
    "datetime",
    "dateandtime",
    "date",
    "starttime",
    "absolutetime",
    "realtime",
    "datetimeiso",
    "unixtimes",
    "unixtime",
)
_CURRENT = re.compile(r"^(?:<?i>?|current|strom)(?=[\s_/(\[.,-]|$)", re.IGNORECASE)
_POTENTIAL = re.compile(
    r"^(?:<?e(?:we|cell)?>?|potential|voltage|spannung|u|v|cell[\s_]?(?:voltage|potential))(?=[\s_/(\[.,-]|$)", re.IGNORECASE
)
_MILLIAMPERE = {"a": 1e3, "amp": 1e3, "amps": 1e3, "ampere": 1e3, "ma": 1.0, "ua": 1e-3, "µa": 1e-3, "μa": 1e-3, "na": 1e-6}
_VOLT = {"v": 1.0, "volt": 1.0, "volts": 1.0, "mv": 1e-3}
# Excel counts days from here; a bare number in these ranges (1995 … 2091) is such a day, or Unix seconds (1998 … 2096).
_EXCEL_EPOCH, _EXCEL_DAYS, _UNIX_SECONDS = datetime(1899, 12, 30), (34_700.0, 70_000.0), (9e8, 4e9)
# Rows looked at to find out which of several columns of times holds moments and not seconds since some beginning.
_LOOK = 50
# Records written with the same time are spread over at most this: the resolution of clocks that write whole seconds.
_CLOCK_STEP = 1.0


def read_cycling(path: Path, *, clock_offset: float = 0.0) -> Cycling:
    """The cycler's record in time, with `clock_offset` seconds added to its clock.

    A CSV has a column of times (ISO 8601) and one of current whose name carries its unit; potential is optional.
    Rows that are not numbers are left out, rows out of order sorted, both with a notice.
    Raises CyclingError with a sentence: unreadable, no such columns, a unit missing, no usable row.
    """
    if not math.isfinite(clock_offset):
        raise CyclingError(f"the clock offset is {clock_offset}; give seconds, such as -137.")
    data = bytes_of(path, CyclingError, what=_WHAT)
    if is_neware(data):
        times, current, potential = read_neware(path, data)
        return _cycling(path, times, current, potential, clock_offset=clock_offset, dropped=0, first=0)
    text = text_from_bytes(data)
    if text is None:
        raise CyclingError(f"{path}: this is no cycler file that is read (.csv, .nda or .ndax); export time, current and potential as CSV.")
    table = csv_rows(text)
    if table is None or len(table.names) < 2:
        raise CyclingError(f"{path}: the first line does not name columns; it must be like time,current_mA,potential_V.")
    return _from_table(path, table, clock_offset=clock_offset)


def _from_table(path: Path, table: CsvRows, *, clock_offset: float) -> Cycling:
    when = _time_column(path, table)
    amps = _with_unit(path, table.names, _CURRENT, _MILLIAMPERE, quantity="current", example="current_mA")
    volts = _with_unit(path, table.names, _POTENTIAL, _VOLT, quantity="potential", example="potential_V")
    if amps is None:
        raise CyclingError(f"{path}: no column is called current; the columns are {', '.join(table.names)}, one must be like current_mA.")
    rows = table.rows if table.ended or not table.rows or table.rows[-1][0] not in table.short else table.rows[:-1]
    times: list[datetime] = []
    numbers: list[tuple[float, float]] = []
    bad: list[int] = [] if len(rows) == len(table.rows) else [table.rows[-1][0]]
    for line, cells in rows:
        moment = _moment(cells[when], table, names_a_date="date" in table.names[when].lower())
        current = table.number(cells[amps[0]]) * amps[1]
        potential = table.number(cells[volts[0]]) * volts[1] if volts is not None else 0.0
        if moment is None or not math.isfinite(current) or not math.isfinite(potential):
            bad.append(line)
            continue
        times.append(moment)
        numbers.append((current, potential))
    if not times:
        example = rows[0][1][when] if rows else ""
        raise CyclingError(f"{path}: no row holds a date with a time of day and a current (the first time is {example!r}); write ISO 8601.")
    values = np.array(numbers)
    return _cycling(
        path,
        times,
        values[:, 0],
        values[:, 1] if volts is not None else None,
        clock_offset=clock_offset,
        dropped=len(bad),
        first=min(bad, default=0),
    )


def _cycling(
    path: Path,
    times: Sequence[datetime],
    current: FloatArray,
    potential: FloatArray | None,
    *,
    clock_offset: float,
    dropped: int,
    first: int,
) -> Cycling:
    if not times:
        raise CyclingError(f"{path}: the cycler file holds no record.")
    notices: list[Notice] = []
    if dropped:
        sentence = f"{dropped} rows of {path.name} are not a time with numbers and were left out (the first is line {first})."
        notices.append(Notice(code="cycler-rows-left-out", severity="warning", sentence=sentence))
    zones = {moment.tzinfo is None for moment in times}
    if len(zones) == 2:
        times = [moment.replace(tzinfo=None) for moment in times]
        sentence = f"some times of {path.name} carry a zone and some do not; all were taken as the same local time."
        notices.append(Notice(code="cycler-mixed-zones", severity="warning", sentence=sentence))
    origin = min(times)
    seconds = np.array([(moment - origin).total_seconds() for moment in times])
    if np.any(np.diff(seconds) < 0):
        sentence = f"the times of {path.name} go back {int(np.count_nonzero(np.diff(seconds) < 0))} times; the rows were sorted."
        notices.append(Notice(code="cycler-sorted", severity="warning", sentence=sentence))
    order = np.argsort(seconds, kind="stable")
    return Cycling(
        start=origin + timedelta(seconds=clock_offset),
        time=_spread(seconds[order]),
        current=current[order],
        potential=None if potential is None else potential[order],
        source=str(path),
        notices=tuple(notices),
    )


def _spread(seconds: FloatArray) -> FloatArray:
    """(n,) strictly rising: k records with one time are spread, in their order, over the step of the clock that wrote them."""
    distinct, first, number = np.unique(seconds, return_index=True, return_counts=True)
    if len(distinct) == len(seconds):
        return seconds
    gaps = np.append(np.diff(distinct), _CLOCK_STEP)
    within = np.arange(len(seconds)) - np.repeat(first, number)
    return np.asarray(seconds + within * np.repeat(np.minimum(gaps, _CLOCK_STEP) / number, number))


def _with_unit(
    path: Path, names: Sequence[str], pattern: re.Pattern[str], units: dict[str, float], *, quantity: str, example: str
) -> tuple[int, float] | None:
    """(column, factor to mA or V) of the first column of this quantity whose name carries a unit; None without such a quantity."""
    found = [i for i, name in enumerate(names) if pattern.match(name)]
    for i in found:
        behind = pattern.sub("", names[i], count=1)
        for word in re.findall(r"[A-Za-zµμ]+", behind):
            if word.lower() in units:
                return i, units[word.lower()]
    if found:
        raise CyclingError(f"{path}: column {names[found[0]]!r} does not say its unit; name the {quantity} like {example}.")
    return None


def _time_column(path: Path, table: CsvRows) -> int:
    """The first column called a time in which most cells are moments; else the first called so."""
    columns = [column for word in _TIMES if (column := find_column(table.names, word)) is not None]
    if not columns:
        raise CyclingError(f"{path}: no column is called time; the columns are {', '.join(table.names)}.")
    sample = [cells for _, cells in table.rows[:_LOOK]]
    for column in columns:
        dated = "date" in table.names[column].lower()
        if sum(_moment(cells[column], table, names_a_date=dated) is not None for cells in sample) > 0.5 * len(sample):
            return column
    return columns[0]


def _moment(cell: str, table: CsvRows, *, names_a_date: bool) -> datetime | None:
    """A time as text; a bare number only where it can be nothing but Unix seconds, or an Excel day in a column of dates."""
    if (moment := parse_time(cell)) is not None:
        return moment
    number = table.number(cell)
    if names_a_date and _EXCEL_DAYS[0] < number < _EXCEL_DAYS[1]:
        return _EXCEL_EPOCH + timedelta(seconds=round(number * 86_400.0, 3))
    if _UNIX_SECONDS[0] < number < _UNIX_SECONDS[1]:
        return datetime.fromtimestamp(number, UTC)
    return None
