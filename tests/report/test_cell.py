"""What the cell did, in the document and in the figures: as its record has it, not as the scans cut it."""

import dataclasses

import numpy as np
import pytest

from xrdkna.records.series import Cycling
from xrdkna.records.track import CellSegment, ClockCheck, EventElectrochemistry
from xrdkna.report.document import track_document
from xrdkna.report.series_view import cycler_curves, state_runs


def segment(start, end, state, charge, cycle=1):
    return CellSegment(
        start=start, end=end, state=state, charge_mAh=charge, mean_current_mA=charge and 3600.0 * charge / (end - start), cycle=cycle
    )


@pytest.fixture
def track(make_track):
    """Plating from 4000 s, in the middle of a scan; the record goes on for hours after the last scan."""
    segments = (segment(-500.0, 4000.0, "rest", 0.0), segment(4000.0, 11_000.0, "plating", 0.7), segment(11_000.0, 90_000.0, "rest", 0.0))
    clock = ClockCheck(
        verdict="differs", source="the potential", sentence="the clocks differ.", offset_s=-137.0, low_s=-141.0, high_s=-133.0
    )
    return dataclasses.replace(make_track(), segments=segments, clock=clock)


def test_the_strip_of_states_changes_where_the_current_did(track):
    runs = state_runs(track)
    assert [state for state, *_ in runs] == ["rest", "plating", "rest"]
    assert runs[0][1] == 0.0
    assert runs[1][1:] == pytest.approx((4000.0 / 3600.0, 11_000.0 / 3600.0))
    assert runs[2][2] <= 4.3


def test_more_pulses_than_can_be_seen_are_drawn_by_scans(track):
    pulses = tuple(segment(20.0 * i, 20.0 * i + 10.0, "plating" if i % 2 else "rest", 0.0) for i in range(700))
    assert state_runs(dataclasses.replace(track, segments=pulses)) == state_runs(dataclasses.replace(track, segments=()))


def test_a_broken_record_is_drawn_with_a_gap_and_an_unbroken_one_without(track):
    time = np.concatenate((np.arange(0.0, 3000.0, 10.0), np.arange(9000.0, 12_000.0, 10.0)))
    whole = Cycling(start=track.origin, time=time, current=np.ones(time.size), potential=np.ones(time.size))
    broken = dataclasses.replace(whole, breaks=(300,))
    x, current, potential = cycler_curves(dataclasses.replace(track, cycling=broken))
    assert np.flatnonzero(np.isnan(current)).tolist() == np.flatnonzero(np.isnan(potential)).tolist() == [300]
    assert np.all(np.diff(x) >= 0.0)
    assert not np.isnan(cycler_curves(dataclasses.replace(track, cycling=whole))[1]).any()


def test_the_document_holds_segments_clock_and_what_each_scan_and_event_saw(track):
    cell = EventElectrochemistry(
        state="plating",
        since_change_s=360.0,
        charge_mAh=0.05,
        since_change_low_s=180.0,
        since_change_high_s=540.0,
        change="plating began",
        charge_since_change_mAh=0.04,
        charge_since_change_low_mAh=0.02,
        charge_since_change_high_mAh=0.06,
        cycle=2,
    )
    scan = dataclasses.replace(
        track.scans[3], mean_current_mA=0.25, charge_in_scan_mAh=0.08, states=("rest", "plating"), cell_note="a note."
    )
    event = dataclasses.replace(track.events[0], electrochemistry=cell)
    document = track_document(dataclasses.replace(track, scans=(*track.scans[:3], scan, *track.scans[4:]), events=(event,)))
    whole = document["electrochemistry"]
    assert whole["clock"]["offset_s"] == -137.0
    assert whole["clock"]["interval_s"] == [-141.0, -133.0]
    assert [part["state"] for part in whole["segments"]] == ["rest", "plating", "rest"]
    assert whole["segments"][1] == {
        "start": 4000.0, "end": 11_000.0, "state": "plating", "charge_mAh": 0.7, "mean_current_mA": 0.36, "cycle": 1,
    }  # fmt: skip
    assert document["scans"][3]["electrochemistry"] == {
        "mean_current_mA": 0.25, "charge_in_scan_mAh": 0.08, "states": ["rest", "plating"], "note": "a note.",
    }  # fmt: skip
    told = document["events"][0]["electrochemistry"]
    assert (told["state"], told["since_change_s"], told["charge_mAh"], told["cycle"]) == ("plating", 360.0, 0.05, 2)
    assert told["since_change_interval_s"] == [180.0, 540.0]
    assert told["charge_since_change_interval_mAh"] == [0.02, 0.06]


def test_without_a_record_nothing_is_said_of_the_cell(make_track):
    assert track_document(make_track(cycler=False))["electrochemistry"] is None
