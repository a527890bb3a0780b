"""Records as the JSON documents of the contract. One scan here; series and reference phases in their own files."""

from collections.abc import Iterable

from xrdkna.records.index import CellFit, Index, IndexedPeak, PhaseVerdict, ScanFacts
from xrdkna.records.peaks import Peaks
from xrdkna.records.refinement import Parameter, PhaseFit, Refinement
from xrdkna.records.values import Estimate, Notice
from xrdkna.report.document_air import contamination_json
from xrdkna.report.document_parts import (
    PLAIN_DIGITS,
    Json,
    assignment_json,
    estimate_json,
    estimates_json,
    halo_json,
    halos_json,
    interval_json,
    nearest_json,
    notices_json,
    peak_json,
    scan_json,
    write_json,
)
from xrdkna.report.document_phases import lines_document, overlaps_document, phases_document
from xrdkna.report.document_track import TRACK_SCHEMA, track_document
from xrdkna.report.halos import halos_of, wavelength_of
from xrdkna.report.sentences import is_published_list
from xrdkna.report.values import hkl_list, number

__all__ = [
    "INDEX_SCHEMA",
    "PEAKS_SCHEMA",
    "REFINE_SCHEMA",
    "TRACK_SCHEMA",
    "index_document",
    "lines_document",
    "overlaps_document",
    "peaks_document",
    "phases_document",
    "refine_document",
    "track_document",
    "write_json",
]

PEAKS_SCHEMA = "xrdkna.peaks/1"
INDEX_SCHEMA = "xrdkna.index/1"
REFINE_SCHEMA = "xrdkna.refine/1"


def peaks_document(facts: ScanFacts, peaks: Peaks, notices: Iterable[Notice] = ()) -> Json:
    """The answer of `peaks`: what stands out, in rising 2θ."""
    return {
        "schema": PEAKS_SCHEMA,
        "scan": scan_json(facts),
        "peaks": [peak_json(peak) for peak in peaks.peaks],
        "halo": halo_json(peaks.halos),
        "halos": halos_json(peaks.halos, wavelength=wavelength_of(facts)),
        "threshold": number(peaks.threshold, PLAIN_DIGITS),
        "notices": notices_json(notices),
    }


def index_document(index: Index) -> Json:
    """The answer of `index`; for a published list each peak also says what was published, and `cell_fits` what fits one cell."""
    published = is_published_list(index)
    document: Json = {
        "schema": INDEX_SCHEMA,
        "scan": scan_json(index.scan),
        "peaks": [_indexed_peak_json(peak, published=published) for peak in index.peaks],
        "phases": [_verdict_json(verdict) for verdict in index.phases],
        "contamination": contamination_json(index.contamination),
        "halo": halo_json(index.halos),
        "halos": halos_json(halos_of(index), wavelength=wavelength_of(index.scan)),
        "agreement": _agreement_json(index.refinement),
        "verdict": index.verdict,
    }
    if published:
        document["cell_fits"] = [_cell_fit_json(fit) for fit in index.cell_fits]
    document["notices"] = notices_json(index.notices)
    return document


def refine_document(index: Index) -> Json:
    """The answer of `refine`: the index document, the fit's parameters, and of each phase what only a fit knows.

    Without a refinement in `index` the added lists are empty and the added keys null.
    """
    document = index_document(index)
    refinement = index.refinement
    document["schema"] = REFINE_SCHEMA
    for entry in document["phases"]:
        entry.update(_phase_fit_json(refinement.phase(entry["phase"]) if refinement else None))
        entry.update(_extracted_json(refinement, entry["phase"]))
    document["parameters"] = [_parameter_json(parameter) for parameter in refinement.parameters] if refinement else []
    document["fit"] = {
        "reasons": list(refinement.reasons) if refinement else [],
        "steps": list(refinement.steps) if refinement else [],
        "evaluations": refinement.evaluations if refinement else 0,
    }
    document["notices"] = document.pop("notices")
    return document


def _indexed_peak_json(indexed: IndexedPeak, *, published: bool) -> Json:
    entry = {
        **peak_json(indexed.peak),
        "status": indexed.status,
        "assignments": [assignment_json(assignment) for assignment in indexed.assignments],
    }
    if indexed.nearest:
        entry["nearest"] = [nearest_json(one, indexed.peak.two_theta.value) for one in indexed.nearest]
    if published:
        entry["published"] = None if indexed.published is None else {"phase": indexed.published[0], "hkl": hkl_list(indexed.published[1])}
        entry["published_verdict"] = indexed.published_verdict
    if published or indexed.sentence:
        entry["sentence"] = indexed.sentence
    return entry


def _verdict_json(verdict: PhaseVerdict) -> Json:
    return {
        "phase": verdict.phase,
        "role": verdict.role,
        "verdict": verdict.verdict,
        "significance": number(verdict.significance, PLAIN_DIGITS),
        "weight_fraction": estimate_json(verdict.weight_fraction),
        "detection_limit": estimate_json(verdict.detection_limit),
        "cell": estimates_json(verdict.cell),
        "reasons": list(verdict.reasons),
    }


def _agreement_json(refinement: Refinement | None) -> Json:
    if refinement is None:
        return {"rwp": None, "rexp": None, "gof": None, "esd_inflation": None}
    factors = {name: number(getattr(refinement, name), PLAIN_DIGITS) for name in ("rwp", "rexp", "gof")}
    return factors | {"esd_inflation": number(refinement.inflation, PLAIN_DIGITS)}


def _cell_fit_json(fit: CellFit) -> Json:
    return {
        "phase": fit.phase,
        "lines": fit.lines,
        "cell": estimates_json(fit.cell),
        "figure_of_merit_m": number(fit.figure_of_merit_m, PLAIN_DIGITS),
        "figure_of_merit_f": number(fit.figure_of_merit_f, PLAIN_DIGITS),
        "rms_two_theta": number(fit.rms_two_theta, PLAIN_DIGITS),
        "sentence": fit.sentence,
    }


def _phase_fit_json(fit: PhaseFit | None) -> Json:
    if fit is None:
        return {"scale": None, "size": None, "strain": None, "displacement": None, "texture": None}
    return {
        "scale": estimate_json(fit.scale),
        "size": estimate_json(fit.size),
        "strain": estimate_json(fit.strain),
        "displacement": estimate_json(fit.displacement),
        "texture": estimates_json(fit.texture) or None,
    }


def _extracted_json(refinement: Refinement | None, phase: str) -> Json:
    """Where intensities were taken from the pattern: how, and every reflection with its area; nothing where a structure gave them."""
    fit = refinement.phase(phase) if refinement is not None else None
    if refinement is None or fit is None or fit.intensities == "structure":
        return {}
    lines = [line for line in refinement.lines if line.phase == phase]
    return {
        "intensities": fit.intensities,
        "reflections": [
            {
                "hkl": hkl_list(line.hkl),
                "two_theta": number(line.two_theta),
                "area": estimate_json(Estimate(value=line.area, esd=line.area_esd, unit="counts·°")),
                "fwhm": number(line.fwhm, PLAIN_DIGITS),
            }
            for line in lines
        ],
    }


def _parameter_json(parameter: Parameter) -> Json:
    interval = parameter.interval
    return {
        "name": parameter.name,
        "value": estimate_json(parameter.value),
        "bounds": [number(parameter.lower), number(parameter.upper)],
        "at_bound": parameter.at_bound,
        "refined": parameter.refined,
        "tied_to": parameter.expr,
        **({} if interval is None else {"interval": interval_json(interval)}),
    }
