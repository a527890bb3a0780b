"""`xrdkna track`: what appears, vanishes and changes along a series, and when."""

import math
from pathlib import Path
from typing import TYPE_CHECKING

import click

from xrdkna.edge.halos import halo_options, with_halos
from xrdkna.edge.marker import marker_from_text
from xrdkna.edge.options import Beam, Outputs, PhaseChoice, beam_options, output_options, phase_options
from xrdkna.edge.output import Answer, analysing, check_outputs, write_answer
from xrdkna.edge.progress import progress_bar
from xrdkna.edge.request import library_of, settings_of
from xrdkna.errors import UsageError

if TYPE_CHECKING:
    from xrdkna.records.series import Series


@click.command(short_help="Follow a series: what appears, vanishes and changes, and when.")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--echem", type=click.Path(path_type=Path), metavar="FILE", help="The cycler's record; otherwise FOLDER/echem.csv.")
@click.option(
    "--clock-offset", type=float, default=0.0, metavar="SECONDS", help="Added to the cycler's times; a cycler 137 s ahead needs -137."
)
@click.option("--marker", metavar='"KNa2 103"', help="The reflection to report on.")
@halo_options
@beam_options
@phase_options
@output_options("json", "html", "csv", "plot")
def track(
    *,
    folder: Path,
    echem: Path | None,
    clock_offset: float,
    marker: str | None,
    halos: tuple[str, ...],
    beam: Beam,
    choice: PhaseChoice,
    outputs: Outputs,
) -> int:
    """Follow a series of scans in FOLDER: trajectories, events, contamination over time."""
    if not math.isfinite(clock_offset):
        raise UsageError(f"--clock-offset {clock_offset} is no number of seconds.")
    settings = with_halos(settings_of(beam, choice, marker=None if marker is None else marker_from_text(marker)), halos)
    check_outputs(outputs)
    from xrdkna.pipeline import track_series
    from xrdkna.report.document import TRACK_SCHEMA, track_document
    from xrdkna.report.figures import plot_track
    from xrdkna.report.html import write_track_html
    from xrdkna.report.table import write_track_csv
    from xrdkna.report.text import track_summary

    series = _series(folder, echem, clock_offset)
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
        notices=followed.notices,
    )
    write_answer(answer, outputs)
    return 0


def _series(folder: Path, echem: Path | None, clock_offset: float) -> "Series":
    from xrdkna.read.cycling import read_cycling
    from xrdkna.read.series import read_series

    if echem is None:
        return read_series(folder, clock_offset=clock_offset)
    return read_series(folder, cycling=read_cycling(echem, clock_offset=clock_offset))
