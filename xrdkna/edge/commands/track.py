"""`xrdkna track`: what appears, vanishes and changes along a series, and when."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from xrdkna.edge.echem import clock_from_text, echem_options, series_with_cell
from xrdkna.edge.halos import halo_options, with_halos
from xrdkna.edge.marker import marker_from_text
from xrdkna.edge.options import Beam, Outputs, PhaseChoice, beam_options, output_options, phase_options
from xrdkna.edge.output import Answer, analysing, check_outputs, write_answer
from xrdkna.edge.progress import progress_bar
from xrdkna.edge.request import library_of, settings_of

if TYPE_CHECKING:
    from xrdkna.edge.bundle import Basis
    from xrdkna.pipeline.settings import Settings
    from xrdkna.records.phases import Library
    from xrdkna.records.series import Series


@click.command(short_help="Follow a series: what appears, vanishes and changes, and when.")
@click.argument("folder", type=click.Path(path_type=Path))
@echem_options
@click.option("--marker", metavar='"KNa2 103"', help="The reflection to report on.")
@halo_options
@beam_options
@phase_options
@output_options("json", "html", "csv", "plot", "nexus", "parquet", "bundle")
def track(
    *,
    folder: Path,
    echem: tuple[Path, ...],
    clock_offset: str,
    plating_current: str | None,
    marker: str | None,
    halos: tuple[str, ...],
    beam: Beam,
    choice: PhaseChoice,
    outputs: Outputs,
) -> int:
    """Follow a series of scans in FOLDER: trajectories, events, contamination over time."""
    clock = clock_from_text(clock_offset)
    settings = with_halos(settings_of(beam, choice, marker=None if marker is None else marker_from_text(marker)), halos)
    check_outputs(outputs)
    from xrdkna.pipeline import track_series
    from xrdkna.report.document import TRACK_SCHEMA, track_document
    from xrdkna.report.figures import plot_track
    from xrdkna.report.html import write_track_html
    from xrdkna.report.nexus_file import write_series_nexus
    from xrdkna.report.table import track_table, write_track_csv
    from xrdkna.report.text import track_summary

    series = series_with_cell(folder, echem, clock, plating_current)
    library = library_of(choice)
    if marker is not None:
        library.chosen((settings.marker[0],))
    with analysing(TRACK_SCHEMA, outputs), progress_bar("following the series", quiet=outputs.quiet) as progress:
        followed = track_series(series, library, settings, progress=progress)
    answer = Answer(
        summary=lambda: track_summary(followed),
        document=lambda: track_document(followed),
        csv=lambda path: write_track_csv(followed, path),
        html=lambda path: write_track_html(followed, path),
        plot=lambda path: plot_track(followed, path),
        nexus=lambda path: write_series_nexus(series, followed, path),
        table=lambda: track_table(followed),
        basis=lambda: _basis(series, folder, settings, library),
        notices=followed.notices,
    )
    write_answer(answer, outputs)
    return 0


def _basis(series: "Series", folder: Path, settings: "Settings", library: "Library") -> "Basis":
    from xrdkna.edge.bundle import Basis, files_of_series

    phases = library.chosen(settings.phases)
    return Basis(command="track", inputs=files_of_series(series, folder), settings=settings, phases=phases)
