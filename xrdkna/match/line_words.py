"""The sentences about a published line: what lies there, by how much it is off, and whether the published index holds."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from xrdkna.match.centring import LATTICE_NAMES, Centring, claimed_lattice
from xrdkna.match.line_evidence import PhaseWeight, Weighing, lookup_phase
from xrdkna.match.line_list import LineSettings, ListedLines
from xrdkna.physics.bragg import two_theta_from_d
from xrdkna.physics.lattice import d_spacings

# Published and tabulated indices are the same reflection when their d agree to this fraction.
SAME_D = 1e-5

Hkl = tuple[int, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A reflection near a listed line. offset: degrees, listed − calculated; off_by: the same in sigmas; share: 0 … 1;
    strength: relative to its phase's strongest near the range; reference: degrees in the phase's reference cell, unshifted."""

    weight: PhaseWeight
    hkl: Hkl
    two_theta: float
    offset: float
    off_by: float
    share: float
    strength: float
    reference: float

    @property
    def name(self) -> str:
        """Phase and indices, as a person writes them."""
        return f"{self.weight.name} {written(self.hkl)}"


def written(hkl: Hkl) -> str:
    """(1 0 −2)."""
    return f"({' '.join(str(index).replace('-', '−') for index in hkl)})"


def listed_words(words: Sequence[str]) -> str:
    """ "a, b and c"."""
    return f"{', '.join(words[:-1])} and {words[-1]}" if len(words) > 1 else "".join(words)


def candidates_of(number: int, listed: ListedLines, weighing: Weighing, settings: LineSettings) -> tuple[Candidate, ...]:
    """Everything within the misreading gate of listed line `number`, most plausible first.

    Plausibility = P(phase) · P(printed) · density of the offset (Gaussian, and a small flat part for misread lines); shares
    are plausibilities divided by their sum and the density of chance lines.
    """
    found: list[tuple[float, Candidate]] = []
    observed = float(listed.two_theta[number])
    for weight in weighing.weights:
        sigma = np.hypot(float(listed.sigma[number]), weight.esds)
        off_by = np.abs(observed - weight.places) / sigma
        flat = settings.misread / (2.0 * settings.misread_sigmas * sigma)
        density = (1.0 - settings.misread) * np.exp(-0.5 * off_by**2) / (sigma * math.sqrt(2.0 * math.pi)) + flat
        plausible = weight.posterior * weight.expected.printed * density
        for m in np.flatnonzero(off_by <= settings.misread_sigmas):
            candidate = Candidate(
                weight=weight,
                hkl=_triple(weight.expected.hkl[m]),
                two_theta=float(weight.places[m]),
                offset=float(observed - weight.places[m]),
                off_by=float(off_by[m]),
                share=0.0,
                strength=float(weight.expected.intensity[m]),
                reference=float(weight.expected.reference[m]),
            )
            found.append((float(plausible[m]), candidate))
    total = weighing.chance + sum(value for value, _ in found)
    ranked = sorted(found, key=lambda pair: -pair[0])
    return tuple(replace(candidate, share=value / total) for value, candidate in ranked)


def judge_published(
    number: int,
    listed: ListedLines,
    weighing: Weighing,
    candidates: tuple[Candidate, ...],
    centrings: dict[str, Centring],
    settings: LineSettings,
) -> tuple[str, str]:
    """("agrees" | "disagrees" | "undecided", sentence) on the published phase and index of one line."""
    line = listed.lines[number]
    at = f"{listed.two_theta[number]:.2f}".rstrip("0").rstrip(".") + "°"
    name = lookup_phase(line.phase, tuple(weight.name for weight in weighing.weights))
    weight = next((weight for weight in weighing.weights if weight.name == name), None)
    if weight is None:
        return "undecided", f"{at}: the library holds no phase {line.phase}, so its index cannot be checked."
    verdict, sentence = _judge_place(number, at, listed, weight, candidates, settings)
    claimed, centring = claimed_lattice(line.phase), centrings.get(weight.name)
    if claimed and centring and centring.lattice not in (None, claimed):
        return (
            "disagrees",
            f"{sentence}; and the lines of {weight.name} are {LATTICE_NAMES[centring.lattice or 'P']}, not {LATTICE_NAMES[claimed]}.",
        )
    return verdict, f"{sentence}."


def reflection_index(weight: PhaseWeight, hkl: Hkl) -> int | None:
    """Row of a published hkl among the phase's expected lines, whichever equivalent was printed; None where it is not one."""
    if not any(hkl) or not len(weight.expected.hkl):
        return None
    cell = weight.expected.source.cell
    d = float(d_spacings(np.array([hkl]), cell)[0])
    table = d_spacings(weight.expected.hkl, cell)
    same = np.flatnonzero(np.abs(table / d - 1.0) < SAME_D)
    exact = [int(m) for m in same if sorted(map(abs, _triple(weight.expected.hkl[m]))) == sorted(map(abs, hkl))]
    return next(iter(exact or [int(m) for m in same]), None)


def _judge_place(
    number: int, at: str, listed: ListedLines, weight: PhaseWeight, candidates: tuple[Candidate, ...], settings: LineSettings
) -> tuple[str, str]:
    hkl = listed.lines[number].hkl
    row = reflection_index(weight, hkl) if hkl is not None else int(weight.best[number])
    if hkl is not None and row is None:
        return _not_a_reflection(at, hkl, float(listed.two_theta[number]), weight)
    if row is None or row < 0:
        return "disagrees", f"{at}: {weight.name} has no reflection near"
    shown = written(hkl if hkl is not None else _triple(weight.expected.hkl[row]))
    place, reference = float(weight.places[row]), float(weight.expected.reference[row])
    observed = float(listed.two_theta[number])
    off_by = abs(observed - place) / math.hypot(float(listed.sigma[number]), float(weight.esds[row]))
    where = f"{at} is {abs(observed - reference):.2f}° from {weight.name} {shown} at {reference:.2f}°"
    where += f" ({abs(observed - place):.2f}° in the best-fitting cell)"
    others = tuple(c for c in candidates if not (c.weight is weight and c.hkl == _triple(weight.expected.hkl[row])))
    here = next((c.share for c in candidates if c.weight is weight and c.hkl == _triple(weight.expected.hkl[row])), 0.0)
    rival = others[0] if others and others[0].share > max(here, 0.2) else None
    aside = _stronger_sibling(row, weight, others) + _what_else(others)
    if off_by > settings.disagree_sigmas:
        if off_by <= settings.misread_sigmas and weight.verdict == "present":
            return "undecided", f"{where}: too far for the digits printed, unless it was misread{aside}"
        return "disagrees", f"{where}: not this reflection of this cell{aside}"
    if rival is not None:
        return "undecided", f"{where}, but {rival.name} at {rival.two_theta:.2f}° explains it better"
    if weight.verdict == "absent":
        return "undecided", f"{where}: the position fits, the rest of {weight.name}'s lines do not{aside}"
    if off_by > settings.agree_sigmas:
        return "undecided", f"{where}: at the edge of what the digits printed allow{aside}"
    return "agrees", f"{where}: it fits{aside if weight.verdict != 'present' else ''}"


def _not_a_reflection(at: str, hkl: Hkl, observed: float, weight: PhaseWeight) -> tuple[str, str]:
    expected = weight.expected
    d = d_spacings(np.array([hkl]), expected.source.cell) if any(hkl) else np.full(1, np.inf)
    if any(hkl) and np.any(np.abs(expected.possible_d / d[0] - 1.0) < SAME_D):
        place = float(two_theta_from_d(d, wavelength=expected.wavelength)[0])
        return (
            "disagrees",
            f"{at} is {abs(observed - place):.2f}° from {weight.name} {written(hkl)} at {place:.2f}°: not this reflection of this cell",
        )
    return "disagrees", f"{at}: {written(hkl)} is forbidden by the lattice of {weight.name}"


def _stronger_sibling(row: int, weight: PhaseWeight, candidates: tuple[Candidate, ...]) -> str:
    own = float(weight.expected.intensity[row])
    siblings = [c for c in candidates if c.weight is weight and c.strength >= 2.0 * own]
    best = max(siblings, key=lambda c: c.strength, default=None)
    if best is None:
        return ""
    return f"; {best.name} at {best.two_theta:.2f}° would be {best.strength / max(own, 1e-6):.0f} times stronger"


def _what_else(candidates: tuple[Candidate, ...]) -> str:
    near = sorted((c for c in candidates if c.off_by <= 3.0 and c.strength >= 0.03), key=lambda c: -c.share)[:3]
    if not near:
        return ""
    return "; also there: " + ", ".join(f"{c.name} at {c.two_theta:.2f}°" for c in near)


def _triple(row: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> Hkl:
    return int(row[0]), int(row[1]), int(row[2])
