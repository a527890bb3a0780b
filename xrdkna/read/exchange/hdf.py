"""The one door to HDF5: groups, data sets and attributes, without links that lead out of the file and within bounds."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from xrdkna.records.arrays import FloatArray

MAGIC = b"\x89HDF\r\n\x1a\n"
# A day of scans has hundreds of objects; a file with more is not looked through to its end.
_MOST_OBJECTS = 20_000
_DEEPEST = 24
# Bytes: one row of a stack, and one piece as it lies compressed in the file.
_LARGEST_ROW, _LARGEST_CHUNK = 64 * 2**20, 128 * 2**20
_TROUBLE = (OSError, RuntimeError, ValueError, KeyError, TypeError, AttributeError, OverflowError, UnicodeError, MemoryError)


class HdfError(ValueError):
    """The file is damaged or leads out of itself; the message is half a sentence."""


@dataclass(frozen=True, slots=True)
class Node:
    """A group or a data set of an open file."""

    path: str
    item: Any

    @property
    def shape(self) -> tuple[int, ...] | None:
        """Of a data set, None for a group."""
        return getattr(self.item, "shape", None)

    def attribute(self, name: str) -> str:
        """An attribute as text, several words joined by commas; "" where it is not given."""
        try:
            value = self.item.attrs.get(name)
        except _TROUBLE as problem:
            raise HdfError("it is damaged") from problem
        if value is None:
            return ""
        return ",".join(_text(each) for each in np.atleast_1d(value).ravel()[:64]) if not isinstance(value, str | bytes) else _text(value)

    def child(self, name: str) -> "Node | None":
        """The member of this name; None where there is none, or only a link that leads out of the file."""
        try:
            if self.shape is not None or not _inside(self.item, name) or name not in self.item:
                return None
            return Node(f"{self.path.rstrip('/')}/{name}", self.item[name])
        except _TROUBLE as problem:
            raise HdfError("it is damaged") from problem

    def at(self, path: str) -> "Node | None":
        """The member down a path of names."""
        node: Node | None = self
        for name in path.strip("/").split("/"):
            node = node.child(name) if node is not None else None
        return node

    def children(self) -> Iterator["Node"]:
        """All members that lie inside the file."""
        if self.shape is not None:
            return
        try:
            names = list(self.item)
        except _TROUBLE as problem:
            raise HdfError("it is damaged") from problem
        for name in names[:_MOST_OBJECTS]:
            if (child := self.child(name)) is not None:
                yield child

    def text(self) -> str:
        """A data set of one word; "" for anything else."""
        try:
            value = self.item[()] if self.shape in ((), (1,)) else ""
        except _TROUBLE as problem:
            raise HdfError("it is damaged") from problem
        return _text(np.atleast_1d(value)[0]) if not isinstance(value, str | bytes) else _text(value)

    def floats(self, row: int | None = None) -> FloatArray:
        """(n,) all numbers of a data set of one dimension, or one row of a stack. Raises HdfError for what is too large or no number."""
        shape = self.shape
        if shape is None or getattr(self.item, "is_virtual", False) or getattr(self.item, "external", None):
            raise HdfError(f"{self.path} is no data set inside the file")
        try:
            kind = self.item.dtype
            chunks = self.item.chunks
            size = int(np.prod(shape[1:] if row is not None else shape, dtype=np.float64)) * 8
            if (
                kind.kind not in "iuf"
                or size > _LARGEST_ROW
                or (chunks and np.prod(chunks, dtype=np.float64) * kind.itemsize > _LARGEST_CHUNK)
            ):
                raise HdfError(f"{self.path} holds no numbers, or more than a scan can have")
            return np.asarray(self.item[()] if row is None else self.item[row], dtype=np.float64).ravel()
        except _TROUBLE as problem:
            if isinstance(problem, HdfError):
                raise
            raise HdfError(f"{self.path} is damaged") from problem


@contextmanager
def opened(path: Path) -> Iterator[Node]:
    """The root of a file. Raises HdfError when it cannot be opened."""
    import h5py

    try:
        file = h5py.File(path, "r", locking=False)
    except _TROUBLE as problem:
        raise HdfError("the HDF5 file is damaged, cut off or still being written") from problem
    try:
        yield Node("/", file)
    finally:
        file.close()


def groups_of(root: Node, kind: str) -> list[Node]:
    """All groups of an NX_class, breadth first, within bounds."""
    found: list[Node] = []
    layer, seen = [root], 0
    for _ in range(_DEEPEST):
        below: list[Node] = []
        for node in layer:
            if node.shape is None and node.attribute("NX_class") == kind:
                found.append(node)
            for child in node.children():
                seen += 1
                if child.shape is None:
                    below.append(child)
            if seen > _MOST_OBJECTS:
                return found
        layer = below
    return found


def _inside(group: Any, name: str, hops: int = 8) -> bool:
    """Is a member there without leaving the file on the way? A soft link is followed name by name, for it may pass an external one."""
    import h5py

    link = group.get(name, getlink=True)
    if isinstance(link, h5py.HardLink):
        return True
    if not isinstance(link, h5py.SoftLink) or hops == 0:
        return False
    place = group.file if link.path.startswith("/") else group
    for part in link.path.strip("/").split("/"):
        if part not in ("", ".") and (not hasattr(place, "keys") or not _inside(place, part, hops - 1)):
            return False
        place = place if part in ("", ".") else place.get(part)
    return True


def _text(value: object) -> str:
    return value.decode("utf-8", errors="replace").strip() if isinstance(value, bytes) else str(value).strip()
