"""What the answer says in words: the same sentences on the terminal and on the page."""

from xrdkna.records.index import Index, PhaseVerdict, ScanFacts
from xrdkna.records.peaks import Peaks
from xrdkna.records.refinement import PhaseFit, Refinement
from xrdkna.records.track import Track
from xrdkna.report.halos import halo_sentences, halos_of, wavelength_of
from xrdkna.report.values import counted, line_name, listed, parenthesis, percent, with_esd

_TIME_UNITS = ((180.0, 1.0, "s"), (2 * 3600.0, 60.0, "min"), (96 * 3600.0, 3600.0, "h"), (float("inf"), 86400.0, "d"))
PLACES_SHOWN = 8
# Unexplained lines that a summary describes one by one; the JSON and the page describe more.
STRANGERS_TOLD = 5
# A texture factor is worth a word when it differs from 1 by this many esds.
TEXTURE_SIGMAS = 3.0
_FIT_WORDS = {
    "accepted": "The whole-pattern fit is accepted",
    "doubtful": "The whole-pattern fit is doubtful: read the numbers with care",
    "rejected": "The whole-pattern fit is rejected: its numbers must not be used",
    "failed": "The whole-pattern fit failed",
}

_ANSWER_WORDS = {
    "accepted": "",
    "doubtful": "The answer is doubtful; the reasons are given below.",
    "rejected": "The answer is rejected: it must not be used.",
    "failed": "The analysis came to no answer.",
}


def index_sentences(index: Index) -> list[str]:
    """What is present, undecided and absent; halos; unexplained lines; the fit. Contamination speaks for itself elsewhere."""
    by_verdict = {verdict: [p for p in index.phases if p.verdict == verdict] for verdict in ("present", "undecided", "absent")}
    sentences = [_present_sentence(by_verdict["present"], any_tried=bool(index.phases), weighed=index.verdict in ("accepted", "doubtful"))]
    if undecided := by_verdict["undecided"]:
        sentences.append(f"Undecided: {listed([p.phase for p in undecided])}.")
    if absent := by_verdict["absent"]:
        sentences.append(f"Looked for and not found: {listed(sorted(p.phase for p in absent))}.")
    sentences += halo_sentences(halos_of(index), wavelength=wavelength_of(index.scan))
    sentences.append(_unindexed_sentence(index))
    sentences.append(_ANSWER_WORDS[index.verdict] if index.refinement is None else fit_sentence(index.refinement))
    return [sentence for sentence in sentences if sentence]


def peaks_sentences(peaks: Peaks, *, wavelength: float | None = None) -> list[str]:
    """How many lines stand out, and of what."""
    if not peaks.peaks:
        first = f"No line stands out above {peaks.threshold:.3g} sigma of the counting noise."
    else:
        low, high = peaks.peaks[0].two_theta, peaks.peaks[-1].two_theta
        span = f"at {with_esd(low)}°" if len(peaks.peaks) == 1 else f"between {with_esd(low)}° and {with_esd(high)}°"
        verb = "stands" if len(peaks.peaks) == 1 else "stand"
        first = f"{counted(len(peaks.peaks), 'line')} {verb} out above {peaks.threshold:.3g} sigma, {span} 2θ."
    return [first, *halo_sentences(peaks.halos, wavelength=wavelength)]


def fit_sentence(fit: Refinement) -> str:
    """The verdict on the fit with its agreement factors and reasons."""
    numbers = f"Rwp {fit.rwp * 100:.3g} %, expected {fit.rexp * 100:.3g} %, goodness of fit {fit.gof:.3g}"
    reasons = "; ".join(reason.rstrip(".") for reason in fit.reasons) if fit.verdict != "accepted" else ""
    return f"{_FIT_WORDS[fit.verdict]} ({numbers}){': ' + reasons if reasons else ''}."


def track_sentences(track: Track) -> list[str]:
    """What happened in one sentence; how long the series is and how much of it counts."""
    if not track.scans:
        return ["The series holds no scan."]
    used = sum(scan.used for scan in track.scans)
    length = f" over {duration_text(_span(track))}" if track.axis == "time" and _span(track) > 0 else ""
    count = "" if len(track.scans) == 1 and used else ", all of them used" if used == len(track.scans) else f", {used} of them used"
    sentences = [_events_sentence(track), f"{counted(len(track.scans), 'scan')}{length}{count}."]
    if track.axis == "scan":
        sentences.append("No start times are known: the axis is the scan number.")
    left_out = [scan for scan in track.scans if not scan.used]
    sentences += [f"Left out: {scan.name} ({(scan.why_not or 'no reason given').rstrip('.')})." for scan in left_out[:5]]
    if len(left_out) > 5:
        sentences.append(f"{counted(len(left_out) - 5, 'more scan')} left out.")
    return sentences


def unindexed_track_sentence(track: Track) -> str:
    """How many unexplained lines persist; nothing where there is none."""
    if not track.unindexed:
        return ""
    strongest = sorted(track.unindexed, key=lambda line: -line.significance)
    places = _places([with_esd(line.two_theta) for line in strongest])
    if len(places) < len(strongest):
        return f"No phase explains {len(strongest)} lines, the most significant at {listed(places)}."
    return f"No phase explains {'the line' if len(places) == 1 else f'{len(places)} lines'} at {listed(places)}."


def stranger_sentences(track: Track) -> list[str]:
    """What lies at the most significant unexplained lines, and which of them move together."""
    ranked = sorted((line for line in track.unindexed if line.sentence), key=lambda line: -line.significance)[:STRANGERS_TOLD]
    told = [f"{with_esd(line.two_theta)}°: {line.sentence}" for line in sorted(ranked, key=lambda line: line.two_theta.value)]
    return [*told, *(phase.sentence for phase in track.unknown_phases)]


def time_scale(track: Track) -> tuple[float, str]:
    """(seconds a unit, name of the unit) that suits the length of the series; (1, "scan number") where no time is known."""
    if track.axis != "time":
        return 1.0, "scan number"
    span = _span(track)
    return next((size, name) for limit, size, name in _TIME_UNITS if span < limit)


def duration_text(seconds: float) -> str:
    """ "45 s", "12.5 min", "3.4 h", "5.2 d"."""
    size, name = next((size, name) for limit, size, name in _TIME_UNITS if abs(seconds) < limit)
    return f"{seconds / size:.3g} {name}"


def cell_text(verdict: PhaseVerdict) -> str:
    """ "a 7.50(1), c 12.31(2) Å", angles with a degree sign; nothing where no cell is known."""
    if not verdict.cell:
        return ""
    parts = [f"{name} {with_esd(e)}{'°' if e.unit in ('deg', '°', 'degree', 'degrees') else ' Å'}" for name, e in verdict.cell.items()]
    return ", ".join(parts)


def texture_sentence(phase: PhaseFit) -> str:
    """Lines of a phase whose intensity texture has changed for sure, strongest first; nothing where there is none."""
    sure = [(axis, r) for axis, r in phase.texture.items() if r.esd and abs(r.value - 1.0) >= TEXTURE_SIGMAS * r.esd]
    if not sure:
        return ""
    words = [f"({axis}) by {with_esd(r)}" for axis, r in sorted(sure, key=lambda pair: -abs(pair[1].value - 1.0))]
    return f"Texture multiplies lines of {phase.phase}: {listed(words, at_most=6)}."


def limit_text(verdict: PhaseVerdict) -> str:
    """The weight fraction that would have been seen: a limit, so without an esd."""
    if verdict.detection_limit is None:
        return "–"
    return f"{parenthesis(float(f'{verdict.detection_limit.value * 100:.2g}'), None)} wt%"


def _present_sentence(present: list[PhaseVerdict], *, any_tried: bool, weighed: bool) -> str:
    """Weights are only said where the fit they come from may be used."""
    if not any_tried:
        return "No phase was looked for."
    if not present:
        return "No phase of the library is shown to be present."
    ranked = sorted(present, key=lambda p: -(p.weight_fraction.value if p.weight_fraction else 0.0))
    words = [f"{p.phase} ({percent(p.weight_fraction)})" if weighed and p.weight_fraction else p.phase for p in ranked]
    return f"Present: {listed(words)}."


def _events_sentence(track: Track) -> str:
    """ "KNa2 (1 0 3) appears and vanishes; KNa2 (1 1 2) weakens."."""
    kinds: dict[str, list[str]] = {}
    for event in track.events:
        kinds.setdefault(line_name(event.phase, event.hkl), []).append(event.kind)
    if not kinds:
        return "Nothing appears, vanishes or changes beyond what counting noise explains."
    shown = [f"{name} {listed(list(dict.fromkeys(words)))}" for name, words in list(kinds.items())[:6]]
    more = f"; {counted(len(kinds) - 6, 'more line')} change" if len(kinds) > 6 else ""
    return "; ".join(shown) + more + "."


def _unindexed_sentence(index: Index) -> str:
    unindexed = [p.peak for p in index.peaks if p.status == "unindexed"]
    if not index.peaks:
        return "No line stands out of the noise."
    if not unindexed:
        return (
            f"Every one of the {counted(len(index.peaks), 'line')} is explained." if len(index.peaks) > 1 else "The one line is explained."
        )
    strongest = sorted(unindexed, key=lambda peak: -peak.snr)
    places = _places([with_esd(peak.two_theta) for peak in strongest])
    verb = "remains" if len(unindexed) == 1 else "remain"
    which = "" if len(places) == len(strongest) else "the most significant at "
    return f"{len(unindexed)} of {counted(len(index.peaks), 'line')} {verb} unindexed: {which}{listed(places)}."


def _places(shown: list[str]) -> list[str]:
    """Angles with their sign, no more than a reader takes in; all of them are in the tables."""
    return [f"{place}°" for place in shown[:PLACES_SHOWN]]


def _span(track: Track) -> float:
    return max((scan.end if scan.end is not None else scan.start for scan in track.scans), default=0.0)


def is_published_list(index: Index) -> bool:
    """True where the answer is about a list of lines from print rather than a measured scan."""
    return bool(index.cell_fits) or any(p.published is not None or p.published_verdict is not None for p in index.peaks)


def scan_words(facts: ScanFacts, *, noun: str = "point") -> list[str]:
    """Name, points (or what else it holds), range, radiation, time: the line under a title."""
    low, high = facts.two_theta_range
    words = [facts.name, counted(facts.points, noun), f"{low:.6g}–{high:.6g}° 2θ" if high > low else f"{low:.6g}° 2θ"]
    if facts.instrument is not None:
        words.append(f"{facts.instrument.radiation.name} ({facts.instrument.radiation.wavelength:.6g} Å)")
    if facts.start_time is not None:
        words.append(facts.start_time.isoformat(sep=" "))
    return words
