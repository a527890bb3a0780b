"""A series of the store laid out as the folder that every command reads, so that service and command line cannot differ."""

import csv
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from xrdkna.edge.store.files import Files
from xrdkna.edge.store.tables import SeriesFile

# In this state a file has been looked at, and looking did no harm.
_FIT = ("read", "unreadable")


def lay_out(files: Files, content: Sequence[SeriesFile], folder: Path) -> list[SeriesFile]:
    """Make the folder and put the series into it; which files were put there."""
    folder.mkdir(parents=True)
    there = [file for file in content if file.state in _FIT]
    for file in there:
        _link(files.path(file.sha256), folder / file.name)
    told = [file for file in there if file.kind == "scan"]
    if not any(file.kind == "log" for file in there) and any("start_time" in (file.facts or {}) for file in told):
        _write_log(told, folder / "scans.csv")
    return there


def _link(place: Path, name: Path) -> None:
    try:
        os.link(place, name)
    except OSError:  # another file system, or one without links
        shutil.copyfile(place, name)


def _write_log(scans: Sequence[SeriesFile], path: Path) -> None:
    """scans.csv from the times told with the uploads, in their order."""

    def moment(file: SeriesFile) -> tuple[str, float]:
        facts = file.facts or {}
        return str(facts.get("start_time") or facts.get("start") or "~"), file.received

    with path.open("w", encoding="utf-8", newline="") as stream:
        table = csv.writer(stream)
        table.writerow(("file", "start_time", "end_time"))
        for file in sorted(scans, key=moment):
            facts = file.facts or {}
            table.writerow((file.name, facts.get("start_time", ""), facts.get("end_time", "")))
