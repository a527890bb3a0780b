"""What a cell holds, and whether that is what the CIF says it holds."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from xrdkna.phases.cif_blocks import atomic_mass
from xrdkna.phases.sites import ListedAtom
from xrdkna.records.arrays import FloatArray

_HYDROGEN = ("H", "D", "T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Composition:
    """Content of a cell against the stated formula. error: largest relative difference of any element but hydrogen, None
    when no formula is stated; missing_hydrogen: atoms the formula has and the atom table lacks; mass: g/mol with those."""

    formula: str
    error: float | None
    missing_hydrogen: float
    mass: float


def composition_of(atoms: Sequence[ListedAtom], orbits: Sequence[FloatArray], *, stated: str, units: float | None) -> Composition:
    """Compare the filled cell with `stated`, a formula sum such as "C H K O3", and `units` = Z (None: not stated).

    A formula that already counts the whole cell (as pymatgen writes it, beside Z) agrees too.
    """
    contents: dict[str, float] = {}
    for atom, orbit in zip(atoms, orbits, strict=True):
        contents[atom.element] = contents.get(atom.element, 0.0) + atom.occupancy * len(orbit)
    mass = sum(atom.mass * atom.occupancy * len(orbit) for atom, orbit in zip(atoms, orbits, strict=True))
    formula = counts_in(stated)
    heavy = {element: count for element, count in formula.items() if element not in _HYDROGEN}
    if not heavy:
        return Composition(formula=_written(_reduced(contents)), error=None, missing_hydrogen=0.0, mass=mass)
    inferred = max(1.0, sum(contents.get(element, 0.0) for element in heavy) / sum(heavy.values()))
    errors = {scale: _error(contents, heavy, scale) for scale in ((units, 1.0) if units else (inferred,))}
    scale = min(errors, key=lambda each: errors[each])
    missing = scale * sum(formula.get(element, 0.0) for element in _HYDROGEN) - contents.get("H", 0.0)
    missing = missing if missing > 0.5 and errors[scale] < 0.05 else 0.0
    return Composition(
        formula=_written(_reduced(formula)),
        error=errors[scale],
        missing_hydrogen=missing,
        mass=mass + missing * float(atomic_mass("H") or 0.0),
    )


def counts_in(formula: str) -> dict[str, float]:
    """Atoms by element in a formula sum: "C H K O3" or "CHKO3" gives C 1, H 1, K 1, O 3. What is no element is passed over."""
    counts: dict[str, float] = {}
    for symbol, count in re.findall(r"([A-Z][a-z]?)(\d*\.?\d*)", formula):
        if atomic_mass(symbol) is not None:
            counts[symbol] = counts.get(symbol, 0.0) + (float(count) if count not in ("", ".") else 1.0)
    return counts


def _error(contents: Mapping[str, float], heavy: Mapping[str, float], scale: float) -> float:
    elements = {*heavy, *(element for element in contents if element not in _HYDROGEN)}
    wanted = {element: heavy.get(element, 0.0) * scale for element in elements}
    return max(abs(contents.get(element, 0.0) - wanted[element]) / max(wanted[element], 0.5) for element in elements)


def _reduced(counts: Mapping[str, float]) -> dict[str, float]:
    whole = {element: round(count) for element, count in counts.items()}
    if not all(whole[element] and abs(counts[element] - whole[element]) < 0.01 for element in counts):
        return dict(counts)
    divisor = math.gcd(*whole.values())
    return {element: count / divisor for element, count in whole.items()}


def _written(counts: Mapping[str, float]) -> str:
    return " ".join(f"{element}{'' if abs(count - 1.0) < 1e-9 else f'{count:.4g}'}" for element, count in sorted(counts.items()))
