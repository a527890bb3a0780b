"""The look-elsewhere effect: a phase whose cell and widths are free finds, somewhere, noise that suits it.

The significance z of a phase as a function of where its lines are is a Gaussian process; that it exceeds u somewhere has a probability of
Φ(−u) + φ(u) Σₖ eₖ Heₖ₋₁(u), the expected Euler characteristic of the places where it does (Davies 1987, Biometrika 74, 33; Gross & Vitells
2010, Eur. Phys. J. C 70, 525; Vitells & Gross 2011, Astropart. Phys. 35, 230, for several dimensions). eₖ: the elementary symmetric
polynomials of the reach in each independent direction; Heₖ: Hermite polynomials. A parameter that is expected within a standard deviation s
has a reach of s √Λ, with √Λ how fast the pattern, normalised to unit noise, changes with it.
"""

import numpy as np
from numpy.polynomial.hermite_e import hermeval
from scipy.optimize import brentq
from scipy.special import log_ndtr, ndtri_exp

from xrdkna.records.arrays import FloatArray

# Currie's one-sided error, and its quantile.
CHANCE, SIDED = 0.05, 1.6449
# One-sided quantiles of 2.5 % and of 25 %: of two looks, and where two looks are no evidence at all.
SIDED_OF_TWO, _MIDDLE = 1.9600, 0.67449
# Critical values are looked for from here down: below the largest root the formula is no probability, and may cross 5 % again.
_HIGHEST, _STEP = 30.0, 0.05


def sigmas_anywhere(sigmas: float, reach: FloatArray) -> float:
    """What so many sigmas at the best place are worth once the search is allowed for, the one-sided quantile of their chance; never more
    than `sigmas`. reach: (d,), none for a phase that stays where it is."""
    critical = critical_sigmas(reach)
    if sigmas <= critical:
        # Here excursions are many and the formula no probability; sign and order are kept, and 1.645 is where it was.
        return min(sigmas, sigmas * SIDED / critical)
    return min(sigmas, float(-ndtri_exp(log_chance_anywhere(sigmas, reach))))


def critical_sigmas(reach: FloatArray) -> float:
    """The sigmas at the best place that noise exceeds in 5 % of patterns; 1.645 where nothing is searched."""
    missing = np.log(CHANCE)
    # From above: in several directions the formula is no probability again around 1.645, and may be small there.
    grid = np.arange(_HIGHEST, SIDED, -_STEP)
    below = next((u for u in grid.tolist() if log_chance_anywhere(u, reach) > missing), None)
    if below is None:
        return SIDED
    return float(brentq(lambda u: log_chance_anywhere(u, reach) - missing, below, below + _STEP))


def log_chance_anywhere(sigmas: float, reach: FloatArray) -> float:
    """ln of the chance that noise alone exceeds so many sigmas somewhere within this reach (d,); 0 at most."""
    local = float(log_ndtr(-sigmas))
    searched = float(hermeval(sigmas, np.poly(-reach)[1:])) if reach.size else 0.0
    if searched <= 0.0:
        return local
    density = -0.5 * sigmas**2 - 0.5 * np.log(2.0 * np.pi)
    return min(float(np.logaddexp(local, density + np.log(searched))), 0.0)


def sigmas_of_two(one: float, other: float) -> float:
    """What the better of two looks is worth: twice its one-sided chance (Bonferroni), as sigmas. Where that is no small number, sign and
    order are kept."""
    best = max(one, other)
    return float(-ndtri_exp(np.log(2.0) + log_ndtr(-best))) if best > _MIDDLE else best - _MIDDLE
