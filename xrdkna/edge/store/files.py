"""Files by their content: written once, named by their SHA-256, never changed. No name from outside touches the disk."""

import hashlib
import os
import re
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from xrdkna.errors import UsageError

_HASH = re.compile(r"[0-9a-f]{64}")


class Files:
    """The files below a folder. `add` returns when the content would survive a loss of power."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._incoming = folder / "incoming"
        self._incoming.mkdir(parents=True, exist_ok=True)

    def add(self, content: bytes | Iterable[bytes]) -> tuple[str, int]:
        """(SHA-256, size) of what is now kept."""
        digest, size = hashlib.sha256(), 0
        handle, temporary = tempfile.mkstemp(dir=self._incoming)
        try:
            with os.fdopen(handle, "wb") as stream:
                for part in [content] if isinstance(content, bytes) else content:
                    digest.update(part)
                    size += len(part)
                    stream.write(part)
                stream.flush()
                os.fsync(stream.fileno())
            place = self.path(digest.hexdigest())
            if not place.exists():
                place.parent.mkdir(exist_ok=True)
                os.replace(temporary, place)
                _sync_folder(place.parent)
            else:
                os.utime(place)  # young again: the retention of what nobody refers to goes by age
        finally:
            Path(temporary).unlink(missing_ok=True)
        return digest.hexdigest(), size

    def path(self, sha256: str) -> Path:
        """Where the content lies. Raises UsageError for what is no SHA-256."""
        if not _HASH.fullmatch(sha256):
            raise UsageError("a file is asked for by a name that is no SHA-256.")
        return self._folder / sha256[:2] / sha256

    def read(self, sha256: str) -> bytes:
        """The content."""
        return self.path(sha256).read_bytes()

    def all(self) -> Iterator[Path]:
        """Every file kept, by its place."""
        for folder in sorted(self._folder.iterdir()):
            if len(folder.name) == 2:
                yield from sorted(folder.iterdir())

    def drop_incoming(self, *, older_than: float) -> None:
        """Remove what a broken upload left behind before this moment (seconds since 1970)."""
        for path in self._incoming.iterdir():
            if path.stat().st_mtime < older_than:
                path.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
