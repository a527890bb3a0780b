"""The compiled linear algebra of one scan, against numpy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xrdkna.refine.kernels.normal_equations import gradient_of, normal_equations
from xrdkna.refine.search.bounded import inverse_of, live_step


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 41), st.integers(1, 900), st.integers(0, 2**31))
def test_normal_equations_are_those_of_numpy_whatever_their_size(parameters: int, points: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    jacobian, weight, residual = random.normal(size=(parameters, points)), random.uniform(0.0, 4.0, points), random.normal(size=points)
    normal, gradient, again = np.empty((parameters, parameters)), np.empty(parameters), np.empty(parameters)
    normal_equations(jacobian, weight, residual, normal, gradient)
    gradient_of(jacobian, weight, residual, again)
    np.testing.assert_allclose(normal, (jacobian * weight) @ jacobian.T, atol=1e-10)
    np.testing.assert_allclose(gradient, jacobian @ (weight * residual), atol=1e-10)
    np.testing.assert_allclose(again, gradient, atol=1e-10)


def test_the_inverse_of_badly_scaled_information_is_that_of_numpy() -> None:
    random = np.random.default_rng(5)
    rows = random.normal(size=(30, 80)) * 10.0 ** random.uniform(-4, 4, 30)[:, None]
    information = rows @ rows.T
    size = np.sqrt(np.diag(information))
    expected = np.linalg.inv(information / np.outer(size, size)) / np.outer(size, size)
    np.testing.assert_allclose(inverse_of(information) * np.outer(size, size), expected * np.outer(size, size), rtol=1e-8, atol=1e-8)


def test_a_parameter_nobody_measures_is_left_out_and_spoils_no_other() -> None:
    information = np.diag([4.0, 0.0, 9.0])
    covariance = inverse_of(information)
    assert covariance[0, 0] == pytest.approx(0.25)
    assert covariance[2, 2] == pytest.approx(1.0 / 9.0)
    assert not covariance[1].any()
    assert np.isfinite(covariance).all()


def test_a_step_of_the_live_parameters_is_that_of_the_system_without_the_others() -> None:
    random = np.random.default_rng(6)
    rows = random.normal(size=(5, 40))
    normal, gradient, free = rows @ rows.T, random.normal(size=5), random.normal(size=5)
    live = np.array([True, False, True, True, False])
    pull, mean = np.array([0.0, 1.0, 3.0, 0.0, 2.0]), random.normal(size=5)
    room = np.array([np.full(5, -np.inf), np.full(5, np.inf), mean, pull])
    step, promise = live_step(normal, gradient, live, free, room)
    inner = (normal + np.diag(pull))[np.ix_(live, live)]
    push = (gradient - pull * (free - mean))[live]
    np.testing.assert_allclose(step[live], np.linalg.solve(inner, push), rtol=1e-8)
    assert not step[~live].any()
    assert promise == pytest.approx(float(push @ step[live]), rel=1e-8)
