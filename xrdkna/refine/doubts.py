"""Reasons not to believe a fit that converged: what the agreement factors of the whole pattern do not show."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy.ndimage import maximum_filter1d

from xrdkna.physics.kernel import line_reach
from xrdkna.physics.lattice import cell_volume
from xrdkna.physics.radiation import KALPHA2_RATIO, SAME_LINE, WAVELENGTHS
from xrdkna.records.arrays import FloatArray
from xrdkna.records.refinement import PhaseFit
from xrdkna.records.values import Notice
from xrdkna.refine.fit import Fitted, priors
from xrdkna.refine.model import LineList, add_line_columns, calculate_with_jacobian

# Below this many sigmas a phase is not seen.
UNSEEN_SIGMAS = 3.0
# A line as wide as this share of the distance that one background term bridges is as good as background.
_GHOST_WIDTH = 0.5
# Residuals summed over one line width contradict the model beyond this many sigmas, this share of what the model has there, and
# this share of the strongest line near by (a line's wrong shape stays below).
_CONTRADICTION, _OF_MODEL, _OF_NEIGHBOURS = 6.0, 0.5, 0.2
_NEIGHBOURHOOD = 6.0
# Contradictions of this share of all diffracted counts are a line too many or too few; good fits of laboratory mixtures with a
# structure for every phase stay below 0.0003.
_MUCH_CONTRADICTED = 0.005
# Between the lines (less than this share of the background) residuals are summed over so many degrees; beyond so many sigmas and this
# share of the background the smooth terms have failed, if over this many degrees in all.
_BETWEEN_LINES, _STRETCH, _BENT, _BENT_DEGREES = 0.1, 1.0, 0.1, 0.4
# Cells that are all off by the same share, this or more, are off because the angle scale or the wavelength is.
_COMMON_STRAIN = 1.5e-3
_ALIKE = 0.25
# Kα₂ : Kα₁ as the residuals would have it, less what is given: a line is missed above, one too many below. Nominal ratios of good
# measurements are off by −0.04 to −0.08 (monochromators, asymmetric lines), neglected lines by +0.1 to +0.5.
_MISSED_RATIO, _FALSE_RATIO, _RATIO_SIGMAS = 0.08, -0.2, 10.0
# Lines that leave the ratio of their structure by this much say little of how much there is; one phase may be rolled or grown so, for
# two it is more likely that counts are not on one scale, or that a phase is missing.
_UNRULY, _UNRULY_PHASES = 0.45, 2
# Steps across a line's width below which its place is a guess (McCusker et al. 1999, J. Appl. Cryst. 32, 36, ask for five).
_FEWEST_STEPS = 2.0
_TYPICAL_FWHM = 0.2


def ghost_phases(fitted: Fitted, lines: LineList, fits: Sequence[PhaseFit], *, degrees_per_background_term: float = 5.0) -> tuple[str, ...]:
    """The phases that take weight which none of their lines bears out: more than would be seen if it were there, and is not seen;
    or lines so wide that they are background."""
    ghosts = []
    for number, fit in enumerate(fits[: fitted.model.fitted_phases]):
        own = (lines.owner == number) & (lines.area > 0.0)
        if fit.weight_fraction is None or not own.any() or fit.scale.value <= 0.0:
            continue
        limit = fit.detection_limit.value if fit.detection_limit is not None else 1.0
        unborne = fit.weight_fraction.value > limit and fit.significance < UNSEEN_SIGMAS
        typical = float(np.average(lines.fwhm[own], weights=lines.area[own]))
        if unborne or (typical > _GHOST_WIDTH * degrees_per_background_term and fit.weight_fraction.value > 0.0):
            ghosts.append(fit.phase)
    return tuple(ghosts)


def doubts_of(fitted: Fitted, lines: LineList, fits: Sequence[PhaseFit], background: FloatArray, ghosts: Sequence[str]) -> tuple[str, ...]:
    """Sentences, each a reason to doubt the answer; empty where there is none."""
    every = (
        _nothing_shows(fitted, fits),
        _out_of_range(fitted, lines, fits),
        _ghosts(ghosts),
        _contradicted(fitted, lines, background),
        _bent(fitted, background),
        _one_strain(fitted, fits),
        _second_line(fitted, lines),
        _too_coarse(fitted, lines),
        _unruly(fitted, fits),
        _rivals(fitted),
    )
    return tuple(sentence for sentence in every if sentence)


def ghost_notices(ghosts: Sequence[str]) -> tuple[Notice, ...]:
    """A word on each phase that imitates background."""
    return tuple(
        Notice(
            code="ghost",
            severity="warning",
            sentence=f"{phase} takes weight in the fit, but none of its lines shows: it stands in for background or misfit, and is absent.",
            remedy=f"Leave {phase} out of --phases.",
        )
        for phase in ghosts
    )


def _nothing_shows(fitted: Fitted, fits: Sequence[PhaseFit]) -> str:
    judged = [fit for fit in fits[: fitted.model.fitted_phases] if fit.weight_fraction is not None or fit.scale.value <= 0.0]
    if not judged or len(judged) < fitted.model.fitted_phases or any(fit.significance >= UNSEEN_SIGMAS for fit in judged):
        return ""
    best = max(judged, key=lambda fit: fit.significance)
    return (
        f"No phase of the model shows in the pattern (the most, {best.phase}, with {best.significance:.1f} σ): there is nothing to weigh."
    )


def _out_of_range(fitted: Fitted, lines: LineList, fits: Sequence[PhaseFit]) -> str:
    low, high = fitted.model.two_theta[0], fitted.model.two_theta[-1]
    inside = (lines.position > low) & (lines.position < high) & (lines.unit > 0.0)
    blind = [fit.phase for k, fit in enumerate(fits[: fitted.model.fitted_phases]) if not np.any(inside & (lines.owner == k))]
    return f"No line of {', '.join(blind)} lies in the measured range: nothing is known of how much there is." if blind else ""


def _ghosts(ghosts: Sequence[str]) -> str:
    return f"{', '.join(ghosts)}: weight that no line bears out." if ghosts else ""


def _contradicted(fitted: Fitted, lines: LineList, background: FloatArray) -> str:
    """Lines that the pattern has and the model has not, or the other way round; residuals are correlated over a line (Hill &
    Flack 1987, J. Appl. Cryst. 20, 356), so they are summed over one before they are judged."""
    if fitted.model.fitted_phases == 0:
        return ""
    share, where = contradicted_share(fitted, lines, background)
    if share < _MUCH_CONTRADICTED:
        return ""
    return f"Near {where:.2f}° and elsewhere pattern and model contradict each other, in {100.0 * share:.0f} % of the diffracted counts."


def contradicted_share(fitted: Fitted, lines: LineList, background: FloatArray) -> tuple[float, float]:
    """Share of the diffracted counts by which lines are there in the pattern or in the model only, and the 2θ of the worst."""
    two_theta = fitted.model.two_theta
    step = float(np.median(np.diff(two_theta)))
    there = lines.area > 0.0
    fwhm = float(np.average(lines.fwhm[there], weights=lines.area[there])) if there.any() else _TYPICAL_FWHM
    width = max(round(fwhm / step), 1)
    residual, reflected = fitted.observed - fitted.calculated, fitted.calculated - background
    excess, signal = _summed(residual, width), _summed(reflected, width)
    noise = _noise_scale(residual / fitted.sigma) * np.sqrt(_summed(fitted.sigma**2, width))
    near = maximum_filter1d(signal, int(_NEIGHBOURHOOD * width) | 1)
    size = np.abs(excess)
    contradicted = (size > _CONTRADICTION * noise) & (size > _OF_MODEL * np.maximum(signal, 0.0)) & (size > _OF_NEIGHBOURS * near)
    total = float(np.sum(np.maximum(reflected, 0.0)))
    if not contradicted.any():
        return 0.0, 0.0
    amount = float(np.sum(np.abs(residual)[contradicted]))
    return min(amount / total, 1.0) if total > 0.0 else 1.0, float(two_theta[np.argmax(np.where(contradicted, size, 0.0))])


def _bent(fitted: Fitted, background: FloatArray) -> str:
    """Smooth terms follow air scatter and humps, and no step: where counts jump, the scale of what was measured has changed."""
    two_theta = fitted.model.two_theta
    step = float(np.median(np.diff(two_theta)))
    width = max(round(_STRETCH / step), 3)
    quiet = fitted.calculated - background < _BETWEEN_LINES * np.abs(background)
    residual, variance, level = (
        _summed(np.where(quiet, part, 0.0), width) for part in (fitted.observed - fitted.calculated, fitted.sigma**2, np.abs(background))
    )
    enough = _summed(quiet.astype(np.float64), width) > _OF_MODEL * width
    size = np.abs(residual)
    bent = enough & (size > _CONTRADICTION * np.sqrt(variance)) & (size > _BENT * level)
    if float(bent.sum()) * step < _BENT_DEGREES or fitted.model.fitted_phases == 0:
        return ""
    where = float(two_theta[np.argmax(np.where(bent, size, 0.0))])
    return (
        f"Near {where:.1f}° the background leaves its smooth course: counts there are not on the scale of the rest, or a hump is missing."
    )


def _summed(part: FloatArray, points: int) -> FloatArray:
    """(n,) sums over so many neighbouring points; each anew, as running sums of positive numbers may end below zero."""
    return np.asarray(np.convolve(part, np.ones(min(points, part.size)), mode="same"))


def _noise_scale(pulls: FloatArray) -> float:
    """How large point-to-point scatter is beside σ, from differences of neighbours (von Neumann 1941), by their median."""
    return float(np.median(np.abs(np.diff(pulls)))) / (0.6745 * np.sqrt(2.0)) if pulls.size > 1 else 1.0


def _one_strain(fitted: Fitted, fits: Sequence[PhaseFit]) -> str:
    """A wrong wavelength stretches all cells alike (d ∝ λ); temperature and composition do not."""
    strains = []
    for term, fit in zip(fitted.model.phases, fits[: fitted.model.fitted_phases], strict=False):
        if fit.significance >= 2.0 * UNSEEN_SIGMAS and fitted.moving[term.cell].all():
            strains.append((cell_volume(term.cell_at(fitted.values)) / cell_volume(term.reflections.cell)) ** (1.0 / 3.0) - 1.0)
    if len(strains) < 2:
        return ""
    mean, spread = float(np.mean(strains)), float(np.ptp(strains))
    if abs(mean) < _COMMON_STRAIN or spread > _ALIKE * abs(mean):
        return ""
    return (
        f"All cells are {'longer' if mean > 0 else 'shorter'} than their references by the same {100.0 * abs(mean):.2f} %: "
        "the wavelength or the angle scale is not as given."
    )


def _second_line(fitted: Fitted, lines: LineList) -> str:
    change, sigmas = second_line_missed(fitted, lines)
    if _FALSE_RATIO < change < _MISSED_RATIO or abs(sigmas) < _RATIO_SIGMAS:
        return ""
    if change > 0.0:
        return "Every line has a second one at Kα₂ that the radiation as given has not: cells are off by up to 0.1 %."
    return "The radiation as given has more Kα₂ than the pattern shows: cells are off by up to 0.1 %."


def second_line_missed(fitted: Fitted, lines: LineList) -> tuple[float, float]:
    """By how much the residuals ask to change the ratio of Kα₂ to Kα₁, everything else adapting, and of how many sigmas this is (the
    score test of Rao 1948). 0, 0 for radiation that is no tube's Kα."""
    model = fitted.model
    radiation = model.instrument.radiation
    pair = next(((one, two) for one, two, _ in WAVELENGTHS.values() if abs(one / radiation.wavelength - 1.0) < SAME_LINE), None)
    if pair is None or len(radiation.lines) > 2:
        return 0.0, 0.0
    counts = [np.flatnonzero(lines.owner == k) for k in range(model.fitted_phases)]
    first = np.concatenate([own[: own.size // len(radiation.lines)] for own in counts]) if counts else np.zeros(0, dtype=np.int64)
    area = np.zeros(lines.area.size)
    area[first] = np.maximum(lines.area[first], 0.0)
    sine = np.minimum(np.sin(np.radians(lines.position / 2.0)) * pair[1] / pair[0], 1.0)
    moved = replace(lines, position=2.0 * np.degrees(np.arcsin(sine)))
    reach = line_reach(area * KALPHA2_RATIO, lines.fwhm, lines.eta, tolerance=model.tail_tolerance)
    column = np.where(area > 0.0, 0, -1)
    second = add_line_columns(model, moved, column, area, reach, 1)[0]
    residual = fitted.observed - fitted.calculated
    alone = second - _imitated(fitted, second)
    score, size = float(fitted.counting_weight @ (alone * residual)), float(fitted.counting_weight @ alone**2)
    return (score / size, score / float(np.sqrt(size))) if size > 0.0 else (0.0, 0.0)


def _imitated(fitted: Fitted, pattern: FloatArray) -> FloatArray:
    """(n,) what the refined parameters can do of a pattern (n,)."""
    index = np.flatnonzero(fitted.moving)
    rows = np.full(fitted.values.size, -1, dtype=np.int64)
    rows[index] = np.arange(index.size)
    _, jacobian = calculate_with_jacobian(fitted.model, fitted.values, rows, index.size)
    weighted = jacobian * fitted.counting_weight
    normal = weighted @ jacobian.T
    normal[np.diag_indices_from(normal)] += priors(fitted.model, fitted.texture_sd)[1][index]
    size = np.sqrt(np.maximum(np.diag(normal), 1e-300))
    scaled = normal / np.outer(size, size)
    scaled[np.diag_indices_from(scaled)] += 1e-9
    return np.asarray((np.linalg.solve(scaled, weighted @ pattern / size) / size) @ jacobian)


def _too_coarse(fitted: Fitted, lines: LineList) -> str:
    there = (lines.area > 0.0) & (lines.owner >= 0)
    if not there.any():
        return ""
    steps = float(np.average(lines.fwhm[there], weights=lines.area[there]) / np.median(np.diff(fitted.model.two_theta)))
    return f"A line is only {steps:.1f} steps wide: where it lies between the points is a guess." if steps < _FEWEST_STEPS else ""


def _unruly(fitted: Fitted, fits: Sequence[PhaseFit]) -> str:
    seen = [fit.phase for fit in fits if fit.significance >= UNSEEN_SIGMAS and fitted.texture_sd.get(fit.phase, 0.0) > _UNRULY]
    if len(seen) < _UNRULY_PHASES:
        return ""
    return f"The lines of {', '.join(seen)} leave the ratios of their structures by half and more: their weights hang on texture."


def _rivals(fitted: Fitted) -> str:
    if not fitted.rivals:
        return ""
    return f"Another cell of {', '.join(fitted.rivals)} fits as well as this one: the pattern does not decide between them."
