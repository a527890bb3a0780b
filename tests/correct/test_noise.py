"""Noise is in absolute terms, and a file whose scatter contradicts it is told so."""

import numpy as np
import pytest

from xrdkna.correct import correct_scan

X = np.arange(10.0, 60.0, 0.02)


def codes(pattern):
    return [notice.code for notice in pattern.notices]


@pytest.mark.parametrize("level", [5.0, 300.0, 2e4])
@pytest.mark.parametrize("unit", [1e-4, 1.0, 37.0])
def test_relative_noise_is_brought_to_the_scale_of_the_scatter(copper, make_scan, lorentz, level, unit):
    truth = level * (1.0 + 10.0 / X) + lorentz(X, 30.0, 2.0 * level, 0.1)
    counts = np.random.default_rng(9).poisson(truth).astype(float)
    scan = make_scan(X, unit * counts, sigma=np.sqrt(np.maximum(counts, 1.0)), source="relative")
    pattern = correct_scan(scan, copper)
    assert np.sqrt(np.mean(pattern.sigma**2)) == pytest.approx(unit * np.sqrt(np.mean(truth)), rel=0.08)
    assert codes(pattern) == ["relative-noise"]


def test_subtracted_data_get_a_floor_instead_of_certain_zeros(copper, make_scan):
    counts = np.random.default_rng(9).poisson(400.0, X.size).astype(float) - 400.0
    scan = make_scan(X, counts, sigma=np.sqrt(np.maximum(np.abs(counts), 1e-3)), source="relative")
    pattern = correct_scan(scan, copper)
    assert np.median(pattern.sigma) == pytest.approx(20.0, rel=0.3)


@pytest.mark.parametrize("level", [0.3, 2.0, 20.0, 5000.0])
def test_honest_counts_raise_no_notice(copper, make_scan, level):
    counts = np.random.default_rng(8).poisson(level, X.size).astype(float)
    assert codes(correct_scan(make_scan(X, counts), copper)) == []


@pytest.mark.parametrize(("change", "factor"), [(0.25, 0.5), (4.0, 2.0)], ids=["counts per second", "counts multiplied"])
def test_rescaled_counts_are_noticed_with_their_factor_and_sigma_is_kept(copper, make_scan, change, factor):
    counts = change * np.random.default_rng(8).poisson(900.0, X.size).astype(float)
    pattern = correct_scan(make_scan(X, counts), copper)
    assert codes(pattern) == ["noise-inconsistent"]
    stated = float(pattern.notices[0].sentence.split("scatters ")[1].split()[0])
    assert stated == pytest.approx(factor, rel=0.05)
    np.testing.assert_array_equal(pattern.sigma, np.sqrt(np.maximum(counts, 1.0)))


def test_smoothed_counts_are_noticed(copper, make_scan):
    counts = np.convolve(np.random.default_rng(8).poisson(900.0, X.size + 4), np.ones(5) / 5, mode="valid")
    assert codes(correct_scan(make_scan(X, counts), copper)) == ["noise-inconsistent"]


def test_real_counts_and_a_real_uncertainty_column_raise_no_notice(copper, make_scan, real_file):
    counts = np.loadtxt(real_file("qpa/corundum.prn"))
    assert codes(correct_scan(make_scan(counts[:, 0], counts[:, 1]), copper)) == []
    column = np.loadtxt(real_file("series/coincell8_LDE2/xrd_data/1355639_summed_mythen3.xye"))
    assert codes(correct_scan(make_scan(column[:, 0], column[:, 1], sigma=column[:, 2], source="column"), copper)) == []


def test_relative_noise_of_a_real_scan_comes_back_to_its_own_column(copper, make_scan, real_file):
    data = np.loadtxt(real_file("series/coincell8_LDE2/xrd_data/1355639_summed_mythen3.xye"))
    pattern = correct_scan(make_scan(data[:, 0], data[:, 1], sigma=3.7 * data[:, 2], source="relative"), copper)
    assert np.median(pattern.sigma / data[:, 2]) == pytest.approx(1.0, abs=0.12)
