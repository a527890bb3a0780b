"""Anisotropic broadening: widths that depend on the direction in the crystal and not on the angle alone.

Two models: the quartic form of Stephens for microstrain, in which the cell edges and angles of the grains scatter, and the
uniaxial one for size or strain, with one width along an axis and another across it. `rotations` is a point group as in
`physics.texture`.
"""

from fractions import Fraction
from functools import lru_cache
from itertools import combinations_with_replacement

import numpy as np
import numpy.typing as npt

from xrdkna.physics.lattice import metric_tensor
from xrdkna.physics.texture import Rotations, cos_squared_to_equivalents, rotation_matrices
from xrdkna.records.arrays import FloatArray, IntArray
from xrdkna.records.phases import Cell

# The 15 monomials h^H k^K l^L of degree 4 as their factors (0: h, 1: k, 2: l), h⁴ first: lexicographic, falling.
_FACTORS = tuple(combinations_with_replacement(range(3), 4))
_EXPONENTS = np.array([[factors.count(i) for i in range(3)] for factors in _FACTORS])
# With what number Stephens writes a monomial, by Σ exponent²: h⁴, 2 h³k, 3 h²k², 4 h²kl.
_WEIGHTS = {16: 1, 10: 2, 8: 3, 6: 4}


def stephens_terms(hkl: npt.ArrayLike, *, rotations: Rotations) -> tuple[FloatArray, tuple[str, ...]]:
    """(n, k) sums M_j at hkl (n, 3), and the names of their k coefficients: variance of 1/d² = Σ S_j M_j.

    The quartic forms in h, k, l that the group leaves as they are (Stephens 1999, J. Appl. Cryst. 32, 281). Each is named
    after its leading monomial, which no other holds: "S400", "S220" … That monomial has Stephens' factor, 1 for h⁴, 2 for
    h³k, 3 for h²k², 4 for h²kl, so that a cubic crystal has S400 (h⁴ + k⁴ + l⁴) + 3 S220 (h²k² + h²l² + k²l²).
    """
    combinations, _, names = _invariant_quartics(rotations)
    return _quartic_monomials(np.asarray(hkl, dtype=np.float64)) @ combinations, names


def stephens_fwhm(terms: FloatArray, coefficients: npt.ArrayLike, d_spacing: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(n,) Γ_S in degrees, with Γ_S tan θ the full width in degrees 2θ, and (n, k) ∂Γ_S/∂S_j.

    Γ_S = (180/π) d² √(Σ S_j M_j), from Δ(2θ) = tan θ · Δ(1/d²)/(1/d²), for terms (n, k), S (k,) in Å⁻⁴ and d (n,) in Å.
    Where the sum is not above 0, which no real distribution of cells gives, width and derivatives are 0: a fit that starts
    from S = 0 stays there, one that starts from `isotropic_stephens` does not. GSAS-II holds S in microstrain², 10¹² times
    these; the TOPAS macros write 10¹⁰ times these without the factors 2, 3, 4 of the leading monomials. All of them share
    Γ_S out between a Gaussian and a Lorentzian part, which is the caller's to do here too.
    """
    variance = np.asarray(terms @ np.asarray(coefficients, dtype=np.float64))
    real = variance > 0.0
    scale = np.degrees(np.asarray(d_spacing, dtype=np.float64) ** 2)
    root = np.sqrt(np.where(real, variance, 0.0))
    slope = np.divide(0.5 * scale, root, out=np.zeros_like(root), where=real)
    return scale * root, slope[:, None] * terms


def isotropic_stephens(*, cell: Cell, rotations: Rotations, fwhm: float) -> FloatArray:
    """(k,) Å⁻⁴, the coefficients that give every hkl the same Γ_S = `fwhm` degrees: Σ S_j M_j = (π Γ_S/180)² (1/d²)².

    Order as in `stephens_terms`. Since 1/d² is a quadratic form, its square is one of the quartic forms of the group.
    """
    combinations, pivots, _ = _invariant_quartics(rotations)
    reciprocal = np.linalg.inv(metric_tensor(cell))
    square = _collected(np.einsum("ij,kl->ijkl", reciprocal, reciprocal).reshape(81, 1))[:, 0]
    leading = combinations[pivots, np.arange(len(pivots))]
    return np.asarray(np.radians(fwhm) ** 2 * square[pivots] / leading)


def uniaxial_terms(hkl: npt.ArrayLike, *, axis: tuple[int, int, int], cell: Cell, rotations: Rotations) -> FloatArray:
    """(n,) mean cos²φ between the planes equivalent to hkl (n, 3) and the plane `axis`, for Γ = Γ⊥ + (Γ∥ − Γ⊥) cos²φ.

    Γ∥ is the width, of size or strain, of planes across the axis and Γ⊥ that of planes along it. A line of several
    inequivalent angles gets the mean width of its members. In a cubic crystal the mean is 1/3 for every line, so the two
    widths cannot be told apart. Raises UsageError for the axis (0, 0, 0).
    """
    return np.asarray(cos_squared_to_equivalents(hkl, axis=axis, cell=cell, rotations=rotations).mean(axis=1))


@lru_cache(maxsize=64)
def _invariant_quartics(rotations: Rotations) -> tuple[FloatArray, IntArray, tuple[str, ...]]:
    """(15, k) the invariant forms over the monomials, (k,) the leading monomial of each, and the names.

    Summing a monomial over the group, m(hR), projects it on the invariants; the sums, reduced to echelon form in whole
    numbers, leave each leading monomial to one form.
    """
    matrices = rotation_matrices(rotations)
    fourth_power = np.einsum("gai,gbj,gck,gdl->abcdijkl", matrices, matrices, matrices, matrices).reshape(81, 81)
    first = [int(np.ravel_multi_index(factors, (3, 3, 3, 3))) for factors in _FACTORS]
    rows = _echelon([[Fraction(int(value)) for value in column] for column in _collected(fourth_power[:, first]).T])
    pivots = [next(i for i, value in enumerate(row) if value) for row in rows]
    weights = [_WEIGHTS[int(np.sum(_EXPONENTS[i] ** 2))] for i in pivots]
    combinations = np.array([[float(weight * value) for value in row] for weight, row in zip(weights, rows, strict=True)]).T
    combinations.setflags(write=False)
    names = tuple("S" + "".join(str(exponent) for exponent in _EXPONENTS[i]) for i in pivots)
    return combinations, np.array(pivots, dtype=np.int64), names


def _collected(tensor: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
    """(15, m) coefficients of the monomials, from (81, m) those of all products of four of h, k, l in whatever order."""
    place = {factors: row for row, factors in enumerate(_FACTORS)}
    members = np.array([place[tuple(sorted(index))] for index in np.ndindex(3, 3, 3, 3)])
    return np.array([tensor[members == row].sum(axis=0) for row in range(len(_FACTORS))])


def _echelon(rows: list[list[Fraction]]) -> list[list[Fraction]]:
    """The reduced row echelon form without its empty rows: every row begins with 1, where all the others have 0."""
    done: list[list[Fraction]] = []
    for column in range(len(rows[0])):
        pivot = next((row for row in rows if row[column]), None)
        if pivot is None:
            continue
        lead = [value / pivot[column] for value in pivot]
        rows = [_without(row, lead, column) for row in rows if row is not pivot]
        done = [*(_without(row, lead, column) for row in done), lead]
    return done


def _without(row: list[Fraction], lead: list[Fraction], column: int) -> list[Fraction]:
    return [value - row[column] * other for value, other in zip(row, lead, strict=True)]


def _quartic_monomials(indices: FloatArray) -> FloatArray:
    """(n, 15) h^H k^K l^L at indices (n, 3)."""
    return np.asarray(np.prod(indices[:, None, :] ** _EXPONENTS, axis=2))
