"""--echem and --clock-offset: which cycler's record goes with a series, and on whose clock."""

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from xrdkna.errors import UsageError

if TYPE_CHECKING:
    from xrdkna.records.series import Series

Command = TypeVar("Command", bound=Callable[..., object])
AUTO = "auto"


def echem_options(command: Command) -> Command:
    """Give a command --echem (repeatable), --clock-offset and --plating-current."""
    for option in (
        click.option(
            "--plating-current",
            type=click.Choice(["negative", "positive"]),
            help="The sign of the cycler's current that plates; otherwise as series.toml says, or negative.",
        ),
        click.option(
            "--clock-offset",
            default="0",
            metavar="SECONDS",
            help="Added to the cycler's times; a cycler 137 s ahead needs -137. auto: from current or potential in the scans' log.",
        ),
        click.option(
            "--echem",
            multiple=True,
            type=click.Path(path_type=Path),
            metavar="FILE",
            help="The cycler's record (repeat for several files of one cell); otherwise FOLDER/echem.csv.",
        ),
    ):
        command = option(command)
    return command


def clock_from_text(text: str) -> float | None:
    """Seconds; None for "auto". Raises UsageError for anything else."""
    if text.strip().lower() == AUTO:
        return None
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not math.isfinite(seconds):
        raise UsageError(f"--clock-offset {text} is no number of seconds; give one such as -137, or auto.")
    return seconds


def series_with_cell(
    folder: Path, echem: tuple[Path, ...], clock: float | None, plating_current: str | None, *, growing: frozenset[Path] | None = None
) -> "Series":
    """The series with its cycler's record, its clock moved by `clock` seconds, or by what its log tells where that is None.

    plating_current: stands above what series.toml says; None: as it says. growing: as `read_series` takes it.
    """
    from xrdkna.read.cycling import read_cyclings
    from xrdkna.read.series import read_series
    from xrdkna.track.cell.clock import with_clock_found

    offset = clock or 0.0
    cycling = read_cyclings(echem, clock_offset=offset) if echem else None
    series = read_series(folder, cycling=cycling, clock_offset=offset, growing=growing)
    if plating_current is not None:
        series = replace(series, setup=replace(series.setup, plating_current=plating_current))
    return with_clock_found(series) if clock is None else series
