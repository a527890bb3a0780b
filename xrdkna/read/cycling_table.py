"""A cycler's table, whatever program wrote it: which column is what, in which unit, and from when."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np

from xrdkna.errors import CyclingError
from xrdkna.physics.cell_units import CellColumn, cell_column
from xrdkna.read.cycling_rows import CyclerRows, counted_charge
from xrdkna.read.cycling_times import Moments, numbers_in, read_moments
from xrdkna.records.arrays import FloatArray

_DISCHARGE = re.compile(r"^d(?:is)?[\s_]?ch", re.IGNORECASE)
_CHARGE = re.compile(r"^ch", re.IGNORECASE)
_EXAMPLES = {"current": "current_mA", "potential": "potential_V"}
# A cell's potential in volts never reaches the first; in millivolts some record of it exceeds the second.
_MOST_VOLTS, _LEAST_MILLIVOLTS = 12.0, 100.0
# ln of how far charge and current may differ and still share a unit; the next unit is a thousand away.
_SAME_UNIT = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class CyclerTable:
    """names: (k,) the header. columns: k columns of n cells of text. lines: (n,) the line of each row, from 1. cut: rows cut off.

    started: what the heading gives as the moment of time zero. month_first: 07/02/2025 is 2 July in this program's files.
    open_circuit: the technique passes no current, so the file has no column of it.
    """

    names: tuple[str, ...]
    columns: tuple[Sequence[str], ...]
    lines: Sequence[int]
    started: datetime | None = None
    month_first: bool = False
    open_circuit: bool = False
    cut: int = 0


def rows_from_table(table: CyclerTable, path: Path) -> CyclerRows:
    """Time, current, potential and charge of every row.

    Raises CyclingError with a sentence: no such columns, a unit that neither name nor content gives, no time, no row.
    """
    kinds = [cell_column(name) for name in table.names]
    if not table.lines:
        raise CyclingError(f"{path}: the cycler's table has a header but no row holds a date and a current; export it again.")
    if not table.open_circuit and not any(kind is not None and kind.quantity == "current" for kind in kinds):
        raise CyclingError(f"{path}: no column is called current; the columns are {', '.join(table.names)}, one must be like current_mA.")
    moments = read_moments(table.names, table.columns, started=table.started, month_first=table.month_first, file=path.name)
    if isinstance(moments, str):
        raise CyclingError(f"{path}: {moments}.")
    counter = _counter(table, kinds)
    current = np.zeros(len(table.lines)) if table.open_circuit else _current(table, kinds, moments, counter, path)
    potential = _potential(table, kinds, path)
    bad = ~(np.isfinite(moments.seconds) & np.isfinite(current))
    if potential is not None:
        bad |= ~np.isfinite(potential)
    first = int(table.lines[int(np.argmax(bad))]) if bad.any() else int(table.lines[-1]) + 1
    return CyclerRows(
        start=moments.start,
        seconds=moments.seconds,
        current=current,
        potential=potential,
        charge=_signed(counter, current),
        left_out=table.cut,
        first_left_out=first,
        notices=moments.notices,
    )


def _current(
    table: CyclerTable, kinds: Sequence[CellColumn | None], moments: Moments, counter: dict[str, FloatArray], path: Path
) -> FloatArray:
    column, factor = _best(kinds, "current")
    values = numbers_in(table.columns[column])
    if factor is None:
        factor = _factor_from_charge(values, moments.seconds, counter)
    if factor is None:
        raise _no_unit(path, table.names[column], "current")
    return values * factor


def _potential(table: CyclerTable, kinds: Sequence[CellColumn | None], path: Path) -> FloatArray | None:
    if not any(kind is not None and kind.quantity == "potential" for kind in kinds):
        return None
    column, factor = _best(kinds, "potential")
    values = numbers_in(table.columns[column])
    if factor is None:
        largest = float(np.max(np.abs(values[np.isfinite(values)]), initial=0.0))
        if _MOST_VOLTS < largest < _LEAST_MILLIVOLTS:
            raise _no_unit(path, table.names[column], "potential")
        factor = 1.0 if largest <= _MOST_VOLTS else 1e-3
    return values * factor


def _best(kinds: Sequence[CellColumn | None], quantity: str) -> tuple[int, float | None]:
    """(column, factor): the first of the quantity whose name carries a unit, else the first."""
    of_kind = [(place, kind.factor) for place, kind in enumerate(kinds) if kind is not None and kind.quantity == quantity]
    return next((item for item in of_kind if item[1] is not None), of_kind[0])


def _no_unit(path: Path, name: str, quantity: str) -> CyclingError:
    return CyclingError(f"{path}: column {name!r} does not say its unit; name the {quantity} like {_EXAMPLES[quantity]}.")


def _counter(table: CyclerTable, kinds: Sequence[CellColumn | None]) -> dict[str, FloatArray]:
    """The cycler's own counts of charge in mAh: "up" and "down", or "net" with its sign, or "plain" without."""
    found: dict[str, FloatArray] = {}
    for name, kind, cells in zip(table.names, kinds, table.columns, strict=True):
        if kind is None or kind.quantity != "charge" or kind.factor is None:
            continue
        word = name.strip().lower()
        sort = "net" if word.startswith("(q-qo)") else "down" if _DISCHARGE.match(word) else "up" if _CHARGE.match(word) else "plain"
        found.setdefault(sort, numbers_in(cells) * kind.factor)
    return found


def _signed(counter: dict[str, FloatArray], current: FloatArray) -> FloatArray | None:
    """(n,) mAh passed since the first row, charge positive; None without a counter that says all of it."""
    if "up" in counter and "down" in counter:
        return counted_charge(counter["up"], counter["down"])
    if "net" in counter:
        return np.asarray(counter["net"] - counter["net"][0])
    if "plain" in counter:
        steps = np.diff(counted_charge(counter["plain"], np.zeros(current.size)), prepend=0.0)
        return np.asarray(np.cumsum(steps * np.sign(current)))
    return None


def _factor_from_charge(values: FloatArray, seconds: FloatArray, counter: dict[str, FloatArray]) -> float | None:
    """The unit of a current that says none, from the charge counted beside it: 1e3 for A, 1 for mA, 1e-3 for µA, None if none fits."""
    charge = _signed(counter, values)
    good = np.isfinite(values) & np.isfinite(seconds)
    if charge is None or not np.isfinite(charge[good]).all() or np.count_nonzero(good) < 2:
        return None
    passed = float(np.sum(np.abs(np.diff(charge[good]))))
    integral = abs(float(np.trapezoid(np.abs(values[good]), seconds[good]))) / 3600.0
    if passed <= 0.0 or integral <= 0.0:
        return None
    fitting = [factor for factor in (1e3, 1.0, 1e-3) if abs(np.log(integral * factor / passed)) < _SAME_UNIT]
    return fitting[0] if fitting else None
