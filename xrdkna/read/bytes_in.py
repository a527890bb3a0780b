"""From a path to bytes, and from bytes to text: guards and encodings, shared by every reader of this room."""

import codecs
from pathlib import Path

from xrdkna.errors import DataError

# Longest marks first: the UTF-32 mark begins with the UTF-16 one.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_LOOK = 8192
# Control characters that text files do hold: tab, line ends, page break, and the end-of-file mark of old DOS programs.
_INNOCENT = frozenset("\t\n\r\f\x1a")
_CONTROL = dict.fromkeys(code for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in _INNOCENT)


def bytes_of(path: Path, error: type[DataError], *, what: str) -> bytes:
    """All bytes of a file. Raises `error` with a sentence for a missing file, a folder, no permission, or no content."""
    if not path.exists():
        raise error(f"{path}: there is no such file; check the name of the {what}.")
    if path.is_dir():
        raise error(f"{path}: this is a folder, not a {what}; name one file in it.")
    if not path.is_file():
        raise error(f"{path}: this is not a regular file; copy the {what} to disk first.")
    try:
        data = path.read_bytes()
    except OSError as problem:
        raise error(f"{path}: the file cannot be opened ({problem.strerror or problem}); check its permissions.") from problem
    if not data.strip(b"\x00 \t\r\n\xff\xfe\xef\xbb\xbf\x1a"):
        raise error(f"{path}: the file is empty; write or copy the {what} again.")
    return data


def first_bytes(path: Path, number: int) -> bytes:
    """The first bytes of a file; none where it cannot be opened."""
    try:
        with path.open("rb") as stream:
            return stream.read(number)
    except OSError:
        return b""


def text_from_bytes(data: bytes) -> str | None:
    """The text of a file, line ends as "\\n"; None when it is not text.

    A byte-order mark decides; without one UTF-16 shows by its zero bytes, then UTF-8, then Windows-1252 and Latin-1 are taken.
    """
    text = _decoded(data)
    if text is None or not _is_text(text):
        return None
    return text.replace("\r\n", "\n").replace("\r", "\n").rstrip("\x1a\x00")


def _decoded(data: bytes) -> str | None:
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            # A file cut off in the middle of a character is still worth its beginning.
            return data.decode(encoding, errors="ignore").removeprefix("\ufeff")
    head = data[:_LOOK]
    if (wide := _wide_encoding(head)) is not None:
        return data.decode(wide, errors="ignore")
    if b"\x00" in head:
        return None
    for encoding in ("utf-8", "cp1252"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    return data.decode("latin-1")


def _wide_encoding(head: bytes) -> str | None:
    """UTF-16 without a mark: Latin letters and digits leave every other byte zero."""
    even, odd = head[0::2], head[1::2]
    if len(odd) >= 4 and odd.count(0) > 0.9 * len(odd) and even.count(0) == 0:
        return "utf-16-le"
    if len(odd) >= 4 and even.count(0) > 0.9 * len(even) and odd.count(0) == 0:
        return "utf-16-be"
    return None


def _is_text(text: str) -> bool:
    """Text holds hardly any control characters and some digit or letter."""
    head = text[:_LOOK]
    strange = len(head) - len(head.translate(_CONTROL))
    return strange <= 0.01 * len(head)
