"""Lines of a made-up specimen on a pattern, from formulas of their own: Voigt functions (scipy's Faddeeva) where the fit has its own line
shapes, and each geometry's Lorentz–polarisation factor and displacement written out once more."""

import numpy as np
from scipy.special import voigt_profile

from xrdkna.records.instrument import Instrument
from xrdkna.records.scan import Pattern


def lines_on(
    two_theta: np.ndarray,
    spacings: np.ndarray,
    strengths: np.ndarray,
    *,
    instrument: Instrument,
    displacement_mm: float = 0.0,
    gaussian: float = 0.06,
    lorentzian: float = 0.05,
    strain: float = 0.0,
    reach: float = 8.0,
) -> np.ndarray:
    """(n,) counts of lines of these spacings (m,) in Å and strengths (m,), multiplicity times |F|². gaussian: degrees full width;
    lorentzian, strain: of the full width lorentzian/cos θ + strain · tan θ. reach: degrees to either side."""
    counts = np.zeros(two_theta.size)
    for d, strength in zip(spacings, strengths, strict=True):
        for line in instrument.radiation.lines:
            if line.wavelength / (2.0 * d) >= 0.999:
                continue
            theta = np.arcsin(line.wavelength / (2.0 * d))
            factor, moved = _geometry(theta, displacement_mm / (instrument.radius_mm or 200.0), instrument.geometry)
            center = np.degrees(2.0 * theta + moved)
            near = slice(*np.searchsorted(two_theta, [center - reach, center + reach]))
            half = lorentzian / 2.0 / np.cos(theta) + strain / 2.0 * np.tan(theta)
            counts[near] += strength * factor * line.weight * voigt_profile(two_theta[near] - center, gaussian / 2.3548, half)
    return counts


def pattern_of(two_theta: np.ndarray, counts: np.ndarray, instrument: Instrument, *, name: str = "planted") -> Pattern:
    """Counts as a Pattern with counting statistics."""
    return Pattern(
        name=name,
        two_theta=two_theta,
        intensity=counts,
        sigma=np.sqrt(np.maximum(counts, 1.0)),
        sigma_source="counts",
        background=np.full(two_theta.size, float(np.median(counts))),
        used=np.ones(two_theta.size, dtype=bool),
        instrument=instrument,
    )


def _geometry(theta: float, height: float, geometry: str) -> tuple[float, float]:
    """Lorentz–polarisation factor with the volume lit, and radians 2θ that a specimen moves its line which is `height` radii off its
    place: down (Bragg–Brentano), or towards the source."""
    lp = (1.0 + np.cos(2.0 * theta) ** 2) / 2.0 / (np.sin(theta) ** 2 * np.cos(theta))
    if geometry == "Bragg-Brentano":
        return lp, -2.0 * height * np.cos(theta)
    # seen from the circle, a source of rays that is nearer to the tube by x stands x sin 2θ off the ray from the middle
    nearer = height / np.cos(theta) if geometry == "transmission" else height
    return lp / np.cos(theta) if geometry == "transmission" else lp, nearer * np.sin(2.0 * theta)
