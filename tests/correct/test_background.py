"""The background follows what is wide and ignores what is narrow."""

import numpy as np
import pytest

from xrdkna.correct import correct_scan

X = np.arange(10.0, 80.0, 0.02)
HALO = np.exp(-4 * np.log(2) * ((X - 23.0) / 6.0) ** 2)


@pytest.mark.parametrize("level", [0.3, 1.0, 5.0, 50.0, 1000.0, 1e5])
@pytest.mark.parametrize("shape", [1.0 + 0 * X, 1.5 - (X - 10) / 70, 1.0 + 1.5 * HALO], ids=["flat", "slope", "halo"])
def test_the_background_follows_levels_slopes_and_halos_within_their_noise(copper, make_scan, level, shape):
    truth = level * shape
    counts = np.random.default_rng(7).poisson(truth).astype(float)
    estimate = correct_scan(make_scan(X, counts), copper).background
    # Twice the counting error of a mean over the 3° the curve may bend in (150 points), and the 0.3 % a smooth curve may err.
    allowed = 2.0 / np.sqrt(150.0 * truth) + 0.003
    assert np.mean(((estimate / truth - 1) / allowed) ** 2) < 1.0


@pytest.mark.parametrize("level", [20.0, 1000.0, 1e5])
def test_lines_on_a_halo_leave_the_background_within_a_tenth(copper, make_scan, lorentz, level):
    rng = np.random.default_rng(11)
    truth = level * (0.3 + 10.0 / X + 2.0 * HALO)
    lines = sum(lorentz(X, c, level * rng.uniform(0.1, 2.0), 0.12) for c in rng.uniform(12, 78, 30))
    estimate = correct_scan(make_scan(X, rng.poisson(truth + lines).astype(float)), copper).background
    error = estimate / truth - 1
    assert np.median(np.abs(error)) < 0.10
    assert np.abs(error).max() < 0.30


def test_a_line_cut_off_by_the_end_of_the_scan_does_not_lift_the_background(copper, make_scan, lorentz):
    counts = np.random.default_rng(3).poisson(100.0 + lorentz(X, 10.02, 200.0, 0.1)).astype(float)
    estimate = correct_scan(make_scan(X, counts), copper).background
    assert estimate[0] == pytest.approx(100.0, rel=0.15)


def test_air_scatter_that_rises_to_the_end_is_followed_to_the_end(copper, make_scan):
    truth = 1000.0 * (1.0 + 5.0 * np.exp(-(X - 10.0) / 3.0))
    estimate = correct_scan(make_scan(X, np.random.default_rng(5).poisson(truth).astype(float)), copper).background
    assert np.abs(estimate / truth - 1).max() < 0.10


def test_nothing_is_subtracted_and_sigma_stays_as_counted(copper, make_scan):
    counts = np.random.default_rng(1).poisson(30.0, X.size).astype(float)
    pattern = correct_scan(make_scan(X, counts), copper)
    np.testing.assert_array_equal(pattern.intensity, counts)
    np.testing.assert_array_equal(pattern.sigma, np.sqrt(np.maximum(counts, 1.0)))


def test_a_gap_and_a_change_of_step_do_not_bend_the_background(copper, make_scan):
    grid = np.r_[np.arange(20.0, 25.0, 0.02), np.arange(32.0, 45.0, 0.05)]
    counts = np.random.default_rng(2).poisson(400.0, grid.size).astype(float)
    estimate = correct_scan(make_scan(grid, counts), copper).background
    # Twice the counting error of the 60 points that 3° of the coarser part hold.
    assert np.sqrt(np.mean((estimate / 400.0 - 1) ** 2)) < 2.0 / np.sqrt(60 * 400.0)


def test_scaling_counts_and_sigma_together_scales_the_background(copper, make_scan):
    counts = np.random.default_rng(4).poisson(50.0 + 80.0 * HALO).astype(float)
    sigma = np.sqrt(np.maximum(counts, 1.0))
    one = correct_scan(make_scan(X, counts, sigma=sigma, source="column"), copper).background
    many = correct_scan(make_scan(X, 1000.0 * counts, sigma=1000.0 * sigma, source="column"), copper).background
    np.testing.assert_allclose(many, 1000.0 * one, rtol=1e-6)
