"""Which formats there are, and reading a scan file whatever it is called."""

from dataclasses import replace
from pathlib import Path

from xrdkna.errors import RecordError, ScanFileError
from xrdkna.read.bytes_in import bytes_of
from xrdkna.read.exchange.gsas import GSAS
from xrdkna.read.exchange.pdcif import PDCIF
from xrdkna.read.kinds import ScanFormat
from xrdkna.read.text import TEXT
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

# Order is precedence: every XML file is also text, so text comes last.
FORMATS: tuple[ScanFormat, ...] = (XRDML, ZIPPED, RIGAKU_RAW, BRUKER_RAW, BRUKER_RAW4, STOE, RD, RAS, UXD, UDF, GSAS, PDCIF, TEXT)

# Formats that are recognised only to name them in the message; the first bytes decide.
_FOREIGN = (
    (b"\x89HDF\r\n\x1a\n", "an HDF5 or NeXus file"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"%PDF", "a PDF document"),
    (b"\xd0\xcf\x11\xe0", "an old Microsoft Office document"),
    (b"\x89PNG", "a picture"),
    (b"BIO-LOGIC MODULAR FILE", "a BioLogic cycler file"),
    (b"NEWARE", "a Neware cycler file"),
)
_EXPORT = "export the scan as .xy, .xye, .csv or .xrdml"


def read_scans(path: Path) -> tuple[Scan, ...]:
    """All scans of a file, at least one, in the file's order. The content decides the format, not the suffix.

    Raises ScanFileError: no file, a folder, nothing in it, not a known format, or a known one that holds no usable scan.
    """
    data = bytes_of(path, ScanFileError, what="scan file")
    for magic, name in _FOREIGN:
        if data.startswith(magic):
            raise ScanFileError(f"{path}: this is {name}, which is not read; {_EXPORT}.")
    for scan_format in FORMATS:
        if scan_format.recognises(data):
            try:
                return scan_format.read(path, data)
            except RecordError as problem:
                raise ScanFileError(f"{path}: {problem}") from problem
    names = " or ".join(scan_format.name for scan_format in FORMATS)
    raise ScanFileError(f"{path}: the file is binary and of no known kind (looked for {names}); {_EXPORT}.")


def read_scan(path: Path) -> Scan:
    """The first scan of a file; where there are more, a notice on it says so. Raises ScanFileError as `read_scans`."""
    first, *others = read_scans(path)
    if not others:
        return first
    notice = Notice(
        code="more-scans",
        severity="warning",
        sentence=f"{path.name} holds {len(others) + 1} scans; only the first is used here.",
        remedy="Put each scan into its own file, or follow them all as a series with `xrdkna track`.",
    )
    return replace(first, notices=(*first.notices, notice))
