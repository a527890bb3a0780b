"""Texture: by what factor the planes of a line lie across the diffraction vector more often than in a random powder.

The specimen is taken to have fibre symmetry around the diffraction vector, as a flat plate shows it to a symmetric
diffractometer. The factor then depends on the crystal direction hkl alone; its mean over all directions is 1.

`rotations` is throughout a point group as row-major 3×3 integer matrices on fractional coordinates, which turn the plane
hkl into hkl @ rotation; () is the identity alone. A point group and its Laue group give the same. A plane (0, 0, 0), the
sign of a line without known indices, has no direction and is given no texture.
"""

import math
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from xrdkna.errors import UsageError
from xrdkna.physics.lattice import metric_tensor
from xrdkna.records.arrays import FloatArray, IntArray
from xrdkna.records.phases import Cell

Rotations = tuple[tuple[int, ...], ...]

_Axis = tuple[int, ...]
_IDENTITY = (1, 0, 0, 0, 1, 0, 0, 0, 1)
# trace of a proper rotation: its order (International Tables A, 1.2)
_ORDERS = {-1: 2, 0: 3, 1: 4, 2: 6}
# A combination that symmetry forbids is rounding, below 1e-13; of those it allows up to order 30 the shortest is 0.07 long.
_VANISHES = 1e-6
# A direction closer to the main axis than this (sine of the angle) fixes no azimuth.
_TOO_CLOSE = 0.1


def march_dollase(cos_squared: FloatArray, r: float) -> FloatArray:
    """March–Dollase factor (Dollase 1986): (r² cos²α + sin²α/r)^(−3/2); r < 1 platelets lying flat, 1 none."""
    return np.asarray((r * r * cos_squared + (1.0 - cos_squared) / r) ** -1.5)


def march_dollase_factors(
    hkl: npt.ArrayLike, *, axis: tuple[int, int, int], cell: Cell, rotations: Rotations, r: float
) -> tuple[FloatArray, FloatArray]:
    """(n,) mean March–Dollase factor of the planes equivalent to each hkl (n, 3), and (n,) its derivative by r.

    Each plane of a multiplet makes its own angle with the texture axis, and the line is their sum (Dollase 1986, J. Appl.
    Cryst. 19, 267). Raises UsageError unless 0 < r < ∞ and the axis is a plane's.
    """
    cosines = cos_squared_to_equivalents(hkl, axis=axis, cell=cell, rotations=rotations)
    factors, slopes = march_dollase_mean(cosines, r=r)
    known = np.any(np.asarray(hkl), axis=1)
    return np.where(known, factors, 1.0), np.where(known, slopes, 0.0)


def march_dollase_mean(cos_squared: FloatArray, *, r: float) -> tuple[FloatArray, FloatArray]:
    """(n,) mean March–Dollase factor over the second index of cos²α (n, m), and (n,) its derivative by r; 0 < r < ∞."""
    if not 0.0 < r < math.inf:
        raise UsageError(f"the March–Dollase coefficient is {r:g}; it must be above 0 (1 is no texture).")
    factors = march_dollase(cos_squared, r)
    spread = r * r * cos_squared + (1.0 - cos_squared) / r
    slopes = -1.5 * factors / spread * (2.0 * r * cos_squared - (1.0 - cos_squared) / r**2)
    return factors.mean(axis=1), slopes.mean(axis=1)


def cos_squared_to_axis(hkl: npt.ArrayLike, *, axis: tuple[int, int, int], cell: Cell) -> FloatArray:
    """(n,) cos²α between the plane normals of hkl (n, 3) and of `axis`, by the reciprocal metric."""
    return np.asarray(cos_squared_to_equivalents(hkl, axis=axis, cell=cell, rotations=())[:, 0])


def cos_squared_to_equivalents(hkl: npt.ArrayLike, *, axis: tuple[int, int, int], cell: Cell, rotations: Rotations) -> FloatArray:
    """(n, m) cos²α between the plane normals of hkl (n, 3) and of the m different planes equivalent to `axis`.

    The angle between hkl turned and the axis is that between hkl and the axis turned back, so a mean over the second index
    is the mean over the multiplet of hkl. A plane (0, 0, 0) gets 1/3, the mean over all directions. Raises UsageError for
    the axis (0, 0, 0).
    """
    if not any(axis):
        raise UsageError("the axis (0, 0, 0) is no direction; give the Miller indices of a plane, such as (0, 0, 1).")
    indices, axes = np.asarray(hkl, dtype=np.float64), _equivalent_axes(axis, rotations).astype(np.float64)
    reciprocal = np.linalg.inv(metric_tensor(cell))
    lengths = np.einsum("ni,ij,nj->n", indices, reciprocal, indices)[:, None] * np.einsum("mi,ij,mj->m", axes, reciprocal, axes)
    squares = (indices @ reciprocal @ axes.T) ** 2
    cosines = np.divide(squares, lengths, out=np.full_like(squares, 1.0 / 3.0), where=lengths > 0.0)
    return np.asarray(np.clip(cosines, 0.0, 1.0))


def harmonic_terms(hkl: npt.ArrayLike, *, cell: Cell, rotations: Rotations, order: int) -> tuple[FloatArray, tuple[str, ...]]:
    """(n, k) values K_j of the symmetrised spherical harmonics at hkl (n, 3), and their k names; factor = 1 + Σ C_j K_j.

    A basis of the even real harmonics l = 2, 4 … `order` that the group leaves as they are (Järvinen 1993, J. Appl. Cryst.
    26, 525; Von Dreele 1997, J. Appl. Cryst. 30, 517). Over the sphere ⟨K_j⟩ = 0 and ⟨K_i K_j⟩ = δ_ij; Bunge's coefficient,
    whose texture index is 1 + Σ C²/(2l + 1), is C_j √(2l + 1). The polar axis is the symmetry axis of highest order (fourfold
    or twofold in cubic groups, c where there is none); the azimuth counts from the highest axis across it, from a* where
    there is none. "l6m4" leads with cos 4φ, "l6m4s" with sin 4φ, and the leading harmonic enters with positive sign. Raises
    UsageError for an order that is odd or below zero; order 0 has no terms.
    """
    if order < 0 or order % 2:
        raise UsageError(f"the order of the harmonic texture is {order}; it must be an even number, such as 6.")
    indices = np.asarray(hkl, dtype=np.float64)
    vectors = indices @ _crystal_frame(rotations, np.linalg.inv(metric_tensor(cell)))
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    known = lengths > 0.0
    combinations, names = _invariant_combinations(rotations, order)
    values = _real_harmonics(np.divide(vectors, lengths, out=np.zeros_like(vectors), where=known), order) @ combinations
    return np.where(known, values, 0.0), names


def harmonic_factors(terms: FloatArray, coefficients: npt.ArrayLike) -> FloatArray:
    """(n,) 1 + Σ C_j K_j for `terms` (n, k) and coefficients (k,). Nothing keeps it positive: below 0 the texture is not possible."""
    return np.asarray(1.0 + terms @ np.asarray(coefficients, dtype=np.float64))


def texture_index(coefficients: npt.ArrayLike) -> float:
    """Bunge's J, the mean square of the density over all directions: 1 + Σ C_j², 1 without texture.

    For a fibre texture that is the mean square of the orientation distribution too (Bunge 1982, Texture Analysis, ch. 4).
    """
    return 1.0 + float(np.sum(np.asarray(coefficients, dtype=np.float64) ** 2))


def rotation_matrices(rotations: Rotations) -> IntArray:
    """(g, 3, 3) the group's matrices; the identity alone for ()."""
    return np.array(rotations or (_IDENTITY,), dtype=np.int64).reshape(-1, 3, 3)


@lru_cache(maxsize=256)
def _equivalent_axes(axis: tuple[int, int, int], rotations: Rotations) -> IntArray:
    """(m, 3) the different planes equivalent to `axis`, one of each ±pair."""
    turned = np.array(axis, dtype=np.int64) @ rotation_matrices(rotations)
    both = np.unique(np.concatenate([turned, -turned]), axis=0)
    return both[: len(both) // 2]


@lru_cache(maxsize=64)
def _invariant_combinations(rotations: Rotations, order: int) -> tuple[FloatArray, tuple[str, ...]]:
    """(h, k) orthonormal columns over the harmonics of `_labels`, each invariant under the group, and their names.

    The mean of a harmonic over the group is its projection on the invariants, P = ⟨Y_i · mean over R of Y_j(R·)⟩. In the
    frame of the symmetry axes the turned directions are those of any cell the group allows, so a plain one serves.
    """
    frame = _crystal_frame(rotations, np.eye(3))
    points, weights = _sphere_rule(order)
    turned = [_real_harmonics(points @ turn, order) for turn in np.linalg.inv(frame) @ _proper(rotations) @ frame]
    projector = (_real_harmonics(points, order) * weights[:, None]).T @ np.mean(turned, axis=0)
    found = np.zeros((len(projector), 0))
    names = []
    for (degree, m), column in zip(_labels(order), projector.T, strict=True):
        rest = column - found @ (found.T @ column)
        rest -= found @ (found.T @ rest)
        if (length := float(np.linalg.norm(rest))) > _VANISHES:
            found = np.column_stack([found, rest / length])
            names.append(f"l{degree}m{abs(m)}{'s' if m < 0 else ''}")
    found.setflags(write=False)
    return found, tuple(names)


def _crystal_frame(rotations: Rotations, reciprocal: npt.NDArray[np.floating]) -> FloatArray:
    """(3, 3) F such that hkl @ F is the plane's normal, of length 1/d, on Cartesian axes along the symmetry axes.

    The reciprocal metric is averaged over the group first, so that the rotations are exact whatever rounding the cell has.
    """
    matrices = rotation_matrices(rotations)
    base = np.linalg.cholesky(np.einsum("gij,jk,glk->il", matrices, reciprocal, matrices) / len(matrices))
    direct = np.linalg.inv(base).T
    main, second = _symmetry_axes(rotations)
    z = _unit(np.array(main) @ direct)
    candidates = base if second is None else (np.array(second) @ direct)[None, :]
    across = (candidates - np.outer(candidates @ z, z)) / np.linalg.norm(candidates, axis=1, keepdims=True)
    x = _unit(across[np.argmax(np.linalg.norm(across, axis=1) > _TOO_CLOSE)])
    return np.asarray(base @ np.column_stack([x, np.cross(z, x), z]))


@lru_cache(maxsize=64)
def _symmetry_axes(rotations: Rotations) -> tuple[_Axis, _Axis | None]:
    """Lattice directions of the main symmetry axis, c where there is none, and of the highest axis across it, or None.

    Among equals the one with the smallest indices, then the nearest to c for the main axis, to a for the other.
    """
    orders: dict[_Axis, int] = {}
    for matrix in _proper(rotations):
        if (order := _ORDERS.get(int(np.trace(matrix)))) is not None:
            axis = _axis_of(matrix, order)
            orders[axis] = max(order, orders.get(axis, 0))
    if list(orders.values()).count(3) > 1:
        orders = {axis: order for axis, order in orders.items() if order != 3}
    if not orders:
        return (0, 0, 1), None
    main = min(orders, key=lambda axis: (-orders[axis], sum(u * u for u in axis), [-abs(u) for u in reversed(axis)], axis))
    metric = np.sum([matrix.T @ matrix for matrix in _proper(rotations)], axis=0)
    across = [axis for axis in orders if np.array(main) @ metric @ np.array(axis) == 0]
    second = min(across, key=lambda axis: (-orders[axis], sum(u * u for u in axis), [-abs(u) for u in axis], axis), default=None)
    return main, second


def _proper(rotations: Rotations) -> IntArray:
    """(g, 3, 3) the different rotations, each improper one by its proper partner: even functions do not tell them apart."""
    matrices = rotation_matrices(rotations)
    determinants = np.rint(np.linalg.det(matrices)).astype(np.int64)
    return np.unique(matrices * determinants[:, None, None], axis=0)


def _axis_of(matrix: IntArray, order: int) -> _Axis:
    """The lattice direction that a proper rotation leaves: any vector plus all its turned ones; the first index above 0."""
    total = np.sum([np.linalg.matrix_power(matrix, power) for power in range(order)], axis=0)
    column = total[:, np.flatnonzero(total.any(axis=0))[0]]
    sign = int(np.sign(column[np.flatnonzero(column)[0]]))
    return tuple(int(u) for u in sign * column // np.gcd.reduce(column))


def _labels(order: int) -> list[tuple[int, int]]:
    """(l, m) of the even harmonics from l = 2: m = 0, 1, −1, 2, −2 … l, −l with sines below zero."""
    return [(degree, m) for degree in range(2, order + 1, 2) for m in sorted(range(-degree, degree + 1), key=lambda m: (abs(m), -m))]


def _real_harmonics(directions: FloatArray, order: int) -> FloatArray:
    """(n, h) real spherical harmonics at unit vectors (n, 3), in the order of `_labels`, of mean square 1 over the sphere.

    By the recursion of the fully normalised Legendre functions (Holmes & Featherstone 2002, J. Geodesy 76, 279, eq. 11),
    with sinᵐθ in (x + iy)ᵐ, so that the poles are points like any other.
    """
    x, y, t = directions.T
    column = {label: i for i, label in enumerate(_labels(order))}
    result = np.empty((len(directions), len(column)))
    cosine, sine, sectoral = np.ones_like(x), np.zeros_like(x), 1.0
    for m in range(order + 1):
        if m:
            cosine, sine = cosine * x - sine * y, sine * x + cosine * y
            sectoral *= math.sqrt((2 * m + 1) / (2 * m)) * (math.sqrt(2.0) if m == 1 else 1.0)
        before, legendre = np.zeros_like(t), np.full_like(t, sectoral)
        for degree in range(m, order + 1):
            if degree > m:
                down = math.sqrt(((degree - 1) ** 2 - m * m) / (4 * (degree - 1) ** 2 - 1))
                up = math.sqrt((4 * degree * degree - 1) / (degree * degree - m * m))
                before, legendre = legendre, up * (t * legendre - down * before)
            if (degree, m) in column:
                result[:, column[degree, m]] = legendre * cosine
                result[:, column[degree, -m]] = legendre * (sine if m else cosine)
    return result


def _sphere_rule(order: int) -> tuple[FloatArray, FloatArray]:
    """(p, 3) unit vectors and (p,) weights that average products of two harmonics up to `order` exactly: Gauss × even steps."""
    heights, weights = np.polynomial.legendre.leggauss(order + 1)
    azimuths = 2.0 * np.pi * np.arange(2 * order + 1) / (2 * order + 1)
    t, phi = (grid.ravel() for grid in np.meshgrid(heights, azimuths, indexing="ij"))
    radius = np.sqrt(1.0 - t * t)
    points = np.column_stack([radius * np.cos(phi), radius * np.sin(phi), t])
    return points, np.repeat(weights / 2.0 / len(azimuths), len(azimuths))


def _unit(vector: FloatArray) -> FloatArray:
    return np.asarray(vector / np.linalg.norm(vector))
