"""What lies in a series folder: scans, the log of their times, the cycler's file."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from xrdkna.errors import SeriesError
from xrdkna.read.bytes_in import text_from_bytes
from xrdkna.read.csv_rows import CsvRows, csv_rows, find_column
from xrdkna.read.dialect import DialectError
from xrdkna.read.table import read_table

# Suffixes that only scans have; also those of formats that cannot be read, so that such a scan is reported and not overlooked.
_SCAN_SUFFIXES = (
    ".xy",
    ".xye",
    ".xrdml",
    ".prn",
    ".chi",
    ".xyd",
    ".ras",
    ".rasx",
    ".brml",
    ".raw",
    ".uxd",
    ".asc",
    ".udf",
    ".gsa",
    ".gsas",
    ".fxye",
    ".rd",
    ".sd",
    ".nxs",
    ".h5",
    ".hdf5",
    ".hdf",
    ".spec",
)
# Suffixes that scans share with notes and tables: the content decides.
_SHARED_SUFFIXES = (".csv", ".dat", ".txt", ".tsv", "")
_CYCLER_SUFFIXES = (".ndax", ".nda", ".mpr", ".mpt")  # order is precedence where one measurement is there twice
_PROSE = re.compile(r"^(?:readme|licen[cs]e|notes?|changelog|todo|authors|info)\b", re.IGNORECASE)
# A file of so few rows is a table of something, not a scan.
_FEWEST_ROWS = 10
_LOOK = 65_536
_LONGEST_LIST = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderContent:
    """scans: in natural order of their names. log: the table of times. cyclers: the cycler's files. aside: files left out.
    listed: the scans' order is the one in which somebody listed or measured them."""

    scans: tuple[Path, ...]
    log: Path | None
    cyclers: tuple[Path, ...]
    aside: tuple[Path, ...]
    listed: bool = False


def look_into(folder: Path, *, log: Path | None, leave_out: frozenset[Path] = frozenset()) -> FolderContent:
    """The content of a series folder, or of its immediate sub-folders where it holds no scan itself, without the files of `leave_out`.

    Raises SeriesError: no folder, no scan anywhere, scans in several sub-folders.
    """
    if not folder.exists():
        raise SeriesError(f"{folder}: there is no such folder.")
    try:
        here = _files(folder, leave_out)
        below = {child: _files(child, leave_out) for child in sorted(folder.iterdir()) if child.is_dir() and not child.name.startswith(".")}
    except OSError as problem:
        raise SeriesError(f"{folder}: the folder cannot be opened ({problem.strerror or problem}).") from problem
    log = next((path for path in here if log is not None and path.resolve() == log.resolve()), log)
    scans, aside = _scans_among(here, known_log=log)
    everything = [*here, *(path for files in below.values() for path in files)]
    log = log or _one_log(folder, here, everything)
    if not scans:
        scans, aside = _scans_below(folder, below, log=log)
    if not scans and log is None:
        raise SeriesError(
            f"{folder}: no scan lies here (looked for .xy, .xye, .xrdml, .csv, .dat, .txt and their kind); name another folder."
        )
    return FolderContent(scans=scans, log=log, cyclers=_cyclers(here, everything), aside=aside)


def look_at_file(path: Path) -> FolderContent:
    """A series in one file: the scans that it holds, or the files that it lists, one a line and relative to it."""
    listed = _listed(path)
    cyclers = _cyclers(_files(path.parent), ()) if listed else ()
    return FolderContent(scans=listed or (path,), log=None, cyclers=cyclers, aside=(), listed=True)


def _listed(path: Path) -> tuple[Path, ...]:
    """The files that a list names; none where any line is no name of a file beside it or below. "#" begins a remark."""
    lines = [line.partition("#")[0].strip() for line in (_head(path) or "").split("\n")]
    names = [line for line in lines if line]
    folder = path.parent.resolve()
    files = [(path.parent / name.replace("\\", "/"), name) for name in names[:_LONGEST_LIST] if len(name) < 500]
    inside = [file for file, _ in files if file.resolve().is_relative_to(folder) and file.is_file() and file.resolve() != path.resolve()]
    return tuple(inside) if names and len(inside) == len(names) else ()


def _scans_below(folder: Path, below: Mapping[Path, Sequence[Path]], *, log: Path | None) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
    """The scans of the one sub-folder that holds any; of several if a log says which of them belong to the series."""
    found = {child: _scans_among(files, known_log=log) for child, files in below.items()}
    holding = [child for child, (scans, _) in found.items() if any(path.suffix.lower() in _SCAN_SUFFIXES for path in scans)]
    holding = holding or [child for child, (scans, _) in found.items() if scans]
    if len(holding) > 1 and log is None:
        names = ", ".join(child.name for child in holding)
        raise SeriesError(f"{folder}: several sub-folders hold scans ({names}); name the one that is the series.")
    return tuple(path for child in holding for path in found[child][0]), tuple(path for child in holding for path in found[child][1])


def natural_key(path: Path) -> tuple[tuple[int, int, str], ...]:
    """Sorts scan2 before scan10."""
    return tuple((0, int(part), "") if part.isdigit() else (1, 0, part.lower()) for part in re.split(r"(\d+)", path.name) if part)


def log_columns(table: CsvRows) -> tuple[int | None, int | None]:
    """The columns that say which scan a row is about: (file, scan number), None where there is none."""
    return find_column(table.names, "file", "filename", "scanfile"), find_column(table.names, "scannumber", "scanno", "scanid", "scan")


def _files(folder: Path, leave_out: frozenset[Path] = frozenset()) -> list[Path]:
    files = (p for p in folder.iterdir() if p.is_file() and not p.name.startswith((".", "~")) and p not in leave_out)
    return sorted(files, key=natural_key)


def _scans_among(files: Sequence[Path], *, known_log: Path | None) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
    """(scans, files that could be meant as scans but are not taken). A file that holds a scan counts in any shared
    suffix, unless others in the folder have a suffix of scans: then it is a table beside them."""
    certain = [path for path in files if path.suffix.lower() in _SCAN_SUFFIXES]
    shared = [
        path
        for path in files
        if path.suffix.lower() in _SHARED_SUFFIXES and path != known_log and not _PROSE.match(path.name) and _holds_numbers(path)
    ]
    if certain:
        return tuple(certain), tuple(shared)
    kinds = {path.suffix.lower() for path in shared}
    broken = [
        path
        for path in files
        if path.suffix.lower() in kinds - {""}
        and path not in shared
        and path != known_log
        and not _PROSE.match(path.name)
        and not _is_table(path)
    ]
    return tuple(sorted([*shared, *broken], key=natural_key)), ()


def _head(path: Path) -> str | None:
    try:
        with path.open("rb") as stream:
            data = stream.read(_LOOK)
    except OSError:
        return None
    return text_from_bytes(data) if data else None


def _holds_numbers(path: Path) -> bool:
    """Does a file begin like a scan: rows of two numbers, the first of which moves between 0 and 180?"""
    text = _head(path)
    if text is None or _is_table(path):
        return False
    try:
        table = read_table(text)
    except DialectError:
        return True
    return table is not None and len(table.values) >= _FEWEST_ROWS


def _is_table(path: Path) -> bool:
    """A log of scans or a cycler's table: its first line names times, files or currents."""
    table = _first_line(path)
    if table is None:
        return False
    file, number = log_columns(table)
    timed = find_column(table.names, "starttime", "time", "timestamp", "datetime") is not None
    return timed and (file is not None or number is not None or any("current" in name.lower() for name in table.names))


def _first_line(path: Path) -> CsvRows | None:
    """The columns' names of a table; None when there is no text or no separator in its first line."""
    lines = (_head(path) or "").split("\n", 20)[:20]
    table = csv_rows("\n".join(lines))
    return table if table is not None and len(table.names) >= 2 else None


def _one_log(folder: Path, here: Sequence[Path], everything: Sequence[Path]) -> Path | None:
    """FOLDER/scans.csv; else the one table with a file or scan number and a start time, here or one folder below."""
    for path in here:
        if path.name.lower() == "scans.csv":
            return path
    for files in (here, everything):
        logs = [path for path in files if path.suffix.lower() in (".csv", ".tsv", ".txt") and _is_log(path)]
        if len(logs) > 1:
            names = ", ".join(str(path.relative_to(folder)) for path in logs)
            raise SeriesError(f"{folder}: several tables could be the log of the scans ({names}); name one of them scans.csv.")
        if logs:
            return logs[0]
    return None


def _is_log(path: Path) -> bool:
    table = _first_line(path)
    if table is None:
        return False
    return any(column is not None for column in log_columns(table)) and find_column(table.names, "starttime", "start") is not None


def _cyclers(here: Sequence[Path], everything: Sequence[Path]) -> tuple[Path, ...]:
    """echem.csv; else the cyclers' own files (an .mpr and its .mpt once) or the one table of currents, here or one folder below."""
    for path in everything:
        if path.name.lower() == "echem.csv":
            return (path,)
    for files in (here, everything):
        own: dict[Path, Path] = {}
        for suffix in _CYCLER_SUFFIXES:
            for path in files:
                if path.suffix.lower() == suffix:
                    own.setdefault(path.with_suffix(""), path)
        tables = [path for path in files if path.suffix.lower() == ".csv" and _is_table(path) and not _is_log(path)]
        if own or len(tables) == 1:
            return tuple(own.values()) or (tables[0],)
    return ()
