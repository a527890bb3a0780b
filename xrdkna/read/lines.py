"""A published list of lines, to be indexed: columns two_theta or d, and optionally intensity, phase, h, k, l."""

from pathlib import Path

from xrdkna.errors import ScanFileError
from xrdkna.read.csv_rows import CsvRows, find_column, read_csv_rows
from xrdkna.records.index import PublishedLine

_WHAT = "list of lines"
_TWO_THETA = ("twotheta", "2theta", "2θ", "tth", "twothetadeg", "2thetadeg")
_D = ("d", "dspacing", "dvalue", "da", "dangstrom")
_INTENSITY = ("intensity", "i", "int", "relativeintensity", "irel")


def read_lines(path: Path) -> tuple[PublishedLine, ...]:
    """The lines in the order of the file. Where both two_theta and d are given, two_theta counts unless its cell is empty.

    Raises ScanFileError: unreadable, neither column, or a row whose numbers are impossible.
    """
    table = read_csv_rows(path, ScanFileError, what=_WHAT)
    angle, spacing = find_column(table.names, *_TWO_THETA), find_column(table.names, *_D)
    if angle is None and spacing is None:
        raise ScanFileError(f"{path}: the list needs a column two_theta (degrees) or d (Å); its columns are {', '.join(table.names)}.")
    return tuple(_line(path, table, number, cells, angle, spacing) for number, cells in table.rows)


def _line(path: Path, table: CsvRows, number: int, cells: tuple[str, ...], angle: int | None, spacing: int | None) -> PublishedLine:
    where = f"{path}, line {number}"
    two_theta = _number(table, cells, angle, where=where, name="two_theta")
    d_spacing = _number(table, cells, spacing, where=where, name="d") if two_theta is None else None
    if two_theta is None and d_spacing is None:
        raise ScanFileError(f"{where}: neither two_theta nor d is given; fill one of them or delete the line.")
    if two_theta is not None and not 0.0 < two_theta < 180.0:
        raise ScanFileError(f"{where}: two_theta is {two_theta:g}; it must lie between 0 and 180 degrees.")
    if d_spacing is not None and not 0.01 < d_spacing < 1000.0:
        raise ScanFileError(f"{where}: d is {d_spacing:g}; it must be a spacing in ångström.")
    phase = find_column(table.names, "phase")
    return PublishedLine(
        two_theta=two_theta,
        d_spacing=d_spacing,
        intensity=_number(table, cells, find_column(table.names, *_INTENSITY), where=where, name="intensity"),
        phase=(cells[phase] or None) if phase is not None else None,
        hkl=_hkl(table, cells, where=where),
    )


def _number(table: CsvRows, cells: tuple[str, ...], column: int | None, *, where: str, name: str) -> float | None:
    if column is None or not cells[column]:
        return None
    value = table.number(cells[column])
    if value != value or value in (float("inf"), float("-inf")):
        raise ScanFileError(f"{where}: {name} is {cells[column]!r}, which is not a number.")
    return value


def _hkl(table: CsvRows, cells: tuple[str, ...], *, where: str) -> tuple[int, int, int] | None:
    columns = [find_column(table.names, letter) for letter in "hkl"]
    words = [cells[column] if column is not None else "" for column in columns]
    if not any(words):
        return None
    try:
        h, k, l = (int(word.replace("−", "-")) for word in words)
    except ValueError as problem:
        raise ScanFileError(
            f"{where}: the index {' '.join(words)!r} is not three whole numbers; fill h, k and l or none of them."
        ) from problem
    if h == k == l == 0:
        raise ScanFileError(f"{where}: 0 0 0 is the direct beam, not a reflection.")
    return h, k, l
