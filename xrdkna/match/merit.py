"""Figures of merit of an indexing: how well lines fit a cell, given how many lines the cell offers."""

import numpy as np

from xrdkna.records.arrays import FloatArray


def de_wolff_m(observed_q: FloatArray, calculated_q: FloatArray, *, possible: int, least_error: float = 0.0) -> float:
    """M_N = Q_N / (2 ⟨|ΔQ|⟩ N_possible) (de Wolff 1968, J. Appl. Cryst. 1, 108), Q = 1/d² in Å⁻², (n,) lines.

    Q_N: Q of the last line as observed; possible: calculated lines of different Q up to it, printed or not. For 20 lines M > 10 is
    the usual sign of a right indexing. least_error: the ⟨|ΔQ|⟩ that printed digits alone must cause; a smaller one is luck.
    """
    discrepancy = max(float(np.mean(np.abs(observed_q - calculated_q))), least_error, np.finfo(np.float64).tiny)
    return float(np.max(observed_q) / (2.0 * discrepancy * max(possible, 1)))


def smith_snyder_f(observed: FloatArray, calculated: FloatArray, *, possible: int, least_error: float = 0.0) -> float:
    """F_N = N / (⟨|Δ2θ|⟩ N_possible) (Smith & Snyder 1979, J. Appl. Cryst. 12, 60), 2θ in degrees, (n,) lines.

    `possible` and `least_error` as in `de_wolff_m`, the latter in degrees.
    """
    discrepancy = max(float(np.mean(np.abs(observed - calculated))), least_error, np.finfo(np.float64).tiny)
    return float(observed.size / (discrepancy * max(possible, 1)))


def count_possible(calculated_d: FloatArray, *, least_d: float) -> int:
    """Lines of different d that a cell offers down to `least_d` (Å); equal d (to 1 part in 10⁶) count once."""
    q = np.sort(1.0 / calculated_d[calculated_d >= least_d * (1.0 - 1e-6)] ** 2)
    return int(q.size and 1 + np.count_nonzero(np.diff(q) > 2e-6 * q[1:]))
