"""The lines of a reference phase as a table shows them: where, and how strong relative to the strongest."""

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from xrdkna.physics.bragg import two_theta_from_d
from xrdkna.physics.intensity import lorentz_polarisation
from xrdkna.physics.radiation import radiation_from_text
from xrdkna.records.instrument import Instrument
from xrdkna.records.phases import Reflections

# Strongest lines are told up to here, degrees 2θ: towards 180° Lorentz's factor makes any line strong.
FARTHEST = 90.0


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
    """One reflection. d_spacing: Å. two_theta: degrees, None where no wavelength is known. intensity: relative to the phase's
    strongest = 100. f_squared: electrons²."""

    phase: str
    hkl: tuple[int, int, int]
    multiplicity: float
    d_spacing: float
    two_theta: float | None
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
    lines = [_line(reflections, int(i), two_theta=float(two_theta[k]), intensity=float(relative[k])) for k, i in enumerate(reached)]
    return tuple(sorted(lines, key=lambda line: line.two_theta or 0.0))


def strongest_lines(reflections: Reflections, instrument: Instrument | None, count: int) -> tuple[TabulatedLine, ...]:
    """The `count` strongest up to FARTHEST 2θ, where people measure, strongest first; equal ones by rising 2θ.

    Without an instrument they are ranked as Cu Kα would show them, for which `reflections` must be made, and their angle is None.
    """
    seen_by = instrument or Instrument(radiation=radiation_from_text("CuKa"))
    lines = [line for line in tabulate_lines(reflections, seen_by) if line.two_theta is not None]
    usual = [line for line in lines if line.two_theta is not None and line.two_theta <= FARTHEST] or lines
    chosen = sorted(usual, key=lambda line: -line.intensity)[:count]
    strongest = max((line.intensity for line in chosen), default=100.0) or 100.0
    return tuple(
        replace(line, intensity=100.0 * line.intensity / strongest, two_theta=line.two_theta if instrument else None) for line in chosen
    )


def _line(reflections: Reflections, row: int, *, two_theta: float | None, intensity: float) -> TabulatedLine:
    h, k, last = (int(index) for index in reflections.hkl[row])
    return TabulatedLine(
        phase=reflections.phase,
        hkl=(h, k, last),
        multiplicity=float(reflections.multiplicity[row]),
        d_spacing=float(reflections.d_spacing[row]),
        two_theta=two_theta,
        f_squared=float(reflections.f_squared[row]),
        intensity=intensity,
    )
