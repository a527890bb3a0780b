"""What absorption does to the lines of a specimen: weaker at some angles than at others, and a little displaced.

Thickness and radius come as µt and µR, numbers without a unit. µ is that of the specimen as it lies in the beam: the dense
phase's times the packing fraction, or a window's own. Every factor leaves out what does not depend on the angle, because
that cannot be told from a scale. Grains that absorb differently within one mixture: see `microabsorption`.
"""

from functools import lru_cache

import numpy as np
from numpy.polynomial import chebyshev

from xrdkna.errors import UsageError
from xrdkna.records.arrays import FloatArray

# Under this 2µt/sin θ the closed form of the thin layer's shift cancels; its series is exact to 2e-14 there.
_SMALL_DEPTH = 1e-2
# Beyond, a capillary lets through under 0.1 % at low angles and the quadrature below is no longer good to 0.4 %.
_LARGEST_MU_R = 10.0
# Enough for 3e-5 of A up to µR = 3, with tables small enough that a factor takes half a millisecond.
_RINGS, _SPOKES, _ANGLES = 24, 48, 21


def thin_layer_factor(two_theta: FloatArray, *, mu_t: float) -> tuple[FloatArray, FloatArray]:
    """(n,) intensity from a layer relative to one infinitely thick, and (n,) its derivative by µt; Bragg–Brentano.

    1 − exp(−2µt/sin θ) (Klug & Alexander 1974; Egert 1986): the path in and out of depth z
    is 2z/sin θ, so a thin layer loses intensity at high angles, where the beam goes through it soonest.
    two_theta: degrees, above 0. Raises UsageError for a µt that is negative or not finite.
    """
    _refuse_impossible(mu_t)
    path = _path_in_reflection(two_theta)
    return np.asarray(-np.expm1(-path * mu_t)), np.asarray(path * np.exp(-path * mu_t))


def buried_layer_factor(two_theta: FloatArray, *, mu_t: float) -> tuple[FloatArray, FloatArray]:
    """(n,) intensity from beneath a cover relative to none, and (n,) its derivative by the cover's µt; Bragg–Brentano.

    exp(−2µt/sin θ) (Klug & Alexander 1974): a window, or a deposit on top of a mesh. Together with a specimen of
    the cover's own substance of the same µt it adds up to 1: cover and what lies under it are the thick specimen.
    two_theta: degrees, above 0. Raises UsageError for a µt that is negative or not finite.
    """
    _refuse_impossible(mu_t)
    path = _path_in_reflection(two_theta)
    factor = np.exp(-path * mu_t)
    return np.asarray(factor), np.asarray(-path * factor)


def transparency_shift(two_theta: FloatArray, *, geometry: str) -> FloatArray:
    """(n,) how transparency moves the mean of each line of a thick specimen: Δ2θ [degrees] = amplitude [degrees] × this.

    −sin 2θ in Bragg–Brentano geometry (Wilson 1963, Mathematical Theory of X-ray Powder Diffractometry): the beam is
    reflected at a mean depth of sin θ/2µ, and a depth z moves a line by −2z cos θ/R. Linear in the amplitude, so this is
    the derivative too. Raises UsageError for another geometry, where there is no such shift.
    """
    if geometry != "Bragg-Brentano":
        raise UsageError(f"transparency displaces lines in Bragg-Brentano geometry only, not in {geometry}; leave it out of this fit.")
    return np.asarray(-np.sin(np.radians(np.asarray(two_theta, dtype=np.float64))))


def transparency_amplitude(mu: float, radius_mm: float) -> float:
    """Degrees, (180/π)/(2µR), of `transparency_shift`: µ in cm⁻¹, goniometer radius in mm (Wilson 1963).

    Raises UsageError unless both are positive: a specimen that absorbs nothing has no mean depth.
    """
    if not (np.isfinite(mu) and mu > 0.0 and np.isfinite(radius_mm) and radius_mm > 0.0):
        raise UsageError(f"transparency needs a positive µ and goniometer radius; given were {mu} cm⁻¹ and {radius_mm} mm.")
    return float(np.degrees(1.0 / (2.0 * (mu / 10.0) * radius_mm)))


def thin_transparency_shift(two_theta: FloatArray, *, mu_t: float) -> tuple[FloatArray, FloatArray]:
    """(n,) as `transparency_shift` for a layer of finite thickness, and (n,) its derivative by µt; Bragg–Brentano.

    −sin 2θ [1 − x/(eˣ − 1)] with x = 2µt/sin θ, the mean of depth over the layer weighted by exp(−2µz/sin θ) (after Wilson
    1963). With the amplitude of the thick specimen this goes over into −t cos θ/R, the displacement of mid-layer, for µt → 0
    and into the thick specimen's for µt → ∞. two_theta: degrees, above 0. Raises UsageError for an impossible µt.
    """
    angle = np.radians(np.asarray(two_theta, dtype=np.float64))
    _refuse_impossible(mu_t)
    path = _path_in_reflection(two_theta)
    x = path * mu_t
    small = x < _SMALL_DEPTH
    safe = np.where(small, 1.0, x)
    passed = -np.expm1(-safe)
    odds = np.exp(-safe) / passed
    value = np.where(small, x / 2.0 - x**2 / 12.0 + np.where(small, x, 0.0) ** 4 / 720.0, 1.0 - safe * odds)
    slope = np.where(small, 0.5 - x / 6.0 + np.where(small, x, 0.0) ** 3 / 180.0, odds * (safe / passed - 1.0))
    return np.asarray(-np.sin(angle) * value), np.asarray(-np.sin(angle) * slope * path)


def flat_plate_transmission(two_theta: FloatArray, *, mu_t: float) -> tuple[FloatArray, FloatArray]:
    """(n,) intensity through a plate that bisects the beams, relative to 2θ = 0, and (n,) its derivative by µt.

    exp(−µt/cos θ)/cos θ over its value exp(−µt) at θ = 0 (International Tables C, table 6.3.3.1): volume in the beam and
    path both grow as 1/cos θ. The factor µt exp(−µt) that is left out is largest at µt = 1, the best thickness for a plate.
    two_theta: degrees, under 180. Raises UsageError for a µt that is negative or not finite.
    """
    _refuse_impossible(mu_t)
    secant = 1.0 / np.cos(np.radians(np.asarray(two_theta, dtype=np.float64)) / 2.0)
    factor = secant * np.exp(-mu_t * (secant - 1.0))
    return np.asarray(factor), np.asarray((1.0 - secant) * factor)


def cylinder_absorption(two_theta: FloatArray, *, mu_r: float) -> tuple[FloatArray, FloatArray]:
    """(n,) transmission A of a capillary bathed in the beam, and (n,) its derivative by µR; A = 1 for µR = 0.

    A = (1/V) ∫ exp(−µ(path in + path out)) dV (International Tables C, 6.3.3), by quadrature over the cross-section at a few
    angles and Chebyshev interpolation of ln A between them. Within 5e-5 of the integral up to µR = 3 and 4e-3 at 10, where the
    closed expressions of Hewat (1979) and Lobanov & Alte da Veiga (1998) are 1 % off from µR = 1 and 1.5 on.
    two_theta: degrees, 0 to 180. Raises UsageError for µR outside 0 … 10.
    """
    if not 0.0 <= mu_r <= _LARGEST_MU_R:
        raise UsageError(f"a capillary with µR = {mu_r:g} cannot be computed; it must lie between 0 and {_LARGEST_MU_R:g}.")
    paths, areas, to_coefficients = _cylinder_paths()
    passed = areas * np.exp(-mu_r * paths)
    mean = passed.sum(axis=1)
    mean_path = np.einsum("am,am->a", passed, paths) / mean
    coefficients = to_coefficients @ np.stack([np.log(mean), -mean_path], axis=1)
    logarithm, slope = chebyshev.chebval(np.asarray(two_theta, dtype=np.float64) / 90.0 - 1.0, coefficients)
    factor = np.exp(logarithm)
    return np.asarray(factor), np.asarray(factor * slope)


def _refuse_impossible(mu_t: float) -> None:
    if not (np.isfinite(mu_t) and mu_t >= 0.0):
        raise UsageError(f"a layer with µt = {mu_t} is not possible; µt must be 0 or more.")


def _path_in_reflection(two_theta: FloatArray) -> FloatArray:
    """(n,) path in and out of a layer in units of its thickness, symmetric reflection: 2/sin θ."""
    return np.asarray(2.0 / np.sin(np.radians(np.asarray(two_theta, dtype=np.float64)) / 2.0))


@lru_cache(maxsize=1)
def _cylinder_paths() -> tuple[FloatArray, FloatArray, FloatArray]:
    """For a unit circle: (a, m) path in plus out of m points at a angles, (m,) their share of the area, and (a, a) what
    turns values at the angles into Chebyshev coefficients on 2θ/90° − 1.

    Points lie on half the circle, mirrored by the bisector of the beams; r = sin t makes the paths smooth at the rim.
    """
    roots, weights = np.polynomial.legendre.leggauss(_RINGS)
    t = (roots + 1.0) * np.pi / 4.0
    r = np.repeat(np.sin(t), _SPOKES)
    areas = np.repeat(weights * np.pi / 4.0 * 2.0 * np.sin(t) * np.cos(t), _SPOKES) / _SPOKES
    spoke = np.tile((np.arange(_SPOKES) + 0.5) * np.pi / _SPOKES, _RINGS)
    nodes = chebyshev.chebpts1(_ANGLES)
    half_opening = np.radians(90.0 - (nodes + 1.0) * 45.0)[:, None]
    towards_source, towards_detector = spoke - half_opening, spoke + half_opening
    paths = sum(np.sqrt(1.0 - (r * np.sin(a)) ** 2) - r * np.cos(a) for a in (towards_source, towards_detector))
    to_coefficients = np.linalg.inv(chebyshev.chebvander(nodes, _ANGLES - 1))
    return np.asarray(paths), areas, np.asarray(to_coefficients, dtype=np.float64)
