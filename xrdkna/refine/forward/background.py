"""What lies under the reflections: a smooth background and amorphous humps, part of the model and never subtracted."""

import math

import numpy as np

from xrdkna.physics.compiled import compiled
from xrdkna.records.arrays import FloatArray
from xrdkna.refine.kernels.profile_kernel import CORE_REACH, bell
from xrdkna.refine.settings import RefineSettings

_LN2_4 = 4.0 * math.log(2.0)
# u² beyond which a hump is nothing: 7e-9 of its top.
_FARTHEST = CORE_REACH * CORE_REACH


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
    curves = np.empty((4, two_theta.size))
    _fill_halo(two_theta, area, center, fwhm, curves)
    hump, by_area, by_center, by_fwhm = curves
    return hump, (by_area, by_center, by_fwhm)


@compiled
def _fill_halo(x: FloatArray, area: float, center: float, fwhm: float, curves: FloatArray) -> None:
    """Set curves (4, n) to the hump and its three derivatives."""
    inverse = 1.0 / fwhm
    top = 2.0 * inverse * math.sqrt(math.log(2.0) / math.pi)
    hump, by_area, by_center, by_fwhm = curves[0], curves[1], curves[2], curves[3]
    for j in range(x.size):
        by_area[j] = top * bell(min(((x[j] - center) * inverse) ** 2, _FARTHEST))
    for j in range(x.size):
        u = (x[j] - center) * inverse
        hump[j] = area * by_area[j]
        by_center[j] = hump[j] * 2.0 * _LN2_4 * u * inverse
        by_fwhm[j] = hump[j] * (2.0 * _LN2_4 * u * u - 1.0) * inverse
