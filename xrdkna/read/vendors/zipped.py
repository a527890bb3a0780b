"""Scans in zip archives: what is inside decides whose they are."""

from pathlib import Path

from xrdkna.errors import ScanFileError
from xrdkna.read.kinds import ScanFormat
from xrdkna.read.vendors.bruker_brml import holds_brml, read_brml_scans
from xrdkna.read.vendors.rigaku_rasx import holds_rasx, read_rasx_scans
from xrdkna.read.zip_in import Archive, ZipError
from xrdkna.records.scan import Scan


def recognises(data: bytes) -> bool:
    """True for any zip archive."""
    return data.startswith((b"PK\x03\x04", b"PK\x05\x06"))


def read_zipped_scans(path: Path, data: bytes) -> tuple[Scan, ...]:
    """The scans of a .brml or .rasx file. Raises ScanFileError for other archives, damaged ones and such as unfold beyond bounds."""
    try:
        archive = Archive(data)
    except ZipError as problem:
        raise ScanFileError(f"{path}: {problem}; export or copy the file again.") from problem
    if holds_brml(archive):
        return read_brml_scans(path, archive)
    if holds_rasx(archive):
        return read_rasx_scans(path, archive)
    if any(name.endswith(".ndc") for name in archive.names):
        raise ScanFileError(f"{path}: this is a Neware cycler file, which is no scan; give it to `xrdkna track` with --echem.")
    raise ScanFileError(
        f"{path}: this is a zip archive with neither Rigaku's Data0/Profile0.txt nor Bruker's RawData0.xml in it (as .xlsx files are); "
        "export the scan as .xy, .xye, .csv or .xrdml."
    )


ZIPPED = ScanFormat(name="Bruker .brml and Rigaku .rasx", recognises=recognises, read=read_zipped_scans)
