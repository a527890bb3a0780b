"""Writing an answer where the user wants it: whole or not at all, and one sentence where it cannot be done."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from xrdkna.errors import UsageError

STANDARD_OUTPUT = "-"


def write_text(target: str | Path, text: str) -> None:
    """Write `text` as UTF-8 to a file, or to standard output for "-". Raises UsageError when the file cannot be written."""
    if str(target) == STANDARD_OUTPUT:
        sys.stdout.write(text)
        sys.stdout.flush()
        return
    write_bytes(target, text.encode("utf-8"))


def write_bytes(target: str | Path, content: bytes) -> None:
    """Write a file whole: a reader of the old one never meets half of the new one (a page may be open while a series grows).

    Raises UsageError when the folder is missing, or the file cannot be written.
    """
    path = Path(target)
    if path.is_dir():
        raise UsageError(f"{path} is a folder; give the name of a file to write.")
    if not path.parent.is_dir():
        raise UsageError(f"cannot write {path}: there is no folder {path.parent}; make it first or give another name.")
    try:
        _replace(path, content)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror or error}; choose a place that can be written to.") from error


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """A place beside `path` to write a file that is too large to hold; it takes the name of `path` once all went well.

    Raises UsageError as `write_bytes`.
    """
    if path.is_dir():
        raise UsageError(f"{path} is a folder; give the name of a file to write.")
    if not path.parent.is_dir():
        raise UsageError(f"cannot write {path}: there is no folder {path.parent}; make it first or give another name.")
    place = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        yield place
        os.replace(place, path.resolve() if path.is_symlink() else path)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror or error}; choose a place that can be written to.") from error
    finally:
        place.unlink(missing_ok=True)


def _replace(path: Path, content: bytes) -> None:
    if path.exists() and not path.is_file():  # a pipe or device is written to, never replaced
        path.write_bytes(content)
        return
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
        os.chmod(temporary, path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask())
        os.replace(temporary, path.resolve() if path.is_symlink() else path)
    except OSError:
        Path(temporary).unlink(missing_ok=True)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
