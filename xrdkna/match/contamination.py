"""Has air got into one scan: its whole family of phases judged together."""

import math
from collections.abc import Mapping, Sequence

from xrdkna.physics.family import FamilyPosterior, judge_family, members_of_scan
from xrdkna.records.air import AirMember, Contamination
from xrdkna.records.index import IndexedPeak, PhaseVerdict
from xrdkna.records.refinement import Refinement
from xrdkna.records.values import Estimate

AIR = "contamination"
# Of 100 clean scans at most one may be called contaminated by the family's evidence; see physics.family for the bound.
_FALSE_ALARMS, _FOUND = 0.01, 0.95
_ODDS = _FALSE_ALARMS * _FOUND / (1.0 - _FOUND)
# Below even odds nothing is suspected.
_SUSPECTED = 0.5
# Relative freedom of single reflections about the calculated pattern: crusts of carbonate are rarely random powders.
_TEXTURE = 0.4


def judge_contamination(
    verdicts: Sequence[PhaseVerdict], refinement: Refinement | None = None, peaks: Sequence[IndexedPeak] = ()
) -> Contamination:
    """Has air reached the sample? From the verdicts on the phases whose role is contamination, and what the fit says of all of them.

    found: the whole pattern shows one of them. suspected: one is undecided and the family as a whole is likelier there than not. peaks:
    as indexed; a line alone at the place of one of them is told with what is missing beside it.
    """
    family = [verdict for verdict in verdicts if verdict.role == AIR]
    if not family:
        sentence = "No contamination by air was looked for: no phase chosen is one that air makes."
        return Contamination(verdict="none", phases=(), sentence=sentence)
    posterior = None if refinement is None else _posterior(refinement, [verdict.phase for verdict in family])
    found = tuple(verdict.phase for verdict in family if verdict.verdict == "present")
    members = _members(family, posterior, _alone(refinement, found))
    probability = None if posterior is None else max(posterior.probability, max(one.probability for one in members) if found else 0.0)
    alike = _alike(posterior, found)
    if found:
        amounts = [f"{verdict.phase}{_amount(verdict.weight_fraction)}" for verdict in family if verdict.verdict == "present"]
        sentence = f"Air has reached the sample: {_listed(amounts)}{_say_alike(found[0], alike)}."
        return Contamination(verdict="found", phases=found, sentence=sentence, probability=probability, members=members, alike=alike)
    suspected = _suspected(family, posterior)
    if suspected:
        undecided = f"{_listed(suspected)} {'is' if len(suspected) == 1 else 'are'} undecided"
        said = f"Air may have reached the sample: {undecided}{_say_alike(suspected[0], alike)}."
        return Contamination(verdict="suspected", phases=suspected, sentence=said, probability=probability, members=members, alike=alike)
    sentence = _nothing(family) + _lone_lines(peaks, [verdict.phase for verdict in family])
    return Contamination(verdict="none", phases=(), sentence=sentence, probability=probability, members=members)


def _posterior(refinement: Refinement, phases: Sequence[str]) -> FamilyPosterior:
    members = members_of_scan(refinement.information, phases, refinement.texture_sd)
    return judge_family(members, odds=_ODDS, texture=_TEXTURE)


def _alone(refinement: Refinement | None, found: Sequence[str]) -> Mapping[str, float]:
    """Each phase found, beside the others found: a second member is there besides the best, not instead of it."""
    return {} if refinement is None else {phase: _posterior(refinement, [phase]).probability for phase in found}


def _members(family: Sequence[PhaseVerdict], posterior: FamilyPosterior | None, beside: Mapping[str, float]) -> tuple[AirMember, ...]:
    known = {} if posterior is None else posterior.members
    members = [
        AirMember(
            phase=verdict.phase,
            probability=max(known.get(verdict.phase, 0.0), beside.get(verdict.phase, 0.0)),
            limit=verdict.detection_limit,
            weight_fraction=verdict.weight_fraction,
        )
        for verdict in family
    ]
    return tuple(sorted(members, key=lambda member: -member.probability))


def _alike(posterior: FamilyPosterior | None, found: Sequence[str]) -> tuple[str, ...]:
    """Who cannot be told from the best, unless shown to be there besides it."""
    if posterior is None or (found and posterior.best != found[0]):
        return ()
    return tuple(phase for phase in posterior.alike() if phase not in found)


def _suspected(family: Sequence[PhaseVerdict], posterior: FamilyPosterior | None) -> tuple[str, ...]:
    undecided = [verdict for verdict in family if verdict.verdict == "undecided" and verdict.significance > 0.0]
    if posterior is None:
        return tuple(verdict.phase for verdict in undecided)
    if posterior.probability < _SUSPECTED:
        return ()
    share = {verdict.phase: posterior.members.get(verdict.phase, 0.0) for verdict in undecided}
    return tuple(sorted((phase for phase, p in share.items() if p >= 0.05), key=lambda phase: -share[phase]))


def _nothing(family: Sequence[PhaseVerdict]) -> str:
    limits = [verdict.detection_limit.value for verdict in family if verdict.detection_limit is not None]
    if limits:
        return f"No contamination by air: none of its phases above {_plain(100 * max(limits))} wt% (95 %)."
    return "No contamination by air is seen; with nothing crystalline to weigh it against, there is no limit in weight."


def _lone_lines(peaks: Sequence[IndexedPeak], air: Sequence[str]) -> str:
    """The lines alone at a place of the family, told as what they are."""
    alone = [peak for peak in peaks if peak.status == "unindexed" and peak.assignments and peak.assignments[0].phase in air]
    # Only where the others would have been seen is it said that they are not there.
    lone = [peak for peak in alone if "not there above" in peak.sentence]
    places = [(peak.peak.two_theta.value, peak.assignments[0]) for peak in lone[:3]]
    named = [f"{angle:.2f}° at {at.phase} ({' '.join(str(index) for index in at.hkl)})" for angle, at in places]
    if not named:
        return ""
    whose = "the phase's other strong lines are" if len(named) == 1 else "the phases' other strong lines are"
    return (
        f" {_listed(named)} {'stays' if len(named) == 1 else 'stay'} unindexed: {whose} not beside {'it' if len(named) == 1 else 'them'}."
    )


def _say_alike(first: str, alike: Sequence[str]) -> str:
    return f"; {_listed(alike)} cannot be told from {first}" if alike else ""


def _listed(words: Sequence[str]) -> str:
    """ "a, b and c"."""
    return f"{', '.join(words[:-1])} and {words[-1]}" if len(words) > 1 else "".join(words)


def _amount(fraction: Estimate | None) -> str:
    """ " (4.7 ± 0.4 wt%)": as many decimals as the esd's first digit has."""
    if fraction is None:
        return ""
    percent, esd = 100.0 * fraction.value, 100.0 * (fraction.esd or 0.0)
    if esd <= 0.0:
        return f" ({_plain(percent)} wt%)"
    decimals = max(0, -math.floor(math.log10(esd)))
    return f" ({percent:.{decimals}f} ± {esd:.{decimals}f} wt%)"


def _plain(number: float) -> str:
    """Two significant digits, never with an exponent: 0.41, 12, 100."""
    return f"{float(f'{number:.2g}'):.10f}".rstrip("0").rstrip(".")
