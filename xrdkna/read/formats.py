"""Which formats there are, and reading a scan file whatever it is called."""

from dataclasses import replace
from functools import partial
from pathlib import Path

from xrdkna.errors import RecordError, ScanFileError
from xrdkna.read.bytes_in import bytes_of, first_bytes
from xrdkna.read.exchange.gsas import GSAS
from xrdkna.read.exchange.hdf import MAGIC
from xrdkna.read.exchange.nexus import nexus_handles
from xrdkna.read.exchange.pdcif import PDCIF
from xrdkna.read.exchange.spec import SPEC
from xrdkna.read.kinds import Handle, ScanFormat, grid_of
from xrdkna.read.text import TEXT
from xrdkna.read.told import with_told
from xrdkna.read.vendors.bruker_raw import BRUKER_RAW
from xrdkna.read.vendors.bruker_raw4 import BRUKER_RAW4
from xrdkna.read.vendors.bruker_uxd import UXD
from xrdkna.read.vendors.philips import RD, UDF
from xrdkna.read.vendors.rigaku_ras import RAS
from xrdkna.read.vendors.rigaku_raw import RIGAKU_RAW
from xrdkna.read.vendors.stoe import STOE
from xrdkna.read.vendors.zipped import ZIPPED
from xrdkna.read.xrdml import XRDML
from xrdkna.records.scan import Scan
from xrdkna.records.values import Notice

# Order is precedence: what is told by its first bytes first; every other file is also text, so plain columns come last.
FORMATS: tuple[ScanFormat, ...] = (
    ZIPPED, RIGAKU_RAW, BRUKER_RAW, BRUKER_RAW4, STOE, RD, XRDML, RAS, UXD, UDF, GSAS, SPEC, PDCIF, TEXT,
)  # fmt: skip
HDF5_NAME = "NeXus or other HDF5"

_EXPORT = "export the scan as .xy, .xye, .csv or .xrdml"
# Formats that are recognised only to name them in the message; the first bytes decide.
_FOREIGN = (
    (b"\x1f\x8b", "a gzip archive", "unpack it first"),
    (b"%PDF", "a PDF document", _EXPORT),
    (b"\xd0\xcf\x11\xe0", "an old Microsoft Office document", _EXPORT),
    (b"\x89PNG", "a picture", _EXPORT),
    (b"BIO-LOGIC MODULAR FILE", "a BioLogic cycler file", "give it to `xrdkna track` with --echem"),
    (b"NEWARE", "a Neware cycler file", "give it to `xrdkna track` with --echem"),
)


def read_scans(path: Path) -> tuple[Scan, ...]:
    """All scans of a file, at least one, in the file's order. The content decides the format, not the suffix.

    Raises ScanFileError: no file, a folder, nothing in it, not a known format, or a known one that holds no usable scan.
    """
    if _is_hdf5(path):
        return tuple(handle.load() for handle in nexus_handles(path))
    return _read(path)


def scan_handles(path: Path) -> tuple[Handle, ...]:
    """The scans of a file by name and time, each to be read when it is needed: a stack in HDF5 is read row by row.

    Raises ScanFileError as `read_scans`; so may a handle's `load`.
    """
    if _is_hdf5(path):
        return tuple(nexus_handles(path))
    scans = _read(path)
    return tuple(
        Handle(name=scan.name, start=scan.start_time, end=scan.end_time, grid=grid_of(scan.two_theta), load=partial(_again, path, i))
        for i, scan in enumerate(scans)
    )


def read_scan(path: Path) -> Scan:
    """The first scan of a file; where there are more, a notice on it says so. Raises ScanFileError as `read_scans`."""
    if _is_hdf5(path):
        handles = nexus_handles(path)
        first, number = handles[0].load(), len(handles)
    else:
        scans = _read(path)
        first, number = scans[0], len(scans)
    if number == 1:
        return first
    notice = Notice(
        code="more-scans",
        severity="warning",
        sentence=f"{path.name} holds {number} scans; only the first is used here.",
        remedy="Put each scan into its own file, or follow them all as a series with `xrdkna track`.",
    )
    return replace(first, notices=(*first.notices, notice))


def _is_hdf5(path: Path) -> bool:
    return first_bytes(path, len(MAGIC)) == MAGIC


def _again(path: Path, i: int) -> Scan:
    """The file is read afresh, so that a series of thousands holds none of its scans."""
    scans = _read(path)
    if len(scans) <= i:
        raise ScanFileError(f"{path}: the file holds {len(scans)} scans and no longer scan {i + 1}.")
    return scans[i]


def _read(path: Path) -> tuple[Scan, ...]:
    data = bytes_of(path, ScanFileError, what="scan file")
    for magic, name, remedy in _FOREIGN:
        if data.startswith(magic):
            raise ScanFileError(f"{path}: this is {name}, which is no scan; {remedy}.")
    for scan_format in FORMATS:
        if scan_format.recognises(data):
            return _by(scan_format, path, data)
    raise ScanFileError(f"{path}: the file is binary and of no known kind (looked for {_looked_for()}); {_EXPORT}.")


def _by(scan_format: ScanFormat, path: Path, data: bytes) -> tuple[Scan, ...]:
    """Read by one format, which a refusal then names."""
    try:
        return tuple(with_told(scan) for scan in scan_format.read(path, data))
    except RecordError as problem:
        raise ScanFileError(f"{path}: {problem}") from problem
    except ScanFileError as problem:
        sentence = str(problem)
        if scan_format is TEXT or scan_format.name in sentence:
            raise
        raise ScanFileError(f"{sentence.removesuffix('.')} (read as {scan_format.name}).") from problem


def _looked_for() -> str:
    """The names of all formats, as a sentence takes them."""
    names = [*(scan_format.name for scan_format in FORMATS[:-1]), HDF5_NAME]
    return ", ".join(names) + f", and {FORMATS[-1].name}"
