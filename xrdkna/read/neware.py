"""The one door to NewareNDA: .nda and .ndax cycler files."""

import logging
import struct
import warnings
import zipfile
import zlib
from pathlib import Path
from xml.etree.ElementTree import ParseError

import numpy as np

from xrdkna.errors import CyclingError
from xrdkna.read.cycling_rows import CyclerRows, counted_charge

# What a damaged file makes the library raise: it looks into bytes, archives, XML and tables without checks of its own.
_DAMAGED = (
    ArithmeticError, AssertionError, AttributeError, LookupError, OSError, EOFError, ParseError, RuntimeError, TypeError, ValueError,
    struct.error, zipfile.BadZipFile, zlib.error,
)  # fmt: skip

_MAGIC = b"NEWARE"
# The older .nda: a record is so long, begins after these bytes with the last but one of them, and has its status at this place.
_OLD_VERSION, _RECORD, _BEFORE, _STATUS = 29, 86, b"\x00\x00\x00\x00\x55\x00", 12


def is_neware(data: bytes) -> bool:
    """True for .nda (by its first bytes) and .ndax (a zip archive that holds .ndc files)."""
    return data.startswith(_MAGIC) or (data.startswith(b"PK\x03\x04") and b".ndc" in data)


def read_neware(path: Path, data: bytes) -> CyclerRows:
    """The rows of a Neware file, with the charge its own counters give. Raises CyclingError for a damaged file."""
    if data.startswith(_MAGIC) and not _holds_records(data):
        raise _damaged(path)
    logger = logging.getLogger("newarenda")
    level = logger.level
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from NewareNDA.NewareNDA import read_nda
            from NewareNDA.NewareNDAx import read_ndax

            logger.setLevel(logging.CRITICAL + 1)
            frame = (read_nda if data.startswith(_MAGIC) else read_ndax)(str(path), software_cycle_number=False)
            stamps = frame["Timestamp"]
            up, down = (np.asarray(frame[f"{kind}_Capacity(mAh)"], dtype=np.float64) for kind in ("Charge", "Discharge"))
            return CyclerRows(
                start=stamps.iloc[0].to_pydatetime(warn=False),
                seconds=np.asarray((stamps - stamps.iloc[0]).dt.total_seconds(), dtype=np.float64),
                current=np.asarray(frame["Current(mA)"], dtype=np.float64),
                potential=np.asarray(frame["Voltage"], dtype=np.float64),
                charge=counted_charge(up, down),
            )
    except _DAMAGED as problem:
        raise _damaged(path) from problem
    finally:
        logger.setLevel(level)


def _damaged(path: Path) -> CyclingError:
    return CyclingError(f"{path}: the Neware file is damaged or of an unknown version; export it as CSV from the cycler's program.")


def _holds_records(data: bytes) -> bool:
    """False for an .nda of the older kind without two records in a row: the library would look for them without end."""
    if len(data) <= 14 or data[14] != _OLD_VERSION:
        return True
    place = data.find(_BEFORE)
    while place != -1:
        first = place + 4
        following = first + _RECORD
        if following >= len(data) or (data[following] == _BEFORE[4] and data[first + _STATUS] != 0):
            return True
        place = data.find(_BEFORE, first)
    return False
