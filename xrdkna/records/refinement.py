"""What a whole-pattern fit found out."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from xrdkna.errors import RecordError
from xrdkna.records.arrays import FloatArray, frozen_floats, require_one_of, set_frozen
from xrdkna.records.peaks import Halo
from xrdkna.records.values import Estimate, Notice

VERDICTS = ("accepted", "doubtful", "rejected", "failed")


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfidenceInterval:
    """Where a parameter lies with probability `level`, by profile likelihood; None for an end the data do not close."""

    low: float | None
    high: float | None
    level: float = 0.95

    def __post_init__(self) -> None:
        ends = [end for end in (self.low, self.high) if end is not None]
        if not (all(math.isfinite(end) for end in ends) and ends == sorted(ends)):
            raise RecordError(f"a confidence interval runs from {self.low} to {self.high}; its ends must be finite and rise, or be None.")
        if not 0.0 < self.level < 1.0:
            raise RecordError(f"the level of a confidence interval is {self.level}; it must lie between 0 and 1.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One number of the model. `expr` names the tie (an lmfit expression) when it follows others; `interval` is there where
    it was asked for."""

    name: str
    value: Estimate
    lower: float | None
    upper: float | None
    at_bound: bool
    refined: bool
    expr: str | None = None
    interval: ConfidenceInterval | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseFit:
    """One phase of a fit.

    scale: model scale (counts·degrees per electron², arbitrary but common). weight_fraction: 0 … 1 of the crystalline part;
    None where no structure gave the intensities. cell: the refined edges and angles by name. size: Å, volume-weighted (Scherrer); strain:
    fraction (ε); both None when the lines are no wider than the instrument's. texture: March–Dollase r or None.
    significance: sigmas-equivalent of the evidence for the phase, all other parameters free, misfit-inflated.
    delta_chi_squared: by how much χ² (counting statistics) would rise without the phase. intensities: where they come from,
    "structure", "lebail" or "pawley". weight_odds: w/(1 − w) for an area of one counts·degree over the groups that are followed;
    None where no weight can be given.
    """

    phase: str
    role: str
    scale: Estimate
    weight_fraction: Estimate | None
    detection_limit: Estimate | None
    cell: Mapping[str, Estimate]
    size: Estimate | None
    strain: Estimate | None
    displacement: Estimate | None
    texture: Mapping[str, Estimate] = field(default_factory=dict)
    significance: float = 0.0
    delta_chi_squared: float = 0.0
    intensities: str = "structure"
    weight_odds: float | None = None

    def __post_init__(self) -> None:
        set_frozen(self, cell=MappingProxyType(dict(self.cell)), texture=MappingProxyType(dict(self.texture)))


# Role (and phase name) of the lines in a fit that belong to no phase.
UNEXPLAINED = "unexplained"
# Role of a width that stays from scan to scan (the machine's, the hardware's), carried beside the areas: `phase` is its parameter's name.
STEADY = "steady"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReflectionGroup:
    """Reflections of one phase too close to be told apart, or a line of no phase (role UNEXPLAINED, hkl its number, 0, 0).

    hkl: the strongest; two_theta: degrees, as fitted, Kα₁; expected: counts·degrees at the fitted scale; share: of the phase's
    calculated area in range, 0 … 1 (known also when the phase is absent). free: no ratio to the phase's other lines is expected, as
    their areas were taken from the pattern.
    """

    phase: str
    role: str
    hkl: tuple[int, int, int]
    members: tuple[tuple[int, int, int], ...]
    two_theta: float
    fwhm: float
    expected: float
    share: float = 0.0
    free: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class IntensityInformation:
    """What one scan says about the areas a of groups of reflections, every other parameter profiled out (linearised):

        ln L(a) = −½ aᵀ N a + bᵀ a + const        N: (m, m) information, b: (m,) score, a in counts·degrees

    `inflation` is the factor by which misfit exceeds counting statistics (≥ 1, squared units): N and b are already
    divided by it. N may be singular where groups cannot be told apart; a prior then has to decide.
    """

    groups: tuple[ReflectionGroup, ...]
    information: FloatArray
    score: FloatArray
    inflation: float = 1.0

    def __post_init__(self) -> None:
        m = len(self.groups)
        set_frozen(
            self,
            information=frozen_floats(self.information, name="information", shape=(m, m)),
            score=frozen_floats(self.score, name="score", shape=(m,)),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedLine:
    """One reflection as the fit has it: degrees (strongest spectral line), counts·degrees of all spectral lines, degrees.

    area_esd: counts·degrees, where the area was taken from the pattern; None where a structure gave it, or no point of the
    pattern is on the line. Reflections that nothing separates share one area, and their esds allow any share.
    """

    phase: str
    hkl: tuple[int, int, int]
    two_theta: float
    area: float
    fwhm: float
    area_esd: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refinement:
    """A whole-pattern fit. Arrays (n,) on the pattern's own grid, counts; contributions: one array a phase, halo included
    in the background. rwp, rexp: fractions (0.08 is 8 %), from σ as measured. gof: rwp/rexp.
    inflation: ≥ 1, the root of the reduced χ² by which every esd here is multiplied; esd/inflation is that of the counts alone."""

    name: str
    two_theta: FloatArray
    observed: FloatArray
    sigma: FloatArray
    calculated: FloatArray
    background: FloatArray
    contributions: Mapping[str, FloatArray]
    ticks: Mapping[str, tuple[tuple[tuple[int, int, int], float], ...]]
    parameters: tuple[Parameter, ...]
    phases: tuple[PhaseFit, ...]
    halos: tuple[Halo, ...]
    information: IntensityInformation
    rwp: float
    rexp: float
    gof: float
    verdict: str
    reasons: tuple[str, ...]
    notices: tuple[Notice, ...] = ()
    steps: tuple[str, ...] = ()
    evaluations: int = 0
    inflation: float = 1.0
    texture_sd: Mapping[str, float] = field(default_factory=dict)
    lines: tuple[FittedLine, ...] = ()

    def __post_init__(self) -> None:
        require_one_of(self.verdict, VERDICTS, name="verdict")
        n = len(self.two_theta)
        arrays = ("two_theta", "observed", "sigma", "calculated", "background")
        fixed = {name: frozen_floats(getattr(self, name), name=name, shape=(n,)) for name in arrays}
        parts = {phase: frozen_floats(part, name=f"contribution of {phase}", shape=(n,)) for phase, part in self.contributions.items()}
        set_frozen(self, contributions=MappingProxyType(parts), ticks=MappingProxyType(dict(self.ticks)), **fixed)

    def phase(self, name: str) -> PhaseFit | None:
        """The fit of one phase, or None when it was not in the model."""
        return next((fit for fit in self.phases if fit.phase == name), None)

    def parameter(self, name: str) -> Parameter | None:
        """One parameter by name, or None."""
        return next((parameter for parameter in self.parameters if parameter.name == name), None)
