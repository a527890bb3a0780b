"""Digits to numbers, compiled."""

import numpy as np
import numpy.typing as npt

from xrdkna.physics.compiled import compiled_strictly
from xrdkna.records.arrays import FloatArray

_BLANK, _TAB, _END, _PLUS, _MINUS, _POINT, _ZERO, _NINE = 32, 9, 10, 43, 45, 46, 48, 57
# So many digits make a whole number below 2⁵³, which a float holds exactly; so do powers of ten up to as many decimals.
_MOST_DIGITS = 15
_TENS = np.array([10.0**power for power in range(_MOST_DIGITS + 1)])


@compiled_strictly
def parse_rows(data: npt.NDArray[np.uint8], separator: int) -> tuple[FloatArray, int]:
    """The numbers of all rows in one array, and how many a row holds; 0 where that differs or a cell is no plain number. data: ASCII codes;
    separator: the code between two cells of a row, 0 for blanks and tabs."""
    n = data.size
    numbers = np.empty(n // 2 + 1)
    count, width, begun, i = 0, 0, 0, 0
    while i <= n:
        while i < n and (data[i] == _BLANK or data[i] == _TAB):
            i += 1
        if i == n or data[i] == _END:
            # the end of a row, which is blank if nothing was begun
            if count > begun:
                width = count - begun if width == 0 else width
                if count - begun != width:
                    return numbers[:0], 0
            begun = count
            i += 1
            continue
        if separator > 0 and count > begun:
            if data[i] != separator:
                return numbers[:0], 0
            i += 1
            while i < n and (data[i] == _BLANK or data[i] == _TAB):
                i += 1
        value, i = _number(data, i, separator)
        if i < 0:
            return numbers[:0], 0
        numbers[count] = value
        count += 1
    return numbers[:count], width


@compiled_strictly
def _number(data: npt.NDArray[np.uint8], i: int, separator: int) -> tuple[float, int]:
    """The number that begins at i, and where it ends; −1 where there is none, or none that is exact."""
    n = data.size
    negative = i < n and data[i] == _MINUS
    if i < n and (data[i] == _MINUS or data[i] == _PLUS):
        i += 1
    digits, decimals, whole, pointed = 0, 0, 0, False
    while i < n:
        code = data[i]
        if _ZERO <= code <= _NINE:
            whole = 10 * whole + int(code - _ZERO)
            digits += 1
            decimals += pointed
            if digits > _MOST_DIGITS:
                return 0.0, -1
        elif code == _POINT and not pointed:
            pointed = True
        else:
            break
        i += 1
    ended = i == n or data[i] == _BLANK or data[i] == _TAB or data[i] == _END or data[i] == separator
    if digits == 0 or not ended:
        return 0.0, -1
    value = whole / _TENS[decimals]
    return (-value if negative else value), i
