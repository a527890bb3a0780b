"""Where σ comes from, and that nothing is taken for σ that is not."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from xrdkna.read.formats import read_scan
from xrdkna.read.uncertainty import looks_like_sigma
from xrdkna.records.scan import Scan

Write = Callable[..., Path]
Counted = tuple[NDArray[np.float64], NDArray[np.float64]]


def codes(scan: Scan) -> set[str]:
    return {notice.code for notice in scan.notices}


def table(*columns: NDArray[np.float64]) -> str:
    return "\n".join(" ".join(f"{value:.6f}" for value in row) for row in zip(*columns, strict=True)) + "\n"


def expected(seed: int, level: float, peak: float) -> NDArray[np.float64]:
    x = np.linspace(0, 1, 400)
    where = np.random.default_rng(seed).uniform(0.2, 0.8)
    return np.asarray(level + level * peak * np.exp(-(((x - where) / 0.02) ** 2)))


@given(seed=st.integers(0, 999), level=st.floats(20, 5000), peak=st.floats(0, 50), scale=st.floats(1e-3, 1e3))
def test_a_column_that_goes_as_the_root_is_sigma_on_any_scale_and_a_curve_is_not(
    seed: int, level: float, peak: float, scale: float
) -> None:
    model = expected(seed, level, peak)
    counts = np.random.default_rng(seed).poisson(model).astype(float)
    sigma = np.sqrt(np.maximum(counts, 1.0))
    assert looks_like_sigma(scale * counts, scale * sigma)
    assert not looks_like_sigma(scale * counts, scale * model)
    assert not looks_like_sigma(scale * counts, np.full(counts.shape, level * scale))
    assert not looks_like_sigma(scale * counts, scale * (counts - model))
    assert not looks_like_sigma(scale * counts, np.zeros(counts.shape))


def test_sigma_with_the_scatter_of_a_summed_synchrotron_scan_is_still_sigma() -> None:
    random = np.random.default_rng(5)
    counts = random.poisson(expected(5, 300.0, 20.0)).astype(float)
    sigma = np.sqrt(counts / random.integers(1, 4, counts.size))
    assert looks_like_sigma(counts, sigma)


def test_a_third_column_is_sigma_and_its_zeros_become_counting(write: Write, counted: Counted) -> None:
    two_theta, counts = counted
    sigma = np.sqrt(counts)
    sigma[[3, 7]] = 0.0
    scan = read_scan(write(table(two_theta, counts, sigma), "a.xye"))
    assert scan.sigma_source == "column"
    assert scan.sigma[[3, 7]] == pytest.approx(np.sqrt(counts[[3, 7]]), abs=1e-6)
    assert any("2 of 200 uncertainties" in notice.sentence for notice in scan.notices)


def test_a_calculated_curve_in_the_third_column_is_named_and_not_used(write: Write, counted: Counted) -> None:
    two_theta, counts = counted
    scan = read_scan(write(table(two_theta, counts, np.convolve(counts, np.ones(5) / 5, "same"))))
    assert scan.sigma_source == "counts"
    assert scan.sigma == pytest.approx(np.sqrt(np.maximum(counts, 1.0)))
    assert any("does not look like a standard uncertainty" in notice.sentence for notice in scan.notices)


def test_a_column_called_sigma_is_believed_whatever_it_looks_like(write: Write, counted: Counted) -> None:
    two_theta, counts = counted
    scan = read_scan(write("2theta intensity sigma\n" + table(two_theta, counts, np.full(200, 7.0))))
    assert scan.sigma_source == "column"
    assert scan.sigma == pytest.approx(7.0)


def test_whole_numbers_are_counts_and_a_zero_count_has_sigma_one(write: Write) -> None:
    scan = read_scan(write("10 0\n11 4\n12 9\n13 2.0\n"))
    assert scan.sigma_source == "counts"
    assert scan.sigma == pytest.approx([1.0, 2.0, 3.0, np.sqrt(2.0)])
    assert not codes(scan)


def test_counts_times_a_constant_keep_the_relative_error_of_the_counts(write: Write, counted: Counted) -> None:
    two_theta, counts = counted
    scan = read_scan(write(table(two_theta, 5.0 * counts)))
    assert scan.sigma == pytest.approx(5.0 * np.sqrt(np.maximum(counts, 1.0)))
    assert "counts-multiplied" in codes(scan)


def test_intensities_without_errors_are_relative_only_and_their_scale_means_nothing(write: Write, counted: Counted) -> None:
    two_theta, counts = counted
    one = read_scan(write(table(two_theta, counts / 987.6)))
    ten = read_scan(write(table(two_theta, counts / 98.76)))
    assert one.sigma_source == ten.sigma_source == "relative"
    assert any(notice.severity == "warning" and "errors are relative only" in notice.sentence for notice in one.notices)
    assert ten.sigma / one.sigma == pytest.approx(np.sqrt(10.0), rel=1e-3)


def test_a_background_subtracted_scan_has_positive_sigma_everywhere(write: Write, counted: Counted) -> None:
    two_theta, counts = counted
    scan = read_scan(write(table(two_theta, counts - np.median(counts) - 0.3)))
    assert scan.intensity.min() < 0
    assert scan.sigma.min() > 0
    assert scan.sigma_source == "relative"


def test_counts_per_second_with_their_count_time_become_counts_again(write: Write, counted: Counted) -> None:
    two_theta, counts = counted
    scan = read_scan(write("# Time per step (s) = 4.0\n2theta  intensity_cps\n" + table(two_theta, counts / 4.0)))
    assert scan.intensity == pytest.approx(counts)
    assert scan.sigma == pytest.approx(np.sqrt(np.maximum(counts, 1.0)))
    assert (scan.sigma_source, scan.count_time) == ("counts", 4.0)
    assert "rate-to-counts" in codes(scan)


def test_a_rate_without_a_count_time_is_relative_even_in_whole_numbers(write: Write, counted: Counted) -> None:
    two_theta, counts = counted
    assert read_scan(write("2theta  Intensity (cps)\n" + table(two_theta, counts))).sigma_source == "relative"


def test_smoothed_numbers_beside_a_count_time_are_not_taken_for_counts(write: Write, counted: Counted) -> None:
    two_theta, counts = counted
    smoothed = np.convolve(counts, [0.21, 0.58, 0.21], "same")
    assert read_scan(write("TimePerStep: 2\n" + table(two_theta, smoothed))).sigma_source == "relative"
