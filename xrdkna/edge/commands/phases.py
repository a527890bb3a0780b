"""`xrdkna phases`: the reference library, the lines of one phase, and which lines cannot be told apart."""

from typing import TYPE_CHECKING

import click

from xrdkna.edge.options import Beam, Outputs, PhaseChoice, beam_options, output_options, phase_options
from xrdkna.edge.output import check_outputs
from xrdkna.edge.request import instrument_of, library_of
from xrdkna.errors import RadiationError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from xrdkna.records.instrument import Instrument
    from xrdkna.records.phases import Library, Phase, Reflections

    Shown = tuple[str, Mapping[str, Any]]  # a text, and the same as a JSON document

# Half of a usual laboratory line's width at half height: closer lines are one line to the eye.
DEFAULT_WIDTH = 0.1


@click.command(short_help="Show the reference phases, their lines, and which lines overlap.")
@click.option("--show", metavar="NAME", help="The lines of one phase; needs --radiation.")
@click.option("--overlaps", is_flag=True, help="Lines of different phases that lie closer than --width; needs --radiation.")
@click.option("--width", type=float, default=DEFAULT_WIDTH, metavar="DEG", show_default=True, help="Degrees 2θ, for --overlaps.")
@beam_options
@phase_options
@output_options("json")
def phases(*, show: str | None, overlaps: bool, width: float, beam: Beam, choice: PhaseChoice, outputs: Outputs) -> int:
    """Show the reference phases and their strongest lines, by angle with --radiation and else by d."""
    check_outputs(outputs)
    text, document = phases_shown(show=show, overlaps=overlaps, width=width, beam=beam, choice=choice)
    return _write(text, document, outputs)


def phases_shown(*, show: str | None, overlaps: bool, width: float, beam: Beam, choice: PhaseChoice) -> "Shown":
    """(text, document): the lines of one phase, the overlaps, or all phases. Raises UsageError and its kind for what cannot be asked."""
    if show is not None and overlaps:
        raise UsageError("--show and --overlaps are two questions; ask one at a time.")
    if not 0 < width <= 10:
        raise UsageError(f"--width {width:g} is no width of a line; give it in degrees 2θ, above 0 and at most 10.")
    library, instrument = library_of(choice), instrument_of(beam)
    if show is not None:
        return _lines_of(show, library, _needed(instrument, "--show"))
    if overlaps:
        return _overlaps(library, choice, width, _needed(instrument, "--overlaps"))
    return _listed(library, choice, instrument)


def _write(text: str, document: "Mapping[str, Any]", outputs: Outputs) -> int:
    from xrdkna.report.document import write_json

    if outputs.json is not None:
        write_json(document, outputs.json)
    if not outputs.quiet and outputs.json != "-":
        click.echo(text.rstrip())
    return 0


def _needed(instrument: "Instrument | None", option: str) -> "Instrument":
    if instrument is None:
        raise RadiationError(f"{option} needs to know the wavelength; say which with --radiation, for example --radiation CuKa.")
    return instrument


def _lines_of(name: str, library: "Library", instrument: "Instrument") -> "Shown":
    from xrdkna.report.document import lines_document
    from xrdkna.report.text_phases import lines_summary

    (phase,) = library.chosen((name,))
    reflections = _reflections(phase, instrument)
    return lines_summary(phase, reflections, instrument), lines_document(phase, reflections, instrument)


def _overlaps(library: "Library", choice: PhaseChoice, width: float, instrument: "Instrument") -> "Shown":
    from xrdkna.phases.overlaps import find_overlaps
    from xrdkna.report.document import overlaps_document
    from xrdkna.report.text_phases import overlaps_summary

    reflections = tuple(_reflections(phase, instrument) for phase in library.chosen(choice.names))
    found = find_overlaps(reflections, instrument=instrument, width=width)
    pairs = tuple((overlap.first, overlap.second) for overlap in found)
    return overlaps_summary(pairs, width=width), overlaps_document(pairs, width=width, instrument=instrument)


def _listed(library: "Library", choice: PhaseChoice, instrument: "Instrument | None") -> "Shown":
    from xrdkna.physics.radiation import radiation_from_text
    from xrdkna.records.instrument import Instrument
    from xrdkna.report.document import phases_document
    from xrdkna.report.text_phases import phases_summary

    chosen = library.chosen(choice.names)
    # |F|² hardly depends on the wavelength, and without one only d is shown
    seen_by = instrument or Instrument(radiation=radiation_from_text("CuKa"))
    reflections = {phase.name: _reflections(phase, seen_by) for phase in chosen}
    return (
        phases_summary(chosen, reflections=reflections, instrument=instrument),
        phases_document(chosen, reflections=reflections, instrument=instrument),
    )


def _reflections(phase: "Phase", instrument: "Instrument") -> "Reflections":
    from xrdkna.phases.reflections import reflections_of

    return reflections_of(phase, instrument=instrument)
