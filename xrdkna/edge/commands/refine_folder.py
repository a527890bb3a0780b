"""`xrdkna refine FOLDER`: the fast fit of every scan of a series."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from xrdkna.edge.errors import ANSWERED, DECLINED
from xrdkna.edge.options import Outputs
from xrdkna.edge.output import Answer, analysing, write_answer
from xrdkna.edge.progress import Progress, progress_bar
from xrdkna.errors import UsageError

if TYPE_CHECKING:
    from xrdkna.pipeline import Settings
    from xrdkna.records.phases import Library
    from xrdkna.records.series_fit import LeftOut, ScanFit

# What one fit has and a series has not: curves of every scan would fill a disk.
_ONE_SCAN_ONLY = ("html", "plot", "pdcif", "parquet", "bundle")


def refine_folder(folder: Path, library: "Library", settings: "Settings", outputs: Outputs) -> int:
    """Fit every scan of the series in FOLDER, each from the one before, and write one row a scan.

    Raises UsageError for a form of output that only one scan has.
    """
    for form in _ONE_SCAN_ONLY:
        if getattr(outputs, form) is not None:
            raise UsageError(
                f"--{form} shows the fit of one scan, and {folder} is a folder; use --csv or --json, or name one of its scans."
            )
    if settings.refine.confidence:
        raise UsageError(f"--confidence is for the fit of one scan, and {folder} is a folder; name one of its scans.")
    from xrdkna.pipeline import refine_series
    from xrdkna.read.series import read_series
    from xrdkna.report.series_fit import SERIES_FIT_SCHEMA, series_fit_document, series_fit_summary, write_series_fit_csv

    series = read_series(folder)
    with analysing(SERIES_FIT_SCHEMA, outputs), progress_bar("fitting the series", quiet=outputs.quiet) as progress:
        scans = tuple(_watched(refine_series(series, library, settings), len(series.entries), progress))
    answer = Answer(
        summary=lambda: series_fit_summary(series.name, scans),
        document=lambda: series_fit_document(series.name, scans),
        csv=lambda path: write_series_fit_csv(scans, path),
        notices=series.notices,
    )
    write_answer(answer, outputs)
    return ANSWERED if any(getattr(scan, "verdict", "failed") != "failed" for scan in scans) else DECLINED


def _watched(scans: "Iterator[ScanFit | LeftOut]", total: int, progress: Progress | None) -> "Iterator[ScanFit | LeftOut]":
    """The scans as they come, without the curves that a whole series need not hold, each reported to the bar."""
    import numpy as np

    from xrdkna.records.series_fit import ScanFit

    nothing = np.zeros(0)
    for done, scan in enumerate(scans, start=1):
        if progress is not None:
            progress(done, total)
        yield replace(scan, calculated=nothing, smooth=nothing, weight=nothing) if isinstance(scan, ScanFit) else scan
