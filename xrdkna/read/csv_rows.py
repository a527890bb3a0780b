"""Small tables with a header line: scans.csv, echem.csv, a list of lines. Commas, semicolons or tabs; quotes; comments."""

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from xrdkna.errors import DataError
from xrdkna.read.bytes_in import bytes_of, text_from_bytes

_SEPARATORS = ("\t", ";", ",")


@dataclass(frozen=True, slots=True, kw_only=True)
class CsvRows:
    """names: the header as written. rows: the lines below as (line number from 1, cells), padded with "" to the header's length.

    decimal_comma: numbers may use one (the separator is another sign). ended: a line end follows the last row.
    short: numbers of the lines that hold fewer cells than the header.
    """

    names: tuple[str, ...]
    rows: tuple[tuple[int, tuple[str, ...]], ...]
    decimal_comma: bool
    ended: bool
    short: tuple[int, ...] = ()

    def number(self, cell: str) -> float:
        """The number in a cell; NaN when there is none."""
        word = cell.strip()
        try:
            return float(word.replace(",", ".") if self.decimal_comma else word)
        except ValueError:
            return float("nan")


def read_csv_rows(path: Path, error: type[DataError], *, what: str) -> CsvRows:
    """The table in a file. Raises `error` when it cannot be opened, is not text, or has no line below its header."""
    text = text_from_bytes(bytes_of(path, error, what=what))
    if text is None:
        raise error(f"{path}: this is not text; a {what} is a table of comma-separated values.")
    table = csv_rows(text)
    if table is None or not table.rows:
        raise error(f"{path}: the {what} has no row below its header.")
    return table


def csv_rows(text: str) -> CsvRows | None:
    """The table in a text; None when it has no line that is not blank or a comment."""
    lines = [(i, line) for i, line in enumerate(text.split("\n"), 1) if line.strip() and not line.lstrip().startswith("#")]
    if not lines:
        return None
    head = lines[0][1]
    separator = max(_SEPARATORS, key=head.count)
    names = tuple(cell.strip() for cell in _cells(head, separator))
    rows, short = [], []
    for number, line in lines[1:]:
        cells = tuple(cell.strip() for cell in _cells(line, separator))
        if not any(cells):
            continue
        if len(cells) < len(names):
            short.append(number)
        rows.append((number, cells + ("",) * (len(names) - len(cells))))
    return CsvRows(names=names, rows=tuple(rows), decimal_comma=separator != ",", ended=text.endswith("\n"), short=tuple(short))


def find_column(names: Sequence[str], *wanted: str) -> int | None:
    """The first column whose name, in bare lower-case letters and digits, is one of `wanted`; `wanted` is in order of preference."""
    bare = [re.sub(r"[^a-z0-9θ]", "", name.lower()) for name in names]
    return next((bare.index(word) for word in wanted if word in bare), None)


def _cells(line: str, separator: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=separator, skipinitialspace=True))
    except (csv.Error, StopIteration):
        return line.split(separator)
