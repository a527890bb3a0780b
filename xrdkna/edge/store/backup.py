"""A store in one file, and back."""

import shutil
import sqlite3
import subprocess
import tarfile
import tempfile
from pathlib import Path

from xrdkna.edge.store.store import Store
from xrdkna.errors import DataError, UsageError

_DATABASE = "xrdkna.sqlite"
_DUMP = "xrdkna.dump"


def back_up(store: Store, target: Path) -> int:
    """Write database and files into a .tar, also while the service runs; how many files. Raises UsageError where it cannot be written.

    First the database, then the files: every content that the copied rows refer to was there before them.
    """
    if target.exists():
        raise UsageError(f"{target} is there already; name a file that is not.")
    try:
        with tempfile.TemporaryDirectory() as scratch, tarfile.open(target, "w") as archive:
            copy = _copy_database(store, Path(scratch))
            archive.add(copy, arcname=copy.name)
            files = list(store.files.all())
            for path in files:
                if path.exists():
                    archive.add(path, arcname=f"files/{path.parent.name}/{path.name}")
    except OSError as error:
        target.unlink(missing_ok=True)
        raise UsageError(f"{target} cannot be written: {error.strerror or error}; choose another place.") from error
    return len(files)


def restore(source: Path, folder: Path, url: str | None) -> int:
    """Lay a backup out as the store in `folder`, which must hold none; how many files. Raises UsageError or DataError where it cannot."""
    if (folder / _DATABASE).exists() or (folder / "files").exists():
        raise UsageError(f"{folder} holds a store already; name an empty folder with --data, or move that one away first.")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tarfile.open(source, "r") as archive:
            archive.extractall(folder, filter="data")  # refuses what would land outside the folder
    except (OSError, tarfile.TarError) as error:
        raise DataError(f"{source}: this backup cannot be read ({error}); name a file that `xrdkna store backup` wrote.") from error
    dump = folder / _DUMP
    if dump.exists():
        if url is None:
            raise UsageError(f"{source} is of a PostgreSQL store; say with --database into which database it is to go.")
        _run(["pg_restore", "--no-owner", f"--dbname={url}", str(dump)])
        dump.unlink()
    elif not (folder / _DATABASE).exists():
        raise DataError(f"{source}: this is no backup of a store; name a file that `xrdkna store backup` wrote.")
    return sum(1 for path in (folder / "files").rglob("*") if path.is_file())


def _copy_database(store: Store, scratch: Path) -> Path:
    if store.url.startswith("sqlite"):
        copy = scratch / _DATABASE
        with sqlite3.connect(store.folder / _DATABASE) as source, sqlite3.connect(copy) as target:
            source.backup(target)  # whole, whatever is written meanwhile
        return copy
    copy = scratch / _DUMP
    _run(["pg_dump", "--format=custom", f"--file={copy}", store.url])
    return copy


def _run(command: list[str]) -> None:
    if shutil.which(command[0]) is None:
        raise UsageError(f"{command[0]} is not installed, which PostgreSQL's own tools bring; install them or use the server's backup.")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise UsageError(f"{command[0]} failed: {(done.stderr.strip().splitlines() or ['no reason was given'])[-1]}")
