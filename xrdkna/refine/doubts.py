"""Reasons not to believe a fit that converged: what the agreement factors of the whole pattern do not show."""

from collections.abc import Sequence

import numpy as np
from scipy.ndimage import maximum_filter1d, uniform_filter1d

from xrdkna.physics.lattice import cell_volume
from xrdkna.records.arrays import FloatArray
from xrdkna.records.refinement import PhaseFit
from xrdkna.records.values import Notice
from xrdkna.refine.fit import Fitted
from xrdkna.refine.model import LineList

# Below this many sigmas a phase is not seen.
UNSEEN_SIGMAS = 3.0
# A line as wide as this share of the distance that one background term bridges is as good as background.
_GHOST_WIDTH = 0.5
# Residuals summed over one line width contradict the model beyond this many sigmas, this share of what the model has there, and
# this share of the strongest line near by (a line's wrong shape stays below).
_CONTRADICTION, _OF_MODEL, _OF_NEIGHBOURS = 6.0, 0.5, 0.1
_NEIGHBOURHOOD = 6.0
# Contradictions of this share of all diffracted counts change weights by as much.
_MUCH_CONTRADICTED = 0.03
# Cells that are all off by the same share, this or more, are off because the angle scale or the wavelength is.
_COMMON_STRAIN = 1.5e-3
_ALIKE = 0.25
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
        _one_strain(fitted, fits),
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
    return f"No phase of the model shows in the pattern (the most, {best.phase}, with {best.significance:.1f} σ): there is nothing to weigh."


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
    excess, signal = (width * uniform_filter1d(part, width, mode="nearest") for part in (residual, reflected))
    noise = _noise_scale(residual / fitted.sigma) * np.sqrt(width * uniform_filter1d(fitted.sigma**2, width, mode="nearest"))
    near = maximum_filter1d(signal, int(_NEIGHBOURHOOD * width) | 1)
    size = np.abs(excess)
    contradicted = (size > _CONTRADICTION * noise) & (size > _OF_MODEL * np.maximum(signal, 0.0)) & (size > _OF_NEIGHBOURS * near)
    total = float(np.sum(np.maximum(reflected, 0.0)))
    if not contradicted.any():
        return 0.0, 0.0
    amount = float(np.sum(np.abs(residual)[contradicted]))
    return min(amount / total, 1.0) if total > 0.0 else 1.0, float(two_theta[np.argmax(np.where(contradicted, size, 0.0))])


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


def _rivals(fitted: Fitted) -> str:
    if not fitted.rivals:
        return ""
    return f"Another cell of {', '.join(fitted.rivals)} fits as well as this one: the pattern does not decide between them."
