"""Many scans in order, and what the cycler did meanwhile."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

from xrdkna.errors import RecordError
from xrdkna.records.arrays import FloatArray, frozen_floats, require_one_of, require_rising, set_frozen
from xrdkna.records.scan import Scan
from xrdkna.records.values import Notice

STATES = ("rest", "plating", "stripping", "unknown")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cycling:
    """A cycler's record. time: (n,) seconds since `start`, rising; current: (n,) mA; potential: (n,) V or None.

    charge: (n,) mAh passed since the first record as the cycler counted it, of the current's sign; None: integrate the current.
    breaks: places in `time` before which nothing was recorded for a while (the end of one file and the beginning of the next).
    """

    start: datetime
    time: FloatArray
    current: FloatArray
    potential: FloatArray | None = None
    charge: FloatArray | None = None
    breaks: tuple[int, ...] = ()
    source: str = ""
    notices: tuple[Notice, ...] = ()

    def __post_init__(self) -> None:
        n = len(self.time)
        set_frozen(
            self,
            time=frozen_floats(self.time, name="time"),
            current=frozen_floats(self.current, name="current", shape=(n,)),
            potential=None if self.potential is None else frozen_floats(self.potential, name="potential", shape=(n,)),
            charge=None if self.charge is None else frozen_floats(self.charge, name="charge", shape=(n,)),
        )
        if any(not 0 < place < n for place in self.breaks):
            raise RecordError(f"a break in the cycler's record lies outside its {n} points.")
        require_rising(self.time, name="time of the cycler")


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesEntry:
    """One scan of a series, not yet read. `load` reads it (and may raise a DataError)."""

    index: int
    name: str
    start: datetime | None
    end: datetime | None
    load: Callable[[], Scan]
    columns: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        set_frozen(self, columns=MappingProxyType(dict(self.columns)))


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesSetup:
    """What series.toml says that the scan files do not; None where it is silent."""

    radiation: str | None = None
    geometry: str | None = None
    radius_mm: float | None = None
    plating_current: str = "negative"

    def __post_init__(self) -> None:
        require_one_of(self.plating_current, ("negative", "positive"), name="plating_current")


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Scans in the order of the experiment. axis: "time" when every entry has a start, else "scan"."""

    name: str
    entries: tuple[SeriesEntry, ...]
    axis: str
    setup: SeriesSetup
    cycling: Cycling | None = None
    notices: tuple[Notice, ...] = ()

    def __post_init__(self) -> None:
        require_one_of(self.axis, ("time", "scan"), name="axis")
        if self.axis == "time" and any(entry.start is None for entry in self.entries):
            raise RecordError("a series can only run in time when every scan has a start time.")
