"""Axial divergence of both beams of a diffractometer whose source has a height. Cheary & Coelho (1998), J. Appl. Cryst. 31, 851 and 862.

A ray that rises by a radii a radius on its way to the specimen and by b radii a radius after it is diffracted by 2θ but seen at 2φ,

    cos 2φ = cos 2θ · √((1 + a²)(1 + b²)) − a b      ≈ offset −½(a² + b²) cot 2θ + a b/sin 2θ

and the powder's cone, even around its axis, has per b the brightness ∂ψ/∂b, ψ the azimuth around the incident ray:

    sin ψ = (b/√(1 + b²) − cos 2θ · a/√(1 + a²)) · √(1 + a²)/sin 2θ

With a = 0 this is `axial`. Points of source, specimen and slit are independent and even; Soller slits let through the share
1 − |slope|/limit.
"""

from functools import lru_cache

import numpy as np

from xrdkna.records.arrays import FloatArray

# A height that is nothing counts as this share of the tallest one.
_FLAT = 1e-6
# Points in each piece between two bends of the density of slopes: so many, and one more for every four nodes of the rule. The mean and
# the mean square of the offset are then integrated without error, and no profile moves by 0.1 % of its peak with more.
_POINTS = 5
# cos²ψ below which a cone closes in the slit: the brightness at the very edge is infinite but adds nothing.
_CLOSED = 1e-3


def two_beam_rays(
    angle: FloatArray, *, source: float, sample: float, detector: float, soller: float, nodes: int
) -> tuple[FloatArray, FloatArray]:
    """(m, j) offsets in radians of rays at the Bragg angles (m,) 2θ in radians, and (m, j) how much each carries.

    source, sample, detector: half-heights over the radius; source 0: the incident beam is parallel. soller: radians, half the opening
    of the slits, 0 for none. nodes: of the rule that is to be made of them.
    """
    a, b, mass = _slopes(source, sample, detector, soller, _POINTS + nodes // 4)
    cosine, sine = np.cos(angle)[:, None], np.sin(angle)[:, None]
    drop = cosine * (np.sqrt((1.0 + a**2) * (1.0 + b**2)) - 1.0) - a * b
    seen = np.sqrt(np.maximum(1.0 - (cosine + drop) ** 2, 0.0))
    # sin(2φ − 2θ) without the difference of two near angles
    offset = -np.arcsin(np.clip(drop * (cosine * (2.0 * cosine + drop) / (seen + sine) + sine), -1.0, 1.0))
    around = (b / np.sqrt(1.0 + b**2) - cosine * a / np.sqrt(1.0 + a**2)) * np.sqrt(1.0 + a**2) / sine
    open_share = 1.0 - around**2
    brightness = np.sqrt(1.0 + a**2) / (1.0 + b**2) ** 1.5 / np.sqrt(np.maximum(open_share, _CLOSED))
    return offset, np.where(open_share > 0.0, mass * brightness, 0.0)


@lru_cache(maxsize=16)
def _slopes(source: float, sample: float, detector: float, soller: float, points: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """(j,) slopes a ≥ 0 (all is the same with both slopes turned) and (j,) b before and after the specimen, and (j,) their share."""
    least = _FLAT * max(source, sample, detector)
    sample, detector = max(sample, least), max(detector, least)
    limit = soller if soller > 0.0 else np.inf
    before, before_share = np.zeros(1), np.ones(1)
    low, high = np.array([-sample]), np.array([sample])
    if source > 0.0:
        before, before_share = _pieces(np.array([0.0, abs(source - sample), source + sample]), limit, points)
        # from where on the specimen rays of this slope come
        low, high = np.maximum(-sample, before - source), np.minimum(sample, before + source)
    middle, half = (low + high) / 2.0, np.maximum(high - low, 0.0) / 2.0
    rows = []
    for slope, steps, center, width in zip(before, before_share, middle, half, strict=True):
        flat, reach = abs(detector - width), detector + width
        edges = np.array([-reach, -flat, flat, reach]) - center
        after, after_share = _pieces(np.sort(np.append(edges, 0.0)) if soller > 0.0 else edges, limit, points)
        common = np.minimum(2.0 * min(detector, width), np.maximum(reach - np.abs(after + center), 0.0))
        rows.append((np.full(after.size, slope), after, steps * after_share * common))
    a, b, share = (np.concatenate(column) for column in zip(*rows, strict=True))
    if soller > 0.0:
        share = share * (1.0 - np.abs(a) / limit) * (1.0 - np.abs(b) / limit)
    seen = share > 0.0
    return a[seen], b[seen], share[seen] / share[seen].sum()


def _pieces(edges: FloatArray, limit: float, points: int) -> tuple[FloatArray, FloatArray]:
    """Gauss–Legendre abscissas and steps between rising edges, none beyond ±limit."""
    x, w = np.polynomial.legendre.leggauss(points)
    edge = np.clip(edges, -limit, limit)
    length = np.diff(edge)[:, None]
    kept = length[:, 0] > 0.0
    return (edge[:-1, None] + length * 0.5 * (1.0 + x))[kept].ravel(), (length * 0.5 * w)[kept].ravel()
