"""Reasons not to believe a fit that converged: what the agreement factors of the whole pattern do not show."""

from collections.abc import Mapping, Sequence

import numpy as np

from xrdkna.physics.lattice import cell_volume
from xrdkna.records.arrays import FloatArray
from xrdkna.records.refinement import PhaseFit
from xrdkna.records.values import Notice
from xrdkna.refine.forward.model import LineList
from xrdkna.refine.search.fit import Fitted
from xrdkna.refine.trust.contradictions import bent, ceiling, contradicted
from xrdkna.refine.trust.score_tests import Asked, height_or_zero, second_line, shifted_part

# Below this many sigmas a phase is not seen.
UNSEEN_SIGMAS = 3.0
# A line as wide as this share of the distance that one background term bridges is as good as background.
_GHOST_WIDTH = 0.5
# Cells that are all off by the same share, this or more, are off because the angle scale or the wavelength is.
_COMMON_STRAIN = 1.5e-3
_ALIKE = 0.25
# Lines that leave the ratio of their structure by this much say little of how much there is; one phase may be rolled or grown so, for
# two it is more likely that counts are not on one scale, or that a phase is missing.
_UNRULY, _UNRULY_PHASES = 0.45, 2
# Steps across a line's width below which its place is a guess (McCusker et al. 1999, J. Appl. Cryst. 32, 36, ask for five).
_FEWEST_STEPS = 2.0


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
    asked = Asked(fitted)
    every = (
        _nothing_weighed(fitted, fits),
        out_of_range(fitted, lines),
        _ghosts(ghosts),
        contradicted(fitted, lines, background),
        bent(fitted, background),
        one_strain(np.array([fit.significance for fit in fits[: fitted.model.fitted_phases]]), _strains(fitted)),
        second_line(fitted, lines, asked),
        shifted_part(fitted, lines, background, asked),
        height_or_zero(fitted, asked),
        ceiling(fitted),
        too_coarse(fitted, lines),
        unruly([fit.phase for fit in fits if fit.significance >= UNSEEN_SIGMAS], fitted.texture_sd),
        undecided(fitted.rivals),
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


def nothing_shows(phases: Sequence[str], significances: FloatArray) -> str:
    """A doubt where no phase stands out; significances: (k,) sigmas of these fitted phases."""
    if not significances.size or significances.max() >= UNSEEN_SIGMAS:
        return ""
    best = int(np.argmax(significances))
    most = f"the most, {phases[best]}, with {significances[best]:.1f} σ"
    return f"No phase of the model shows in the pattern ({most}): there is nothing to weigh."


def one_strain(significances: FloatArray, strains: FloatArray) -> str:
    """A doubt where all cells are off alike: a wrong wavelength stretches them so (d ∝ λ), temperature and composition do not.

    strains: (k,) by what share the edges of each fitted phase's cell are longer than its reference, 0 for one that is held."""
    sure = strains[(significances >= 2.0 * UNSEEN_SIGMAS) & (strains != 0.0)]
    if sure.size < 2:
        return ""
    mean, spread = float(sure.mean()), float(np.ptp(sure))
    if abs(mean) < _COMMON_STRAIN or spread > _ALIKE * abs(mean):
        return ""
    return (
        f"All cells are {'longer' if mean > 0 else 'shorter'} than their references by the same {100.0 * abs(mean):.2f} %: "
        "the wavelength or the angle scale is not as given."
    )


def out_of_range(fitted: Fitted, lines: LineList) -> str:
    """A doubt where a phase has no line in the pattern."""
    low, high = fitted.model.two_theta[0], fitted.model.two_theta[-1]
    inside = (lines.position > low) & (lines.position < high) & (lines.unit > 0.0)
    names = [term.reflections.phase for term in fitted.model.phases[: fitted.model.fitted_phases]]
    blind = [name for k, name in enumerate(names) if not np.any(inside & (lines.owner == k))]
    return f"No line of {', '.join(blind)} lies in the measured range: nothing is known of how much there is." if blind else ""


def too_coarse(fitted: Fitted, lines: LineList) -> str:
    """A doubt where lines are hardly wider than the steps between points."""
    there = (lines.area > 0.0) & (lines.owner >= 0)
    if not there.any():
        return ""
    steps = float(np.average(lines.fwhm[there], weights=lines.area[there]) / np.median(np.diff(fitted.model.two_theta)))
    return f"A line is only {steps:.1f} steps wide: where it lies between the points is a guess." if steps < _FEWEST_STEPS else ""


def unruly(seen: Sequence[str], texture_sd: Mapping[str, float]) -> str:
    """A doubt where the lines of several phases that show leave the ratios of their structures."""
    wild = [phase for phase in seen if texture_sd.get(phase, 0.0) > _UNRULY]
    if len(wild) < _UNRULY_PHASES:
        return ""
    return f"The lines of {', '.join(wild)} leave the ratios of their structures by half and more: their weights hang on texture."


def undecided(rivals: Sequence[str]) -> str:
    """A doubt about phases that another cell suits as well."""
    if not rivals:
        return ""
    return f"Another cell of {', '.join(rivals)} fits as well as this one: the pattern does not decide between them."


def _nothing_weighed(fitted: Fitted, fits: Sequence[PhaseFit]) -> str:
    """`nothing_shows`, where every phase can be weighed."""
    judged = [fit for fit in fits[: fitted.model.fitted_phases] if fit.weight_fraction is not None or fit.scale.value <= 0.0]
    if len(judged) < fitted.model.fitted_phases:
        return ""
    return nothing_shows([fit.phase for fit in judged], np.array([fit.significance for fit in judged]))


def _strains(fitted: Fitted) -> FloatArray:
    """(k,) as for `one_strain`."""
    terms = fitted.model.phases[: fitted.model.fitted_phases]
    ratios = [cell_volume(term.cell_at(fitted.values)) / cell_volume(term.reflections.cell) for term in terms]
    free = np.array([bool(fitted.moving[term.cell].all()) for term in terms])
    return np.where(free, np.cbrt(np.array(ratios)) - 1.0, 0.0) if terms else np.zeros(0)


def _ghosts(ghosts: Sequence[str]) -> str:
    return f"{', '.join(ghosts)}: weight that no line bears out." if ghosts else ""
