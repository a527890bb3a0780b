"""Records as CSV tables: UTF-8, one header line with units, full stops as decimal signs, empty where there is no number."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from xrdkna.records.index import Index, IndexedPeak
from xrdkna.records.peaks import Peak, Peaks
from xrdkna.records.refinement import Parameter, PhaseFit, Refinement
from xrdkna.records.track import Presence, Track, Trajectory
from xrdkna.records.values import Estimate
from xrdkna.report.output import write_text
from xrdkna.report.values import ESD_DIGITS, iso_time, line_name, number, rounded_to_esd

Cell = str | float | int | None
Table = tuple[list[str], list[list[Cell]]]
PEAK_COLUMNS = (
    ("two_theta", "deg"),
    ("d", "angstrom"),
    ("area", "counts deg"),
    ("fwhm", "deg"),
)
_PEAK_HEADER = [text for name, unit in PEAK_COLUMNS for text in (f"{name} [{unit}]", f"{name}_esd [{unit}]")] + ["snr [sigma]"]


def write_peaks_csv(peaks: Peaks, target: str | Path) -> None:
    """One row a peak, in rising 2θ. Raises UsageError when the file cannot be written."""
    rows = ([order + 1, *_peak_cells(peak), _plain(peak.eta), _plain(peak.background)] for order, peak in enumerate(peaks.peaks))
    write_table(target, ["peak", *_PEAK_HEADER, "eta", "background [counts]"], rows)


def write_index_csv(index: Index, target: str | Path) -> None:
    """One row a peak and assignment; a peak that nothing explains has one row without a phase."""
    write_table(target, *index_table(index))


def index_table(index: Index) -> Table:
    """The columns' names and the rows of that table."""
    header = ["peak", *_PEAK_HEADER, "status", "phase", "h", "k", "l", "calculated_two_theta [deg]", "share"]
    header += ["published_phase", "published_h", "published_k", "published_l", "published_verdict", "sentence"]
    return header, [row for order, peak in enumerate(index.peaks) for row in _assignment_rows(order + 1, peak)]


def write_refine_csv(index: Index, target: str | Path) -> None:
    """One row a number: agreement factors, what each phase came to, every parameter of the model. Without a fit: the header alone.

    `verdict` is the fit's beside the agreement factors and the phase's beside what it came to; limits and ties are a parameter's.
    """
    write_table(target, *refine_table(index))


def refine_table(index: Index) -> Table:
    """The columns' names and the rows of that table."""
    header = ["phase", "quantity", "value", "esd", "unit", "lower", "upper", "refined", "at_bound"]
    header += ["tied_to", "interval_low", "interval_high", "interval_level", "verdict"]
    return header, [] if index.refinement is None else list(_refinement_rows(index, index.refinement))


def write_profile_csv(index: Index, target: str | Path) -> None:
    """One row a point of the fitted pattern, to draw it elsewhere. Without a fit: the header alone."""
    fit = index.refinement
    names = [] if fit is None else list(fit.contributions)
    fixed = ["two_theta [deg]", "observed [counts]", "sigma [counts]", "calculated [counts]", "background [counts]", "difference [counts]"]
    columns: list[list[float]] = []
    if fit is not None:
        arrays = (fit.two_theta, fit.observed, fit.sigma, fit.calculated, fit.background, fit.observed - fit.calculated)
        columns = [array.tolist() for array in (*arrays, *fit.contributions.values())]
    write_table(target, [*fixed, *(f"{name} [counts]" for name in names)], ([_plain(x) for x in row] for row in zip(*columns, strict=True)))


def write_track_csv(track: Track, target: str | Path) -> None:
    """One row a scan: axis, state, charge, each trajectory with its esd, each presence, the current of the cell."""
    write_table(target, *track_table(track))


def track_table(track: Track) -> Table:
    """The columns' names and the rows of that table."""
    timed = track.axis == "time"
    unit = "s" if timed else "scan"
    header = ["index", "name", f"start [{unit}]", f"end [{unit}]", "start_time", "state", "charge [mAh]", "used", "why_not"]
    for trajectory in track.trajectories:
        header += trajectory_columns(trajectory)
    header += [f"presence of {line_name(presence.phase, presence.hkl)}" for presence in track.presence]
    header += ["mean current [mA]", "charge in scan [mAh]", "cell"]
    return header, list(_track_rows(track))


def trajectory_columns(trajectory: Trajectory) -> tuple[str, str]:
    """Names of the value and esd columns of a trajectory, with units."""
    subject = line_name(trajectory.phase, trajectory.hkl)
    name = f"{trajectory.quantity} {subject}".strip()
    unit = f" [{trajectory.unit}]" if trajectory.unit else ""
    return f"{name}{unit}", f"{name} esd{unit}"


def _track_rows(track: Track) -> Iterator[list[Cell]]:
    for position, scan in enumerate(track.scans):
        row: list[Cell] = [scan.index, scan.name, _plain(scan.start), _plain(scan.end), iso_time(scan.start_time), scan.state]
        row += [_plain(scan.charge_mAh), _yes(scan.used), scan.why_not]
        for trajectory in track.trajectories:
            value, esd = number(trajectory.value[position], 17), number(trajectory.esd[position], ESD_DIGITS)
            row += [None if value is None else rounded_to_esd(value, esd), esd]
        row += [_presence_at(presence, position) for presence in track.presence]
        row += [_plain(scan.mean_current_mA), _plain(scan.charge_in_scan_mAh), scan.cell_note]
        yield row


def _presence_at(presence: Presence, position: int) -> float | None:
    return number(float(presence.probability[position]), 6) if position < presence.probability.size else None


def _assignment_rows(peak_number: int, indexed: IndexedPeak) -> Iterator[list[Cell]]:
    printed = indexed.published
    published: list[Cell] = [*(("", None, None, None) if printed is None else (printed[0], *printed[1]))]
    tail: list[Cell] = [*published, indexed.published_verdict, indexed.sentence]
    start: list[Cell] = [peak_number, *_peak_cells(indexed.peak), indexed.status]
    for found in indexed.assignments:
        yield [*start, found.phase, *found.hkl, number(found.two_theta), _plain(found.share), *tail]
    if not indexed.assignments:
        yield [*start, None, None, None, None, None, None, *tail]


def _refinement_rows(index: Index, fit: Refinement) -> Iterator[list[Cell]]:
    no_parameter: list[Cell] = [None] * 8
    verdicts = {judged.phase: judged.verdict for judged in index.phases}
    for name in ("rwp", "rexp", "gof"):
        yield ["", name, _plain(getattr(fit, name)), None, "", *no_parameter, fit.verdict]
    for phase in fit.phases:
        judged = verdicts.get(phase.phase)
        yield [phase.phase, "significance", _plain(phase.significance), None, "sigma", *no_parameter, judged]
        for quantity, estimate in _phase_values(phase):
            yield [phase.phase, quantity, *_estimate_cells(estimate), estimate.unit, *no_parameter, judged]
    for parameter in fit.parameters:
        yield _parameter_row(parameter)


def _phase_values(phase: PhaseFit) -> Iterator[tuple[str, Estimate]]:
    named = [(name, getattr(phase, name)) for name in ("weight_fraction", "detection_limit", "scale", "size", "strain", "displacement")]
    named += [(f"cell {name}", estimate) for name, estimate in phase.cell.items()]
    named += [(f"texture {name}", estimate) for name, estimate in phase.texture.items()]
    return ((name, estimate) for name, estimate in named if estimate is not None)


def _parameter_row(parameter: Parameter) -> list[Cell]:
    bounds = [number(parameter.lower), number(parameter.upper)]
    interval = parameter.interval
    ends = [None] * 3 if interval is None else [number(end) for end in (interval.low, interval.high, interval.level)]
    tail: list[Cell] = [_yes(parameter.refined), _yes(parameter.at_bound), parameter.expr, *ends, None]
    return ["", f"parameter {parameter.name}", *_estimate_cells(parameter.value), parameter.value.unit, *bounds, *tail]


def _peak_cells(peak: Peak) -> list[Cell]:
    estimates = (peak.two_theta, peak.d_spacing, peak.area, peak.fwhm)
    return [*(cell for estimate in estimates for cell in _estimate_cells(estimate)), _plain(peak.snr)]


def _estimate_cells(estimate: Estimate) -> tuple[float, float | None]:
    return rounded_to_esd(estimate.value, estimate.esd), number(estimate.esd, ESD_DIGITS)


def _plain(value: float | None) -> float | None:
    return number(value, 8)


def _yes(flag: bool) -> str:
    return "yes" if flag else "no"


def write_table(target: str | Path, header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> None:
    """Any table in this project's dialect of CSV. Raises UsageError when the file cannot be written."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([_safe(cell) for cell in row] for row in rows)
    write_text(target, text.getvalue())


def _safe(cell: Cell) -> Cell:
    """A word that a spreadsheet would run as a formula gets an apostrophe: names come from strangers' files."""
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell
