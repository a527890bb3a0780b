"""`xrdkna refine`: the whole-pattern fit of one scan."""

from pathlib import Path

import click

from xrdkna.edge.errors import ANSWERED, DECLINED
from xrdkna.edge.options import Beam, Outputs, PhaseChoice, beam_options, output_options, phase_options
from xrdkna.edge.output import Answer, check_outputs, declining, write_answer
from xrdkna.edge.progress import stage_lines
from xrdkna.edge.request import library_of, settings_of


@click.command(short_help="Fit the whole pattern of one scan.")
@click.argument("scan", type=click.Path(path_type=Path))
@click.option(
    "--parameters",
    type=click.Path(path_type=Path),
    metavar="FILE.toml",
    help="Starting values, bounds and ties of the fit's parameters.",
)
@click.option(
    "--confidence",
    multiple=True,
    metavar="NAME",
    help="Also the 95 % profile-likelihood interval of this parameter, as a_KNa2; repeatable.",
)
@beam_options
@phase_options
@output_options("json", "html", "csv", "plot", "pdcif")
def refine(*, scan: Path, parameters: Path | None, confidence: tuple[str, ...], beam: Beam, choice: PhaseChoice, outputs: Outputs) -> int:
    """Fit the whole pattern of one SCAN: cells, scales, weight fractions, widths, texture and how well it all agrees."""
    check_outputs(outputs)
    from xrdkna.pipeline import refine_scan
    from xrdkna.read.formats import read_scan
    from xrdkna.report.document import REFINE_SCHEMA, refine_document
    from xrdkna.report.figures import plot_refinement
    from xrdkna.report.html import write_refine_html
    from xrdkna.report.pdcif import write_pdcif
    from xrdkna.report.table import write_refine_csv
    from xrdkna.report.text import refine_summary

    settings = settings_of(beam, choice, parameters=parameters, confidence=confidence)
    with declining(REFINE_SCHEMA, outputs):
        measured = read_scan(scan)
        library = library_of(choice)
        fitted = refine_scan(measured, library, settings, progress=stage_lines(quiet=outputs.quiet))
    answer = Answer(
        summary=lambda: refine_summary(fitted),
        document=lambda: refine_document(fitted),
        csv=lambda path: write_refine_csv(fitted, path),
        html=lambda path: write_refine_html(fitted, path),
        plot=lambda path: plot_refinement(fitted, path),
        pdcif=lambda path: write_pdcif(fitted, path, library=library),
        notices=fitted.notices,
    )
    write_answer(answer, outputs)
    return DECLINED if fitted.verdict == "failed" else ANSWERED
