"""Members of a zip archive, read within bounds: an archive of a kilobyte may unfold to a petabyte."""

import io
import re
import zipfile
import zlib

# A measurement of many ranges has a few hundred members.
_MOST_MEMBERS = 20_000
# Bytes: the longest measured member seen has five million, and XML takes ten times its length in memory.
_LARGEST = 48 * 2**20
# Text of numbers shrinks five to fifty times; deflate can shrink zeros a thousand times.
_HIGHEST_RATIO = 250
_SMALL = 2**20
_BLOCK = 2**18
_OUTSIDE = re.compile(r"^[/\\]|^[A-Za-z]:|(?:^|[/\\])\.\.(?:[/\\]|$)")


class ZipError(ValueError):
    """The archive is damaged or outside the bounds; the message is half a sentence."""


class Archive:
    """A zip archive in memory. Raises ZipError when it is damaged, has too many members or one that points outside of it."""

    def __init__(self, data: bytes) -> None:
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(data))
        except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError, UnicodeDecodeError) as problem:
            raise ZipError("the zip archive is damaged or cut off") from problem
        names = self._zip.namelist()
        if len(names) > _MOST_MEMBERS:
            raise ZipError(f"the zip archive has {len(names)} members, more than {_MOST_MEMBERS}")
        if outside := next((name for name in names if _OUTSIDE.search(name)), None):
            raise ZipError(f"the zip archive has a member that points outside of it ({outside[:80]!r})")
        self.names = tuple(names)
        self._left = max(4 * _LARGEST, 50 * len(data))

    def read(self, name: str) -> bytes:
        """The bytes of one member. Raises ZipError when it is not there, damaged, encrypted, too large or packed too tightly."""
        try:
            info = self._zip.getinfo(name)
        except KeyError as problem:
            raise ZipError(f"the zip archive lacks {name}") from problem
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ZipError(f"the member {name} of the zip archive is packed in a way that no diffractometer uses")
        parts: list[bytes] = []
        size = 0
        try:
            with self._zip.open(info) as stream:
                while block := stream.read(_BLOCK):
                    size += len(block)
                    if size > min(_LARGEST, self._left) or size > max(_SMALL, _HIGHEST_RATIO * info.compress_size):
                        raise ZipError(f"the member {name} of the zip archive unfolds beyond all measure")
                    parts.append(block)
        except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError, OSError, ValueError) as problem:
            if isinstance(problem, ZipError):
                raise
            raise ZipError(f"the member {name} of the zip archive is damaged or encrypted") from problem
        self._left -= size
        return b"".join(parts)
