"""A series understood: trajectories, presence, events."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

from xrdkna.errors import RecordError
from xrdkna.records.arrays import FloatArray, frozen_floats, require_one_of, set_frozen
from xrdkna.records.index import Assignment, Contamination
from xrdkna.records.peaks import Peak
from xrdkna.records.refinement import IntensityInformation
from xrdkna.records.series import STATES, Cycling
from xrdkna.records.values import Estimate, Notice

EVENT_KINDS = ("appears", "vanishes", "weakens", "strengthens", "shifts")
Hkl = tuple[int, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What the tracker needs to keep of one fitted scan; no arrays as long as the scan.

    values: named estimates (rwp, weight fractions, cells, displacement …), keyed (quantity, phase).
    two_theta_range gives the sweep: an angle is passed at start + fraction·duration. restart: the fit's parameters by name,
    from which the next scan's fit starts.
    """

    information: IntensityInformation
    values: Mapping[tuple[str, str], Estimate]
    unindexed: tuple[Peak, ...]
    two_theta_range: tuple[float, float]
    verdict: str
    reasons: tuple[str, ...] = ()
    notices: tuple[Notice, ...] = ()
    start: datetime | None = None
    end: datetime | None = None
    restart: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        set_frozen(self, values=MappingProxyType(dict(self.values)), restart=MappingProxyType(dict(self.restart)))


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackedScan:
    """One scan of the series. start, end: seconds since the first scan's start (scan number when there is no time)."""

    index: int
    name: str
    start: float
    end: float | None
    start_time: datetime | None
    state: str
    charge_mAh: float | None
    used: bool
    why_not: str | None

    def __post_init__(self) -> None:
        require_one_of(self.state, STATES, name="state")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trajectory:
    """One quantity over all scans; (n,) with None where a scan gave no value."""

    quantity: str
    phase: str | None
    hkl: Hkl | None
    unit: str
    value: tuple[float | None, ...]
    esd: tuple[float | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Presence:
    """Probability per scan that a phase (hkl None) or one reflection is there; (n,) in 0 … 1."""

    phase: str
    hkl: Hkl | None
    probability: FloatArray

    def __post_init__(self) -> None:
        set_frozen(self, probability=frozen_floats(self.probability, name="probability"))
        if self.probability.size and not (0.0 <= self.probability.min() and self.probability.max() <= 1.0):
            raise RecordError("a presence probability lies outside 0 … 1.")


@dataclass(frozen=True, slots=True, kw_only=True)
class EventTime:
    """When, on the axis of the series: best value and the interval that holds it at `level`."""

    value: float
    low: float
    high: float
    level: float = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class EventElectrochemistry:
    """What the cell was doing at the event. since_change_s: seconds since the current last changed state."""

    state: str
    since_change_s: float | None
    charge_mAh: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something changed between two scans. after_scan: last in the old state; before_scan: first in the new one."""

    kind: str
    phase: str
    hkl: Hkl | None
    after_scan: int | None
    before_scan: int | None
    time: EventTime
    probability: float
    electrochemistry: EventElectrochemistry | None
    sentence: str

    def __post_init__(self) -> None:
        require_one_of(self.kind, EVENT_KINDS, name="kind of event")


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkedLine:
    """An unindexed line followed through the scans it is seen in."""

    two_theta: Estimate
    first_scan: int
    last_scan: int
    significance: float
    candidates: tuple[Assignment, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Heatmap:
    """The series as a picture, decimated: intensity (m, n) on two_theta (n,) for the scans with index `scans` (m,)."""

    two_theta: FloatArray
    scans: tuple[int, ...]
    intensity: FloatArray

    def __post_init__(self) -> None:
        n, m = len(self.two_theta), len(self.scans)
        set_frozen(
            self,
            two_theta=frozen_floats(self.two_theta, name="two_theta"),
            intensity=frozen_floats(self.intensity, name="intensity", shape=(m, n)),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """The answer for a series. axis: "time" (s) or "scan"."""

    name: str
    axis: str
    origin: datetime | None
    scans: tuple[TrackedScan, ...]
    trajectories: tuple[Trajectory, ...]
    presence: tuple[Presence, ...]
    events: tuple[Event, ...]
    contamination: Contamination
    unindexed: tuple[LinkedLine, ...]
    notices: tuple[Notice, ...]
    marker: tuple[str, Hkl] | None = None
    cycling: Cycling | None = None
    heatmap: Heatmap | None = None
    undecided: tuple[str, ...] = field(default=())
