"""What somebody who is not looking wants to be called for: air in the cell, the marker's coming and going, a scan that cannot be read."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

CONTAMINATION, MARKER, UNREADABLE = "contamination", "marker", "unreadable"
KINDS = (CONTAMINATION, MARKER, UNREADABLE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """kind: one of KINDS. key: tells it from others of its kind, and stays as the series grows."""

    kind: str
    key: str
    sentence: str


def alarms_of(document: Mapping[str, Any]) -> tuple[Alarm, ...]:
    """The alarms of a `track` document (contract.md), in the order of their kinds."""
    found: list[Alarm] = []
    contamination = document["contamination"]
    if contamination["verdict"] == "found":
        found.append(Alarm(kind=CONTAMINATION, key="found", sentence=contamination["sentence"]))
    found += _marker_alarms(document)
    for scan in document["scans"]:
        if not scan["used"]:
            found.append(Alarm(kind=UNREADABLE, key=scan["name"], sentence=f"{scan['name']} is left out: {scan['why_not']}"))
    return tuple(found)


def _marker_alarms(document: Mapping[str, Any]) -> list[Alarm]:
    """Counted by kind: the place of an event may move by a scan while the series grows, its number does not."""
    marker, counted = document["marker"], Counter[str]()
    if marker is None:
        return []
    alarms = []
    for event in document["events"]:
        of_marker = event["phase"] == marker["phase"] and event["hkl"] == marker["hkl"]
        if of_marker and event["kind"] in ("appears", "vanishes"):
            counted[event["kind"]] += 1
            alarms.append(Alarm(kind=MARKER, key=f"{event['kind']} {counted[event['kind']]}", sentence=event["sentence"]))
    return alarms
