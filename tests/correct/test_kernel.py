"""The compiled curve against scipy's banded solver behind physics.smoothing."""

import numpy as np
import pytest

from xrdkna.correct.kernel import smooth_curve
from xrdkna.physics.smoothing import whittaker_curve


@pytest.mark.parametrize("points", [4, 5, 6, 50, 1400])
@pytest.mark.parametrize("stiffness", [1e-2, 10.0, 1e4])
def test_the_smooth_curve_is_whittakers(points, stiffness):
    rng = np.random.default_rng(points)
    values, weights = rng.normal(100.0, 10.0, points), rng.uniform(0.0, 2.0, points)
    weights[points // 3 : points // 2] = 0.0
    np.testing.assert_allclose(smooth_curve(values, weights, stiffness), whittaker_curve(values, weights, stiffness=stiffness), rtol=1e-6)
