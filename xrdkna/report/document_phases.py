"""The reference library as JSON: its phases, the lines of one, and lines that cannot be told apart."""

from collections.abc import Iterable, Mapping

from xrdkna.records.instrument import Instrument
from xrdkna.records.phases import Cell, Phase, Reflections
from xrdkna.report.document_parts import PLAIN_DIGITS, Json, radiation_json
from xrdkna.report.lines import Line, TabulatedLine, strongest_lines, tabulate_lines
from xrdkna.report.values import hkl_list, number

PHASES_SCHEMA = "xrdkna.phases/1"
LINES_SCHEMA = "xrdkna.lines/1"
OVERLAPS_SCHEMA = "xrdkna.overlaps/1"
STRONGEST = 5


def phases_document(
    phases: Iterable[Phase], *, reflections: Mapping[str, Reflections] | None = None, instrument: Instrument | None = None
) -> Json:
    """The library's phases; with reflections also each phase's strongest lines, whose angles are null without an instrument."""
    given = reflections or {}
    entries = []
    for phase in phases:
        entry = _phase_json(phase)
        if phase.name in given:
            lines = strongest_lines(given[phase.name], instrument, STRONGEST)
            entry["strongest_lines"] = [_line_json(line) for line in lines]
        entries.append(entry)
    return {"schema": PHASES_SCHEMA, "radiation": None if instrument is None else radiation_json(instrument.radiation), "phases": entries}


def lines_document(phase: Phase, reflections: Reflections, instrument: Instrument) -> Json:
    """Every line of one phase within reach, by rising 2θ; angles are for the strongest spectral line, undisplaced."""
    return {
        "schema": LINES_SCHEMA,
        "radiation": radiation_json(instrument.radiation),
        "phase": _phase_json(phase),
        "lines": [_line_json(line) for line in tabulate_lines(reflections, instrument)],
    }


def overlaps_document(pairs: Iterable[tuple[Line, Line]], *, width: float, instrument: Instrument) -> Json:
    """Pairs of lines of different phases closer than `width` degrees 2θ, as they are given."""
    return {
        "schema": OVERLAPS_SCHEMA,
        "radiation": radiation_json(instrument.radiation),
        "width": number(width),
        "overlaps": [
            {"lines": [_place_json(first), _place_json(second)], "distance": number(abs(first.two_theta - second.two_theta), PLAIN_DIGITS)}
            for first, second in pairs
        ],
    }


def _phase_json(phase: Phase) -> Json:
    return {
        "phase": phase.name,
        "title": phase.title,
        "formula": phase.formula,
        "role": phase.role,
        "crystal_system": phase.crystal_system,
        "space_group": phase.space_group,
        "space_group_number": phase.space_group_number,
        "cell": _cell_json(phase.cell),
        "temperature_K": number(phase.temperature_K),
        "positions_only": phase.positions_only,
        "source": phase.source,
    }


def _cell_json(cell: Cell) -> Json:
    return {name: number(getattr(cell, name)) for name in ("a", "b", "c", "alpha", "beta", "gamma")}


def _line_json(line: TabulatedLine) -> Json:
    return {
        "hkl": hkl_list(line.hkl),
        "multiplicity": number(line.multiplicity),
        "d": number(line.d_spacing, 8),
        "two_theta": number(line.two_theta, 8),
        "intensity": number(line.intensity, 4),
        "f_squared": number(line.f_squared, PLAIN_DIGITS),
    }


def _place_json(line: Line) -> Json:
    return {"phase": line.phase, "hkl": hkl_list(line.hkl), "two_theta": number(line.two_theta, 8)}
