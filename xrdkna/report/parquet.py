"""The table of a series as Parquet: the columns of the CSV with their types, for programs that read many series."""

from collections.abc import Sequence
from pathlib import Path

from xrdkna.records.track import Track
from xrdkna.report.output import write_bytes
from xrdkna.report.table import Cell, track_table


def write_track_parquet(track: Track, target: str | Path) -> None:
    """One row a scan, the columns as `write_track_csv` has them; the same track gives the same bytes.

    Raises UsageError when the file cannot be written.
    """
    from pyarrow import BufferOutputStream, table
    from pyarrow.parquet import write_table

    header, rows = track_table(track)
    columns = {name: _typed([row[i] for row in rows]) for i, name in enumerate(header)}
    stream = BufferOutputStream()
    write_table(table(columns), stream, compression="snappy")
    write_bytes(target, stream.getvalue().to_pybytes())


def _typed(cells: Sequence[Cell]) -> list[float | str | None]:
    """Numbers where every filled cell is one, else text; an empty cell is null."""
    filled = [cell for cell in cells if cell not in (None, "")]
    if all(isinstance(cell, int | float) for cell in filled):
        return [float(cell) if cell not in (None, "") else None for cell in cells]
    return [str(cell) if cell not in (None, "") else None for cell in cells]
