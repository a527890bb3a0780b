"""Which reflections are one family: the lattice's own symmetry, found from its metric."""

from itertools import product

import numpy as np

from xrdkna.physics.lattice import metric_tensor
from xrdkna.records.arrays import FloatArray, IntArray
from xrdkna.records.phases import Cell

# the reflections that a rhombohedral lattice allows on obverse hexagonal axes: −h + k + l = 3n (Int. Tables A, 2.1.3)
_OBVERSE = np.array([[1, 0, 1], [0, 1, -1], [0, 0, 3]])


def lattice_operations(cell: Cell, *, system: str) -> IntArray:
    """(m, 3, 3) whole-number matrices that act on (h, k, l) and leave every d-spacing as it is.

    A trigonal crystal keeps only those that also map the obverse rhombohedral lattice onto itself (Laue class −3m1); for
    other Laue classes lower than their lattice, families of equal d are taken together.
    """
    columns = np.array(list(product((-1, 0, 1), repeat=3)))
    inverse = np.asarray(np.linalg.inv(metric_tensor(cell)), dtype=np.float64)
    images = [_images(columns, inverse, axis=axis) for axis in range(3)]
    found = [np.stack(rows) for rows in product(*images) if _keeps(np.stack(rows), inverse)]
    operations = np.array(found, dtype=np.int64)
    if system == "trigonal" and abs(cell.gamma - 120.0) < 1e-3:
        mapped = _OBVERSE @ operations
        operations = operations[np.all((-mapped[:, :, 0] + mapped[:, :, 1] + mapped[:, :, 2]) % 3 == 0, axis=1)]
    return operations


def family(hkl: tuple[int, int, int], operations: IntArray) -> IntArray:
    """(n, 3) the distinct reflections that symmetry makes of hkl."""
    return np.unique(np.array(hkl, dtype=np.int64) @ operations, axis=0)


def _images(candidates: IntArray, inverse: FloatArray, *, axis: int) -> IntArray:
    """The candidates of the same length, in reciprocal space, as this axis."""
    lengths = np.einsum("ni,ij,nj->n", candidates, inverse, candidates)
    return np.asarray(candidates[np.isclose(lengths, inverse[axis, axis], rtol=1e-6)])


def _keeps(rows: IntArray, inverse: FloatArray) -> bool:
    return bool(np.allclose(rows @ inverse @ rows.T, inverse, rtol=1e-6, atol=1e-9 * float(inverse.max())))
