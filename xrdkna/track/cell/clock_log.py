"""What the scans' own log says of the cell: columns of current, potential or state beside the scans' times."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from xrdkna.physics.cell_units import cell_column
from xrdkna.records.arrays import FloatArray
from xrdkna.records.series import SeriesEntry
from xrdkna.track.times import seconds_between

_AVERAGED = re.compile(r"mean|average|avg|^<.*>", re.IGNORECASE)
_STATE_COLUMN = re.compile(r"(?:^|_|\s)(?:state|status|technique)$", re.IGNORECASE)
# In a diffractometer's log, a bare I or E is an intensity or an energy.
_INITIALS = 2
_STATES = {
    "rest": 0.0, "ocv": 0.0, "ocp": 0.0, "pause": 0.0, "off": 0.0, "plating": 1.0, "deposition": 1.0,
    "stripping": -1.0, "dissolution": -1.0,
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedColumn:
    """quantity: current (mA), potential (V) or state (1 plating, 0 rest, −1 stripping); has_unit: its name says the unit.

    averaged: its name says that a value is the mean over its scan; else it may have been read at any moment of it.
    starts, ends, values: (n,) of the scans that have a value, in order of time; seconds on the axis of the series.
    """

    name: str
    quantity: str
    has_unit: bool
    averaged: bool
    starts: FloatArray
    ends: FloatArray
    values: FloatArray

    @property
    def source(self) -> str:
        """For a sentence."""
        return f"the {self.quantity} in the scans' log, column {self.name}"

    @property
    def usual_scan(self) -> float:
        """Seconds a scan lasts, or a quarter of the time to the next where the log gives no ends."""
        length = float(np.median(self.ends - self.starts))
        return length if length > 0.0 else 0.25 * self.usual_period

    @property
    def usual_period(self) -> float:
        """Seconds from scan to scan."""
        return float(np.median(np.diff(self.starts))) if self.starts.size > 1 else 1.0

    def thinned(self, at_most: int) -> "LoggedColumn":
        """Every k-th value, so that at most so many are left."""
        stride = -(-self.values.size // at_most)
        return replace(self, starts=self.starts[::stride], ends=self.ends[::stride], values=self.values[::stride])


def logged_columns(entries: Sequence[SeriesEntry], origin: datetime | None) -> list[LoggedColumn]:
    """The columns that tell of the cell, potential first: it says more than a current that only goes on and off."""
    if origin is None or not entries:
        return []
    found = []
    for name in dict.fromkeys(name for entry in entries for name in entry.columns):
        column = _logged(name, entries, origin)
        if column is not None:
            found.append(column)
    order = ("potential", "current", "state")
    return sorted(found, key=lambda column: order.index(column.quantity))


def _logged(name: str, entries: Sequence[SeriesEntry], origin: datetime) -> LoggedColumn | None:
    kind = cell_column(name)
    quantity = kind.quantity if kind is not None else "state" if _STATE_COLUMN.search(name.strip()) else ""
    if quantity not in ("current", "potential", "state"):
        return None
    factor = kind.factor if kind is not None else None
    if kind is not None and factor is None and len(name.strip()) <= _INITIALS:
        return None
    rows = []
    for entry in entries:
        value = _value(entry.columns.get(name, ""), quantity)
        if entry.start is not None and value is not None:
            start = seconds_between(entry.start, origin)
            end = seconds_between(entry.end, origin) if entry.end is not None else start
            rows.append((start, max(start, end), value * (factor or 1.0)))
    if not rows:
        return None
    starts, ends, values = np.array(sorted(rows)).T
    return LoggedColumn(
        name=name,
        quantity=quantity,
        has_unit=factor is not None,
        averaged=_AVERAGED.search(name) is not None,
        starts=starts,
        ends=ends,
        values=values,
    )


def _value(cell: str, quantity: str) -> float | None:
    word = cell.strip().lower()
    if quantity == "state":
        return _STATES.get(word)
    try:
        value = float(word.replace(",", ".") if "." not in word else word)
    except ValueError:
        return None
    return value if np.isfinite(value) else None
