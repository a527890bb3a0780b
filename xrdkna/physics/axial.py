"""Axial divergence: the tail a line grows because specimen and detector have a height. Finger, Cox & Jephcoat (1994),
J. Appl. Cryst. 27, 892 (FCJ), after van Laar & Yelon (1984), J. Appl. Cryst. 17, 47. Degrees at the border.

A ray that leaves the specimen and is caught higher by h (in goniometer radii) belongs to a diffraction cone of half-angle 2θ but
meets the detector at 2φ, cos 2φ = cos 2θ·√(1 + h²). With t = h²

    sin(2φ − 2θ) = −cot 2θ · t / (√(1 + t) + √(1 − t cot² 2θ))

and a cone that shines evenly around its axis has, per height, the brightness 1/((1 + t)·√(1 − t cot² 2θ)): FCJ's
D(2φ) = W/(2H h cos 2φ) written in h. W(h) is the trapezoid of heights that specimen and detector have in common. Beyond
h = |tan 2θ| there is no cone.

The integral over D becomes a sum over the nodes of a Gauss rule. For most lines that is the rule of the trapezoid W in t, one for all
lines, times the brightness, which is smooth. For cones about as narrow as the slit is high it is the rule of D itself, line by line.
"""

from functools import lru_cache

import numpy as np

from xrdkna.errors import UsageError
from xrdkna.physics.gauss_rule import gauss_rule, gauss_rule_slopes
from xrdkna.records.arrays import BoolArray, FloatArray, IntArray

MOST_NODES = 64
# Half-heights of more than this many radii are no diffractometer, and more likely millimetres.
TALLEST = 0.3
# What `nodes_needed` may answer: few different numbers, so that lines are computed in few batches.
RUNGS = (1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 32, 40, 48, MOST_NODES)

# Tallest h over |tan 2θ| up to which the brightness is smooth enough to be a factor: it grows by 15 %; two nodes then have the centroid
# to 1e-4 of the tail's length, three to 1e-6.
_WIDE_CONE = 0.5
# The smaller height counts by its square over the larger one's (by its square root where it spans the edge of a cone that just closes):
# this share of it stands for zero, and nothing is divided by zero.
_FLAT = 1e-6
# Two heights below this move nothing by as much as 1e-15 degrees at 0.1° 2θ, and their squares must not underflow.
_NOTHING = 1e-10
# Nodes from which the single node of a line, the centroid of D, is computed.
_CENTROID_NODES = 6
# Standard deviation of D over the line's full width at which k nodes still err by less than 0.2 % of the peak height, for any share of
# Lorentzian and any ratio of the heights (worst: all Lorentzian, equal heights). One node leaves out ½σ² p″, 4 (σ/Γ)² of the height.
_ONE_NODE = 0.022
_SPREAD_PER_NODE = 0.074
_FIRST_SPREAD = 0.05


def axial_nodes(two_theta: FloatArray, *, sample: float, detector: float, nodes: int = 10) -> tuple[FloatArray, FloatArray]:
    """(m, nodes) offsets in degrees from the Bragg angles (m,), ever further from it, and (m, nodes) weights, 1 in the sum of each row.

    profile(x) = Σ_k weight_k · pV(x − two_theta − offset_k). Offsets are negative below 90°, positive above. With one node it is the
    centroid of the distribution. sample = S/L and detector = H/L: half-heights over the goniometer radius; where both are 0 the
    offsets are 0. S and H may be exchanged. Raises UsageError for a height below 0 or above 0.3, angles outside 0 … 180° and
    less than one or more than 64 nodes.
    """
    angle = _checked(two_theta, sample=sample, detector=detector, nodes=nodes)
    if max(sample, detector) < _NOTHING:
        return np.zeros((angle.size, nodes)), np.full((angle.size, nodes), 1.0 / nodes)
    heights = _heights(sample, detector)
    wide = _wide_cones(angle, heights)
    offset, weight = np.empty((2, angle.size, nodes))
    offset[wide], weight[wide] = _wide_nodes(angle[wide], heights, nodes)
    if not wide.all():
        offset[~wide], weight[~wide], _, _ = _narrow_nodes(angle[~wide], heights, nodes)
    return np.degrees(offset), weight


def axial_node_derivatives(
    two_theta: FloatArray, *, sample: float, detector: float, nodes: int = 10
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """(m, nodes) each: ∂offset/∂sample, ∂offset/∂detector (degrees), ∂weight/∂sample, ∂weight/∂detector of `axial_nodes`.

    Analytic. All vary as the square of a height, so that the derivative by a height that is 0 is 0: a refinement must not start
    there. For both heights tied to one number add the two derivatives. Raises UsageError as `axial_nodes`.
    """
    angle = _checked(two_theta, sample=sample, detector=detector, nodes=nodes)
    slopes = np.zeros((4, angle.size, nodes))
    if max(sample, detector) >= _NOTHING:
        heights = _heights(sample, detector)
        wide = _wide_cones(angle, heights)
        slopes[:, wide] = _wide_slopes(angle[wide], heights, nodes)
        if not wide.all():
            _, _, d_offset, d_weight = _narrow_nodes(angle[~wide], heights, nodes)
            slopes[:, ~wide] = np.concatenate([d_offset, d_weight])
        _follow_floor(slopes, sample, detector)
    return np.degrees(slopes[0]), np.degrees(slopes[1]), slopes[2], slopes[3]


def nodes_needed(two_theta: FloatArray, *, sample: float, detector: float, fwhm: FloatArray) -> IntArray:
    """(m,) how many nodes each line needs to be right within 0.2 % of its peak height, for any pseudo-Voigt of full width `fwhm` (m,).

    One of RUNGS, by the standard deviation σ of D: the sum over k nodes leaves out its moments from the 2k-th on. MOST_NODES serve
    up to σ = 4.6 fwhm; a line spread further gets as many and errs by more. Raises UsageError as `axial_nodes`, and for a width that
    is not above 0.
    """
    width = np.asarray(fwhm, dtype=np.float64)
    if not np.all(width > 0.0):
        raise UsageError("A line has no full width above 0 degrees; give `fwhm` of every line before its axial nodes are counted.")
    # four nodes have the first eight moments
    offset, weight = axial_nodes(two_theta, sample=sample, detector=detector, nodes=4)
    centroid = np.sum(weight * offset, axis=1)
    spread = np.sqrt(np.sum(weight * (offset - centroid[:, None]) ** 2, axis=1)) / width
    count = np.where(spread <= _ONE_NODE, 1.0, np.maximum(np.ceil((spread + _FIRST_SPREAD) / _SPREAD_PER_NODE), 2.0))
    rungs = np.array(RUNGS, dtype=np.int64)
    return np.asarray(rungs[np.minimum(np.searchsorted(rungs, count), rungs.size - 1)])


def _checked(two_theta: FloatArray, *, sample: float, detector: float, nodes: int) -> FloatArray:
    """(m,) 2θ in radians."""
    for name, height in (("sample (S/L)", sample), ("detector (H/L)", detector)):
        if not 0.0 <= height <= TALLEST:
            raise UsageError(
                f"The axial half-height of {name} is {height:g} radii; give half its height over the radius, 0 to {TALLEST:g}."
            )
    if not 1 <= nodes <= MOST_NODES:
        raise UsageError(f"{nodes} axial nodes were asked for; give 1 to {MOST_NODES}.")
    angle = np.radians(np.asarray(two_theta, dtype=np.float64))
    if not np.all((angle > 0.0) & (angle < np.pi)):
        raise UsageError("Axial divergence was asked for at an angle outside 0 to 180 degrees 2θ; leave that line out.")
    return np.asarray(angle)


def _heights(sample: float, detector: float) -> tuple[float, float]:
    return max(sample, _FLAT * detector), max(detector, _FLAT * sample)


def _follow_floor(slopes: FloatArray, sample: float, detector: float) -> None:
    """Where a height stands on its floor, a share of the other one, it moves with the other one only: in place, (4, m, k)."""
    for own, other, own_height, other_height in ((0, 1, sample, detector), (1, 0, detector, sample)):
        if own_height < _FLAT * other_height:
            slopes[other::2] += _FLAT * slopes[own::2]
            slopes[own::2] = 0.0


def _wide_cones(angle: FloatArray, heights: tuple[float, float]) -> BoolArray:
    return np.asarray(sum(heights) <= _WIDE_CONE * np.abs(np.tan(angle)))


def _wide_nodes(angle: FloatArray, heights: tuple[float, float], nodes: int) -> tuple[FloatArray, FloatArray]:
    """(m, nodes) offsets in radians and weights where the brightness is a smooth factor."""
    if nodes == 1:
        offset, weight = _wide_nodes(angle, heights, _CENTROID_NODES)
        return np.sum(weight * offset, axis=1, keepdims=True), np.ones((angle.size, 1))
    t, trapezoid, _, _ = _height_rule(*heights, nodes)
    cotangent = 1.0 / np.tan(angle)[:, None]
    weight = trapezoid / ((1.0 + t) * _closing(cotangent, t))
    return _offset(cotangent, t), weight / weight.sum(axis=1, keepdims=True)


def _wide_slopes(angle: FloatArray, heights: tuple[float, float], nodes: int) -> FloatArray:
    """(4, m, nodes) derivatives of `_wide_nodes` in the order of `axial_node_derivatives`, offsets in radians."""
    if nodes == 1:
        offset, weight = _wide_nodes(angle, heights, _CENTROID_NODES)
        slopes = _wide_slopes(angle, heights, _CENTROID_NODES)
        d_mean = np.sum(weight * slopes[:2] + offset * slopes[2:], axis=2, keepdims=True)
        return np.concatenate([d_mean, np.zeros_like(d_mean)])
    t, trapezoid, d_t, d_trapezoid = (rule[..., None, :] for rule in _height_rule(*heights, nodes))
    cotangent = 1.0 / np.tan(angle)[:, None]
    closing = _closing(cotangent, t)
    d_offset = -cotangent / (2.0 * np.sqrt(1.0 + t) * closing) * d_t
    brightness = 1.0 / ((1.0 + t) * closing)
    d_log_brightness = 0.5 * cotangent**2 / closing**2 - 1.0 / (1.0 + t)
    raw = trapezoid * brightness
    d_raw = brightness * d_trapezoid + raw * d_log_brightness * d_t
    total = raw.sum(axis=-1, keepdims=True)
    d_weight = (d_raw - raw / total * d_raw.sum(axis=-1, keepdims=True)) / total
    return np.concatenate([d_offset, d_weight])


# A fit with fixed heights asks for the same few rules in every scan.
@lru_cache(maxsize=64)
def _height_rule(sample: float, detector: float, nodes: int) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Gauss rule of the trapezoid of heights in t = h²: (nodes,) t, (nodes,) weights, and (2, nodes) their derivatives by S and H."""
    edges = np.array([[abs(sample - detector)], [sample + detector]])
    # the trapezoid is linear and the rule has degree 4·nodes − 2 in h: exact
    h, step = _pieces(edges, 2 * nodes)
    mass, d_mass = _overlap(h, step, sample, detector)
    node, weight, cardinal = gauss_rule(h**2, mass, nodes)
    d_node, d_weight = gauss_rule_slopes(h**2, d_mass, node, weight, cardinal)
    rule = (node[0], weight[0], d_node[:, 0], d_weight[:, 0])
    for array in rule:
        array.setflags(write=False)
    return rule


def _narrow_nodes(angle: FloatArray, heights: tuple[float, float], nodes: int) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """(m, nodes) offsets in radians, weights, and their (2, m, nodes) derivatives: the Gauss rule of D, line by line.

    The azimuth ψ around the cone, sin ψ = h/(√(1 + h²)·sin 2θ), has brightness 1 and ends at 90°, where 2φ = 0.
    """
    sample, detector = heights
    sine = np.sin(angle)
    edge = np.array([[abs(sample - detector)], [sample + detector]])
    azimuth, step = _pieces(np.arcsin(np.minimum(edge / np.sqrt(1.0 + edge**2) / sine, 1.0)), 2 * nodes + 8)
    rise = sine[:, None] * np.sin(azimuth)
    h = rise / np.sqrt(1.0 - rise**2)
    mass, d_mass = _overlap(h, step, sample, detector)
    offset = _offset(1.0 / np.tan(angle)[:, None], h**2)
    # rising distance from the Bragg angle, so that nodes come in the order of `_wide_nodes`
    side = np.where(angle < np.pi / 2.0, -1.0, 1.0)[:, None]
    distance = side * offset
    node, weight, cardinal = gauss_rule(distance, mass, nodes)
    d_node, d_weight = gauss_rule_slopes(distance, d_mass, node, weight, cardinal)
    return side * node, weight, side * d_node, d_weight


def _pieces(edges: FloatArray, count: int) -> tuple[FloatArray, FloatArray]:
    """(m, 2·count) abscissas and steps of Gauss–Legendre from 0 to edges[0] and on to edges[1]; edges: (2, m)."""
    x, w = _legendre(count)
    inner, outer = edges[0][:, None], (edges[1] - edges[0])[:, None]
    abscissa = np.hstack([inner * (0.5 + 0.5 * x), inner + outer * (0.5 + 0.5 * x)])
    return abscissa, np.hstack([inner * 0.5 * w, outer * 0.5 * w])


@lru_cache(maxsize=64)
def _legendre(count: int) -> tuple[FloatArray, FloatArray]:
    x, w = np.polynomial.legendre.leggauss(count)
    return x, w


def _overlap(h: FloatArray, step: FloatArray, sample: float, detector: float) -> tuple[FloatArray, FloatArray]:
    """(m, j) mass of the trapezoid at abscissas in two halves (flat, sloping), 1 in each row, and its (2, m, j) slopes by S and H.

    W = 2 min(S, H) up to |H − S|, S + H − h beyond (FCJ, eq. 5 ff.); what the edges move by adds nothing, as W is continuous.
    """
    half = h.shape[1] // 2
    width = np.maximum(sample + detector - h, 0.0)
    width[:, :half] = 2.0 * min(sample, detector)
    d_width = np.ones((2, *h.shape))
    d_width[0, :, :half] = 2.0 if sample < detector else 0.0
    d_width[1, :, :half] = 2.0 if detector < sample else 0.0
    total = np.sum(width * step, axis=1, keepdims=True)
    mass = width * step / total
    d_mass = d_width * step / total
    return mass, d_mass - mass * d_mass.sum(axis=2, keepdims=True)


def _offset(cotangent: FloatArray, t: FloatArray) -> FloatArray:
    """(m, k) radians, 2φ − 2θ at heights √t, without the difference of two near angles."""
    return np.asarray(-np.arcsin(cotangent * t / (np.sqrt(1.0 + t) + _closing(cotangent, t))))


def _closing(cotangent: FloatArray, t: FloatArray) -> FloatArray:
    """(m, k) sin 2φ / sin 2θ = √(1 − t cot² 2θ): 1 in the equator, 0 where the cone closes."""
    return np.asarray(np.sqrt(np.maximum(1.0 - t * cotangent**2, 0.0)))
