"""The atom table of a CIF: elements, coordinates, occupancies, displacements."""

import math
import re
from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from xrdkna.errors import CifError
from xrdkna.phases.cif_blocks import MAX_ATOMS, Block, atomic_mass
from xrdkna.phases.sites import ListedAtom
from xrdkna.physics.lattice import metric_tensor
from xrdkna.records.phases import Cell
from xrdkna.records.values import Notice

# Å²: a middling inorganic crystal at room temperature, used for any element when nothing is known.
DEFAULT_BISO = 0.5
# Å²: beyond, the number was given in other units (liquid-like potassium just below melting reaches 14).
_LARGEST_BISO = 40.0
_FRACTIONS = ("_atom_site_fract_x", "_atom_site_fract_y", "_atom_site_fract_z")
_TENSOR = ("11", "22", "33", "12", "13", "23")
_HYDROGENS = {"D": "H", "T": "H"}


def listed_atoms(block: Block, cell: Cell, *, where: str, default_biso: float) -> tuple[tuple[ListedAtom, ...], tuple[Notice, ...]]:
    """The rows of the atom table, vacancies and dummies left out, and what had to be assumed about them.

    Raises CifError naming the atom whose element, coordinate or occupancy cannot be used.
    """
    columns = [block.column(name) for name in _FRACTIONS]
    count = len(columns[0])
    if not count or any(len(column) != count for column in columns):
        raise CifError(f"{where} holds no complete table of _atom_site_fract_x, _y and _z; give a CIF with the structure.")
    if count > MAX_ATOMS:
        raise CifError(f"{where} lists {count} atoms; a reference phase may have at most {MAX_ATOMS}, so give the crystal's unit cell.")
    symbols = _padded(block.column("_atom_site_type_symbol"), count)
    labels = _padded(block.column("_atom_site_label") or [f"{symbol}{k + 1}" for k, symbol in enumerate(symbols)], count)
    flags = _padded(block.column("_atom_site_calc_flag"), count)
    occupancies = _padded(block.column("_atom_site_occupancy"), count)
    multiplicities = _padded(block.column("_atom_site_symmetry_multiplicity", "_atom_site_site_symmetry_multiplicity"), count)
    displacements, guessed = _displacements(block, cell, labels, default=default_biso)
    in_formula = set(re.findall(r"[A-Z][a-z]?", block.text("_chemical_formula_sum")))
    atoms = []
    for k in range(count):
        occupancy = _occupancy(occupancies[k], label=labels[k], where=where)
        if occupancy == 0.0 or flags[k].lower() == "dum":
            continue
        element, mass = _element(symbols[k], labels[k], in_formula, where=where)
        atoms.append(
            ListedAtom(
                label=labels[k],
                element=element,
                mass=mass,
                position=_position([column[k] for column in columns], label=labels[k], where=where),
                decimals=max(len(re.sub(r"\(.*", "", column[k]).partition(".")[2]) for column in columns),
                occupancy=occupancy,
                biso=displacements[k],
                multiplicity=int(multiplicities[k]) if multiplicities[k].isdigit() else 0,
            )
        )
    if not atoms:
        raise CifError(f"{where} holds no atoms: every row of its atom table is a vacancy or a dummy; give a CIF with the structure.")
    return tuple(atoms), _displacement_notice([labels[k] for k in guessed], default_biso, where=where)


def number_from(text: str) -> float | None:
    """The number in `text`, its uncertainty in brackets dropped, a fraction such as 1/3 worked out; None if there is none."""
    word = re.sub(r"\(.*", "", text).strip()
    try:
        value = float(Fraction(word)) if "/" in word else float(word)
    except (ValueError, ZeroDivisionError):
        return None
    return value if math.isfinite(value) else None


def _padded(column: list[str], count: int) -> list[str]:
    return [text.strip() for text in column] if len(column) == count else [""] * count


def _position(texts: Sequence[str], *, label: str, where: str) -> tuple[float, float, float]:
    x, y, z = (number_from(text) for text in texts)
    if x is None or y is None or z is None:
        raise CifError(f"{where} gives atom {label} the coordinates {', '.join(texts)}; all three must be numbers.")
    return x, y, z


def _occupancy(text: str, *, label: str, where: str) -> float:
    if text in ("", "?", "."):
        return 1.0
    value = number_from(text)
    if value is None or not 0.0 <= value <= 1.01:
        raise CifError(f"{where} gives atom {label} an occupancy of {text}; it must lie between 0 and 1.")
    return value


def _element(symbol: str, label: str, in_formula: set[str], *, where: str) -> tuple[str, float]:
    """Element (D as H, ions as neutral atoms) and mass, from the type symbol or else the label.

    Two letters are read as one element where there is one, unless the formula holds only the first: "CA1" is calcium, but a
    carbon in an organic formula; "HO1" holmium, but hydrogen in a hydroxide's.
    """
    word = (re.findall(r"[A-Za-z]+", symbol) or re.findall(r"[A-Za-z]+", label) or [""])[0]
    candidates = dict.fromkeys((word[:2].capitalize(), word[:1].upper()))
    known = [candidate for candidate in candidates if candidate and atomic_mass(candidate) is not None]
    if not known:
        raise CifError(f"{where} has an atom {label or symbol!r} that is no element; write its symbol in _atom_site_type_symbol.")
    element = next((candidate for candidate in known if candidate in in_formula), known[0])
    return _HYDROGENS.get(element, element), float(atomic_mass(element) or 0.0)


def _displacements(block: Block, cell: Cell, labels: list[str], *, default: float) -> tuple[list[float], list[int]]:
    """B in Å² for every row, and which rows had none that can be used: B or U (B = 8π²U), isotropic, else equivalent of a tensor."""
    count = len(labels)
    u_to_b = 8.0 * math.pi**2
    sources = [
        [number_from(text) for text in _padded(block.column("_atom_site_b_iso_or_equiv"), count)],
        [None if (u := number_from(text)) is None else u_to_b * u for text in _padded(block.column("_atom_site_u_iso_or_equiv"), count)],
    ]
    for letter, factor in (("b", 1.0), ("u", u_to_b)):
        tensors = _equivalent_tensors(block, cell, letter)
        sources.append([None if label not in tensors else factor * tensors[label] for label in labels])
    values, guessed = [], []
    for k in range(count):
        usable = [source[k] for source in sources if source[k] is not None and 0.0 <= float(source[k] or 0.0) <= _LARGEST_BISO]
        if not usable:
            guessed.append(k)
        values.append(float(usable[0] or 0.0) if usable else default)
    return values, guessed


def _equivalent_tensors(block: Block, cell: Cell, letter: str) -> dict[str, float]:
    """U_eq = ⅓ Σ U_ij a*_i a*_j a_i·a_j (Fischer & Tillmanns 1988) by atom label, from the anisotropic table."""
    labels = block.column("_atom_site_aniso_label")
    columns = [_padded(block.column(f"_atom_site_aniso_{letter}_{ij}"), len(labels)) for ij in _TENSOR]
    metric = metric_tensor(cell)
    reciprocal = np.sqrt(np.diag(np.linalg.inv(metric)))
    weights = metric * np.outer(reciprocal, reciprocal)
    equivalents = {}
    for row, label in enumerate(labels):
        parts = [number_from(column[row]) for column in columns]
        if all(part is not None for part in parts):
            u11, u22, u33, u12, u13, u23 = (float(part or 0.0) for part in parts)
            tensor = np.array([[u11, u12, u13], [u12, u22, u23], [u13, u23, u33]])
            equivalents[label.strip()] = float(np.sum(tensor * weights)) / 3.0
    return equivalents


def _displacement_notice(guessed: list[str], default: float, *, where: str) -> tuple[Notice, ...]:
    if not guessed:
        return ()
    names = ", ".join(guessed[:6]) + (" and others" if len(guessed) > 6 else "")
    sentence = (
        f"{where} gives no usable displacement for {names}; B = {default:g} Å² was taken, so intensities at high angles are uncertain."
    )
    return (Notice(code="cif-displacement", severity="warning", sentence=sentence, remedy="Give _atom_site_B_iso_or_equiv."),)
