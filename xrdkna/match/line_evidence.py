"""Which phases a published list gives evidence for, weighed against each other and against chance."""

import re
from dataclasses import dataclass

import numpy as np
from scipy.special import expit, ndtri_exp

from xrdkna.match.cell_fit import CellFitState, ShiftPrior, fit_phase, fit_together
from xrdkna.match.expected_lines import ExpectedLines, printing_probability
from xrdkna.match.line_list import LineSettings, ListedLines, distinct_lines
from xrdkna.records.arrays import BoolArray, FloatArray, IntArray

# What people write beside a phase's name: its lattice and its state, not its name.
_LATTICE_WORDS = re.compile(
    r"\b(fcc|bcc|hcp|ccp|sc|(face|body)[- ]cent(er|re)d( cubic)?|cubic|hexagonal|metallic|metal|phase|alloy)\b", re.IGNORECASE
)
# A line counts as a phase's own when the phase explains at least this much of it.
MOSTLY = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseWeight:
    """One phase against the list. posterior: 0 … 1. places, esds: (m,) degrees, shift included. best: (n,) the reflection that
    explains each listed line best (−1: the phase has none near). offset: (n,) degrees, listed − calculated for it (0 where
    none). off_by: (n,) the same in sigmas of line and calculation together (inf where none). explained: (n,) 0 … 1."""

    expected: ExpectedLines
    fit: CellFitState
    index: int
    named: bool
    log_evidence: float
    posterior: float
    verdict: str
    places: FloatArray
    esds: FloatArray
    best: IntArray
    offset: FloatArray
    off_by: FloatArray
    explained: FloatArray

    @property
    def name(self) -> str:
        """The phase's name."""
        return self.expected.source.phase

    @property
    def significance(self) -> float:
        """Sigmas of a normal distribution with the tail P(Λ ≥ observed) ≤ 1/Λ; 0 where chance does as well."""
        return max(0.0, -float(ndtri_exp(-self.log_evidence))) if self.log_evidence > 0 else 0.0

    @property
    def own(self) -> BoolArray:
        """(n,) the listed lines that the phase explains."""
        return np.asarray(self.explained >= MOSTLY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighing:
    """All phases against the list, in the order given. chance: lines per degree that nothing explains. shift: degrees."""

    weights: tuple[PhaseWeight, ...]
    chance: float
    shift: float
    shift_sigma: float


def weigh_phases(expected: tuple[ExpectedLines, ...], listed: ListedLines, *, settings: LineSettings) -> Weighing:
    """Accept phases one by one, the one with most evidence first; each further one must explain what is still unexplained."""
    span = max(listed.high - listed.low, settings.least_span)
    # a line printed twice (once for each of two phases) is one observation
    whole, listed = listed, distinct_lines(listed)
    n = listed.two_theta.size
    named = {lookup_phase(line.phase, tuple(phase.source.phase for phase in expected)) for line in whole.lines if line.phase}
    prior = ShiftPrior(center=0.0, sigma=settings.shift_sigma)
    blank, rho = np.zeros(n), n / span
    alone = [fit_phase(phase, listed, chance=np.full(n, rho), hidden=blank, prior=prior, settings=settings) for phase in expected]
    odds = np.log([settings.named_odds if phase.source.phase in named else settings.prior_odds for phase in expected])
    accepted, joint = _accept(alone, odds, listed, rho=rho, span=span, prior=prior, settings=settings)
    after = prior if joint is None else ShiftPrior(center=joint.shift, sigma=max(float(np.sqrt(joint.covariance[-1, -1])), 0.01))
    if joint is None:
        after = _leading_shift(alone, odds, prior, settings)
    hidden = blank if joint is None else joint.explained
    left = rho if joint is None else (n - float(hidden.sum()) + 1.0) / span
    weights = []
    for k, phase in enumerate(expected):
        if k in accepted and joint is not None:
            # the evidence for an accepted phase is what the others leave unexplained
            others = [alone[j] for j in accepted if j != k]
            fit = _against(phase, others, listed, rho=rho, span=span, prior=prior, settings=settings)
            weights.append(_weigh(phase, joint, accepted.index(k), fit.log_evidence, odds[k], phase.source.phase in named, whole, settings))
            continue
        chance = np.full(n, left) + (0.0 if joint is None else joint.density)
        known = joint is None and after is prior
        fit = alone[k] if known else fit_phase(phase, listed, chance=chance, hidden=hidden, prior=after, settings=settings)
        weights.append(_weigh(phase, fit, 0, fit.log_evidence, odds[k], phase.source.phase in named, whole, settings))
    return Weighing(weights=tuple(weights), chance=left, shift=after.center, shift_sigma=after.sigma)


def lookup_phase(published: str | None, names: tuple[str, ...]) -> str | None:
    """The library's name for what a list calls a phase ("fcc K", "K (bcc)", "k" are K); None where it holds none of that name."""
    if not published:
        return None
    plain = re.sub(r"[^a-z0-9.·]", "", _LATTICE_WORDS.sub(" ", published).lower())
    whole = re.sub(r"[^a-z0-9.·]", "", published.lower())
    return next((name for word in (whole, plain) for name in names if re.sub(r"[^a-z0-9.·]", "", name.lower()) == word), None)


def _accept(
    alone: list[CellFitState],
    odds: FloatArray,
    listed: ListedLines,
    *,
    rho: float,
    span: float,
    prior: ShiftPrior,
    settings: LineSettings,
) -> tuple[list[int], CellFitState | None]:
    accepted: list[int] = []
    joint: CellFitState | None = None
    n = listed.two_theta.size
    # what one phase explains is worth less to the next, so one that is not convincing alone never becomes so
    waiting = [k for k, fit in enumerate(alone) if _convincing(fit, odds[k], listed, settings)]
    current = dict(zip(waiting, (alone[k] for k in waiting), strict=True))
    while current:
        best = max(current, key=lambda k: current[k].log_evidence + odds[k])
        if not _convincing(current[best], odds[best], listed, settings):
            break
        accepted.append(best)
        del current[best]
        joint = fit_together(tuple(alone[k] for k in accepted), listed, chance=np.full(n, rho), prior=prior, settings=settings)
        left = (n - float(joint.explained.sum()) + 1.0) / span
        after = ShiftPrior(center=joint.shift, sigma=max(float(np.sqrt(joint.covariance[-1, -1])), 0.01))
        for k in current:
            current[k] = fit_phase(
                alone[k].phases[0], listed, chance=left + joint.density, hidden=joint.explained, prior=after, settings=settings
            )
    return accepted, joint


def _reflections_met(fit: CellFitState, listed: ListedLines) -> int:
    """Different reflections that lines mostly explained by the phase lie nearest to."""
    places, _ = fit.places()
    own = listed.two_theta[fit.explained >= MOSTLY]
    return int(np.unique(np.abs(own[:, None] - places).argmin(axis=1)).size) if own.size else 0


def _convincing(fit: CellFitState, odds: float, listed: ListedLines, settings: LineSettings) -> bool:
    enough = _reflections_met(fit, listed) >= settings.least_lines
    return enough and float(expit(fit.log_evidence + odds)) >= settings.present_from


def _against(
    phase: ExpectedLines,
    others: list[CellFitState],
    listed: ListedLines,
    *,
    rho: float,
    span: float,
    prior: ShiftPrior,
    settings: LineSettings,
) -> CellFitState:
    n = listed.two_theta.size
    if not others:
        return fit_phase(phase, listed, chance=np.full(n, rho), hidden=np.zeros(n), prior=prior, settings=settings)
    joint = fit_together(tuple(others), listed, chance=np.full(n, rho), prior=prior, settings=settings)
    left = (n - float(joint.explained.sum()) + 1.0) / span
    return fit_phase(phase, listed, chance=left + joint.density, hidden=joint.explained, prior=prior, settings=settings)


def _leading_shift(fits: list[CellFitState], odds: FloatArray, prior: ShiftPrior, settings: LineSettings) -> ShiftPrior:
    """With no phase accepted, the shift of the most likely one that explains several lines is the best guess for the others."""
    some = [k for k, fit in enumerate(fits) if fit.log_evidence > 0 and int((fit.explained >= MOSTLY).sum()) >= settings.least_lines]
    if not some:
        return prior
    lead = fits[max(some, key=lambda k: fits[k].log_evidence + odds[k])]
    return ShiftPrior(center=lead.shift, sigma=max(float(np.sqrt(lead.covariance[-1, -1])), 0.01))


def _weigh(
    phase: ExpectedLines,
    fit: CellFitState,
    index: int,
    log_evidence: float,
    odds: float,
    named: bool,
    listed: ListedLines,
    settings: LineSettings,
) -> PhaseWeight:
    places, esds = fit.places(index)
    best, offset, off_by, density = _nearest(phase, places, esds, listed, settings)
    explained = density / (density + listed.two_theta.size / max(listed.high - listed.low, settings.least_span))
    posterior = float(expit(log_evidence + odds))
    own = (explained >= MOSTLY) & (off_by <= settings.disagree_sigmas)
    verdict = "undecided"
    if posterior >= settings.present_from and np.unique(best[own]).size >= settings.least_lines:
        verdict = "present"
    elif posterior < settings.absent_below and log_evidence < -settings.absent_evidence:
        verdict = "absent"
    return PhaseWeight(
        expected=phase,
        fit=fit,
        index=index,
        named=named,
        log_evidence=log_evidence,
        posterior=posterior,
        verdict=verdict,
        places=places,
        esds=esds,
        best=best,
        offset=offset,
        off_by=off_by,
        explained=np.where(own, explained, np.minimum(explained, MOSTLY / 2.0)),
    )


def _nearest(
    phase: ExpectedLines, places: FloatArray, esds: FloatArray, listed: ListedLines, settings: LineSettings
) -> tuple[IntArray, FloatArray, FloatArray, FloatArray]:
    n = listed.two_theta.size
    if not places.size:
        return np.full(n, -1, dtype=np.int64), np.zeros(n), np.full(n, np.inf), np.zeros(n)
    offset = listed.two_theta[:, None] - places
    sigma = np.hypot(listed.sigma[:, None], esds)
    weight = printing_probability(phase.intensity, settings)
    density = weight * np.exp(-0.5 * (offset / sigma) ** 2) / (sigma * np.sqrt(2.0 * np.pi))
    best = np.where(density.max(axis=1) > 0.0, density.argmax(axis=1), np.abs(offset).argmin(axis=1))
    rows = np.arange(n)
    return best, offset[rows, best], np.abs(offset[rows, best]) / sigma[rows, best], density.sum(axis=1)
