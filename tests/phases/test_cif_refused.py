"""What is no CIF, or describes no possible crystal, is refused in one sentence that names file, place and remedy."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from xrdkna.errors import CifError
from xrdkna.phases.cif import phase_from_cif

Writer = Callable[..., Path]

P1_OPERATOR = {"operators": ("x,y,z",)}
REFUSED = {
    "a cell edge of zero": ({"_cell_length_a": "0"}, {}, "_cell_length_a as 0; it must be positive"),
    "a negative cell edge": ({"_cell_length_b": "-5.6"}, {}, "_cell_length_b as -5.6; it must be positive"),
    "no cell angle": ({"_cell_angle_beta": None}, {}, "gives no _cell_angle_beta"),
    "a cell edge that is no number": ({"_cell_length_c": "five"}, {}, "gives no _cell_length_c that is a number"),
    "angles that close no volume": (
        {"_cell_angle_alpha": "150", "_cell_angle_beta": "150", "_cell_angle_gamma": "150"},
        {},
        "impossible cell",
    ),
    "an unknown symbol": ({"_space_group_name_H-M_alt": "'Q 5 x'"}, {}, "names a space group 'Q 5 x' that is not known"),
    "no space group": ({"_space_group_name_H-M_alt": None, "_space_group_IT_number": None}, {}, "says no space group"),
    "a number over 230": ({"_space_group_IT_number": "231"}, {}, "space-group number '231'"),
    "symbol against number": ({"_space_group_IT_number": "194"}, {}, "but gives the number 194"),
    "only x,y,z for a cubic group": ({}, P1_OPERATOR, "which has 48 rotations, but lists operators with 1"),
    "only x,y,z and no word of P 1": (
        {"_space_group_name_H-M_alt": None, "_space_group_IT_number": None},
        P1_OPERATOR,
        "does not say that its space group is P 1",
    ),
    "operators that are no group": ({}, {"operators": ("x,y,z", "-x,-y,z", "y,z,x")}, "not a complete group"),
    "an operator that is no operator": ({}, {"operators": ("x,y,z", "x,y,q")}, "operator 'x,y,q' that cannot be read"),
    "a symmetry the cell has not": ({"_cell_length_c": "7"}, {}, "symmetry its cell"),
    "no atoms": ({}, {"atoms": ""}, "no atoms|cut off|complete table"),
    "only vacancies": ({}, {"atoms": "Na1 Na 0 0 0 0 1"}, "every row of its atom table is a vacancy"),
    "an atom without a place": ({}, {"atoms": "Na1 Na ? 0 0 1 1"}, "gives atom Na1 the coordinates"),
    "an occupancy over one": ({}, {"atoms": "Na1 Na 0 0 0 1.5 1"}, "Na1 an occupancy of 1.5"),
    "a negative occupancy": ({}, {"atoms": "Na1 Na 0 0 0 -0.5 1"}, "Na1 an occupancy of -0.5"),
    "an overfull mixed site": ({}, {"atoms": "Na1 Na 0 0 0 0.7 1\nK1 K 0 0 0 0.7 1"}, "K1, Na1 on one site .* sum to 1.4"),
    "an atom listed twice": ({}, {"atoms": "Na1 Na 0 0 0 1 1\nNa2 Na 0.5 0.5 0 1 1"}, "Na1, Na2 on one site .* sum to 2"),
    "atoms on each other": ({}, {"atoms": "Na1 Na 0 0 0 1 1\nCl1 Cl 0.05 0 0 1 1"}, "0.28 Å apart"),
    "no such element": ({}, {"atoms": "Xx1 Xx 0 0 0 1 1"}, "'Xx1' that is no element"),
    "a cell in nanometres": ({f"_cell_length_{e}": "0.564" for e in "abc"}, {}, "apart|density"),
    "a cell far too large": ({f"_cell_length_{e}": "56.4" for e in "abc"}, {}, "density of"),
    "a short row": ({}, {"atoms": "Na1 Na 0 0 0 1 1\nCl1 Cl 0.5"}, "cut off"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_no_crystal_is_refused_in_one_sentence(write_cif: Writer, what: str) -> None:
    changes, options, sentence = REFUSED[what]
    path = write_cif(changes, **options)
    with pytest.raises(CifError, match=sentence) as caught:
        phase_from_cif(path, name="salt")
    message = str(caught.value)
    assert str(path) in message
    assert message.endswith(".")
    assert "\n" not in message


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty"),
        (b"   \n\n", "is empty"),
        (b"2theta counts\n10 5\n11 6\n", "is not a CIF"),
        (b"\x89PNG\r\n\x1a\n\0\0\0", "is a binary file"),
        (b"data_x\n_cell_length_a 5\n", "holds no atoms"),
        (b"data_x\nloop_\n_atom_site_label\n_atom_site_fract_x\n_atom_site_fract_y\n", "no atoms|cut off|no complete table"),
        (b"data_\xff\xfe\n_cell_length_a \xe9\n", "holds no atoms"),
        (b"data_x\nloop_\nloop_\n1 2 3\n", "cut off|no atoms"),
    ],
)
def test_what_is_no_cif_is_refused_in_one_sentence(tmp_path: Path, content: bytes, sentence: str) -> None:
    path = tmp_path / "bad.cif"
    path.write_bytes(content)
    with pytest.raises(CifError, match=sentence):
        phase_from_cif(path, name="bad")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CifError, match=r"there is no file .*gone\.cif"):
        phase_from_cif(tmp_path / "gone.cif", name="gone")


def test_a_cif_cut_off_anywhere_is_read_or_refused_but_never_breaks(reference_folder: Path, tmp_path: Path) -> None:
    whole = (reference_folder / "KHCO3" / "phase.cif").read_text()
    outcomes = set()
    for length in range(0, len(whole), 23):
        path = tmp_path / "cut.cif"
        path.write_text(whole[:length])
        try:
            outcomes.add(f"{len(phase_from_cif(path, name='cut').sites)} atoms")
        except CifError as error:
            outcomes.add("refused, naming the file" if str(path) in str(error) else str(error))
    assert "refused, naming the file" in outcomes
    assert all(outcome.endswith(("atoms", "naming the file")) for outcome in outcomes)


def test_a_million_atoms_are_refused_at_once(write_cif: Writer) -> None:
    rows = "\n".join(["C1 C 0.1234 0.2345 0.3456 1 1"] * 1_000_000)
    path = write_cif(atoms=rows)
    start = time.perf_counter()
    with pytest.raises(CifError, match=r"lists over 20000 atoms; .* at most 5000"):
        phase_from_cif(path, name="box")
    assert time.perf_counter() - start < 2.0


def test_more_atoms_than_a_cell_may_hold_are_refused_before_they_are_all_made(write_cif: Writer) -> None:
    rows = "\n".join(f"C{k} C {0.001 + k / 997:.5f} {k / 499 % 1:.5f} {k / 293 % 1:.5f} 0.001 1" for k in range(900))
    start = time.perf_counter()
    with pytest.raises(CifError, match="more than 5000 atoms in its cell"):
        phase_from_cif(write_cif({f"_cell_length_{e}": "60" for e in "abc"}, atoms=rows), name="box")
    assert time.perf_counter() - start < 2.0
