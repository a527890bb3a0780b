"""The block of numbers in a text file, and the words around it."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from xrdkna.read.dialect import Dialect, find_dialect, is_row_of_numbers, unquoted
from xrdkna.read.number_block import clean_block
from xrdkna.records.arrays import FloatArray, IntArray

_COMMENT_STARTS = ("#", ";", "!", "'", "/", "*", "%", '"', "_", "[")


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """values: (n, m) numbers, NaN where a cell holds none. lines: (n,) line numbers from 1. dialect: how they are written.

    header: the lines before the numbers and the comments among them. strange: numbers of the lines that are neither
    numbers, nor comments, nor blank. cut_off: the last line is only part of a row (it is left out).
    """

    values: FloatArray
    lines: IntArray
    dialect: Dialect
    header: tuple[str, ...]
    strange: tuple[int, ...] = ()
    cut_off: bool = False


def read_table(text: str) -> Table | None:
    """The table in a text, None when no line of it holds two numbers. Raises DialectError for numbers that read two ways."""
    lines = text.split("\n")
    dialect = find_dialect(lines)
    if dialect is None:
        return None
    first = next((i for i, line in enumerate(lines) if len(dialect.row(line)) >= 2), None)
    if first is None:
        return None
    last = len(lines)
    while not lines[last - 1].strip():
        last -= 1
    cut_off = last - first > 1 and _is_cut_off(lines[max(first, last - 21) : last], dialect, ended=last < len(lines))
    if cut_off:
        last -= 1
    if (values := _parsed(lines[first:last], dialect)) is not None:
        filled = _filled(lines, first, last, rows=len(values))
        return Table(values=values, lines=filled, dialect=dialect, header=tuple(lines[:first]), cut_off=cut_off)
    return _careful(lines, first, last, dialect, cut_off=cut_off)


def _filled(lines: Sequence[str], first: int, last: int, *, rows: int) -> IntArray:
    """(rows,) numbers of the lines that are not blank."""
    if rows == last - first:
        return np.arange(first + 1, last + 1, dtype=np.int64)
    return np.array([i + 1 for i in range(first, last) if lines[i].strip()], dtype=np.int64)


def _parsed(block: Sequence[str], dialect: Dialect) -> FloatArray | None:
    """(n, m) numbers of a clean block, blank lines skipped; None where any line of it is not clean."""
    if not block or '"' in block[0]:
        return None
    text = dialect.plain("\n".join(block))
    separator = None if dialect.separator == "\t" else dialect.separator
    if (values := clean_block(text, separator)) is not None:
        return values if values.shape[1] >= 2 else None
    if dialect.decimal == "," or dialect.thousands:
        block = text.split("\n")
    try:
        values = np.loadtxt(block, delimiter=separator, comments=None, ndmin=2, dtype=np.float64)
    except ValueError:
        return None
    return values if values.shape[1] >= 2 else None


def _careful(lines: Sequence[str], first: int, last: int, dialect: Dialect, *, cut_off: bool) -> Table:
    """For blocks with comments, gaps or words in them: what looks clean in one go if that can be, the rest line by line."""
    clean = [i for i in range(first, last) if is_row_of_numbers(lines[i])]
    values = _parsed([lines[i] for i in clean], dialect)
    left = sorted(set(range(first, last)).difference(clean)) if values is not None else range(first, last)
    header, strange = list(lines[:first]), []
    rows: list[tuple[int, list[float]]] = []
    for i in left:
        if not (line := lines[i].strip()):
            continue
        if len(row := dialect.row(lines[i])) >= 2:
            rows.append((i, row))
        elif row or not line.startswith(_COMMENT_STARTS):
            strange.append(i + 1)
        else:
            header.append(lines[i])
    if values is None:
        clean, width = [], Counter(len(row) for _, row in rows).most_common(1)[0][0]
        values = np.empty((0, width))
    width = values.shape[1]
    strange.extend(i + 1 for i, row in rows if len(row) < width)
    rows = [(i, row) for i, row in rows if len(row) >= width]
    numbers = np.array(clean + [i for i, _ in rows], dtype=np.int64) + 1
    order = np.argsort(numbers, kind="stable")
    return Table(
        values=np.vstack([values, np.array([row[:width] for _, row in rows], dtype=np.float64).reshape(-1, width)])[order],
        lines=numbers[order],
        dialect=dialect,
        header=tuple(header),
        strange=tuple(sorted(strange)),
        cut_off=cut_off,
    )


def _is_cut_off(tail: Sequence[str], dialect: Dialect, *, ended: bool) -> bool:
    """Is the last of these lines only the beginning of a row? `ended`: a line end follows it.

    A row with fewer cells than the ones before is. Without a line end so is a row that falls short of a fixed width or
    of a fixed number of decimals, or whose whole number lost digits and now lies far from its neighbours.
    """
    before = [dialect.cells(line) for line in tail[:-1] if len(dialect.row(line)) >= 2]
    cells = dialect.cells(tail[-1])
    if not before or not dialect.row(tail[-1]):
        return bool(before) and not ended and _is_beginning_of_number(cells)
    if len(cells) < min(map(len, before)):
        return True
    if ended or len(before) < 3:
        return False
    widths = {len(line) for line in tail[:-1]}
    if dialect.separator is None and len(widths) == 1 and "  " in tail[-2] and len(tail[-1]) < widths.pop():
        return True
    return _lost_decimals(before, cells, dialect) or _lost_digits(before, cells, dialect)


def _is_beginning_of_number(cells: Sequence[str]) -> bool:
    return len(cells) == 1 and cells[0] in ("+", "-", ".", "+.", "-.")


def _lost_decimals(before: Sequence[Sequence[str]], cells: Sequence[str], dialect: Dialect) -> bool:
    column = len(cells) - 1
    decimals = {_decimals(row[column], dialect) for row in before if len(row) > column}
    return len(decimals) == 1 and _decimals(cells[column], dialect) < decimals.pop()


def _decimals(cell: str, dialect: Dialect) -> int:
    match = re.fullmatch(r"[-+]?\d*[.,](\d*)", cell)
    return len(match[1]) if match and dialect.decimal in cell else 0


def _lost_digits(before: Sequence[Sequence[str]], cells: Sequence[str], dialect: Dialect) -> bool:
    words = [row[-1] for row in before if row[-1].isdigit()]
    if len(words) < len(before) or not cells[-1].isdigit() or len(cells[-1]) >= min(map(len, words)):
        return False
    usual = float(np.median([float(word) for word in words[-5:]]))
    return bool(usual - float(cells[-1]) > 6.0 * usual**0.5)


def split_header(line: str, dialect: Dialect) -> list[str]:
    """The cells of a line of column names: without its comment sign, its quotes, and units in brackets."""
    bare = re.sub(r"\([^)]*\)|\[[^\]]*\]", " ", unquoted(line).strip().lstrip("#;!'/*%\" ").strip())
    bare = re.sub(r"\b(?:two|2)[\s_-]*(?:theta|θ)", "2theta", bare, flags=re.IGNORECASE)
    for separator in (dialect.separator, ";", "\t", ","):
        if separator is not None and separator in bare:
            return [cell.strip() for cell in bare.split(separator)]
    wide = re.split(r"\s{2,}", bare)
    return wide if len(wide) > 1 else bare.split()
