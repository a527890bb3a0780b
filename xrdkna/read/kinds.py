"""What a scan format is to the registry: its name, how it is recognised, how it is read."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from xrdkna.records.arrays import FloatArray
from xrdkna.records.scan import Scan


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanFormat:
    """One file format.

    name: for people. recognises: True when these bytes (the whole file) are of this format; never raises.
    read: all scans in the bytes, or ScanFileError with a sentence; the path is for names and messages only.
    """

    name: str
    recognises: Callable[[bytes], bool]
    read: Callable[[Path, bytes], tuple[Scan, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Handle:
    """A scan of a file that is known but not yet held in memory. `load` reads it and may raise ScanFileError.

    grid: first and last angle (degrees) and number of points.
    """

    name: str
    start: datetime | None
    end: datetime | None
    grid: tuple[float, float, int]
    load: Callable[[], Scan]


def grid_of(two_theta: FloatArray) -> tuple[float, float, int]:
    """First and last angle and number of points."""
    return float(two_theta[0]), float(two_theta[-1]), len(two_theta)


def scan_name(path: Path, number: int) -> str:
    """The name a scan is known by: the file's stem, `stem#2` for the second scan (number counts from 1)."""
    return path.stem if number == 1 else f"{path.stem}#{number}"
