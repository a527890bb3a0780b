"""The noise a fit expects: from the counts that the model predicts, and from how it misses."""

from collections.abc import Mapping

import numpy as np
from scipy.ndimage import uniform_filter1d

from xrdkna.physics.kernel import line_reach
from xrdkna.records.arrays import BoolArray, FloatArray
from xrdkna.records.scan import Pattern
from xrdkna.refine.forward.model import Model, add_line_columns, line_list

# Misfit is judged over this many line widths: wider than a line's own wiggle, narrower than the pattern.
_MISFIT_WIDTHS = 6.0
_TYPICAL_FWHM = 0.2
# Expected counts are never taken below this: a point where the model says 0 would get infinite weight.
FEWEST_COUNTS = 0.1


def local_misfit(model: Model, values: FloatArray, weight: FloatArray, residual: FloatArray) -> FloatArray:
    """(n,) ≥ 1: by how much (squared) the residuals around each point exceed counting statistics.

    Judged twice, over some line widths: point by point, and summed over one line width, where independent noise would
    grow like √points but a wrong profile or a missing line adds up (serial correlation; Bérar & Lelann 1991, J. Appl.
    Cryst. 24, 1). The larger counts. The scatter of such a mean, √(2/terms), is allowed for twice.
    """
    step = float(np.median(np.diff(model.two_theta)))
    lines = line_list(model, values, phases=model.fitted_phases)
    fwhm = float(np.median(lines.fwhm)) if lines.fwhm.size else _TYPICAL_FWHM
    width = max(round(fwhm / step), 1)
    points = int(np.clip(round(_MISFIT_WIDTHS * fwhm / step), 15, max(residual.size // 4, 15)))
    pulls = np.sqrt(weight) * residual
    single = uniform_filter1d(pulls**2, points, mode="nearest") - 2.0 * np.sqrt(2.0 / points)
    summed = np.sqrt(width) * uniform_filter1d(pulls, width, mode="nearest")
    together = uniform_filter1d(summed**2, points, mode="nearest") - 2.0 * np.sqrt(2.0 * width / points)
    return np.asarray(np.maximum(np.maximum(single, together), 1.0))


def unheard_variance(model: Model, values: FloatArray, texture_sd: Mapping[str, float]) -> FloatArray:
    """(n,) variance that texture gives to lines too weak to have a deviation of their own.

    Where strong lines leave the calculated ratios by `texture_sd` (by phase), weak ones do; held at the calculated ratio and taken
    for certain, they would pin the phase's scale, and every strong line would seem to deviate. An error that a whole line shares
    counts once, not once a point: its square is spread over the points within one full width to either side.
    """
    variance = np.zeros(model.two_theta.size)
    textured = [(number, texture_sd[term.reflections.phase]) for number, term in enumerate(model.phases[: model.fitted_phases])
                if term.reflections.phase in texture_sd and np.any(term.texture < 0)]  # fmt: skip
    if not textured:
        return variance
    lines = line_list(model, values, phases=model.fitted_phases)
    step = float(np.median(np.diff(model.two_theta)))
    reach = line_reach(lines.area, lines.fwhm, lines.eta, tolerance=model.tail_tolerance)
    for number, sd in textured:
        own = np.flatnonzero(lines.owner == number)
        texture = np.tile(model.phases[number].texture, own.size // model.phases[number].texture.size)
        column = np.full(lines.owner.size, -1, dtype=np.int64)
        column[own[texture < 0]] = 0
        counts = add_line_columns(model, lines, column, lines.area, reach, 1)[0]
        points = max(2.0 * float(np.median(lines.fwhm[own])) / step, 1.0)
        variance += points * (sd * counts) ** 2
    return variance


def expected_variance(pattern: Pattern, used: BoolArray, calculated: FloatArray) -> FloatArray:
    """(n,) variance the model expects at each point.

    Weighting counts by 1/counts drags every fit below the data (points that fluctuate down weigh more); weighting by
    1/expected does not (Bevington & Robinson 2003, ch. 6; iteratively reweighted least squares is then Poisson maximum
    likelihood to second order). Applies where σ² is counts times a factor (attenuator, time); otherwise σ² stands.
    """
    factor = variance_factor(pattern.intensity[used], pattern.sigma[used], pattern.sigma_source)
    if factor is None:
        return np.asarray(pattern.sigma[used] ** 2)
    return np.asarray(factor * np.maximum(calculated, FEWEST_COUNTS))


def variance_factor(intensity: FloatArray, sigma: FloatArray, source: str) -> FloatArray | None:
    """(n,) σ² over counts, where σ² is counts times a factor; None where it is not. source: of sigma, as in `Scan`."""
    variance, bright = sigma**2, intensity >= 1.0
    if source == "relative" or not bright.any():
        return None
    if source == "counts" and bright.all():
        return np.asarray(variance / intensity)
    factor = variance[bright] / intensity[bright]
    middle = float(np.median(factor))
    if source == "column" and np.mean(np.abs(factor / middle - 1.0) < 0.05) < 0.9:
        return None
    per_point = np.full(intensity.size, middle)
    per_point[bright] = factor
    return per_point
