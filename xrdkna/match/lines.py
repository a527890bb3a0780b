"""A published list of lines, judged: which line is what, which phases it shows, and which published indices do not hold."""

import numpy as np

from xrdkna.errors import PhaseChoiceError
from xrdkna.match.expected_lines import expect_lines
from xrdkna.match.line_evidence import PhaseWeight, Weighing, weigh_phases
from xrdkna.match.line_list import LineSettings, ListedLines, read_lines, wavelength_of_list
from xrdkna.match.line_phases import centring_of, fit_of_cell, judge_phase, missing_lines
from xrdkna.match.line_words import Candidate, candidates_of, judge_published, listed_words, written
from xrdkna.physics.bragg import d_from_two_theta
from xrdkna.records.index import Assignment, CellFit, Contamination, Index, IndexedPeak, PhaseVerdict, PublishedLine, ScanFacts
from xrdkna.records.instrument import Instrument
from xrdkna.records.peaks import Peak
from xrdkna.records.phases import Reflections
from xrdkna.records.values import Estimate, Notice

__all__ = ["LineSettings", "index_published_lines"]

# A line is indexed when a phase that is present explains at least this share of it …
INDEXED_SHARE = 0.5
# … and no other phase explains more than this fraction of that.
RIVAL = 0.25
# With less than this share explained by anything, a line is unindexed; what lies there is listed as candidates.
EXPLAINED = 0.25
# Explanations listed: those with at least this share; for a line that is not indexed also the best of each phase within
# 3 sigma that is not negligibly weak, at most so many.
LISTED_SHARE = 0.02
CANDIDATE_SIGMAS = 3.0
CANDIDATE_STRENGTH = 0.03
MOST_CANDIDATES = 8
# Printed 2θ and d must give the instrument's wavelength to this fraction.
WAVELENGTH_TOLERANCE = 0.004


def index_published_lines(
    lines: tuple[PublishedLine, ...],
    reflections: tuple[Reflections, ...],
    *,
    instrument: Instrument,
    settings: LineSettings,
    name: str = "published lines",
) -> Index:
    """Index a published list against reference phases with one cell a phase and one common displacement.

    lines: 2θ in degrees for the strongest line of `instrument.radiation`, or d in Å, in any order. The published phases and
    indices are never used to place anything (they only make a phase's presence less surprising); they are checked.
    Raises RecordError for an empty, impossible or far too long list, PhaseChoiceError without reference phases.
    """
    if not reflections:
        raise PhaseChoiceError("there are no reference phases to compare the list with; choose at least one.")
    listed = read_lines(lines, instrument=instrument, settings=settings)
    expected = tuple(expect_lines(phase, listed, instrument=instrument, settings=settings) for phase in reflections)
    weighing = weigh_phases(expected, listed, settings=settings)
    centrings = {w.name: centring for w in weighing.weights if (centring := centring_of(w, listed, weighing, settings)) is not None}
    fits = {w.name: fit for w in weighing.weights if (fit := fit_of_cell(w, listed, weighing, centrings.get(w.name), settings)) is not None}
    phases = tuple(judge_phase(w, listed, weighing, centrings.get(w.name), fits.get(w.name), settings) for w in weighing.weights)
    peaks = []
    for k in range(len(lines)):
        candidates = candidates_of(k, listed, weighing, settings)
        verdict, sentence = (None, "") if lines[k].phase is None else judge_published(k, listed, weighing, candidates, centrings, settings)
        peaks.append(_indexed_peak(k, listed, candidates, verdict, sentence, instrument, settings))
    low, high = float(listed.two_theta.min()), float(listed.two_theta.max())
    facts = ScanFacts(
        name=name, points=len(lines), two_theta_range=(low, high), start_time=None, instrument=instrument, sigma_source="printed digits"
    )
    return Index(
        scan=facts,
        peaks=tuple(peaks),
        phases=phases,
        contamination=_contamination(phases, tuple(peaks), weighing),
        halos=(),
        verdict=_verdict(phases, tuple(peaks), tuple(fits.values())),
        notices=_notices(phases, tuple(peaks), listed, instrument),
        refinement=None,
        cell_fits=tuple(fits.values()),
    )


def _indexed_peak(
    k: int,
    listed: ListedLines,
    candidates: tuple[Candidate, ...],
    verdict: str | None,
    sentence: str,
    instrument: Instrument,
    settings: LineSettings,
) -> IndexedPeak:
    line = listed.lines[k]
    status = _status(candidates)
    kept = _listed_candidates(candidates, status)
    at = f"{listed.two_theta[k]:.3f}".rstrip("0").rstrip(".") + "°"
    return IndexedPeak(
        peak=_peak(k, listed, instrument),
        status=status,
        assignments=tuple(Assignment(phase=c.weight.name, hkl=c.hkl, two_theta=c.two_theta, share=c.share) for c in kept),
        published=(line.phase, line.hkl) if line.phase is not None and line.hkl is not None else None,
        published_verdict=verdict,
        sentence=sentence or _own_sentence(at, status, kept, listed, settings),
    )


def _status(candidates: tuple[Candidate, ...]) -> str:
    by_phase: dict[str, float] = {}
    for c in candidates:
        by_phase[c.weight.name] = by_phase.get(c.weight.name, 0.0) + c.share
    ranked = sorted(by_phase.values(), reverse=True)
    if not ranked or sum(ranked) < EXPLAINED:
        return "unindexed"
    best = max(candidates, key=lambda c: by_phase[c.weight.name])
    alone = len(ranked) == 1 or ranked[1] <= RIVAL * ranked[0]
    near = any(c.off_by <= CANDIDATE_SIGMAS for c in candidates if c.weight is best.weight)
    return "indexed" if best.weight.verdict == "present" and ranked[0] >= INDEXED_SHARE and alone and near else "ambiguous"


def _listed_candidates(candidates: tuple[Candidate, ...], status: str) -> tuple[Candidate, ...]:
    kept = [c for c in candidates if c.share >= LISTED_SHARE]
    if status != "indexed":
        near = sorted(
            (c for c in candidates if c.off_by <= CANDIDATE_SIGMAS and c.strength >= CANDIDATE_STRENGTH),
            key=lambda c: 0.5 * c.off_by**2 - np.log(c.strength / (c.strength + 0.1)),
        )
        seen: set[str] = {c.weight.name for c in kept}
        for c in near:
            if c.weight.name not in seen and len(kept) < MOST_CANDIDATES:
                kept.append(c)
                seen.add(c.weight.name)
    return tuple(sorted(kept, key=lambda c: -c.share))


def _own_sentence(at: str, status: str, kept: tuple[Candidate, ...], listed: ListedLines, settings: LineSettings) -> str:
    if not kept:
        return f"{at}: no reflection of any phase lies near."
    if status == "indexed":
        return f"{at} is {kept[0].name}, calculated at {kept[0].two_theta:.2f}°."
    near = "; ".join(_candidate_sentence(c, listed, settings) for c in kept[:4])
    return f"{at} is {'explained by no phase' if status == 'unindexed' else 'not decided'}; it lies near {near}."


def _candidate_sentence(candidate: Candidate, listed: ListedLines, settings: LineSettings) -> str:
    place = f"{candidate.name} at {candidate.two_theta:.2f}°"
    if candidate.weight.verdict == "present":
        return place
    absent = [written(_row(candidate.weight, m)) for m in missing_lines(candidate.weight, listed, settings)[:3]]
    return (
        f"{place} (but {', '.join(absent)} {'is' if len(absent) == 1 else 'are'} not in the list)"
        if absent
        else f"{place} (of a phase that is not confirmed)"
    )


def _contamination(phases: tuple[PhaseVerdict, ...], peaks: tuple[IndexedPeak, ...], weighing: Weighing) -> Contamination:
    dirty = {w.name: w for w in weighing.weights if w.expected.source.role == "contamination"}
    found = tuple(p.phase for p in phases if p.phase in dirty and p.verdict == "present")
    if found:
        explains = f"{listed_words(found)} {'explains' if len(found) == 1 else 'explain'} lines that no other phase does"
        return Contamination(verdict="found", phases=found, sentence=f"Air has reached the sample: {explains}.")
    likely = [p.phase for p in phases if p.phase in dirty and p.verdict == "undecided" and p.significance > 0]
    suspects = tuple(phase for phase in likely if int(dirty[phase].own.sum()) >= 2)
    if suspects:
        return Contamination(
            verdict="suspected",
            phases=suspects,
            sentence=f"Air may have reached the sample: lines of {listed_words(suspects)} may be in the list, which does not decide it.",
        )
    if not dirty:
        return Contamination(
            verdict="none", phases=(), sentence="No contamination by air was looked for: no phase chosen is one that air makes."
        )
    left_over = [peak for peak in peaks if peak.status == "unindexed" or (peak.assignments and peak.assignments[0].phase in dirty)]
    lone = [told for peak in left_over if (told := _lone_line(peak, tuple(dirty)))]
    if lone:
        shown = listed_words([f"{place} ({line})" for place, line in lone])
        where = f"{shown} {'lies' if len(lone) == 1 else 'lie'} near a line of such a phase, but without the phase's other strong lines"
        return Contamination(verdict="none", phases=(), sentence=f"No contamination by air is shown: {where}.")
    return Contamination(
        verdict="none", phases=(), sentence="No contamination by air: none of its phases explains a line that is left over."
    )


def _lone_line(peak: IndexedPeak, dirty: tuple[str, ...]) -> tuple[str, str] | None:
    """(where, which reflection) of the best explanation of a line by a phase that air makes."""
    first = next((a for a in peak.assignments if a.phase in dirty), None)
    return None if first is None else (f"{peak.peak.two_theta.value:g}°", f"{first.phase} {written(first.hkl)}")


def _verdict(phases: tuple[PhaseVerdict, ...], peaks: tuple[IndexedPeak, ...], fits: tuple[CellFit, ...]) -> str:
    if any(phase.verdict == "present" for phase in phases):
        clean = all(peak.status == "indexed" and peak.published_verdict in (None, "agrees") for peak in peaks)
        return "accepted" if clean else "doubtful"
    hopeful = {fit.phase for fit in fits} & {phase.phase for phase in phases if phase.verdict == "undecided"}
    return "doubtful" if hopeful else "rejected"


def _notices(
    phases: tuple[PhaseVerdict, ...], peaks: tuple[IndexedPeak, ...], listed: ListedLines, instrument: Instrument
) -> tuple[Notice, ...]:
    wavelength, printed = instrument.radiation.wavelength, wavelength_of_list(listed.lines)
    notices = []
    if printed is not None and abs(printed / wavelength - 1.0) > WAVELENGTH_TOLERANCE:
        notices.append(
            Notice(
                code="wavelength",
                severity="warning",
                sentence=f"2θ and d of the list belong to {printed:.4f} Å, not to the {wavelength:.4f} Å given.",
                remedy="Give that wavelength with --radiation.",
            )
        )
    if not any(phase.verdict == "present" for phase in phases):
        notices.append(
            Notice(
                code="nothing-certain",
                severity="warning",
                sentence="No phase explains the list better than chance could.",
                remedy="Check the wavelength, add lines with more digits, or add reference phases with --cif FILE.",
            )
        )
    left = [f"{peak.peak.two_theta.value:g}°" for peak in peaks if peak.status == "unindexed"]
    if left:
        notices.append(Notice(code="unindexed", severity="info", sentence=f"Not explained by any phase: {listed_words(left)}."))
    return tuple(notices)


def _peak(k: int, listed: ListedLines, instrument: Instrument) -> Peak:
    """The printed line as a peak; a list tells no width, and only sometimes an intensity (then relative): 0 without esd."""
    line, two_theta, sigma = listed.lines[k], float(listed.two_theta[k]), float(listed.sigma[k])
    d = float(d_from_two_theta(np.array(two_theta), wavelength=instrument.radiation.wavelength))
    d_esd = d / np.tan(np.radians(two_theta) / 2.0) * np.radians(sigma) / 2.0
    return Peak(
        two_theta=Estimate(value=two_theta, esd=sigma, unit="°"),
        d_spacing=Estimate(
            value=line.d_spacing if line.two_theta is None and line.d_spacing is not None else d, esd=float(d_esd), unit="Å"
        ),
        area=Estimate(value=line.intensity or 0.0, esd=None, unit="relative"),
        fwhm=Estimate(value=0.0, esd=None, unit="°"),
        eta=0.0,
        snr=0.0,
        background=0.0,
    )


def _row(weight: PhaseWeight, row: int) -> tuple[int, int, int]:
    h, k, last = (int(index) for index in weight.expected.hkl[row])
    return h, k, last
