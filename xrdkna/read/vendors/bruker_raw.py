"""Bruker (Siemens) .raw: four formats under one suffix, told apart by their first bytes. This module holds the first three.

Our own reader: xrayutilities reads none, geddes versions 3 and 4 without times, wavelengths and completeness, fairmat-readers-xrd one
layout of version 4. The layouts are those of the makers' manuals (DIFFRAC-AT appendix B, DIFFRAC^plus XCH appendix A).

    version 1   "RAW "     ranges of 156 bytes and their 32-bit floats, one behind the other
    version 2   "RAW2"     256 bytes, then for each range a header that says its own length
    version 3   "RAW1.01"  712 bytes, then for each range a header of 304, a supplement, and the records
"""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import numpy as np

from xrdkna.errors import ScanFileError
from xrdkna.read.binary_in import EndOfFileError, array_at, double, integer, short, single, words
from xrdkna.read.kinds import ScanFormat
from xrdkna.read.measured import Measured, scans_of
from xrdkna.read.tidy import even_steps
from xrdkna.read.times import parse_time
from xrdkna.read.tube import tube_of
from xrdkna.records.arrays import FloatArray
from xrdkna.records.scan import Scan

_UNKNOWN = -1e6  # what the first versions write for a number they do not know
_MOST_RANGES = 100_000
_STATUS = {2: "active", 3: "aborted", 4: "interrupted"}
# Scan types of version 3 in which 2θ moves: locked and unlocked coupled, detector; all others leave it where it is.
_MOVING = {0: "locked coupled", 1: "unlocked coupled", 2: "detector scan"}
_COUPLED = (0,)


def recognises(data: bytes) -> bool:
    """True for the first bytes of versions 1, 2 and 3."""
    return data.startswith((b"RAW ", b"RAW2", b"RAW1.01"))


def read_bruker_raw_scans(path: Path, data: bytes) -> tuple[Scan, ...]:
    """All ranges of a Bruker file of versions 1, 2 or 3. Raises ScanFileError."""
    ranges = _version_3 if data.startswith(b"RAW1") else _version_2 if data.startswith(b"RAW2") else _version_1
    found: list[Measured | str] = []
    whole = True
    try:
        for measured, complete in ranges(data):
            found.append(measured)
            whole = whole and complete
            if not complete:
                break
    except EndOfFileError as problem:
        if not found:
            raise ScanFileError(f"{path}: {problem}; copy the file again.") from problem
        whole = False
    return scans_of(path, found, whole=whole)


def _version_1(data: bytes) -> Iterator[tuple[Measured | str, bool]]:
    place = 0
    for _ in range(_MOST_RANGES):
        # Later ranges of early programs do not repeat the first word.
        place += 4 if data[place : place + 4] == b"RAW " else 0
        number, count_time, step, start = integer(data, place), single(data, place + 4), single(data, place + 8), single(data, place + 20)
        alpha1, alpha2 = single(data, place + 68), single(data, place + 72)
        follows = integer(data, place + 148)
        intensity, whole = array_at(data, place + 152, number, "<f4")
        yield (
            _measured(
                start,
                step,
                intensity,
                count_time=count_time,
                wavelengths=(alpha1, alpha2, None),
                details={"sample": words(data, place + 36, 32)},
            ),
            whole,
        )
        place += 152 + 4 * number
        if not follows or place >= len(data):
            return


def _version_2(data: bytes) -> Iterator[tuple[Measured | str, bool]]:
    anode = words(data, 188, 2)
    wavelengths = (single(data, 190), single(data, 194), single(data, 198))
    start_time = _moment_2(words(data, 168, 20))
    details = {"sample": words(data, 8, 32), "comment": words(data, 40, 128), "anode": anode}
    place = 256
    for each in range(short(data, 4)):
        length, number = short(data, place), short(data, place + 2)
        count_time, step, start = (single(data, place + offset) for offset in (8, 12, 16))
        kelvin = short(data, place + 46)
        intensity, whole = array_at(data, place + length, number, "<f4")
        yield (
            _measured(
                start,
                step,
                intensity,
                count_time=count_time,
                wavelengths=wavelengths,
                anode=anode,
                start_time=start_time if each == 0 else None,
                details=details | {"temperature": f"{kelvin} K" if 0 < kelvin < 5000 else ""},
            ),
            whole,
        )
        if length < 48:
            return
        place += length + 4 * number


def _version_3(data: bytes) -> Iterator[tuple[Measured | str, bool]]:
    anode = words(data, 608, 4)
    wavelengths = (double(data, 624), double(data, 632), double(data, 648))
    start_time = moment_of(words(data, 16, 10), words(data, 26, 10))
    details = {
        "sample": words(data, 326, 60),
        "comment": words(data, 386, 160),
        "operator": words(data, 36, 72),
        "site": words(data, 108, 218),
        "anode": anode,
    }
    place, ranges = 712, integer(data, 12)
    for each in range(min(ranges, _MOST_RANGES)):
        length, number = integer(data, place), integer(data, place + 4)
        start, step, scan_type = double(data, place + 16), double(data, place + 176), integer(data, place + 196)
        varying, record, supplement = (integer(data, place + offset) for offset in (248, 252, 256))
        if length < 260 or record % 4 or record > 1024:
            raise EndOfFileError(f"the header of range {each + 1} is damaged at byte {place}")
        stride = max(record, 4)
        first = place + length + supplement
        intensity, whole = array_at(data, first, number, "<f4", stride=stride)
        angles = array_at(data, first + 4, number, "<f8", stride=stride)[0] if varying & 1 and stride >= 12 else None
        place = first + stride * number
        if scan_type not in _MOVING:
            yield f"its scan type ({scan_type}) does not move 2θ, as in a rocking curve", whole
            continue
        yield (
            _measured(
                start,
                step,
                intensity,
                angles=angles,
                count_time=single(data, first - supplement - length + 192),
                wavelengths=wavelengths,
                anode=anode,
                radius_mm=single(data, 564),
                start_time=start_time if each == 0 else None,
                geometry="Bragg-Brentano" if scan_type in _COUPLED else None,
                status=_STATUS.get(integer(data, 8), "") if each == ranges - 1 else "",
                details=details | {"scan axis": _MOVING[scan_type]},
            ),
            whole,
        )


def _measured(
    start: float,
    step: float,
    intensity: FloatArray,
    *,
    count_time: float,
    wavelengths: tuple[float, float, float | None],
    anode: str = "",
    angles: FloatArray | None = None,
    start_time: datetime | None = None,
    radius_mm: float | None = None,
    geometry: str | None = None,
    status: str = "",
    details: dict[str, str],
) -> Measured | str:
    """One range, or why it is none."""
    if not (np.isfinite([start, step]).all() and start != _UNKNOWN and step not in (0.0, _UNKNOWN)):
        return "its header gives no start and step in 2θ"
    regular = even_steps(start, step, len(intensity))
    return Measured(
        two_theta=regular if angles is None or len(angles) != len(intensity) else angles,
        intensity=intensity,
        count_time=count_time,
        radiation=tube_of(*wavelengths, anode=anode),
        radius_mm=radius_mm,
        geometry=geometry,
        start_time=start_time,
        status=status,
        details=details,
    )


def moment_of(date: str, time: str) -> datetime | None:
    """When: month, day and a year of two or four digits, with slashes."""
    parts = date.split("/")
    if len(parts) != 3 or not all(part.strip().isdigit() for part in parts):
        return None
    month, day, year = (int(part) for part in parts)
    year += (1900 if year >= 70 else 2000) if year < 100 else 0
    return parse_time(f"{year:04d}-{month:02d}-{day:02d} {time}".strip(), date_alone=True)


def _moment_2(text: str) -> datetime | None:
    """ "19-12-199721:57": day, month, year and the time without a gap."""
    date, time = text[:10], text[10:].strip()
    parts = date.split("-")
    if len(parts) != 3 or not all(part.strip().isdigit() for part in parts):
        return parse_time(text)
    day, month, year = parts
    return parse_time(f"{year}-{month}-{day} {time}".strip(), date_alone=True)


BRUKER_RAW = ScanFormat(name="Bruker .raw 1 to 3", recognises=recognises, read=read_bruker_raw_scans)
