"""Bruker .uxd: text with words that begin with an underscore, a block for each range.

Our own reader: geddes takes one range and no header, xrayutilities has none.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from xrdkna.read.bytes_in import text_from_bytes
from xrdkna.read.kinds import ScanFormat
from xrdkna.read.measured import Measured, scans_of
from xrdkna.read.tidy import even_steps, number_or_none
from xrdkna.read.times import parse_time
from xrdkna.read.tube import tube_of
from xrdkna.records.arrays import FloatArray
from xrdkna.records.scan import Scan

_MARK = re.compile(r"^_FILEVERSION\b|^_(?:2THETA)?(?:COUNTS|CPS)(?:TIME)?\s*$", re.MULTILINE)
_DATA = re.compile(r"^_(2THETA)?(COUNTS?|CPS)(TIME)?\s*$")
_LOOK = 8192
_COUPLED = ("coupled", "2theta/theta", "twothetatheta", "")
_MOVING = (*_COUPLED, "2theta", "twotheta")


def recognises(data: bytes) -> bool:
    """True for text with _FILEVERSION or a block of counts near its beginning."""
    text = text_from_bytes(data[:_LOOK])
    return text is not None and _MARK.search(text) is not None


def read_uxd_scans(path: Path, data: bytes) -> tuple[Scan, ...]:
    """All ranges of a .uxd file. Raises ScanFileError."""
    return scans_of(path, _ranges((text_from_bytes(data) or "").split("\n")))


def _ranges(lines: list[str]) -> Iterator[Measured | str]:
    """Words before the first _DRIVE hold for all ranges, later ones for theirs."""
    common: dict[str, str] = {}
    own: dict[str, str] = {}
    kind: re.Match[str] | None = None
    numbers: list[str] = []
    begun = False
    for raw in [*lines, "_END"]:
        line = raw.partition(";")[0].strip()
        if not line.startswith("_"):
            if kind is not None:
                numbers.append(line)
            continue
        if kind is not None:
            yield _range(common | own, kind, numbers)
            kind, numbers = None, []
        if (data := _DATA.match(line.upper())) is not None:
            kind = data
            continue
        key, _, value = line[1:].partition("=")
        key = key.strip().upper()
        if key == "DRIVE":
            begun, own = True, {}
        (own if begun else common)[key] = value.strip().strip("'\"").strip()


def _range(head: dict[str, str], kind: re.Match[str], lines: list[str]) -> Measured | str:
    drive = head.get("DRIVE", "").lower()
    if drive not in _MOVING:
        return f"its drive is {drive}, not 2θ"
    table = _numbers(lines)
    if table is None:
        return "its rows are not all numbers"
    width = 1 + (kind[1] is not None) + (kind[3] is not None)
    table = table[: table.size // width * width].reshape(-1, width)
    start, step = (number_or_none(head.get(word, "")) for word in ("START", "STEPSIZE"))
    if kind[1] is None and (start is None or not step):
        return "its header gives no _START and _STEPSIZE"
    planned = number_or_none(head.get("STEPCOUNT", "")) or 0.0
    wavelengths = [number_or_none(head.get(word, "")) for word in ("WL1", "WL2", "WLRATIO")]
    return Measured(
        two_theta=table[:, 0] if kind[1] is not None else even_steps(start or 0.0, step or 0.0, len(table)),
        intensity=table[:, 0 if kind[1] is None else 1],
        times=table[:, -1] if kind[3] is not None else None,
        per_second=kind[2] == "CPS",
        count_time=number_or_none(head.get("STEPTIME", "")),
        radiation=tube_of(*wavelengths, anode=head.get("ANODE", "")),
        radius_mm=number_or_none(head.get("GONIOMETER_RADIUS", "")),
        geometry="Bragg-Brentano" if drive in _COUPLED else None,
        start_time=parse_time(head.get("DATEMEASURED", ""), date_alone=True),
        status=f"stopped after {len(table)} of {planned:.0f} points" if planned - len(table) >= 2 else "",
        details={
            "sample": head.get("SAMPLE", ""),
            "operator": head.get("USER", ""),
            "site": head.get("SITE", ""),
            "anode": head.get("ANODE", ""),
            "scan axis": head.get("DRIVE", ""),
            "temperature": f"{head['TEMP']} C" if head.get("TEMP") else "",
        },
    )


def _numbers(lines: list[str]) -> FloatArray | None:
    try:
        return np.array(" ".join(lines).replace(",", " ").split(), dtype=np.float64)
    except ValueError:
        return None


UXD = ScanFormat(name="Bruker .uxd", recognises=recognises, read=read_uxd_scans)
