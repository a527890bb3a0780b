"""Rigaku .rasx: a zip archive with the rows of each scan in text and its conditions in XML.

Our own reader: fairmat-readers-xrd takes the first scan only and leaves the absorber's column out; geddes keeps numbers alone.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from xrdkna.errors import ScanFileError
from xrdkna.read.bytes_in import text_from_bytes
from xrdkna.read.measured import Measured, scans_of
from xrdkna.read.vendors.rigaku_facts import measured_of
from xrdkna.read.vendors.rigaku_ras import rows_of
from xrdkna.read.xml_tree import Node, XmlError, tree_from_bytes
from xrdkna.read.zip_in import Archive, ZipError
from xrdkna.records.scan import Scan

_PROFILE = re.compile(r"^Data(\d+)/Profile(\d+)\.txt$")
# Where the conditions hold what the .ras header calls by its keys.
_PLACES = {
    "FILE_SAMPLE": ("GeneralInformation", "SampleName"),
    "FILE_COMMENT": ("GeneralInformation", "Comment"),
    "FILE_OPERATOR": ("GeneralInformation", "Operator"),
    "FILE_SYSTEM_NAME": ("GeneralInformation", "SystemName"),
    "HW_XG_TARGET_NAME": ("HWConfigurations", "XrayGenerator", "TargetName"),
    "HW_XG_WAVE_LENGTH_ALPHA1": ("HWConfigurations", "XrayGenerator", "WavelengthKalpha1"),
    "HW_XG_WAVE_LENGTH_ALPHA2": ("HWConfigurations", "XrayGenerator", "WavelengthKalpha2"),
    "MEAS_COND_XG_WAVE_TYPE": ("HWConfigurations", "XrayGenerator", "WaveType"),
    "MEAS_COND_OPT_ATTR": ("HWConfigurations", "Optics", "Attribute"),
    "MEAS_COND_OPT_NAME": ("HWConfigurations", "Optics", "Name"),
    "MEAS_SCAN_AXIS_X": ("ScanInformation", "AxisName"),
    "MEAS_SCAN_START": ("ScanInformation", "Start"),
    "MEAS_SCAN_STOP": ("ScanInformation", "Stop"),
    "MEAS_SCAN_STEP": ("ScanInformation", "Step"),
    "MEAS_SCAN_SPEED": ("ScanInformation", "Speed"),
    "MEAS_SCAN_SPEED_UNIT": ("ScanInformation", "SpeedUnit"),
    "MEAS_SCAN_UNIT_X": ("ScanInformation", "PositionUnit"),
    "MEAS_SCAN_UNIT_Y": ("ScanInformation", "IntensityUnit"),
    "MEAS_SCAN_START_TIME": ("ScanInformation", "StartTime"),
    "MEAS_SCAN_END_TIME": ("ScanInformation", "EndTime"),
    "MEAS_DATA_COUNT": ("ScanInformation", "DataCount"),
}
# Axes of heating stages; cabinets and cooling water have thermometers of their own.
_STAGE = ("Temp", "Temperature", "SampleTemp", "SampleTemperature", "TempC")
_NEVER = "0001-01-01"


def holds_rasx(archive: Archive) -> bool:
    """Does the archive hold Rigaku's profiles?"""
    return any(_PROFILE.match(name) for name in archive.names)


def read_rasx_scans(path: Path, archive: Archive) -> tuple[Scan, ...]:
    """All scans of a .rasx file, in the order of their numbers. Raises ScanFileError."""
    return scans_of(path, _scans(path, archive))


def _scans(path: Path, archive: Archive) -> Iterator[Measured | str]:
    matches = sorted((int(match[1]), int(match[2]), match[0]) for name in archive.names if (match := _PROFILE.match(name)))
    for folder, number, name in matches:
        try:
            rows = rows_of(text_from_bytes(archive.read(name)) or "")
            head = _head(archive.read(f"Data{folder}/MesurementConditions{number}.xml"))
        except (ZipError, XmlError) as problem:
            if len(matches) == 1:
                raise ScanFileError(f"{path}: {problem}; export or copy the file again.") from problem
            yield str(problem)
            continue
        yield "its rows are not all numbers" if rows is None else measured_of(head, rows)


def _head(data: bytes) -> dict[str, str]:
    """The conditions of one scan under the keys of a .ras header."""
    root, _ = tree_from_bytes(data)
    head: dict[str, str] = {}
    for pair in root.everywhere("Pair"):
        words = [node.text for node in pair.children("string")]
        if len(words) == 2:
            head[words[0].lstrip("*")] = words[1]
    for key, place in _PLACES.items():
        if (text := root.text_at(*place)) and not text.startswith(_NEVER):
            head[key] = text
    head["TEMPERATURE"] = _temperature(root)
    head["RADIUS"] = _radius(root)
    return head


def _radius(root: Node) -> str:
    """mm from the tube's focus to the specimen: the radius of a focusing goniometer."""
    for distance in root.everywhere("Distance"):
        ends = (distance.attribute("From"), distance.attribute("To"), distance.attribute("Unit"))
        if ends == ("XrayGenerator", "AttachmentStage", "mm"):
            return distance.attribute("Value")
    return ""


def _temperature(root: Node) -> str:
    for axis in root.everywhere("Axis"):
        if axis.attribute("Name") in _STAGE and axis.attribute("Position"):
            return f"{axis.attribute('Position')} {axis.attribute('Unit')}".strip()
    return ""
