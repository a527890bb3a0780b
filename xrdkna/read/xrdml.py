"""PANalytical .xrdml, schema 1.0 to 2.3."""

import re
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np

from xrdkna.errors import ScanFileError
from xrdkna.read.kinds import ScanFormat, scan_name
from xrdkna.read.tidy import even_steps
from xrdkna.read.times import parse_time
from xrdkna.read.xml_tree import Node, XmlError, tree_from_bytes
from xrdkna.read.xrdml_beam import beam_of
from xrdkna.read.xrdml_counts import counts_of, numbers_of
from xrdkna.records.arrays import FloatArray
from xrdkna.records.scan import Scan
from xrdkna.records.values import Notice

_ROOT = re.compile(rb"<(?:\w+:)?xrdMeasurements[\s>]")
_WIDE_ROOT = "<xrdMeasurements".encode("utf-16-le")
_LOOK = 4096
# Scan axes along which ω follows 2θ, so that the specimen reflects: the focusing geometry of a powder diffractometer.
_COUPLED = ("gonio", "2theta-omega", "omega-2theta", "2theta-theta", "theta-2theta")
_DONE = ("", "completed")


class _SkipError(ValueError):
    """One scan of the file is not a powder scan; the message says why."""


def recognises(data: bytes) -> bool:
    """True for XML whose root is xrdMeasurements."""
    head = data[:_LOOK]
    return _ROOT.search(head) is not None or _WIDE_ROOT in head or _WIDE_ROOT[1:] in head


def read_xrdml_scans(path: Path, data: bytes) -> tuple[Scan, ...]:
    """All scans in which 2θ moves. Raises ScanFileError when there is none, or the XML is broken beyond use."""
    try:
        root, whole = tree_from_bytes(data)
    except XmlError as problem:
        raise ScanFileError(f"{path}: {problem}; export or copy the file again.") from problem
    found = [(measurement, scan) for measurement in root.everywhere("xrdMeasurement") for scan in measurement.children("scan")]
    scans: list[Scan] = []
    skipped: list[str] = []
    for number, (measurement, node) in enumerate(found, 1):
        try:
            scans.append(_scan(path, root, measurement, node, number=len(scans) + 1, broken=not whole and number == len(found)))
        except _SkipError as problem:
            skipped.append(f"scan {number}: {problem}")
    if not scans:
        reason = skipped[0] if skipped else "it holds no scan"
        cut = "" if whole else " (the file is cut off)"
        raise ScanFileError(f"{path}: no powder scan can be read{cut}; {reason}.")
    return _with_file_notices(scans, skipped, whole=whole)


def _with_file_notices(scans: list[Scan], skipped: list[str], *, whole: bool) -> tuple[Scan, ...]:
    notices: list[Notice] = []
    if skipped:
        sentence = f"{len(skipped)} scans of the file are left out ({skipped[0]})."
        notices.append(Notice(code="scans-left-out", severity="warning", sentence=sentence))
    if not whole:
        sentence = f"the file is cut off; {len(scans)} scans in it could be read."
        notices.append(Notice(code="cut-off", severity="warning", sentence=sentence, remedy="Copy the file again once it is written."))
    last = len(scans) - 1
    return tuple(
        replace(scan, notices=(*scan.notices, *notices), complete=scan.complete and (whole or i < last)) for i, scan in enumerate(scans)
    )


def _scan(path: Path, root: Node, measurement: Node, node: Node, *, number: int, broken: bool) -> Scan:
    points = node.at("dataPoints")
    if points is None:
        raise _SkipError("it has no data points")
    counted = counts_of(points, where=str(path))
    if counted is None:
        raise _SkipError("its counts are missing or cut off" if broken else "it has no counts")
    two_theta = _two_theta(points, len(counted.intensity))
    order = slice(None, None, -1) if two_theta[0] > two_theta[-1] else slice(None)
    two_theta = two_theta[order]
    if np.any(np.diff(two_theta) <= 0):
        raise _SkipError("its angles do not follow one direction")
    if two_theta[0] < 0 or two_theta[-1] > 180:
        raise _SkipError(f"its 2θ runs from {two_theta[0]:g} to {two_theta[-1]:g}, outside 0 to 180 degrees")
    beam = beam_of(measurement)
    status = node.attribute("status") or measurement.attribute("status")
    notices = [*beam.notices, *counted.notices]
    if status.lower() not in _DONE:
        sentence = f"the diffractometer marks this scan as {status.lower()}; what was measured is used."
        notices.append(Notice(code="not-completed", severity="warning", sentence=sentence))
    if "area" in measurement.attribute("measurementType").lower():
        sentence = "this scan is one line of an area measurement (a reciprocal-space map), not a powder pattern."
        notices.append(Notice(code="area-measurement", severity="warning", sentence=sentence))
    return Scan(
        name=scan_name(path, number),
        source=str(path),
        two_theta=two_theta,
        intensity=counted.intensity[order],
        sigma=counted.sigma[order],
        sigma_source=counted.source,
        radiation=beam.radiation,
        geometry=_geometry(measurement, node),
        radius_mm=beam.radius_mm,
        monochromator_two_theta=beam.monochromator_two_theta,
        start_time=_moment(node, "startTimeStamp"),
        end_time=_moment(node, "endTimeStamp"),
        count_time=counted.count_time,
        complete=status.lower() in _DONE,
        attenuation=counted.attenuation,
        details=_details(root, measurement, node) | beam.details,
        notices=tuple(notices),
    )


def _two_theta(points: Node, n: int) -> FloatArray:
    """(n,) degrees. Raises _SkipError where 2θ does not move, or its number of positions is not that of the counts."""
    axis = next((axis for axis in points.children("positions") if axis.attribute("axis").lower() == "2theta"), None)
    if axis is None:
        raise _SkipError("it gives no 2Theta positions")
    if (listed := axis.at("listPositions")) is not None:
        angles = numbers_of(listed.text)
        if angles is None or len(angles) != n:
            raise _SkipError(f"it lists {0 if angles is None else len(angles)} angles for {n} intensities")
    else:
        ends = numbers_of(f"{axis.text_at('startPosition')} {axis.text_at('endPosition')}")
        if axis.at("commonPosition") is not None or ends is None or len(ends) != 2:
            raise _SkipError("its 2Theta does not move, as in a rocking curve; a powder pattern needs a 2Theta scan")
        angles = even_steps(ends[0], (ends[1] - ends[0]) / max(n - 1, 1), n)
    if n < 2:
        raise _SkipError(f"it holds {n} point; a scan needs at least two")
    if np.ptp(angles) == 0:
        raise _SkipError("its 2Theta does not move, as in a rocking curve; a powder pattern needs a 2Theta scan")
    if axis.attribute("unit").lower() not in ("", "deg", "degrees", "degree"):
        raise _SkipError(f"its 2Theta is given in {axis.attribute('unit')}, not in degrees")
    return angles


def _geometry(measurement: Node, node: Node) -> str | None:
    """A coupled scan in reflection focuses as Bragg–Brentano; in transmission a displaced specimen moves lines as on a film circle."""
    mode, axis = measurement.attribute("sampleMode").lower(), node.attribute("scanAxis").lower()
    if mode == "transmission":
        return "Debye-Scherrer"
    return "Bragg-Brentano" if mode in ("", "reflection") and axis in _COUPLED else None


def _moment(node: Node, name: str) -> datetime | None:
    return parse_time(node.text_at("header", name))


def _details(root: Node, measurement: Node, node: Node) -> dict[str, str]:
    sample = root.at("sample")
    named = {
        "sample": " ".join(filter(None, (sample.text_at("id"), sample.text_at("name")))) if sample is not None else "",
        "scan axis": node.attribute("scanAxis"),
        "measurement": measurement.attribute("measurementType"),
        "status": node.attribute("status"),
        "instrument": node.text_at("header", "source", "instrumentControlSoftware"),
        "temperature": _temperature(node),
    }
    return {key: value for key, value in named.items() if value}


def _temperature(node: Node) -> str:
    for ambient in node.everywhere("nonAmbientPoints"):
        for values in ambient.everywhere("nonAmbientValues"):
            return f"{values.text.split(' ')[0]} {values.attribute('unit')}".strip()
    return ""


XRDML = ScanFormat(name="PANalytical .xrdml", recognises=recognises, read=read_xrdml_scans)
