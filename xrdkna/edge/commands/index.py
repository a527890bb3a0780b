"""`xrdkna index`: which phases are there, and which line is whose."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from xrdkna.edge.errors import ANSWERED, DECLINED
from xrdkna.edge.halos import halo_options, with_halos
from xrdkna.edge.options import Beam, Outputs, PhaseChoice, beam_options, output_options, phase_options
from xrdkna.edge.output import Answer, analysing, check_outputs, write_answer
from xrdkna.edge.request import library_of, settings_of
from xrdkna.errors import UsageError

if TYPE_CHECKING:
    from xrdkna.pipeline import Settings
    from xrdkna.records.index import Index


@click.command(short_help="Which phases are there, and which line is whose.")
@click.argument("scan", type=click.Path(path_type=Path), required=False)
@click.option(
    "--lines",
    type=click.Path(path_type=Path),
    metavar="LINES.csv",
    help="Index a published list instead: columns two_theta or d; optionally intensity, phase, h, k, l.",
)
@halo_options
@beam_options
@phase_options
@output_options("json", "html", "csv", "plot", "parquet", "bundle")
def index(*, scan: Path | None, lines: Path | None, halos: tuple[str, ...], beam: Beam, choice: PhaseChoice, outputs: Outputs) -> int:
    """Say which line of one SCAN belongs to which phase, which phases are present, absent or undecided, and what is left."""
    if (scan is None) == (lines is None):
        raise UsageError("index needs one thing to index: either a scan file, or a published list with --lines LINES.csv.")
    if lines is not None and halos:
        raise UsageError("--halo is for the pattern of a scan, and a published list has no background; leave one of the two out.")
    settings = with_halos(settings_of(beam, choice), halos)
    check_outputs(outputs)
    from xrdkna.edge.bundle import Basis
    from xrdkna.report.document import INDEX_SCHEMA, index_document
    from xrdkna.report.figures import plot_refinement
    from xrdkna.report.html import write_index_html
    from xrdkna.report.table import index_table, write_index_csv
    from xrdkna.report.text import index_summary

    with analysing(INDEX_SCHEMA, outputs):
        found = _indexed(scan, lines, settings, choice)
    answer = Answer(
        summary=lambda: index_summary(found),
        document=lambda: index_document(found),
        csv=lambda path: write_index_csv(found, path),
        html=lambda path: write_index_html(found, path),
        plot=lambda path: plot_refinement(found, path),
        table=lambda: index_table(found),
        basis=lambda: Basis(
            command="index",
            inputs=tuple(path for path in (scan, lines) if path is not None),
            settings=settings,
            phases=library_of(choice).chosen(settings.phases),
        ),
        notices=found.notices,
    )
    write_answer(answer, outputs)
    return DECLINED if found.verdict == "failed" else ANSWERED


def _indexed(scan: Path | None, lines: Path | None, settings: "Settings", choice: PhaseChoice) -> "Index":
    if scan is not None:
        from xrdkna.pipeline import index_scan
        from xrdkna.read.formats import read_scan

        measured = read_scan(scan)
        return index_scan(measured, library_of(choice), settings)
    assert lines is not None
    from xrdkna.pipeline import index_lines
    from xrdkna.read.lines import read_lines

    published = read_lines(lines)
    return index_lines(published, library_of(choice), settings)
