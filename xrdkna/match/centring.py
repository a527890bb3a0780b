"""Which lattice the lines of a cubic phase allow: primitive, body-centred or face-centred, from N = h² + k² + l²."""

import re
from dataclasses import dataclass

import numpy as np

from xrdkna.records.arrays import FloatArray

# How far from a whole number N may come out for the line to be counted (half of the distance to the next would be 0.5).
N_TOLERANCE = 0.3
LATTICE_NAMES = {"P": "primitive", "I": "body-centred (bcc)", "F": "face-centred (fcc)"}
_CLAIMS = (
    ("F", re.compile(r"\b(fcc|ccp)\b|face[- ]cent|\bfm-?3", re.IGNORECASE)),
    ("I", re.compile(r"\bbcc\b|body[- ]cent|\bim-?3", re.IGNORECASE)),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Centring:
    """The judgement: lattice "P", "I", "F" or None where the lines do not decide; numbers: N of the lines that fit, rising."""

    lattice: str | None
    numbers: tuple[int, ...]
    sentence: str


def judge_centring(two_theta: FloatArray, *, edge: float, wavelength: float) -> Centring:
    """Judge (n,) lines, degrees, of a cubic cell with an edge of about `edge` Å (within some 2 %).

    sin²θ = λ²N/4a². I allows even N only (h + k + l even), F allows h, k, l all odd or all even, P allows all (International
    Tables A, 2.1.3.13). The edge is taken from the lines themselves once their N are known.
    """
    q = (2.0 * np.sin(np.radians(two_theta) / 2.0) / wavelength) ** 2
    numbers = np.maximum(np.round(q * edge**2), 1.0)
    own = float(np.median(numbers / q)) if q.size else edge**2
    fits = np.abs(q * own - numbers) < N_TOLERANCE
    found = tuple(sorted({int(n) for n in numbers[fits] if squares_of(int(n))}))
    if not found:
        return Centring(lattice=None, numbers=(), sentence="none of its lines gives a whole h²+k²+l²")
    body = all(n % 2 == 0 for n in found)
    face = all(_unmixed(n) for n in found)
    ratio = " : ".join(str(n) for n in found)
    if body and face:
        return Centring(lattice=None, numbers=found, sentence=f"sin²θ stands as {ratio}, which body- and face-centred cells both allow")
    if body:
        return Centring(lattice="I", numbers=found, sentence=_body_sentence(found, ratio))
    if face:
        mixed = sorted({n for n in range(1, found[-1]) if squares_of(n) and not _unmixed(n)})
        return Centring(
            lattice="F",
            numbers=found,
            sentence=f"sin²θ stands as {ratio}, so h, k, l are all odd or all even: face-centred (fcc), as none of the {len(mixed)} mixed "
            "values below the last line occurs",
        )
    return Centring(
        lattice="P",
        numbers=found,
        sentence=f"sin²θ stands as {ratio}, with odd h+k+l and mixed h, k, l: primitive, neither body- nor face-centred",
    )


def claimed_lattice(published_phase: str | None) -> str | None:
    """The lattice that the name on the list claims ("fcc K" is F); None where it claims none."""
    return next((letter for letter, words in _CLAIMS if words.search(published_phase or "")), None)


def squares_of(number: int) -> tuple[tuple[int, int, int], ...]:
    """All h ≥ k ≥ l ≥ 0 with h² + k² + l² = number; empty for 7, 15, 23, 28 …"""
    top = int(number**0.5) + 1
    triples = ((h, k, l) for h in range(top + 1) for k in range(h + 1) for l in range(k + 1))
    return tuple(hkl for hkl in triples if hkl[0] ** 2 + hkl[1] ** 2 + hkl[2] ** 2 == number)


def _unmixed(number: int) -> bool:
    return any(len({index % 2 for index in hkl}) == 1 for hkl in squares_of(number))


def _body_sentence(found: tuple[int, ...], ratio: str) -> str:
    forbidden = [f"({' '.join(map(str, squares_of(n)[0]))})" for n in found if not _unmixed(n)][:3]
    verb = "is" if len(forbidden) == 1 else "are"
    halves = [n // 2 for n in found if not squares_of(n // 2)]
    text = f"sin²θ stands as {ratio}, all h+k+l even: body-centred (bcc); {', '.join(forbidden)} {verb} forbidden in fcc"
    if halves:
        text += f", and a primitive cell of edge a/√2 would need h²+k²+l² = {halves[0]}, which no h, k, l give"
    return text
