"""What a reader of the numbers should know beside them: amounts of a part, parameters that were not measured singly, lines too narrow."""

from collections.abc import Sequence

import numpy as np

from xrdkna.records.refinement import PhaseFit
from xrdkna.records.values import Notice
from xrdkna.refine.forward.model import LineList
from xrdkna.refine.search.fit import Fitted
from xrdkna.refine.trust.estimates import esd_of

# A correlation this close to ±1 means that two parameters were not measured separately; so many pairs are named.
NOTABLE_CORRELATION, _MOST_PAIRS = 0.9, 10
_TELLING = ("position", "cell", "scale", "width", "shape")
# Share of the diffracted intensity in lines of no phase from which weight fractions need a word.
NOTABLE_UNKNOWN = 0.1
# Lines narrower than the machine's by so many esds, and by this share, are not lines of that machine.
_NARROW_SIGMAS, _NARROW_SHARE = 4.0, 0.05


def free_line_share(lines: LineList) -> float:
    """Share of the diffracted intensity in lines of no phase."""
    total = float(lines.area.sum())
    return float(lines.area[lines.owner < 0].sum()) / total if total > 0.0 else 0.0


def partial_weights(fitted: Fitted, lines: LineList) -> tuple[Notice, ...]:
    """Weights are of what the model knows; worth saying when much of the pattern is something else."""
    unknown = free_line_share(lines)
    if unknown < NOTABLE_UNKNOWN or not any(fitted.values[term.scale] > 0.0 for term in fitted.model.phases):
        return ()
    sentence = f"{100 * unknown:.0f} % of the diffracted intensity belongs to no phase here: weight fractions are of the known part only."
    return (Notice(code="weights-partial", severity="warning", sentence=sentence, remedy="Add the missing phase with --cif FILE."),)


def correlations(fitted: Fitted) -> tuple[Notice, ...]:
    """Pairs of parameters that were not measured separately, the worst first."""
    slots = fitted.model.layout.slots
    telling = np.array([i for i in np.flatnonzero(fitted.moving) if slots[i].kind in _TELLING], dtype=np.int64)
    esd = np.sqrt(np.maximum(np.diag(fitted.covariance)[telling], 1e-300))
    size = np.triu(np.abs(fitted.covariance[np.ix_(telling, telling)] / np.outer(esd, esd)), k=1)
    pairs = []
    for i, j in sorted(np.argwhere(size > NOTABLE_CORRELATION).tolist(), key=lambda pair: -size[pair[0], pair[1]]):
        one, other = slots[telling[i]].name, slots[telling[j]].name
        if not _parts_of_one_breadth(fitted, one, other):
            value = fitted.covariance[telling[i], telling[j]] / (esd[i] * esd[j])
            pairs.append(f"{one} with {other} ({value:+.3f})")
    if not pairs:
        return ()
    more = f" and {len(pairs) - _MOST_PAIRS} more pairs" if len(pairs) > _MOST_PAIRS else ""
    sentence = f"Not measured separately (correlation above {NOTABLE_CORRELATION:g}): {'; '.join(pairs[:_MOST_PAIRS])}{more}."
    return (
        Notice(code="correlated", severity="info", sentence=sentence, remedy="Read these parameters together, or hold one of each pair."),
    )


def _parts_of_one_breadth(fitted: Fitted, one: str, other: str) -> bool:
    """A width that all phases share and a phase's own, or two phases' own beside one that is shared, trade in every fit."""
    letter = one.partition("_")[0]
    shared = fitted.model.layout.index.get(letter)
    return letter in ("x", "y") and letter == other.partition("_")[0] and shared is not None and bool(fitted.moving[shared])


def narrow_lines(fitted: Fitted, lines: LineList, fits: Sequence[PhaseFit]) -> tuple[Notice, ...]:
    """A word on phases whose lines are narrower than the machine's, where the machine's are known."""
    model = fitted.model
    if fitted.moving[model.layout.index["x"]]:
        return ()
    narrow = []
    for number, (term, fit) in enumerate(zip(model.phases[: model.fitted_phases], fits, strict=False)):
        own = (lines.owner == number) & (lines.area > 0.0)
        if not own.any():
            continue
        theta = np.radians(lines.position[own] / 2.0)
        slope = np.zeros(fitted.values.size)
        slope[term.x], slope[term.y] = (np.average(part, weights=lines.area[own]) for part in (1.0 / np.cos(theta), np.tan(theta)))
        breadth = float(slope @ fitted.values)
        typical = float(np.average(lines.fwhm[own], weights=lines.area[own]))
        if breadth < -_NARROW_SIGMAS * esd_of(fitted, slope) and breadth < -_NARROW_SHARE * typical:
            narrow.append(fit.phase)
    if not narrow:
        return ()
    sentence = f"Lines of {', '.join(narrow)} are narrower than the instrument's own: its profile is not of this machine and optics."
    remedy = "Take the profile from a standard measured with the same optics (--save-instrument), or leave --instrument out."
    return (Notice(code="narrower-than-instrument", severity="warning", sentence=sentence, remedy=remedy),)
