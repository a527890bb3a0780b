"""A family of phases judged together: is any member there, and which?

Each member is a hypothesis of its own, with the others of the family at zero: all its lines in one amount A, each line off its share by a
texture that stays the same, a = A·t·(1 + u z). Beside them stands the hypothesis of a stranger, one line alone at the place of one of
theirs. The amount's prior is flat in ln A from half its esd to a hundred times it, so that every likelihood ratio has expectation 1 where
nothing is there: with prior odds ρ p/(1 − p), posterior odds above p/(1 − p) then come in at most a share ρ of empty patterns (Markov).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import logsumexp

from xrdkna.physics.evidence import other_phases
from xrdkna.records.arrays import FloatArray
from xrdkna.records.refinement import IntensityInformation, ReflectionGroup

# Amounts tried, in esds: from a half, below which nothing differs from nothing, to a hundred (or three times what is seen), where any
# prior is overruled. Texture makes the likelihood of a whole phase wider than their steps; that of one line is known in closed form
# where it is narrow.
LOWEST, HIGHEST, AMOUNTS = 0.5, 100.0, 40
NARROW, FINE = 8.0, 96
# Lines that share their place with a member's are told from it by nothing: members whose posterior is above this are all named.
ALIKE = 0.05


@dataclass(frozen=True, slots=True)
class Member:
    """What h hypotheses about time (one scan: h = 1) say of one phase's k groups. information: (h, k, k). score: (h, k), every
    other phase marginalised and the rest of the family at zero. template: (k,) sum 1."""

    phase: str
    template: FloatArray
    information: FloatArray
    score: FloatArray


@dataclass(frozen=True, slots=True)
class FamilyPosterior:
    """probability: that any member is there. members: by phase, that it is this one. lone: that one line stands alone instead.
    weights: by phase, (h,) posterior of the hypotheses about time, given the member."""

    probability: float
    members: Mapping[str, float]
    lone: float
    weights: Mapping[str, FloatArray]

    @property
    def best(self) -> str | None:
        """The member that fits best."""
        return max(self.members, key=lambda phase: self.members[phase], default=None)

    def alike(self) -> tuple[str, ...]:
        """The members that cannot be told from the best, likeliest first."""
        total = max(sum(self.members.values()), 1e-300)
        ranked = sorted(self.members, key=lambda phase: -self.members[phase])
        return tuple(phase for phase in ranked[1:] if self.members[phase] / total >= ALIKE)


def judge_family(members: Sequence[Member], *, odds: float, texture: float, prior: FloatArray | None = None) -> FamilyPosterior:
    """Weigh nothing, each member, and one line alone. odds: prior odds of any member against nothing. A line alone at any one place is
    as likely beforehand as a member: where only one line of a member can be seen, neither wins.

    prior: (h,) of the hypotheses about time; None: equal.
    """
    if not members:
        return FamilyPosterior(probability=0.0, members={}, lone=0.0, weights={})
    h = members[0].score.shape[0]
    log_prior = np.log(np.full(h, 1.0 / h) if prior is None else prior)
    logs: dict[str, FloatArray] = {}
    alone: list[float] = []
    for member in members:
        logs[member.phase] = log_prior + phase_log_evidence(member.information, member.score, member.template, texture=texture)
        alone += logsumexp(log_prior[:, None] + line_log_evidence(member.information, member.score), axis=0).tolist()
    whole = {phase: float(logsumexp(log)) + np.log(odds / len(members)) for phase, log in logs.items()}
    lone = float(logsumexp(alone)) + np.log(odds / len(members))
    total = float(logsumexp([0.0, lone, *whole.values()]))
    shares = {phase: float(np.exp(log - total)) for phase, log in whole.items()}
    return FamilyPosterior(
        probability=min(sum(shares.values()), 1.0),
        members=shares,
        lone=float(np.exp(lone - total)),
        weights={phase: np.exp(log - logsumexp(log)) for phase, log in logs.items()},
    )


def phase_log_evidence(information: FloatArray, score: FloatArray, template: FloatArray, *, texture: float) -> FloatArray:
    """(h,) ln of the likelihood against A = 0, averaged over the amount and the texture.

    With S = diag(u t), S N S = U Λ Uᵀ, p = Uᵀ S b, v = Uᵀ u⁻¹:
    ln L(A) = A p·v − ½A² Λv·v + ½ Σ A²(p − AΛv)²/(1 + A²Λ) − ½ Σ ln(1 + A²Λ).
    """
    soft = texture * template
    values, vectors = np.linalg.eigh(information * np.outer(soft, soft))
    values = np.maximum(values, 0.0)[:, None, :]
    along = (vectors.sum(axis=1) / texture)[:, None, :]
    turned = (soft * score)[:, None, :] @ vectors
    power = information @ template @ template
    seen = (score @ template) / np.sqrt(np.maximum(power, 1e-300))
    amount = _amounts(power, np.maximum(HIGHEST, 3.0 * seen))[:, :, None]
    stiff = 1.0 + amount**2 * values
    gain = amount * turned * along + 0.5 * amount**2 * (turned - amount * values * along) ** 2 / stiff
    cost = 0.5 * amount**2 * values * along**2 + 0.5 * np.log(stiff)
    return np.where(power > 0.0, logsumexp((gain - cost).sum(axis=2), axis=1) - np.log(AMOUNTS), 0.0)


def line_log_evidence(information: FloatArray, score: FloatArray) -> FloatArray:
    """(h, k) the same for each line alone, the others at zero: ∫ exp(zx − ½x²) d ln x over the amounts, z = b/√N."""
    power = np.einsum("hkk->hk", information)
    z = score / np.sqrt(np.maximum(power, 1e-300))
    span = np.log(np.maximum(HIGHEST, 3.0 * z) / LOWEST)
    edges = np.geomspace(LOWEST, HIGHEST, FINE + 1)
    x = np.sqrt(edges[1:] * edges[:-1])
    wide = logsumexp(np.minimum(z, NARROW)[..., None] * x - 0.5 * x**2, axis=-1) - np.log(FINE)
    sharp = 0.5 * z**2 + 0.5 * np.log(2.0 * np.pi) - np.log(np.maximum(z, 1.0) * span)
    return np.where(power > 0.0, np.where(z > NARROW, sharp, wide), 0.0)


def members_of_scan(information: IntensityInformation, phases: Sequence[str], texture_sd: Mapping[str, float]) -> tuple[Member, ...]:
    """What one scan says of each of these phases; those without a group in the pattern are left out."""
    family = {phase: [i for i, group in enumerate(information.groups) if group.phase == phase] for phase in phases}
    own = [i for places in family.values() for i in places]
    if not own:
        return ()
    normal, score = information.information, information.score
    nuisance, prior = other_phases(information, set(phases), texture_sd)
    if nuisance.shape[1]:
        inner = nuisance.T @ normal @ nuisance
        inner[np.diag_indices_from(inner)] += prior
        scale = np.sqrt(np.maximum(np.diag(inner), 1e-300))
        scaled = inner / np.outer(scale, scale)
        scaled[np.diag_indices_from(scaled)] = 1.0 + 1e-9
        cross = (normal[own] @ nuisance) / scale
        solved = np.linalg.solve(scaled, np.column_stack([cross.T, nuisance.T @ score / scale]))
        reduced, left = normal[np.ix_(own, own)] - cross @ solved[:, :-1], score[own] - cross @ solved[:, -1]
    else:
        reduced, left = normal[np.ix_(own, own)], score[own]
    place = {i: j for j, i in enumerate(own)}
    return tuple(
        _member(phase, [information.groups[i] for i in places], [place[i] for i in places], reduced, left)
        for phase, places in family.items()
        if places
    )


def _member(phase: str, groups: Sequence[ReflectionGroup], at: list[int], information: FloatArray, score: FloatArray) -> Member:
    share = np.array([max(group.share, 1e-4) for group in groups])
    return Member(phase=phase, template=share / share.sum(), information=information[np.ix_(at, at)][None], score=score[at][None])


def _amounts(power: FloatArray, highest: FloatArray) -> FloatArray:
    """(h, AMOUNTS) amounts to try, evenly in ln A up to `highest` (h,) esds."""
    esd = 1.0 / np.sqrt(np.maximum(power, 1e-300))
    return np.asarray(esd[:, None] * np.geomspace(LOWEST, highest, AMOUNTS, axis=-1))
