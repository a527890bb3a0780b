"""`xrdkna refine`: the whole-pattern fit of one scan."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from xrdkna.edge.commands.refine_folder import refine_folder
from xrdkna.edge.errors import ANSWERED, DECLINED
from xrdkna.edge.extraction import extraction_options, with_intensities
from xrdkna.edge.fit_choice import check_phases_named
from xrdkna.edge.halos import halo_options, with_halos
from xrdkna.edge.instrument import instrument_text
from xrdkna.edge.options import Beam, FitChoice, Outputs, PhaseChoice, beam_options, fit_options, output_options, phase_options
from xrdkna.edge.output import Answer, analysing, check_outputs, check_place, write_answer
from xrdkna.edge.progress import stage_lines
from xrdkna.edge.request import library_of, settings_of
from xrdkna.errors import UsageError

if TYPE_CHECKING:
    from xrdkna.records.index import Index


@click.command(short_help="Fit the whole pattern of one scan.")
@click.argument("scan", type=click.Path(path_type=Path))
@click.option(
    "--save-instrument",
    type=click.Path(path_type=Path),
    metavar="FILE.toml",
    help="SCAN is of a standard: keep what it says of the machine, for --instrument.",
)
@fit_options
@extraction_options
@halo_options
@beam_options
@phase_options
@output_options("json", "html", "csv", "plot", "pdcif", "parquet", "bundle")
def refine(
    *,
    scan: Path,
    save_instrument: Path | None,
    fit: FitChoice,
    intensities: dict[str, str],
    halos: tuple[str, ...],
    beam: Beam,
    choice: PhaseChoice,
    outputs: Outputs,
) -> int:
    """Fit the whole pattern of one SCAN: cells, scales, weight fractions, widths, texture and how well it all agrees.

    SCAN may be a series folder: then every scan is fitted from where the one before ended, one row a scan.
    """
    check_outputs(outputs)
    if save_instrument is not None:
        _check_instrument_place(save_instrument)
    from xrdkna.edge.bundle import Basis
    from xrdkna.pipeline import refine_scan
    from xrdkna.read.formats import read_scan
    from xrdkna.report.document import REFINE_SCHEMA, refine_document
    from xrdkna.report.figures import plot_refinement
    from xrdkna.report.html import write_refine_html
    from xrdkna.report.pdcif import write_pdcif
    from xrdkna.report.table import refine_table, write_refine_csv
    from xrdkna.report.text import refine_summary

    settings = with_halos(with_intensities(settings_of(beam, choice, fit=fit), intensities), halos)
    if scan.is_dir():
        return refine_folder(scan, library_of(choice), settings, outputs)
    with analysing(REFINE_SCHEMA, outputs):
        measured = read_scan(scan)
        library = library_of(choice)
        check_phases_named(settings.refine, choice.names or library.phases)
        fitted = refine_scan(measured, library, settings, progress=stage_lines(quiet=outputs.quiet))
    answer = Answer(
        summary=lambda: refine_summary(fitted),
        document=lambda: refine_document(fitted),
        csv=lambda path: write_refine_csv(fitted, path),
        html=lambda path: write_refine_html(fitted, path),
        plot=lambda path: plot_refinement(fitted, path),
        pdcif=lambda path: write_pdcif(fitted, path, library=library),
        table=lambda: refine_table(fitted),
        basis=lambda: Basis(command="refine", inputs=(scan,), settings=settings, phases=library.chosen(settings.phases)),
        notices=fitted.notices,
    )
    write_answer(answer, outputs)
    if save_instrument is not None:
        _keep_instrument(fitted, save_instrument)
    return DECLINED if fitted.verdict == "failed" else ANSWERED


def _check_instrument_place(path: Path) -> None:
    check_place("--save-instrument", path)
    if path.suffix.lower() != ".toml":  # a scan named by mistake must not be lost
        raise UsageError(f"--save-instrument {path}: an instrument file is TOML; end its name in .toml.")


def _keep_instrument(fitted: "Index", path: Path) -> None:
    from xrdkna.pipeline.standard import instrument_from_standard

    path.write_text(instrument_text(*instrument_from_standard(fitted)), encoding="utf-8")
