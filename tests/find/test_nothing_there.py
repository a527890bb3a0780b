"""Where there is nothing, nothing is found."""

import numpy as np
import pytest

from xrdkna.find import FindSettings, find_peaks

X = np.arange(10.0, 90.0, 0.02)
U = (X - 10.0) / 80.0
HALO = np.exp(-4 * np.log(2) * ((X - 23.0) / 6.0) ** 2)
SHAPES = {
    "flat": 1 + 0 * X,
    "slope": 1.5 - U,
    "halo": 1 + 1.5 * HALO,
    "air scatter": 0.3 + 10 / X + 40 / X**2,
    "decay": 0.2 + 2 * np.exp(-8 * U),
}


@pytest.mark.parametrize("level", [0.3, 1.0, 5.0, 50.0, 1000.0, 1e5])
def test_pure_noise_of_any_level_and_slope_holds_no_peak(counted, level):
    # One false peak in 100 scans is promised: more than one in 25 would refute it (P < 3 %).
    found = 0
    for number, shape in enumerate(SHAPES.values()):
        for seed in range(5 * number, 5 * number + 5):
            found += len(find_peaks(counted(X, level * shape, seed, background=level * shape)).peaks)
    assert found <= 1


@pytest.mark.parametrize("level", [1.0, 50.0, 1000.0, 1e5])
@pytest.mark.parametrize("name", ["flat", "slope", "air scatter", "decay", "dome"])
def test_a_smooth_background_without_a_hump_is_no_halo(counted, level, name):
    shape = SHAPES.get(name, 1.0 + 0.8 * np.sin(np.pi * U))
    for seed in range(3):
        assert find_peaks(counted(X, level * shape, seed, background=level * shape)).halos == ()


@pytest.mark.parametrize("points", [0, 1, 2, 7])
def test_too_few_points_give_no_peaks_and_the_reason(counted, points):
    x = X[:points]
    answer = find_peaks(counted(x, np.full(points, 30.0), 0, background=np.full(points, 30.0)))
    assert answer.peaks == ()
    assert answer.halos == ()
    assert f"{points} usable points" in answer.notices[0].sentence


def test_a_constant_pattern_gives_no_peaks_and_the_reason(counted):
    answer = find_peaks(counted(X, 0 * X, 0, background=0 * X))
    assert answer.peaks == ()
    assert "reads 0" in answer.notices[0].sentence


@pytest.mark.parametrize("points", [8, 10, 30, 100])
def test_short_patterns_of_noise_hold_no_peak(counted, points):
    for seed in range(20):
        assert find_peaks(counted(X[:points], np.full(points, 5.0), seed, background=np.full(points, 5.0))).peaks == ()


def test_the_threshold_grows_with_the_places_looked_at_and_can_be_set(counted):
    short = find_peaks(counted(X[:400], np.full(400, 50.0), 0, background=np.full(400, 50.0)))
    long = find_peaks(counted(X, np.full(X.size, 50.0), 0, background=np.full(X.size, 50.0)))
    assert 4.0 < short.threshold < long.threshold < 5.5
    chosen = find_peaks(counted(X, np.full(X.size, 50.0), 0, background=np.full(X.size, 50.0)), FindSettings(threshold=8.0))
    assert chosen.threshold == 8.0
