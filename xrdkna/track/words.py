"""The plain sentences of the tracker."""

from datetime import datetime

from xrdkna.records.track import EventTime, Hkl
from xrdkna.track.times import say_moment


def say_hkl(hkl: Hkl | None) -> str:
    """(1 0 3); negative indices as they are."""
    return "" if hkl is None else f"({hkl[0]} {hkl[1]} {hkl[2]})"


def say_thing(phase: str, hkl: Hkl | None) -> str:
    """KNa2 or KNa2 (1 0 3)."""
    return phase if hkl is None else f"{phase} {say_hkl(hkl)}"


def say_when(time: EventTime, *, axis: str, origin: datetime | None) -> str:
    """12:04–12:11 (95 %); empty when the series has no clock."""
    if axis != "time":
        return ""
    low, high = say_moment(time.low, origin), say_moment(time.high, origin)
    if origin is None:
        return f"{time.low:.0f}–{time.high:.0f} s after the start ({time.level:.0%})"
    span = low if low == high else f"{low}–{high}"
    return f"{span} ({time.level:.0%})".replace("%", " %")
