"""Cells and heights that step, drift or stay; and a moved sample told from a changed cell."""

from dataclasses import replace

import numpy as np
import pytest

from xrdkna.records.values import Estimate
from xrdkna.track.change.trends import apparent_strain, movement_at, read_trend
from xrdkna.track.events import Timeline
from xrdkna.track.settings import TrackSettings
from xrdkna.track.shifts import SAMPLE, read_trends, shift_events, trend_notices
from xrdkna.track.signal.stack import stack_informations

SCANS = 20
T = np.arange(SCANS)
EDGES = {"K": (5.328, 3e-4), "Al": (4.0495, 5e-5), "Al2O3": (4.759, 1e-4)}


@pytest.fixture
def series(kit):
    """(rng, {(quantity, phase): (n,) values}, {…: esd}) → trends, events, notices."""

    def make(rng, changes, *, missing=()):
        observations = kit.make_observations(kit.Plan(SCANS, kit.hardware_levels(SCANS)), rng)
        values = {("a", phase): np.full(SCANS, edge) for phase, (edge, _) in EDGES.items()} | {("displacement", ""): np.zeros(SCANS)}
        esds = {("a", phase): esd for phase, (_, esd) in EDGES.items()} | {("displacement", ""): 0.002}
        for key, change in changes.items():
            values[key] = values[key] + change
        noisy = {key: value + esds[key] * rng.standard_normal(SCANS) for key, value in values.items()}
        dressed = [
            None
            if i in missing
            else replace(
                one, values={key: Estimate(value=float(noisy[key][i]), esd=esds[key], unit="Å" if key[0] == "a" else "°") for key in noisy}
            )
            for i, one in enumerate(observations)
        ]
        used = tuple(i for i in range(SCANS) if i not in missing)
        stack = stack_informations([one.information for one in dressed if one is not None])
        starts = kit.step * np.array(used, dtype=float)
        timeline = Timeline(
            axis="time",
            origin=None,
            used=used,
            starts=starts,
            ends=starts + kit.sweep,
            ranges=np.tile([10.0, 80.0], (len(used), 1)),
            history=None,
        )
        trends = read_trends(dressed, TrackSettings())
        return trends, shift_events(trends, stack, timeline, TrackSettings()), trend_notices(trends)

    return make


def test_a_cell_that_steps_shifts_at_that_scan_by_that_much_while_the_others_keep_their_places(series):
    exact = 0
    for seed in range(20):
        _, events, _ = series(np.random.default_rng([41, seed]), {("a", "K"): -0.004 * (T > 8)})
        exact += [(event.kind, event.phase, event.before_scan) for event in events] == [("shifts", "K", 9)]
    assert exact >= 19
    sentence = events[0].sentence
    assert sentence.startswith("K shifts between scan 8 and scan 9")
    assert "ppm" in sentence
    assert "so the cell changed" in sentence
    moved = float(sentence.split("a by −")[1].split(" ±")[0])
    assert moved == pytest.approx(0.004, abs=8e-4)


def test_nothing_that_happens_is_no_event_and_no_drift_in_a_hundred_series(series):
    said = 0
    for seed in range(100):
        _, events, notices = series(np.random.default_rng([42, seed]), {})
        said += bool(events) or bool(notices)
    assert said <= 1


def test_a_cell_that_warms_up_drifts_and_does_not_shift(series):
    for seed in range(15):
        trends, events, notices = series(np.random.default_rng([43, seed]), {("a", "K"): 0.006 * T / SCANS})
        assert events == ()
        assert [trend.verdict for trend in trends if trend.phase == "K"] in (["drifts"], ["kinks"])
        assert [notice.code for notice in notices] == ["trend-a-K"]
        assert "without a step" in notices[0].sentence


def test_a_sample_that_moves_is_the_sample_and_not_its_cells(series):
    """The fit took the height for strain: every edge changes as cos θ has it."""
    angles = {"K": 27.0, "Al": 41.0, "Al2O3": 41.0}
    for seed in range(10):
        rng = np.random.default_rng([44, seed])
        strains = {phase: float(apparent_strain(np.array([angles[phase]]), 0.08)[0]) for phase in EDGES}
        changes = {("a", phase): EDGES[phase][0] * strains[phase] * (T > 11) for phase in EDGES}
        _, events, _ = series(rng, changes)
        assert [(event.kind, event.before_scan) for event in events if event.phase == SAMPLE] == [("shifts", 12)]


def test_a_height_that_the_fit_follows_shifts_the_sample_alone(series):
    _, events, _ = series(np.random.default_rng(45), {("displacement", ""): 0.03 * (T > 5)}, missing=(2, 14))
    assert [(event.kind, event.phase, event.after_scan, event.before_scan) for event in events] == [("shifts", SAMPLE, 5, 6)]
    assert "its height changed, not a cell" in events[0].sentence
    assert 5 * 600 < events[0].time.value < 6 * 600 + 480


def test_bragg_gives_the_strain_of_a_height():
    """Angle by angle: d from the displaced angle against d from the true one."""
    shift = 1e-4
    for two_theta in (20.0, 45.0, 90.0):
        moved = np.radians(0.5 * (two_theta + shift * np.cos(np.radians(two_theta / 2))))
        strain = np.sin(np.radians(two_theta / 2)) / np.sin(moved) - 1.0
        assert apparent_strain(np.array([two_theta]), shift)[0] == pytest.approx(strain, rel=1e-4)


def test_one_cell_among_resting_ones_is_never_explained_by_the_sample():
    angles = {"K": 27.0, "Al": 41.0, "Al2O3": 45.0}
    rng = np.random.default_rng(46)
    explained = 0
    for _ in range(300):
        strains = {"K": (-7e-4 + 5e-5 * rng.standard_normal(), 5e-5)} | {
            name: (2e-5 * rng.standard_normal(), 2e-5) for name in ("Al", "Al2O3")
        }
        found = movement_at("K", strains, angles)
        explained += found.explained
        assert found.alone
    assert explained == 0


def test_widths_without_esds_are_judged_by_their_own_scatter():
    rng = np.random.default_rng(47)
    width = 0.1 + 0.04 * (T > 12) + 0.002 * rng.standard_normal(SCANS)
    trend = read_trend("fwhm", "K", "°", list(width), [None] * SCANS, odds=0.01, report=0.95)
    assert [step.gap for step in trend.reading.steps] == [12]
    still = read_trend("fwhm", "K", "°", list(0.1 + 0.002 * rng.standard_normal(SCANS)), [None] * SCANS, odds=0.01, report=0.95)
    assert still.verdict == "steady"
    assert read_trend("fwhm", "K", "°", [0.1] * SCANS, [None] * SCANS, odds=0.01, report=0.95) is None
