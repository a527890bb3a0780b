"""Reasons not to believe one scan of a series: those that cost microseconds in every scan, the others when the scan has changed.

The sentences are those of `doubts`. Contradictions between counts and model take as long to look for as a scan takes to fit, and cannot
be where χ² is as counting leaves it; where χ² is what it was when they were last looked for, they are as they were.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from xrdkna.records.arrays import FloatArray
from xrdkna.refine.forward.model import line_list
from xrdkna.refine.search.fit import Fitted
from xrdkna.refine.trust.contradictions import bent, ceiling, contradicted
from xrdkna.refine.trust.doubts import UNSEEN_SIGMAS
from xrdkna.refine.trust.quality import CERTAIN_MISFIT

# Cells that are all off by the same share, this or more, are off because the angle scale or the wavelength is (as in `doubts`).
_COMMON_STRAIN, _ALIKE = 1.5e-3, 0.25


@dataclass(frozen=True, slots=True)
class Examined:
    """What was found when counts and model were last compared, at this reduced χ². None found where χ² is 1."""

    reduced: float = 1.0
    doubts: tuple[str, ...] = ()


# Before the first scan.
NOTHING_FOUND = Examined()


def examine(fitted: Callable[[], Fitted], before: Examined, *, pulls: FloatArray, smooth: FloatArray) -> Examined:
    """`before`, unless χ² has changed by more than chance changes it: then counts and model are compared again.

    pulls: (n,) residuals over what counting makes of them; smooth: (n,) background and halos; fitted is asked for only then.
    """
    reduced = float(pulls @ pulls) / pulls.size
    if abs(reduced - before.reduced) <= CERTAIN_MISFIT * np.sqrt(2.0 / pulls.size) * max(before.reduced, 1.0):
        return before
    solved = fitted()
    lines = line_list(solved.model, solved.values, phases=solved.model.fitted_phases)
    every = (contradicted(solved, lines, smooth), bent(solved, smooth), ceiling(solved))
    return Examined(reduced, tuple(sentence for sentence in every if sentence))


def doubts_at_a_glance(phases: Sequence[str], significances: FloatArray, strains: FloatArray) -> tuple[str, ...]:
    """Sentences that follow from the numbers alone. significances: (k,) sigmas of the fitted phases; strains: (k,) by what share the edges
    of each cell are longer than its reference, 0 for one that is held."""
    return tuple(sentence for sentence in (_nothing_shows(phases, significances), _one_strain(significances, strains)) if sentence)


def _nothing_shows(phases: Sequence[str], significances: FloatArray) -> str:
    if not significances.size or significances.max() >= UNSEEN_SIGMAS:
        return ""
    best = int(np.argmax(significances))
    most = f"the most, {phases[best]}, with {significances[best]:.1f} σ"
    return f"No phase of the model shows in the pattern ({most}): there is nothing to weigh."


def _one_strain(significances: FloatArray, strains: FloatArray) -> str:
    """A wrong wavelength stretches all cells alike (d ∝ λ); temperature and composition do not."""
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
