"""How CIF writes things: items, loops, quotation, numbers with their uncertainty (International Tables G, 2.2).

What is written here reads the same as CIF 1.1 and as CIF 2.0; only text beyond ASCII makes a file CIF 2.0 and nothing else.
"""

import math
import re
import textwrap
from collections.abc import Iterable, Sequence

from xrdkna.records.values import Estimate
from xrdkna.report.values import decimal_parenthesis

UNKNOWN = "?"
INAPPLICABLE = "."
# Digits of a value printed with its esd never go beyond what a double holds.
_DOUBLE_DIGITS = 15
# Digits of σ kept beside a measured point: the point is data, so rounding must add nothing to its noise.
_SIGMA_DIGITS = 3
_MOST_DECIMALS = 12
_BARE = re.compile(r"[A-Za-z][A-Za-z0-9_.+\-/]*")
_RESERVED = re.compile(r"(data_|save_).*|loop_|global_|stop_", re.IGNORECASE)
# CIF's own spelling of the signs that sentences here use (International Tables G, 2.2.7.4.13).
_MARKUP = str.maketrans(
    {"α": r"\a", "β": r"\b", "γ": r"\g", "θ": r"\q", "λ": r"\l", "σ": r"\s", "χ": r"\c", "Δ": r"\D"}
    | {"Å": r"\%A", "°": r"\%", "±": "+-", "×": r"\\times ", "²": "^2^", "³": "^3^", "·": " ", "−": "-", "–": "-", "…": "...", "’": "'"}
)


def cif_file(blocks: Sequence[str], *, remark: str) -> str:
    """The whole file: which CIF it is, a remark, the blocks."""
    body = "\n\n".join([textwrap.indent(remark, "# "), *blocks]) + "\n"
    return f"#\\#CIF_{'1.1' if body.isascii() else '2.0'}\n{body}"


def cif_item(name: str, value: str) -> str:
    """One data item; value as the functions below give it."""
    return f"{name}\n{value}" if value.startswith(";") else f"{name:<36} {value}"


def cif_loop(names: Iterable[str], rows: Iterable[Sequence[str]]) -> str:
    """A loop with one row a line; "" without rows, for CIF knows no empty loop."""
    lines = ["\n".join(row) if any(value.startswith(";") for value in row) else " ".join(row) for row in rows]
    return "\n".join(["loop_", *(f" {name}" for name in names), *lines]) if lines else ""


def cif_word(text: str) -> str:
    """A text as a value: bare where it can stand so, else quoted, else as a field of lines."""
    clean = "".join(sign if sign.isprintable() or sign == "\n" else " " for sign in text)
    if _BARE.fullmatch(clean) and not _RESERVED.fullmatch(clean):
        return clean
    for mark in "'\"":
        if mark not in clean and "\n" not in clean:
            return f"{mark}{clean}{mark}"
    return ";" + re.sub(r"\n;", "\n ;", clean) + "\n;"


def cif_prose(sentences: Iterable[str]) -> str:
    """Sentences as one field of lines, signs beyond ASCII in CIF's own spelling."""
    filled = textwrap.fill(
        cif_ascii(" ".join(sentences)), 78, initial_indent=" ", subsequent_indent=" ", break_long_words=False, break_on_hyphens=False
    )
    return f";\n{filled}\n;"


def cif_ascii(text: str) -> str:
    """The text with the signs beyond ASCII in CIF's own spelling, "?" for those it has none for."""
    return text.translate(_MARKUP).encode("ascii", "replace").decode("ascii")


def cif_estimate(estimate: Estimate | None, *, factor: float = 1.0) -> str:
    """value(su), "5.3284(3)": the su has two digits from 10 to 19, else one (Schwarzenbach et al. 1989); "?" for None.

    A value without esd is written without one: it was held, or there is none.
    """
    if estimate is None:
        return UNKNOWN
    value, su = estimate.value * factor, (estimate.esd or 0.0) * abs(factor)
    if su <= abs(value) * 10.0**-_DOUBLE_DIGITS:
        return cif_number(value)
    return decimal_parenthesis(value, su)


def cif_number(value: float | None, digits: int = 10) -> str:
    """The number to so many significant digits; "?" where there is none."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    return f"{value + 0.0:.{digits}g}"


def cif_measured(value: float, sigma: float) -> str:
    """A measured point, "1234.0(351)": three digits of σ, and whole counts stay whole."""
    decimals = min(max(_SIGMA_DIGITS - 1 - math.floor(math.log10(sigma)), 0), _MOST_DECIMALS)
    return f"{value + 0.0:.{decimals}f}({max(round(sigma * 10.0**decimals), 1)})"
