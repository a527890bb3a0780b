"""The reflection a person means."""

import re

from xrdkna.errors import UsageError

_MARKER = re.compile(r"^(?P<phase>.+?)[\s(\[]+(?P<indices>[-−\d\s,]+)[)\]]?$")
_COMPACT = re.compile(r"(-?\d)(-?\d)(-?\d)")


def marker_from_text(text: str) -> tuple[str, tuple[int, int, int]]:
    """Phase and hkl from "KNa2 103", "KNa2 1 0 3", "KNa2 (103)" or, with a negative index, "KNa2 4-13".

    Raises UsageError when the text is none of these.
    """
    parts = _MARKER.match(text.strip())
    hkl = _indices(parts["indices"].replace("−", "-")) if parts else None
    if parts is None or hkl is None or hkl == (0, 0, 0):
        raise UsageError(f'the marker {text!r} is not a phase and three indices; write it as "KNa2 103", "KNa2 1 0 3" or "KNa2 4-13".')
    return parts["phase"].strip(), hkl


def _indices(text: str) -> tuple[int, int, int] | None:
    words = text.replace(",", " ").split()
    if len(words) != 3 or not all(re.fullmatch(r"-?\d+", word) for word in words):
        compact = _COMPACT.fullmatch("".join(words))
        if compact is None:
            return None
        words = list(compact.groups())
    h, k, l = (int(word) for word in words)
    return h, k, l
