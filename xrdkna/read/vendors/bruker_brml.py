"""Bruker .brml: a zip archive with one RawData*.xml for each range.

Our own reader: fairmat-readers-xrd gives the first range without times, and neither it nor geddes knows that the intensities carry the
absorber's factor already (a measured film passes through the change of absorber without a step), so that their σ = f·√(I/f).
"""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from xrdkna.errors import ScanFileError
from xrdkna.read.measured import Measured, scans_of
from xrdkna.read.tidy import number_or_none
from xrdkna.read.times import parse_time
from xrdkna.read.tube import tube_of
from xrdkna.read.xml_tree import Node, XmlError, tree_from_bytes
from xrdkna.read.zip_in import Archive, ZipError
from xrdkna.records.arrays import FloatArray
from xrdkna.records.instrument import Radiation
from xrdkna.records.scan import Scan

_RAW = re.compile(r"(?:^|/)RawData(\d+)\.xml$")
_COUPLED = ("lockedcoupled", "coupled", "twothetatheta")
_DONE = ("", "measured", "finished", "completed", "success", "succeeded")
# Crystals in the incident beam that part Kα₁ from Kα₂.
_PERFECT = re.compile(r"johansson|monochromator.*\b(?:ge|si)\b|\b(?:ge|si)\b.*(?:bounce|monochromator|\d{3})", re.IGNORECASE)


def holds_brml(archive: Archive) -> bool:
    """Does the archive hold Bruker's ranges?"""
    return any(_RAW.search(name) for name in archive.names)


def read_brml_scans(path: Path, archive: Archive) -> tuple[Scan, ...]:
    """All ranges in which 2θ moves, in the order of their numbers. Raises ScanFileError."""
    return scans_of(path, _ranges(path, archive))


def _ranges(path: Path, archive: Archive) -> Iterator[Measured | str]:
    members = sorted((int(match[1]), name) for name in archive.names if (match := _RAW.search(name)))
    sample = _sample(archive)
    for _, name in members:
        try:
            root, whole = tree_from_bytes(archive.read(name))
        except (ZipError, XmlError) as problem:
            if len(members) == 1:
                raise ScanFileError(f"{path}: {problem}; export or copy the file again.") from problem
            yield str(problem)
            continue
        yield _range(root, sample) if whole else "its XML breaks off"


def _sample(archive: Archive) -> dict[str, str]:
    """What the measurement as a whole is called; nothing where that member is missing or damaged."""
    name = next((name for name in archive.names if name.endswith("DataContainer.xml")), None)
    try:
        root, _ = tree_from_bytes(archive.read(name)) if name is not None else (None, False)
    except (ZipError, XmlError):
        return {}
    info = root.at("MeasurementInfo") if root is not None else None
    if root is None or info is None:
        return {}
    named = {"sample": "SampleName", "comment": "Comment", "operator": "UserName", "site": "Site"}
    instrument = root.text_at("ExperimentInfo", "InstrumentDescription", "DeviceTypeDesc")
    return {key: info.attribute(word) for key, word in named.items()} | {"instrument": instrument}


def _range(root: Node, sample: dict[str, str]) -> Measured | str:
    routes = root.everywhere("DataRoute")
    route = next(iter(sorted(routes, key=lambda node: node.attribute("RouteFlag") != "Measured")), None)
    if route is None:
        return "it has no data"
    columns = _columns(route)
    if isinstance(columns, str):
        return columns
    rows = _rows(route)
    if rows is None or rows.shape[1] <= max(columns.values()):
        return "its rows are missing or not all numbers"
    times = rows[:, columns["time"]] if "time" in columns else None
    scan = route.at("ScanInformation")
    axis = scan.attribute("VisibleName").strip() if scan is not None else ""
    return Measured(
        two_theta=rows[:, columns["angle"]],
        intensity=rows[:, columns["counts"]],
        attenuation=rows[:, columns["factor"]] if "factor" in columns else None,
        attenuated=False,
        times=times,
        count_time=number_or_none(scan.text_at("TimePerStepEffective") or scan.text_at("TimePerStep")) if scan is not None else None,
        radiation=_radiation(root),
        radius_mm=_radius(root),
        geometry="Bragg-Brentano" if scan is not None and scan.attribute("ScanName").lower() in _COUPLED else None,
        start_time=parse_time(_seconds(root.text_at("TimeStampStarted"))),
        end_time=parse_time(_seconds(root.text_at("TimeStampFinished"))),
        status=_status(root, route),
        details=sample | {"scan axis": axis, "temperature": _temperature(rows, columns)},
    )


def _columns(route: Node) -> dict[str, int] | str:
    """Which column of a row is what; a string says why the rows are no powder scan."""
    columns: dict[str, int] = {}
    for view in route.everywhere("RawDataView"):
        start = int(number_or_none(view.attribute("Start")) or 0)
        name = view.attribute("LogicName")
        columns |= {"MeasuredTime": {"time": start}, "AbsorptionFactor": {"factor": start}}.get(name, {})
        for offset, definition in enumerate(view.everywhere("FieldDefinitions")):
            if definition.attribute("AxisId") == "TwoTheta" or definition.attribute("FieldName") == "TwoTheta":
                columns["angle"] = start + offset
            elif "temperature" in definition.attribute("FieldName").lower():
                columns["temperature"] = start + offset
        recording = view.at("Recording")
        if recording is not None and "temperature" in recording.attribute("LogicName").lower():
            columns["temperature"] = start
        elif recording is not None and "counts" not in columns:
            if (number_or_none(view.attribute("Length")) or 1) > 1:
                return "it is an area scan: each of its steps is a picture of the detector; integrate it to 2θ and intensity first"
            columns["counts"] = start
    if "angle" not in columns:
        return "its 2θ does not move, as in a rocking curve or a pole figure; a powder pattern needs a 2θ scan"
    if "counts" not in columns:
        return "it has no counts (pictures of an area detector lie outside the file)"
    return columns if min(columns.values()) >= 0 else "its description of the columns is damaged"


def _rows(route: Node) -> FloatArray | None:
    rows = [node.text.split(",") for node in route.children("Datum")]
    if not rows or any(len(row) != len(rows[0]) for row in rows):
        return None
    try:
        return np.array(rows, dtype=np.float64)
    except ValueError:
        return None


def _radiation(root: Node) -> Radiation | None:
    """The tube's lines; Kα₂ is taken away only where a perfect crystal is named among the incident optics."""
    tube = next(iter(root.everywhere("Tube")), None)
    if tube is None:
        return None
    numbers = [_value(tube, f"WaveLength{line}") for line in ("Alpha1", "Alpha2", "Ratio")]
    optics = [node.attribute("VisibleName") for track in root.everywhere("PrimaryTracks") for node in track.everywhere("InfoData")]
    if any(_PERFECT.search(name) for name in optics):
        numbers[1:] = [None, None]
    return tube_of(*numbers, anode=tube.text_at("TubeMaterial"))


def _radius(root: Node) -> float | None:
    """mm: the detector's circle, which turns displacement into angle; the tube's where only that is given."""
    for tracks in ("SecondaryTracks", "PrimaryTracks"):
        for place in root.everywhere(tracks):
            for track in place.everywhere("TrackInfoData"):
                if (radius := _value(track, "Radius")) is not None:
                    return radius
    return None


def _value(node: Node, name: str) -> float | None:
    found = node.at(name)
    return number_or_none(found.attribute("Value")) if found is not None else None


def _seconds(stamp: str) -> str:
    """Seven decimals of a second are one more than a time can have."""
    return re.sub(r"(\.\d{6})\d+", r"\1", stamp)


def _status(root: Node, route: Node) -> str:
    said = root.text_at("MeasurementStatus").lower()
    if said not in _DONE:
        return said
    for part in route.everywhere("SubScanInfo"):
        steps, done = number_or_none(part.attribute("Steps")), number_or_none(part.attribute("MeasuredSteps"))
        if steps is not None and done is not None and done < steps:
            return f"stopped after {done:.0f} of {steps:.0f} points"
    return ""


def _temperature(rows: FloatArray, columns: dict[str, int]) -> str:
    if "temperature" not in columns:
        return ""
    return f"{float(np.median(rows[:, columns['temperature']])):g} C"
