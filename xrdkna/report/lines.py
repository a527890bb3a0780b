"""The lines of a reference phase as a table shows them: where, and how strong relative to the strongest."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from xrdkna.physics.bragg import two_theta_from_d
from xrdkna.physics.intensity import lorentz_polarisation
from xrdkna.records.instrument import Instrument
from xrdkna.records.phases import Reflections


class Line(Protocol):
    """Anything that says which reflection stands where (degrees 2θ)."""

    @property
    def phase(self) -> str: ...
    @property
    def hkl(self) -> tuple[int, int, int]: ...
    @property
    def two_theta(self) -> float: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class TabulatedLine:
    """One reflection. d_spacing: Å. two_theta: degrees. intensity: relative to the phase's strongest = 100. f_squared: electrons²."""

    phase: str
    hkl: tuple[int, int, int]
    multiplicity: float
    d_spacing: float
    two_theta: float
    f_squared: float
    intensity: float


def tabulate_lines(reflections: Reflections, instrument: Instrument) -> tuple[TabulatedLine, ...]:
    """The lines within reach of the wavelength, by rising 2θ; intensity ∝ multiplicity · |F|² · Lorentz–polarisation."""
    wavelength = instrument.radiation.wavelength
    reached = np.flatnonzero(reflections.d_spacing > wavelength / 2.0)
    if not reached.size:
        return ()
    d = reflections.d_spacing[reached]
    two_theta = two_theta_from_d(d, wavelength=wavelength)
    strength = reflections.multiplicity[reached] * reflections.f_squared[reached] * lorentz_polarisation(two_theta, instrument=instrument)
    relative = 100.0 * strength / max(float(strength.max()), np.finfo(np.float64).tiny)
    lines = [
        TabulatedLine(
            phase=reflections.phase,
            hkl=(int(reflections.hkl[i, 0]), int(reflections.hkl[i, 1]), int(reflections.hkl[i, 2])),
            multiplicity=float(reflections.multiplicity[i]),
            d_spacing=float(d[k]),
            two_theta=float(two_theta[k]),
            f_squared=float(reflections.f_squared[i]),
            intensity=float(relative[k]),
        )
        for k, i in enumerate(reached)
    ]
    return tuple(sorted(lines, key=lambda line: line.two_theta))


def strongest_lines(lines: tuple[TabulatedLine, ...], count: int) -> tuple[TabulatedLine, ...]:
    """The `count` strongest, strongest first; equal ones by rising 2θ."""
    return tuple(sorted(lines, key=lambda line: (-line.intensity, line.two_theta))[:count])
