"""Terminal summaries: what a scientist reads first. Every function returns plain text without a trailing newline."""

from collections.abc import Iterable, Sequence

from xrdkna.records.index import Index, IndexedPeak, PhaseVerdict, ScanFacts
from xrdkna.records.peaks import Peaks
from xrdkna.records.refinement import Parameter, PhaseFit
from xrdkna.records.track import Event, Track
from xrdkna.records.values import Notice
from xrdkna.report.event_view import scans_text, state_text, when_text
from xrdkna.report.halos import wavelength_of
from xrdkna.report.plain import paragraph, table
from xrdkna.report.sentences import (
    cell_text,
    index_sentences,
    is_published_list,
    limit_text,
    peaks_sentences,
    scan_words,
    stranger_sentences,
    texture_sentence,
    track_sentences,
    unindexed_track_sentence,
)
from xrdkna.report.values import confidence_text, counted, line_name, percent, probability_text, shortened, with_esd

# A terminal shows this many lines of a table before the reader scrolls; JSON, CSV and the page hold all of them.
ROWS_SHOWN = 40
# Parameters by the dozen that say nothing one by one.
DETAILS = ("background_", "texture_")
# A share that would be printed as 0 % explains nothing.
LEAST_SHARE = 0.005
_VERDICT_ORDER = ("present", "undecided", "absent")


def peaks_summary(facts: ScanFacts, peaks: Peaks, notices: Iterable[Notice] = ()) -> str:
    """What stands out of one scan."""
    rows = [
        [str(k + 1), with_esd(p.two_theta), with_esd(p.d_spacing), with_esd(p.area), with_esd(p.fwhm), f"{p.snr:.1f}"]
        for k, p in enumerate(peaks.peaks)
    ]
    header = ("#", "2θ [°]", "d [Å]", "area", "fwhm [°]", "σ")
    return _joined(
        _scan_line(facts),
        _bullets(peaks_sentences(peaks, wavelength=wavelength_of(facts))),
        _table(header, rows, "rrrrrr"),
        _notices(notices),
    )


def index_summary(index: Index) -> str:
    """Which phases are there, which line belongs to what, what is left."""
    return _joined(
        _scan_line(index.scan, noun="line" if is_published_list(index) else "point"),
        _bullets(index_sentences(index)),
        paragraph(index.contamination.sentence),
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
    header = ("phase", "weight", "cell", "size [Å]", "strain", "displacement", "σ")
    telling = [p for p in fit.parameters if p.refined or p.expr]
    shown = [p for p in telling if p.interval is not None or not p.name.startswith(DETAILS)]
    left_out = len(telling) - len(shown)
    return _joined(
        _scan_line(index.scan),
        _bullets(index_sentences(index)),
        paragraph(index.contamination.sentence),
        _table(header, [_fit_row(phase) for phase in fit.phases], "lrlrrrr"),
        _bullets([said for phase in fit.phases if (said := texture_sentence(phase))]),
        _table(("parameter", "value", "unit", ""), [_parameter_row(p) for p in shown], "lrll"),
        paragraph(f"{counted(left_out, 'parameter')} of background and texture: see --json or --csv.") if left_out else "",
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
        paragraph(track.contamination.sentence),
        _bullets([said for said in (unindexed_track_sentence(track), *stranger_sentences(track), *track.undecided) if said]),
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
    if published:
        rows = [[*_place(k, p), p.status, _explained(p), _printed(p), p.published_verdict or ""] for k, p in enumerate(peaks)]
        drawn = _table(("#", "2θ [°]", "d [Å]", "status", "explained by", "in print", "verdict"), rows, "rrrllll")
        return _joined(drawn, _bullets([p.sentence for p in peaks if p.sentence]))
    rows = [[*_place(k, p), f"{p.peak.snr:.1f}", p.status, _explained(p)] for k, p in enumerate(peaks)]
    said = _bullets([f"{with_esd(p.peak.two_theta)}°: {p.sentence}" for p in peaks if p.sentence])
    return _joined(_table(("#", "2θ [°]", "d [Å]", "σ", "status", "explained by"), rows, "rrrrll"), said)


def _place(order: int, indexed: IndexedPeak) -> list[str]:
    return [str(order + 1), with_esd(indexed.peak.two_theta), with_esd(indexed.peak.d_spacing)]


def _printed(indexed: IndexedPeak) -> str:
    return "" if indexed.published is None else line_name(*indexed.published)


def _explained(indexed: IndexedPeak) -> str:
    if indexed.status == "unindexed":
        near = (*indexed.assignments, *indexed.nearest)[:1]
        return f"nothing; near {line_name(shortened(near[0].phase), near[0].hkl)}" if near else "nothing"
    ranked = sorted(indexed.assignments, key=lambda a: -a.share)
    ranked = [a for a in ranked if a.share >= LEAST_SHARE] or ranked[:1]
    words = [line_name(shortened(a.phase), a.hkl) + (f" {a.share:.0%}" if len(ranked) > 1 else "") for a in ranked[:3]]
    return ", ".join([*words, f"+{len(ranked) - 3}"] if len(ranked) > 3 else words)


def _cell_fits(index: Index) -> str:
    return _bullets([fit.sentence for fit in index.cell_fits])


def _fit_row(phase: PhaseFit) -> list[str]:
    cell = ", ".join(f"{name} {with_esd(value)}" for name, value in phase.cell.items())
    shift = with_esd(phase.displacement, unit=phase.displacement.unit if phase.displacement else "")
    name, weight = shortened(phase.phase), percent(phase.weight_fraction)
    return [name, weight, cell, with_esd(phase.size), with_esd(phase.strain), shift, f"{phase.significance:.1f}"]


def _parameter_row(parameter: Parameter) -> list[str]:
    remarks = ["at its bound" if parameter.at_bound else f"= {parameter.expr}" if parameter.expr else ""]
    if parameter.interval is not None:
        remarks.insert(0, confidence_text(parameter.interval))
    return [parameter.name, with_esd(parameter.value), parameter.value.unit, "; ".join(filter(None, remarks))]


def _event_table(track: Track) -> str:
    when = "after the start" if track.axis == "time" else "scan number"
    header = ("event", "what", "between scans", when, "probability", "cell was")
    return _table(header, [_event_row(event, track) for event in track.events], "llllrl")


def _event_row(event: Event, track: Track) -> list[str]:
    name, probability = line_name(shortened(event.phase), event.hkl), probability_text(event.probability)
    return [event.kind, name, scans_text(event), when_text(event, track), probability, state_text(event, track)]


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
