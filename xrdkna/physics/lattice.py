"""Cells and their d-spacings in all seven systems, by the metric tensor (International Tables A, 1.3; B, 1.1).

A cell is described by its free parameters only (`a` for cubic, `a, c` for tetragonal …), so that symmetry holds by
construction and derivatives need no constraint.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from xrdkna.records.arrays import FloatArray
from xrdkna.records.phases import Cell

CELL_NAMES = ("a", "b", "c", "alpha", "beta", "gamma")

# system: (free parameters, which of them each of a b c alpha beta gamma follows; None: keeps its fixed value)
_HEXAGONAL = (("a", "c"), ("a", "a", "c", None, None, None))
_RHOMBOHEDRAL = (("a", "alpha"), ("a", "a", "a", "alpha", "alpha", "alpha"))
_CONSTRAINTS: dict[str, tuple[tuple[str, ...], tuple[str | None, ...]]] = {
    "cubic": (("a",), ("a", "a", "a", None, None, None)),
    "hexagonal": _HEXAGONAL,
    "trigonal": _HEXAGONAL,
    "tetragonal": (("a", "c"), ("a", "a", "c", None, None, None)),
    "orthorhombic": (("a", "b", "c"), ("a", "b", "c", None, None, None)),
    "triclinic": (CELL_NAMES, CELL_NAMES),
}


def free_cell_parameters(system: str, cell: Cell) -> tuple[str, ...]:
    """Names of the cell parameters that symmetry leaves free, in the order of CELL_NAMES."""
    return _constraint(system, cell)[0]


def free_parameter_of_each(system: str, cell: Cell) -> tuple[int, ...]:
    """For a, b, c, alpha, beta, gamma in turn, the number of the free parameter it follows; −1 where it is fixed."""
    names, follows = _constraint(system, cell)
    return tuple(-1 if name is None else names.index(name) for name in follows)


def cell_from_free(values: Sequence[float] | FloatArray, *, system: str, reference: Cell) -> Cell:
    """The cell with these free parameters (order of `free_cell_parameters`); the rest as symmetry or `reference` demand."""
    names, follows = _constraint(system, reference)
    free = dict(zip(names, values, strict=True))
    full = [float(free[name]) if name is not None else fixed for name, fixed in zip(follows, reference.values, strict=True)]
    return Cell(**dict(zip(CELL_NAMES, full, strict=True)))


def metric_tensor(cell: Cell) -> FloatArray:
    """(3, 3) Å², G with G_ij = a_i · a_j."""
    a, b, c = cell.a, cell.b, cell.c
    ca, cb, cg = (float(np.cos(np.radians(angle))) for angle in (cell.alpha, cell.beta, cell.gamma))
    return np.array([[a * a, a * b * cg, a * c * cb], [a * b * cg, b * b, b * c * ca], [a * c * cb, b * c * ca, c * c]])


def cell_volume(cell: Cell) -> float:
    """Å³, V = √det G."""
    return float(np.sqrt(np.linalg.det(metric_tensor(cell))))


def inverse_d_squared(hkl: npt.ArrayLike, cell: Cell) -> FloatArray:
    """(n,) Å⁻², 1/d² = h G⁻¹ hᵀ for hkl (n, 3)."""
    indices = np.asarray(hkl, dtype=np.float64)
    return np.asarray(np.einsum("ni,ij,nj->n", indices, np.linalg.inv(metric_tensor(cell)), indices))


def d_spacings(hkl: npt.ArrayLike, cell: Cell) -> FloatArray:
    """(n,) Å, for hkl (n, 3), none of them (0, 0, 0)."""
    return np.asarray(1.0 / np.sqrt(inverse_d_squared(hkl, cell)))


def d_spacing_derivatives(hkl: npt.ArrayLike, cell: Cell, *, system: str) -> tuple[FloatArray, FloatArray]:
    """(n,) d in Å and (n, k) ∂d/∂p for the k free parameters p of the system (Å per Å, Å per degree).

    From 1/d² = h G⁻¹ hᵀ: ∂(1/d²)/∂p = −(G⁻¹h)ᵀ (∂G/∂p) (G⁻¹h) and ∂d/∂p = −d³/2 · ∂(1/d²)/∂p.
    """
    indices = np.asarray(hkl, dtype=np.float64)
    inverse = np.linalg.inv(metric_tensor(cell))
    g = indices @ inverse
    d = 1.0 / np.sqrt(np.einsum("ni,ni->n", g, indices))
    names, follows = _constraint(system, cell)
    metric_slopes = _metric_derivatives(cell)
    derivatives = np.zeros((len(indices), len(names)))
    for k, name in enumerate(names):
        slope = np.sum([metric_slopes[i] for i, followed in enumerate(follows) if followed == name], axis=0)
        derivatives[:, k] = 0.5 * d**3 * np.einsum("ni,ij,nj->n", g, slope, g)
    return d, derivatives


def _constraint(system: str, cell: Cell) -> tuple[tuple[str, ...], tuple[str | None, ...]]:
    if system == "monoclinic":
        unique = next((name for name, angle in zip(CELL_NAMES[3:], cell.values[3:], strict=True) if abs(angle - 90.0) > 1e-6), "beta")
        return ("a", "b", "c", unique), ("a", "b", "c", *(name if name == unique else None for name in CELL_NAMES[3:]))
    if system == "trigonal" and abs(cell.gamma - 120.0) > 1e-3:
        return _RHOMBOHEDRAL
    return _CONSTRAINTS[system]


def _metric_derivatives(cell: Cell) -> list[FloatArray]:
    """∂G/∂p for p = a, b, c (per Å), alpha, beta, gamma (per degree)."""
    edges = np.array([cell.a, cell.b, cell.c])
    angles = np.radians([cell.alpha, cell.beta, cell.gamma])
    cosines = np.eye(3)
    for (i, j), angle in zip(((1, 2), (0, 2), (0, 1)), angles, strict=True):
        cosines[i, j] = cosines[j, i] = np.cos(angle)
    slopes = []
    for i in range(3):
        slope = np.zeros((3, 3))
        slope[i, :] += edges * cosines[i]
        slope[:, i] += edges * cosines[i]
        slopes.append(slope)
    for (i, j), angle in zip(((1, 2), (0, 2), (0, 1)), angles, strict=True):
        slope = np.zeros((3, 3))
        slope[i, j] = slope[j, i] = -edges[i] * edges[j] * np.sin(angle) * np.pi / 180.0
        slopes.append(slope)
    return slopes
