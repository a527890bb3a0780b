"""Is air getting in? Contaminations only grow, so their evidence is read over the whole series; one line is never one."""

from collections.abc import Mapping, Sequence

import numpy as np

from xrdkna.records.arrays import FloatArray, IntArray
from xrdkna.records.index import Contamination
from xrdkna.records.track import Observation
from xrdkna.track.evidence import PhaseEvidence
from xrdkna.track.presence import Followed
from xrdkna.track.settings import TrackSettings
from xrdkna.track.stack import Stack
from xrdkna.track.words import say_hkl

LINE_SIGMAS = 3.0
"""Each of two lines must stand by itself this far out, over the scans in which the phase is there."""
SUSPICION_SIGMAS = 2.0
"""The second line of a suspicion."""


def judge_contamination(
    followed: Sequence[Followed],
    stack: Stack,
    evidence: Mapping[str, PhaseEvidence],
    observations: Sequence[Observation | None],
    used: Sequence[int],
    settings: TrackSettings,
) -> Contamination:
    """found: a phase is there with two lines at 3σ each; suspected: one at 3σ and another at 2σ; none: with an upper limit where weights
    are known. The onset is the first scan of the series from which it is there."""
    air = [item for item in followed if item.hkl is None and stack.roles[item.phase] == "contamination"]
    if not air:
        return Contamination(verdict="none", phases=(), sentence="No contamination was looked for: the fit holds no phase of that role.")
    found: list[tuple[str, int]] = []
    suspected: list[tuple[str, int]] = []
    lone: list[str] = []
    for item in air:
        scans = np.flatnonzero(item.path.on >= settings.report_probability)
        if item.withheld or not scans.size:
            continue
        lines = line_sigmas(evidence[item.phase], scans)
        onset = used[int(scans[0])]
        strong = int((lines >= LINE_SIGMAS).sum())
        if strong >= 2:
            found.append((item.phase, onset))
        elif strong == 1 and int((lines >= SUSPICION_SIGMAS).sum()) >= 2:
            suspected.append((item.phase, onset))
        else:
            lone.append(f"{item.phase} {say_hkl(stack.labels[int(evidence[item.phase].columns[int(lines.argmax())])][1])}")
    if found or suspected:
        verdict, held = ("found", found) if found else ("suspected", suspected)
        names, onset = tuple(name for name, _ in held), min(scan for _, scan in held)
        first = "from the first scan on" if onset == used[0] else f"from scan {onset} on"
        how = "" if found else " (suspected: one line is sure, a second is weak)"
        amounts = "".join(_amount(observations, name) for name in names)
        return Contamination(verdict=verdict, phases=names, sentence=f"{', '.join(names)} {first}{how}{amounts}.", onset_scan=onset)
    limits = [limit for item in air if (limit := _limit(observations, item.phase)) is not None]
    sentence = "No contamination is seen in any scan"
    if limits:
        worst = max(limits)
        sentence += f"; less than {100 * worst[0]:.2g} wt% {worst[1]} (95 %), of the others less"
    if lone:
        sentence += f"; a line stands at {', '.join(lone)}, but the phase's other strong lines do not"
    return Contamination(verdict="none", phases=(), sentence=sentence + ".")


def line_sigmas(evidence: PhaseEvidence, scans: IntArray) -> FloatArray:
    """(k,) significance of each line of a phase by itself, pooled over these scans."""
    information = evidence.area_esds[scans] ** -2.0
    return np.asarray((information * evidence.areas[scans]).sum(axis=0) / np.sqrt(information.sum(axis=0)))


def _weights(observations: Sequence[Observation | None], phase: str) -> list[tuple[float, float]]:
    estimates = [observation.values.get(("weight_fraction", phase)) for observation in observations if observation is not None]
    return [(estimate.value, estimate.esd) for estimate in estimates if estimate is not None and estimate.esd is not None]


def _limit(observations: Sequence[Observation | None], phase: str) -> tuple[float, str] | None:
    """Weight fraction below which the phase stays at 95 % in a typical scan."""
    weights = _weights(observations, phase)
    if not weights:
        return None
    return float(np.median([max(0.0, value) + 1.64 * esd for value, esd in weights])), phase


def _amount(observations: Sequence[Observation | None], phase: str) -> str:
    weights = _weights(observations, phase)
    return f"; {100 * weights[-1][0]:.2g} ± {100 * weights[-1][1]:.1g} wt% {phase} in the last scan" if weights else ""
