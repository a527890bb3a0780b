"""Bruker .raw version 4 ("RAW4.00"): 61 bytes, a chain of segments, and ranges among them.

Our own reader: geddes gives the numbers alone; others count words in the file or take one file's offsets for all. A segment is its kind,
its length and that many bytes; kind 0 or 160 begins a range instead:

    +32 scan type (24) · +72 start, +80 step (degrees) · +88 points · +92 seconds a point, of all channels of a strip detector
    +112 wavelength · +136 bytes a record · +140 length of the segments behind the header's 160 bytes, then the records
    segments: 10 a word and its value · 30 the tube · 50 a drive, its flag at +8, name at +12, position at +56
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from xrdkna.errors import ScanFileError
from xrdkna.read.binary_in import EndOfFileError, array_at, double, integer, single, words
from xrdkna.read.kinds import ScanFormat
from xrdkna.read.measured import Measured, scans_of
from xrdkna.read.tidy import even_steps
from xrdkna.read.tube import tube_of
from xrdkna.read.vendors.bruker_raw import moment_of
from xrdkna.records.instrument import Radiation
from xrdkna.records.scan import Scan

_FIRST = 61
_RANGE = 160
_MOST_SEGMENTS = 1_000_000
_COUPLED = ("locked coupled", "coupled twotheta/theta")
_MOVING = (*_COUPLED, "unlocked coupled", "detector scan", "psd fast scan", "2theta", "twotheta", "")
# A 2θ drive that stands at the range's first angle is the one that moves.
_SAME_ANGLE = 1e-4


def recognises(data: bytes) -> bool:
    """True for the first bytes of version 4."""
    return data.startswith(b"RAW4.00")


def read_bruker_raw4_scans(path: Path, data: bytes) -> tuple[Scan, ...]:
    """All ranges in which 2θ moves. Raises ScanFileError."""
    found: list[Measured | str] = []
    whole = True
    try:
        for measured, complete in _ranges(data):
            found.append(measured)
            whole = whole and complete
    except EndOfFileError as problem:
        if not found:
            raise ScanFileError(f"{path}: {problem}; copy the file again.") from problem
        whole = False
    return scans_of(path, found, whole=whole)


def _ranges(data: bytes) -> Iterator[tuple[Measured | str, bool]]:
    details: dict[str, str] = {}
    radiation: Radiation | None = None
    radius: float | None = None
    start_time = moment_of(words(data, 12, 12), words(data, 24, 10))
    place = _FIRST
    for _ in range(_MOST_SEGMENTS):
        if place + 8 > len(data):
            return
        kind, length = integer(data, place), integer(data, place + 4)
        if kind in (0, _RANGE):
            measured, place, whole = _range(data, place, radiation, details)
            if isinstance(measured, Measured):
                measured = replace(measured, radius_mm=radius)
            if isinstance(measured, Measured) and start_time is not None:
                measured, start_time = replace(measured, start_time=start_time), None
            yield measured, whole
            continue
        if kind == 10 and length > 36:
            details |= _word(words(data, place + 12, 24), words(data, place + 36, length - 36))
        elif kind == 30:
            anode = words(data, place + 116, 4)
            radiation = tube_of(double(data, place + 80), double(data, place + 88), double(data, place + 104), anode=anode)
            details["anode"] = anode
            radius = _radius(single(data, place + 24))
        if length < 8:
            raise EndOfFileError(f"the segment at byte {place} is damaged")
        place += length


def _range(data: bytes, place: int, radiation: Radiation | None, details: dict[str, str]) -> tuple[Measured | str, int, bool]:
    """One range, the place behind it, and whether all its records are there."""
    scan_type = words(data, place + 32, 24)
    start, step = double(data, place + 72), double(data, place + 80)
    number, count_time = integer(data, place + 88), single(data, place + 92)
    record, length = integer(data, place + 136), integer(data, place + 140)
    if record < 4 or record % 4 or record > 1024 or length > len(data):
        raise EndOfFileError(f"the header of the range at byte {place} is damaged")
    first = place + _RANGE + length
    intensity, whole = array_at(data, first, number, "<f4", stride=record)
    behind = first + record * number
    drives = _drives(data, place + _RANGE, first)
    moves = any(abs(position - start) < _SAME_ANGLE for name, position in drives if name == "2theta")
    if not (moves or (not drives and scan_type.lower() in _MOVING)):
        return (
            f"its scan ({scan_type or 'without a name'}) does not move 2θ from {start:g} degrees on, as in a rocking curve",
            behind,
            whole,
        )
    if not (np.isfinite([start, step]).all() and step != 0):
        return "its header gives no start and step in 2θ", behind, whole
    measured = Measured(
        two_theta=even_steps(start, step, len(intensity)),
        intensity=intensity,
        count_time=count_time,
        radiation=radiation,
        geometry="Bragg-Brentano" if scan_type.lower() in _COUPLED else None,
        details=details | {"scan axis": scan_type},
    )
    return measured, behind, whole


def _radius(diameter: float | None) -> float | None:
    """mm: the measuring circle is written by its diameter, 282 for a D2 PHASER, 435 and 560 for a D8."""
    return 0.5 * diameter if diameter is not None and 20.0 <= diameter <= 20_000.0 else None


def _word(name: str, value: str) -> dict[str, str]:
    """The operator's words, under the names that every format has here."""
    names = {"SAMPLEID": "sample", "COMMENT": "comment", "USER": "operator", "SITE": "site", "CREATOR": "program"}
    return {names[name]: value[:500]} if name in names and value else {}


def _drives(data: bytes, place: int, end: int) -> list[tuple[str, float]]:
    """The drives of a range by name, with their positions at its beginning."""
    drives: list[tuple[str, float]] = []
    while place + 64 <= min(end, len(data)):
        kind, length = integer(data, place), integer(data, place + 4)
        if kind == 50:
            drives.append((words(data, place + 12, 24).lower().replace("twotheta", "2theta"), double(data, place + 56)))
        if length < 8:
            break
        place += length
    return drives


BRUKER_RAW4 = ScanFormat(name="Bruker .raw 4", recognises=recognises, read=read_bruker_raw4_scans)
