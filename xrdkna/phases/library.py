"""The reference phases of a run: the bundled ones, and those a user adds."""

import csv
import tomllib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from xrdkna.errors import CifError, PhaseChoiceError, RecordError
from xrdkna.phases.cif import phase_from_cif
from xrdkna.phases.cif_symmetry import rotations_of_symbol
from xrdkna.records.phases import CRYSTAL_SYSTEMS, ROLES, Cell, Library, ListedLine, Phase
from xrdkna.records.values import Notice

_CELL_KEYS = ("a", "b", "c", "alpha", "beta", "gamma")
_INTENSITIES = ("published", "unknown")


def load_library(*, extra_cifs: tuple[Path, ...] = (), folders: tuple[Path, ...] = ()) -> Library:
    """The bundled phases, then those of `folders`, then those of `extra_cifs`; a later phase replaces an earlier one of its name.

    So a user's own K.cif stands for the bundled K in this run. A folder holds one folder a phase, as `reference_phases` does
    (phase.cif or lines.csv, with or without phase.toml), or bare .cif files, or is itself the folder of one phase. A phase
    from a bare CIF is called by the file's stem and has role "other", unless a .toml of the same stem beside it says more.
    Raises CifError for a file that cannot be used, PhaseChoiceError for a name that cannot be chosen.
    """
    phases = dict(_bundled_phases())
    for folder in folders:
        phases.update({phase.name: phase for phase in _phases_in(Path(folder))})
    stems: dict[str, Path] = {}
    for path in map(Path, extra_cifs):
        if path.stem in stems:
            raise PhaseChoiceError(f"{stems[path.stem]} and {path} would both be phase {path.stem}; rename one of the files.")
        stems[path.stem] = path
        phases[path.stem] = _phase_from_bare_cif(path)
    return Library(phases=phases)


@lru_cache(maxsize=1)
def _bundled_phases() -> Mapping[str, Phase]:
    return {phase.name: phase for phase in _phases_in(_bundled_folder())}


def _bundled_folder() -> Path:
    """`xrdkna/reference_phases` in an installed wheel, `reference_phases` beside `xrdkna` in a checkout."""
    package = Path(__file__).resolve().parents[1]
    for folder in (package / "reference_phases", package.parent / "reference_phases"):
        if folder.is_dir():
            return folder
    raise CifError(f"the bundled reference phases are missing beside {package}; install xrdkna again.")


def _phases_in(folder: Path) -> list[Phase]:
    if not folder.is_dir():
        raise CifError(f"there is no folder {folder}; give the path of a folder of phases or CIFs.")
    if _is_phase_folder(folder):
        return [_phase_from_folder(folder)]
    # case is ignored in sorting, so that the order is the same on every file system
    children = sorted(folder.iterdir(), key=lambda child: (child.name.lower(), child.name))
    phases = [_phase_from_folder(child) for child in children if child.is_dir() and _is_phase_folder(child)]
    phases += [_phase_from_bare_cif(child) for child in children if child.is_file() and child.suffix.lower() == ".cif"]
    if not phases:
        raise CifError(f"{folder} holds no phases; put .cif files into it, or one folder a phase with phase.cif or lines.csv.")
    return phases


def _is_phase_folder(folder: Path) -> bool:
    return (folder / "phase.cif").is_file() or (folder / "lines.csv").is_file()


def _phase_from_folder(folder: Path) -> Phase:
    facts = _facts(folder / "phase.toml")
    if (folder / "phase.cif").is_file():
        return _phase_with_facts(folder / "phase.cif", name=folder.name, facts=facts, facts_path=folder / "phase.toml")
    return _phase_from_lines(folder, facts)


def _phase_from_bare_cif(path: Path) -> Phase:
    sidecar = path.with_suffix(".toml")
    return _phase_with_facts(path, name=path.stem, facts=_facts(sidecar), facts_path=sidecar)


def _phase_with_facts(path: Path, *, name: str, facts: Mapping[str, object], facts_path: Path) -> Phase:
    _refuse_name(name, path)
    return phase_from_cif(
        path,
        name=name,
        role=_role(facts, facts_path),
        biso=_number(facts, "displacement_B", facts_path),
        formula=_word(facts, "formula", facts_path),
        title=_word(facts, "title", facts_path),
        source=_word(facts, "source", facts_path),
        temperature=_number(facts, "temperature_K", facts_path),
    )


def _phase_from_lines(folder: Path, facts: Mapping[str, object]) -> Phase:
    """A phase known by its published lines only: lines.csv (d, I and, if indexed, h, k, l), its cell and symmetry in phase.toml."""
    path = folder / "phase.toml"
    _refuse_name(folder.name, folder)
    symbol, system = _word(facts, "space_group", path), _word(facts, "crystal_system", path)
    if system not in CRYSTAL_SYSTEMS:
        raise CifError(f"{path} gives crystal_system {system!r}; a phase of lines needs one of {', '.join(CRYSTAL_SYSTEMS)}.")
    cell = _cell(facts, path)
    intensities = _word(facts, "intensities", path) or "published"
    if intensities not in _INTENSITIES:
        raise CifError(f"{path} gives intensities = {intensities!r}; it must be one of {', '.join(_INTENSITIES)}.")
    unknown = Notice(
        code="intensities-unknown",
        severity="warning",
        sentence=f"The intensities of {folder.name} are not known; its lines are computed from its cell and listed as equally strong.",
        remedy="Only positions may be compared; add a structure with --cif to weigh it.",
    )
    return Phase(
        name=folder.name,
        formula=_word(facts, "formula", path),
        role=_role(facts, path),
        crystal_system=system,
        space_group=symbol,
        space_group_number=int(_number(facts, "space_group_number", path) or 0),
        cell=cell,
        sites=(),
        cell_mass=0.0,
        source=_word(facts, "source", path),
        temperature_K=_number(facts, "temperature_K", path),
        title=_word(facts, "title", path),
        listed=_listed_lines(folder / "lines.csv"),
        rotations=rotations_of_symbol(symbol, cell, where=str(path)) if symbol else (),
        notices=(unknown,) if intensities == "unknown" else (),
        intensities_known=intensities != "unknown",
    )


def _listed_lines(path: Path) -> tuple[ListedLine, ...]:
    lines = []
    text = path.read_text(encoding="utf-8-sig", errors="replace")
    for number, row in enumerate(csv.DictReader(text.splitlines()), start=2):
        try:
            hkl = (int(row["h"]), int(row["k"]), int(row["l"])) if row.get("h") else None
            line = ListedLine(d_spacing=float(row["d"]), intensity=float(row["I"]), hkl=hkl)
        except (KeyError, TypeError, ValueError) as error:
            raise CifError(f"{path}, line {number}: needs the columns d (Å) and I, and h, k, l if indexed, as numbers.") from error
        if not (0.1 < line.d_spacing < 100.0 and 0.0 <= line.intensity < float("inf")):
            raise CifError(f"{path}, line {number}: d must lie between 0.1 and 100 Å and I must not be negative.")
        lines.append(line)
    if not lines:
        raise CifError(f"{path} lists no lines; give d (Å) and I, one line a row.")
    return tuple(lines)


def _facts(path: Path) -> Mapping[str, object]:
    if not path.is_file():
        return {}
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CifError(f"{path} is not valid TOML: {error}; correct that line.") from error


def _word(facts: Mapping[str, object], key: str, path: Path) -> str:
    value = facts.get(key, "")
    if not isinstance(value, str):
        raise CifError(f"{path} gives {key} = {value!r}; write it in quotes.")
    return value


def _number(facts: Mapping[str, object], key: str, path: Path) -> float | None:
    value = facts.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0.0 <= value < 1e4:
        raise CifError(f"{path} gives {key} = {value!r}; it must be a number that is not negative.")
    return float(value)


def _role(facts: Mapping[str, object], path: Path) -> str:
    role = _word(facts, "role", path) or "other"
    if role not in ROLES:
        raise CifError(f"{path} gives role = {role!r}; it must be one of {', '.join(ROLES)}.")
    return role


def _cell(facts: Mapping[str, object], path: Path) -> Cell:
    given = facts.get("cell")
    if not isinstance(given, Mapping) or not all(isinstance(given.get(key), int | float) for key in _CELL_KEYS):
        raise CifError(f"{path} needs a table [cell] with a, b, c in Å and alpha, beta, gamma in degrees.")
    try:
        return Cell(**{key: float(given[key]) for key in _CELL_KEYS})
    except RecordError as error:
        raise CifError(f"{path} has an impossible cell: {error}") from error


def _refuse_name(name: str, path: Path) -> None:
    if not name.strip() or "," in name or name != name.strip():
        raise PhaseChoiceError(f"{path} would be a phase named {name!r}, which --phases cannot choose; rename it without commas.")
