"""Has air got in? Contaminations only grow, so their evidence is read over the whole series; one line is never one."""

import math
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
        sentence = "No contamination by air was looked for: no phase followed is one that air makes."
        return Contamination(verdict="none", phases=(), sentence=sentence)
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
        told = "; ".join(f"{name} {_since(scan, used)}{_amount(observations, name)}" for name, scan in held)
        lead = "Air has reached the sample" if found else "Air may have reached the sample"
        how = "" if found else "; one of its lines is sure, a second is weak"
        return Contamination(verdict=verdict, phases=names, sentence=f"{lead}: {told}{how}.", onset_scan=onset)
    limits = [limit for item in air if (limit := _limit(observations, item.phase)) is not None]
    sentence = "No contamination by air is seen in any scan"
    if limits:
        sentence += f": none of its phases above {_plain(100 * max(limits))} wt% in a typical scan (95 %)"
    if lone:
        at, those = " and ".join(lone), "its phase's" if len(lone) == 1 else "their phases'"
        sentence += f"; {at} {'stands' if len(lone) == 1 else 'stand'} out, but {those} other strong lines do not"
    return Contamination(verdict="none", phases=(), sentence=sentence + ".")


def line_sigmas(evidence: PhaseEvidence, scans: IntArray) -> FloatArray:
    """(k,) significance of each line of a phase by itself, pooled over these scans."""
    information = evidence.area_esds[scans] ** -2.0
    return np.asarray((information * evidence.areas[scans]).sum(axis=0) / np.sqrt(information.sum(axis=0)))


def _since(scan: int, used: Sequence[int]) -> str:
    return "from the first scan on" if scan == used[0] else f"from scan {scan} on"


def _limit(observations: Sequence[Observation | None], phase: str) -> float | None:
    """Weight fraction of the phase that a typical scan would have shown at 95 %."""
    estimates = [observation.values.get(("detection_limit", phase)) for observation in observations if observation is not None]
    limits = [estimate.value for estimate in estimates if estimate is not None]
    return float(np.median(limits)) if limits else None


def _amount(observations: Sequence[Observation | None], phase: str) -> str:
    """ ", 4.7 ± 0.4 wt% in the last scan": as many decimals as the esd's first digit has."""
    last = next((one for one in reversed(observations) if one is not None), None)
    weight = None if last is None else last.values.get(("weight_fraction", phase))
    if weight is None:
        return ""
    percent, esd = 100.0 * weight.value, 100.0 * (weight.esd or 0.0)
    if esd <= 0.0:
        return f", {_plain(percent)} wt% in the last scan"
    decimals = max(0, -math.floor(math.log10(esd)))
    return f", {percent:.{decimals}f} ± {esd:.{decimals}f} wt% in the last scan"


def _plain(number: float) -> str:
    """Two significant digits, never with an exponent: 0.41, 12, 100."""
    return f"{float(f'{number:.2g}'):.10f}".rstrip("0").rstrip(".")
