"""A clean block of numbers, read in one pass: what a thousand files of a series are made of.

Only what can be converted exactly is: a whole number below 2⁵³ divided by a power of ten up to 10²² is rounded once, so it is the number
that any right reader gives (Clinger 1990, "How to read floating point numbers accurately"). Anything else in the block – an exponent, a
word, a comment, a row of another length – and the block is left to slower readers.
"""

import numpy as np

from xrdkna.records.arrays import FloatArray


def clean_block(text: str, separator: str | None) -> FloatArray | None:
    """(n, m) numbers of rows of m cells, blank lines skipped; None where the block is not clean. separator: of the cells, None for blanks
    and tabs."""
    if not text.isascii():
        return None
    from xrdkna.read.number_kernel import parse_rows

    data = np.frombuffer(text.encode("ascii"), dtype=np.uint8)
    numbers, width = parse_rows(data, ord(separator) if separator else 0)
    return numbers.reshape(-1, width) if width else None
