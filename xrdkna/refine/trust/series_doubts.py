"""Reasons not to believe one scan of a series. The sentences are those of `doubts`.

What follows from the numbers of a scan alone costs microseconds and is looked at in every scan (`doubts_at_a_glance`).
What counts and model say against each other takes as long to look for as a scan takes to fit, and cannot be where χ² is as counting
leaves it; where χ² is what it was when it was last looked for, it is as it was (`examine`).
What the specimen, its phases and the range decide stays as it is until another phase shows (`stand`).

One doubt of a single fit has no place here: a phase with weight above its detection limit that does not show. Both come from the esd of
the same scale in a chain, 3.29 and 3 of them, so there is none. Lines as wide as background terms are for the cold start to refuse: a
warm fit moves no width of a phase that does not show.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from xrdkna.records.arrays import BoolArray, FloatArray
from xrdkna.refine.forward.model import line_list
from xrdkna.refine.forward.weights import weight_fractions
from xrdkna.refine.search.fit import Fitted
from xrdkna.refine.trust.contradictions import bent, ceiling, contradicted
from xrdkna.refine.trust.doubts import nothing_shows, one_strain, out_of_range, too_coarse, undecided, unruly
from xrdkna.refine.trust.estimates import esd_of
from xrdkna.refine.trust.identifiability import beside_each_other, hidden_phases, hidden_words
from xrdkna.refine.trust.quality import CERTAIN_MISFIT
from xrdkna.refine.trust.score_tests import Asked, height_or_zero, second_line, shifted_part


@dataclass(frozen=True, slots=True)
class Examined:
    """What was found when counts and model were last compared, at this reduced χ². None found where χ² is 1."""

    reduced: float = 1.0
    doubts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Standing:
    """What a cold start found and every scan from it on inherits. rivals: phases that another cell suits as well; texture_sd: by phase, how
    far lines leave the ratio of the structure. judged: whether it was asked; shown: the phases that showed until then."""

    rivals: tuple[str, ...] = ()
    texture_sd: Mapping[str, float] = field(default_factory=dict)
    judged: bool = False
    shown: frozenset[int] = frozenset()
    doubts: tuple[str, ...] = ()


# Before the first scan.
NOTHING_FOUND = Examined()
NOTHING_STANDS = Standing()


def examine(fitted: Callable[[], Fitted], before: Examined, *, pulls: FloatArray, smooth: FloatArray) -> Examined:
    """`before`, unless χ² has changed by more than chance changes it: then counts and model are compared again.

    pulls: (n,) residuals over what counting makes of them; smooth: (n,) background and halos; fitted is asked for only then.
    """
    reduced = float(pulls @ pulls) / pulls.size
    if abs(reduced - before.reduced) <= CERTAIN_MISFIT * np.sqrt(2.0 / pulls.size) * max(before.reduced, 1.0):
        return before
    solved = fitted()
    lines = line_list(solved.model, solved.values, phases=solved.model.fitted_phases)
    asked = Asked(solved)
    every = (
        contradicted(solved, lines, smooth),
        bent(solved, smooth),
        ceiling(solved),
        second_line(solved, lines, asked),
        shifted_part(solved, lines, smooth, asked),
    )
    return Examined(reduced, tuple(sentence for sentence in every if sentence))


def stand(fitted: Callable[[], Fitted], before: Standing, *, live: BoolArray) -> Standing:
    """`before`, unless a phase shows that has not shown since the cold start, or nothing has been asked since: then it is asked what does
    not depend on how well counts and model agree. live: (k,) the phases that show in this scan; fitted is asked for only then."""
    shown = frozenset(np.flatnonzero(live).tolist())
    if before.judged and shown <= before.shown:
        return before
    solved = replace(fitted(), texture_sd=dict(before.texture_sd), rivals=before.rivals)
    lines = line_list(solved.model, solved.values, phases=solved.model.fitted_phases)
    besides = beside_each_other(solved)
    fractions, slopes, _ = weight_fractions(solved.model, solved.values)
    esds = np.array([esd_of(solved, slope) for slope in slopes])
    names = [term.reflections.phase for term in solved.model.phases]
    every = (
        out_of_range(solved, lines),
        height_or_zero(solved, Asked(solved)),
        too_coarse(solved, lines),
        unruly([names[k] for k in shown], solved.texture_sd),
        undecided(solved.rivals),
        *hidden_words(hidden_phases(solved, besides, fractions, esds)),
    )
    return replace(before, judged=True, shown=before.shown | shown, doubts=tuple(sentence for sentence in every if sentence))


def doubts_at_a_glance(phases: Sequence[str], significances: FloatArray, strains: FloatArray) -> tuple[str, ...]:
    """Sentences that follow from the numbers alone. significances: (k,) sigmas of the fitted phases; strains: (k,) by what share the edges
    of each cell are longer than its reference, 0 for one that is held."""
    return tuple(sentence for sentence in (nothing_shows(phases, significances), one_strain(significances, strains)) if sentence)
