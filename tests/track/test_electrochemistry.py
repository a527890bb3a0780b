"""What the cell did: states, charge and words, against programmes of current whose integral is known by hand."""

from datetime import datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xrdkna.records.series import Cycling
from xrdkna.records.track import EventTime
from xrdkna.track.cell.cell_events import at_event, say_since_change
from xrdkna.track.cell.electrochemistry import cell_in_scan, charge_at, read_history, segments_of

START = datetime(2024, 3, 2, 9, 0)


def programme(*steps, interval=10.0, noise=0.0, seed=0, charge=False):
    """A record of (seconds, mA) steps, as a cycler writes it: at every interval and at both ends of each step."""
    time, current, begin = [], [], 0.0
    for seconds, level in steps:
        own = np.append(np.arange(0.0, seconds - 1e-3, interval), seconds - 1e-3)
        time.append(begin + own)
        current.append(np.full(own.size, level))
        begin += seconds
    t, i = np.concatenate(time), np.concatenate(current)
    i = i + noise * np.random.default_rng(seed).normal(size=i.size)
    counted = np.concatenate(([0.0], np.cumsum(0.5 * (i[1:] + i[:-1]) * np.diff(t)))) / 3600.0 if charge else None
    return Cycling(start=START, time=t, current=i, charge=counted, source="programme")


def history_of(cycling, *, plating="negative", deadband=0.05, origin=START):
    history, notices = read_history(cycling, origin=origin, last_end=float(cycling.time[-1]), plating_current=plating, deadband=deadband)
    assert history is not None, notices
    return history


def states(history):
    return [(segment.state, round(segment.start), round(segment.end)) for segment in segments_of(history)]


def interval(value, low, high):
    return EventTime(value=value, low=low, high=high)


def test_segments_hold_the_states_and_the_charge_of_the_programme():
    history = history_of(programme((600, 0.0), (1800, -2.0), (600, 0.0), (900, 1.5)))
    assert states(history) == [("rest", 0, 600), ("plating", 600, 2400), ("rest", 2400, 3000), ("stripping", 3000, 3900)]
    charges = [segment.charge_mAh for segment in segments_of(history)]
    assert charges == pytest.approx([0.0, 1.0, 0.0, -0.375], abs=2e-5)
    assert segments_of(history)[1].mean_current_mA == pytest.approx(2.0, rel=1e-4)


@pytest.mark.parametrize("noise", [0.0, 0.002, 0.005])
def test_a_fiftieth_of_the_largest_current_is_a_current_beside_a_true_rest(noise):
    """C/50 formation, then C: two percent of the largest current, below the deadband for single records."""
    history = history_of(programme((3600, 0.0), (3600, -0.02 * 5), (1800, 0.0), (1800, -5.0), noise=noise))
    assert [state for state, *_ in states(history)] == ["rest", "plating", "rest", "plating"]


def test_the_same_weak_current_is_leakage_where_nothing_is_nearer_to_zero():
    history = history_of(programme((3600, -0.1), (1800, -5.0), (3600, -0.1)))
    assert [state for state, *_ in states(history)] == ["rest", "plating", "rest"]


@pytest.mark.parametrize("noise", [0.02, 0.05])
@pytest.mark.parametrize("seed", range(3))
def test_noise_makes_no_segments(seed, noise):
    history = history_of(programme((3600, 0.0), (3600, -1.0), (3600, 0.0), noise=noise, seed=seed))
    assert [state for state, *_ in states(history)] == ["rest", "plating", "rest"]


def test_a_pulse_of_one_record_is_kept():
    cycling = programme((600, 0.0), (1200, 0.0))
    current = cycling.current.copy()
    current[70] = -1.0
    history = history_of(Cycling(start=START, time=cycling.time, current=current))
    assert [state for state, *_ in states(history)] == ["rest", "plating", "rest"]


def test_a_scan_that_spans_a_switch_says_so_and_has_the_mean_of_both():
    history = history_of(programme((600, 0.0), (1800, -2.0)))
    cell = cell_in_scan(history, 300.0, 900.0)
    assert (cell.state, cell.states) == ("plating", ("rest", "plating"))
    assert cell.mean_current_mA == pytest.approx(1.0, rel=1e-3)
    assert cell.charge_mAh == pytest.approx(1.0 / 6.0, rel=1e-3)
    assert cell.note == "plating began 5 min into the scan."
    assert cell_in_scan(history, 900.0, 1500.0).note is None


def test_a_second_of_plating_at_the_end_of_a_scan_does_not_make_it_one():
    history = history_of(programme((600, 0.0), (1800, -2.0)))
    cell = cell_in_scan(history, 121.0, 601.0)
    assert (cell.state, cell.states) == ("rest", ("rest", "plating"))
    assert "plating began" in cell.note


def test_plating_that_cancels_stripping_is_not_called_rest():
    history = history_of(programme((300, -1.0), (300, 1.0), (300, -1.0), (300, 1.0)))
    cell = cell_in_scan(history, 0.0, 1199.9)
    assert cell.mean_current_mA == pytest.approx(0.0, abs=1e-2)
    assert cell.state in ("plating", "stripping")
    assert cell.note is not None


def test_a_gap_between_two_files_is_unknown_and_passes_no_charge():
    one, two = programme((600, -1.0)), programme((600, -1.0))
    joined = Cycling(
        start=START,
        time=np.concatenate((one.time, two.time + 3600.0)),
        current=np.concatenate((one.current, two.current)),
        breaks=(one.time.size,),
    )
    history = history_of(joined)
    assert states(history) == [("plating", 0, 600), ("unknown", 600, 3600), ("plating", 3600, 4200)]
    assert charge_at(history, 4199.0) == pytest.approx(1200.0 / 3600.0, abs=1e-3)
    assert cell_in_scan(history, 1000.0, 2000.0).state == "unknown"
    half = cell_in_scan(history, 3000.0, 4200.0)
    assert (half.state, half.mean_current_mA) == ("plating", pytest.approx(1.0, rel=1e-3))


@given(shift=st.floats(-5e4, 5e4), moment=st.floats(10.0, 3000.0))
def test_a_shift_of_both_clocks_changes_nothing(shift, moment):
    cycling = programme((600, 0.0), (1800, -2.0), (700, 1.0), interval=60.0)
    moved = Cycling(start=START + timedelta(seconds=shift), time=cycling.time, current=cycling.current)
    here, there = history_of(cycling), history_of(moved, origin=START + timedelta(seconds=shift))
    assert charge_at(there, moment) == pytest.approx(charge_at(here, moment), abs=1e-6)
    assert cell_in_scan(here, moment, moment + 90.0).state == cell_in_scan(there, moment, moment + 90.0).state


@given(currents=st.lists(st.sampled_from([0.0, -2.0, -0.5, 1.0, 3.0]), min_size=2, max_size=8))
def test_the_other_sign_of_plating_swaps_plating_and_stripping_and_negates_charge(currents):
    cycling = programme(*((300.0, level) for level in currents), interval=60.0)
    one, other = segments_of(history_of(cycling)), segments_of(history_of(cycling, plating="positive"))
    swapped = {"plating": "stripping", "stripping": "plating", "rest": "rest"}
    assert [segment.state for segment in one] == [swapped[segment.state] for segment in other]
    assert [segment.charge_mAh for segment in one] == pytest.approx([-segment.charge_mAh for segment in other])


@given(interval_s=st.sampled_from([1.0, 7.0, 30.0, 299.0]))
def test_the_interval_of_the_record_leaves_the_charge(interval_s):
    steps = ((600, 0.0), (1800, -2.0), (600, 0.0), (900, 1.5))
    history = history_of(programme(*steps, interval=interval_s))
    assert charge_at(history, 2700.0) == pytest.approx(1.0, abs=1e-5)
    assert charge_at(history, 3899.0) == pytest.approx(1.0 - 0.375, abs=1e-3)


def test_the_charge_the_cycler_counted_stands_above_the_integral_of_a_coarse_record():
    """A record every 20 min of a current that decays within one: the trapezoid is wrong by a third, the counter is not."""
    time = np.arange(0.0, 7201.0, 1200.0)
    current, counted = -3.0 * np.exp(-time / 900.0), -3.0 * 900.0 / 3600.0 * (1.0 - np.exp(-time / 900.0))
    history = history_of(Cycling(start=START, time=time, current=current, charge=counted))
    assert charge_at(history, 7200.0) == pytest.approx(0.75, rel=1e-3)
    integrated = history_of(Cycling(start=START, time=time, current=current))
    assert charge_at(integrated, 7200.0) > 0.8


def test_an_event_is_told_from_the_last_change_with_its_interval_and_charge():
    history = history_of(programme((600, 0.0), (3600, -2.0), (600, 0.0)))
    time = interval(960.0, 780.0, 1140.0)
    assert say_since_change(history, time) == "3 to 9 min after plating began, after 0.10 to 0.30 mAh"
    assert say_since_change(history, interval(2400.0, 2280.0, 2520.0)) == "30 ± 2 min after plating began, after 1.000 ± 0.067 mAh"
    cell = at_event(history, time)
    assert (cell.since_change_s, cell.since_change_low_s, cell.since_change_high_s) == pytest.approx((360.0, 180.0, 540.0), abs=0.1)
    assert cell.charge_since_change_mAh == pytest.approx(0.2, abs=1e-3)
    assert (cell.change, cell.cycle, cell.changes_inside) == ("plating began", None, 0)
    assert say_since_change(history, interval(4260.0, 4250.0, 4270.0)) == "60 ± 10 s after plating stopped"


def test_an_event_outside_before_or_across_changes_says_so():
    history = history_of(programme((600, 0.0), (120, -2.0), (600, 0.0)))
    assert say_since_change(history, interval(-300.0, -400.0, -200.0)) == "5 min before the cycler's record begins"
    assert say_since_change(history, interval(2000.0, 1900.0, 2100.0)).endswith("after the cycler's record ends")
    assert say_since_change(history, interval(100.0, 50.0, 150.0)).startswith("during rest, before")
    one = say_since_change(history, interval(610.0, 500.0, 700.0))
    assert one == "plating began inside this interval, 2 min after its start and 2 min before its end"
    assert say_since_change(history, interval(650.0, 300.0, 1000.0)) == "the cell changed state 2 times inside this interval"
    before = at_event(history, interval(590.0, 500.0, 700.0))
    assert (before.since_change_s, before.change) == (None, "plating began")
    assert (before.since_change_low_s, before.since_change_high_s) == pytest.approx((-100.0, 100.0), abs=0.1)
    assert at_event(history, interval(2000.0, 1900.0, 2100.0)) is None


def test_cycles_are_counted_and_named_only_where_there_are_several():
    cycle = ((600, -1.0), (120, 0.0), (600, 1.0), (120, 0.0))
    history = history_of(programme((300, 0.0), *cycle, *cycle, *cycle))
    numbers = [segment.cycle for segment in segments_of(history) if segment.state == "plating"]
    assert numbers == [1, 2, 3]
    in_third = 300.0 + 2 * 1440.0 + 300.0
    assert say_since_change(history, interval(in_third, in_third - 30, in_third + 30)).endswith(", in cycle 3")
    assert at_event(history, interval(in_third, in_third - 30, in_third + 30)).cycle == 3
    single = history_of(programme((300, 0.0), *cycle))
    assert "cycle" not in say_since_change(single, interval(600.0, 590.0, 610.0))


@pytest.mark.parametrize(("hours", "said"), [(1.0, "shifted by -1 h"), (-2.0, "shifted by +2 h"), (60.0, None)])
def test_a_record_that_a_whole_hour_would_bring_over_the_scans_raises_the_suspicion(hours, said):
    cycling = programme((600, 0.0), (3000, -1.0))
    moved = Cycling(start=START + timedelta(hours=hours), time=cycling.time, current=cycling.current)
    history, notices = read_history(moved, origin=START, last_end=3500.0, plating_current="negative", deadband=0.05)
    assert history is None or hours == 1.0
    sentences = " ".join(notice.sentence for notice in notices)
    assert (said in sentences) if said else ("shifted by" not in sentences)


def test_a_record_that_only_strips_raises_a_doubt_about_its_sign():
    cycling = programme((600, 0.0), (1200, 1.0), (600, 0.0))
    _, notices = read_history(cycling, origin=START, last_end=2000.0, plating_current="negative", deadband=0.05)
    assert [notice.code for notice in notices] == ["plating-sign-doubtful"]
    assert "--plating-current positive" in notices[0].remedy
    assert read_history(cycling, origin=START, last_end=2000.0, plating_current="positive", deadband=0.05)[1] == ()
    both = programme((600, 0.0), (1200, -1.0), (1800, 1.0))
    assert read_history(both, origin=START, last_end=2000.0, plating_current="negative", deadband=0.05)[1] == ()


def test_a_record_that_covers_the_scans_raises_none():
    cycling = programme((600, 0.0), (3000, -1.0))
    _, notices = read_history(cycling, origin=START, last_end=3500.0, plating_current="negative", deadband=0.05)
    assert notices == ()


def test_a_track_carries_what_the_cell_did_in_every_scan_and_over_the_record(kit):
    """0.5 mA from 1750 s to 5100 s, sixteen scans of 480 s every 600 s: it begins between scans 2 and 3 and ends in scan 8."""
    plan = kit.Plan(scans=16, levels=kit.hardware_levels(16))
    track = kit.make_track(plan, 3, cycling=kit.plating_current(1750.0, 5100.0, 9600.0))
    assert [(part.state, part.start) for part in track.segments] == [("rest", 0.0), ("plating", 1750.0), ("rest", 5100.0)]
    assert track.segments[1].charge_mAh == pytest.approx(0.5 * 3350.0 / 3600.0, rel=5e-3)
    assert track.clock is None
    assert [scan.index for scan in track.scans if scan.cell_note] == [8]
    assert track.scans[8].states == ("plating", "rest")
    assert track.scans[4].mean_current_mA == pytest.approx(0.5)
    assert track.scans[4].charge_in_scan_mAh == pytest.approx(0.5 * 480.0 / 3600.0)
    assert sum(scan.charge_in_scan_mAh for scan in track.scans) < track.segments[1].charge_mAh
