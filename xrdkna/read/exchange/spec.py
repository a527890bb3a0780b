"""SPEC files of beamlines: many scans one below the other, each with a line of its columns' names.

Our own reader: xrayutilities' and others' keep motors and counters as they are; which column is 2θ, which the detector and what a point
took is ours to say.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from xrdkna.read.bytes_in import text_from_bytes
from xrdkna.read.kinds import ScanFormat
from xrdkna.read.measured import Measured, scans_of
from xrdkna.read.tidy import number_or_none
from xrdkna.read.times import parse_time
from xrdkna.records.arrays import FloatArray
from xrdkna.records.scan import Scan

_SCAN = re.compile(r"^#S[ \t]+\d+[ \t]+\S", re.MULTILINE)
_LOOK = 65_536
_TWO_THETA = ("twotheta", "2theta", "tth", "tt", "twoth", "2th", "ttheta", "del", "delta")
# Columns that count time, turns or the incoming beam; what is left last is the detector by SPEC's own custom.
_NOT_DETECTOR = ("seconds", "sec", "epoch", "monitor", "mon", "i0", "ic0", "time")


def recognises(data: bytes) -> bool:
    """True for text with a line "#S number command"."""
    if b"#S" not in data[:_LOOK]:
        return False
    text = text_from_bytes(data[:_LOOK])
    return text is not None and _SCAN.search(text) is not None and re.search(r"^#L[ \t]", text, re.MULTILINE) is not None


def read_spec_scans(path: Path, data: bytes) -> tuple[Scan, ...]:
    """All scans of 2θ in a SPEC file. Raises ScanFileError."""
    return scans_of(path, _scans(text_from_bytes(data) or ""))


def _scans(text: str) -> Iterator[Measured | str]:
    marks = [match.start() for match in _SCAN.finditer(text)]
    for start, end in zip(marks, [*marks[1:], len(text)], strict=True):
        lines = text[start:end].split("\n")
        head: dict[str, str] = {}
        for line in lines:
            if line.startswith("#") and len(line) > 2:
                head.setdefault(line[1:2], line[2:].strip())
        rows = _rows([line for line in lines if line and not line.startswith("#")])
        yield _scan(head, rows) if rows is not None else f"{head.get('S', '')}: its rows are missing or not all numbers"


def _scan(head: dict[str, str], rows: FloatArray) -> Measured | str:
    command = head.get("S", "")
    names = re.split(r"\s{2,}", head.get("L", "").strip())
    if len(names) != rows.shape[1]:
        names = head.get("L", "").split()
    if len(names) != rows.shape[1]:
        return f"{command}: {len(names)} names for {rows.shape[1]} columns"
    plain = [re.sub(r"[^a-z0-9]", "", name.lower()) for name in names]
    angle = next((i for i, name in enumerate(plain) if name in _TWO_THETA), None)
    if angle is None or np.ptp(rows[:, angle]) == 0:
        return f"{command}: its 2θ does not move; a powder pattern needs a 2θ scan"
    counter = next((i for i in range(len(plain) - 1, angle, -1) if plain[i] not in _NOT_DETECTOR), None)
    if counter is None:
        return f"{command}: it has no detector's column"
    seconds = next((i for i, name in enumerate(plain) if name in ("seconds", "sec", "time")), None)
    words = command.split()
    planned = number_or_none(words[5]) if len(words) > 5 and words[1].lower() in ("ascan", "dscan", "a2scan", "lup") else None
    return Measured(
        two_theta=rows[:, angle],
        intensity=rows[:, counter],
        times=rows[:, seconds] if seconds is not None else None,
        count_time=number_or_none(head.get("T", "").split(" ")[0]),
        start_time=parse_time(head.get("D", "")),
        status=f"stopped after {len(rows)} of {planned + 1:.0f} points" if planned is not None and planned + 1 - len(rows) >= 1 else "",
        details={"scan axis": command, "detector": names[counter]},
    )


def _rows(lines: list[str]) -> FloatArray | None:
    """(n, k) numbers; a last row that is cut off is left out."""
    rows = [line.split() for line in lines]
    if rows and len(rows[-1]) != len(rows[0]):
        rows.pop()
    try:
        table = np.array(rows, dtype=np.float64)
    except ValueError:
        return None
    return table if table.ndim == 2 and len(table) else None


SPEC = ScanFormat(name="SPEC", recognises=recognises, read=read_spec_scans)
