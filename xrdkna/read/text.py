"""Columns of numbers in a text file: .xy, .xye, .csv, .dat, .txt, .prn and their dialects."""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from xrdkna.errors import ScanFileError
from xrdkna.read.bytes_in import text_from_bytes
from xrdkna.read.columns import Columns, find_columns
from xrdkna.read.dialect import DialectError
from xrdkna.read.header import HeaderFacts, read_header
from xrdkna.read.kinds import ScanFormat, scan_name
from xrdkna.read.stepped import read_stepped
from xrdkna.read.table import Table, read_table
from xrdkna.read.tidy import check_angles, merge_repeats, rising_order, split_runs
from xrdkna.read.uncertainty import Uncertain, looks_like_sigma, with_column, without_column
from xrdkna.records.arrays import FloatArray, IntArray
from xrdkna.records.scan import Scan
from xrdkna.records.values import Notice

# Text formats of other programs, recognised only to say so.
_FOREIGN = (
    (re.compile(r"^\*RAS_(?:DATA|HEADER)_START", re.MULTILINE), "a Rigaku .ras file"),
    (re.compile(r"^BANK\s+\d+\s+\d+\s+\d+", re.MULTILINE), "a GSAS file"),
    (re.compile(r"^<\?xml|^<[A-Za-z!][^\n]*>", re.MULTILINE), "XML or HTML, not an .xrdml file"),
    (re.compile(r"^(?:data_|loop_)", re.MULTILINE), "a CIF"),
    (re.compile(r"^\s*\{\s*\"", re.MULTILINE), "JSON"),
)
# No detector counts so many, and up to here whole numbers are exact; below the other, what is written as not zero is.
_TOO_LARGE, _ZERO = 1e15, 1e-30
_WHAT = "two columns, 2θ in degrees and intensity"


def recognises(data: bytes) -> bool:
    """Anything that is text."""
    return text_from_bytes(data) is not None


def read_text_scans(path: Path, data: bytes) -> tuple[Scan, ...]:
    """All scans in a text file. Raises ScanFileError with a sentence."""
    text = text_from_bytes(data) or ""
    for pattern, name in _FOREIGN:
        if pattern.search(text[:4000]):
            raise ScanFileError(f"{path}: this is {name}, which is not read as a scan; export {_WHAT}.")
    try:
        table = read_stepped(text) or read_table(text)
    except DialectError as problem:
        raise ScanFileError(f"{path}: {problem}.") from problem
    if table is None:
        raise ScanFileError(f"{path}: no line holds {_WHAT}; check that the export holds the data and not only its header.")
    table = replace(table, values=_measurable(table.values))
    columns = find_columns(table.header, table.values.shape[1], table.dialect)
    if columns.not_angle:
        raise ScanFileError(
            f"{path}: the x axis is called {columns.not_angle!r} and is not 2θ in degrees; export the scan against 2θ, with its wavelength."
        )
    facts = read_header([line for line in table.header if line != columns.line], columns.line)
    rows, left_out = _usable_rows(table, columns)
    if len(rows) < 2:
        raise ScanFileError(f"{path}: the file holds {len(rows)} usable point{'s' * (len(rows) != 1)}; a scan needs at least two.")
    notices = (*_column_notices(table, columns), *left_out)
    runs = split_runs(table.values[rows, columns.x])
    return tuple(
        _scan(path, table, columns, facts, rows[run], notices, number=number, last=number == len(runs))
        for number, run in enumerate(runs, 1)
    )


def _scan(
    path: Path,
    table: Table,
    columns: Columns,
    facts: HeaderFacts,
    rows: IntArray,
    notices: Sequence[Notice],
    *,
    number: int,
    last: bool,
) -> Scan:
    kept, negative = check_angles(table.values[rows, columns.x], table.lines[rows], where=str(path))
    rows = rows[kept]
    order, ordered = rising_order(table.values[rows, columns.x])
    rows = rows[order]
    errors, errors_notices = _errors(path, table.values[rows], columns, facts)
    two_theta, intensity, sigma, repeated = merge_repeats(table.values[rows, columns.x], errors.intensity, errors.sigma)
    if len(two_theta) < 2:
        raise ScanFileError(f"{path}: all points lie at one angle, {two_theta[0]:g}°; a scan needs at least two angles.")
    return Scan(
        name=scan_name(path, number),
        source=str(path),
        two_theta=two_theta,
        intensity=intensity,
        sigma=sigma,
        sigma_source=errors.source,
        radiation=facts.radiation,
        radius_mm=facts.radius_mm,
        start_time=facts.start_time if number == 1 else None,
        end_time=facts.end_time if last else None,
        count_time=facts.count_time,
        complete=not (table.cut_off and last),
        details=facts.details,
        notices=(*facts.notices, *notices, *negative, *ordered, *repeated, *errors_notices, *errors.notices),
    )


def _measurable(values: FloatArray) -> FloatArray:
    """The numbers that a measurement can give: NaN for the others, so that their rows are left out."""
    size = np.abs(values)
    return np.where(size < _TOO_LARGE, np.where(size < _ZERO, 0.0, values), np.nan)


def _usable_rows(table: Table, columns: Columns) -> tuple[IntArray, tuple[Notice, ...]]:
    """Rows with a finite angle and intensity of a possible size, and a notice for each kind of row that is left out."""
    finite = np.isfinite(table.values[:, [columns.x, columns.y]]).all(axis=1)
    notices: list[Notice] = []
    bad = sorted([*table.lines[~finite].tolist(), *table.strange])
    if bad:
        rows = "row is" if len(bad) == 1 else "rows are"
        sentence = f"{len(bad)} {rows} not numbers and left out (the first is line {bad[0]})."
        notices.append(Notice(code="rows-left-out", severity="warning", sentence=sentence))
    if table.cut_off:
        sentence = "the last line is cut off and left out; the scan may not be complete."
        notices.append(Notice(code="cut-off", severity="warning", sentence=sentence, remedy="Copy the file again once it is written."))
    return np.flatnonzero(finite), tuple(notices)


def _column_notices(table: Table, columns: Columns) -> tuple[Notice, ...]:
    notices: list[Notice] = []
    width = table.values.shape[1]
    if columns.theta:
        notices.append(
            Notice(
                code="theta-taken-as-2theta",
                severity="warning",
                sentence="the angle column is called theta; its numbers are taken as 2θ.",
                remedy="Double the angles if they are θ.",
            )
        )
    if width > 3:
        used = f"column {columns.x + 1} as 2θ and column {columns.y + 1} as intensity"
        used += "" if columns.sigma is None else f" and column {columns.sigma + 1} as uncertainty"
        notices.append(Notice(code="columns-used", severity="info", sentence=f"the file has {width} columns; {used} were used."))
    return tuple(notices)


def _errors(path: Path, values: FloatArray, columns: Columns, facts: HeaderFacts) -> tuple[Uncertain, tuple[Notice, ...]]:
    """Intensities with σ from the column that is one, else from counting."""
    intensity = values[:, columns.y]
    counted = without_column(intensity, count_time=facts.count_time, per_second=facts.per_second)
    if columns.sigma is not None and np.any(values[:, columns.sigma] > 0):
        return with_column(intensity, values[:, columns.sigma]), ()
    if columns.third is None:
        return counted, ()
    third = values[:, columns.third]
    which = f"column {columns.third + 1}"
    if not np.any(third):
        return counted, (Notice(code="third-column", severity="info", sentence=f"{which} is zero everywhere and is not used."),)
    if looks_like_sigma(intensity, third):
        if path.suffix.lower() in (".xye", ".xyz"):
            return with_column(intensity, third), ()
        sentence = f"{which} is taken as the standard uncertainty: it goes with the square root of the intensity."
        return with_column(intensity, third), (Notice(code="third-column", severity="info", sentence=sentence),)
    sentence = f"{which} does not look like a standard uncertainty and is not used."
    remedy = "Name the columns (2theta intensity sigma) if it is one."
    return counted, (Notice(code="third-column", severity="warning", sentence=sentence, remedy=remedy),)


TEXT = ScanFormat(name=f"text with {_WHAT}", recognises=recognises, read=read_text_scans)
