"""What a simulation recipe says, checked and frozen. `recipe.py` says how it is written down."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

import numpy as np

from xrdkna.records.arrays import FloatArray, require_one_of, set_frozen
from xrdkna.records.instrument import Instrument
from xrdkna.records.series import STATES
from xrdkna.simulate.schedule import Schedule, Timing, constant_schedule

Hkl = tuple[int, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Optics:
    """The slits, which shape every line (fundamental parameters; Cheary & Coelho 1992). A value of 0 switches an effect off.

    receiving_slit_mm: width seen by the detector. equatorial_divergence: degrees. soller: degrees, full opening of both
    collimators. axial_length_mm: length of the slits along the axis. absorption_per_mm: linear absorption of the specimen.
    emission_width: full width of a spectral line relative to its wavelength; Lorentzian for a tube, Gaussian for a
    monochromator's band. zero_shift: degrees added to every 2θ.
    """

    receiving_slit_mm: float
    equatorial_divergence: float
    soller: float
    axial_length_mm: float
    absorption_per_mm: float
    emission_width: float
    zero_shift: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Broadening:
    """What the crystals do to a line. Sizes in nm (Scherrer, K = 0.9; None: large), strains as ε with FWHM = 4 ε tan θ."""

    size_nm: float | None = None
    gaussian_size_nm: float | None = None
    microstrain: float = 0.0
    gaussian_microstrain: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Texture:
    """March–Dollase texture about `axis`; r is taken at the middle of each scan."""

    axis: Hkl
    r: Schedule


@dataclass(frozen=True, slots=True, kw_only=True)
class ReflectionFactor:
    """One family of reflections made stronger or weaker than its structure says."""

    hkl: Hkl
    factor: Schedule


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseRecipe:
    """One crystalline phase.

    amount: relative weight. cell: Å or degrees, replacing the reference cell's. strain: relative change by edge.
    expansion: relative change of all edges, at the middle of each scan. offset_mm: height relative to the mesh,
    counted as displacement is.
    """

    name: str
    amount: Schedule
    broadening: Broadening = field(default_factory=Broadening)
    cell: Mapping[str, float] = field(default_factory=dict)
    strain: Mapping[str, float] = field(default_factory=dict)
    expansion: Schedule = field(default_factory=lambda: constant_schedule(0.0))
    offset_mm: float = 0.0
    texture: Texture | None = None
    factors: tuple[ReflectionFactor, ...] = ()

    def __post_init__(self) -> None:
        set_frozen(self, cell=MappingProxyType(dict(self.cell)), strain=MappingProxyType(dict(self.strain)))


@dataclass(frozen=True, slots=True, kw_only=True)
class HaloRecipe:
    """A hump: Gaussian in 2θ (degrees) or in Q (Å⁻¹), as `unit` says for centre and fwhm. area: counts·degrees at amount 1."""

    name: str
    unit: str
    centre: float
    fwhm: float
    area: float
    amount: Schedule

    def __post_init__(self) -> None:
        require_one_of(self.unit, ("degree", "Å⁻¹"), name="unit of a halo")


@dataclass(frozen=True, slots=True, kw_only=True)
class DisplacementPlan:
    """Height of the mesh in scan i, mm: start + per_scan·i + sine·sin(2π i / sine_period)."""

    start_mm: float = 0.0
    per_scan_mm: float = 0.0
    sine_mm: float = 0.0
    sine_period_scans: float = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A stretch of constant current."""

    state: str
    current_mA: float
    duration: float
    potential_V: float

    def __post_init__(self) -> None:
        require_one_of(self.state, STATES[:3], name="state")


@dataclass(frozen=True, slots=True, kw_only=True)
class CyclingPlan:
    """What the cycler does. starts_after: s from the first scan's start to the cycler's. clock_ahead: s its clock runs ahead."""

    segments: tuple[Segment, ...]
    plating_current: str = "negative"
    interval: float = 10.0
    starts_after: float = 0.0
    clock_ahead: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """All that is needed, with the reflections of its phases, to make a series: two runs give the same bytes.

    two_theta: (n,) degrees. Exactly one of peak_counts (counts at the top of the strongest hardware line) and scale
    (counts·degrees for unit amount) is given. background: counts; air_scatter: counts at 10°, falling as 1/2θ.
    tube: factor on all counts. digest: SHA-256 of the recipe file.
    """

    title: str
    seed: int
    radiation: str
    instrument: Instrument
    optics: Optics
    two_theta: FloatArray
    timing: Timing
    start_time: datetime
    names: tuple[str, ...]
    peak_counts: float | None
    scale: float | None
    tube: Schedule
    background: float
    air_scatter: float
    displacement: DisplacementPlan
    phases: tuple[PhaseRecipe, ...]
    halos: tuple[HaloRecipe, ...]
    cycling: CyclingPlan | None
    digest: str

    @property
    def two_theta_range(self) -> tuple[float, float]:
        """Degrees, first and last angle of a sweep."""
        return float(self.two_theta[0]), float(self.two_theta[-1])

    @property
    def reflections_wanted_to(self) -> float:
        """Degrees 2θ up to which reflections matter: lines a little beyond the sweep still reach into it with their tails."""
        return min(self.two_theta_range[1] + 3.0, 175.0)

    def point_times(self, scan: int) -> FloatArray:
        """(n,) seconds since the start of the first scan at which the sweep of `scan` is at the middle of each point."""
        n = self.two_theta.size
        return np.asarray(scan * self.timing.period + (np.arange(n) + 0.5) / n * self.timing.duration)

    def passing_time(self, scan: int, two_theta: float) -> float:
        """Seconds since the start of the first scan at which the sweep of `scan` passes this angle."""
        low, high = self.two_theta_range
        return scan * self.timing.period + min(max((two_theta - low) / (high - low), 0.0), 1.0) * self.timing.duration
