"""What the counts themselves say against a fit: lines too many or too few, a background that jumps, tops that are cut off."""

import numpy as np
from scipy.ndimage import maximum_filter1d

from xrdkna.records.arrays import FloatArray
from xrdkna.refine.forward.model import LineList
from xrdkna.refine.search.fit import Fitted

# Residuals summed over one line width contradict the model beyond this many sigmas, this share of what the model has there, and
# this share of the strongest line near by (a line's wrong shape stays below).
_CONTRADICTION, _OF_MODEL, _OF_NEIGHBOURS = 6.0, 0.5, 0.2
_NEIGHBOURHOOD = 6.0
# Contradictions of this share of all diffracted counts are a line too many or too few; good fits of laboratory mixtures with a
# structure for every phase stay below 0.0003.
_MUCH_CONTRADICTED = 0.005
# Together with the lines that are known to be of no phase, this share is too much: light atoms scatter ten times less than heavy ones, so
# what makes them can be ten times that share of the weight.
_MUCH_UNKNOWN = 0.01
# Between the lines (less than this share of the background) residuals are summed over so many degrees; beyond so many sigmas and this
# share of the background the smooth terms have failed, if over this many degrees in all.
_BETWEEN_LINES, _STRETCH, _BENT, _BENT_DEGREES = 0.1, 1.0, 0.1, 0.4
# That counting has made this many points equal to the highest is this unlikely; one step of the counter beside σ is judged on so many of
# the highest.
_CHANCE_OF_A_CEILING, _HIGHEST = 1e-4, 200
_TYPICAL_FWHM = 0.2


def contradicted(fitted: Fitted, lines: LineList, background: FloatArray) -> str:
    """Lines that the pattern has and the model has not, or the other way round; residuals are correlated over a line (Hill &
    Flack 1987, J. Appl. Cryst. 20, 356), so they are summed over one before they are judged."""
    if fitted.model.fitted_phases == 0:
        return ""
    share, where = contradicted_share(fitted, lines, background)
    total, strange = float(lines.area.sum()), float(lines.area[lines.owner < 0].sum())
    if share < _MUCH_CONTRADICTED and (share == 0.0 or share + strange / max(total, 1e-300) < _MUCH_UNKNOWN):
        return ""
    return f"Near {where:.2f}° and elsewhere pattern and model contradict each other, in {100.0 * share:.1f} % of the diffracted counts."


def contradicted_share(fitted: Fitted, lines: LineList, background: FloatArray) -> tuple[float, float]:
    """Share of the diffracted counts by which lines are there in the pattern or in the model only, and the 2θ of the worst."""
    two_theta = fitted.model.two_theta
    step = float(np.median(np.diff(two_theta)))
    there = lines.area > 0.0
    fwhm = float(np.average(lines.fwhm[there], weights=lines.area[there])) if there.any() else _TYPICAL_FWHM
    width = max(round(fwhm / step), 1)
    residual, reflected = fitted.observed - fitted.calculated, fitted.calculated - background
    excess, signal = summed(residual, width), summed(reflected, width)
    noise = _noise_scale(residual / fitted.sigma) * np.sqrt(summed(fitted.sigma**2, width))
    near = maximum_filter1d(signal, int(_NEIGHBOURHOOD * width) | 1)
    size = np.abs(excess)
    contradicted = (size > _CONTRADICTION * noise) & (size > _OF_MODEL * np.maximum(signal, 0.0)) & (size > _OF_NEIGHBOURS * near)
    total = float(np.sum(np.maximum(reflected, 0.0)))
    if not contradicted.any():
        return 0.0, 0.0
    amount = float(np.sum(np.abs(residual)[contradicted]))
    return min(amount / total, 1.0) if total > 0.0 else 1.0, float(two_theta[np.argmax(np.where(contradicted, size, 0.0))])


def bent(fitted: Fitted, background: FloatArray) -> str:
    """Smooth terms follow air scatter and humps, and no step: where counts jump, the scale of what was measured has changed."""
    two_theta = fitted.model.two_theta
    step = float(np.median(np.diff(two_theta)))
    width = max(round(_STRETCH / step), 3)
    quiet = fitted.calculated - background < _BETWEEN_LINES * np.abs(background)
    residual, variance, level = (
        summed(np.where(quiet, part, 0.0), width) for part in (fitted.observed - fitted.calculated, fitted.sigma**2, np.abs(background))
    )
    enough = summed(quiet.astype(np.float64), width) > _OF_MODEL * width
    size = np.abs(residual)
    bends = enough & (size > _CONTRADICTION * np.sqrt(variance)) & (size > _BENT * level)
    if float(bends.sum()) * step < _BENT_DEGREES or fitted.model.fitted_phases == 0:
        return ""
    where = float(two_theta[np.argmax(np.where(bends, size, 0.0))])
    return (
        f"Near {where:.1f}° the background leaves its smooth course: counts there are not on the scale of the rest, or a hump is missing."
    )


def ceiling(fitted: Fitted) -> str:
    """A detector or a counter that saturates writes the same highest number again and again, where independent counts differ by σ."""
    highest = float(fitted.observed.max())
    equal = fitted.observed == highest
    chance = chance_of_equal_tops(fitted.observed, fitted.sigma)
    if chance > _CHANCE_OF_A_CEILING or fitted.model.fitted_phases == 0:
        return ""
    return f"{int(equal.sum())} points share the highest count, {highest:g}: the detector was saturated, and the strong lines are cut off."


def chance_of_equal_tops(observed: FloatArray, sigma: FloatArray) -> float:
    """How likely it is that counting gave so many points the highest value: each after the first falls into the same step q of the counter
    with a probability of 2 q/σ at most (neighbouring order statistics of n normal variables lie σ/√(2 ln n) apart)."""
    top = observed == observed.max()
    values = np.unique(np.sort(observed)[-_HIGHEST:])
    if values.size < 2 or observed.max() <= 0.0:
        return 1.0
    step = float(np.diff(values).min())
    once = min(2.0 * step / max(float(sigma[top].max()), 1e-300), 1.0)
    return float(once ** (int(top.sum()) - 1))


def summed(part: FloatArray, points: int) -> FloatArray:
    """(n,) sums over so many neighbouring points; each anew, as running sums of positive numbers may end below zero."""
    return np.asarray(np.convolve(part, np.ones(min(points, part.size)), mode="same"))


def _noise_scale(pulls: FloatArray) -> float:
    """How large point-to-point scatter is beside σ, from differences of neighbours (von Neumann 1941), by their median."""
    return float(np.median(np.abs(np.diff(pulls)))) / (0.6745 * np.sqrt(2.0)) if pulls.size > 1 else 1.0
