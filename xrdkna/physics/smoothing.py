"""A smooth curve through noisy points: Whittaker (1923), Proc. Edinb. Math. Soc. 41, 63; Eilers (2003), Anal. Chem. 75, 3631."""

import math

import numpy as np
from scipy.linalg import solveh_banded

from xrdkna.records.arrays import FloatArray


def whittaker_curve(values: FloatArray, weights: FloatArray, *, stiffness: float) -> FloatArray:
    """(n,) the curve z that minimises Σ w (y − z)² + stiffness·Σ (z₋₁ − 2z + z₊₁)², for n of at least 4 equidistant points.

    weights: (n,) not negative, of mean one or so, somewhere positive; where they are zero the curve is carried on.
    """
    n = values.size
    bands = np.zeros((3, n))
    bands[0, 2:] = stiffness
    bands[1, 1:] = stiffness * -4.0
    bands[1, [1, -1]] = stiffness * -2.0
    bands[2] = stiffness * 6.0
    bands[2, [0, -1]] = stiffness
    bands[2, [1, -2]] = stiffness * 5.0
    bands[2] += weights + 1e-9
    return np.asarray(solveh_banded(bands, weights * values, check_finite=False))


def whittaker_stiffness(bend_length: float, *, step: float) -> float:
    """The stiffness at which a wave of this length, in the unit of the step, is halved (weights of one)."""
    return (bend_length / (2.0 * math.pi * step)) ** 4
