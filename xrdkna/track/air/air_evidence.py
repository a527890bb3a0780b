"""What each scan says about one phase of the air family, with the rest of the family at zero and hardware's standing errors kept apart.

    ln L(a, z) = −½aᵀNa + bᵀa − aᵀCz − ½zᵀFz + eᵀz

a: areas of the phase's k groups. z: (q,) standard normal, the error of each learned hardware ratio, the same in all scans but for a slow
drift; scan by scan only hardware's own scatter is left. With M = N_HH + P over all other groups, P their prior precision and D the areas of
one sd: N = N_aa − N_aH M⁻¹ N_Ha, C = N_aH M⁻¹ P D, F = D P D − D P M⁻¹ P D, e = D P M⁻¹ b_H (Gaussian conditioning, as in track.evidence).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from xrdkna.records.arrays import FloatArray, IntArray
from xrdkna.track.signal.evidence import FreeAreas
from xrdkna.track.signal.hardware import Hardware, levels_of, prior_precision
from xrdkna.track.signal.linear import scaled_inverse
from xrdkna.track.signal.scatter import CHANCE, FEWEST, excess_width
from xrdkna.track.signal.stack import Stack

AIR = "contamination"
LEAST_LINES = 8
"""Fewer lines of other members tell nothing about what a model leaves at places where nothing is."""


@dataclass(slots=True)
class AirEvidence:
    """One member over n scans. joint: (n, k + q, k + q) of [N C; Cᵀ F]. score: (n, k + q) of (b, e). offset, slope: (k,) sd of a false
    area that stays, and that grows to this by the end of the series (counts·degrees): what the model leaves where nothing is."""

    phase: str
    columns: IntArray
    template: FloatArray
    joint: FloatArray
    score: FloatArray
    offset: FloatArray
    slope: FloatArray

    @property
    def groups(self) -> int:
        """k."""
        return int(self.template.size)

    def levels(self) -> tuple[FloatArray, FloatArray]:
        """(n,) summed area by the template in each scan, and its esd from counting; standing errors at zero."""
        k, t = self.groups, self.template
        power = np.maximum(self.joint[:, :k, :k] @ t @ t, 1e-300)
        return (self.score[:, :k] @ t) / power, 1.0 / np.sqrt(power)


def gather_air(
    stack: Stack, hardware: Mapping[str, Hardware], free: FreeAreas, clock: FloatArray, *, beside: Collection[str] = ()
) -> tuple[AirEvidence, ...]:
    """The evidence of every member. clock: (n,) 0 … 1, when each scan was in the series. beside: members that are there for sure, so that
    they are as free as any other phase, and what is asked is whether another is there besides."""
    names = [phase for phase, role in stack.roles.items() if role == AIR and phase not in beside]
    if not names:
        return ()
    n = len(stack)
    others = np.array([j for j, (phase, _) in enumerate(stack.labels) if phase not in names], dtype=np.int64)
    static = np.array([j for j in others if stack.labels[j][0] in hardware], dtype=np.int64)
    found = {name: _empty(stack, name, n, static.size) for name in names}
    for rows, information, score in stack.blocks():
        prior, shift = _nuisance(stack, hardware, free, others, static, rows)
        inverse = scaled_inverse(information[:, others[:, None], others[None, :]] + prior)
        pushed = prior @ shift
        standing = np.swapaxes(shift, 1, 2) @ pushed - np.swapaxes(pushed, 1, 2) @ inverse @ pushed
        pull = np.einsum("ciq,cij,cj->cq", pushed, inverse, score[:, others])
        for member in found.values():
            at = member.columns
            through = information[:, at[:, None], others[None, :]] @ inverse
            _fill(member, rows, information, score, at, others, through, pushed)
            member.joint[rows, member.groups :, member.groups :] = standing
            member.score[rows, member.groups :] = pull
    members = tuple(_inflated(member) for member in found.values())
    return tuple(_with_misfit(member, members, free, clock) for member in members)


def _fill(
    member: AirEvidence,
    rows: IntArray,
    information: FloatArray,
    score: FloatArray,
    at: IntArray,
    others: IntArray,
    through: FloatArray,
    pushed: FloatArray,
) -> None:
    own = information[:, at[:, None], at[None, :]]
    held = np.einsum("cii->ci", own) > 0.0
    both = held[:, :, None] * held[:, None, :]
    reduced = own - through @ np.swapaxes(information[:, at[:, None], others[None, :]], 1, 2)
    k = member.groups
    member.joint[rows, :k, :k] = 0.5 * (reduced + np.swapaxes(reduced, 1, 2)) * both
    member.score[rows, :k] = (score[:, at] - np.einsum("caj,cj->ca", through, score[:, others])) * held
    coupling = through @ pushed * held[:, :, None]
    member.joint[rows, :k, k:] = coupling
    member.joint[rows, k:, :k] = np.swapaxes(coupling, 1, 2)


def _empty(stack: Stack, phase: str, n: int, q: int) -> AirEvidence:
    at = stack.columns[phase]
    k = at.size
    return AirEvidence(
        phase=phase,
        columns=at,
        template=stack.templates[phase],
        joint=np.zeros((n, k + q, k + q)),
        score=np.zeros((n, k + q)),
        offset=np.zeros(k),
        slope=np.zeros(k),
    )


def _nuisance(
    stack: Stack, hardware: Mapping[str, Hardware], free: FreeAreas, others: IntArray, static: IntArray, rows: IntArray
) -> tuple[FloatArray, FloatArray]:
    """(c, o, o) prior precision of all other groups and (c, o, q) the area by which one sd of each standing error moves them."""
    place = {int(j): i for i, j in enumerate(others)}
    column = {int(j): i for i, j in enumerate(static)}
    prior = np.zeros((rows.size, others.size, others.size))
    shift = np.zeros((rows.size, others.size, static.size))
    for phase, at in stack.columns.items():
        if int(at[0]) not in place:
            continue
        inside = np.array([place[int(j)] for j in at])
        known = hardware.get(phase)
        ratio = stack.templates[phase] if known is None else known.ratio
        freedom = np.ones(at.size) if known is None else np.hypot(known.scatter, known.standing)
        level, esd = levels_of(free.areas[np.ix_(rows, at)], free.esds[np.ix_(rows, at)], ratio, freedom)
        block = np.ix_(np.arange(rows.size), inside, inside)
        if known is None:
            prior[block] = prior_precision(2.0 * (level + 3.0 * esd), ratio, freedom, breadth=1.0)
            continue
        prior[block] = prior_precision(level, ratio, known.scatter, breadth=10.0)
        for i, j in enumerate(at):
            shift[:, inside[i], column[int(j)]] = level * ratio[i] * known.standing[i]
    return prior, shift


def _inflated(member: AirEvidence) -> AirEvidence:
    """Divided by the variance that levels of neighbouring scans have beyond their own esds."""
    level, esd = member.levels()
    width = excess_width(level / esd)
    if width <= 1.0:
        return member
    k = member.groups
    joint, score = member.joint.copy(), member.score.copy()
    joint[:, :k, :] /= width**2
    joint[:, k:, :k] /= width**2
    score[:, :k] /= width**2
    return replace(member, joint=joint, score=score)


def _with_misfit(member: AirEvidence, members: Sequence[AirEvidence], free: FreeAreas, clock: FloatArray) -> AirEvidence:
    """What the other members' lines, each by itself over all scans, scatter about zero beyond their esds is misfit, and this member's
    lines may have as much of it (an empirical null, Efron 2004). A member that is there moves few of the others' lines, not the median."""
    at = np.concatenate([np.zeros(0, dtype=np.int64), *(other.columns for other in members if other is not member)])
    if at.size < LEAST_LINES:
        return member
    basis = (np.ones_like(clock), clock - clock.mean())
    widths, esds = [], []
    for shape in basis if clock.size >= FEWEST else basis[:1]:
        power = (free.esds**-2.0 * (shape**2)[:, None]).sum(axis=0)
        z = (free.esds**-2.0 * free.areas * shape[:, None]).sum(axis=0) / np.sqrt(np.maximum(power, 1e-300))
        width = 1.4826 * float(np.median(np.abs(z[at]))) / (1.0 + CHANCE * 2.0 / np.sqrt(at.size))
        widths.append(np.sqrt(max(width**2 - 1.0, 0.0)))
        esds.append(1.0 / np.sqrt(np.maximum(power[member.columns], 1e-300)))
    return replace(member, offset=widths[0] * esds[0], slope=widths[-1] * esds[-1] if len(widths) > 1 else member.slope)
