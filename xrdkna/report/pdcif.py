"""A refinement as powder CIF (Toby, Von Dreele & Larson 2003; International Tables G, 3.3): one block for the pattern, one a phase.

Data names are those of the core and powder dictionaries in the spelling that every program reads (`_pd_phase_mass_%`); what
they have no name for begins with `_xrdkna_`. The same refinement gives the same bytes: no clock is read.
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from xrdkna.errors import UsageError
from xrdkna.records.index import Index, ScanFacts
from xrdkna.records.instrument import Instrument, Radiation
from xrdkna.records.phases import Library
from xrdkna.records.refinement import UNEXPLAINED, Parameter, Refinement
from xrdkna.report.cif_text import (
    INAPPLICABLE,
    cif_ascii,
    cif_estimate,
    cif_file,
    cif_item,
    cif_loop,
    cif_measured,
    cif_number,
    cif_prose,
    cif_word,
)
from xrdkna.report.output import write_text
from xrdkna.report.pdcif_phase import phase_block
from xrdkna.report.values import counted, iso_time

REMARK = """A refinement of one powder pattern, written by xrdkna.
Of this program alone are the names that begin with _xrdkna_ :
_xrdkna_verdict                     of the fit: accepted, doubtful, rejected or failed
_xrdkna_phase_verdict               present, undecided or absent
_xrdkna_phase_significance          evidence for the phase, in sigmas
_xrdkna_phase_detection_limit_%     mass percentage that would have been seen, at 95 %
_xrdkna_phase_scale                 scale of the model, common to all phases
_xrdkna_phase_size_angstrom         volume-weighted size; _xrdkna_phase_strain: the fraction epsilon
_xrdkna_phase_displacement_mm       of the specimen from the axis; _degrees where no radius is known
_xrdkna_refln_2theta                degrees, where the model has the line; _xrdkna_refln_fwhm: its width, degrees
_refln_intensity_calc               counts times degrees of all spectral lines together, texture included"""
_RADIATION_TYPES = {"Ka": r"K\a", "Ka1": r"K\a~1~", "Ka2": r"K\a~2~", "Kb": r"K\b", "KaKb": r"K\a, K\b"}
_CODE_LENGTH = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class _Block:
    """A data block's name in this file, and its ID for the world."""

    code: str
    id: str


def write_pdcif(index: Index, path: str | Path, *, library: Library) -> None:
    """The whole-pattern fit in `index` as powder CIF; `library` says what the phases are (formula, space group, whole cell).

    Raises UsageError without a fit or when the file cannot be written, PhaseChoiceError for a phase that is not in the library.
    """
    write_text(path, pdcif_text(index, library))


def pdcif_text(index: Index, library: Library) -> str:
    """The text of that file. Raises UsageError and PhaseChoiceError as `write_pdcif` does."""
    fit = index.refinement
    if fit is None:
        raise UsageError(f"there is no whole-pattern fit of {index.scan.name} to write as powder CIF; refine the scan first.")
    known = library.chosen(tuple(phase.phase for phase in fit.phases)) if fit.phases else ()
    points = _points(fit)
    pattern, *phase_blocks = _name_blocks(index.scan, [phase.phase for phase in fit.phases], points)
    blocks = [_pattern_block(index, fit, pattern, phase_blocks, points)]
    for number, (phase, crystal, block) in enumerate(zip(fit.phases, known, phase_blocks, strict=True), start=1):
        ties = [cif_item("_pd_block_id", cif_word(block.id)), cif_item("_pd_block_diffractogram_id", cif_word(pattern.id))]
        blocks.append("\n".join([f"data_{block.code}", *ties, phase_block(index, phase, crystal, number)]))
    return cif_file(blocks, remark=REMARK)


def _name_blocks(facts: ScanFacts, phases: list[str], points: str) -> list[_Block]:
    """The pattern's block and each phase's; names differ also where case does not count.

    An ID is date|block|creator|instrument; a fingerprint of the points stands for the instrument, which nobody names.
    """
    scan, taken, blocks = _code(facts.name), set[str](), []
    mark = hashlib.sha256(points.encode()).hexdigest()[:12]
    for wanted in (scan, *(f"{scan}_{_code(phase)}" for phase in phases)):
        code = next(name for name in _numbered(wanted) if name.lower() not in taken)
        taken.add(code.lower())
        blocks.append(_Block(code=code, id=f"{iso_time(facts.start_time) or 'undated'}|{code}|xrdkna|{mark}"))
    return blocks


def _code(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.+\-]+", "_", name)[:_CODE_LENGTH] or "scan"


def _numbered(name: str) -> Iterator[str]:
    yield name
    yield from (f"{name}_{number}" for number in range(2, 10_000))


def _pattern_block(index: Index, fit: Refinement, block: _Block, phases: list[_Block], points: str) -> str:
    program, facts = cif_word(f"xrdkna {version('xrdkna')}"), index.scan
    parts = [
        f"data_{block.code}",
        cif_item("_pd_block_id", cif_word(block.id)),
        cif_item("_audit_creation_method", program),
        cif_item("_computing_structure_refinement", program),
        *([cif_item("_pd_meas_datetime_initiated", cif_word(facts.start_time.isoformat()))] if facts.start_time else []),
        cif_item("_pd_meas_number_of_points", str(facts.points)),
        *(_instrument_items(facts.instrument) if facts.instrument is not None else []),
        cif_item("_pd_proc_number_of_points", str(fit.two_theta.size)),
        *_exclusion(facts, fit),
        cif_item("_pd_calc_method", cif_word("Rietveld Refinement")),
        cif_item("_pd_proc_ls_prof_wR_factor", cif_number(fit.rwp, 6)),
        cif_item("_pd_proc_ls_prof_wR_expected", cif_number(fit.rexp, 6)),
        cif_item("_refine_ls_goodness_of_fit_all", cif_number(fit.gof, 6)),
        cif_item("_refine_ls_number_parameters", str(sum(parameter.refined for parameter in fit.parameters))),
        cif_item("_xrdkna_verdict", fit.verdict),
        cif_item("_pd_proc_ls_special_details", cif_prose(_special_details(facts, fit))),
        cif_loop(("_pd_phase_id", "_pd_phase_name", "_pd_phase_block_id", "_pd_phase_mass_%"), _phase_rows(fit, phases)),
        cif_loop(_PARAMETER_NAMES, [_parameter_row(parameter) for parameter in fit.parameters]),
        points,
    ]
    return "\n".join(part for part in parts if part)


def _instrument_items(instrument: Instrument) -> Iterator[str]:
    radiation, radius = instrument.radiation, instrument.radius_mm
    yield cif_item("_diffrn_radiation_probe", "x-ray")
    if (kind := _radiation_type(radiation)) is not None:
        yield cif_item("_diffrn_radiation_type", cif_word(kind))
    if len(radiation.lines) == 1:
        yield cif_item("_diffrn_radiation_wavelength", cif_number(radiation.wavelength))
    else:
        names = ("_diffrn_radiation_wavelength_id", "_diffrn_radiation_wavelength", "_diffrn_radiation_wavelength_wt")
        rows = enumerate(radiation.lines, start=1)
        yield cif_loop(names, [(str(number), cif_number(line.wavelength), cif_number(line.weight)) for number, line in rows])
    if instrument.monochromator_two_theta is not None:
        crystal = f"crystal in the beam at {instrument.monochromator_two_theta:g} degrees 2theta"
        yield cif_item("_diffrn_radiation_monochromator", cif_word(crystal))
    yield cif_item("_pd_instr_geometry", cif_word(instrument.geometry))
    if radius is not None:
        arms = ("src/spec", "spec/detc") if instrument.geometry == "Bragg-Brentano" else ("spec/detc",)
        yield from (cif_item(f"_pd_instr_dist_{arm}", cif_number(radius)) for arm in arms)


def _radiation_type(radiation: Radiation) -> str | None:
    """The tube's lines in Siegbahn's notation, "Cu K\\a"; None where the radiation has no such name."""
    anode = radiation.anode or ""
    kind = _RADIATION_TYPES.get(radiation.name.removeprefix(anode))
    return f"{anode} {kind}" if anode and kind else None


def _exclusion(facts: ScanFacts, fit: Refinement) -> list[str]:
    missing = facts.points - fit.two_theta.size
    said = f"{counted(missing, 'measured point')} took no part and {'is' if missing == 1 else 'are'} not listed."
    return [cif_item("_pd_proc_info_excluded_regions", cif_prose([said]))] if missing > 0 else []


def _special_details(facts: ScanFacts, fit: Refinement) -> Iterator[str]:
    yield f"The fit is {fit.verdict}."
    yield from fit.reasons
    yield "Weights and agreement factors are from the standard uncertainties as measured."
    if facts.sigma_source == "relative":
        yield "The scan holds no counts: only ratios of its uncertainties mean anything."
    yield "Mass percentages are of the crystalline phases in this list and add up to 100; ? where only line positions are known."
    if UNEXPLAINED in fit.contributions:
        yield "The calculated pattern also holds lines that belong to no phase of the list."


def _phase_rows(fit: Refinement, blocks: list[_Block]) -> Iterator[tuple[str, ...]]:
    for number, (phase, block) in enumerate(zip(fit.phases, blocks, strict=True), start=1):
        yield str(number), cif_word(phase.phase), cif_word(block.id), cif_estimate(phase.weight_fraction, factor=100.0)


_PARAMETER_NAMES = (
    "_xrdkna_parameter_name",
    "_xrdkna_parameter_value",
    "_xrdkna_parameter_unit",
    "_xrdkna_parameter_lower_bound",
    "_xrdkna_parameter_upper_bound",
    "_xrdkna_parameter_status",
    "_xrdkna_parameter_tied_to",
    "_xrdkna_parameter_interval_low",
    "_xrdkna_parameter_interval_high",
    "_xrdkna_parameter_interval_level",
)


def _parameter_row(parameter: Parameter) -> tuple[str, ...]:
    bounds = [_bound(parameter.lower), _bound(parameter.upper)]
    status = "tied" if parameter.expr else "at_bound" if parameter.at_bound else "refined" if parameter.refined else "held"
    tie = cif_word(parameter.expr) if parameter.expr else INAPPLICABLE
    interval = parameter.interval
    ends = (INAPPLICABLE,) * 3 if interval is None else (_bound(interval.low), _bound(interval.high), cif_number(interval.level))
    unit = cif_word(cif_ascii(parameter.value.unit)) if parameter.value.unit else INAPPLICABLE
    return cif_word(parameter.name), cif_estimate(parameter.value), unit, *bounds, status, tie, *ends


def _bound(value: float | None) -> str:
    return INAPPLICABLE if value is None else cif_number(value)


def _points(fit: Refinement) -> str:
    names = ("_pd_meas_2theta_scan", "_pd_meas_intensity_total", "_pd_calc_intensity_total")
    columns = [array.tolist() for array in (fit.two_theta, fit.observed, fit.sigma, fit.calculated, fit.background)]
    rows = (
        (cif_number(angle, 9), cif_measured(seen, sigma), cif_number(made, 7), cif_number(below, 7), cif_number(sigma**-2, 6))
        for angle, seen, sigma, made, below in zip(*columns, strict=True)
    )
    return cif_loop((*names, "_pd_proc_intensity_bkg_calc", "_pd_proc_ls_weight"), rows)
