"""Where a reflection appears: Bragg's law and what the goniometer does to it. Degrees and Å at the border."""

import numpy as np

from xrdkna.records.arrays import FloatArray


def two_theta_from_d(d_spacing: FloatArray, *, wavelength: float) -> FloatArray:
    """(n,) degrees 2θ = 2 arcsin(λ/2d) (Bragg 1913). NaN-free: where λ > 2d there is no reflection and 180 is returned."""
    return np.asarray(2.0 * np.degrees(np.arcsin(np.minimum(wavelength / (2.0 * np.asarray(d_spacing)), 1.0))))


def d_from_two_theta(two_theta: FloatArray, *, wavelength: float) -> FloatArray:
    """(n,) Å, d = λ / (2 sin θ). two_theta in degrees, above 0."""
    return np.asarray(wavelength / (2.0 * np.sin(np.radians(np.asarray(two_theta)) / 2.0)))


def q_from_two_theta(two_theta: FloatArray, *, wavelength: float) -> FloatArray:
    """(n,) Å⁻¹, Q = 4π sin θ / λ."""
    return np.asarray(4.0 * np.pi * np.sin(np.radians(np.asarray(two_theta)) / 2.0) / wavelength)


def displacement_pattern(two_theta: FloatArray, *, geometry: str) -> FloatArray:
    """(n,) how a specimen displacement moves each line: Δ2θ [degrees] = amplitude [degrees] × this.

    Bragg–Brentano: −cos θ, amplitude 2s/R (Wilson 1963; Klug & Alexander 1974, ch. 5): a specimen too low (s > 0) moves
    lines down. Debye–Scherrer, specimen s downstream of the centre: −sin 2θ, amplitude s/R would lower angles seen by a
    detector on the circle; the sign convention here is s > 0 upstream of it, +sin 2θ. Transmission, a plate that bisects the beams
    displaced by s along its normal, s > 0 upstream: the beam meets it s/cos θ earlier, so s/cos θ · sin 2θ/R = 2s/R · sin θ.
    """
    angle = np.radians(np.asarray(two_theta))
    if geometry == "Bragg-Brentano":
        return np.asarray(-np.cos(angle / 2.0))
    return np.asarray(np.sin(angle / 2.0) if geometry == "transmission" else np.sin(angle))


def displacement_mm(amplitude: float, *, radius_mm: float, geometry: str) -> float:
    """Displacement s in mm from the amplitude in degrees: R·amplitude (Debye–Scherrer) or R·amplitude/2 (of a flat specimen)."""
    return float(np.radians(amplitude)) * radius_mm / (1.0 if geometry == "Debye-Scherrer" else 2.0)


def displacement_amplitude(displacement: float, *, radius_mm: float, geometry: str) -> float:
    """The inverse of `displacement_mm`: amplitude in degrees from s in mm."""
    return float(np.degrees(displacement * (1.0 if geometry == "Debye-Scherrer" else 2.0) / radius_mm))
