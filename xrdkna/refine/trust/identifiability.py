"""Whether the pattern tells each phase from the others, or leaves their amounts to chance.

The part of a phase's pattern that no change of the other phases or of the background can imitate is what its amount is known by.
With N the information matrix over this scale and everything but the phase itself, that share is 1/(N_ss (N⁻¹)_ss): the inverse
of the variance inflation factor (Belsley, Kuh & Welsch 1980, Regression Diagnostics, ch. 3).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from xrdkna.physics.bragg import displacement_pattern, two_theta_from_d
from xrdkna.physics.lattice import d_spacings
from xrdkna.records.arrays import BoolArray, FloatArray, IntArray
from xrdkna.records.values import Notice
from xrdkna.refine.forward.model import calculate_with_jacobian
from xrdkna.refine.forward.structure import PhaseTerm
from xrdkna.refine.search.fit import Fitted
from xrdkna.refine.search.released import phase_of_each, priors

# Below this share what is left of a phase beside the others is no more than the misfit of a line's shape.
HOPELESS_SHARE = 0.01
# Below this share an amount may still be measured, if it is many sigmas.
POOR_SHARE = 0.05
_MANY_SIGMAS = 10.0
# Weight known worse than this is worth a word where others hide the phase.
_NOTABLE_ESD = 0.02
# A phase is hidden by another when without it the share is so many times as large.
_HIDES = 3.0
# Lines further apart than this many widths are seen as two.
_RESOLVED = 1.5
# Lines weaker than this share of the strongest do not count as what would separate two phases.
_TELLING_LINE = 0.05


@dataclass(frozen=True, slots=True)
class Hidden:
    """A phase of which the pattern keeps only this share beside another one."""

    phase: str
    behind: str
    share: float


@dataclass(frozen=True, slots=True)
class Beside:
    """What the pattern says of one phase's scale and of everything that is not this phase: (q, q) information with priors, the row of
    the scale, and (q,) the phase each parameter belongs to, −1 none."""

    phase: int
    normal: FloatArray
    scale: int
    owner: IntArray

    def share(self, *, without: int = -1) -> float:
        """1 − R² of the scale on all else, one phase taken out."""
        size = np.diag(self.normal)
        others = (self.owner != self.phase) & (size > 0.0)
        return _unimitated(self.normal, self.scale, others if without < 0 else others & (self.owner != without))


def beside_each_other(fitted: Fitted) -> tuple[Beside, ...]:
    """For every fitted phase that has a scale to refine."""
    model = fitted.model
    index = np.flatnonzero(fitted.moving)
    rows = np.full(fitted.values.size, -1, dtype=np.int64)
    rows[index] = np.arange(index.size)
    prior = priors(model, fitted.texture_sd)[1][index]
    _, everything = calculate_with_jacobian(model, fitted.values, rows, index.size)
    owner, found = phase_of_each(model)[index], []
    for k, term in enumerate(model.phases[: model.fitted_phases]):
        scale = int(rows[term.scale])
        if scale < 0:
            continue
        # What widths and positions shared by all could do with this phase's own lines goes with the phase.
        values = fitted.values.copy()
        values[term.scale] = 0.0
        _, jacobian = calculate_with_jacobian(model, values, rows, index.size)
        jacobian[scale] = everything[scale]
        normal = (jacobian * fitted.weight) @ jacobian.T
        normal[np.diag_indices_from(normal)] += prior
        if normal[scale, scale] > 0.0:
            found.append(Beside(k, normal, scale, owner))
    return tuple(found)


def worth_of_phases(fitted: Fitted, besides: Sequence[Beside]) -> FloatArray:
    """(k,) by how much χ² would rise without each phase, everything else adapting: its scale squared times the information on it that
    no other parameter can imitate (linearised). Its own cell and widths go with it."""
    worth = np.zeros(len(fitted.model.phases))
    for beside in besides:
        scale = fitted.values[fitted.model.phases[beside.phase].scale]
        worth[beside.phase] = scale**2 * beside.normal[beside.scale, beside.scale] * beside.share()
    return worth


def hidden_phases(fitted: Fitted, besides: Sequence[Beside], fractions: FloatArray, esds: FloatArray) -> tuple[Hidden, ...]:
    """The phases whose amount the pattern does not tell from that of another. fractions, esds: (k,) weights of all phases."""
    found = []
    for beside in besides:
        k, share = beside.phase, beside.share()
        doubtful = share < POOR_SHARE and fractions[k] < _MANY_SIGMAS * esds[k] and esds[k] > _NOTABLE_ESD
        others = [other.phase for other in besides if other.phase != k]
        if not others or not (share < HOPELESS_SHARE or doubtful):
            continue
        without = [beside.share(without=other) for other in others]
        best = int(np.argmax(without))
        if without[best] > _HIDES * share:
            names = [fitted.model.phases[i].reflections.phase for i in (k, others[best])]
            found.append(Hidden(names[0], names[1], share))
    return tuple(found)


def hidden_words(hidden: Sequence[Hidden]) -> tuple[str, ...]:
    """The same as reasons for a doubt, one a pair."""
    pairs = dict.fromkeys(tuple(sorted((one.phase, one.behind))) for one in hidden)
    return tuple(f"{one} and {other} are known together, not singly: the pattern cannot tell them apart." for one, other in pairs)


def separability_notices(fitted: Fitted, hidden: Sequence[Hidden]) -> tuple[Notice, ...]:
    """A sentence for each pair, and what would tell the two apart."""
    told: set[frozenset[str]] = set()
    notices = []
    for one in hidden:
        pair = frozenset((one.phase, one.behind))
        if pair in told:
            continue
        told.add(pair)
        notices.append(
            Notice(
                code="not-separable",
                severity="warning",
                sentence=f"{one.phase} and {one.behind} cannot be told apart here: all but {100.0 * one.share:.2g} % of what the pattern "
                f"says of {one.phase} could be {one.behind} as well, so the amounts of the two are known together, not singly.",
                remedy=_remedy(fitted, one),
            )
        )
    return tuple(notices)


def _unimitated(normal: FloatArray, scale: int, others: BoolArray) -> float:
    chosen = np.flatnonzero(others)
    chosen = chosen[chosen != scale]
    size = np.sqrt(np.diag(normal)[chosen])
    inner = normal[np.ix_(chosen, chosen)] / np.outer(size, size)
    inner[np.diag_indices_from(inner)] += 1e-9
    cross = normal[chosen, scale] / size
    return float(np.clip(1.0 - cross @ np.linalg.solve(inner, cross) / normal[scale, scale], 0.0, 1.0))


def _remedy(fitted: Fitted, hidden: Hidden) -> str:
    terms = {term.reflections.phase: term for term in fitted.model.phases}
    pair = (terms[hidden.phase], terms[hidden.behind])
    low, high = float(fitted.model.two_theta[0]), float(fitted.model.two_theta[-1])
    telling = [
        (min(abs(angle - low), abs(angle - high)), angle, term.reflections.phase, hkl)
        for term, other in (pair, pair[::-1])
        for angle, hkl in _lines_of_its_own(fitted, term, other)
        if not low <= angle <= high
    ]
    if not telling:
        return "Measure over a wider range, where their lines part, or hold one of the two amounts."
    _, angle, phase, (h, k, l) = min(telling)
    return f"Measure to {angle:.1f}° as well: there {phase} ({h} {k} {l}) stands alone."


def _lines_of_its_own(fitted: Fitted, term: PhaseTerm, other: PhaseTerm) -> list[tuple[float, tuple[int, int, int]]]:
    """2θ and indices of the stronger lines of one phase that no line of the other covers."""
    mine, theirs = _angles(fitted, term), _angles(fitted, other)
    width = _RESOLVED * _width(fitted)
    strength = term.reflections.multiplicity * term.reflections.f_squared
    alone = []
    for angle, hkl, strong in zip(mine, term.reflections.hkl.tolist(), strength > _TELLING_LINE * strength.max(initial=0.0), strict=True):
        if strong and np.isfinite(angle) and not np.any(np.abs(theirs - angle) < width):
            alone.append((float(angle), (hkl[0], hkl[1], hkl[2])))
    return alone


def _angles(fitted: Fitted, term: PhaseTerm) -> FloatArray:
    """(n,) 2θ at the fitted cell and displacement, for the strongest spectral line."""
    instrument = fitted.model.instrument
    d = d_spacings(term.reflections.hkl, term.cell_at(fitted.values)) if term.reflections.hkl.any() else term.reflections.d_spacing
    angle = two_theta_from_d(d, wavelength=instrument.radiation.wavelength)
    shift = float(fitted.values[fitted.model.layout.index["displacement"]])
    return np.asarray(angle + shift * displacement_pattern(angle, geometry=instrument.geometry))


def _width(fitted: Fitted) -> float:
    layout, values = fitted.model.layout, fitted.values
    return float(np.sqrt(max(values[layout.index["w"]], 1e-6)) + abs(values[layout.index["x"]]))
