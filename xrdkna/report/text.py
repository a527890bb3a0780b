"""Terminal summaries: what a scientist reads first. Every function returns plain text without a trailing newline."""

from collections.abc import Iterable, Sequence

from xrdkna.records.index import Contamination, Index, IndexedPeak, PhaseVerdict, ScanFacts
from xrdkna.records.peaks import Peaks
from xrdkna.records.refinement import Parameter, PhaseFit
from xrdkna.records.track import Event, Track
from xrdkna.records.values import Notice
from xrdkna.report.plain import paragraph, table
from xrdkna.report.sentences import (
    cell_text,
    contamination_words,
    index_sentences,
    is_published_list,
    limit_text,
    peaks_sentences,
    scan_words,
    time_scale,
    track_sentences,
    unindexed_track_sentence,
)
from xrdkna.report.values import counted, interval_text, line_name, percent, probability_text, shortened, with_esd

# A terminal shows this many lines of a table before the reader scrolls; JSON, CSV and the page hold all of them.
ROWS_SHOWN = 40
_VERDICT_ORDER = ("present", "undecided", "absent")


def peaks_summary(facts: ScanFacts, peaks: Peaks, notices: Iterable[Notice] = ()) -> str:
    """What stands out of one scan."""
    rows = [
        [str(k + 1), with_esd(p.two_theta), with_esd(p.d_spacing), with_esd(p.area), with_esd(p.fwhm), f"{p.snr:.1f}"]
        for k, p in enumerate(peaks.peaks)
    ]
    header = ("#", "2θ [°]", "d [Å]", "area", "fwhm [°]", "σ")
    return _joined(_scan_line(facts), _bullets(peaks_sentences(peaks)), _table(header, rows, "rrrrrr"), _notices(notices))


def index_summary(index: Index) -> str:
    """Which phases are there, which line belongs to what, what is left."""
    return _joined(
        _scan_line(index.scan, noun="line" if is_published_list(index) else "point"),
        _bullets(index_sentences(index)),
        _contamination(index.contamination),
        _phase_table(index.phases),
        _undecided_reasons(index.phases),
        _peak_table(index.peaks, published=is_published_list(index)),
        _cell_fits(index),
        _notices(index.notices),
    )


def refine_summary(index: Index) -> str:
    """The whole-pattern fit: phases with their weights, cells and widths, then the parameters."""
    fit = index.refinement
    if fit is None:
        return _joined(_scan_line(index.scan), "There is no whole-pattern fit for this scan.", _notices(index.notices))
    header = ("phase", "weight", "cell", "size [Å]", "strain", "displacement", "texture", "σ")
    return _joined(
        _scan_line(index.scan),
        _bullets(index_sentences(index)),
        _contamination(index.contamination),
        _table(header, [_fit_row(phase) for phase in fit.phases], "lrlrrrlr"),
        _table(("parameter", "value", "unit", ""), [_parameter_row(p) for p in fit.parameters if p.refined or p.expr], "lrll"),
        _notices(index.notices),
    )


def track_summary(track: Track) -> str:
    """What happened in a series: events first, then contamination, lines nobody knows, what could not be decided."""
    sentences = track_sentences(track)
    return _joined(
        f"{track.name}",
        _bullets(sentences),
        _event_table(track),
        _bullets([event.sentence for event in track.events]),
        _contamination(track.contamination),
        _bullets([s for s in (unindexed_track_sentence(track), *(f"Undecided: {u}" for u in track.undecided)) if s]),
        _notices(track.notices),
    )


def _scan_line(facts: ScanFacts, *, noun: str = "point") -> str:
    return " · ".join(scan_words(facts, noun=noun))


def _phase_table(phases: Sequence[PhaseVerdict]) -> str:
    shown = [phase for verdict in _VERDICT_ORDER for phase in phases if phase.verdict == verdict and verdict != "absent"]
    rows = [
        [shortened(p.phase), p.verdict, f"{p.significance:.1f}", percent(p.weight_fraction), limit_text(p), cell_text(p)] for p in shown
    ]
    return _table(("phase", "verdict", "σ", "weight", "seen from", "cell"), rows, "llrrrl")


def _undecided_reasons(phases: Sequence[PhaseVerdict]) -> str:
    return _bullets([f"{p.phase} is undecided: {' '.join(p.reasons)}" for p in phases if p.verdict == "undecided" and p.reasons])


def _peak_table(peaks: Sequence[IndexedPeak], *, published: bool) -> str:
    header = ["#", "2θ [°]", "d [Å]", "σ", "status", "explained by", *(["in print", "verdict"] if published else [])]
    rows = []
    for k, p in enumerate(peaks):
        printed = "" if p.published is None else line_name(*p.published)
        row = [str(k + 1), with_esd(p.peak.two_theta), with_esd(p.peak.d_spacing), f"{p.peak.snr:.1f}", p.status, _explained(p)]
        rows.append([*row, printed, p.published_verdict or ""] if published else row)
    said = _bullets([f"{with_esd(p.peak.two_theta)}°: {p.sentence}" for p in peaks if p.sentence])
    return _joined(_table(header, rows, "rrrrll"), said)


def _explained(indexed: IndexedPeak) -> str:
    ranked = sorted(indexed.assignments, key=lambda a: -a.share)
    if indexed.status == "unindexed":
        return f"nothing; near {line_name(shortened(ranked[0].phase), ranked[0].hkl)}" if ranked else "nothing"
    words = [line_name(shortened(a.phase), a.hkl) + (f" {a.share:.0%}" if len(ranked) > 1 else "") for a in ranked[:3]]
    return ", ".join([*words, f"+{len(ranked) - 3}"] if len(ranked) > 3 else words)


def _cell_fits(index: Index) -> str:
    return _bullets([fit.sentence for fit in index.cell_fits])


def _fit_row(phase: PhaseFit) -> list[str]:
    cell = ", ".join(f"{name} {with_esd(value)}" for name, value in phase.cell.items())
    texture = ", ".join(f"{axis} {with_esd(r)}" for axis, r in phase.texture.items())
    shift = with_esd(phase.displacement, unit=phase.displacement.unit if phase.displacement else "")
    name, weight = shortened(phase.phase), percent(phase.weight_fraction)
    return [name, weight, cell, with_esd(phase.size), with_esd(phase.strain), shift, texture, f"{phase.significance:.1f}"]


def _parameter_row(parameter: Parameter) -> list[str]:
    remark = "at its bound" if parameter.at_bound else f"= {parameter.expr}" if parameter.expr else ""
    return [parameter.name, with_esd(parameter.value), parameter.value.unit, remark]


def _event_table(track: Track) -> str:
    header = ("event", "what", "between scans", "when", "probability", "cell")
    return _table(header, [_event_row(event, track) for event in track.events], "llllrl")


def _event_row(event: Event, track: Track) -> list[str]:
    size, unit = time_scale(track)
    between = f"{'–' if event.after_scan is None else event.after_scan} → {'–' if event.before_scan is None else event.before_scan}"
    when = interval_text(event.time.low / size, event.time.high / size) + (f" {unit}" if track.axis == "time" else "")
    state = "" if event.electrochemistry is None else event.electrochemistry.state
    return [event.kind, line_name(shortened(event.phase), event.hkl), between, when, probability_text(event.probability), state]


def _contamination(contamination: Contamination) -> str:
    lead, sentence = contamination_words(contamination)
    return paragraph(f"{lead}: {sentence}" if sentence else f"{lead}.") if lead else ""


def _notices(notices: Iterable[Notice]) -> str:
    ranked = sorted(notices, key=lambda n: ("error", "warning", "info").index(n.severity))
    return "\n".join(paragraph(f"{n.sentence} {n.remedy}".strip(), bullet=f"{n.severity}: ") for n in ranked)


def _table(header: Sequence[str], rows: Sequence[Sequence[str]], right: str) -> str:
    if not rows:
        return ""
    more = f"\n… and {counted(len(rows) - ROWS_SHOWN, 'more row')}" if len(rows) > ROWS_SHOWN else ""
    return table(header, rows[:ROWS_SHOWN], right=right) + more


def _bullets(sentences: Iterable[str]) -> str:
    return "\n".join(paragraph(sentence, bullet="• ") for sentence in sentences)


def _joined(*parts: str) -> str:
    return "\n\n".join(part for part in parts if part)
