"""The one door to pyarrow: the tables of the CSV files as Parquet, with the same columns, whole numbers and numbers as such.

pyarrow is large and not everyone's, so it comes with `xrdkna[parquet]`.
"""

import io
from collections.abc import Sequence
from pathlib import Path

from xrdkna.errors import UsageError
from xrdkna.report.output import write_bytes
from xrdkna.report.table import Cell, Table


def require_parquet() -> None:
    """Raise UsageError, before any work is done, where pyarrow is not installed."""
    try:
        import pyarrow  # noqa: F401  asked for only
    except ImportError as problem:
        raise UsageError("--parquet needs pyarrow, which is not installed; run: pip install 'xrdkna[parquet]'.") from problem


def write_parquet(table: Table, target: Path) -> None:
    """Write a table. The same table gives the same bytes. Raises UsageError when the file cannot be written."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    header, rows = table
    columns = [_column([row[i] for row in rows]) for i in range(len(header))]
    content = io.BytesIO()
    pq.write_table(pa.table(dict(zip(header, columns, strict=True))), content)
    write_bytes(target, content.getvalue())


def _column(cells: Sequence[Cell]) -> list[Cell]:
    """Cells of one kind: whole numbers only where all are, texts where one is."""
    kinds = {type(cell) for cell in cells if cell is not None}
    if kinds <= {int} or kinds <= {str}:
        return list(cells)
    if kinds <= {int, float}:
        return [None if cell is None else float(cell) for cell in cells]
    return [None if cell is None else str(cell) for cell in cells]
