"""Rigaku binary .raw ("FI"): a chain of blocks, each a tag of two letters, a length and that many bytes.

Our own reader: no kept library reads it. The layout was found in a measured file and agrees with public descriptions of it, but for one
number: what they call the counting time is the speed of a continuous scan, as the times of its beginning and end show.

    FI · BU (the machine: Kα₁, Kα₂, Kβ at +1188, anode at +1214) · PI (a range) DA (its numbers) · PI DA …
    PI: begin and end at +30, +34 (seconds since 1970) · speed or time +822, first angle +826, last +830, step +834
    DA: number of points at +16, 32-bit floats from +20
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from xrdkna.errors import ScanFileError
from xrdkna.read.binary_in import EndOfFileError, array_at, double, integer, single, words
from xrdkna.read.kinds import ScanFormat
from xrdkna.read.measured import Measured, scans_of
from xrdkna.read.tidy import even_steps
from xrdkna.read.tube import tube_of
from xrdkna.records.instrument import Radiation
from xrdkna.records.scan import Scan

_HEAD = 12
_MOST_BLOCKS = 100_000
# Seconds since 1970 before which no such machine was built, and those of the year 2100.
_BUILT, _BEYOND = 631_152_000, 4_102_444_800
# The product of speed and points need not meet the clock better than this: a scan accelerates, brakes and waits.
_CLOCK = 0.1


def recognises(data: bytes) -> bool:
    """True for the tag FI with the tag BU where its length says."""
    return data.startswith(b"FI\x00\x00") and len(data) > 2 * _HEAD


def read_rigaku_raw_scans(path: Path, data: bytes) -> tuple[Scan, ...]:
    """All ranges of a binary Rigaku file. Raises ScanFileError."""
    try:
        blocks, whole = _blocks(data)
        return scans_of(path, _scans(data, blocks), whole=whole)
    except EndOfFileError as problem:
        raise ScanFileError(f"{path}: {problem}; copy the file again.") from problem


def _blocks(data: bytes) -> tuple[list[tuple[bytes, int]], bool]:
    """The tags and places of the blocks, and whether the last one is whole."""
    blocks: list[tuple[bytes, int]] = []
    place = 0
    while place + _HEAD <= len(data) and len(blocks) < _MOST_BLOCKS:
        blocks.append((data[place : place + 2], place))
        place += _HEAD + integer(data, place + 8)
    return blocks, place <= len(data)


def _scans(data: bytes, blocks: list[tuple[bytes, int]]) -> Iterator[Measured | str]:
    radiation: Radiation | None = None
    details: dict[str, str] = {}
    head: int | None = None
    for tag, place in blocks:
        if tag == b"BU":
            anode = words(data, place + 1214, 4)
            radiation = tube_of(double(data, place + 1188), double(data, place + 1196), anode=anode)
            details = {"instrument": words(data, place + 204, 40), "anode": anode}
        elif tag == b"PI":
            head = place
        elif tag == b"DA" and head is not None:
            yield _range(data, head, place, radiation, details)
            head = None


def _range(data: bytes, head: int, place: int, radiation: Radiation | None, details: dict[str, str]) -> Measured | str:
    number = integer(data, place + 16)
    speed, first, last, step = (single(data, head + offset) for offset in (822, 826, 830, 834))
    intensity, _ = array_at(data, place + 20, number, "<f4")
    if not (np.isfinite([first, last, step]).all() and step != 0):
        return "its header gives no angles"
    planned = (last - first) / step + 1.0
    if len(intensity) > planned + 1.5:
        return f"its header foretells {planned:.0f} points from {first:g} to {last:g} degrees, and {len(intensity)} follow"
    start, end = _moment(integer(data, head + 30)), _moment(integer(data, head + 34))
    seconds = (end - start).total_seconds() if start is not None and end is not None else 0.0
    return Measured(
        two_theta=even_steps(first, step, len(intensity)),
        intensity=intensity,
        count_time=_count_time(speed, step, number, seconds),
        radiation=radiation,
        start_time=start,
        end_time=end,
        status=f"stopped after {len(intensity)} of {planned:.0f} points" if planned - len(intensity) > 1.5 else "",
        details=details,
    )


def _count_time(speed: float, step: float, number: int, seconds: float) -> float | None:
    """Seconds a point: the field is a speed in degrees a minute or a time, whichever agrees with the clock; None where neither does."""
    if speed <= 0 or seconds <= 0:
        return None
    for each in (60.0 * abs(step) / speed, speed):
        if abs(each * number / seconds - 1.0) < _CLOCK:
            return each
    return None


def _moment(seconds: int) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if _BUILT < seconds < _BEYOND else None


RIGAKU_RAW = ScanFormat(name="Rigaku binary .raw", recognises=recognises, read=read_rigaku_raw_scans)
