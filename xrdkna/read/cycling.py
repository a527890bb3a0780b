"""The cycler's record, from one file or several: tables, workbooks, BioLogic .mpr and .mpt, Neware .nda and .ndax."""

import io
import math
import struct
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import tzinfo
from itertools import pairwise
from pathlib import Path

import numpy as np

from xrdkna.errors import CyclingError
from xrdkna.read.biologic import is_biologic, read_biologic
from xrdkna.read.bytes_in import bytes_of, text_from_bytes
from xrdkna.read.cycling_rows import CyclerRows, cycling_from_rows
from xrdkna.read.cycling_table import rows_from_table
from xrdkna.read.cycling_text import table_from_text
from xrdkna.read.neware import is_neware, read_neware
from xrdkna.read.times import bring_to_zone
from xrdkna.read.workbook import is_workbook, table_from_workbook
from xrdkna.records.arrays import FloatArray
from xrdkna.records.series import Cycling
from xrdkna.records.values import Notice

_WHAT = "cycler file"
# Files that are known and hold nothing that can be read here, by what they begin with; and what to do instead.
_NOT_READ = (
    (b"\x00\x01\x00\x00Standard Jet DB", "an Arbin database (.res); export the channel as CSV or workbook from the cycler's program"),
    (b"\x00\x01\x00\x00Standard ACE DB", "a database (.accdb); export the channel as CSV from the cycler's program"),
    (b"EC-LAB SETTING FILE", "EC-Lab's settings (.mps), which hold no record; name the .mpr or .mpt beside it"),
    (b"EXPLAIN", "a Gamry file (.DTA), which is not read; export time, current and potential as CSV"),
    (b"PAR1", "a Parquet file, which is not read; export time, current and potential as CSV"),
    (b"\x89HDF", "an HDF5 file, which is not read as a cycler's; export time, current and potential as CSV"),
)
_ARCHIVE = b"PK\x03\x04"
# Half a million records fill a tenth of this; an archive that claims more is no cycler's, or means harm.
_MOST_UNPACKED, _MOST_MEMBERS = 512 * 2**20, 2000
# Files of one cell may touch: cyclers' clocks write whole seconds.
_OVERLAP = 2.0


def read_cycling(path: Path, *, clock_offset: float = 0.0) -> Cycling:
    """The cycler's record in time, with `clock_offset` seconds added to its clock.

    The format is told by content. A table names its columns; units come from the names, from a row of units, or from what else
    the file says; times are moments, or seconds since a start that the file names. Rows that are not numbers are left out, rows out
    of order sorted, each with a notice.
    Raises CyclingError with one sentence: unreadable, no such columns, no unit, no time, fewer than two usable rows.
    """
    if not math.isfinite(clock_offset):
        raise CyclingError(f"the clock offset is {clock_offset}; give seconds, such as -137.")
    return cycling_from_rows(_rows(path, bytes_of(path, CyclingError, what=_WHAT)), path, clock_offset=clock_offset)


def read_cyclings(paths: Sequence[Path], *, clock_offset: float = 0.0) -> Cycling:
    """Several files of one cell as one record, in the order of their times; between them nothing is known.

    Raises CyclingError: no file, one that cannot be read, two that tell of the same time.
    """
    if not paths:
        raise CyclingError("no cycler file was named.")
    return join_cyclings([read_cycling(path, clock_offset=clock_offset) for path in paths])


def join_cyclings(parts: Sequence[Cycling]) -> Cycling:
    """Records of one cell one after the other. Raises CyclingError where two of them tell of the same time."""
    zone = parts[0].start.tzinfo
    ordered = sorted((_on_zone(part, zone) for part in parts), key=lambda part: part.start)
    first = ordered[0]
    times, charges, breaks, passed = [first.time], [_charge(first)], [], float(_charge(first)[-1])
    for before, part in pairwise(ordered):
        begin = (part.start - first.start).total_seconds()
        last = float(times[-1][-1])
        if begin < last - _OVERLAP:
            raise CyclingError(
                f"{before.source} and {part.source}: both tell of the same time; name the files of one cell only, each once."
            )
        breaks.append(sum(time.size for time in times))
        times.append(part.time + max(begin, float(np.nextafter(last + 1e-6, np.inf))))
        charges.append(_charge(part) + passed)
        passed = float(charges[-1][-1])
    potentials = [part.potential for part in ordered if part.potential is not None]
    return Cycling(
        start=first.start,
        time=np.concatenate(times),
        current=np.concatenate([part.current for part in ordered]),
        potential=np.concatenate(potentials) if len(potentials) == len(ordered) else None,
        charge=np.concatenate(charges),
        breaks=tuple(breaks),
        source=", ".join(part.source for part in ordered),
        notices=tuple(notice for part in ordered for notice in part.notices),
    )


def on_clock_of_scans(cycling: Cycling, zone: tzinfo | None) -> Cycling:
    """The record on the zone of the scans' times; a notice where only one of the two names a zone."""
    if (cycling.start.tzinfo is None) == (zone is None):
        return cycling
    one, other = ("the cycler's", "the scans'") if zone is None else ("the scans'", "the cycler's")
    sentence = f"{one} times name a time zone and {other} do not; both are taken as the same local time."
    remedy = "If they are not, give the difference with --clock-offset, such as 3600 for an hour."
    notice = Notice(code="clock-zones-differ", severity="warning", sentence=sentence, remedy=remedy)
    return replace(_on_zone(cycling, zone), notices=(*cycling.notices, notice))


def _on_zone(cycling: Cycling, zone: tzinfo | None) -> Cycling:
    return replace(cycling, start=bring_to_zone(cycling.start, zone))


def _charge(cycling: Cycling) -> FloatArray:
    """(n,) mAh since the record's first point, counted or integrated."""
    if cycling.charge is not None:
        return np.asarray(cycling.charge - cycling.charge[0])
    steps = 0.5 * (cycling.current[1:] + cycling.current[:-1]) * np.diff(cycling.time) / 3600.0
    return np.concatenate(([0.0], np.cumsum(steps)))


def _rows(path: Path, data: bytes) -> CyclerRows:
    """Told by content: the first format that knows the bytes as its own."""
    for magic, what in _NOT_READ:
        if data.startswith(magic):
            raise CyclingError(f"{path}: this is {what}.")
    if is_biologic(data):
        return read_biologic(path, data)
    if data.startswith(_ARCHIVE):
        _check_archive(path, data)
    if is_neware(data):
        return read_neware(path, data)
    if is_workbook(data):
        table = table_from_workbook(path, data)
        if table is None:
            raise CyclingError(f"{path}: no sheet of the workbook has a row that names a time and a current; export the records as CSV.")
        return rows_from_table(table, path)
    text = text_from_bytes(data)
    if text is None:
        raise CyclingError(
            f"{path}: this is no cycler file that is read (a table, .xlsx, .mpr, .mpt, .nda, .ndax); export time and current as CSV."
        )
    table = table_from_text(text)
    if table is None:
        raise CyclingError(f"{path}: the first line does not name columns; it must be like time,current_mA,potential_V.")
    return rows_from_table(table, path)


def _check_archive(path: Path, data: bytes) -> None:
    """Refuse a zip archive (.ndax, .xlsx) that is damaged or would unpack to more than any record needs."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError, struct.error) as problem:
        kind = "workbook" if is_workbook(data) else "Neware file" if is_neware(data) else "archive"
        raise CyclingError(f"{path}: the {kind} is damaged; copy it again, or export the records as CSV.") from problem
    unpacked = sum(member.file_size for member in members)
    if len(members) > _MOST_MEMBERS or unpacked > _MOST_UNPACKED:
        raise CyclingError(
            f"{path}: the archive would unpack to {len(members)} files of {unpacked / 2**20:.0f} MB in all, more than a cycler's record "
            "takes; export time, current and potential as CSV."
        )
