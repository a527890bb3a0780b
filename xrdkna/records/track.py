"""A series understood: trajectories, presence, events."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

from xrdkna.errors import RecordError
from xrdkna.records.air import Contamination
from xrdkna.records.arrays import FloatArray, frozen_floats, require_one_of, set_frozen
from xrdkna.records.index import Assignment
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
    two_theta_range gives the sweep: an angle is passed at start + fraction·duration. strangers: area of every line of no phase that
    the fit holds, by its 2θ. weight_odds: by phase, w/(1 − w) for an area of one counts·degree over its followed groups.
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
    strangers: Mapping[float, Estimate] = field(default_factory=dict)
    weight_odds: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        named = ("values", "strangers", "weight_odds")
        set_frozen(self, **{name: MappingProxyType(dict(getattr(self, name))) for name in named})


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackedScan:
    """One scan of the series. start, end: seconds since the first scan's start (scan number when there is no time).

    state, mean_current_mA (plating positive): over the scan; states: all met during it, in order. charge_mAh: passed until its middle;
    charge_in_scan_mAh: within it. cell_note: a sentence where the cell changed during the scan, or its record does not cover it.
    """

    index: int
    name: str
    start: float
    end: float | None
    start_time: datetime | None
    state: str
    charge_mAh: float | None
    used: bool
    why_not: str | None
    mean_current_mA: float | None = None
    charge_in_scan_mAh: float | None = None
    states: tuple[str, ...] = ()
    cell_note: str | None = None

    def __post_init__(self) -> None:
        require_one_of(self.state, STATES, name="state")


@dataclass(frozen=True, slots=True, kw_only=True)
class CellSegment:
    """A stretch of one state of the cell. start, end: seconds on the axis of the series. charge_mAh, mean_current_mA: plating positive.

    cycle: counted from 1; the next begins where the current takes its first direction again after the other one.
    """

    start: float
    end: float
    state: str
    charge_mAh: float | None
    mean_current_mA: float | None
    cycle: int | None

    def __post_init__(self) -> None:
        require_one_of(self.state, STATES, name="state")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockCheck:
    """How the cycler's clock stands to the scans', from something both recorded.

    verdict: agrees, differs or unknown. offset_s: what must be added to the cycler's times, with the interval that holds it at `level`;
    None where it is unknown. source: what was compared, such as "the potential in scans.csv".
    """

    verdict: str
    source: str
    sentence: str
    offset_s: float | None = None
    low_s: float | None = None
    high_s: float | None = None
    level: float = 0.95

    def __post_init__(self) -> None:
        require_one_of(self.verdict, ("agrees", "differs", "unknown"), name="verdict on the clocks")


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
    """What the cell was doing at the event. since_change_s: seconds since the current last changed state.

    since_change_low_s, since_change_high_s: the same at the ends of the event's interval, negative where it begins before the change.
    change: what changed ("plating began"). charge_since_change_mAh, with low and high: passed since then, plating positive.
    changes_inside: changes of state within the event's interval. cycle: in which cycle, where there are several.
    """

    state: str
    since_change_s: float | None
    charge_mAh: float | None
    since_change_low_s: float | None = None
    since_change_high_s: float | None = None
    change: str | None = None
    charge_since_change_mAh: float | None = None
    charge_since_change_low_mAh: float | None = None
    charge_since_change_high_mAh: float | None = None
    changes_inside: int = 0
    cycle: int | None = None


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
    """An unindexed line followed through the scans it is seen in.

    nearest: the library's reflections nearest to it, whatever their distance. value, esd: (n,) its area in every scan, counts·degrees,
    None where a scan says nothing. group: number of the `UnknownPhase` it moves with. sentence: what lies at its place and what of it
    is missing.
    """

    two_theta: Estimate
    first_scan: int
    last_scan: int
    significance: float
    candidates: tuple[Assignment, ...]
    d_spacing: Estimate | None = None
    nearest: tuple[Assignment, ...] = ()
    value: tuple[float | None, ...] = ()
    esd: tuple[float | None, ...] = ()
    group: int | None = None
    sentence: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownPhase:
    """Unindexed lines that move together in time: possibly one phase that the library does not hold. lines: places in
    `Track.unindexed`. lattice: the relation that their d-spacings obey beyond chance, in words; empty where there is none."""

    number: int
    lines: tuple[int, ...]
    sentence: str
    lattice: str = ""


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
    segments: tuple[CellSegment, ...] = ()
    clock: ClockCheck | None = None
    unknown_phases: tuple[UnknownPhase, ...] = field(default=())
