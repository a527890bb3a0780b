"""Grains that absorb more than their neighbours hide themselves: the weight fractions of coarse mixtures are wrong.

Brindley (1945), Phil. Mag. 36, 347; Taylor & Matulis (1991), J. Appl. Cryst. 24, 14.
"""

from collections.abc import Sequence

import numpy as np
from scipy.optimize import brentq
from scipy.special import hyp1f1

from xrdkna.errors import UsageError
from xrdkna.records.arrays import FloatArray

_CM_PER_UM = 1e-4
# µm: larger grains are not powders and give spots, not lines.
_LARGEST_RADIUS = 100.0
# Brindley's classes, (µ − µ̄)·diameter below. In the last one a grain no longer lets the beam through.
_CLASSES = ((0.01, "fine"), (0.1, "medium"), (1.0, "coarse"))
_COARSEST = "very coarse"


def brindley_factor(*, delta_mu: float, radius_um: float) -> tuple[float, float]:
    """Particle absorption factor τ of spheres, and dτ/dx by x = (µ − µ̄)·diameter.

    τ = (1/V) ∫ exp(−(µ − µ̄)·path) dV, path being that in and out through the grain (Brindley 1945). For beams in line,
    paths are whole chords with the volume-weighted density 3s² of s = path/diameter, and
    τ = 3 ∫₀¹ s² exp(−xs) ds = ₁F₁(3; 4; −x) = 1 − 3x/4 + 3x²/10 − …
    The first two terms hold at every angle, the third grows to 4x²/10 in back-reflection: the angle, left out here, changes
    τ by up to 0.1 % at |x| = 0.1 and 11 % at |x| = 1.
    delta_mu: cm⁻¹, either sign. radius_um: µm. Raises UsageError for a radius no powder has.
    """
    x = _contrast(delta_mu, radius_um)
    return float(hyp1f1(3.0, 4.0, -x)), float(-0.75 * hyp1f1(4.0, 5.0, -x))


def microabsorption_class(*, delta_mu: float, radius_um: float) -> str:
    """ "fine", "medium", "coarse" or "very coarse": how much microabsorption matters, by |µ − µ̄|·diameter (Brindley 1945).

    Under 0.01 (fine) the intensity is wrong by under 1 %, no correction is needed; to 0.1 (medium) by up to 7 %, the correction
    can be trusted; to 1 (coarse) it is an estimate; above (very coarse) there is none. Brindley drew these limits for µ of
    the phase itself; a grain among others of the same µ is not hidden, so the contrast is what counts here.
    delta_mu: cm⁻¹. radius_um: µm. Raises UsageError for a radius no powder has.
    """
    contrast = abs(_contrast(delta_mu, radius_um))
    return next((name for limit, name in _CLASSES if contrast <= limit), _COARSEST)


def mean_absorption(weights: FloatArray, *, absorption: Sequence[float | None], density: Sequence[float | None]) -> float:
    """cm⁻¹, µ̄ = Σ vµ of the solid mixture, volume fractions v from weights w/ρ: (n,) on any common scale.

    absorption: (n,) µ in cm⁻¹, density: (n,) g/cm³, of the dense phases. Raises UsageError where one is not known or impossible.
    """
    w, mu, rho = _mixture(weights, absorption=absorption, density=density)
    return float(np.sum(w / rho * mu) / np.sum(w / rho))


def microabsorption_correction(
    weights: FloatArray, *, absorption: Sequence[float | None], density: Sequence[float | None], radius_um: Sequence[float | None]
) -> FloatArray:
    """(n,) weights freed of microabsorption, of the same sum as `weights`: true wₖ ∝ observed wₖ/τₖ (Taylor & Matulis 1991).

    τₖ is the `brindley_factor` of µₖ − µ̄, and µ̄ that of the corrected mixture. Taylor & Matulis iterate; here the µ̄ that
    reproduces itself is bracketed between the smallest and largest µ of the mixture, where it always exists.
    weights: (n,) fractions or percent, 0 allowed. absorption: (n,) cm⁻¹. density: (n,) g/cm³. radius_um: (n,) µm, mean radius of
    the grains (not of the coherent domains that broaden lines). Raises UsageError where a number is not known or
    impossible, and where a grain of the mixture is very coarse, (µ − µ̄)·diameter above 1: no correction holds there.
    """
    w, mu, rho = _mixture(weights, absorption=absorption, density=density)
    if len(radius_um) != len(w):
        raise UsageError(f"microabsorption needs one particle radius a phase; given were {len(radius_um)} for {len(w)} phases.")
    radius = _known(radius_um, name="particle radius")
    present = w > 0.0
    lowest, highest = float(mu[present].min()), float(mu[present].max())

    def corrected(mean: float) -> FloatArray:
        factors = [brindley_factor(delta_mu=float(m) - mean, radius_um=float(r))[0] for m, r in zip(mu, radius, strict=True)]
        return np.asarray(w / np.array(factors))

    def surplus(mean: float) -> float:
        volume = corrected(mean) / rho
        return float(np.sum(volume * mu) / np.sum(volume)) - mean

    # widened, so that rounding cannot move the crossing out of a bracket of no width
    bracket = lowest * (1.0 - 1e-9), highest * (1.0 + 1e-9)
    mean = float(brentq(surplus, *bracket, xtol=1e-13 * highest, rtol=1e-14))
    for k in np.flatnonzero(present):
        if microabsorption_class(delta_mu=float(mu[k]) - mean, radius_um=float(radius[k])) == _COARSEST:
            raise UsageError(
                f"grains of {radius[k]:g} µm radius and µ = {mu[k]:.4g} cm⁻¹ (phase {k + 1} of {len(w)}) in a mixture of {mean:.4g} cm⁻¹ "
                "are too coarse for any correction of microabsorption; grind the specimen or use a shorter wavelength."
            )
    result = corrected(mean)
    return np.asarray(result * (w.sum() / result.sum()))


def _contrast(delta_mu: float, radius_um: float) -> float:
    """(µ − µ̄)·diameter, a number."""
    if not (np.isfinite(delta_mu) and 0.0 <= radius_um <= _LARGEST_RADIUS):
        raise UsageError(
            f"a particle radius of {radius_um} µm with a difference of µ of {delta_mu} cm⁻¹ is not possible; "
            f"the radius must lie between 0 and {_LARGEST_RADIUS:g} µm."
        )
    return delta_mu * 2.0 * radius_um * _CM_PER_UM


def _mixture(
    weights: FloatArray, *, absorption: Sequence[float | None], density: Sequence[float | None]
) -> tuple[FloatArray, FloatArray, FloatArray]:
    w = np.asarray(weights, dtype=np.float64)
    if not len(w) == len(absorption) == len(density):
        raise UsageError(f"{len(w)} weights, {len(absorption)} absorption coefficients and {len(density)} densities do not make a mixture.")
    if not (np.all(np.isfinite(w)) and np.all(w >= 0.0) and w.sum() > 0.0):
        raise UsageError(f"weights {w.tolist()} are not those of a mixture; none may be negative and one must be above 0.")
    return w, _known(absorption, name="absorption coefficient"), _known(density, name="density")


def _known(values: Sequence[float | None], *, name: str) -> FloatArray:
    for k, value in enumerate(values):
        if value is None or not (np.isfinite(value) and value > 0.0):
            said = "is not known" if value is None else f"is {value}, which is not possible"
            raise UsageError(f"the {name} of phase {k + 1} of {len(values)} {said}; microabsorption needs it of every phase.")
    return np.array(values, dtype=np.float64)
