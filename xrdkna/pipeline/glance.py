"""Whether a scan shows anything that is not known already, from one fast fit of it."""

from collections.abc import Collection, Mapping, Sequence

from xrdkna.physics.evidence import phase_evidence, without_strangers
from xrdkna.physics.lattice import CELL_NAMES
from xrdkna.pipeline.surveyed import Survey
from xrdkna.records.phases import Reflections
from xrdkna.records.track import Observation
from xrdkna.records.values import Estimate

# A phase that was not there before and shows with as many sigmas is to be looked at properly.
_NOTICED_SIGMAS = 3.0


def sigmas_of(seen: Observation, followed: Sequence[Reflections], *, texture_sd: Mapping[str, float]) -> dict[str, float]:
    """By phase, the sigmas of what the scan says for it; what the lines of no phase have taken counts for it."""
    free = without_strangers(seen.information)
    found = {lines.phase: phase_evidence(free, lines.phase, texture_sd=texture_sd) for lines in followed}
    return {phase: 0.0 if evidence is None else evidence.significance for phase, evidence in found.items()}


def somebody_new(seen: Observation, survey: Survey, sigmas: Mapping[str, float], *, there: Collection[str]) -> bool:
    """True where the fit is not accepted, a line stands that nothing explains, or a phase shows that was not there."""
    known = {peak.two_theta.value for peak in survey.unexplained}
    strange = any(peak.two_theta.value not in known for peak in seen.unindexed)
    return seen.verdict != "accepted" or strange or any(value >= _NOTICED_SIGMAS for phase, value in sigmas.items() if phase not in there)


def cell_seen(seen: Observation, phase: str) -> dict[str, Estimate]:
    """The cell parameters of a phase by name, as far as the scan tells them."""
    return {name: seen.values[name, phase] for name in CELL_NAMES if (name, phase) in seen.values}
