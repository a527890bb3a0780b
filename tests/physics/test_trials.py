"""Noise that is searched exceeds what noise at one place does: the formula against noise that was made and searched."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xrdkna.physics.trials import critical_sigmas, log_chance_anywhere, sigmas_anywhere, sigmas_of_two


def largest_sigmas(half_range: float, *, patterns: int, seed: int) -> np.ndarray:
    """(patterns,) the largest significance of a Gaussian line of σ = 1 in white noise, its place anywhere within ± half_range: a process
    with correlation exp(−δ²/4), so that √Λ = 1/√2."""
    step = 0.1
    grid = np.arange(-half_range - 6.0, half_range + 6.0, step)
    places = np.arange(-half_range, half_range + 0.5 * step, step)
    lines = np.exp(-0.5 * (grid - places[:, None]) ** 2)
    lines /= np.linalg.norm(lines, axis=1)[:, None]
    noise = np.random.default_rng(seed).standard_normal((patterns, grid.size))
    return (noise @ lines.T).max(axis=1)


@pytest.mark.parametrize("half_range", [1.0, 5.0, 20.0])
def test_noise_that_is_searched_exceeds_the_critical_sigmas_in_five_percent(half_range: float) -> None:
    # A range 2 h is that of a normal expectation with √(2π) s = 2 h.
    reach = np.array([2.0 * half_range / np.sqrt(2.0 * np.pi) / np.sqrt(2.0)])
    critical = critical_sigmas(reach)
    found = largest_sigmas(half_range, patterns=8000, seed=3)
    assert np.mean(found > critical) == pytest.approx(0.05, abs=0.012)
    # One place alone would be exceeded far more often.
    assert np.mean(found > 1.645) > 0.09


def test_where_nothing_is_searched_currie_stands() -> None:
    nowhere = np.zeros(0)
    assert critical_sigmas(nowhere) == pytest.approx(1.645, abs=1e-3)
    for sigmas in (-2.0, 0.5, 1.7, 5.0, 60.0):
        assert sigmas_anywhere(sigmas, nowhere) == pytest.approx(sigmas, rel=1e-9)
        assert sigmas_anywhere(sigmas, np.zeros(3)) == pytest.approx(sigmas, rel=1e-9)


@given(st.lists(st.floats(0.0, 5.0), max_size=5), st.floats(-3.0, 50.0), st.floats(0.001, 10.0))
def test_a_search_never_adds_significance_and_keeps_the_order(reach: list[float], sigmas: float, more: float) -> None:
    far = np.array(reach)
    here, there = sigmas_anywhere(sigmas, far), sigmas_anywhere(sigmas + more, far)
    assert here <= sigmas
    assert there >= here - 1e-6
    assert log_chance_anywhere(sigmas, far) <= 0.0


def test_what_is_critical_counts_as_the_one_sided_five_percent() -> None:
    for reach in ([0.3], [1.0, 1.0], [2.0, 0.5, 0.1]):
        critical = critical_sigmas(np.array(reach))
        assert sigmas_anywhere(critical, np.array(reach)) == pytest.approx(1.6449, abs=1e-3)


def test_of_two_looks_the_better_has_twice_its_chance() -> None:
    assert sigmas_of_two(1.96, -1.0) == pytest.approx(1.6449, abs=1e-3)
    assert sigmas_of_two(0.1, 4.0) == pytest.approx(3.831, abs=1e-2)
    assert sigmas_of_two(-2.0, -3.0) < sigmas_of_two(-1.0, -3.0) < sigmas_of_two(0.5, 0.6) < 0.0
