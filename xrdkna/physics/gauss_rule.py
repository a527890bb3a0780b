"""Gauss quadrature of any distribution that is known at points, and how the rule moves with the distribution.

k nodes reproduce its moments 0 … 2k − 1: no other k nodes are as good for a smooth integrand.
Golub & Welsch (1969), Math. Comput. 23, 221; Gautschi (2004), Orthogonal Polynomials, ch. 2 (discretised Stieltjes procedure).
"""

import numpy as np
from scipy.linalg import eigh_tridiagonal

from xrdkna.records.arrays import FloatArray


def gauss_rule(x: FloatArray, mass: FloatArray, nodes: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """(m, nodes) nodes rising along each row, (m, nodes) weights, and (m, nodes, j) Lagrange polynomials of the nodes at `x`.

    x: (m, j) points, any unit, not all alike; mass: (m, j) not below 0, 1 in the sum of each row. j must be well above `nodes`.
    """
    scale = np.max(np.abs(x), axis=1, keepdims=True)
    polynomials, center, coupling = _orthonormal(x / scale, mass, nodes)
    # the tridiagonal solver and einsum keep to one thread: on matrices this small several threads cost a hundred times the work
    solved = [eigh_tridiagonal(diagonal, beside) for diagonal, beside in zip(center, coupling, strict=True)]
    node, vector = np.array([values for values, _ in solved]), np.array([vectors for _, vectors in solved])
    weight = vector[:, 0, :] ** 2
    # Christoffel–Darboux: l_k(x) = w_k Σ_i p_i(x_k) p_i(x), and the eigenvector holds √w_k p_i(x_k)
    cardinal = np.einsum("mik,mij->mkj", vector * vector[:, :1, :], polynomials)
    return node * scale, weight / weight.sum(axis=1, keepdims=True), cardinal


def gauss_rule_slopes(
    x: FloatArray, d_mass: FloatArray, node: FloatArray, weight: FloatArray, cardinal: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """(p, m, nodes) derivatives of nodes and weights of `gauss_rule` when the masses at `x` move by d_mass (p, m, j).

    The rule integrates every polynomial f of degree 2k − 1, so Σ (dw_k f(x_k) + w_k f′(x_k) dx_k) = Σ dm_j f(x_j). With Hermite's
    polynomials each unknown stands alone: (x − x_k) l_k² has the slope 1 at x_k and no other slope or value at a node,
    (1 − 2 l_k′(x_k)(x − x_k)) l_k² the value 1.
    """
    squared = cardinal**2
    moved = squared * (x[:, None, :] - node[:, :, None])
    d_first = np.einsum("pmj,mkj->pmk", d_mass, moved)
    apart = node[:, :, None] - node[:, None, :]
    np.einsum("mkk->mk", apart)[...] = np.inf
    lagrange_slope = np.sum(1.0 / apart, axis=2)
    d_weight = np.einsum("pmj,mkj->pmk", d_mass, squared) - 2.0 * lagrange_slope * d_first
    return d_first / weight, d_weight


def _orthonormal(x: FloatArray, mass: FloatArray, count: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """(m, count, j) polynomials orthonormal under `mass` at `x`, and the diagonals (m, count), (m, count − 1) of their recurrence."""
    polynomials = np.empty((x.shape[0], count, x.shape[1]))
    centers, couplings = np.empty((x.shape[0], count)), np.empty((x.shape[0], count))
    current, previous, coupling = np.ones_like(x), np.zeros_like(x), np.zeros((x.shape[0], 1))
    for i in range(count):
        polynomials[:, i] = current
        center = np.sum(mass * x * current**2, axis=1, keepdims=True)
        following = (x - center) * current - coupling * previous
        coupling = np.sqrt(np.sum(mass * following**2, axis=1, keepdims=True))
        centers[:, i], couplings[:, i] = center[:, 0], coupling[:, 0]
        current, previous = following / coupling, current
    return polynomials, centers, couplings[:, :-1]
