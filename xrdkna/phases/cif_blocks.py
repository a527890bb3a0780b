"""The text of a CIF to its data items. The door to pymatgen: its CIF tokeniser, space-group settings and atomic masses."""

import json
import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from itertools import islice
from pathlib import Path

from xrdkna.errors import CifError

# A powder phase has tens of atoms; beyond this a cell is a protein's or a simulation box, and a file is not a reference.
MAX_ATOMS = 5000
_MAX_BYTES = 100_000_000
_MAX_TOKENISED = 10_000_000

Items = Mapping[str, str | list[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One data block: its name, its items by lower-case name, and what the tokeniser found odd about it."""

    name: str
    items: Items
    oddities: tuple[str, ...]

    def text(self, *names: str) -> str:
        """The first of these items that says something; "" when none does."""
        for name in names:
            value = self.items.get(name, "")
            value = value[0] if isinstance(value, list) and value else value
            if isinstance(value, str) and value.strip() not in ("", "?", "."):
                return value.strip()
        return ""

    def column(self, *names: str) -> list[str]:
        """The first of these loop columns that is there, as a list; [] when none is."""
        for name in names:
            value = self.items.get(name)
            if value is not None:
                return value if isinstance(value, list) else [value]
        return []


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A tabulated setting of a space group: symbols, number, and its operators as "x,y,z" strings."""

    universal: str
    hermann_mauguin: str
    short: str
    hall: str
    number: int
    point_group_order: int
    symops: tuple[str, ...]


def read_blocks(path: Path) -> tuple[Block, ...]:
    """The data blocks of the CIF at `path`, in order. Raises CifError when the file is none, or far too large."""
    text = _text(path)
    from pymatgen.io.cif import CifFile

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            parsed = CifFile.from_str(text)
        except (ValueError, IndexError, ZeroDivisionError) as error:
            raise CifError(
                f"{path} cannot be read as a CIF: one of its tables (loop_) is cut off or has a row of the wrong length; "
                "restore the file from its source."
            ) from error
    oddities = tuple(str(warning.message) for warning in caught)
    return tuple(
        Block(name=name, items={str(key).lower(): value for key, value in block.data.items()}, oddities=oddities)
        for name, block in parsed.data.items()
    )


@lru_cache(maxsize=1)
def settings() -> tuple[Setting, ...]:
    """Every tabulated space-group setting, standard ones first within a group."""
    rows = json.loads((resources.files("pymatgen.symmetry") / "symm_ops.json").read_text(encoding="utf-8"))
    return tuple(
        Setting(
            universal=row["universal_h_m"],
            hermann_mauguin=row["hermann_mauguin"],
            short=row["short_h_m"],
            hall=row["hall"],
            number=int(row["number"]),
            point_group_order=len(row["ncsym"]),
            symops=tuple(row["symops"]),
        )
        for row in rows
    )


@lru_cache(maxsize=256)
def atomic_mass(element: str) -> float | None:
    """g/mol (D: deuterium), or None when there is no such element."""
    from pymatgen.core.periodic_table import Element

    return float(Element(element).atomic_mass) if Element.is_valid_symbol(element) else None


def space_group_of(cell: Sequence[float], elements: Sequence[str], positions: Sequence[tuple[float, float, float]]) -> tuple[str, int]:
    """Symbol and number of the space group that these atoms have, found from them alone (pymatgen's analyser, spglib)."""
    from pymatgen.core.lattice import Lattice
    from pymatgen.core.structure import Structure
    from pymatgen.symmetry.analyzer import SpacegroupAnalyzer

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        analyser = SpacegroupAnalyzer(Structure(Lattice.from_parameters(*cell), list(elements), list(positions)), symprec=0.01)
        return str(analyser.get_space_group_symbol()), int(analyser.get_space_group_number())


def _text(path: Path) -> str:
    if not path.is_file():
        raise CifError(f"there is no file {path}; give the path of a CIF.")
    if path.stat().st_size > _MAX_BYTES:
        raise CifError(
            f"{path} is over {_MAX_BYTES // 1_000_000} MB long, too large for one crystal structure; leave only its structure block."
        )
    raw = path.read_bytes()
    if not raw.strip():
        raise CifError(f"{path} is empty; download the CIF again.")
    if b"\0" in raw[:4096]:
        raise CifError(f"{path} is a binary file, not a CIF; export the structure as a text CIF.")
    text = raw.decode("utf-8-sig", errors="replace").replace("\r\n", "\n").replace("\r", "\n")
    _refuse_too_many_atoms(text, path)
    if len(text) > _MAX_TOKENISED:
        raise CifError(f"{path} is {len(text) / 1e6:.0f} MB long, too large for one crystal structure; leave only its structure block.")
    text = re.sub(r"^(\s*)(data_|loop_)", lambda match: match[1] + match[2].lower(), text, flags=re.MULTILINE | re.IGNORECASE)
    if not re.search(r"^\s*data_", text, flags=re.MULTILINE):
        raise CifError(f"{path} is not a CIF: it has no line that starts with data_; give a CIF, as databases export it.")
    return text


def _refuse_too_many_atoms(text: str, path: Path) -> None:
    """Count the rows of every atom table before anything is tokenised, so that a huge file is refused at once."""
    most = 4 * MAX_ATOMS
    row = re.compile(r"^[ \t]*(?!_|#|loop_|data_)\S", flags=re.MULTILINE | re.IGNORECASE)
    end = re.compile(r"^[ \t]*(?:loop_|data_)", flags=re.MULTILINE | re.IGNORECASE)
    for match in re.finditer(r"^[ \t]*_atom_site_fract_z\b", text, flags=re.MULTILINE | re.IGNORECASE):
        stop = end.search(text, match.end())
        rows = row.finditer(text, match.end(), stop.start() if stop else len(text))
        if sum(1 for _ in islice(rows, most + 1)) > most:
            raise CifError(
                f"{path} lists over {most} atoms; a reference phase may have at most {MAX_ATOMS} in its cell, "
                "so give the crystal's unit cell and not a simulation box."
            )
