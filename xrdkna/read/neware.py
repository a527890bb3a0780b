"""The one door to NewareNDA: .nda and .ndax cycler files."""

import logging
import struct
import warnings
import zipfile
import zlib
from datetime import datetime
from pathlib import Path
from xml.etree.ElementTree import ParseError

import numpy as np

from xrdkna.errors import CyclingError
from xrdkna.records.arrays import FloatArray

# What a damaged file makes the library raise: it looks into bytes, archives, XML and tables without checks of its own.
_DAMAGED = (
    ArithmeticError, AssertionError, AttributeError, LookupError, OSError, EOFError, ParseError, RuntimeError, TypeError, ValueError,
    struct.error, zipfile.BadZipFile, zlib.error,
)  # fmt: skip


def is_neware(data: bytes) -> bool:
    """True for .nda (by its first bytes) and .ndax (a zip archive that holds .ndc files)."""
    return data.startswith(b"NEWARE") or (data.startswith(b"PK\x03\x04") and b".ndc" in data)


def read_neware(path: Path, data: bytes) -> tuple[list[datetime], FloatArray, FloatArray]:
    """(times, current in mA, potential in V), each (n,), in the file's order. Raises CyclingError for a damaged file."""
    logger = logging.getLogger("newarenda")
    level = logger.level
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from NewareNDA.NewareNDA import read_nda
            from NewareNDA.NewareNDAx import read_ndax

            logger.setLevel(logging.CRITICAL + 1)
            frame = (read_nda if data.startswith(b"NEWARE") else read_ndax)(str(path), software_cycle_number=False)
            times = [stamp.to_pydatetime(warn=False) for stamp in frame["Timestamp"]]
            current = np.asarray(frame["Current(mA)"], dtype=np.float64)
            potential = np.asarray(frame["Voltage"], dtype=np.float64)
    except _DAMAGED as problem:
        raise CyclingError(
            f"{path}: the Neware file is damaged or of an unknown version; export it as CSV from the cycler's program."
        ) from problem
    finally:
        logger.setLevel(level)
    return times, current, potential
