"""Which lines of which phases cannot be told apart, and the list of a phase's lines."""

from dataclasses import dataclass

import numpy as np

from xrdkna.errors import UsageError
from xrdkna.physics.bragg import two_theta_from_d
from xrdkna.physics.intensity import lorentz_polarisation
from xrdkna.records.arrays import FloatArray
from xrdkna.records.instrument import Instrument
from xrdkna.records.phases import Reflections

# degrees; the Lorentz factor has its pole at 180, where no goniometer goes
_HIGHEST = 179.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a phase: two_theta in degrees of the strongest spectral line, d in Å, intensity relative to the phase's strongest = 1."""

    phase: str
    hkl: tuple[int, int, int]
    two_theta: float
    d_spacing: float
    multiplicity: int
    intensity: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """Two lines of different phases nearer than a given width; `first` lies at the lower angle, separation in degrees 2θ."""

    first: Line
    second: Line
    separation: float


def find_overlaps(
    reflections: tuple[Reflections, ...], *, instrument: Instrument, width: float, minimum_relative: float = 0.02
) -> tuple[Overlap, ...]:
    """Pairs of lines of different phases closer than `width` degrees 2θ, the strongest (by the weaker partner) first.

    Pairs with a positions-only phase come last, since its intensities may not be known at all.
    minimum_relative: lines below this fraction of their own phase's strongest are passed over: 0.02, since a weaker line
    neither hides another nor is missed. Raises UsageError unless width is positive.
    """
    if not width > 0:
        raise UsageError(f"the width within which lines overlap is {width}°; give a positive number of degrees, such as 0.1.")
    lines = sorted(
        (line for each in reflections for line in line_list(each, instrument=instrument) if line.intensity >= minimum_relative),
        key=lambda line: line.two_theta,
    )
    angles = np.array([line.two_theta for line in lines])
    ends = np.searchsorted(angles, angles + width, side="left")
    found = [
        Overlap(first=lines[i], second=lines[j], separation=lines[j].two_theta - lines[i].two_theta)
        for i, end in enumerate(ends)
        for j in range(i + 1, int(end))
        if lines[i].phase != lines[j].phase
    ]
    vague = {each.phase for each in reflections if each.positions_only}

    def weight(pair: Overlap) -> tuple[bool, float, float]:
        unclear = pair.first.phase in vague or pair.second.phase in vague
        return unclear, -min(pair.first.intensity, pair.second.intensity), pair.separation

    return tuple(sorted(found, key=weight))


def line_list(reflections: Reflections, *, instrument: Instrument) -> tuple[Line, ...]:
    """The lines a diffractometer sees of one phase, by rising angle: m|F|² × Lorentz–polarisation over its largest value."""
    two_theta, intensity = _relative_intensities(reflections, instrument)
    return tuple(
        Line(
            phase=reflections.phase,
            hkl=(int(h), int(k), int(ell)),
            two_theta=float(two_theta[n]),
            d_spacing=float(reflections.d_spacing[n]),
            multiplicity=round(float(reflections.multiplicity[n])),
            intensity=float(intensity[n]),
        )
        for n, (h, k, ell) in enumerate(reflections.hkl)
        if two_theta[n] < _HIGHEST
    )


def _relative_intensities(reflections: Reflections, instrument: Instrument) -> tuple[FloatArray, FloatArray]:
    two_theta = two_theta_from_d(reflections.d_spacing, wavelength=instrument.radiation.wavelength)
    factor = lorentz_polarisation(np.minimum(two_theta, _HIGHEST), instrument=instrument)
    intensity = np.where(two_theta < _HIGHEST, reflections.multiplicity * reflections.f_squared * factor, 0.0)
    return two_theta, np.asarray(intensity / max(float(intensity.max(initial=0.0)), 1e-300))
