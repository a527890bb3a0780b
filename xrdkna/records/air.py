"""Has air got in: which of its phases, since when, how fast."""

from dataclasses import dataclass

from xrdkna.errors import RecordError
from xrdkna.records.arrays import require_one_of
from xrdkna.records.values import Estimate

CONTAMINATION_VERDICTS = ("none", "suspected", "found")
GROWTHS = ("irrespective", "under current", "at rest", "unknown")


@dataclass(frozen=True, slots=True, kw_only=True)
class AirMember:
    """One phase that air makes. probability: that it is the one that is there (0 … 1). limit: weight fraction it does not exceed, at
    95 %; None without a structure, or with nothing to weigh it against. weight_fraction: where it is there; of a series, last."""

    phase: str
    probability: float
    limit: Estimate | None = None
    weight_fraction: Estimate | None = None

    def __post_init__(self) -> None:
        if not 0.0 <= self.probability <= 1.0:
            raise RecordError(f"the probability of {self.phase} is {self.probability}; it must lie between 0 and 1.")


@dataclass(frozen=True, slots=True, kw_only=True)
class OnsetTime:
    """When it began, on the axis of the series: best value and the interval that holds it at `level`."""

    value: float
    low: float
    high: float
    level: float = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class AirGrowth:
    """How it grows. rate: weight fraction an hour (a scan, where no time is known; "counts·°/h" without weights). under_current,
    at_rest: the same in the scans of that state; None where there are too few. grows: GROWTHS. sentence: the test in words."""

    rate: Estimate
    under_current: Estimate | None = None
    at_rest: Estimate | None = None
    grows: str = "unknown"
    sentence: str = ""

    def __post_init__(self) -> None:
        require_one_of(self.grows, GROWTHS, name="how contamination grows")


@dataclass(frozen=True, slots=True, kw_only=True)
class Contamination:
    """Is air getting in? onset_scan: index in the series of the first scan it is in.

    probability: that any of the family is there. members: all that were looked for, most probable first. alike: those that cannot be
    told from the first of `phases`. onset, growth: of a series in which something is found or suspected.
    """

    verdict: str
    phases: tuple[str, ...]
    sentence: str
    onset_scan: int | None = None
    probability: float | None = None
    members: tuple[AirMember, ...] = ()
    alike: tuple[str, ...] = ()
    onset: OnsetTime | None = None
    growth: AirGrowth | None = None

    def __post_init__(self) -> None:
        require_one_of(self.verdict, CONTAMINATION_VERDICTS, name="contamination verdict")
