"""What lies under the reflections: a smooth background and amorphous humps, part of the model and never subtracted."""

import numpy as np

from xrdkna.records.arrays import FloatArray
from xrdkna.refine.settings import RefineSettings

_LN2_4 = 4.0 * np.log(2.0)


def background_terms(two_theta: FloatArray, *, halos: int, settings: RefineSettings) -> FloatArray:
    """(b, n) smooth terms over the range: Chebyshev polynomials, and 1/2θ where the range starts low enough for air scatter.

    Made orthogonal to one another over the points (QR), each of unit mean square: a coefficient is then a number of counts
    that was measured, not the difference of two that cancel.
    """
    low, high = float(two_theta[0]), float(two_theta[-1])
    stride = settings.degrees_per_background_term if halos == 0 else settings.degrees_per_term_beside_halos
    count = int(np.clip(round((high - low) / stride), 3, 24))
    scaled = (2.0 * two_theta - low - high) / max(high - low, 1e-9)
    terms = np.polynomial.chebyshev.chebvander(scaled, count - 1)
    if low < settings.air_scatter_below:
        # Before the high orders, so that what both could do is told as air scatter.
        terms = np.insert(terms, 2, 1.0 / np.maximum(two_theta, 0.5), axis=1)
    orthogonal, triangle = np.linalg.qr(terms)
    return np.ascontiguousarray((orthogonal * np.sign(np.diag(triangle)) * np.sqrt(two_theta.size)).T)


def halo_profile(
    two_theta: FloatArray, area: float, center: float, fwhm: float
) -> tuple[FloatArray, tuple[FloatArray, FloatArray, FloatArray]]:
    """(n,) Gaussian hump and its derivatives by area, centre and full width (degrees)."""
    u = (two_theta - center) / fwhm
    shape = 2.0 / fwhm * np.sqrt(np.log(2.0) / np.pi) * np.exp(-_LN2_4 * u * u)
    hump = area * shape
    return hump, (shape, hump * 2.0 * _LN2_4 * u / fwhm, hump * (2.0 * _LN2_4 * u * u - 1.0) / fwhm)
