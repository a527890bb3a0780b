"""A published list of lines, judged: which line is what, which phases it shows, and which published indices do not hold."""

import numpy as np

from xrdkna.errors import PhaseChoiceError
from xrdkna.match.expected_lines import expect_lines
from xrdkna.match.line_contamination import contamination_of_list
from xrdkna.match.line_evidence import PhaseWeight, weigh_phases
from xrdkna.match.line_list import LineSettings, ListedLines, read_lines, wavelength_of_list
from xrdkna.match.line_phases import centring_of, fit_of_cell, judge_phase, missing_lines
from xrdkna.match.line_words import Candidate, candidates_of, judge_published, listed_words, written
from xrdkna.physics.bragg import d_from_two_theta
from xrdkna.records.index import Assignment, CellFit, Index, IndexedPeak, PhaseVerdict, PublishedLine, ScanFacts
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
        contamination=contamination_of_list(phases, tuple(peaks), weighing),
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
    if status == "unindexed":
        kept = _nearest_first(kept, listed, k)
    at = f"{listed.two_theta[k]:.3f}".rstrip("0").rstrip(".") + "°"
    return IndexedPeak(
        peak=_peak(k, listed, instrument),
        status=status,
        assignments=tuple(Assignment(phase=c.weight.name, hkl=c.hkl, two_theta=c.two_theta, share=c.share) for c in kept),
        published=(line.phase, line.hkl) if line.phase is not None and line.hkl is not None else None,
        published_verdict=verdict,
        sentence=sentence or _own_sentence(at, status, kept, listed, settings, k),
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


def _nearest_first(kept: tuple[Candidate, ...], listed: ListedLines, k: int) -> tuple[Candidate, ...]:
    """What nothing explains is told by the strong reflection nearest to it in the reference cell: a cell that no other line has
    settled may be strained to meet any one line."""

    def cost(candidate: Candidate) -> float:
        return 0.5 * _off_reference(candidate, listed, k) ** 2 - float(np.log(candidate.strength / (candidate.strength + 0.1)))

    return tuple(sorted(kept, key=cost))


def _off_reference(candidate: Candidate, listed: ListedLines, k: int) -> float:
    """Sigmas of listed line k from the reflection in its reference cell."""
    return abs(float(listed.two_theta[k]) - candidate.reference) / float(listed.sigma[k])


def _own_sentence(at: str, status: str, kept: tuple[Candidate, ...], listed: ListedLines, settings: LineSettings, k: int) -> str:
    if not kept:
        return f"{at}: no reflection of any phase lies near."
    if status == "indexed":
        return f"{at} is {kept[0].name}, calculated at {kept[0].two_theta:.2f}°."
    if status == "unindexed" and _off_reference(kept[0], listed, k) <= settings.agree_sigmas:
        said = f"{at} is explained by no phase: at {kept[0].name}{_but_missing(kept[0], listed, settings)}"
        more = "; ".join(_candidate_sentence(c, listed, settings) for c in kept[1:3])
        return f"{said}; also near {more}." if more else f"{said}."
    near = "; ".join(_candidate_sentence(c, listed, settings) for c in kept[:4])
    return f"{at} is {'explained by no phase' if status == 'unindexed' else 'not decided'}; it lies near {near}."


def _candidate_sentence(candidate: Candidate, listed: ListedLines, settings: LineSettings) -> str:
    place = f"{candidate.name} at {candidate.two_theta:.2f}°"
    if candidate.weight.verdict == "present":
        return place
    missing = _but_missing(candidate, listed, settings).removeprefix(", ")
    return f"{place} ({missing})" if missing else f"{place} (of a phase that is not confirmed)"


def _but_missing(candidate: Candidate, listed: ListedLines, settings: LineSettings) -> str:
    """ ", but (1 1 2), (2 0 0) and (1 1 −2) are not in the list"; nothing where no strong line of the phase is missing."""
    absent = [written(_row(candidate.weight, m)) for m in missing_lines(candidate.weight, listed, settings)[:3]]
    return f", but {listed_words(absent)} {'is' if len(absent) == 1 else 'are'} not in the list" if absent else ""


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
