"""The one door to calamine: cyclers' workbooks (.xlsx, .xls), as Arbin and Neware export them."""

import io
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from pathlib import Path

from xrdkna.errors import CyclingError
from xrdkna.physics.cell_units import cell_column
from xrdkna.read.cycling_table import CyclerTable

Cell = int | float | str | bool | time | date | datetime | timedelta
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
# Arbin and Neware write the names within the first lines of a sheet.
_MOST_HEADING = 30


def is_workbook(data: bytes) -> bool:
    """True for .xlsx (a zip archive with a workbook) and .xls (an OLE file)."""
    return data.startswith(_OLE) or (data.startswith(b"PK\x03\x04") and b"xl/workbook" in data)


def table_from_workbook(path: Path, data: bytes) -> CyclerTable | None:
    """The records of a workbook: all sheets with the header of the first one that has times and currents, one below the other.

    None where no sheet has them. Raises CyclingError for a damaged workbook.
    """
    from python_calamine import CalamineError, CalamineWorkbook

    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(data))
        sheets = [book.get_sheet_by_name(name).to_python() for name in book.sheet_names]
    except (CalamineError, OSError, ValueError, LookupError) as problem:
        raise CyclingError(f"{path}: the workbook is damaged or locked by a password; export the records as CSV.") from problem
    names: tuple[str, ...] | None = None
    rows: list[list[str]] = []
    lines: list[int] = []
    for sheet in sheets:
        header = _header(sheet)
        if header is None or (names is not None and _names(sheet[header]) != names):
            continue
        names = _names(sheet[header])
        for place, row in enumerate(sheet[header + 1 :], header + 2):
            if any(cell != "" for cell in row):
                rows.append([_text(cell) for cell in row])
                lines.append(place)
    if names is None:
        return None
    columns: tuple[Sequence[str], ...] = tuple(list(column) for column in zip(*rows, strict=True)) if rows else tuple([] for _ in names)
    return CyclerTable(names=names, columns=columns, lines=lines, month_first="Date_Time" in names or "Data_Point" in names)


def _header(sheet: Sequence[Sequence[Cell]]) -> int | None:
    """The row that names a time and a current."""
    for place, row in enumerate(sheet[:_MOST_HEADING]):
        names = _names(row)
        timed = any("time" in name.lower() or "date" in name.lower() for name in names)
        if timed and any((kind := cell_column(name)) is not None and kind.quantity == "current" for name in names):
            return place
    return None


def _names(row: Sequence[Cell]) -> tuple[str, ...]:
    return tuple(_text(cell).strip() for cell in row)


def _text(cell: Cell) -> str:
    """A cell as a CSV would hold it."""
    if isinstance(cell, datetime):
        return cell.isoformat(sep=" ")
    if isinstance(cell, timedelta):
        return f"{cell.days * 24 + cell.seconds // 3600}:{cell.seconds // 60 % 60:02d}:{cell.seconds % 60 + cell.microseconds / 1e6:09.6f}"
    return str(cell)
