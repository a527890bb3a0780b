"""A series understood, as the JSON document of the contract."""

from collections.abc import Sequence

from xrdkna.records.track import Event, LinkedLine, Presence, Track, TrackedScan, Trajectory, UnknownPhase
from xrdkna.report.document_air import contamination_json
from xrdkna.report.document_cell import cell_json, event_cell_json, scan_cell_json, seconds_json
from xrdkna.report.document_parts import PLAIN_DIGITS, Json, assignment_json, estimate_json, nearest_json, notices_json
from xrdkna.report.values import ESD_DIGITS, hkl_list, iso_after, iso_time, number, rounded_to_esd

TRACK_SCHEMA = "xrdkna.track/1"
PROBABILITY_DECIMALS = 6


def track_document(track: Track) -> Json:
    """The answer of `track`. Times are seconds since the start of the first scan (scan numbers where no time is known)."""
    timed = track.axis == "time"
    return {
        "schema": TRACK_SCHEMA,
        "name": track.name,
        "axis": {"kind": track.axis, "unit": "s" if timed else "scan", "origin": iso_time(track.origin) if timed else None},
        "marker": None if track.marker is None else {"phase": track.marker[0], "hkl": hkl_list(track.marker[1])},
        "scans": [_scan_json(scan, track) for scan in track.scans],
        "trajectories": [_trajectory_json(trajectory) for trajectory in track.trajectories],
        "presence": [_presence_json(presence) for presence in track.presence],
        "events": [_event_json(event, track) for event in track.events],
        "contamination": {**contamination_json(track.contamination), "onset_scan": track.contamination.onset_scan},
        "unindexed": [_linked_json(line) for line in track.unindexed],
        "unknown_phases": [_unknown_json(phase) for phase in track.unknown_phases],
        "undecided": list(track.undecided),
        "electrochemistry": cell_json(track),
        "notices": notices_json(track.notices),
    }


def _scan_json(scan: TrackedScan, track: Track) -> Json:
    return {
        "index": scan.index,
        "name": scan.name,
        "start": seconds_json(scan.start),
        "end": seconds_json(scan.end),
        "start_time": iso_time(scan.start_time),
        "end_time": iso_after(track.origin, scan.end) if track.axis == "time" else None,
        "state": scan.state,
        "charge_mAh": number(scan.charge_mAh, PLAIN_DIGITS),
        "used": scan.used,
        "why_not": scan.why_not,
        "electrochemistry": scan_cell_json(scan),
    }


def _trajectory_json(trajectory: Trajectory) -> Json:
    return {
        "quantity": trajectory.quantity,
        "phase": trajectory.phase,
        "hkl": hkl_list(trajectory.hkl),
        "unit": trajectory.unit,
        "value": _values(trajectory.value, trajectory.esd),
        "esd": [number(esd, ESD_DIGITS) for esd in trajectory.esd],
    }


def _values(values: Sequence[float | None], esds: Sequence[float | None]) -> list[float | None]:
    finite = [number(value, 17) for value in values]
    return [None if v is None else rounded_to_esd(v, number(e, 17)) for v, e in zip(finite, esds, strict=True)]


def _presence_json(presence: Presence) -> Json:
    probability = [round(float(p), PROBABILITY_DECIMALS) for p in presence.probability]
    return {"phase": presence.phase, "hkl": hkl_list(presence.hkl), "probability": probability}


def _event_json(event: Event, track: Track) -> Json:
    time: Json = {
        "value": seconds_json(event.time.value),
        "low": seconds_json(event.time.low),
        "high": seconds_json(event.time.high),
        "level": event.time.level,
    }
    if track.axis == "time":
        time["iso"] = iso_after(track.origin, event.time.value)
    return {
        "kind": event.kind,
        "phase": event.phase,
        "hkl": hkl_list(event.hkl),
        "after_scan": event.after_scan,
        "before_scan": event.before_scan,
        "time": time,
        "probability": number(event.probability, PLAIN_DIGITS),
        "electrochemistry": event_cell_json(event.electrochemistry),
        "sentence": event.sentence,
    }


def _linked_json(line: LinkedLine) -> Json:
    return {
        "two_theta": estimate_json(line.two_theta),
        "scans": [line.first_scan, line.last_scan],
        "significance": number(line.significance, PLAIN_DIGITS),
        "candidates": [assignment_json(candidate) for candidate in line.candidates],
        "d": estimate_json(line.d_spacing),
        "nearest": [nearest_json(one, line.two_theta.value) for one in line.nearest],
        "trajectory": {"unit": "counts·°", "value": _values(line.value, line.esd), "esd": [number(esd, ESD_DIGITS) for esd in line.esd]},
        "group": line.group,
        "sentence": line.sentence,
    }


def _unknown_json(phase: UnknownPhase) -> Json:
    return {"group": phase.number, "lines": list(phase.lines), "lattice": phase.lattice or None, "sentence": phase.sentence}
