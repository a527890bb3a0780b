"""The cycler's clock against the scans', from what both logged: planted errors recovered, and refused where nothing relates them."""

from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pytest

from xrdkna.errors import UsageError
from xrdkna.records.series import Cycling, Series, SeriesEntry, SeriesSetup
from xrdkna.track.cell.clock import check_clock, clock_notices, with_clock_found

START = datetime(2025, 1, 1, 8, 0)
PERIOD, DURATION, SCANS = 300.0, 240.0, 60


def wandering_cell(rng, seconds):
    """(t, mA, V): rests, platings and strippings of random length and size, the potential relaxing in each."""
    t = np.arange(0.0, seconds, 5.0)
    current, potential = np.zeros_like(t), np.zeros_like(t)
    begin, volts, tau = 0.0, 0.1, rng.uniform(100.0, 600.0)
    while begin < seconds:
        length, level = rng.uniform(900.0, 5000.0), rng.choice([-1.0, 0.0, 1.0]) * rng.uniform(0.3, 1.0)
        inside = (t >= begin) & (t < begin + length)
        aim = 0.1 + 0.2 * level
        current[inside] = level
        potential[inside] = aim + (volts - aim) * np.exp(-(t[inside] - begin) / tau)
        volts = float(potential[inside][-1]) if inside.any() else volts
        begin += length
    return t, current, potential


def logged_series(seed, *, ahead=0.0, quantity="potential", read="start", noise=0.005, other_cell=False, name=None, unit=1.0):
    """A series whose log holds a quantity of the cell; the cycler's clock runs `ahead` seconds ahead of the scans'."""
    rng = np.random.default_rng([seed, 4])
    t, current, potential = wandering_cell(rng, SCANS * PERIOD + 7200.0)
    begin = -rng.uniform(600.0, 3600.0)
    cycling = Cycling(start=START + timedelta(seconds=begin + ahead), time=t, current=current, potential=potential)
    if other_cell:
        t, current, potential = wandering_cell(np.random.default_rng([seed, 5]), SCANS * PERIOD + 7200.0)
    truth = potential if quantity == "potential" else current
    starts = PERIOD * np.arange(SCANS)
    moments = {"start": starts, "end": starts + DURATION, "middle": starts + DURATION / 2}
    if read == "mean":
        values = np.array([np.interp(np.linspace(a, a + DURATION, 481), t + begin, truth).mean() for a in starts])
    else:
        values = np.interp(moments[read], t + begin, truth)
    values = values + noise * np.ptp(truth) * rng.normal(size=SCANS)
    column = name or ("potential_V" if quantity == "potential" else "current_mA")
    return series_with(cycling, starts, [f"{unit * value:.6f}" for value in values], column)


def series_with(cycling, starts, values, column):
    entries = tuple(
        SeriesEntry(
            index=i,
            name=f"scan_{i}",
            start=START + timedelta(seconds=float(start)),
            end=START + timedelta(seconds=float(start) + DURATION),
            load=lambda: None,
            columns={column: value},
        )
        for i, (start, value) in enumerate(zip(starts, values, strict=True))
    )
    return Series(name="logged", entries=entries, axis="time", setup=SeriesSetup(), cycling=cycling)


@pytest.mark.parametrize("read", ["start", "middle", "end", "mean"])
@pytest.mark.parametrize("quantity", ["potential", "current"])
def test_planted_clock_errors_lie_in_the_interval_on_seeds_not_developed_on(quantity, read):
    covered = widths = 0.0
    for seed in range(900, 910):
        ahead = float(np.random.default_rng(seed).uniform(-5400.0, 5400.0))
        check = check_clock(logged_series(seed, ahead=ahead, quantity=quantity, read=read))
        assert check is not None
        if check.offset_s is None:
            covered += 1
            continue
        covered += check.low_s <= -ahead <= check.high_s
        widths = max(widths, check.high_s - check.low_s)
    assert covered >= 9
    assert widths < 3.0 * DURATION


def test_means_over_scans_tell_the_clock_to_seconds():
    check = check_clock(logged_series(901, ahead=137.0, read="mean", noise=0.001))
    assert check.verdict == "differs"
    assert check.offset_s == pytest.approx(-137.0, abs=10.0)
    assert check.high_s - check.low_s < 40.0
    assert "ahead" in check.sentence
    (notice,) = clock_notices(check)
    assert notice.severity == "warning"
    assert "--clock-offset -1" in notice.remedy


@pytest.mark.parametrize("quantity", ["potential", "current"])
def test_the_log_of_another_cell_is_refused(quantity):
    checks = [check_clock(logged_series(seed, quantity=quantity, other_cell=True)) for seed in range(910, 950)]
    assert sum(check.verdict != "unknown" for check in checks) <= 1


def test_equal_clocks_are_said_to_agree():
    check = check_clock(logged_series(902, ahead=0.0))
    assert check.verdict == "agrees"
    assert clock_notices(check)[0].severity == "info"


def test_a_whole_hour_is_called_one():
    check = check_clock(logged_series(903, ahead=3600.0, read="mean"))
    assert "a whole hour" in check.sentence
    assert "daylight saving" in check.sentence
    assert "whole hour" not in check_clock(logged_series(903, ahead=1500.0, read="mean")).sentence


def test_cycles_that_are_all_alike_leave_the_clock_open():
    t = np.arange(0.0, 10 * 3600.0, 10.0)
    current = np.where((t % 3600.0) < 1800.0, -1.0, 1.0)
    starts = 3600.0 + PERIOD * np.arange(SCANS)
    values = np.interp(starts, t, current)
    cycling = Cycling(start=START, time=t, current=current)
    check = check_clock(series_with(cycling, starts - 0.0, [f"{value:.3f}" for value in values], "current_mA"))
    assert check.verdict == "unknown"
    assert "alike" in check.sentence


def test_a_column_in_other_units_is_compared_in_its_own():
    check = check_clock(logged_series(904, ahead=500.0, read="mean", name="Ewe/mV", unit=1000.0))
    assert check.low_s <= -500.0 <= check.high_s
    assert check_clock(logged_series(904, ahead=500.0, name="potential_V", unit=1000.0)).verdict == "unknown"


def test_words_for_the_state_of_the_cell_tell_the_clock_too():
    series = logged_series(905, ahead=400.0, quantity="current", noise=0.0)
    words = {-1.0: "plating", 0.0: "rest", 1.0: "stripping"}
    entries = tuple(
        replace(entry, columns={"cell_state": words[float(np.sign(float(entry.columns["current_mA"])))]}) for entry in series.entries
    )
    check = check_clock(replace(series, entries=entries))
    assert check.low_s <= -400.0 <= check.high_s


def test_a_column_that_says_it_is_a_mean_leaves_no_doubt_about_the_moment_it_was_read():
    """Two steps between scans a minute apart: a mean holds each inside that minute, a reading could have been taken within a scan."""
    t = np.arange(0.0, 12_000.0, 5.0)
    potential = np.where((t > 2670.0) & (t < 8970.0), -0.1, 0.0)
    starts = 900.0 * np.arange(13)
    values = [f"{np.interp(np.linspace(a, a + 840.0, 500), t, potential).mean():.5f}" for a in starts]
    cycling = Cycling(start=START + timedelta(seconds=137.0), time=t, current=np.zeros(t.size), potential=potential)
    widths = {}
    for name in ("potential_V", "mean potential_V"):
        series = series_with(cycling, starts, values, name)
        entries = tuple(replace(entry, end=entry.start + timedelta(seconds=840.0)) for entry in series.entries)
        check = check_clock(replace(series, entries=entries))
        assert check.low_s <= -137.0 <= check.high_s
        widths[name] = check.high_s - check.low_s
    assert widths["mean potential_V"] < 70.0 < 840.0 < widths["potential_V"]


def test_auto_moves_the_clock_so_that_it_agrees_and_says_by_how_much():
    moved = with_clock_found(logged_series(906, ahead=137.0, read="mean"))
    assert check_clock(moved).verdict == "agrees"
    assert moved.notices[-1].code == "clock-applied"


def test_auto_without_anything_to_compare_is_a_sentence():
    series = logged_series(907)
    bare = replace(series, entries=tuple(replace(entry, columns={}) for entry in series.entries))
    assert check_clock(bare) is None
    with pytest.raises(UsageError, match=r"no column .* carries current or potential"):
        with_clock_found(bare)
    with pytest.raises(UsageError, match="no cycler's record"):
        with_clock_found(replace(series, cycling=None))
    with pytest.raises(UsageError, match="give the offset in seconds"):
        with_clock_found(logged_series(908, other_cell=True))
