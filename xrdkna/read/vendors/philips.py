"""Philips .udf (text) and .rd, .sd (binary, "V3RD" and "V5RD"), as PC-APD wrote them.

Our own readers: no library that is still kept reads them.
"""

import re
from pathlib import Path

import numpy as np

from xrdkna.errors import ScanFileError
from xrdkna.read.binary_in import EndOfFileError, array_at, double, unpack, words
from xrdkna.read.bytes_in import text_from_bytes
from xrdkna.read.kinds import ScanFormat
from xrdkna.read.measured import Measured, scans_of
from xrdkna.read.tidy import even_steps, number_or_none
from xrdkna.read.times import parse_time
from xrdkna.read.tube import tube_of
from xrdkna.records.scan import Scan

_UDF = re.compile(r"^\s*SampleIdent\s*,|^\s*RawScan\s*$", re.MULTILINE)
_LOOK = 8192
_ANODES = ("Cu", "Mo", "Fe", "Cr")
_MOST_POINTS = 10_000_000


def recognises_udf(data: bytes) -> bool:
    """True for text that begins with SampleIdent or holds a line RawScan."""
    text = text_from_bytes(data[:_LOOK])
    return text is not None and _UDF.search(text) is not None


def read_udf_scans(path: Path, data: bytes) -> tuple[Scan, ...]:
    """The scan of a .udf file: words ending in ",/", then whole counts up to a slash. Raises ScanFileError."""
    header, found, body = (text_from_bytes(data) or "").partition("RawScan")
    head: dict[str, str] = {}
    for line in header.split("\n"):
        key, _, value = line.partition(",")
        head[key.strip().lower()] = value.strip().rstrip("/").strip().rstrip(",").strip()
    numbers, slash, _ = body.partition("/")
    try:
        counts = np.array(numbers.replace(",", " ").split(), dtype=np.float64)
        first, last = (float(word) for word in head.get("dataanglerange", "").split(","))
        step = float(head.get("scanstepsize", ""))
    except ValueError as problem:
        raise ScanFileError(f"{path}: the .udf header gives no angles, or a count is no number; export the scan again.") from problem
    planned = (last - first) / step + 1.0 if step else 0.0
    wavelengths = [number_or_none(head.get(word, "")) for word in ("labdaalpha1", "labdaalpha2", "ratioalpha21")]
    measured = Measured(
        two_theta=even_steps(first, step, len(counts)),
        intensity=counts,
        count_time=number_or_none(head.get("scansteptime", "")),
        radiation=tube_of(*wavelengths, anode=head.get("anode", "")),
        geometry="Bragg-Brentano",
        start_time=parse_time(head.get("filedatetime", "").replace(",", " ")),
        status=f"stopped after {len(counts)} of {planned:.0f} points" if planned - len(counts) >= 1.5 else "",
        details={"sample": head.get("sampleident", ""), "comment": head.get("title1", ""), "instrument": head.get("diffrtype", "")},
    )
    return scans_of(path, [measured], whole=bool(found and slash))


def recognises_rd(data: bytes) -> bool:
    """True for the first bytes of the binary formats."""
    return data.startswith((b"V3RD", b"V5RD"))


def read_rd_scans(path: Path, data: bytes) -> tuple[Scan, ...]:
    """The scan of a .rd or .sd file. Counts are kept as ten times their square root in 16 bits: N is known to 0.1·√N.

    Raises ScanFileError.
    """
    try:
        step, first, last = (double(data, place) for place in (214, 222, 230))
        wavelengths = (double(data, 94), double(data, 102), double(data, 110))
        anode = int(unpack("B", data, 85)[0])
    except EndOfFileError as problem:
        raise ScanFileError(f"{path}: {problem}; copy the file again.") from problem
    planned = (last - first) / step + 1.0 if step > 0 else np.nan
    if not 2 <= planned < _MOST_POINTS:
        raise ScanFileError(f"{path}: the header gives angles from {first:g} to {last:g} by {step:g}, which is no scan; copy it again.")
    roots, whole = array_at(data, 250 if data.startswith(b"V3") else 810, round(planned), "<u2")
    measured = Measured(
        two_theta=even_steps(first, step, len(roots)),
        intensity=np.rint(roots**2 / 100.0),
        radiation=tube_of(*wavelengths, anode=_ANODES[anode] if anode < len(_ANODES) else ""),
        geometry="Bragg-Brentano",
        details={"sample": words(data, 146, 20), "file": words(data, 138, 8)},
    )
    return scans_of(path, [measured], whole=whole)


UDF = ScanFormat(name="Philips .udf", recognises=recognises_udf, read=read_udf_scans)
RD = ScanFormat(name="Philips .rd", recognises=recognises_rd, read=read_rd_scans)
