"""What a page says, as plain words and rows: the templates only place them."""

from collections.abc import Iterable
from typing import Any

from xrdkna.records.air import Contamination
from xrdkna.records.index import Index, IndexedPeak, PhaseVerdict, ScanFacts
from xrdkna.records.peaks import Peak, Peaks
from xrdkna.records.refinement import Parameter, PhaseFit, Refinement
from xrdkna.records.track import Event, LinkedLine, Track
from xrdkna.records.values import Notice
from xrdkna.report.event_view import scans_text, state_text, when_text
from xrdkna.report.halos import halo_rows, halos_of, wavelength_of
from xrdkna.report.palette import EVENT_COLOURS
from xrdkna.report.sentences import (
    cell_text,
    index_sentences,
    is_published_list,
    limit_text,
    peaks_sentences,
    scan_words,
    texture_sentence,
    time_scale,
    track_sentences,
    unindexed_track_sentence,
)
from xrdkna.report.values import confidence_text, line_name, percent, plain, probability_text, with_esd

Facts = dict[str, Any]
# A table longer than this starts folded.
OPEN_ROWS = 40


def index_facts(index: Index, *, parameters: bool) -> Facts:
    """Everything the page of one scan says."""
    fit = index.refinement
    verdicts = sorted(index.phases, key=lambda p: ("present", "undecided", "absent").index(p.verdict))
    shown = [_phase_row(p, fit) for p in verdicts if p.verdict != "absent"]
    return {
        **_frame("Refinement" if parameters else "Phases", _index_words(index), index_sentences(index), index.notices),
        "banner": _banner(index.contamination),
        "phases": shown,
        "absent": [_phase_row(p, fit) for p in verdicts if p.verdict == "absent"],
        "halos": halo_rows(halos_of(index), wavelength=wavelength_of(index.scan)),
        "fitted": fit is not None,
        "peaks": [_indexed_row(order + 1, peak, published=is_published_list(index)) for order, peak in enumerate(index.peaks)],
        "published": is_published_list(index),
        "unindexed": [_unindexed_row(peak, measured=fit is not None) for peak in index.peaks if peak.status == "unindexed"],
        "cell_fits": [fit.sentence for fit in index.cell_fits],
        "parameters": [_parameter_row(p) for p in fit.parameters] if parameters and fit is not None else [],
        "open_rows": OPEN_ROWS,
    }


def peaks_facts(facts: ScanFacts, peaks: Peaks, notices: Iterable[Notice]) -> Facts:
    """Everything the page of found peaks says."""
    rows = [[str(order + 1), *_peak_cells(peak)] for order, peak in enumerate(peaks.peaks)]
    return {
        **_frame("Peaks", scan_words(facts), peaks_sentences(peaks, wavelength=wavelength_of(facts)), notices),
        "peaks": rows,
        "open_rows": OPEN_ROWS,
    }


def track_facts(track: Track) -> Facts:
    """Everything the page of a series says."""
    scans = [_scan_row(track, order) for order in range(len(track.scans))]
    return {
        **_frame("Series", [track.name], track_sentences(track), track.notices),
        "banner": _banner(track.contamination),
        "events": [_event_row(order + 1, event, track) for order, event in enumerate(track.events)],
        "unindexed": [_linked_row(line) for line in track.unindexed],
        "unindexed_sentence": unindexed_track_sentence(track),
        "unknown_phases": [phase.sentence for phase in track.unknown_phases],
        "undecided": list(track.undecided),
        "scans": scans,
        "start_unit": time_scale(track)[1] if track.axis == "time" else "",
        "open_rows": OPEN_ROWS,
    }


def _index_words(index: Index) -> list[str]:
    return scan_words(index.scan, noun="line" if is_published_list(index) else "point")


def _frame(kind: str, words: list[str], sentences: list[str], notices: Iterable[Notice]) -> Facts:
    ranked = sorted(notices, key=lambda n: ("error", "warning", "info").index(n.severity))
    said = [{"severity": n.severity, "sentence": n.sentence, "remedy": n.remedy} for n in ranked]
    return {"kind": kind, "title": words[0], "words": words[1:], "sentences": sentences, "notices": said}


def _banner(contamination: Contamination) -> Facts | None:
    return {"verdict": contamination.verdict, "sentence": contamination.sentence} if contamination.sentence else None


def _phase_row(verdict: PhaseVerdict, fit: Refinement | None) -> Facts:
    fitted = fit.phase(verdict.phase) if fit is not None else None
    return {
        "name": verdict.phase,
        "role": verdict.role,
        "verdict": verdict.verdict,
        "significance": f"{verdict.significance:.1f}",
        "weight": percent(verdict.weight_fraction),
        "limit": limit_text(verdict),
        "cell": cell_text(verdict) or "–",
        "reasons": list(verdict.reasons),
        "fit": _fit_words(fitted) if fitted is not None else [],
    }


def _fit_words(fit: PhaseFit) -> list[str]:
    words = []
    if fit.size is not None:
        words.append(f"size {with_esd(fit.size)} Å")
    if fit.strain is not None:
        words.append(f"strain {with_esd(fit.strain)}")
    if fit.displacement is not None:
        words.append(f"displacement {with_esd(fit.displacement, unit=fit.displacement.unit)}")
    said = texture_sentence(fit)
    return [*words, said] if said else words


def _peak_cells(peak: Peak) -> list[str]:
    return [with_esd(peak.two_theta), with_esd(peak.d_spacing), with_esd(peak.area), with_esd(peak.fwhm), f"{peak.snr:.1f}"]


def _indexed_row(order: int, indexed: IndexedPeak, *, published: bool) -> Facts:
    ranked = sorted(indexed.assignments, key=lambda a: -a.share)
    several = len(ranked) > 1
    explained = [line_name(a.phase, a.hkl) + (f" {a.share:.0%}" if several else "") for a in ranked if a.share >= 0.005 or not several]
    return {
        "cells": [str(order), *_peak_cells(indexed.peak)[: 2 if published else None]],
        "status": indexed.status,
        "explained": ["nothing"] if indexed.status == "unindexed" else explained,
        "printed": "" if indexed.published is None else line_name(*indexed.published),
        "printed_verdict": indexed.published_verdict or "",
        "sentence": indexed.sentence,
    }


def _unindexed_row(indexed: IndexedPeak, *, measured: bool) -> Facts:
    candidates = [f"{line_name(a.phase, a.hkl)} at {a.two_theta:.2f}°" for a in indexed.assignments]
    peak = indexed.peak
    return {
        "place": with_esd(peak.two_theta),
        "snr": f"{peak.snr:.1f}" if measured else "",
        "candidates": candidates,
        "sentence": indexed.sentence,
    }


def _parameter_row(parameter: Parameter) -> list[str]:
    bounds = [f"{parameter.lower:g}" if parameter.lower is not None else "", f"{parameter.upper:g}" if parameter.upper is not None else ""]
    span = " … ".join(bounds) if any(bounds) else "–"
    how = f"= {parameter.expr}" if parameter.expr else "at its bound" if parameter.at_bound else "refined" if parameter.refined else "held"
    value = with_esd(parameter.value) + (f" ({confidence_text(parameter.interval)})" if parameter.interval is not None else "")
    return [parameter.name, value, parameter.value.unit, span, how]


def _event_row(order: int, event: Event, track: Track) -> Facts:
    cell = event.electrochemistry
    charge = "" if cell is None or cell.charge_mAh is None else f", {plain(cell.charge_mAh, 3)} mAh"
    return {
        "number": order,
        "kind": event.kind,
        "colour": EVENT_COLOURS[event.kind],
        "what": line_name(event.phase, event.hkl),
        "scans": scans_text(event),
        "when": when_text(event, track),
        "from_start": "from the start " if track.axis == "time" else "",
        "level": f"{event.time.level * 100:g} %",
        "probability": probability_text(event.probability),
        "state": state_text(event, track) + charge,
        "sentence": event.sentence,
    }


def _linked_row(line: LinkedLine) -> Facts:
    return {
        "place": with_esd(line.two_theta),
        "scans": f"{line.first_scan} … {line.last_scan}" if line.last_scan > line.first_scan else f"{line.first_scan}",
        "significance": f"{line.significance:.1f}",
        "candidates": [f"{line_name(c.phase, c.hkl)} at {c.two_theta:.2f}°" for c in line.candidates],
        "sentence": line.sentence,
        "group": "" if line.group is None else f"group {line.group}",
    }


def _scan_row(track: Track, order: int) -> list[str]:
    scan, (size, _) = track.scans[order], time_scale(track)
    charge = "–" if scan.charge_mAh is None else plain(scan.charge_mAh, 4)
    moment = scan.start_time.isoformat(sep=" ", timespec="seconds") if scan.start_time else "–"
    return [
        str(scan.index),
        scan.name,
        f"{scan.start / size:.4g}",
        moment,
        scan.state,
        charge,
        "yes" if scan.used else f"no: {scan.why_not or ''}",
    ]
