"""What takes no part: spikes, dead channels, excluded regions – and never a reflection."""

import numpy as np
import pytest

from xrdkna.correct import CorrectSettings, correct_scan
from xrdkna.errors import DataError, RecipeError

X = np.arange(10.0, 60.0, 0.02)


@pytest.fixture
def counts():
    return np.random.default_rng(6).poisson(200.0, X.size).astype(float)


def left_out(pattern):
    return np.flatnonzero(~pattern.used).tolist()


def test_a_spike_and_dead_channels_are_left_out_and_nothing_else(copper, make_scan, counts):
    counts[700] = 2000.0
    counts[[100, 1500, 1501]] = 0.0
    pattern = correct_scan(make_scan(X, counts), copper)
    assert left_out(pattern) == [100, 700, 1500, 1501]
    assert {notice.code for notice in pattern.notices} == {"dead-points", "spikes"}


def test_a_dead_module_wider_than_the_neighbourhood_is_left_out(copper, make_scan, counts):
    counts[500:800] = 0.0
    pattern = correct_scan(make_scan(X, counts), copper)
    assert left_out(pattern) == list(range(500, 800))
    assert np.abs(pattern.background / 200.0 - 1).max() < 0.1


def test_zeros_among_few_counts_are_counts(copper, make_scan):
    counts = np.random.default_rng(6).poisson(0.5, X.size).astype(float)
    assert left_out(correct_scan(make_scan(X, counts), copper)) == []


@pytest.mark.parametrize("step", [0.005, 0.02, 0.05, 0.1])
@pytest.mark.parametrize("fwhm", [0.05, 0.12])
def test_no_line_of_any_height_is_taken_for_a_spike(copper, make_scan, step, fwhm):
    grid = np.arange(20.0, 40.0, step)
    rng = np.random.default_rng(1)
    truth = np.full(grid.size, 50.0)
    for centre, height in zip(rng.uniform(21, 39, 12), np.geomspace(100, 1e6, 12), strict=True):
        truth += height * np.exp(-4 * np.log(2) * ((grid - centre) / fwhm) ** 2)
    assert left_out(correct_scan(make_scan(grid, rng.poisson(truth).astype(float)), copper)) == []


def test_excluded_regions_take_no_part_and_do_not_shape_the_background(copper, make_scan, counts):
    counts[(X >= 30.0) & (X <= 34.0)] += 5000.0
    pattern = correct_scan(make_scan(X, counts), copper, CorrectSettings(excluded=((29.9, 34.1),)))
    assert not pattern.used[(X >= 29.9) & (X <= 34.1)].any()
    assert np.abs(pattern.background / 200.0 - 1).max() < 0.1


@pytest.mark.parametrize("region", [(30.0, 30.0), (31.0, 30.0), (float("nan"), 30.0)])
def test_an_empty_excluded_region_is_refused(region):
    with pytest.raises(RecipeError, match="excluded region"):
        CorrectSettings(excluded=(region,))


@pytest.mark.parametrize("points", [1, 2, 3, 4, 5, 10])
def test_a_pattern_can_be_made_of_a_few_points(copper, make_scan, points):
    pattern = correct_scan(make_scan(X[:points], np.full(points, 7.0)), copper)
    np.testing.assert_allclose(pattern.background, 7.0, rtol=1e-6)
    assert pattern.used.all()


def test_a_scan_without_points_is_a_sentence(copper, make_scan):
    with pytest.raises(DataError, match="planted holds no points"):
        correct_scan(make_scan(np.empty(0), np.empty(0)), copper)


def test_a_scan_that_is_excluded_altogether_still_makes_a_pattern(copper, make_scan, counts):
    pattern = correct_scan(make_scan(X, counts), copper, CorrectSettings(excluded=((0.0, 180.0),)))
    assert not pattern.used.any()
    assert np.isfinite(pattern.background).all()


def test_a_million_points_keep_their_level(copper, make_scan):
    grid = np.linspace(5.0, 150.0, 1_000_000)
    pattern = correct_scan(make_scan(grid, np.random.default_rng(0).poisson(20.0, grid.size).astype(float)), copper)
    assert np.abs(pattern.background / 20.0 - 1).max() < 0.02
