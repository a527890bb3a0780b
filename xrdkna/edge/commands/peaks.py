"""`xrdkna peaks`: what stands out of one scan."""

from pathlib import Path

import click

from xrdkna.edge.options import Beam, Outputs, beam_options, output_options
from xrdkna.edge.output import Answer, analysing, check_outputs, write_answer
from xrdkna.edge.request import settings_of


@click.command(short_help="Find the reflections in one scan.")
@click.argument("scan", type=click.Path(path_type=Path))
@beam_options
@output_options("json", "html", "csv", "plot")
def peaks(*, scan: Path, beam: Beam, outputs: Outputs) -> int:
    """Find the reflections and the amorphous halos in one SCAN, with their uncertainties."""
    check_outputs(outputs)
    from xrdkna.pipeline import facts_of, find_peaks_of
    from xrdkna.read.formats import read_scan
    from xrdkna.report.document import PEAKS_SCHEMA, peaks_document
    from xrdkna.report.figures import plot_peaks
    from xrdkna.report.html import write_peaks_html
    from xrdkna.report.table import write_peaks_csv
    from xrdkna.report.text import peaks_summary

    with analysing(PEAKS_SCHEMA, outputs):
        measured = read_scan(scan)
        pattern, found = find_peaks_of(measured, settings_of(beam))
    facts = facts_of(measured, pattern)
    answer = Answer(
        summary=lambda: peaks_summary(facts, found, pattern.notices),
        document=lambda: peaks_document(facts, found, pattern.notices),
        csv=lambda path: write_peaks_csv(found, path),
        html=lambda path: write_peaks_html(facts, found, pattern, path, pattern.notices),
        plot=lambda path: plot_peaks(pattern, found, path),
        notices=pattern.notices,
    )
    write_answer(answer, outputs)
    return 0
