"""What is to happen in a planted series, before any counts: the draws that all scenarios share."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from series_truth import Course

ALWAYS = Course(points=((0.0, 1.0),))
NEVER = Course(points=((0.0, 0.0),))
RADII_MM = (145.0, 217.5, 240.0, 280.0)
# anode: first, last and step of 2θ; about 3500 points over the same d-spacings
GRIDS = {"Cu": (10.0, 80.0, 0.02), "Co": (12.0, 96.0, 0.024), "Mo": (5.0, 36.0, 0.009)}


@dataclass(frozen=True, kw_only=True)
class Clock:
    """Sweeps of `duration` s, `pause` s between them; gaps: extra seconds before the scan of that number. cut: share of the sweep that a
    truncated scan got to. unreadable: scans whose file is broken. ahead: seconds by which the cycler's clock is ahead."""

    count: int
    duration: float
    pause: float
    gaps: Mapping[int, float] = field(default_factory=dict)
    cut: Mapping[int, float] = field(default_factory=dict)
    unreadable: tuple[int, ...] = ()
    ahead: float = 0.0

    @property
    def starts(self) -> np.ndarray:
        """(count,) seconds since the first scan's start."""
        late = np.array([self.gaps.get(i, 0.0) for i in range(self.count)])
        return np.arange(self.count) * (self.duration + self.pause) + np.cumsum(late)

    @property
    def period(self) -> float:
        """Seconds from start to start where there is no gap."""
        return self.duration + self.pause

    def moment(self, rng: np.random.Generator, first: float, last: float) -> float:
        """A moment at random between the starts of two scans (fractions count)."""
        return float(np.interp(rng.uniform(first, last), np.arange(self.count), self.starts))


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Who is there when.

    sigma: of the marker in a scan where `marker` is 1. marker: its course (1 where KNa2 is whole), kna2: that of the other lines.
    top: counts at Al (111), from and to. axial: half heights of specimen and slit over the radius. corundum_012: times too strong, its
    course turn_012. potassium: (course, sigmas of K at course 1). air: weight fraction by phase. liquid: (course, peak over background).
    tube: every count; crack: every line of hardware. drift_mm: of the specimen over the series; deposit_mm: deposits above the mesh.
    changes: (kind, "KNa2" or "marker", moment). plating: (begin, end, sign) of the current; None: no cycler.
    """

    clock: Clock
    anode: str = "Cu"
    radius_mm: float = 240.0
    top: tuple[float, float] = (2000.0, 20_000.0)
    axial: float = 0.0
    corundum: float = 1.0
    corundum_012: float = 1.0
    turn_012: Course = ALWAYS
    drift_mm: float = 0.0
    jump_mm: Course = NEVER
    deposit_mm: float = 0.0
    sigma: float = 0.0
    kna2: Course = NEVER
    marker: Course = NEVER
    potassium: tuple[Course, float] = (NEVER, 0.0)
    air: Mapping[str, Course] = field(default_factory=dict)
    onset: float | None = None
    liquid: tuple[Course, float] = (NEVER, 0.0)
    tube: Course = ALWAYS
    crack: Course = ALWAYS
    changes: tuple[tuple[str, str, float], ...] = ()
    plating: tuple[tuple[float, float, int], ...] | None = None


def draw_clock(rng: np.random.Generator, *, fewest: int = 15, most: int = 40, **more: object) -> Clock:
    """Scans of 7 to 30 minutes with short pauses."""
    return Clock(
        count=int(rng.integers(fewest, most + 1)),
        duration=float(np.exp(rng.uniform(np.log(420.0), np.log(1800.0)))),
        pause=float(rng.uniform(5.0, 240.0)),
        **more,  # type: ignore[arg-type]
    )


def draw_radius(rng: np.random.Generator) -> float:
    """One of the usual goniometers."""
    return float(rng.choice(RADII_MM))


def stretch(begin: float, end: float, first: float = 1.0, last: float = 1.0) -> Course:
    """There from one moment to another, from the first level to the last."""
    return Course(points=((begin, 0.0), (begin, first), (end, last), (end, 0.0)))


def growth(begin: float, end: float, level: float = 1.0) -> Course:
    """Grows evenly from nothing, then stays."""
    return Course(points=((begin, 0.0), (end, level)))


def draw_potassium(rng: np.random.Generator, begin: float, end: float) -> tuple[Course, float]:
    """Potassium that grows while the current flows."""
    return growth(begin, end), float(np.exp(rng.uniform(np.log(5.0), np.log(60.0))))
