"""The pass over a series: what is loaded, what is handed on, what is left out, and series of every odd size."""

import time
from dataclasses import replace

import numpy as np
import pytest

from xrdkna.errors import DeclinedError, ScanFileError
from xrdkna.records.series import Series
from xrdkna.track.chain import track_series
from xrdkna.track.settings import TrackSettings


def _observer(kit, plan, seed=0):
    made = iter(kit.make_observations(plan, np.random.default_rng(seed)))

    def observe(scan):
        return next(made)

    return observe


def test_a_scan_that_cannot_be_read_is_reported_and_the_rest_goes_on(kit):
    def broken():
        raise ScanFileError("scan_02.xye holds no numbers.")

    series = kit.make_series(6)
    entries = tuple(replace(entry, load=broken) if entry.index == 2 else entry for entry in series.entries)
    track = track_series(replace(series, entries=entries), _observer(kit, kit.Plan(6, kit.hardware_levels(6))), TrackSettings())
    assert [scan.used for scan in track.scans] == [True, True, False, True, True, True]
    assert track.scans[2].why_not == "scan_02.xye holds no numbers."
    assert all(trajectory.value[2] is None for trajectory in track.trajectories)
    assert all(one.probability.size == 6 for one in track.presence)


def test_a_rejected_fit_is_no_evidence(kit):
    plan = kit.Plan(5, kit.hardware_levels(5), verdicts={1: "rejected", 3: "failed"})
    track = track_series(kit.make_series(5), _observer(kit, plan), TrackSettings())
    assert [scan.used for scan in track.scans] == [True, False, True, False, True]
    assert "is rejected" in track.scans[1].why_not


def test_a_series_without_a_usable_scan_declines(kit):
    plan = kit.Plan(3, kit.hardware_levels(3), verdicts=dict.fromkeys(range(3), "failed"))
    with pytest.raises(DeclinedError, match="no scan of series planted can be used"):
        track_series(kit.make_series(3), _observer(kit, plan), TrackSettings())
    empty = Series(name="empty", entries=(), axis="scan", setup=kit.make_series(1).setup)
    with pytest.raises(DeclinedError, match="holds no scans"):
        track_series(empty, lambda scan: None, TrackSettings())


@pytest.mark.parametrize("scans", [1, 2, 3, 5])
@pytest.mark.parametrize("timed", [True, False])
def test_short_series_give_presence_and_no_event(kit, scans, timed):
    levels = {**kit.hardware_levels(scans), "KNa2": np.full(scans, 400.0)}
    track = kit.make_track(kit.Plan(scans, levels), 1, timed=timed)
    assert track.events == ()
    assert next(one for one in track.presence if one.phase == "KNa2").probability.min() > 0.95


def test_identical_scans_are_no_event(kit):
    observation = kit.make_observations(kit.Plan(1, {**kit.hardware_levels(1), "K": np.full(1, 30.0)}), np.random.default_rng(3))[0]
    track = track_series(kit.make_series(12), lambda scan: observation, TrackSettings())
    assert track.events == ()


def test_lines_cut_off_in_some_scans_are_absent_there_and_change_nothing_else(kit):
    cut = {i: [("Al", (2, 0, 0)), ("Al2O3", (1, 1, 6)), ("KNa2", (1, 1, 2))] for i in (4, 5)}
    amount = 300.0 * (np.arange(12) >= 6)
    plan = kit.Plan(12, {**kit.hardware_levels(12), "KNa2": amount}, absent_labels=cut)
    track = kit.make_track(plan, 5)
    line = next(one for one in track.trajectories if (one.phase, one.hkl) == ("KNa2", (1, 1, 2)))
    assert [value is None for value in line.value] == [i in cut for i in range(12)]
    assert [(event.kind, event.before_scan) for event in track.events if event.hkl is None] == [("appears", 6)]


def test_intensities_are_recovered_within_their_own_esds(kit):
    amount = np.linspace(0.0, 400.0, 40)
    plan = kit.Plan(40, {**kit.hardware_levels(40), "K": amount})
    track = kit.make_track(plan, 6)
    line = next(one for one in track.trajectories if (one.phase, one.hkl) == ("K", (2, 1, 1)))
    pulls = [(value - 0.25 * true) / esd for value, esd, true in zip(line.value, line.esd, amount, strict=True)]
    assert abs(np.mean(pulls)) < 4 / np.sqrt(40)
    assert 0.7 < np.std(pulls) < 1.35


def test_time_grows_with_the_number_of_scans_and_stays_small(kit):
    plan = kit.Plan(600, {**kit.hardware_levels(600), "K": 100.0 * (np.arange(600) > 300)})
    observations = kit.make_observations(plan, np.random.default_rng(7))
    made = iter(observations)
    began = time.process_time()
    track = track_series(kit.make_series(600), lambda scan: next(made), TrackSettings(heatmap_scans=50, heatmap_bins=20))
    assert (time.process_time() - began) / 600 < 0.01
    assert track.heatmap is not None
    assert track.heatmap.intensity.shape[0] <= 50
    assert track.heatmap.intensity.shape[1] <= 20
    np.testing.assert_allclose(track.heatmap.intensity, 1.0)
    assert [(event.kind, event.phase, event.before_scan) for event in track.events] == [("appears", "K", 301)]


def test_progress_is_told_after_each_scan(kit):
    told = []
    track_series(
        kit.make_series(4), _observer(kit, kit.Plan(4, kit.hardware_levels(4))), TrackSettings(), progress=lambda *n: told.append(n)
    )
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]
