"""STOE WinXPOW .raw ("RAW_1.06Powdat"): blocks of 512 bytes, for each range one header block and then its counts.

Our own reader: no library reads it. The layout is that of two public descriptions which agree; a range counts only where its number of
points, its angles and its smallest and largest count agree with each other, so that an unknown variant is refused and not misread.

    +0x20 words · +0x142 Kα₁, Kα₂ (32-bit floats)
    range header: begin +0x00, end +0x10 (words), points +0x22, 2θ first +0x2C, last +0x34, step +0x3C, smallest and largest count +0x78
"""

import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import numpy as np

from xrdkna.read.binary_in import array_at, integer, short, single, words
from xrdkna.read.kinds import ScanFormat
from xrdkna.read.measured import Measured, scans_of
from xrdkna.read.tidy import even_steps
from xrdkna.read.times import parse_time
from xrdkna.read.tube import tube_of
from xrdkna.records.arrays import FloatArray
from xrdkna.records.scan import Scan

_BLOCK = 0x200
_YEAR = re.compile(r"^(\d{1,2}-[A-Za-z]{3})-(\d{2})\s+(.*)$")


def recognises(data: bytes) -> bool:
    """True for the first bytes of STOE's powder format."""
    return data.startswith(b"RAW_1.") and b"Powdat" in data[:32]


def read_stoe_scans(path: Path, data: bytes) -> tuple[Scan, ...]:
    """All ranges of a STOE file; a range that is there twice counts once. Raises ScanFileError."""
    return scans_of(path, _ranges(data))


def _ranges(data: bytes) -> Iterator[Measured | str]:
    if len(data) < 2 * _BLOCK:
        yield "it ends inside its header"
        return
    strings = [word.strip() for word in words(data.replace(b"\x00", b"\n"), 0x20, 0x110).split("\n") if word.strip()]
    radiation = tube_of(single(data, 0x142), single(data, 0x146))
    before: Measured | None = None
    place = _BLOCK
    while place + _BLOCK < len(data):
        counts = _counts(data, place)
        if counts is None:
            place += _BLOCK
            continue
        first, step = single(data, place + 0x2C), single(data, place + 0x3C)
        measured = Measured(
            two_theta=even_steps(first, step, len(counts)),
            intensity=counts,
            radiation=radiation,
            start_time=_moment(words(data, place, 16)),
            end_time=_moment(words(data, place + 0x10, 16)),
            details={"sample": strings[0] if strings else "", "comment": " ".join(strings[1:3]), "operator": words(data, 0x600, 0x20)},
        )
        if before is None or not _same(before, measured):
            yield measured
        before = measured
        place += _BLOCK * (1 + -(-4 * len(counts) // _BLOCK))


def _counts(data: bytes, place: int) -> FloatArray | None:
    """The counts behind a block that is a range's header by all its numbers; None where they disagree."""
    number = short(data, place + 0x22)
    first, last, step = (single(data, place + offset) for offset in (0x2C, 0x34, 0x3C))
    if number < 2 or not np.isfinite([first, last, step]).all() or not (step > 0 and 0 <= first < last <= 180):
        return None
    if abs((last - first) / step + 1 - number) > 1:
        return None
    counts, whole = array_at(data, place + _BLOCK, number, "<u4")
    smallest, largest = integer(data, place + 0x78), integer(data, place + 0x7C)
    if not whole or (largest and (counts.min() != smallest or counts.max() != largest)):
        return None
    return counts


def _same(one: Measured, two: Measured) -> bool:
    return np.array_equal(one.two_theta, two.two_theta) and np.array_equal(one.intensity, two.intensity)


def _moment(text: str) -> datetime | None:
    """ "12-Oct-20 14:05"; years from 70 on are those of the last century."""
    match = _YEAR.match(text)
    if match is None:
        return None
    return parse_time(f"{match[1]}-{1900 + int(match[2]) if int(match[2]) >= 70 else 2000 + int(match[2])} {match[3]}")


STOE = ScanFormat(name="STOE .raw", recognises=recognises, read=read_stoe_scans)
