"""A small series from end to end: what is said of it, and what a damaged, short or timeless one makes of that."""

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from xrdkna import Settings, read_series, track_series
from xrdkna.errors import DeclinedError, RadiationError
from xrdkna.records.phases import Library
from xrdkna.records.scan import Scan
from xrdkna.records.series import Series, SeriesEntry, SeriesSetup
from xrdkna.records.track import Event, Track
from xrdkna.report.document import track_document


def events_of(track: Track, phase: str, *, marker: bool = False) -> list[Event]:
    """The events of a phase as a whole, or of its reflection (1 0 3)."""
    return [event for event in track.events if event.phase == phase and (event.hkl is not None) == marker]


def first_of(kind: str, events: list[Event]) -> Event:
    found = [event for event in events if event.kind == kind]
    assert found, f"nothing {kind} among {[event.sentence for event in events]}"
    return found[0]


def series_of(*scans: Scan, timed: bool = True) -> Series:
    """A series of scans in memory."""
    entries = tuple(
        SeriesEntry(
            index=k,
            name=scan.name,
            start=scan.start_time if timed else None,
            end=scan.end_time if timed else None,
            load=lambda scan=scan: scan,  # type: ignore[misc]
        )
        for k, scan in enumerate(scans)
    )
    return Series(name="in memory", entries=entries, axis="time" if timed else "scan", setup=SeriesSetup())


def test_kna2_appears_with_the_current_and_vanishes_after_it(followed: Track) -> None:
    appears = first_of("appears", events_of(followed, "KNa2"))
    assert (appears.after_scan, appears.before_scan) == (1, 2)
    vanishes = first_of("vanishes", events_of(followed, "KNa2"))
    assert (vanishes.after_scan, vanishes.before_scan) == (3, 4)
    assert min(appears.probability, vanishes.probability) > 0.95


def test_the_marker_comes_and_goes_with_its_phase(followed: Track) -> None:
    events = events_of(followed, "KNa2", marker=True)
    appears, vanishes = first_of("appears", events), first_of("vanishes", events)
    assert appears.hkl == (1, 0, 3)
    assert (appears.after_scan, appears.before_scan) == (1, 2)
    assert (vanishes.after_scan, vanishes.before_scan) == (3, 4)


def test_what_does_not_change_has_no_event_and_the_air_stays_out(followed: Track) -> None:
    assert not events_of(followed, "Al")
    assert not events_of(followed, "Al2O3")
    assert not events_of(followed, "K")
    assert followed.contamination.verdict == "none"
    assert not followed.unindexed


def test_the_time_of_an_event_lies_between_its_scans_and_holds_the_truth(followed: Track) -> None:
    """The current flows from 1290 s to 2610 s; a scan lasts 600 s and begins every 660 s."""
    for kind, truth in (("appears", 1290.0), ("vanishes", 2610.0)):
        event = first_of(kind, events_of(followed, "KNa2"))
        assert event.after_scan is not None
        assert event.before_scan is not None
        last, first = followed.scans[event.after_scan], followed.scans[event.before_scan]
        assert first.end is not None
        assert last.start <= event.time.low <= truth <= event.time.high <= first.end


def test_each_scan_knows_what_the_cell_was_doing(followed: Track) -> None:
    assert [scan.state for scan in followed.scans] == ["rest", "rest", "plating", "plating", "rest", "rest"]
    charge = [scan.charge_mAh for scan in followed.scans]
    assert all(value is not None for value in charge)
    assert charge[0] == pytest.approx(0.0, abs=1e-6)
    assert abs(charge[-1]) == pytest.approx(0.5 * 1320 / 3600, rel=0.03)


def test_presence_is_near_one_where_kna2_is_and_near_zero_where_it_is_not(followed: Track) -> None:
    (presence,) = (one for one in followed.presence if one.phase == "KNa2" and one.hkl is None)
    assert min(presence.probability[2:4]) > 0.95
    assert max(presence.probability[[0, 1, 4, 5]]) < 0.5


def test_the_document_of_a_track_keeps_the_contract(followed_document: dict[str, Any], contract: Any) -> None:
    assert not contract.mismatches(followed_document, contract.TRACK)


def test_the_same_series_twice_gives_the_same_document(
    plated_series: Series, followed_document: dict[str, Any], library: Library, settings: Settings
) -> None:
    again = track_document(track_series(plated_series, library, settings))
    assert json.dumps(again, allow_nan=False) == json.dumps(followed_document, allow_nan=False)


def test_a_scan_that_cannot_be_read_is_left_out_and_the_events_stay(folder: Path, library: Library, settings: Settings) -> None:
    (folder / "scan_003.xy").write_bytes(b"\x00\x01 not a scan \xff")
    track = track_series(read_series(folder), library, settings)
    assert [scan.used for scan in track.scans] == [True, True, True, False, True, True]
    why = track.scans[3].why_not
    assert why is not None
    assert "scan_003.xy" in why
    appears = first_of("appears", events_of(track, "KNa2"))
    assert (appears.after_scan, appears.before_scan) == (1, 2)
    vanishes = first_of("vanishes", events_of(track, "KNa2"))
    assert (vanishes.after_scan, vanishes.before_scan) == (2, 4)
    for trajectory in track.trajectories:
        assert trajectory.value[3] is None, f"{trajectory.quantity} of a scan that was never read"


def test_without_times_the_axis_is_the_scan_and_that_is_said(folder: Path, library: Library, settings: Settings) -> None:
    rows = list(csv.DictReader((folder / "scans.csv").read_text(encoding="utf-8").splitlines()))
    (folder / "scans.csv").write_text("file\n" + "".join(f"{row['file']}\n" for row in rows), encoding="utf-8")
    (folder / "echem.csv").unlink()
    track = track_series(read_series(folder), library, settings)
    assert track.axis == "scan"
    assert any("scan number" in notice.sentence for notice in track.notices)
    appears = first_of("appears", events_of(track, "KNa2"))
    assert (appears.after_scan, appears.before_scan) == (1, 2)
    assert 1 <= appears.time.low <= appears.time.high <= 3
    assert track_document(track)["axis"]["unit"] == "scan"


def test_a_spike_in_one_scan_changes_nothing(mesh: Callable[..., Scan], library: Library, settings: Settings) -> None:
    scans = [mesh(kna2=0.3, seed=20 + k) for k in range(3)]
    counts = scans[1].intensity.copy()
    counts[700] += 50_000.0
    struck = replace(scans[1], intensity=counts)
    track = track_series(series_of(scans[0], struck, scans[2], timed=False), library, settings)
    assert [scan.used for scan in track.scans] == [True, True, True]
    assert not track.events
    assert not track.unindexed


def test_one_scan_is_a_series_in_which_nothing_happens(
    mesh: Callable[..., Scan], library: Library, settings: Settings, contract: Any
) -> None:
    track = track_series(series_of(mesh(kna2=0.3)), library, settings)
    assert not track.events
    assert [scan.used for scan in track.scans] == [True]
    (presence,) = (one for one in track.presence if one.phase == "KNa2" and one.hkl is None)
    assert presence.probability[0] > 0.95
    document = json.loads(json.dumps(track_document(track), allow_nan=False))
    assert not contract.mismatches(document, contract.TRACK)


@pytest.mark.parametrize("kna2", [0.0, 0.3])
def test_in_a_series_of_repeats_nothing_appears_vanishes_or_changes(
    kna2: float, mesh: Callable[..., Scan], library: Library, settings: Settings
) -> None:
    scans = [mesh(kna2=kna2, seed=20 + k) for k in range(6)]
    track = track_series(series_of(*scans, timed=False), library, settings)
    assert not [event.sentence for event in track.events]


def test_a_series_of_no_scan_and_one_of_unreadable_scans_are_declined(folder: Path, library: Library, settings: Settings) -> None:
    for scan in folder.glob("scan_*.xy"):
        scan.write_bytes(b"")
    with pytest.raises(DeclinedError, match="no scan of the series"):
        track_series(read_series(folder), library, settings)


def test_a_series_that_does_not_say_its_wavelength_is_refused(mesh: Callable[..., Scan], library: Library, settings: Settings) -> None:
    silent = series_of(*(replace(mesh(kna2=0.3), radiation=None) for _ in range(2)), timed=False)
    with pytest.raises(RadiationError, match="--radiation"):
        track_series(silent, library, replace(settings, radiation=None))


def test_progress_counts_up_to_all_scans(mesh: Callable[..., Scan], library: Library, settings: Settings) -> None:
    told: list[tuple[int, int]] = []
    track_series(series_of(mesh(), mesh(seed=12), timed=False), library, settings, progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (2, 2)
    assert [done for done, _ in told] == sorted(done for done, _ in told)
