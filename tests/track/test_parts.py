"""Clocks, charge, unindexed lines, steps: the small parts by hand-made numbers."""

from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xrdkna.records.peaks import Peak
from xrdkna.records.series import Cycling
from xrdkna.records.track import EventTime
from xrdkna.records.values import Estimate
from xrdkna.track.cell.cell_events import at_event
from xrdkna.track.cell.electrochemistry import charge_at, read_history, state_in_window
from xrdkna.track.change.levels import level_changes
from xrdkna.track.paths.switches import switch_interval
from xrdkna.track.settings import TrackSettings
from xrdkna.track.signal.hardware import prior_precision
from xrdkna.track.strangers.unindexed import link_unindexed
from xrdkna.track.times import passing_time, seconds_between

START = datetime(2021, 5, 4, 12, 0)


def _history(cycling, *, plating="negative", origin=START, last_end=7200.0):
    return read_history(cycling, origin=origin, last_end=last_end, plating_current=plating, deadband=0.05)


def test_charge_and_states_follow_the_current_by_hand(kit):
    history, notices = _history(kit.plating_current(1800.0, 5400.0, 7200.0))
    assert notices == ()
    assert [state_in_window(history, a, a + 600.0) for a in (0.0, 2400.0, 6000.0)] == ["rest", "plating", "rest"]
    assert charge_at(history, 3600.0) == pytest.approx(0.25, abs=0.001)
    assert charge_at(history, 7000.0) == pytest.approx(0.5, abs=0.001)
    happening = at_event(history, EventTime(value=2400.0, low=2300.0, high=2500.0))
    assert (happening.state, happening.since_change_s) == ("plating", pytest.approx(600.0, abs=11.0))


def test_the_sign_of_plating_is_the_series_own(kit):
    history, _ = _history(kit.plating_current(1800.0, 5400.0, 7200.0), plating="positive")
    assert state_in_window(history, 2400.0, 3000.0) == "stripping"
    assert charge_at(history, 3600.0) < 0


def test_a_leaking_cycler_rests(kit):
    cycling = kit.plating_current(1800.0, 5400.0, 7200.0)
    noisy = Cycling(start=START, time=cycling.time, current=cycling.current + 0.01, source="x")
    history, _ = _history(noisy)
    assert state_in_window(history, 0.0, 600.0) == "rest"
    assert history.change_times.size == 3


def test_clocks_that_do_not_overlap_give_a_notice_with_the_remedy(kit):
    history, notices = _history(kit.plating_current(0.0, 60.0, 3600.0, start=START - timedelta(days=1)))
    assert history is None
    assert "--clock-offset" in notices[0].remedy
    assert state_in_window(history, 0.0, 600.0) == "unknown"


def test_a_scan_before_the_cycler_started_has_no_known_state(kit):
    history, _ = _history(kit.plating_current(600.0, 1200.0, 3600.0, start=START + timedelta(seconds=900)))
    assert state_in_window(history, 0.0, 600.0) == "unknown"
    assert state_in_window(history, 600.0, 1400.0) == "rest"


def test_zones_are_true_time_and_a_clock_without_one_is_local():
    east = timezone(timedelta(hours=2))
    assert seconds_between(datetime(2021, 5, 4, 12, tzinfo=UTC), datetime(2021, 5, 4, 14, tzinfo=east)) == 0.0
    assert seconds_between(datetime(2021, 5, 4, 12, tzinfo=east), START) == 0.0


def test_a_sweep_passes_a_line_in_proportion():
    assert passing_time(100.0, 800.0, two_theta=45.0, two_theta_range=(10.0, 80.0)) == pytest.approx(450.0)
    assert passing_time(100.0, None, two_theta=45.0, two_theta_range=(10.0, 80.0)) == 100.0


@given(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=6).filter(lambda w: sum(w) > 0.1), st.floats(0.5, 0.99))
def test_an_interval_holds_exactly_its_level_of_the_posterior(weights, level):
    weights = np.array(weights)
    times = np.arange(weights.size + 3, dtype=float) * 100.0
    _, low, high = switch_interval(times, 1, weights, level)
    cumulative = np.concatenate(([0.0], np.cumsum(weights / weights.sum())))
    inside = np.interp([low, high], times[1 : weights.size + 2], cumulative)
    assert inside[1] - inside[0] == pytest.approx(level, abs=1e-6)


@given(st.integers(1, 6), st.floats(0.1, 1e5), st.floats(0.3, 10.0), st.integers(0, 10_000))
def test_the_prior_is_the_inverse_of_its_covariance(size, scale, breadth, seed):
    rng = np.random.default_rng(seed)
    template, freedom = rng.uniform(0.05, 1.0, size), rng.uniform(0.1, 1.0, size)
    covariance = scale**2 * (breadth**2 * np.outer(template, template) + np.diag((freedom * template) ** 2))
    precision = prior_precision(np.array([scale]), template, freedom, breadth=breadth)[0]
    np.testing.assert_allclose(precision @ covariance, np.eye(size), atol=1e-6)


def _changes(level, esd=1.0):
    level = np.asarray(level, dtype=float)
    return level_changes(level, np.full(level.size, esd), false_alarms=0.01, least_step=0.2, least_ramp=1.5)


def test_a_step_is_placed_and_a_line_a_knee_and_a_constant_are_none():
    rng = np.random.default_rng(1)
    noise = rng.standard_normal(20)
    t = np.arange(20.0)
    step = _changes(np.where(t < 12, 100.0, 40.0) + noise)
    assert [(one.kind, one.first + int(one.weights.argmax())) for one in step] == [("weakens", 11)]
    assert _changes(100.0 + noise) == []
    for smooth in (20.0 + 5.0 * t, 20.0 + 10.0 * np.minimum(t, 10.0)):
        assert [one.kind for one in _changes(smooth + noise)] == ["strengthens"]


def test_pure_noise_has_no_steps_in_two_hundred_series():
    rng = np.random.default_rng(2)
    false = sum(bool(_changes(10.0 + rng.standard_normal(30))) for _ in range(200))
    assert false <= 6


def _peak(where, snr, esd=0.01):
    number = Estimate(value=1.0, esd=0.1, unit="")
    return Peak(
        two_theta=Estimate(value=where, esd=esd, unit="°"), d_spacing=number, area=number, fwhm=number, eta=0.5, snr=snr, background=1.0
    )


class _Seen:
    def __init__(self, *peaks):
        self.unindexed = peaks
        self.strangers = {}


def test_an_unindexed_line_is_followed_by_place_and_named_by_its_candidates(kit):
    near = kit.assignment(phase="K2CO3", hkl=(1, 3, 0), two_theta=31.63, share=1.0)
    scans = [_Seen(), _Seen(_peak(31.60, 3.9), _peak(50.0, 3.0)), None, _Seen(_peak(31.62, 3.9)), _Seen(_peak(31.64, 4.0))]
    lines = link_unindexed(scans, lambda where: (near,), TrackSettings())
    assert [(line.first_scan, line.last_scan) for line in lines] == [(1, 4)]
    assert lines[0].two_theta.value == pytest.approx(31.62, abs=0.01)
    assert lines[0].significance == pytest.approx((3.9 + 3.9 + 4.0) / np.sqrt(3))
    assert lines[0].candidates == (near,)


def test_two_lines_of_one_scan_are_never_joined():
    lines = link_unindexed([_Seen(_peak(31.60, 6.0), _peak(31.62, 6.0))], None, TrackSettings())
    assert len(lines) == 2
