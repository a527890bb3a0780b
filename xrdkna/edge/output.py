"""Where answers go: the summary to standard output, notes to standard error, the rest to the files asked for."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from xrdkna.edge.options import Outputs
from xrdkna.edge.progress import announce_compiling
from xrdkna.errors import DeclinedError, UsageError

if TYPE_CHECKING:
    from xrdkna.edge.bundle import Basis
    from xrdkna.records.values import Notice
    from xrdkna.report.table import Table

# What matplotlib writes everywhere without a further library.
FIGURE_SUFFIXES = (".png", ".pdf", ".svg")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer in all its forms, each made only when it is asked for; csv, html, plot, pdcif and nexus write the file
    they are given. table: what --parquet writes. basis: what the answer rests on, for --bundle.

    The summary shows the notices itself; where no summary is shown they go to standard error.
    """

    summary: Callable[[], str]
    document: Callable[[], Mapping[str, Any]]
    csv: Callable[[Path], object]
    html: Callable[[Path], object] | None = None
    plot: Callable[[Path], object] | None = None
    pdcif: Callable[[Path], object] | None = None
    nexus: Callable[[Path], object] | None = None
    table: "Callable[[], Table] | None" = None
    basis: "Callable[[], Basis] | None" = None
    notices: "tuple[Notice, ...]" = ()


def check_outputs(outputs: Outputs) -> None:
    """Raise UsageError, before any work is done, for an output that could not be written."""
    json = None if outputs.json is None or outputs.json == "-" else Path(outputs.json)
    files = (("--html", outputs.html), ("--csv", outputs.csv), ("--plot", outputs.plot), ("--pdcif", outputs.pdcif))
    others = (("--nexus", outputs.nexus), ("--parquet", outputs.parquet), ("--bundle", outputs.bundle))
    for option, path in (("--json", json), *files, *others):
        if path is not None:
            check_place(option, path)
    if outputs.parquet is not None:
        from xrdkna.report.parquet import require_parquet

        require_parquet()
    if outputs.plot is not None and outputs.plot.suffix.lower() not in FIGURE_SUFFIXES:
        raise UsageError(f"--plot {outputs.plot}: a figure can be written as {', '.join(FIGURE_SUFFIXES)}; end the name in one of these.")


def write_answer(answer: Answer, outputs: Outputs) -> None:
    """Write every form that was asked for. Raises UsageError when a file cannot be written."""
    from xrdkna.report.document import write_json

    if outputs.json is not None:
        write_json(answer.document(), outputs.json)
    forms = ((outputs.csv, answer.csv), (outputs.html, answer.html), (outputs.plot, answer.plot), (outputs.pdcif, answer.pdcif))
    for path, write in (*forms, (outputs.nexus, answer.nexus)):
        if path is not None and write is not None:
            write(path)
    if outputs.parquet is not None and answer.table is not None:
        from xrdkna.report.parquet import write_parquet

        write_parquet(answer.table(), outputs.parquet)
    if outputs.bundle is not None and answer.basis is not None:
        from xrdkna.edge.bundle import bundle_answer

        bundle_answer(_bundled_forms(answer), answer.basis(), outputs.bundle)
    if outputs.quiet:
        return
    if outputs.json == "-":
        write_notes(answer.notices)
    else:
        click.echo(answer.summary().rstrip())


def _bundled_forms(answer: Answer) -> dict[str, Callable[[Path], object]]:
    """What a bundle holds of an answer: all that is the same bytes each time."""
    from xrdkna.report.document import write_json

    forms = {"answer.json": lambda path: write_json(answer.document(), path), "table.csv": answer.csv}
    others = {"series.nxs": answer.nexus, "fit.cif": answer.pdcif}
    return forms | {name: write for name, write in others.items() if write is not None}


def write_notes(notices: "tuple[Notice, ...]") -> None:
    """Each notice once, as a sentence on standard error."""
    for sentence in dict.fromkeys(" ".join(f"{notice.sentence} {notice.remedy}".split()) for notice in notices):
        click.echo(f"note: {sentence}", err=True)


@contextmanager
def analysing(schema: str, outputs: Outputs) -> Iterator[None]:
    """Inside, an analysis runs: the wait for the compiler is announced, and a DeclinedError also leaves its reason in the JSON that was
    asked for, then goes on its way."""
    if not outputs.quiet:
        announce_compiling()
    try:
        yield
    except DeclinedError as error:
        if outputs.json is not None:
            from xrdkna.report.document import write_json

            reason = {"code": "declined", "severity": "error", "sentence": str(error), "remedy": ""}
            write_json({"schema": schema, "verdict": "failed", "notices": [reason]}, outputs.json)
        raise


def check_place(option: str, path: Path) -> None:
    """Raise UsageError where this option names no file that can be written."""
    folder = path.parent
    if path.is_dir():
        raise UsageError(f"{option} {path} is a folder; name a file to write.")
    if not folder.is_dir():
        raise UsageError(f"{option} {path} cannot be written: there is no folder {folder}; make it first or choose another place.")
    if not os.access(path if path.exists() else folder, os.W_OK):
        raise UsageError(f"{option} {path} cannot be written: permission is denied; choose another place.")
