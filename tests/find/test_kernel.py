"""The compiled kernel against the formulas it stands for."""

import numpy as np
import pytest

from xrdkna.find.kernel import add_reflections, add_with_derivatives, factored, inverse_diagonal, solved

X = np.arange(38.0, 42.0, 0.01)
RATIOS, SHARES = np.array([1.0, 1.5444274 / 1.5405929]), np.array([2 / 3, 1 / 3])
LINE = np.array([40.0, 120.0, np.log(0.11), 0.4])


def drawn(parameters, doublet):
    return doublet(X, parameters[0], parameters[1], np.exp(parameters[2]), parameters[3])


def test_a_reflection_is_the_doublet_of_the_formula(doublet):
    total = np.zeros(X.size)
    add_reflections(X, *(np.array([value]) for value in (40.0, 120.0, 0.11, 0.4)), RATIOS, SHARES, 1e-9, 1.0, total)
    np.testing.assert_allclose(total, drawn(LINE, doublet), rtol=1e-9)


@pytest.mark.parametrize("which", range(4))
def test_derivatives_are_those_of_finite_differences(doublet, which):
    rows, model = np.empty((4, X.size)), np.zeros(X.size)
    add_with_derivatives(X, 40.0, 120.0, 0.11, 0.4, RATIOS, SHARES, model, *rows)
    np.testing.assert_allclose(model, drawn(LINE, doublet), rtol=1e-9)
    step = np.zeros(4)
    step[which] = 1e-5 * max(abs(LINE[which]), 1.0)
    expected = (drawn(LINE + step, doublet) - drawn(LINE - step, doublet)) / (2 * step[which])
    np.testing.assert_allclose(rows[which], expected, atol=1e-4 * np.abs(expected).max())


def test_small_systems_are_solved_and_inverted_as_numpy_does():
    rng = np.random.default_rng(4)
    design = rng.normal(size=(30, 7)) * np.geomspace(1e-3, 1e3, 7)
    matrix, right = design.T @ design, rng.normal(size=7)
    factor, scale, answer, diagonal = np.empty((7, 7)), np.empty(7), np.empty(7), np.empty(7)
    factored(matrix, 0.0, np.zeros(7, dtype=bool), factor, scale)
    solved(factor, scale, right, answer)
    inverse_diagonal(factor, scale, diagonal)
    np.testing.assert_allclose(answer, np.linalg.solve(matrix, right), rtol=1e-6)
    np.testing.assert_allclose(diagonal, np.diag(np.linalg.inv(matrix)), rtol=1e-6)


def test_a_parameter_that_is_held_takes_no_step_and_the_others_go_as_if_it_were_not_there():
    matrix, right, held = np.array([[4.0, 1.0, 0.5], [1.0, 3.0, 0.2], [0.5, 0.2, 2.0]]), np.ones(3), np.array([False, True, False])
    factor, scale, answer = np.empty((3, 3)), np.empty(3), np.empty(3)
    factored(matrix, 0.0, held, factor, scale)
    solved(factor, scale, right, answer)
    assert answer[1] == 0.0
    np.testing.assert_allclose(answer[[0, 2]], np.linalg.solve(matrix[np.ix_([0, 2], [0, 2])], np.ones(2)), rtol=1e-6)
