"""Cyclers' tables as text: comma-, semicolon- or tab-separated, with or without lines above the header; EC-Lab's .mpt."""

import csv
import re
from collections.abc import Sequence
from datetime import datetime
from itertools import islice

from xrdkna.physics.cell_units import cell_column
from xrdkna.read.cycling_table import CyclerTable
from xrdkna.read.times import parse_time

_SEPARATORS = ("\t", ";", ",")
_HEADER_LINES = re.compile(r"^Nb header lines\s*:\s*(\d+)", re.MULTILINE)
_STARTED = re.compile(
    r"^[#\s\"']*(?:acquisition started on|(?:test\s*)?start(?:ed)?(?:[\s_]*(?:time|date|at|on))*|date of test|begin(?:[\s_]*time)?)"
    r"\s*[\"']?\s*[:=,;\t]\s*[\"']?(.+?)[\"',;\s]*$",
    re.IGNORECASE,
)
_US_DATE = re.compile(r"^(\d{1,2})[/.\-](\d{1,2})[/.\-](\d{4})(?=[ ,T])")
_TIME_WORD = re.compile(r"time|date|zeit|stamp", re.IGNORECASE)
# Programs put at most this many lines of settings above their tables (EC-Lab the most, and it says how many).
_MOST_HEADING = 200


def is_ec_lab(text: str) -> bool:
    """True for the text that EC-Lab or BT-Lab exports (.mpt)."""
    return text.startswith(("EC-Lab ASCII FILE", "BT-Lab ASCII FILE"))


def table_from_text(text: str) -> CyclerTable | None:
    """The table in a text; None when no line names columns."""
    lines = text.split("\n")
    ec_lab = is_ec_lab(text)
    header = _ec_lab_header(text) if ec_lab else _header(lines)
    if header is None or header >= len(lines):
        return None
    separator = max(_SEPARATORS, key=lines[header].count)
    names = tuple(name.strip() for name in _cells(lines[header].lstrip("# "), separator))
    if len(names) < 2:
        return None
    heading = lines[:header]
    rows, numbers, cut = _rows(lines, header + 1, separator, len(names), ended=text.endswith("\n"))
    if len(rows) > 1 and _is_units(rows[0]):
        names = tuple(f"{name} ({unit.strip(' ()[]')})" if unit.strip() else name for name, unit in zip(names, rows[0], strict=True))
        rows, numbers = rows[1:], numbers[1:]
    columns = tuple([cell.strip() for cell in column] for column in zip(*rows, strict=True)) if rows else tuple([] for _ in names)
    open_circuit = ec_lab and any(line.strip() == "Open Circuit Voltage" for line in heading)
    return CyclerTable(
        names=names,
        columns=columns,
        lines=numbers,
        started=_started(heading, month_first=ec_lab),
        month_first=ec_lab or "Data_Point" in names or "Date_Time" in names,
        open_circuit=open_circuit and not any((kind := cell_column(name)) and kind.quantity == "current" for name in names),
        cut=cut,
    )


def _ec_lab_header(text: str) -> int | None:
    found = _HEADER_LINES.search(text[:400])
    return int(found[1]) - 1 if found else None


def _header(lines: Sequence[str]) -> int | None:
    """The line that names a time and something of the cell; without one, the first that is not blank or a comment."""
    plain: int | None = None
    for place, line in enumerate(islice(lines, _MOST_HEADING)):
        if not line.strip():
            continue
        names = _cells(line.lstrip("# "), max(_SEPARATORS, key=line.count))
        if len(names) >= 2 and any(map(_TIME_WORD.search, names)) and any(map(cell_column, names)):
            return place
        if plain is None and not line.lstrip().startswith("#"):
            plain = place
    return plain


def _rows(lines: Sequence[str], begin: int, separator: str, width: int, *, ended: bool) -> tuple[list[list[str]], list[int], int]:
    """(rows of `width` cells, their lines from 1, rows cut off): a last line without an end that lacks cells was being written."""
    rows: list[list[str]] = []
    numbers: list[int] = []
    last = next((i for i in range(len(lines) - 1, begin - 1, -1) if lines[i].strip()), -1)
    for place in range(begin, last + 1):
        line = lines[place]
        if not line.strip() or line.startswith("#"):
            continue
        cells = _cells(line, separator) if '"' in line else line.split(separator)
        if place == last and not ended and len(cells) < width:
            return rows, numbers, 1
        rows.append(cells if len(cells) == width else (cells + [""] * width)[:width])
        numbers.append(place + 1)
    return rows, numbers, 0


def _is_units(row: Sequence[str]) -> bool:
    """A row of words only, below the names: their units."""
    return not any(sign.isdigit() for cell in row for sign in cell) and any(cell.strip() for cell in row)


def _started(heading: Sequence[str], *, month_first: bool) -> datetime | None:
    """The moment the lines above the table give for the beginning of the test."""
    for line in heading:
        found = _STARTED.match(line)
        if found is None:
            continue
        word = found[1].strip()
        if month_first and (date := _US_DATE.match(word)):
            word = f"{date[3]}-{int(date[1]):02d}-{int(date[2]):02d}{word[date.end() :]}"
        if (moment := parse_time(word)) is not None:
            return moment
    return None


def _cells(line: str, separator: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=separator, skipinitialspace=True), [])
    except csv.Error:
        return line.split(separator)
