"""Whether a scan shows anything that is not known already, from one fast fit of it."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from xrdkna.physics.evidence import phase_evidence, without_strangers
from xrdkna.physics.lattice import CELL_NAMES
from xrdkna.pipeline.surveyed import Survey
from xrdkna.records.phases import Reflections
from xrdkna.records.track import Observation
from xrdkna.records.values import Estimate

# A phase that was not there before and shows with as many sigmas is to be looked at properly.
_NOTICED_SIGMAS = 3.0
# So does an unexplained line with as many: weaker ones are chance now and then.
_STRANGE_SIGMAS = 5.0


@dataclass(frozen=True, slots=True)
class News:
    """What is new in a scan: sigmas of all of it together, 0 where nothing is, and the phases among it."""

    sigmas: float
    phases: frozenset[str]


# Of a scan that the fast fit cannot speak of.
UNKNOWN = News(math.inf, frozenset())


def sigmas_of(seen: Observation, followed: Sequence[Reflections], *, texture_sd: Mapping[str, float]) -> dict[str, float]:
    """By phase, the sigmas of what the scan says for it; what the lines of no phase have taken counts for it."""
    free = without_strangers(seen.information)
    found = {lines.phase: phase_evidence(free, lines.phase, texture_sd=texture_sd) for lines in followed}
    return {phase: 0.0 if evidence is None else evidence.significance for phase, evidence in found.items()}


def news_of(seen: Observation, survey: Survey, sigmas: Mapping[str, float], *, there: Collection[str]) -> News:
    """The phases that were not there, and the lines that nothing explains; everything may be new where the fit is not accepted."""
    if seen.verdict != "accepted":
        return UNKNOWN
    known = {peak.two_theta.value for peak in survey.unexplained}
    strange = [peak.snr for peak in seen.unindexed if peak.two_theta.value not in known and peak.snr >= _STRANGE_SIGMAS]
    phases = {phase: value for phase, value in sigmas.items() if phase not in there and value >= _NOTICED_SIGMAS}
    return News(float(sum(strange) + sum(phases.values())), frozenset(phases))


def cell_seen(seen: Observation, phase: str) -> dict[str, Estimate]:
    """The cell parameters of a phase by name, as far as the scan tells them."""
    return {name: seen.values[name, phase] for name in CELL_NAMES if (name, phase) in seen.values}
