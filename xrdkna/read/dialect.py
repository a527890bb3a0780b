"""How a text file writes its numbers: what separates the columns, which sign is the decimal one."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice, pairwise

# A line that could be a row of numbers: it begins with one and holds nothing that numbers do not (nan, inf, 1.5E+03, 1.5D+03 do).
_CANDIDATE = re.compile(r'^[\s"]*[-+]?[.,]?\d[\d\s.,;+\-"eEdDnNaAiIfF]*$')
_THOUSANDS = re.compile(r"^[-+]?\d{1,3}(?:[,.]\d{3})+$")
_OTHER_SEPARATOR = re.compile(r"[;\t,]")
_INLINE_COMMENT = re.compile(r"\s(?:[#!%]|//).*$")
# Rows looked at to decide: enough to outvote numbers in a header, few enough to cost nothing.
_LOOK_LINES, _SAMPLE = 5000, 200


class DialectError(ValueError):
    """The rows can be read in two ways that give different numbers; the message says which and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """separator: one character, or None for any white space. thousands: a sign to drop from numbers, or ""."""

    separator: str | None
    decimal: str = "."
    thousands: str = ""

    def cells(self, line: str) -> list[str]:
        """The cells of a line, stripped; a separator at the very end opens no further cell."""
        if '"' in line:
            line = unquoted(line)
        if self.separator is None:
            return line.split()
        cells = [cell.strip() for cell in line.split(self.separator)]
        while cells and not cells[-1]:
            cells.pop()
        return cells

    def number(self, cell: str) -> float:
        """The number in a cell, NaN where there is none."""
        plain = self.plain(cell)
        try:
            return float(plain)
        except ValueError:
            pass
        try:
            return float(plain.upper().replace("D", "E"))
        except ValueError:
            return math.nan

    def plain(self, text: str) -> str:
        """Text with numbers written the way Python reads them."""
        if self.thousands:
            text = text.replace(self.thousands, "")
        return text.replace(",", ".") if self.decimal == "," else text

    def row(self, line: str) -> list[float]:
        """The numbers of a line (NaN for a cell without one); empty when its first cell is no number at all."""
        cells = self.cells(_INLINE_COMMENT.sub("", line))
        if len(cells) < 1 or not (cells[0][:1].isdigit() or cells[0][:1] in "+-.,nNiI"):
            return []
        numbers = [self.number(cell) for cell in cells]
        spelled = cells[0].lower().lstrip("+-") in ("nan", "inf", "infinity")
        return numbers if spelled or not math.isnan(numbers[0]) else []


def find_dialect(lines: Sequence[str]) -> Dialect | None:
    """The dialect of the rows among these lines; None when no line looks like a row of numbers. Raises DialectError."""
    rows = (unquoted(line) for line in reversed(lines[:_LOOK_LINES]) if is_row_of_numbers(line))
    sample = list(islice(rows, _SAMPLE))[::-1]
    if not sample:
        return None
    if not _OTHER_SEPARATOR.search("".join(sample)):
        return Dialect(separator=None)
    most = 0.5 * len(sample)
    for separator in (";", "\t"):
        if sum(separator in line.strip() for line in sample) > most:
            return _with_decimal(separator, sample)
    if sum("," in line for line in sample) <= most:
        return Dialect(separator=None)
    if sum(_commas_inside_words(line) for line in sample) > most:
        return _with_decimal(None, sample)
    _refuse_double_comma(sample)
    return Dialect(separator=",")


def is_row_of_numbers(line: str) -> bool:
    """Does a line look like numbers and nothing else?"""
    return _CANDIDATE.match(line) is not None


def unquoted(line: str) -> str:
    """A line of quoted cells without its quotes; the separator between them becomes one that no number holds."""
    return line.replace('","', ";").replace('";"', ";").replace('"\t"', "\t").replace('"', "") if '"' in line else line


def _commas_inside_words(line: str) -> bool:
    """True for "5,00  123,4" (commas belong to the numbers), False for "5.00, 123" (they stand between them)."""
    words = line.split()
    return len(words) >= 2 and not any(word.startswith(",") or word.endswith(",") for word in words)


def _with_decimal(separator: str | None, sample: Sequence[str]) -> Dialect:
    plain = Dialect(separator=separator)
    rows = [cells for cells in map(plain.cells, sample) if len(cells) >= 2]
    words = [word for cells in rows for word in cells]
    if not any("," in word for word in words):
        return plain
    angles = [cells[0] for cells in rows]
    if any("." in angle for angle in angles):
        return Dialect(separator=separator, thousands=",")
    if any("," in angle for angle in angles):
        return Dialect(separator=separator, decimal=",", thousands="." if any("." in word for word in words) else "")
    if all(_THOUSANDS.match(word) for word in words if "," in word):
        return Dialect(separator=separator, thousands=",")
    return Dialect(separator=separator, decimal=",", thousands="." if any("." in word for word in words) else "")


def _refuse_double_comma(sample: Sequence[str]) -> None:
    """ "5,00,123" is 5.00 and 123, or 5, 0 and 123: an angle that does not move from row to row gives the first reading away."""
    rows = [[cell.strip() for cell in line.split(",")] for line in sample]
    if any("." in cell for row in rows for cell in row) or not all(len(row) >= 3 for row in rows) or len(rows) < 3:
        return
    still = sum(one[0] == two[0] for one, two in pairwise(rows))
    if still > 0.25 * (len(rows) - 1):
        raise DialectError("the comma is both the decimal sign and the separator of columns; export with semicolons or decimal points")
