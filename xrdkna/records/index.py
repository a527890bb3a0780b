"""Which line belongs to what, which phases are there, and how sure that is."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

from xrdkna.records.air import Contamination
from xrdkna.records.arrays import require_one_of, set_frozen
from xrdkna.records.instrument import Instrument
from xrdkna.records.peaks import Halo, Peak
from xrdkna.records.refinement import VERDICTS, Refinement
from xrdkna.records.values import Estimate, Notice

PEAK_STATUSES = ("indexed", "ambiguous", "unindexed")
PRESENCES = ("present", "absent", "undecided")


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """A reflection that explains a peak: calculated position (degrees) and its share of the peak's area, 0 … 1."""

    phase: str
    hkl: tuple[int, int, int]
    two_theta: float
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexedPeak:
    """A peak with what explains it. `published…` is filled only for a published list of lines; nearest: the library's reflections
    nearest to a peak that nothing explains, as their phases' reference cells have them."""

    peak: Peak
    status: str
    assignments: tuple[Assignment, ...]
    published: tuple[str, tuple[int, int, int]] | None = None
    published_verdict: str | None = None
    sentence: str = ""
    nearest: tuple[Assignment, ...] = ()

    def __post_init__(self) -> None:
        require_one_of(self.status, PEAK_STATUSES, name="status")


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseVerdict:
    """Is a phase there? significance: sigmas-equivalent of the whole-pattern evidence; detection_limit: weight fraction
    that would have been seen at 95 %; None where no weight can be given (the reasons then say why)."""

    phase: str
    role: str
    verdict: str
    significance: float
    weight_fraction: Estimate | None
    detection_limit: Estimate | None
    cell: Mapping[str, Estimate] | None
    reasons: tuple[str, ...]

    def __post_init__(self) -> None:
        require_one_of(self.verdict, PRESENCES, name="verdict of a phase")
        if self.cell is not None:
            set_frozen(self, cell=MappingProxyType(dict(self.cell)))


@dataclass(frozen=True, slots=True, kw_only=True)
class CellFit:
    """How well a set of published lines fits one cell of a phase: de Wolff M and Smith–Snyder F with their counts."""

    phase: str
    lines: int
    cell: Mapping[str, Estimate]
    figure_of_merit_m: float
    figure_of_merit_f: float
    rms_two_theta: float
    sentence: str

    def __post_init__(self) -> None:
        set_frozen(self, cell=MappingProxyType(dict(self.cell)))


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanFacts:
    """What identifies the scan an answer is about; what a file tells of it, as in Scan."""

    name: str
    points: int
    two_theta_range: tuple[float, float]
    start_time: datetime | None
    instrument: Instrument | None
    sigma_source: str
    end_time: datetime | None = None
    count_time: float | None = None
    complete: bool = True
    sample: str = ""
    temperature_K: float | None = None
    attenuation: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """The answer for one diffractogram (or one published list: then `refinement` is None and `cell_fits` is filled)."""

    scan: ScanFacts
    peaks: tuple[IndexedPeak, ...]
    phases: tuple[PhaseVerdict, ...]
    contamination: Contamination
    halos: tuple[Halo, ...]
    verdict: str
    notices: tuple[Notice, ...]
    refinement: Refinement | None = None
    cell_fits: tuple[CellFit, ...] = field(default=())

    def __post_init__(self) -> None:
        require_one_of(self.verdict, VERDICTS, name="verdict")


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedLine:
    """One line of a published list: d in Å or two_theta in degrees (one of them is given), as printed, with its printed index if any."""

    two_theta: float | None
    d_spacing: float | None
    intensity: float | None = None
    phase: str | None = None
    hkl: tuple[int, int, int] | None = None
