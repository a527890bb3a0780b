"""What the cell did, as parts of the document of `track`."""

from xrdkna.records.track import CellSegment, ClockCheck, EventElectrochemistry, Track, TrackedScan
from xrdkna.report.document_parts import PLAIN_DIGITS, Json
from xrdkna.report.values import number

# Seconds: a millisecond is finer than any diffractometer's clock.
TIME_DECIMALS = 3


def cell_json(track: Track) -> Json | None:
    """The stretches of one state over the cycler's whole record, and how its clock stands; None without a record."""
    if not track.segments and track.clock is None:
        return None
    cycles = max((segment.cycle or 0 for segment in track.segments), default=0)
    return {
        "source": None if track.cycling is None else track.cycling.source,
        "cycles": cycles or None,
        "segments": [_segment_json(segment) for segment in track.segments],
        "clock": None if track.clock is None else _clock_json(track.clock),
    }


def scan_cell_json(scan: TrackedScan) -> Json | None:
    """The cell during one scan; None where its record does not reach it."""
    if scan.state == "unknown" and scan.mean_current_mA is None:
        return None
    return {
        "mean_current_mA": number(scan.mean_current_mA, PLAIN_DIGITS),
        "charge_in_scan_mAh": number(scan.charge_in_scan_mAh, PLAIN_DIGITS),
        "states": list(scan.states),
        "note": scan.cell_note,
    }


def event_cell_json(cell: EventElectrochemistry | None) -> Json | None:
    """The cell at an event; low and high belong to the ends of the event's interval."""
    if cell is None:
        return None
    since = (cell.since_change_low_s, cell.since_change_high_s)
    charge = (cell.charge_since_change_low_mAh, cell.charge_since_change_high_mAh)
    return {
        "state": cell.state,
        "since_change_s": seconds_json(cell.since_change_s),
        "since_change_interval_s": None if None in since else [seconds_json(end) for end in since],
        "change": cell.change,
        "changes_inside": cell.changes_inside,
        "charge_mAh": number(cell.charge_mAh, PLAIN_DIGITS),
        "charge_since_change_mAh": number(cell.charge_since_change_mAh, PLAIN_DIGITS),
        "charge_since_change_interval_mAh": None if None in charge else [number(end, PLAIN_DIGITS) for end in charge],
        "cycle": cell.cycle,
    }


def _segment_json(segment: CellSegment) -> Json:
    return {
        "start": seconds_json(segment.start),
        "end": seconds_json(segment.end),
        "state": segment.state,
        "charge_mAh": number(segment.charge_mAh, PLAIN_DIGITS),
        "mean_current_mA": number(segment.mean_current_mA, PLAIN_DIGITS),
        "cycle": segment.cycle,
    }


def _clock_json(clock: ClockCheck) -> Json:
    interval = (clock.low_s, clock.high_s)
    return {
        "verdict": clock.verdict,
        "offset_s": seconds_json(clock.offset_s),
        "interval_s": None if None in interval else [seconds_json(end) for end in interval],
        "level": clock.level,
        "source": clock.source,
        "sentence": clock.sentence,
    }


def seconds_json(seconds: float | None) -> float | None:
    """Seconds on the axis of the series, to the millisecond."""
    finite = number(seconds, 17)
    return None if finite is None else round(finite, TIME_DECIMALS)
