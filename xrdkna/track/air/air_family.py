"""The air family over a series: contamination only grows, so every scan speaks for or against the same few histories.

A history: nothing before an onset, from then on (1 − ρ) at once and ρ in proportion to the time since. Onsets are the gaps between scans
and "before the first". Given a member and a history the areas follow from one amount; with false areas that stay or grow (misfit) and
hardware's standing errors that stay or drift as Gaussian nuisances, all scans condense into one information matrix.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from xrdkna.physics.family import FamilyPosterior, Member, judge_family
from xrdkna.records.arrays import FloatArray, IntArray
from xrdkna.track.air.air_evidence import AirEvidence
from xrdkna.track.settings import TrackSettings

SHARES = (0.0, 0.5, 1.0)
"""ρ: there at once, doubling, growing from nothing."""
FROM_THE_START = 0.2
"""Part of the prior chance of a contamination that lies on its being there before the first scan."""
MOST_ONSETS = 400
"""More are thinned: an onset is then known to a 400th of the series."""
LEAST_MISFIT = 1e-3
"""A false area is never held tighter than this part of its esd, so that every matrix stays regular."""


@dataclass(frozen=True, slots=True)
class Histories:
    """growth: (h, n) amount in each scan relative to the last. first: (h,) the first scan it is in. prior: (h,) sum 1."""

    growth: FloatArray
    first: IntArray
    prior: FloatArray


@dataclass(frozen=True, slots=True)
class AirPosterior:
    """family: who. histories: how. onset: (n,) probability that scan i is the first with it, given that it is there."""

    family: FamilyPosterior
    histories: Histories
    onset: FloatArray
    condensed: tuple[Member, ...]


def judge_air(members: Sequence[AirEvidence], clock: FloatArray, tube: FloatArray, settings: TrackSettings) -> AirPosterior:
    """Weigh every member with every history. clock: (n,) 0 … 1, when each scan was. tube: (n,) common level of what is static."""
    histories = histories_of(clock, tube)
    condensed = tuple(condense(member, histories, clock) for member in members)
    rate = settings.false_alarms_per_100_series / 100.0
    odds = rate * settings.report_probability / (1.0 - settings.report_probability)
    family = judge_family(condensed, odds=odds, texture=settings.texture, prior=histories.prior)
    weight = sum((family.members[name] * weights for name, weights in family.weights.items()), np.zeros(histories.first.size))
    onset = np.bincount(histories.first, weights=weight, minlength=clock.size)
    return AirPosterior(family=family, histories=histories, onset=onset / max(float(onset.sum()), 1e-300), condensed=condensed)


def histories_of(clock: FloatArray, tube: FloatArray) -> Histories:
    """Every onset with every share of growth."""
    n = clock.size
    onsets = np.arange(n) if n <= MOST_ONSETS else np.unique(np.linspace(0, n - 1, MOST_ONSETS).round().astype(np.int64))
    gaps = np.diff(clock, prepend=clock[0] - float(np.median(np.diff(clock))) if n > 1 else clock[0] - 1.0)
    rows, first, prior = [], [], []
    for onset in onsets:
        begun = clock[onset] - 0.5 * gaps[onset]
        since = np.where(np.arange(n) >= onset, (clock - begun) / max(clock[-1] - begun, 1e-12), 0.0)
        chance = 1.0 if onsets.size == 1 else FROM_THE_START if onset == 0 else (1.0 - FROM_THE_START) / (onsets.size - 1)
        for share in SHARES:
            rows.append(np.where(np.arange(n) >= onset, 1.0 - share + share * since, 0.0) * tube)
            first.append(int(onset))
            prior.append(chance / len(SHARES))
    return Histories(growth=np.array(rows), first=np.array(first, dtype=np.int64), prior=np.array(prior) / sum(prior))


def condense(member: AirEvidence, histories: Histories, clock: FloatArray) -> Member:
    """(h, k, k) information and (h, k) score of the member's areas in the last scan under each history."""
    k, n = member.groups, clock.size
    joint, score, growth = member.joint, member.score, histories.growth
    drift = clock - clock.mean()
    size = joint.shape[1]
    stays, grows, curved = (np.einsum("n,nij->ij", shape, joint) for shape in (np.ones(n), drift, drift**2))
    nuisance = np.block([[stays, grows], [grows, curved]])
    typical = 1.0 / np.sqrt(np.maximum(np.diag(stays)[:k], 1e-300))
    standing = np.ones(size - k)
    held = np.concatenate([np.maximum(member.offset, LEAST_MISFIT * typical), standing, np.maximum(member.slope, LEAST_MISFIT * typical)])
    held = np.concatenate([held, standing])
    scaled = nuisance * np.outer(held, held)
    scaled[np.diag_indices_from(scaled)] += 1.0
    pull = held * np.concatenate([score.sum(axis=0), drift @ score])
    flat = joint[:, :k, :].reshape(n, -1)
    cross = np.concatenate([(growth @ flat).reshape(-1, k, size), ((growth * drift) @ flat).reshape(-1, k, size)], axis=2) * held
    settled = np.linalg.solve(scaled, np.column_stack([cross.reshape(-1, 2 * size).T, pull]))
    own = ((growth**2) @ joint[:, :k, :k].reshape(n, -1)).reshape(-1, k, k)
    through = settled[:, :-1].T.reshape(-1, k, 2 * size)
    information = own - cross @ np.swapaxes(through, 1, 2)
    return Member(
        phase=member.phase,
        template=member.template,
        information=0.5 * (information + np.swapaxes(information, 1, 2)),
        score=growth @ score[:, :k] - cross @ settled[:, -1],
    )
