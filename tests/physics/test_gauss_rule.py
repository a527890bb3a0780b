"""Gauss rules of measured distributions, against the classical rules of scipy."""

import numpy as np
import pytest
from scipy.special import roots_jacobi, roots_legendre

from xrdkna.physics.gauss_rule import gauss_rule, gauss_rule_slopes


@pytest.mark.parametrize("nodes", [1, 2, 5, 20, 64])
def test_an_even_distribution_has_the_rule_of_legendre(nodes):
    x, w = roots_legendre(2 * nodes)
    node, weight, _ = gauss_rule(x[None], w[None] / 2.0, nodes)
    expected, expected_weight = roots_legendre(nodes)
    assert node[0] == pytest.approx(expected, abs=1e-13)
    assert weight[0] == pytest.approx(expected_weight / 2.0, abs=1e-13)


def test_rows_keep_apart_and_follow_their_own_unit():
    x, w = roots_legendre(40)
    slanted = w * (1.0 + x)
    stacked = np.array([3e-8 * x, 700.0 * x])
    masses = np.array([w / w.sum(), slanted / slanted.sum()])
    node, weight, _ = gauss_rule(stacked, masses, 6)
    expected, expected_weight = roots_jacobi(6, 0.0, 1.0)
    assert node[0] / 3e-8 == pytest.approx(roots_legendre(6)[0], abs=1e-13)
    assert node[1] / 700.0 == pytest.approx(expected, abs=1e-13)
    assert weight[1] == pytest.approx(expected_weight / expected_weight.sum(), abs=1e-13)


@pytest.mark.parametrize("nodes", [1, 2, 7])
def test_slopes_are_finite_differences_of_the_rule(nodes):
    x, w = roots_legendre(30)
    mass = w * np.exp(-x)
    change = w * np.cos(3.0 * x)

    def rule(step):
        moved = mass + step * change
        return gauss_rule(x[None], moved[None] / moved.sum(), nodes)[:2]

    total = mass.sum()
    d_mass = change / total - mass / total * change.sum() / total
    d_node, d_weight = gauss_rule_slopes(x[None], d_mass[None, None], *gauss_rule(x[None], mass[None] / total, nodes))
    (up, up_weight), (down, down_weight) = rule(1e-5), rule(-1e-5)
    assert d_node[0] == pytest.approx((up - down) / 2e-5, rel=1e-6, abs=1e-8)
    assert d_weight[0] == pytest.approx((up_weight - down_weight) / 2e-5, rel=1e-6, abs=1e-8)
