"""Tables and paragraphs of plain text: the same on a terminal, in a pipe and in a log."""

import re
import textwrap
import unicodedata
from collections.abc import Sequence

WIDTH = 100
# A number is not torn from its unit, nor the indices of a reflection from each other.
_UNIT = re.compile(r"(?<=\d) (?=(%|wt%|°|Å|σ|min|h|s|mAh|mm)(?!\w))|(?<=[(\d]) (?=[-−]?\d+[ )])|(?<=±) |(?<=\d) (?=±)")
_HARD_SPACE = "\N{NO-BREAK SPACE}"


def paragraph(text: str, *, bullet: str = "", width: int = WIDTH) -> str:
    """The text wrapped to `width`, continuation lines indented under the first word after the bullet."""
    held = _UNIT.sub(_HARD_SPACE, text)
    filled = textwrap.fill(
        held, width, initial_indent=bullet, subsequent_indent=" " * len(bullet), break_on_hyphens=False, break_long_words=False
    )
    return filled.replace(_HARD_SPACE, " ")


def table(header: Sequence[str], rows: Sequence[Sequence[str]], *, right: str = "") -> str:
    """Columns two spaces apart under a ruled header; column i is right-aligned where `right[i]` is "r"."""
    cells = [list(header), *([*row] for row in rows)]
    widths = [max(_columns(row[i]) for row in cells) for i in range(len(header))]
    aligned = ["  ".join(_padded(cell, widths[i], right[i : i + 1] == "r") for i, cell in enumerate(row)).rstrip() for row in cells]
    rule = "  ".join("─" * width for width in widths)
    return "\n".join([aligned[0], rule, *aligned[1:]])


def _padded(cell: str, width: int, right: bool) -> str:
    space = " " * (width - _columns(cell))
    return space + cell if right else cell + space


def _columns(cell: str) -> int:
    """Terminal columns a text takes: wide East Asian signs two, combining marks none."""
    return sum(0 if unicodedata.combining(sign) else 2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in cell)
