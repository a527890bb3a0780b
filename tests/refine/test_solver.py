"""The least-squares solver on problems whose answers others have certified."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import lsq_linear

from xrdkna.refine.search.solver import Problem, solve

UNBOUND = np.full(2, np.inf)


def problem_of(observed, evaluate, *, lower=-UNBOUND, upper=UNBOUND, mean=None, prior=None, weight=None) -> Problem:
    count = len(lower)
    return Problem(
        observed=np.asarray(observed, dtype=float),
        weight=np.ones(len(observed)) if weight is None else weight,
        evaluate=evaluate,
        lower=np.asarray(lower, dtype=float),
        upper=np.asarray(upper, dtype=float),
        prior_mean=np.zeros(count) if mean is None else np.asarray(mean, dtype=float),
        prior_weight=np.zeros(count) if prior is None else np.asarray(prior, dtype=float),
    )


@pytest.mark.parametrize("start", [(500.0, 1e-4), (250.0, 5e-4)])
def test_misra1a_of_nist_comes_out_certified(start):
    """NIST Statistical Reference Datasets, Misra1a: both of its starting points, certified values and standard deviations."""
    x = np.array([77.6, 114.9, 141.1, 190.8, 239.9, 289.0, 332.8, 378.4, 434.8, 477.3, 536.8, 593.1, 689.1, 760.0])
    y = np.array([10.07, 14.73, 17.94, 23.93, 29.61, 35.18, 40.02, 44.82, 50.76, 55.05, 61.01, 66.40, 75.47, 81.78])

    def evaluate(b):
        decay = np.exp(-b[1] * x)
        return b[0] * (1 - decay), np.array([1 - decay, b[0] * x * decay])

    solution = solve(problem_of(y, evaluate, weight=np.full(14, 1e8)), np.array(start), tolerance=1e-15, max_iterations=200)
    assert solution.converged
    assert solution.values == pytest.approx([238.94212918, 5.5015643181e-4], rel=1e-6)
    deviation = np.sqrt(np.diag(solution.covariance()) * solution.chi_squared / 12)
    assert deviation == pytest.approx([2.7070075241, 7.2668688436e-6], rel=1e-4)


@given(st.integers(0, 10_000))
def test_bounds_are_kept_and_the_answer_is_scipys(seed):
    rng = np.random.default_rng(seed)
    design = rng.normal(size=(30, 4))
    observed = design @ rng.normal(size=4) * 2 + rng.normal(size=30)
    lower, upper = np.array([-0.5, 0.0, -np.inf, -1.0]), np.array([0.5, np.inf, 0.3, 1.0])
    authority = lsq_linear(design, observed, (lower, upper), tol=1e-12)
    problem = problem_of(observed, lambda b: (design @ b, design.T), lower=lower, upper=upper, weight=np.full(30, 1e6))
    solution = solve(problem, np.zeros(4), tolerance=1e-14, max_iterations=200)
    assert np.all((solution.values >= lower) & (solution.values <= upper))
    assert solution.values == pytest.approx(authority.x, abs=2e-3)


def test_a_prior_is_one_more_observation():
    """Ten measurements of 3 ± 1 and a prior of 0 ± 1 make a mean of 30/11 with variance 1/11."""
    problem = problem_of(
        np.full(10, 3.0), lambda b: (np.full(10, b[0]), np.ones((1, 10))), lower=[-np.inf], upper=[np.inf], mean=[0.0], prior=[1.0]
    )
    solution = solve(problem, np.zeros(1), tolerance=1e-12, max_iterations=50)
    esd = np.sqrt(solution.covariance()[0, 0])
    assert esd == pytest.approx(1 / np.sqrt(11))
    assert abs(solution.values[0] - 30 / 11) < 0.05 * esd


def test_a_parameter_held_by_its_bound_has_no_esd_and_a_useless_one_stays_where_it_is():
    x = np.arange(10.0)
    problem = problem_of(
        -x, lambda b: (b[0] * x, np.array([x, np.zeros(10), np.zeros(10)])), lower=[0.0, -1.0, -np.inf], upper=[5.0, 1.0, np.inf]
    )
    solution = solve(problem, np.array([1.0, 0.7, 3.0]), tolerance=1e-9, max_iterations=50)
    assert solution.values == pytest.approx([0.0, 0.7, 3.0])
    assert solution.held[0]
    assert solution.covariance()[0, 0] == 0.0


def test_running_out_of_iterations_is_said():
    x = np.linspace(0, 1, 50)
    problem = problem_of(
        np.exp(-5 * x) * 1e3,
        lambda b: (b[0] * np.exp(-b[1] * x), np.array([np.exp(-b[1] * x), -b[0] * x * np.exp(-b[1] * x)])),
        lower=[-1e4, -50.0],
        upper=[1e4, 50.0],
    )
    assert not solve(problem, np.array([1.0, 0.1]), tolerance=1e-12, max_iterations=2).converged
