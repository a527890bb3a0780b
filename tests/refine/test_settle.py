"""The last steps of a fit: on to the end of the valley, and an honest word where that is not reached."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import least_squares, lsq_linear

from xrdkna.records.arrays import FloatArray
from xrdkna.refine.search.settle import settle
from xrdkna.refine.search.solver import Problem, Solution, solve

X = np.linspace(0.0, 10.0, 200)


def problem_of(
    observed: FloatArray, weight: FloatArray, evaluate: Callable[[FloatArray], tuple[FloatArray, FloatArray]], room: FloatArray
) -> Problem:
    nothing = np.zeros(room.shape[1])
    return Problem(
        observed=observed, weight=weight, evaluate=evaluate, lower=room[0], upper=room[1], prior_mean=nothing, prior_weight=nothing
    )


def settled(problem: Problem, start: FloatArray, *, linear: tuple[int, ...] = ()) -> Solution:
    """With the weights as given, everything awake."""
    awake, amounts = np.ones(start.size, dtype=bool), np.isin(np.arange(start.size), linear)
    return settle(problem, start, lambda _values, _calculated: problem.weight, awake=awake, linear=amounts, smooth=~awake)[0]


@given(st.integers(0, 10_000))
def test_a_straight_problem_is_done_in_one_step_bounds_and_all(seed: int) -> None:
    rng = np.random.default_rng(seed)
    design = rng.normal(size=(40, 4))
    observed = design @ (2.0 * rng.normal(size=4)) + rng.normal(size=40)
    room = np.array([[-0.5, 0.0, -np.inf, -1.0], [0.5, np.inf, 0.3, 1.0]])
    authority = lsq_linear(design, observed, (room[0], room[1]), tol=1e-13).x
    solution = settled(problem_of(observed, np.full(40, 1.0), lambda b: (design @ b, design.T), room), np.clip(rng.normal(size=4), *room))
    assert solution.converged
    np.testing.assert_allclose(solution.values, authority, atol=2e-3)


def two_lines(values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Two Gaussian lines at one another's feet: heights, places, one width."""
    h1, c1, h2, c2, s = values
    one, two = np.exp(-0.5 * ((X - c1) / s) ** 2), np.exp(-0.5 * ((X - c2) / s) ** 2)
    widths = (h1 * one * (X - c1) ** 2 + h2 * two * (X - c2) ** 2) / s**3
    return h1 * one + h2 * two, np.array([one, h1 * one * (X - c1) / s**2, two, h2 * two * (X - c2) / s**2, widths])


@pytest.mark.parametrize("seed", range(6))
def test_a_fit_that_stopped_early_goes_on_to_where_scipy_ends(seed: int) -> None:
    truth = np.array([300.0, 4.0, 120.0, 4.9, 0.5])
    expected = two_lines(truth)[0] + 20.0
    observed = np.random.default_rng(seed).poisson(expected) - 20.0
    weight = 1.0 / expected
    room = np.array([[0.0, 0.0, 0.0, 0.0, 0.1], [1e5, 10.0, 1e5, 10.0, 3.0]])
    problem = problem_of(observed, weight, two_lines, room)
    early = solve(problem, np.array([250.0, 4.1, 200.0, 5.0, 0.4]), tolerance=0.02, max_iterations=4)
    solution = settled(problem, early.values, linear=(0, 2))
    root = np.sqrt(weight)
    authority = least_squares(lambda b: root * (two_lines(b)[0] - observed), truth, xtol=1e-14, ftol=1e-14, gtol=1e-14)
    esd = np.sqrt(np.diag(solution.covariance()))
    assert solution.converged
    assert np.abs((solution.values - authority.x) / esd).max() < 0.01
    assert solution.chi_squared <= early.chi_squared + 1e-9


def test_weights_are_those_that_belong_to_where_it_ends() -> None:
    """Poisson counts about a level: weights by what is expected end at the mean, weights by what was counted below it (Neyman's χ²)."""
    counts = np.random.default_rng(3).poisson(20.0, 500).astype(float)
    problem = problem_of(counts, 1.0 / counts, lambda b: (np.full(500, b[0]), np.ones((1, 500))), np.array([[0.0], [1e3]]))
    one = np.ones(1, dtype=bool)
    solution, weight = settle(problem, np.array([15.0]), lambda _, calculated: 1.0 / calculated, awake=one, linear=one, smooth=~one)
    assert solution.values[0] == pytest.approx(counts.mean(), abs=0.01 * np.sqrt(20.0 / 500))
    np.testing.assert_allclose(weight, 1.0 / solution.values[0])
    assert settled(problem, np.array([15.0])).values[0] < counts.mean() - 0.5


def test_what_is_asleep_stays_and_a_valley_without_end_is_said() -> None:
    awake = np.array([True, False])
    line = problem_of(
        2.0 * X, np.ones(X.size), lambda b: (b[0] * X + b[1], np.array([X, np.ones(X.size)])), np.array([[-9.0] * 2, [9.0] * 2])
    )
    solution, _ = settle(line, np.array([0.0, 1.0]), lambda *_: line.weight, awake=awake, linear=awake, smooth=~awake & awake)
    assert solution.values[1] == 1.0
    # amplitude and decay of what decays within the first point: every step leads further out
    far = problem_of(
        np.where(X == 0.0, 50.0, 0.0),
        np.full(X.size, 1e4),
        lambda b: (50.0 * np.exp(-b[0] * X), np.array([-50.0 * X * np.exp(-b[0] * X)])),
        np.array([[0.0], [np.inf]]),
    )
    endless = settled(far, np.array([0.5]))
    assert endless.values[0] > 20.0
