"""Something that changes while a series runs: a value against the scan number or against seconds."""

import math
from dataclasses import dataclass

import numpy as np

from xrdkna.errors import RecordError
from xrdkna.records.arrays import FloatArray, frozen_floats, require_one_of, set_frozen

SCHEDULE_AXES = ("scan", "seconds")


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """When scans run: `count` sweeps of `duration` seconds, each followed by `pause` seconds."""

    count: int
    duration: float
    pause: float

    @property
    def period(self) -> float:
        """Seconds from the start of one scan to the start of the next."""
        return self.duration + self.pause

    @property
    def end(self) -> float:
        """Seconds at which the last sweep ends."""
        return self.count * self.period - self.pause


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """Piecewise linear, constant before its first and after its last point; two points at one place are a step.

    at: (n,) never falling; on axis "scan", i + f is the moment at which a fraction f of scan i is swept (a pause belongs to
    the scan before it); on axis "seconds", since the start of the first scan. value: (n,). At a step the later value holds.
    """

    axis: str
    at: FloatArray
    value: FloatArray

    def __post_init__(self) -> None:
        require_one_of(self.axis, SCHEDULE_AXES, name="axis of a schedule")
        n = len(self.at)
        at = frozen_floats(self.at, name="at", shape=(n,))
        set_frozen(self, at=at, value=frozen_floats(self.value, name="value", shape=(n,)))
        if n == 0 or np.any(np.diff(at) < 0):
            raise RecordError("a schedule needs at least one point, and its points must not go back.")

    @property
    def constant(self) -> bool:
        """True when the value never changes."""
        return bool(np.all(self.value == self.value[0]))


def constant_schedule(value: float) -> Schedule:
    """The schedule of something that does not change."""
    return Schedule(axis="seconds", at=np.array([0.0]), value=np.array([value]))


def schedule_per_scan(values: FloatArray) -> Schedule:
    """The schedule that holds values[i] during scan i and steps at the start of the next."""
    n = len(values)
    return Schedule(axis="scan", at=np.repeat(np.arange(n + 1.0), 2)[1:-1], value=np.repeat(values, 2))


def value_at(schedule: Schedule, seconds: FloatArray, *, timing: Timing) -> FloatArray:
    """(n,) the value at each moment, seconds (n,) since the start of the first scan."""
    where = scan_coordinate(seconds, timing=timing) if schedule.axis == "scan" else np.asarray(seconds, dtype=np.float64)
    at, value = schedule.at, schedule.value
    right = np.searchsorted(at, where, side="right")
    low, high = np.clip(right - 1, 0, at.size - 1), np.clip(right, 0, at.size - 1)
    gap = at[high] - at[low]
    fraction = np.where(gap > 0, (where - at[low]) / np.where(gap > 0, gap, 1.0), 0.0)
    return np.asarray(value[low] + fraction * (value[high] - value[low]))


def moments(schedule: Schedule, *, timing: Timing) -> tuple[float, ...]:
    """Seconds since the start of the first scan at which the schedule bends or steps; none where it is constant."""
    if schedule.constant:
        return ()
    if schedule.axis == "seconds":
        return tuple(float(x) for x in schedule.at)
    return tuple(math.floor(u) * timing.period + (float(u) - math.floor(u)) * timing.duration for u in schedule.at)


def scan_coordinate(seconds: FloatArray, *, timing: Timing) -> FloatArray:
    """(n,) i + f: scan i is swept to a fraction f.

    A pause stays a hair below the next whole number, so that a step there falls on the start of the next scan.
    """
    moment = np.asarray(seconds, dtype=np.float64)
    scan = np.floor(moment / timing.period)
    swept = (moment - scan * timing.period) / timing.duration
    return np.asarray(scan + np.minimum(swept, 1.0 - 1e-9))
