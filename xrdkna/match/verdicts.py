"""Is a phase there? The whole pattern decides: all lines that should be there, and are or are not."""

import re
from collections.abc import Sequence

from xrdkna.match.assign import unexplained_peaks
from xrdkna.match.coincidence import chance_of_coincidence
from xrdkna.match.settings import MatchSettings
from xrdkna.physics.evidence import GroupEvidence, PhaseEvidence, phase_evidence
from xrdkna.records.index import Contamination, PhaseVerdict
from xrdkna.records.peaks import Peak
from xrdkna.records.refinement import PhaseFit, Refinement
from xrdkna.records.values import Estimate


def judge_phases(
    refinement: Refinement, *, peaks: Sequence[Peak] = (), watched: Sequence[str] = (), settings: MatchSettings
) -> tuple[PhaseVerdict, ...]:
    """A verdict on every phase of the fit, strongest evidence first. peaks: as found, to know how crowded the pattern is with
    lines of nobody. watched: phases that were held at zero."""
    verdicts = [_judge(refinement, fit, peaks, fit.phase in watched, settings) for fit in refinement.phases]
    order = {"present": 0, "undecided": 1, "absent": 2}
    return tuple(sorted(verdicts, key=lambda verdict: (order[verdict.verdict], -verdict.significance)))


def judge_evidence(evidence: PhaseEvidence | None, *, role: str, settings: MatchSettings) -> tuple[str, tuple[str, ...]]:
    """ "present", "absent" or "undecided", with the reasons as sentences."""
    if evidence is None:
        return "undecided", ("None of its stronger lines lies in the measured range; measure further.",)
    z = evidence.significance
    if z < settings.absent_sigmas:
        return "absent", (f"The whole pattern gives it {z:.1f} σ.",)
    expected = [group for group in evidence.groups if group.predicted > settings.line_sigmas * group.esd]
    confirmed = [group for group in evidence.groups if group.significance >= settings.line_sigmas]
    missing = [group for group in expected if group.area + settings.line_sigmas * group.esd < settings.missing_below * group.predicted]
    lacking = sum(group.predicted for group in missing) / max(sum(group.predicted for group in expected), 1e-300)
    reasons = [f"The whole pattern gives it {z:.1f} σ; {_names(confirmed)} {'stand' if len(confirmed) != 1 else 'stands'} on their own."]
    if not confirmed:
        reasons = [f"The whole pattern gives it {z:.1f} σ, but no line of it stands on its own."]
    if missing:
        reasons.append(f"{_names(missing)} should be there and {'are' if len(missing) > 1 else 'is'} not.")
    # A rolled foil can hide most of its own lines; nothing else is excused for that.
    if lacking > settings.missing_share and role != "hardware":
        return "absent", tuple(reasons)
    if z < settings.present_sigmas and not confirmed:
        return "absent", tuple(reasons)
    if z < settings.present_sigmas:
        return "undecided", (*reasons, f"Below {settings.present_sigmas:g} σ nothing is claimed; count longer.")
    if len(confirmed) < settings.confirming_lines:
        return "undecided", (*reasons, "A single line can be anybody's; a second one of its lines would decide.")
    return "present", tuple(reasons)


def judge_coincidence(
    evidence: PhaseEvidence | None, loose: Sequence[Peak], *, role: str, cell_parameters: int, settings: MatchSettings
) -> tuple[str, tuple[str, ...]]:
    """As `judge_evidence`, in a pattern with these peaks that no other phase explains: enough of them, and any phase finds
    some of its lines among them."""
    verdict, reasons = judge_evidence(evidence, role=role, settings=settings)
    if verdict == "absent" or evidence is None:
        return verdict, reasons
    chance = chance_of_coincidence(evidence.groups, loose, cell_parameters=cell_parameters, settings=settings)
    if chance <= settings.chance_present:
        return verdict, reasons
    crowd = f"{len(loose)} lines here belong to no other phase; by chance as many would meet this one's lines"
    return (
        "absent" if chance > settings.chance_nothing else "undecided",
        (*reasons, f"{crowd} in {100 * chance:.2g} % of such patterns."),
    )


def judge_contamination(verdicts: Sequence[PhaseVerdict]) -> Contamination:
    """Is air getting in? From the verdicts on the phases whose role is contamination."""
    family = [verdict for verdict in verdicts if verdict.role == "contamination"]
    found = tuple(verdict.phase for verdict in family if verdict.verdict == "present")
    suspected = tuple(verdict.phase for verdict in family if verdict.verdict == "undecided" and verdict.significance > 0.0)
    if found:
        amounts = ", ".join(f"{verdict.phase}{_amount(verdict.weight_fraction)}" for verdict in family if verdict.verdict == "present")
        return Contamination(verdict="found", phases=found, sentence=f"Contamination by air: {amounts}.")
    if suspected:
        sentence = f"Contamination by air cannot be excluded: {', '.join(suspected)} undecided."
        return Contamination(verdict="suspected", phases=suspected, sentence=sentence)
    limits = [verdict.detection_limit.value for verdict in family if verdict.detection_limit is not None]
    if limits:
        sentence = f"No contamination; none of its phases above {100 * max(limits):.2g} wt% (95 %)."
    else:
        sentence = "No sign of contamination; nothing crystalline was there to give a limit in weight."
    return Contamination(verdict="none", phases=(), sentence=sentence)


def _judge(refinement: Refinement, fit: PhaseFit, peaks: Sequence[Peak], held: bool, settings: MatchSettings) -> PhaseVerdict:
    evidence = phase_evidence(refinement.information, fit.phase, texture_sd=refinement.texture_sd)
    loose = _loose_peaks(refinement, fit.phase, peaks)
    verdict, reasons = judge_coincidence(evidence, loose, role=fit.role, cell_parameters=len(fit.cell), settings=settings)
    limit = fit.detection_limit
    stretched = _stretched(refinement, fit)
    if verdict != "absent" and stretched:
        verdict, reasons = (
            "absent",
            (
                *reasons,
                f"Its {', '.join(stretched)} had to be stretched to the limit: these lines are not its own.",
            ),
        )
    if verdict == "absent" and limit is not None and limit.value > settings.useful_limit:
        verdict = "undecided"
        reasons = (*reasons, f"Up to {100 * limit.value:.0f} wt% could hide in this pattern; count longer or over a wider range.")
    if verdict == "absent" and limit is not None:
        reasons = (*reasons, f"More than {100 * limit.value:.2g} wt% would have been seen (95 %).")
    if fit.weight_fraction is None and verdict == "present":
        reasons = (*reasons, "Only its line positions are known: no weight can be given.")
    there = verdict == "present"
    return PhaseVerdict(
        phase=fit.phase,
        role=fit.role,
        verdict=verdict,
        significance=evidence.significance if evidence is not None else 0.0,
        weight_fraction=fit.weight_fraction if there else None,
        detection_limit=limit,
        cell=dict(fit.cell) if there and not held else None,
        reasons=reasons,
    )


def _loose_peaks(refinement: Refinement, phase: str, peaks: Sequence[Peak]) -> tuple[Peak, ...]:
    """The peaks that the other phases of the fit do not explain."""
    return unexplained_peaks(peaks, [line for line in refinement.lines if line.phase != phase and line.area > 0.0])


def _stretched(refinement: Refinement, fit: PhaseFit) -> tuple[str, ...]:
    """The cell parameters of the phase that ended at a bound."""
    at_bound = {parameter.name: parameter for parameter in refinement.parameters if parameter.at_bound}
    ending = re.sub(r"\W", "_", fit.phase)
    return tuple(name for name in fit.cell if f"{name}_{ending}" in at_bound)


def _names(groups: Sequence[GroupEvidence]) -> str:
    strongest = sorted(groups, key=lambda group: -group.group.share)[:4]
    listed = ", ".join(f"({' '.join(str(index) for index in group.group.hkl)})" for group in strongest)
    return f"{listed} and {len(groups) - 4} more" if len(groups) > 4 else listed


def _amount(fraction: Estimate | None) -> str:
    if fraction is None:
        return ""
    esd = "" if fraction.esd is None else f" ± {100 * fraction.esd:.2g}"
    return f" ({100 * fraction.value:.2g}{esd} wt%)"
