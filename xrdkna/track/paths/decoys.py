"""Would a phase made up of other phases' lines be found as well? The chance of that, measured on the series itself.

Where the model does not hold (a casing that the library has not, lines of no phase, fits that do not settle) areas scatter about zero by
much more than their esds, a few of them by very much, and any phase finds some. The lines of the followed phases that are not claimed
show by how much: a decoy has the template and the esds of the phase in question, and its pulls area/esd from lines drawn among those, in
as many scans (target and decoy: Elias & Gygi 2007, Nat. Methods 4, 207). As many decoys as reach the phase's likelihood, so large is the
chance of its being none.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from xrdkna.records.arrays import FloatArray, IntArray
from xrdkna.track.paths.presence import Followed
from xrdkna.track.settings import TrackSettings
from xrdkna.track.signal.evidence import PhaseEvidence

DECOYS = 4000
"""Chances below a two-thousandth are not told apart, and need not be."""
LEAST_LINES = 12
"""Fewer lines without a claim show nothing of a distribution's tail."""
MOST_WINDOWS = 24
"""Stretches of the series that decoys are drawn from; more show nothing new."""
LOWEST, HIGHEST, AMOUNTS = 0.5, 100.0, 24
"""Amounts tried, in esds, as `physics.family` has them."""


def withhold_the_coincidental(
    followed: Sequence[Followed], evidence: Mapping[str, PhaseEvidence], settings: TrackSettings
) -> tuple[list[Followed], tuple[str, ...]]:
    """The same, but a phase that chance would make of the others' lines too often is withheld with its reflections; and the sentences
    on those. The least convincing are asked first: where they are none, their lines show what happens to those that are not there."""
    whole = {item.phase: item for item in followed if item.hkl is None}
    claimed = {phase: np.flatnonzero(item.path.on >= settings.report_probability) for phase, item in whole.items() if not item.withheld}
    claimed = {phase: scans for phase, scans in claimed.items() if scans.size}
    order = sorted(claimed, key=lambda phase: likelihood_of(evidence[phase], claimed[phase], settings))
    told: dict[str, str] = {}
    for phase in order:
        free = [other for other in whole if other == phase or other in told or other not in claimed]
        chance = chance_of_decoys(evidence[phase], [evidence[other] for other in free if other != phase], claimed[phase], settings)
        if chance > settings.false_alarms_per_100_series / 100.0:
            told[phase] = sentence_of(phase, chance)
    withheld = [_withheld(item, told[item.phase]) if item.phase in told else item for item in followed]
    return withheld, tuple(told.values())


def sentence_of(phase: str, chance: float) -> str:
    """Why it is not claimed."""
    return (
        f"{phase} is undecided: the model leaves so much of these patterns unexplained that lines drawn at random from phases that are "
        f"not there do as well in {100.0 * chance:.2g} % of cases."
    )


def likelihood_of(found: PhaseEvidence, scans: IntArray, settings: TrackSettings) -> float:
    """ln of the likelihood ratio of the phase in these scans together, line by line."""
    pulls, esds = pooled_pulls(found, scans)
    return float(_log_evidence(pulls[None], found.template / esds, settings.texture)[0])


def chance_of_decoys(found: PhaseEvidence, others: Sequence[PhaseEvidence], scans: IntArray, settings: TrackSettings) -> float:
    """The share of decoys that do at least as well, times the number of stretches that the phase could have chosen; 0 where too few
    lines can be drawn from. others: the phases that are not claimed. scans: those the phase seems to be in."""
    if sum(other.template.size for other in others) < LEAST_LINES:
        return 0.0
    n = found.level.size
    pulls, esds = pooled_pulls(found, scans)
    weights = found.template / esds
    reached = _log_evidence(pulls[None], weights, settings.texture)[0]
    generator = np.random.default_rng(0)
    starts = np.unique(np.linspace(0, n - scans.size, MOST_WINDOWS).round().astype(np.int64))
    windows = [scans, *(np.arange(start, start + scans.size) for start in starts)]
    pools = [np.concatenate([pooled_pulls(other, window)[0] for other in others]) for window in windows]
    drawn = [pool[generator.integers(pool.size, size=(-(-DECOYS // len(pools)), pulls.size))] for pool in pools]
    share = float(np.mean(_log_evidence(np.concatenate(drawn), weights, settings.texture) >= reached))
    return min(share * n / scans.size, 1.0)


def pooled_pulls(found: PhaseEvidence, scans: IntArray) -> tuple[FloatArray, FloatArray]:
    """(k,) each line's area over its esd in these scans together, and (k,) that esd."""
    information = found.area_esds[scans] ** -2.0
    total = information.sum(axis=0)
    return (information * found.areas[scans]).sum(axis=0) / np.sqrt(total), 1.0 / np.sqrt(total)


def _log_evidence(pulls: FloatArray, weights: FloatArray, texture: float) -> FloatArray:
    """(d,) ln of the likelihood against nothing of (d, k) pulls, averaged over the amount A; texture marginalised line by line.

    With q = A·t/esd: pull ~ N(q, 1 + u²q²). weights: (k,) t/esd.
    """
    esd = 1.0 / np.sqrt(float((weights**2).sum()))
    logs = []
    for amount in esd * np.geomspace(LOWEST, HIGHEST, AMOUNTS):
        expected = amount * weights
        variance = 1.0 + (texture * expected) ** 2
        logs.append((0.5 * (pulls**2 - (pulls - expected) ** 2 / variance) - 0.5 * np.log(variance)).sum(axis=1))
    return np.asarray(np.logaddexp.reduce(logs, axis=0) - np.log(AMOUNTS))


def _withheld(item: Followed, sentence: str) -> Followed:
    path = replace(item.path, on=np.minimum(item.path.on, 0.5))
    return replace(item, path=path, withheld=True, remark=sentence if item.hkl is None else item.remark)
