"""scans.csv and its relatives: which scan, from when to when."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from xrdkna.errors import SeriesError
from xrdkna.read.csv_rows import CsvRows, find_column, read_csv_rows
from xrdkna.read.series_folder import log_columns
from xrdkna.read.times import parse_time
from xrdkna.records.values import Notice

_START = ("starttime", "start", "startdatetime", "starttimestamp", "time")
_END = ("endtime", "end", "enddatetime", "endtimestamp", "stoptime", "stop")


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRow:
    """One row. path: the scan's file, None with a `problem` where there is none. columns: the row's other cells by name."""

    name: str
    path: Path | None
    start: datetime | None
    end: datetime | None
    columns: dict[str, str] = field(default_factory=dict)
    problem: str = ""


def read_log(path: Path, scans: Sequence[Path]) -> tuple[list[LogRow], list[Notice]]:
    """The rows of a log in its order, each with its scan among `scans`; a row that repeats a file is left out with a notice.

    Raises SeriesError: unreadable, no column for the scan, a time that is none or can be read two ways.
    """
    table = read_csv_rows(path, SeriesError, what="log of the scans")
    file, number = log_columns(table)
    if file is None and number is None:
        raise SeriesError(f"{path}: no column is called file or scan_number; the columns are {', '.join(table.names)}.")
    numbered = _by_number(scans, [cells[number] for _, cells in table.rows]) if file is None and number is not None else {}
    places = _places(path, scans)
    rows: dict[tuple[str, Path | None], LogRow] = {}
    repeated: list[int] = []
    for line, cells in table.rows:
        word = cells[file if file is not None else number or 0]
        if not word:
            raise SeriesError(f"{path}, line {line}: the row names no scan; fill its first cell or delete it.")
        found, problem = _file_of(path, word, places) if file is not None else _scan_of(path, word, numbered)
        row = _row(path, table, line, cells, word=word, found=found, problem=problem)
        if (row.name, row.path) in rows:
            repeated.append(line)
        else:
            rows[row.name, row.path] = row
    if not repeated:
        return list(rows.values()), []
    sentence = f"{len(repeated)} rows of {path.name} repeat a scan and are left out (the first is line {repeated[0]})."
    return list(rows.values()), [Notice(code="rows-repeated", severity="warning", sentence=sentence)]


def _row(path: Path, table: CsvRows, line: int, cells: tuple[str, ...], *, word: str, found: Path | None, problem: str) -> LogRow:
    start, end = find_column(table.names, *_START), find_column(table.names, *_END)
    moments = []
    for column in (start, end):
        cell = cells[column] if column is not None else ""
        moment = parse_time(cell, date_alone=True) if cell else None
        if cell and moment is None:
            raise SeriesError(f"{path}, line {line}: {cell!r} is no time that can be read one way; write ISO 8601, 2025-07-02T19:05:59.")
        moments.append(moment)
    if moments[0] is not None and moments[1] is not None and moments[1].replace(tzinfo=None) < moments[0].replace(tzinfo=None):
        raise SeriesError(f"{path}, line {line}: the scan ends ({moments[1]}) before it starts ({moments[0]}); correct one of the times.")
    others = {name: cells[i] for i, name in enumerate(table.names) if i not in (start, end) and name}
    return LogRow(
        name=found.stem if found is not None else word, path=found, start=moments[0], end=moments[1], columns=others, problem=problem
    )


@dataclass(frozen=True, slots=True)
class _Places:
    """Where the files of a log may lie: its folder and those of the scans, resolved; the scans by their names and by their stems."""

    folders: tuple[Path, ...]
    named: dict[str, list[Path]]
    stemmed: dict[str, list[Path]]


def _places(log: Path, scans: Sequence[Path]) -> _Places:
    parents = {log.parent, *(scan.parent for scan in scans)}
    places = _Places(tuple(sorted({parent.resolve() for parent in parents})), {}, {})
    for scan in scans:
        places.named.setdefault(scan.name, []).append(scan)
        places.stemmed.setdefault(scan.stem, []).append(scan)
    return places


def _file_of(log: Path, word: str, places: _Places) -> tuple[Path | None, str]:
    """The file a row names: beside the log, or by name or stem among the scans; never outside the series' folders."""
    wanted = Path(word.replace("\\", "/"))
    for scan in places.named.get(wanted.name, ()):
        if len(wanted.parts) == 1 or scan.resolve() == (log.parent / wanted).resolve():
            return scan, ""
    for folder in places.folders:
        candidate = (folder / wanted).resolve()
        if any(candidate.is_relative_to(allowed) for allowed in places.folders) and candidate.is_file():
            return folder / wanted, ""
    stems = places.stemmed.get(word, [])
    if len(stems) == 1:
        return stems[0], ""
    if wanted.is_absolute() or ".." in wanted.parts:
        return None, f"{log}: {word} lies outside the series folder; move the scan into it."
    return None, f"{log}: {word} is listed, but there is no such file in the folder; copy it there or delete the row."


def _scan_of(log: Path, word: str, numbered: dict[str, list[Path]]) -> tuple[Path | None, str]:
    found = numbered.get(word, [])
    if len(found) == 1:
        return found[0], ""
    if not found:
        return None, f"{log}: no file name contains the scan number {word}; copy the scan into the folder or delete the row."
    return None, f"{log}: the scan number {word} is in several file names ({found[0].name}, {found[1].name}); use a column file instead."


def _by_number(scans: Sequence[Path], words: Sequence[str]) -> dict[str, list[Path]]:
    """Which files carry each scan number.

    A name like cell8_scan003 holds several numbers; the place of the scan number, counted from the left or from the
    right, is the one that gives most rows exactly one file.
    """
    groups = {scan: re.findall(r"\d+", scan.stem) for scan in scans}
    longest = max(map(len, groups.values()), default=0)
    best: dict[str, list[Path]] = {}
    for place in (*range(longest), *range(-longest, 0)):
        carried: dict[str | None, list[Path]] = {}
        for scan in scans:
            carried.setdefault(_number_at(groups[scan], place), []).append(scan)
        matched = {word: carried.get(_plain(word), []) for word in words}
        if _unique(matched) > _unique(best):
            best = matched
    if best:
        return best
    return {word: [scan for scan in scans if _plain(word) in map(_plain, groups[scan]) or word == scan.stem] for word in words}


def _number_at(groups: Sequence[str], place: int) -> str | None:
    return _plain(groups[place]) if -len(groups) <= place < len(groups) else None


def _plain(word: str) -> str:
    return word.strip().lstrip("0") or "0"


def _unique(matched: dict[str, list[Path]]) -> int:
    return sum(len(found) == 1 for found in matched.values())
