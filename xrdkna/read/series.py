"""A folder of scans as a Series: in order, with times, none of them held in memory."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise
from pathlib import Path

from xrdkna.errors import CyclingError, DataError, ScanFileError, SeriesError
from xrdkna.read.bytes_in import first_bytes, text_from_bytes
from xrdkna.read.cycling import on_clock_of_scans, read_cyclings
from xrdkna.read.formats import read_scans, scan_handles
from xrdkna.read.series_checks import unevenness
from xrdkna.read.series_folder import FolderContent, look_at_file, look_into, natural_key
from xrdkna.read.series_log import LogRow, read_log
from xrdkna.read.setup_file import read_setup
from xrdkna.records.scan import Scan
from xrdkna.records.series import Cycling, Series, SeriesEntry
from xrdkna.records.values import Notice


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """One scan before it has its place. path: None when it is only listed. number: counts the scans of a file from 1; load: reads it,
    where the file was looked into. problem: what keeps it from being read."""

    path: Path | None
    name: str
    number: int = 1
    grid: tuple[float, float, int] | None = None
    load: Callable[[], Scan] | None = None
    start: datetime | None = None
    end: datetime | None = None
    columns: dict[str, str] | None = None
    problem: str = ""


def read_series(
    folder: Path,
    *,
    cycling: Cycling | None = None,
    log: Path | None = None,
    clock_offset: float = 0.0,
    growing: frozenset[Path] | None = None,
) -> Series:
    """The series in a folder (contract.md, "A series folder"), in one file of many scans, or in a list of files.

    cycling: the cycler's record; without it, the folder's own cycler file is read, with `clock_offset` seconds added to
    its clock. log: a table like scans.csv that lies elsewhere. growing: of a folder that is still being
    written to, the files that are not complete, which are no scans yet, as what the log lists and is not there. Scans are read when an
    entry is loaded; a scan that cannot be read is an entry whose `load` raises.
    Raises SeriesError: no folder, no scans, a table or series.toml that contradicts itself.
    """
    content = look_at_file(folder) if folder.is_file() else look_into(folder, log=log, leave_out=growing or frozenset())
    setup, notices = read_setup(folder.parent if folder.is_file() else folder)
    found, more = _from_log(content, content.log) if content.log is not None else _from_files(content)
    if folder.is_file() and len(found) == 1:
        raise SeriesError(
            found[0].problem
            or f"{folder}: this is a file of a single scan; a series is a folder of scans, a list of them or a file of several "
            "(`xrdkna index` reads a single scan)."
        )
    if growing is not None:
        found = [item for item in found if item.path is not None and item.path not in growing]
    found, zoned = _one_zone(found)
    found, shared = _own_names(found)
    cycling, cycled = _cycling_of(content, cycling, clock_offset)
    timed = all(item.start is not None for item in found)
    entries = tuple(
        SeriesEntry(index=i, name=item.name, start=item.start, end=item.end, load=_loader(item), columns=item.columns or {})
        for i, item in enumerate(found)
    )
    zone = next((item.start.tzinfo for item in found if item.start is not None), None)
    if cycling is not None and timed:
        cycling = on_clock_of_scans(cycling, zone)
        cycled = list(cycling.notices)
    return Series(
        name=folder.resolve().stem if folder.is_file() else folder.resolve().name,
        entries=entries,
        axis="time" if timed else "scan",
        setup=setup,
        cycling=cycling,
        notices=(
            *notices,
            *more,
            *zoned,
            *shared,
            *unevenness([(item.name, item.start, item.grid) for item in found]),
            *_aside(content),
            *cycled,
        ),
    )


def _from_log(content: FolderContent, log: Path) -> tuple[list[_Found], list[Notice]]:
    """The order of the log's rows is the order of the series."""
    rows, notices = read_log(log, content.scans)
    found: list[_Found] = []
    for row in rows:
        found.extend(_found_in_row(row))
    listed = {row.path for row in rows}
    unlisted = [path.name for path in content.scans if path not in listed]
    if unlisted:
        sentence = f"{len(unlisted)} scans of the folder are not in {log.name} and are left out (the first is {unlisted[0]})."
        notices.append(Notice(code="scans-not-listed", severity="warning", sentence=sentence))
    starts = [item.start for item in found if item.start is not None]
    if len(starts) < len(found):
        sentence = f"{len(found) - len(starts)} scans have no start time; the axis is the scan number."
        notices.append(Notice(code="no-times", severity="warning", sentence=sentence, remedy=f"Fill start_time in {log.name}."))
    naive = [moment.replace(tzinfo=None) for moment in starts]
    if any(later < earlier for earlier, later in pairwise(naive)):
        sentence = f"the start times in {log.name} do not rise from row to row; the order of the rows is kept."
        notices.append(Notice(code="times-not-rising", severity="warning", sentence=sentence))
    return found, notices


def _found_in_row(row: LogRow) -> list[_Found]:
    """The scans of the file a row names. The row's times stand above the file's; those of a many-scan file's scans do not."""
    if row.problem or row.path is None:
        return [_Found(path=None, name=row.name, start=row.start, end=row.end, columns=row.columns, problem=row.problem)]
    surveyed = _survey(row.path) if row.start is None or _may_hold_many(row.path) else [_Found(path=row.path, name=row.path.stem)]
    if len(surveyed) == 1:
        only = surveyed[0]
        return [replace(only, start=row.start or only.start, end=row.end or only.end, columns=row.columns)]
    return [
        replace(item, columns=row.columns, start=item.start or (row.start if item.number == 1 else None), end=item.end) for item in surveyed
    ]


def _from_files(content: FolderContent) -> tuple[list[_Found], list[Notice]]:
    """By the start times in the files when all readable ones have one, else by the natural order of the names."""
    found = [item for path in (content.scans if content.listed else sorted(content.scans, key=natural_key)) for item in _survey(path)]
    if content.listed:
        return found, _no_times(found)
    readable = [item for item in found if not item.problem]
    timed = [item for item in readable if item.start is not None]
    if readable and len(timed) == len(found):
        ordered, _ = _one_zone(found)
        return sorted(ordered, key=lambda item: item.start or datetime.min), []
    if len(timed) == len(readable) and readable:
        sentence = f"{len(found) - len(readable)} scans cannot be read and have no time; the axis is the scan number."
        ordered, _ = _one_zone(timed)
        unread = [item for item in found if item.problem]
        merged = _merge_by_name(sorted(ordered, key=lambda item: item.start or datetime.min), unread)
        return merged, [Notice(code="no-times", severity="warning", sentence=sentence, remedy="Mend or remove those files.")]
    sentence = "the files say no start time" if not timed else f"only {len(timed)} of {len(readable)} files say a start time"
    remedy = "Write scans.csv with columns file,start_time,end_time to have a time axis."
    return found, [
        Notice(
            code="no-times", severity="info", sentence=f"{sentence}; the axis is the scan number, in the order of the names.", remedy=remedy
        )
    ]


def _no_times(found: Sequence[_Found]) -> list[Notice]:
    """The order of a list, or of a file, stands; the axis is time only where every scan says when it began."""
    if all(item.start is not None for item in found):
        return []
    sentence = "not every scan says when it began; the axis is the scan number, in the order of the file."
    return [Notice(code="no-times", severity="info", sentence=sentence)]


def _merge_by_name(ordered: Sequence[_Found], unread: Sequence[_Found]) -> list[_Found]:
    """Unreadable scans go before the first readable one whose name comes after theirs."""
    merged = list(ordered)
    for item in unread:
        place = next((i for i, other in enumerate(merged) if _place(other) > _place(item)), len(merged))
        merged.insert(place, item)
    return merged


def _place(item: _Found) -> tuple[tuple[int, int, str], ...]:
    return natural_key(item.path) if item.path is not None else ()


def _survey(path: Path) -> list[_Found]:
    """The scans in a file with their times; the numbers are dropped again. One entry with the problem if it cannot be read."""
    try:
        handles = scan_handles(path)
    except DataError as problem:
        return [_Found(path=path, name=path.stem, problem=str(problem))]
    return [
        _Found(path=path, name=each.name, number=i, start=each.start, end=each.end, grid=each.grid, load=each.load)
        for i, each in enumerate(handles, 1)
    ]


def _may_hold_many(path: Path) -> bool:
    """Every format but plain columns can hold many scans without being long; it is worth a look. (Columns below each other in text are
    found on loading.)"""
    head = first_bytes(path, 2048)
    text = text_from_bytes(head)
    return text is None or any(mark in text for mark in ("<", "*RAS_", "_FILEVERSION", "BANK", "#S ", "data_"))


def _loader(item: _Found) -> Callable[[], Scan]:
    """Reads the scan afresh each time, so that a series of thousands holds none; the series' times stand above the file's."""

    def load() -> Scan:
        if item.path is None:
            raise ScanFileError(item.problem)
        scan = item.load() if item.load is not None else read_scans(item.path)[0]
        return replace(scan, name=item.name, start_time=item.start or scan.start_time, end_time=item.end or scan.end_time)

    return load


def _one_zone(found: Sequence[_Found]) -> tuple[list[_Found], list[Notice]]:
    """Times with and without a zone cannot be compared: where a series mixes them, all are taken as one local time."""
    moments = [moment for item in found for moment in (item.start, item.end) if moment is not None]
    if len({moment.tzinfo is None for moment in moments}) < 2:
        return list(found), []
    sentence = "some scans' times carry a zone and some do not; all are taken as the same local time."
    plain = [replace(item, start=_local(item.start), end=_local(item.end)) for item in found]
    return plain, [Notice(code="mixed-zones", severity="warning", sentence=sentence, remedy="Write all times with a zone, or none.")]


def _own_names(found: Sequence[_Found]) -> tuple[list[_Found], list[Notice]]:
    """Scans whose files share a stem (a.xy and a.xye) go by their whole file names."""
    times = Counter(item.name for item in found)
    double = [name for name, number in times.items() if number > 1]
    if not double:
        return list(found), []
    renamed = [replace(item, name=item.path.name) if item.name in double and item.path is not None else item for item in found]
    sentence = f"{len(double)} names belong to several files (the first is {double[0]}): one scan in two formats would count twice."
    remedy = "Keep one format in the folder, or list the scans in scans.csv."
    return renamed, [Notice(code="names-shared", severity="warning", sentence=sentence, remedy=remedy)]


def _local(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.replace(tzinfo=None)


def _aside(content: FolderContent) -> list[Notice]:
    if not content.aside:
        return []
    sentence = f"{len(content.aside)} files that could be scans were not taken as such (the first is {content.aside[0].name})."
    return [Notice(code="files-aside", severity="info", sentence=sentence, remedy="List them in scans.csv to have them in the series.")]


def _cycling_of(content: FolderContent, cycling: Cycling | None, clock_offset: float) -> tuple[Cycling | None, list[Notice]]:
    """The given record, else the folder's; a cycler file that was found and cannot be read costs a notice, not the series."""
    if cycling is None and content.cyclers:
        try:
            cycling = read_cyclings(content.cyclers, clock_offset=clock_offset)
        except CyclingError as problem:
            return None, [Notice(code="cycler-unreadable", severity="warning", sentence=str(problem))]
    return cycling, list(cycling.notices) if cycling is not None else []
