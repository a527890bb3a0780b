"""The shape of a line: pseudo-Voigt with the widths of Thompson, Cox & Hastings (1987), J. Appl. Cryst. 20, 79."""

import numpy as np

from xrdkna.records.arrays import FloatArray

SCHERRER_CONSTANT = 0.9


def pseudo_voigt(offset: FloatArray, *, fwhm: float, eta: float) -> FloatArray:
    """(n,) per degree, unit area: η·Lorentzian + (1 − η)·Gaussian of one full width `fwhm`, at `offset` degrees from the centre."""
    u = np.asarray(offset) / fwhm
    lorentzian = 2.0 / (np.pi * fwhm) / (1.0 + 4.0 * u * u)
    gaussian = 2.0 / fwhm * np.sqrt(np.log(2.0) / np.pi) * np.exp(-4.0 * np.log(2.0) * u * u)
    return np.asarray(eta * lorentzian + (1.0 - eta) * gaussian)


def fwhm_from_caglioti(two_theta: FloatArray, *, u: float, v: float, w: float) -> FloatArray:
    """(n,) degrees, Gaussian width² = U tan²θ + V tan θ + W (Caglioti, Paoletti & Ricci 1958). U, V, W in degrees²."""
    t = np.tan(np.radians(np.asarray(two_theta)) / 2.0)
    return np.asarray(np.sqrt(np.maximum(u * t * t + v * t + w, 1e-8)))


def fwhm_from_size_strain(two_theta: FloatArray, *, x: float, y: float) -> FloatArray:
    """(n,) degrees, Lorentzian width = X/cos θ + Y tan θ (size and microstrain; Thompson et al. 1987). X, Y in degrees."""
    angle = np.radians(np.asarray(two_theta)) / 2.0
    return np.asarray(x / np.cos(angle) + y * np.tan(angle))


def mixed_width(gaussian: FloatArray, lorentzian: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(n,) full width in degrees and (n,) Lorentzian share η of the pseudo-Voigt that stands for a Voigt of these two widths.

    Γ⁵ = g⁵ + 2.69269 g⁴l + 2.42843 g³l² + 4.47163 g²l³ + 0.07842 gl⁴ + l⁵ and
    η = 1.36603 q − 0.47719 q² + 0.11116 q³ with q = l/Γ (Thompson et al. 1987, eqs 3 and 4).
    """
    g, lor = np.asarray(gaussian), np.asarray(lorentzian)
    fwhm = (g**5 + 2.69269 * g**4 * lor + 2.42843 * g**3 * lor**2 + 4.47163 * g**2 * lor**3 + 0.07842 * g * lor**4 + lor**5) ** 0.2
    q = lor / fwhm
    return np.asarray(fwhm), np.asarray(1.36603 * q - 0.47719 * q**2 + 0.11116 * q**3)


def mixed_width_derivatives(gaussian: FloatArray, lorentzian: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """(n,) each: ∂Γ/∂g, ∂Γ/∂l, ∂η/∂g, ∂η/∂l of `mixed_width`."""
    g, lor = np.asarray(gaussian), np.asarray(lorentzian)
    fwhm, _ = mixed_width(g, lor)
    fourth = 5.0 * fwhm**4
    d_g = (5 * g**4 + 4 * 2.69269 * g**3 * lor + 3 * 2.42843 * g**2 * lor**2 + 2 * 4.47163 * g * lor**3 + 0.07842 * lor**4) / fourth
    d_l = (2.69269 * g**4 + 2 * 2.42843 * g**3 * lor + 3 * 4.47163 * g**2 * lor**2 + 4 * 0.07842 * g * lor**3 + 5 * lor**4) / fourth
    q = lor / fwhm
    slope = 1.36603 - 2 * 0.47719 * q + 3 * 0.11116 * q**2
    return np.asarray(d_g), np.asarray(d_l), np.asarray(-slope * q / fwhm * d_g), np.asarray(slope * (1.0 - q * d_l) / fwhm)


def size_from_x(x: float, *, wavelength: float) -> float:
    """Å, Scherrer (1918) size = K λ / β with β = X in radians and K = 0.9."""
    return SCHERRER_CONSTANT * wavelength / float(np.radians(x))


def strain_from_y(y: float) -> float:
    """Fraction ε with Y = 4ε (Stokes & Wilson 1944): ε = Y[radians]/4."""
    return float(np.radians(y)) / 4.0
