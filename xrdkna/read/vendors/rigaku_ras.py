"""Rigaku .ras: text, many scans a file.

Our own reader: xrayutilities and geddes give the numbers as stored, without the absorber's factor, the count time or the completeness.
"""

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np

from xrdkna.read.bytes_in import text_from_bytes
from xrdkna.read.kinds import ScanFormat
from xrdkna.read.measured import Measured, scans_of
from xrdkna.read.vendors.rigaku_facts import measured_of
from xrdkna.records.arrays import FloatArray
from xrdkna.records.scan import Scan

_MARK = re.compile(r"^\*RAS_(?:DATA|HEADER)_START", re.MULTILINE)
_LOOK = 2000
_KEY = re.compile(r"^\*([A-Z0-9_\-]+)\s+\"?(.*?)\"?\s*$", re.MULTILINE)


def recognises(data: bytes) -> bool:
    """True for text that begins with a .ras header."""
    text = text_from_bytes(data[: 2 * _LOOK])
    return text is not None and _MARK.search(text[:_LOOK]) is not None


def read_ras_scans(path: Path, data: bytes) -> tuple[Scan, ...]:
    """All scans of a .ras file. Raises ScanFileError."""
    text = text_from_bytes(data) or ""
    whole = "*RAS_INT_END" in text.rpartition("*RAS_INT_START")[2]
    return scans_of(path, _scans(text), whole=whole)


def _scans(text: str) -> Iterator[Measured | str]:
    """Each header with the rows that follow it; a scan without an own header takes the one before."""
    head: dict[str, str] = {}
    parts = text.split("*RAS_INT_START")
    for before, after in pairwise(parts):
        header = before.rpartition("*RAS_HEADER_START")[2]
        head = {key: value.strip() for key, value in _KEY.findall(header)} or head
        rows = rows_of(after.partition("*RAS_INT_END")[0])
        yield "its rows are not all numbers" if rows is None else measured_of(head, rows)


def rows_of(text: str) -> FloatArray | None:
    """(n, 2 or 3) numbers; a last row that is cut off is left out. None where rows are not numbers."""
    lines = [line.split() for line in text.split("\n") if line.strip()]
    if not lines or len(lines[0]) not in (2, 3):
        return None
    width = len(lines[0])
    if len(lines[-1]) != width:
        lines.pop()
    try:
        return np.array(lines, dtype=np.float64).reshape(-1, width)
    except ValueError:
        return None


RAS = ScanFormat(name="Rigaku .ras", recognises=recognises, read=read_ras_scans)
