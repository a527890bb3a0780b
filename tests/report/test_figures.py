"""Figures, looked at through their own objects."""

import dataclasses
import struct

import numpy as np
import pytest

from xrdkna.errors import UsageError
from xrdkna.records.track import EventTime, Presence, Track
from xrdkna.records.values import Estimate
from xrdkna.report.canvas import drawing
from xrdkna.report.decimate import kept_indices
from xrdkna.report.event_view import event_bands
from xrdkna.report.figure_pattern import refinement_figure
from xrdkna.report.figure_track import track_figure
from xrdkna.report.figures import plot_peaks, plot_refinement, plot_track
from xrdkna.report.pattern_view import stick_heights
from xrdkna.report.series_view import cycler_curves, map_cells, never_probable, presence_rows


def tick_rows(figure):
    named = [(artist.get_gid() or "", artist) for artist in figure.axes[1].collections]
    return {name.removeprefix("ticks "): artist for name, artist in named if name.startswith("ticks")}


@pytest.mark.parametrize("extra", [0, 27])
def test_each_phase_has_one_labelled_tick_row_with_all_its_lines(make_index, extra):
    index = make_index(extra=extra, extra_verdict="undecided")
    figure = refinement_figure(index)
    rows = tick_rows(figure)
    assert set(rows) == set(index.refinement.ticks)
    for name, lines in index.refinement.ticks.items():
        assert [segment[0, 0] for segment in rows[name].get_segments()] == [place for _, place in lines]
    labels = [label.get_text() for label in figure.axes[1].get_yticklabels()]
    assert len(labels) == len(set(labels)) == 3 + extra


def test_in_a_long_list_of_phases_the_absent_ones_give_up_their_rows_and_in_a_short_one_not(make_index):
    assert set(tick_rows(refinement_figure(make_index(extra=27)))) == {"Al", "K", "KNa2"}
    assert len(tick_rows(refinement_figure(make_index(extra=5)))) == 8


def test_the_difference_is_drawn_to_the_scale_of_the_pattern(make_index):
    for scale in ("linear", "sqrt"):
        with drawing():
            figure = refinement_figure(make_index(), scale=scale)
            figure.canvas.draw()
        main, _, below = figure.axes
        inches = [axis.get_window_extent().height / (axis.get_ylim()[1] - axis.get_ylim()[0]) for axis in (main, below)]
        assert inches[0] == pytest.approx(inches[1], rel=0.05)


def test_unindexed_and_ambiguous_peaks_are_marked_at_their_places(make_index):
    lines = {line.get_label(): line for line in refinement_figure(make_index()).axes[0].lines}
    assert list(lines["unindexed"].get_xdata()) == [31.05]
    assert list(lines["ambiguous"].get_xdata()) == [54.45]


def test_every_event_is_a_shaded_interval_of_its_own_length_on_every_panel_with_a_time(make_track):
    track = make_track()
    figure = track_figure(track)
    panels = [axis for axis in figure.axes if any((p.get_gid() or "").startswith("event") for p in axis.patches)]
    assert len(panels) == 5, "map, cycler, intensities, weights, presence"
    for axis in panels:
        bands = {p.get_gid(): (p.get_x(), p.get_x() + p.get_width()) for p in axis.patches if (p.get_gid() or "").startswith("event")}
        assert set(bands) == {"event 1", "event 2, 3"}
        first = track.events[0].time
        assert bands["event 1"] == pytest.approx((first.low / 3600, first.high / 3600))


def test_a_series_without_events_has_no_shaded_interval(make_track):
    figure = track_figure(dataclasses.replace(make_track(), events=()))
    assert not [p for axis in figure.axes for p in axis.patches if (p.get_gid() or "").startswith("event")]


def test_events_of_one_moment_share_a_band_and_the_numbers_of_others_stand_in_lanes_of_their_own(make_track):
    track = make_track()
    appears, vanishes, weakens = track.events
    moved = dataclasses.replace(weakens.time, low=weakens.time.low + 5.0, high=weakens.time.high + 5.0)
    slow = dataclasses.replace(
        weakens, kind="strengthens", after_scan=3, before_scan=9, time=EventTime(value=7000.0, low=4000.0, high=vanishes.time.high)
    )
    events = (appears, slow, vanishes, dataclasses.replace(weakens, time=moved))
    bands = {band.numbers: band for band in event_bands(dataclasses.replace(track, events=events))}
    assert set(bands) == {"1", "2", "3, 4"}
    assert [bands[n].slow for n in ("1", "2", "3, 4")] == [False, True, False]
    assert bands["3, 4"].high == pytest.approx(moved.high / 3600)
    assert bands["2"].lane != bands["3, 4"].lane, "the line of the slow change runs over the other number"


def test_what_is_never_probable_is_named_and_takes_no_row_unless_it_is_the_marker(make_track):
    track = make_track()
    quiet = Presence(phase="K2CO3", hkl=None, probability=np.full(12, 0.001))
    gone = Presence(phase="KNa2", hkl=None, probability=np.full(12, 0.02))
    full = dataclasses.replace(track, presence=(quiet, gone, track.presence[1]))
    assert [(p.phase, p.hkl) for p in presence_rows(full)] == [("KNa2", None), ("KNa2", (1, 0, 3))]
    assert never_probable(full) == ["K2CO3", "KNa2"]


def test_a_list_without_intensities_is_drawn_with_lines_of_one_height(published_index):
    bare = [
        dataclasses.replace(p, peak=dataclasses.replace(p.peak, area=Estimate(value=0.0, esd=None, unit=""))) for p in published_index.peaks
    ]
    heights, known = stick_heights(dataclasses.replace(published_index, peaks=tuple(bare)))
    assert set(heights) == {1.0}
    assert not known
    assert stick_heights(published_index)[1]


def test_an_unread_scan_is_a_gap_in_the_map_not_zeros(make_track):
    cells = map_cells(make_track())
    assert np.isnan(cells.intensity[5]).all()
    assert np.isfinite(np.delete(cells.intensity, 5, axis=0)).all()
    assert np.all(np.diff(cells.edges) > 0)


def test_a_long_pause_between_scans_is_left_empty(make_track):
    track = make_track(scans=4)
    late = dataclasses.replace(track.scans[3], start=30_000.0, end=31_200.0)
    cells = map_cells(dataclasses.replace(track, scans=(*track.scans[:3], late)))
    assert cells.intensity.shape[0] == 5
    assert np.isnan(cells.intensity[3]).all()


def test_the_cycler_is_laid_on_the_scans_clock_even_where_only_one_has_a_zone(make_track):
    track = make_track()
    naive = dataclasses.replace(track.cycling, start=track.origin.replace(tzinfo=None))
    with_zone, without = cycler_curves(track), cycler_curves(dataclasses.replace(track, cycling=naive))
    np.testing.assert_array_equal(with_zone[0], without[0])
    plating = with_zone[0][with_zone[1] < -0.1]
    assert plating.min() == pytest.approx(track.scans[3].start / 3600, abs=0.01)


@pytest.mark.parametrize("suffix", ["png", "svg", "pdf"])
def test_the_ending_of_the_name_decides_the_format(make_index, suffix, tmp_path):
    path = tmp_path / f"figure.{suffix}"
    plot_refinement(make_index(), path)
    start = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}[suffix]
    assert path.read_bytes().startswith(start)


@pytest.mark.parametrize("name", ["figure.jpeg", "figure", "figure.png.txt"])
def test_any_other_ending_is_refused_with_the_ones_that_work(make_index, name, tmp_path):
    with pytest.raises(UsageError, match=r"\.png, \.svg, \.pdf"):
        plot_refinement(make_index(), tmp_path / name)
    assert not (tmp_path / name).exists()


def test_an_unknown_scale_is_refused(make_index, tmp_path):
    with pytest.raises(UsageError, match="linear, sqrt"):
        plot_refinement(make_index(), tmp_path / "a.png", scale="cubic")


def test_the_same_answer_gives_the_same_file_and_leaves_matplotlib_as_it_was(make_index, tmp_path):
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    for name in ("a.svg", "b.svg"):
        plot_refinement(make_index(), tmp_path / name)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    assert dict(mpl.rcParams) == before


def test_a_long_or_strange_phase_name_neither_breaks_nor_stretches_the_figure(make_index, tmp_path):
    plot_refinement(make_index(), tmp_path / "a.png")
    plot_refinement(make_index(rename={"K": "$\\frac{" + "long " * 60}), tmp_path / "b.png")
    width = [struct.unpack(">I", (tmp_path / name).read_bytes()[16:20])[0] for name in ("a.png", "b.png")]
    assert width[0] == width[1]


def test_empty_answers_and_lists_are_drawn(empty_index, published_index, pattern, found, make_track, tmp_path):
    nothing = dataclasses.replace(found, peaks=(), halos=())
    plot_refinement(empty_index, tmp_path / "a.png")
    plot_refinement(published_index, tmp_path / "b.png")
    plot_peaks(pattern, nothing, tmp_path / "c.png")
    plot_peaks(pattern, found, tmp_path / "d.png")
    full = make_track()
    bare = Track(
        name="bare", axis="scan", origin=None, scans=(), trajectories=(), presence=(), events=(), contamination=full.contamination,
        unindexed=(), notices=(),
    )  # fmt: skip
    for track in (bare, dataclasses.replace(bare, scans=full.scans, axis="time", origin=full.origin), make_track(scans=1, axis="scan")):
        plot_track(track, tmp_path / "t.png")
        assert (tmp_path / "t.png").stat().st_size > 1000


def test_thinning_keeps_every_peak_of_a_million_points():
    rng = np.random.default_rng(1)
    curve = rng.normal(size=1_000_000)
    places = rng.integers(0, curve.size, 50)
    curve[places] = 1000.0 + np.arange(50)
    kept = kept_indices(curve, at_most=4000)
    assert kept.size <= 4000
    assert set(np.unique(places)) <= set(kept.tolist())
    assert np.all(np.diff(kept) > 0)
