"""How the documents of contract.md look, for the OpenAPI document."""

from typing import Any

_SCAN = {"name": "scan_003", "points": 3501, "two_theta_range": [10.0, 80.0], "start_time": "2021-05-05T09:45:00"}
_PLACE = {"value": 25.6587, "esd": 0.0021, "unit": "°"}
_NONE = {"verdict": "none", "phases": [], "sentence": "No contamination by air is seen."}
PEAKS = {"schema": "xrdkna.peaks/1", "scan": _SCAN, "peaks": [{"two_theta": _PLACE, "snr": 31.2}], "notices": []}
INDEX = {
    "schema": "xrdkna.index/1",
    "scan": _SCAN,
    "peaks": [
        {
            "two_theta": _PLACE,
            "status": "indexed",
            "assignments": [{"phase": "KNa2", "hkl": [1, 0, 3], "two_theta": 25.66, "share": 0.83}],
        }
    ],
    "phases": [{"phase": "KNa2", "verdict": "present", "significance": 41.0, "reasons": []}],
    "contamination": _NONE,
    "verdict": "accepted",
    "notices": [],
}
REFINE = {**INDEX, "schema": "xrdkna.refine/1", "parameters": [{"name": "a_KNa2", "value": {"value": 7.5, "esd": 0.001, "unit": "Å"}}]}
EVENT = {
    "kind": "appears",
    "phase": "KNa2",
    "hkl": [1, 0, 3],
    "after_scan": 2,
    "before_scan": 3,
    "time": {"value": 2650.0, "low": 2400.0, "high": 2800.0, "level": 0.95},
    "probability": 0.998,
    "sentence": "KNa2 (1 0 3) appears between scan 2 and scan 3.",
}
TRACK = {
    "schema": "xrdkna.track/1",
    "axis": {"kind": "time", "unit": "s"},
    "scans": [{"index": 0, "name": "scan_000", "start": 0.0, "state": "rest", "used": True, "why_not": None}],
    "trajectories": [{"quantity": "intensity", "phase": "KNa2", "hkl": [1, 0, 3], "unit": "counts·°", "value": [0.2], "esd": [0.4]}],
    "presence": [{"phase": "KNa2", "hkl": [1, 0, 3], "probability": [0.01]}],
    "events": [EVENT],
    "contamination": {**_NONE, "onset_scan": None},
    "unindexed": [],
    "notices": [],
}
EVENTS = {
    "schema": "xrdkna.events/1",
    "series": "3f1c0a8b9d2e4f5a6b7c",
    "revision": 14,
    "events": [EVENT],
    "contamination": TRACK["contamination"],
}
PHASES = {"schema": "xrdkna.phases/1", "phases": [{"name": "KNa2", "formula": "K Na2", "role": "deposit"}]}
VIEW = {"name": "plating", "plots": [], "facts": {}, "scans": [{"name": "scan_000", "low": 0.0, "high": 0.25, "used": True}]}
MAP = {"x": [0.0, 0.25], "y": [25.6, 25.7], "z": [[120.0], [180.0]]}


def document(example: dict[str, Any], description: str) -> dict[str, Any]:
    """A JSON document with its example; contract.md tells the rest."""
    schema = {"type": "object", "required": sorted(set(example) & {"schema", "plots", "x"})}
    return {"description": description, "content": {"application/json": {"schema": schema, "example": example}}}


def binary(media_type: str, description: str) -> dict[str, Any]:
    """A file."""
    return {"description": description, "content": {media_type: {"schema": {"type": "string", "format": "binary"}}}}


NOT_CHANGED: dict[int | str, dict[str, Any]] = {304: {"description": "As the client has it (If-None-Match)."}}
