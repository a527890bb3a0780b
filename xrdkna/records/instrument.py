"""What the beam and the goniometer are."""

import math
from dataclasses import dataclass

from xrdkna.errors import RecordError
from xrdkna.records.arrays import require_one_of

# Flat specimen in reflection; capillary, film or cell at the centre of a circle; flat specimen that bisects the beams in transmission.
GEOMETRIES = ("Bragg-Brentano", "Debye-Scherrer", "transmission")


@dataclass(frozen=True, slots=True, kw_only=True)
class SpectralLine:
    """One line of the source: wavelength in Å, intensity relative to the strongest. width: Å, natural full width (Lorentzian); 0 where
    lines are not told apart by it."""

    label: str
    wavelength: float
    weight: float
    width: float = 0.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.wavelength) and 0.01 <= self.wavelength <= 10.0):
            raise RecordError(f"a wavelength of {self.wavelength} Å is not an X-ray's; give it in ångström, between 0.01 and 10.")
        if not (math.isfinite(self.weight) and self.weight > 0):
            raise RecordError(f"the weight of spectral line {self.label} is {self.weight}; it must be positive.")
        if not 0.0 <= self.width < 0.01 * self.wavelength:
            raise RecordError(f"the natural width of spectral line {self.label} is {self.width:g} Å; give 0 to 1 % of its wavelength.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Radiation:
    """The lines of the source, strongest first. `polarised` is 0.5 for a tube, near 0.95–1 for a synchrotron's plane."""

    name: str
    lines: tuple[SpectralLine, ...]
    anode: str | None = None
    polarised: float = 0.5

    def __post_init__(self) -> None:
        if not self.lines:
            raise RecordError("a radiation needs at least one spectral line.")
        if not 0.0 <= self.polarised <= 1.0:
            raise RecordError(f"the polarised fraction is {self.polarised}; it must lie between 0 and 1 (0.5: unpolarised).")

    @property
    def wavelength(self) -> float:
        """Å, of the strongest line: the one positions are quoted for."""
        return self.lines[0].wavelength


@dataclass(frozen=True, slots=True, kw_only=True)
class InstrumentProfile:
    """The line shape of the machine itself, from a refinement of a standard: what a specimen adds is then its own.

    u, v, w: degrees², Caglioti. x, y: degrees, Lorentzian share in 1/cos θ and tan θ. sample, detector, source_height: half heights of
    specimen, slit and source over the radius (axial divergence; source 0: a parallel beam). soller, divergence: degrees, full openings
    of Soller and divergence slits. tail_share: of the intensity, spread evenly over tail_low degrees 2θ below and tail_high above a line
    (tube tails). zero: degrees. source: which refinement.
    """

    u: float
    v: float
    w: float
    x: float = 0.0
    y: float = 0.0
    sample: float = 0.0
    detector: float = 0.0
    zero: float = 0.0
    source: str = ""
    source_height: float = 0.0
    soller: float = 0.0
    divergence: float = 0.0
    tail_share: float = 0.0
    tail_low: float = 0.0
    tail_high: float = 0.0

    def __post_init__(self) -> None:
        heights = (self.sample, self.detector, self.source_height)
        tails = (self.tail_share, self.tail_low, self.tail_high)
        numbers = (self.u, self.v, self.w, self.x, self.y, self.zero, self.soller, self.divergence, *heights, *tails)
        if not all(math.isfinite(number) for number in numbers):
            raise RecordError("an instrument profile holds a number that is not finite; write u, v, w (degrees²), x, y (degrees).")
        if min(self.w, self.x, self.y) < 0.0 or self.w + self.x <= 0.0:
            raise RecordError(
                f"an instrument profile has w = {self.w:g}, x = {self.x:g}, y = {self.y:g}; none may be negative, w or x must be above 0."
            )
        if not all(0.0 <= height <= 0.3 for height in heights):
            raise RecordError("an instrument profile needs source, sample and detector heights of 0 to 0.3 radii.")
        if not (0.0 <= self.soller <= 60.0 and 0.0 <= self.divergence <= 5.0):
            raise RecordError("an instrument profile needs a Soller opening of 0 to 60 degrees and a divergence of 0 to 5 degrees.")
        if not (0.0 <= self.tail_share <= 0.3 and 0.0 <= self.tail_low <= 3.0 and 0.0 <= self.tail_high <= 3.0):
            raise RecordError("an instrument profile needs tube tails with a share of 0 to 0.3, up to 3 degrees low and 3 degrees high.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """Everything positions and intensities need to know of the machine.

    radius_mm: goniometer radius, or None when nobody said; displacement is then only known as an angle.
    monochromator_two_theta: degrees, of a crystal in the beam; None without one.
    """

    radiation: Radiation
    geometry: str = "Bragg-Brentano"
    radius_mm: float | None = None
    monochromator_two_theta: float | None = None

    def __post_init__(self) -> None:
        require_one_of(self.geometry, GEOMETRIES, name="geometry")
        if self.radius_mm is not None and not (math.isfinite(self.radius_mm) and 10.0 <= self.radius_mm <= 10_000.0):
            raise RecordError(f"a goniometer radius of {self.radius_mm} mm is not credible; give it in millimetres, between 10 and 10000.")
