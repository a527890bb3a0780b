"""What truly is in a planted series."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

MARKER = (1, 0, 3)


@dataclass(frozen=True, kw_only=True)
class Course:
    """How much there is at a moment: linear between (seconds, value) points, constant before the first and after the last; two points
    at one moment are a step, at which the later value holds."""

    points: tuple[tuple[float, float], ...]

    def at(self, seconds: np.ndarray) -> np.ndarray:
        """The value at each moment."""
        time, value = (np.array(column) for column in zip(*self.points, strict=True))
        right = np.searchsorted(time, seconds, side="right")
        low, high = np.clip(right - 1, 0, time.size - 1), np.clip(right, 0, time.size - 1)
        gap = time[high] - time[low]
        share = np.where(gap > 0.0, (seconds - time[low]) / np.where(gap > 0.0, gap, 1.0), 0.0)
        return np.asarray(value[low] + share * (value[high] - value[low]))

    def times(self, factor: float) -> "Course":
        """The course with every value multiplied."""
        return Course(points=tuple((time, value * factor) for time, value in self.points))


@dataclass(frozen=True, kw_only=True)
class TrueEvent:
    """A change of a phase (hkl None) or of the marker at a moment (seconds since the first scan's start). after_scan, before_scan: the
    last scan that passed the marker before that moment, the first after it; None at an end. pairs: all (after, before) that are right:
    in the sweep during which a phase comes, some of its lines are passed before and some after; the marker has one pair."""

    kind: str
    phase: str
    hkl: tuple[int, int, int] | None
    time: float
    after_scan: int | None
    before_scan: int | None
    pairs: tuple[tuple[int | None, int | None], ...]


@dataclass(frozen=True, kw_only=True)
class TrueScan:
    """One scan. sigmas: what a matched filter that knows all else would give for each phase, and under "marker" for that line alone.
    weights: fractions of the crystalline part when the marker was passed. there: whether each was there then. split: KNa2 came or went
    between its strong lines, so that the scan shows some of them and not others."""

    start: float
    end: float
    usable: bool
    sigmas: dict[str, float]
    weights: dict[str, float]
    there: dict[str, bool]
    split: bool
    displacement_mm: float


@dataclass(frozen=True, kw_only=True)
class Truth:
    """A whole series. null: KNa2 is never there. sigma: asked of the marker in a scan, 0 without. contamination: members of the air
    family that are there, from `onset_scan` on. clock_ahead: seconds by which the cycler's clock is ahead."""

    scenario: str
    seed: int
    anode: str
    radius_mm: float
    sigma: float
    null: bool
    scans: tuple[TrueScan, ...]
    events: tuple[TrueEvent, ...]
    contamination: tuple[str, ...]
    onset_scan: int | None
    clock_ahead: float

    @property
    def last_time(self) -> float:
        """Seconds at the end of the series."""
        return self.scans[-1].end


def scans_around(moment: float, passings: Sequence[float], usable: Sequence[bool]) -> tuple[int | None, int | None]:
    """The last usable scan that passed before the moment, and the first after it."""
    before = [i for i, (time, good) in enumerate(zip(passings, usable, strict=True)) if good and time < moment]
    after = [i for i, (time, good) in enumerate(zip(passings, usable, strict=True)) if good and time >= moment]
    return (before[-1] if before else None), (after[0] if after else None)
