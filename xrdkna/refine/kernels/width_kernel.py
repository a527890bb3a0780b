"""The width and shape of a line from its Gaussian and its Lorentzian part, with slopes, compiled."""

import math
from typing import NamedTuple

from xrdkna.physics.compiled import compiled

# Narrowest widths (degrees): keep the mixed width differentiable where a phase has none.
NARROWEST = 1e-4


class Width(NamedTuple):
    """A line's width and shape, and their slopes; see `Lines`."""

    fwhm: float
    eta: float
    by_gaussian_fwhm: float
    by_gaussian_eta: float
    by_lorentzian_fwhm: float
    by_lorentzian_eta: float


# Takes and returns numbers: to hand all the arrays of `Lines` to a function costs more than this formula.
@compiled
def mixed_width(gaussian_squared: float, lorentzian: float) -> Width:
    """Full width and Lorentzian share of a line (Thompson et al. 1987, eqs 3 and 4), and their slopes."""
    # Below its floor a width no longer follows its parameters; at zero, where a bound may have put it, it does.
    moves_g = 1.0 if gaussian_squared > NARROWEST * NARROWEST else 0.0
    moves_l = 1.0 if lorentzian > -NARROWEST else 0.0
    g, w = math.sqrt(max(gaussian_squared, NARROWEST * NARROWEST)), max(lorentzian, NARROWEST)
    g2, w2 = g * g, w * w
    fifth = g2 * g2 * g + 2.69269 * g2 * g2 * w + 2.42843 * g2 * g * w2 + 4.47163 * g2 * w2 * w + 0.07842 * g * w2 * w2 + w2 * w2 * w
    fwhm = fifth**0.2
    fourth = 5.0 * fifth / fwhm
    d_g = (5.0 * g2 * g2 + 10.77076 * g2 * g * w + 7.28529 * g2 * w2 + 8.94326 * g * w2 * w + 0.07842 * w2 * w2) / fourth
    d_w = (2.69269 * g2 * g2 + 4.85686 * g2 * g * w + 13.41489 * g2 * w2 + 0.31368 * g * w2 * w + 5.0 * w2 * w2) / fourth
    q = w / fwhm
    slope = 1.36603 - 0.95438 * q + 0.33348 * q * q
    by_square = 0.5 / g * moves_g
    return Width(
        fwhm,
        (1.36603 - 0.47719 * q + 0.11116 * q * q) * q,
        d_g * by_square,
        -slope * q / fwhm * d_g * by_square,
        d_w * moves_l,
        slope * (1.0 - q * d_w) / fwhm * moves_l,
    )
