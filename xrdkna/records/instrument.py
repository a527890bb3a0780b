"""What the beam and the goniometer are."""

import math
from dataclasses import dataclass

from xrdkna.errors import RecordError
from xrdkna.records.arrays import require_one_of

GEOMETRIES = ("Bragg-Brentano", "Debye-Scherrer")


@dataclass(frozen=True, slots=True, kw_only=True)
class SpectralLine:
    """One line of the source: wavelength in Å, intensity relative to the strongest."""

    label: str
    wavelength: float
    weight: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.wavelength) and 0.01 <= self.wavelength <= 10.0):
            raise RecordError(f"a wavelength of {self.wavelength} Å is not an X-ray's; give it in ångström, between 0.01 and 10.")
        if not (math.isfinite(self.weight) and self.weight > 0):
            raise RecordError(f"the weight of spectral line {self.label} is {self.weight}; it must be positive.")


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
