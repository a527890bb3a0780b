"""`--bundle`: an answer in all its forms with what it rests on."""

import tempfile
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from xrdkna.errors import DataError, UsageError
from xrdkna.report.bundle import write_bundle

if TYPE_CHECKING:
    from xrdkna.records.phases import Phase
    from xrdkna.records.series import Series

# What a series folder holds beside its scans and its cycler's record.
_BESIDE = ("scans.csv", "series.toml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """What an answer rests on: the command that gave it, the files read, the settings, the phases that could take part."""

    command: str
    inputs: "tuple[Path, ...]"
    settings: object
    phases: "Iterable[Phase]"


def bundle_answer(forms: Mapping[str, Callable[[Path], object]], basis: Basis, target: Path) -> None:
    """Write the bundle. forms: by its name in the bundle, what writes each form of the answer; one that there is not (a fit that failed
    has no fit.cif) is left out, and answer.json says why.

    Raises UsageError when an input is gone or the file cannot be written.
    """
    members: dict[str, bytes] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, write in forms.items():
            place = Path(folder) / name
            with suppress(UsageError):
                write(place)
                members[name] = place.read_bytes()
    write_bundle(target, command=basis.command, inputs=basis.inputs, settings=basis.settings, phases=basis.phases, members=members)


def files_of_series(series: "Series", folder: Path) -> tuple[Path, ...]:
    """The files a series was read from: its scans, its table and settings, the cycler's record."""
    found: dict[Path, None] = {}
    for entry in series.entries:
        try:
            found[Path(entry.load().source)] = None
        except DataError:
            continue
    cycler = [] if series.cycling is None else [Path(name) for name in series.cycling.source.split(", ")]
    beside = [folder / name for name in _BESIDE] if folder.is_dir() else []
    return (*found, *(path for path in (*cycler, *beside) if path.is_file()))
