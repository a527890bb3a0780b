"""`xrdkna phases`: the library as a person sees it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]  # conftest's fixture `xrdkna`

# One phase of the CsCl kind with a cell that no reference phase has.
SIMPLE_CIF = """data_simple
_cell_length_a 4.123
_cell_length_b 4.123
_cell_length_c 4.123
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
_space_group_name_H-M_alt 'P m -3 m'
_space_group_IT_number 221
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
_atom_site_occupancy
Cs1 Cs 0 0 0 1
Cl1 Cl 0.5 0.5 0.5 1
"""


def test_the_library_is_listed_with_roles_and_cells(xrdkna: Run) -> None:
    ran = xrdkna("phases", "--json", "-")
    assert ran.status == 0
    listed = {phase["phase"]: phase for phase in json.loads(ran.out)["phases"]}
    assert {"K", "KNa2", "K2CO3", "Al", "Al2O3"} <= set(listed)
    assert listed["K2CO3"]["role"] == "contamination"
    assert listed["KNa2"]["cell"]["c"] == pytest.approx(12.31, abs=0.02)
    text = xrdkna("phases").out
    assert all(name in text for name in listed)


def test_the_lines_of_the_marker_phase_lie_where_the_cell_puts_them(xrdkna: Run) -> None:
    document = json.loads(xrdkna("phases", "--show", "KNa2", "--radiation", "CuKa", "--json", "-").out)
    (marker,) = (line for line in document["lines"] if line["hkl"] == [1, 0, 3])
    assert marker["two_theta"] == pytest.approx(25.66, abs=0.01)


def test_the_overlap_that_matters_is_listed_and_goes_when_the_width_shrinks(xrdkna: Run) -> None:
    def pairs(width: str) -> str:
        return str(xrdkna("phases", "--overlaps", "--width", width, "--radiation", "CuKa", "--phases", "KNa2,Al2O3").out)

    assert "KNa2 (1 0 3)" in pairs("0.1")
    assert "KNa2 (1 0 3)" not in pairs("0.01")


@pytest.mark.parametrize("question", [["--show", "KNa2"], ["--overlaps"]], ids=" ".join)
def test_angles_are_not_given_without_a_wavelength(question: list[str], xrdkna: Run) -> None:
    ran = xrdkna("phases", *question)
    assert ran.status == 2
    assert "--radiation" in ran.sentence


def test_an_unknown_phase_cannot_be_shown(xrdkna: Run) -> None:
    ran = xrdkna("phases", "--show", "Kryptonite", "--radiation", "CuKa")
    assert ran.status == 2
    assert "Kryptonite" in ran.sentence


def test_a_structure_file_joins_the_library_under_its_own_name(tmp_path: Path, xrdkna: Run) -> None:
    cif = tmp_path / "my salt.cif"
    cif.write_text(SIMPLE_CIF)
    document = json.loads(xrdkna("phases", "--cif", cif, "--show", "my salt", "--radiation", "CuKa", "--json", "-").out)
    first = document["lines"][0]
    assert first["hkl"] == [1, 0, 0]
    assert first["d"] == pytest.approx(4.123, abs=1e-3)
