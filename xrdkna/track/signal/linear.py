"""Many small symmetric inverses at once, well scaled."""

import numpy as np

from xrdkna.records.arrays import FloatArray

RIDGE = 1e-7
"""Part of each diagonal element added: lines closer than this to one another carry no information about which is which."""


def scaled_inverse(matrices: FloatArray) -> FloatArray:
    """(c, m, m) inverses of symmetric positive semidefinite matrices, each scaled to unit diagonal and given a ridge.

    A row without any information gets a variance of 1e7 times the largest seen in its matrix, never infinity.
    """
    diagonal = np.einsum("cii->ci", matrices)
    smallest = np.where(diagonal > 0.0, diagonal, np.inf).min(axis=1, initial=np.inf)
    floor = np.where(np.isfinite(smallest), smallest, 1.0)[:, None]
    scale = 1.0 / np.sqrt(np.where(diagonal > 0.0, diagonal, RIDGE * floor))
    unit = matrices * scale[:, :, None] * scale[:, None, :]
    index = np.arange(matrices.shape[1])
    unit[:, index, index] = 1.0 + RIDGE
    inverse = np.linalg.inv(unit) * scale[:, :, None] * scale[:, None, :]
    return np.asarray(0.5 * (inverse + np.swapaxes(inverse, 1, 2)))
