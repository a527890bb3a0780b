"""The one door to XML: a tree of elements by local name, without entities, and what is whole in a file that is cut off."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_TAG = re.compile(rb"<(/?)([A-Za-z_][\w:.\-]*)[^<>]*?(/?)>")
_DECLARED = re.compile(r"^\s*<\?xml[^>]*\?>")
# An element takes a hundred bytes and more in memory however short it is written; a day of scans has some ten thousand.
_MOST_TAGS = 2_000_000


class XmlError(ValueError):
    """The bytes are not XML that may be read; the message is half a sentence that says why."""


@dataclass(frozen=True, slots=True)
class Node:
    """An element. Names are local: without their namespace."""

    element: Any

    @property
    def name(self) -> str:
        return str(self.element.tag).rpartition("}")[2]

    @property
    def text(self) -> str:
        return (self.element.text or "").strip()

    def attribute(self, name: str) -> str:
        """The value of an attribute, "" where it is not given."""
        return str(self.element.get(name, ""))

    def children(self, name: str) -> list["Node"]:
        """The elements of this name directly below this one, in the order of the file."""
        return [Node(child) for child in self.element if isinstance(child.tag, str) and child.tag.rpartition("}")[2] == name]

    def at(self, *names: str) -> "Node | None":
        """The first element down this path of names; None where it ends early."""
        node: Node | None = self
        for name in names:
            node = next(iter(node.children(name)), None) if node is not None else None
        return node

    def text_at(self, *names: str) -> str:
        """The text of the element down this path, "" where there is none."""
        node = self.at(*names)
        return node.text if node is not None else ""

    def everywhere(self, name: str) -> Iterator["Node"]:
        """All elements of this name below this one, in the order of the file."""
        return (Node(found) for found in self.element.iter() if isinstance(found.tag, str) and found.tag.rpartition("}")[2] == name)


def tree_from_bytes(data: bytes) -> tuple[Node, bool]:
    """The root, and whether the file was whole; one that is cut off is closed behind its last complete element.

    Raises XmlError for a document type or entities (they can make a small file fill the memory), for more elements than any
    measurement has, and for anything that is not XML.
    """
    if data.count(b"<") > _MOST_TAGS:
        raise XmlError(f"the XML has more than {_MOST_TAGS // 2} elements")
    try:
        return _parse(data), True
    except XmlError as problem:
        if "forbidden" in str(problem):
            raise
        whole = problem
    closed = _closed(data)
    if closed is None:
        raise whole
    return _parse(closed), False


def _parse(data: bytes) -> Node:
    from xml.etree.ElementTree import ParseError

    from defusedxml.common import DefusedXmlException
    from defusedxml.ElementTree import fromstring

    try:
        return Node(fromstring(data, forbid_dtd=True))
    except DefusedXmlException as problem:
        raise XmlError("it declares a document type or entities, which are forbidden") from problem
    except ParseError as problem:
        if (text := _other_encoding(data)) is None:
            line, column = problem.position
            raise XmlError(f"the XML breaks off or is damaged at line {line}, column {column + 1}") from problem
    except (ValueError, LookupError) as problem:
        raise XmlError("its XML declares an encoding that it is not in") from problem
    try:
        return Node(fromstring(text, forbid_dtd=True))
    except (ParseError, DefusedXmlException) as problem:
        raise XmlError("the XML breaks off or is damaged") from problem


def _other_encoding(data: bytes) -> str | None:
    """The text of a file that says UTF-8 but was written in Windows-1252 ("1/2°" in a slit's name); None when it was not."""
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return None if data[:2] in (b"\xff\xfe", b"\xfe\xff") else _DECLARED.sub("", data.decode("cp1252", errors="replace"))
    return None


def _closed(data: bytes) -> bytes | None:
    """The bytes up to the last complete closing tag, with the elements still open there closed; None without any tag."""
    end = data.rfind(b"</")
    while end != -1 and data.find(b">", end) == -1:
        end = data.rfind(b"</", 0, end)
    if end == -1:
        return None
    kept = data[: data.find(b">", end) + 1]
    opened: list[bytes] = []
    for slash, name, empty in _TAG.findall(kept):
        if slash and (not opened or opened.pop() != name):
            return None
        if not slash and not empty:
            opened.append(name)
    return kept + b"".join(b"</" + name + b">" for name in reversed(opened)) if opened else None
