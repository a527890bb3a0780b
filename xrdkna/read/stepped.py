"""Text that gives start, step and stop once and then only intensities (.dat of DBWS, FullProf and their relatives)."""

import re

import numpy as np

from xrdkna.read.dialect import Dialect
from xrdkna.read.table import Table
from xrdkna.read.tidy import even_steps

_LOOK = 20
# Degrees; finer than any goniometer.
_SMALLEST_STEP = 1e-6
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")


def read_stepped(text: str) -> Table | None:
    """The table of such a text; None when it is not one: the line "start step stop" must foretell the number of intensities."""
    lines = text.split("\n")
    for i, line in enumerate(lines[:_LOOK]):
        words = line.split()[:3]
        if len(words) < 3 or not all(_NUMBER.fullmatch(word) for word in words):
            continue
        start, step, stop = map(float, words)
        if not (step > _SMALLEST_STEP and stop > start and 0 <= start and stop <= 180):
            return None
        expected = round((stop - start) / step) + 1
        if expected < 10:
            return None
        return _table(lines, i, start, step, expected)
    return None


def _table(lines: list[str], i: int, start: float, step: float, expected: int) -> Table | None:
    try:
        intensities = np.array(" ".join(lines[i + 1 :]).split(), dtype=np.float64)
    except ValueError:
        return None
    if len(intensities) != expected:
        return None
    return Table(
        values=np.column_stack([even_steps(start, step, expected), intensities]),
        lines=np.full(expected, i + 2, dtype=np.int64),
        dialect=Dialect(separator=None),
        header=tuple(lines[: i + 1]),
    )
