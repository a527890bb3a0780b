"""What the phase tests share: the bundled library, copper radiation, the authorities' files, and a writer of small CIFs."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from xrdkna.phases.library import load_library
from xrdkna.physics.radiation import tube_radiation
from xrdkna.records.instrument import Instrument
from xrdkna.records.phases import Library

ROOT = Path(__file__).resolve().parents[2]

# Rock salt with every item a test may want to break.
ROCK_SALT: dict[str, str] = {
    "_cell_length_a": "5.64",
    "_cell_length_b": "5.64",
    "_cell_length_c": "5.64",
    "_cell_angle_alpha": "90",
    "_cell_angle_beta": "90",
    "_cell_angle_gamma": "90",
    "_space_group_name_H-M_alt": "'F m -3 m'",
    "_space_group_IT_number": "225",
    "_chemical_formula_sum": "'Cl Na'",
    "_cell_formula_units_Z": "4",
}
ROCK_SALT_ATOMS = "Na1 Na1+ 0 0 0 1 1.0\nCl1 Cl1- 0.5 0.5 0.5 1 1.0"
COLUMNS = ("label", "type_symbol", "fract_x", "fract_y", "fract_z", "occupancy", "B_iso_or_equiv")


@pytest.fixture(scope="session")
def library() -> Library:
    return load_library()


@pytest.fixture(scope="session")
def copper() -> Instrument:
    return Instrument(radiation=tube_radiation("Cu"))


@pytest.fixture(scope="session")
def reference_folder() -> Path:
    return ROOT / "reference_phases"


@pytest.fixture(scope="session")
def structures() -> Path:
    folder = ROOT.parent / "shared" / "real" / "structures"
    if not folder.is_dir():
        pytest.skip("the folder shared/real/structures with the authorities' files is not beside the project")
    return folder


@pytest.fixture
def write_cif(tmp_path: Path) -> Callable[..., Path]:
    """A CIF of rock salt with some items changed (None: left out), other atoms, other columns, or operators added."""

    def write(
        changes: Mapping[str, str | None] | None = None,
        *,
        atoms: str = ROCK_SALT_ATOMS,
        columns: tuple[str, ...] = COLUMNS,
        operators: tuple[str, ...] = (),
        extra: str = "",
        name: str = "salt.cif",
    ) -> Path:
        items = {key: value for key, value in {**ROCK_SALT, **(changes or {})}.items() if value is not None}
        lines = ["data_salt", *(f"{key} {value}" for key, value in items.items())]
        if operators:
            lines += ["loop_", "_space_group_symop_operation_xyz", *(f"'{operator}'" for operator in operators)]
        lines += ["loop_", *(f"_atom_site_{column}" for column in columns), atoms, extra]
        path = tmp_path / name
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    return write
