"""Is a phase there? The whole pattern decides: all lines that should be there, and are or are not."""

import re
from collections.abc import Collection, Sequence
from dataclasses import replace

from xrdkna.match.assign import unexplained_peaks
from xrdkna.match.coincidence import chance_of_coincidence
from xrdkna.match.settings import MatchSettings
from xrdkna.physics.evidence import GroupEvidence, PhaseEvidence, phase_evidence
from xrdkna.records.index import PhaseVerdict
from xrdkna.records.peaks import Peak
from xrdkna.records.refinement import PhaseFit, Refinement


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
    alone = "stands out by itself" if len(confirmed) == 1 else "stand out by themselves"
    reasons = [f"The whole pattern gives it {z:.1f} σ; {_names(confirmed)} {alone}."]
    if not confirmed:
        reasons = [f"The whole pattern gives it {z:.1f} σ, but none of its lines stands out by itself."]
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
        return "undecided", (*reasons, "A single line may belong to another phase; a second one of its lines would decide.")
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
    crowd = f"{len(loose)} line{' here belongs' if len(loose) == 1 else 's here belong'} to no other phase"
    return (
        "absent" if chance > settings.chance_nothing else "undecided",
        (*reasons, f"{crowd}; by chance alone, this phase would meet them as well in {_plain(100 * chance)} % of such patterns."),
    )


def doubt_absences(verdicts: Sequence[PhaseVerdict], near: Collection[str]) -> tuple[PhaseVerdict, ...]:
    """The same verdicts, but no phase is called absent while an unexplained line could be its own at a slightly different
    cell (`near` names such phases). For a contamination one line is a candidate, not a suspicion: it stays absent."""
    reason = "An unexplained line lies where a strong line of it would be at a slightly different cell; a longer count would decide."
    return tuple(
        replace(verdict, verdict="undecided", detection_limit=None, reasons=(verdict.reasons[0], reason))
        if verdict.verdict == "absent" and verdict.phase in near and verdict.role != "contamination"
        else verdict
        for verdict in verdicts
    )


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
                f"Its {_listed(stretched)} had to be stretched to the limit: these lines are not its own.",
            ),
        )
    if verdict == "absent" and limit is not None and limit.value > settings.useful_limit:
        verdict = "undecided"
        reasons = (*reasons, f"Up to {_plain(100 * limit.value)} wt% could hide in this pattern; count longer or over a wider range.")
    if verdict == "absent" and limit is not None:
        reasons = (*reasons, f"More than {_plain(100 * limit.value)} wt% would have been seen (95 %).")
    if fit.weight_fraction is None and verdict == "present":
        known = "Only its line positions are known" if fit.intensities == "structure" else "Its intensities were taken from the pattern"
        reasons = (*reasons, f"{known}: no weight can be given.")
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
    named = [f"({' '.join(str(index) for index in group.group.hkl)})" for group in strongest]
    return _listed([*named, f"{len(groups) - 4} more"] if len(groups) > 4 else named)


def _listed(words: Sequence[str]) -> str:
    """ "a, b and c"."""
    return f"{', '.join(words[:-1])} and {words[-1]}" if len(words) > 1 else "".join(words)


def _plain(number: float) -> str:
    """Two significant digits, never with an exponent: 0.41, 12, 100."""
    return f"{float(f'{number:.2g}'):.10f}".rstrip("0").rstrip(".")
