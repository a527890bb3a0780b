"""Symmetry operators as arrays: reading "x,y,z" strings, and asking what kind of group they are."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from xrdkna.physics.lattice import metric_tensor
from xrdkna.records.arrays import FloatArray, IntArray
from xrdkna.records.phases import Cell

# Published translations are multiples of 1/24 at the finest (International Tables A); 1e-3 tells them apart even where
# 1/3 was written 0.333.
_TRANSLATION_STEP = 1e-3
# Cells are quoted to about 1e-4; a metric that breaks the symmetry by more than 0.5 % was not meant to have it.
_METRIC_TOLERANCE = 5e-3
_TERM = re.compile(r"([+-]?)(?:(\d+(?:\.\d*)?|\.\d+)(?:/(\d+(?:\.\d*)?))?)?\*?([xyz]?)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Operators:
    """A space group's operators on fractional coordinates: rotations (n, 3, 3) integer, translations (n, 3) in [0, 1)."""

    rotations: IntArray
    translations: FloatArray

    def __len__(self) -> int:
        return len(self.rotations)


def operators_from_xyz(lines: Sequence[str]) -> Operators:
    """The operators written as "1/2+x, -y, z" and the like. Raises ValueError naming the line that is not one."""
    parsed = [_operator_from_xyz(line) for line in lines]
    rotations = np.array([rotation for rotation, _ in parsed], dtype=np.int64).reshape(-1, 3, 3)
    translations = np.array([translation for _, translation in parsed], dtype=np.float64).reshape(-1, 3)
    return Operators(rotations=rotations, translations=_nearest_fraction(translations))


def forms_a_group(operators: Operators) -> bool:
    """True when every product of two operators is again one of them (modulo whole cells) and none is listed twice."""
    codes = _codes(operators.rotations, operators.translations)
    known = np.unique(codes)
    if len(known) != len(codes):
        return False
    rotations = np.einsum("aij,bjk->abik", operators.rotations, operators.rotations).reshape(-1, 3, 3)
    shifts = np.einsum("aij,bj->abi", operators.rotations, operators.translations) + operators.translations[:, None, :]
    return bool(np.isin(_codes(rotations, shifts.reshape(-1, 3)), known).all())


def fits_cell(operators: Operators, cell: Cell) -> bool:
    """True when every rotation leaves the metric of the cell as it is: RᵀGR = G."""
    metric = metric_tensor(cell)
    rotated = np.einsum("nji,jk,nkl->nil", operators.rotations, metric, operators.rotations)
    scale = np.sqrt(np.outer(np.diag(metric), np.diag(metric)))
    return bool(np.max(np.abs(rotated - metric) / scale) < _METRIC_TOLERANCE)


def point_group(operators: Operators) -> tuple[tuple[int, ...], ...]:
    """The different rotations, row-major, identity first."""
    flat = {tuple(int(x) for x in rotation.ravel()) for rotation in operators.rotations}
    identity = (1, 0, 0, 0, 1, 0, 0, 0, 1)
    return (identity, *sorted(flat - {identity}, reverse=True))


def crystal_system(rotations: Sequence[tuple[int, ...]]) -> str:
    """The system of a point group, from the orders of its proper axes (International Tables A, 10.1)."""
    # trace of ±R is 2, 1, 0, −1, 3 for a 6-, 4-, 3-, 2-fold axis and the identity
    matrices = np.array(rotations, dtype=np.int64).reshape(-1, 3, 3)
    proper = {tuple((round(np.linalg.det(m)) * m).ravel()) for m in matrices}
    traces = [p[0] + p[4] + p[8] for p in proper]
    if traces.count(0) == 8:
        return "cubic"
    for trace, system in ((2, "hexagonal"), (1, "tetragonal"), (0, "trigonal")):
        if trace in traces:
            return system
    return {0: "triclinic", 1: "monoclinic"}.get(traces.count(-1), "orthorhombic")


def _operator_from_xyz(line: str) -> tuple[list[list[int]], list[float]]:
    parts = line.lower().replace(" ", "").split(",")
    if len(parts) != 3:
        raise ValueError(line)
    rotation, translation = [], []
    for part in parts:
        row, shift = [0, 0, 0], Fraction(0)
        position = 0
        while position < len(part):
            match = _TERM.match(part, position)
            if match is None or match.end() == position or not (match[2] or match[4]):
                raise ValueError(line)
            divisor = Fraction(match[3] or 1)
            if not divisor:
                raise ValueError(line)
            size = Fraction(match[2] or 1) / divisor
            size = -size if match[1] == "-" else size
            if match[4]:
                if size.denominator != 1:
                    raise ValueError(line)
                row["xyz".index(match[4])] += int(size)
            else:
                shift += size
            position = match.end()
        rotation.append(row)
        translation.append(float(shift))
    if abs(abs(float(np.linalg.det(np.array(rotation)))) - 1.0) > 1e-6:
        raise ValueError(line)
    return rotation, translation


def _nearest_fraction(translations: FloatArray) -> FloatArray:
    """Translations as exact 24ths where they were rounded ones (0.3333 for 1/3), in [0, 1)."""
    exact = np.round(translations * 24.0) / 24.0
    return np.asarray(np.where(np.abs(exact - translations) < _TRANSLATION_STEP, exact, translations) % 1.0)


def _codes(rotations: IntArray, translations: FloatArray) -> IntArray:
    """(n,) one integer an operator, equal where rotation and translation (modulo 1) are."""
    steps = round(1.0 / _TRANSLATION_STEP / 2.0)
    powers = 5 ** np.arange(9, dtype=np.int64)
    turns = (rotations.reshape(-1, 9) + 2) @ powers
    shifts = np.round(translations * steps).astype(np.int64) % steps
    return np.asarray(turns * steps**3 + shifts @ np.array([1, steps, steps**2], dtype=np.int64))
