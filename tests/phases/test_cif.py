"""Every way a CIF can be wrong, odd or merely old: read rightly, or refused in one sentence."""

from collections.abc import Callable
from pathlib import Path

import gemmi
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from xrdkna.errors import CifError
from xrdkna.phases.cif import phase_from_cif
from xrdkna.records.phases import Phase

Writer = Callable[..., Path]
PLAIN = ("label", "fract_x", "fract_y", "fract_z")
HEXAGONAL = {"_cell_length_a": "2.95", "_cell_length_b": "2.95", "_cell_length_c": "4.68", "_cell_angle_gamma": "120"}
ZINC = {**HEXAGONAL, "_space_group_name_H-M_alt": "'P 63/m m c'", "_space_group_IT_number": "194", "_chemical_formula_sum": "Zn"}
MONOCLINIC = {"_cell_length_b": "7.1", "_cell_length_c": "8.3", "_cell_angle_beta": "105", "_cell_formula_units_Z": None}


def contents(phase: Phase) -> dict[str, float]:
    found: dict[str, float] = {}
    for site in phase.sites:
        found[site.element] = found.get(site.element, 0.0) + site.occupancy
    return found


def codes(phase: Phase) -> list[str]:
    return [notice.code for notice in phase.notices]


def test_a_plain_cif_is_read_without_a_remark(write_cif: Writer) -> None:
    phase = phase_from_cif(write_cif(), name="salt")
    assert contents(phase) == {"Na": 4, "Cl": 4}
    assert (phase.crystal_system, phase.space_group_number, phase.formula, phase.role) == ("cubic", 225, "Cl Na", "other")
    assert phase.cell_mass == pytest.approx(4 * 58.44, abs=0.02)
    assert phase.notices == ()


@pytest.mark.parametrize("third", ["0.333", "0.3333", "0.33333", "0.333333333", "1/3"])
def test_a_special_position_written_with_few_digits_does_not_multiply(write_cif: Writer, third: str) -> None:
    two_thirds = {"1/3": "2/3"}.get(third, third.replace("3", "6")[:-1] + "7")
    changes = {**ZINC, "_cell_formula_units_Z": "2"}
    phase = phase_from_cif(write_cif(changes, atoms=f"Zn {third} {two_thirds} 0.25", columns=PLAIN), name="zinc")
    assert sorted((round(s.x, 6), round(s.y, 6), s.z) for s in phase.sites) == [(0.333333, 0.666667, 0.25), (0.666667, 0.333333, 0.75)]


def test_an_atom_really_off_its_special_position_does_multiply(write_cif: Writer) -> None:
    split = "Zn1 0.31000 0.62000 0.25000 0.3333"
    changes = {**ZINC, "_cell_formula_units_Z": "2"}
    phase = phase_from_cif(write_cif(changes, atoms=split, columns=(*PLAIN, "occupancy")), name="zinc")
    assert len(phase.sites) == 6
    assert contents(phase)["Zn"] == pytest.approx(2.0, abs=1e-3)


def test_the_listed_multiplicity_decides_where_digits_are_too_few(write_cif: Writer) -> None:
    atoms = "Zn1 0.32 0.68 0.25 2"
    changes = {**ZINC, "_cell_formula_units_Z": "2"}
    phase = phase_from_cif(write_cif(changes, atoms=atoms, columns=(*PLAIN, "symmetry_multiplicity")), name="zinc")
    assert len(phase.sites) == 2


def test_multiplicity_and_formula_that_both_disagree_are_refused(write_cif: Writer) -> None:
    atoms = "Zn1 0.1 0.2 0.1 2"
    changes = {**ZINC, "_cell_formula_units_Z": "2"}
    with pytest.raises(CifError, match=r"multiplicities \(of Zn1\) and a composition"):
        phase_from_cif(write_cif(changes, atoms=atoms, columns=(*PLAIN, "symmetry_multiplicity")), name="zinc")


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(digits=st.integers(4, 8), group=st.sampled_from(("P 63/m m c", "R -3 m :H", "P 31 2 1", "P 6/m m m", "R -3 c :H")))
def test_rounding_any_special_position_leaves_its_multiplicity(write_cif: Writer, digits: int, group: str) -> None:
    number = gemmi.find_spacegroup_by_name(group.replace(" :", ":")).number
    changes = {**HEXAGONAL, "_space_group_name_H-M_alt": f"'{group}'", "_space_group_IT_number": str(number)}
    changes |= {"_chemical_formula_sum": None, "_cell_formula_units_Z": None}
    sizes = []
    for places in (digits, 12):
        atom = f"Zn {1 / 3:.{places}f} {2 / 3:.{places}f} {2 / 3:.{places}f} 0.01"
        sizes.append(len(phase_from_cif(write_cif(changes, atoms=atom, columns=(*PLAIN, "occupancy")), name="zinc", biso=1.0).sites))
    assert sizes[0] == sizes[1]


@pytest.mark.parametrize(("column", "value", "expected"), [("B_iso_or_equiv", "2.0", 2.0), ("U_iso_or_equiv", "0.02533(4)", 2.0)])
def test_b_and_u_are_told_apart(write_cif: Writer, column: str, value: str, expected: float) -> None:
    atoms = f"Na1 0 0 0 {value}\nCl1 0.5 0.5 0.5 {value}"
    phase = phase_from_cif(write_cif(atoms=atoms, columns=(*PLAIN, column)), name="salt")
    assert {round(site.biso, 3) for site in phase.sites} == {expected}


def test_an_anisotropic_tensor_gives_its_equivalent_as_gemmi_computes_it(write_cif: Writer) -> None:
    tensor = (0.02, 0.03, 0.01, 0.001, 0.004, 0.002)
    table = "loop_\n" + "\n".join(f"_atom_site_aniso_{c}" for c in ("label", "U_11", "U_22", "U_33", "U_12", "U_13", "U_23"))
    table += "\nNa1 " + " ".join(map(str, tensor))
    changes = {**MONOCLINIC, "_space_group_name_H-M_alt": "'P -1'", "_space_group_IT_number": "2", "_chemical_formula_sum": "Na"}
    changes |= {"_cell_angle_alpha": "95", "_cell_angle_gamma": "80"}
    path = write_cif(changes, atoms="Na1 0.1 0.2 0.3", columns=PLAIN, extra=table)
    phase = phase_from_cif(path, name="x")
    small = gemmi.read_small_structure(str(path))
    matrix = np.array(small.cell.orth.mat.tolist())
    reciprocal = np.diag([small.cell.reciprocal().a, small.cell.reciprocal().b, small.cell.reciprocal().c])
    u11, u22, u33, u12, u13, u23 = tensor
    beta = reciprocal @ np.array([[u11, u12, u13], [u12, u22, u23], [u13, u23, u33]]) @ reciprocal
    assert phase.sites[0].biso == pytest.approx(8 * np.pi**2 * np.trace(matrix @ beta @ matrix.T) / 3, rel=1e-6)
    assert phase.notices == ()


@pytest.mark.parametrize("column", ["occupancy", "B_iso_or_equiv"])
def test_a_missing_displacement_is_assumed_and_said(write_cif: Writer, column: str) -> None:
    value = "1" if column == "occupancy" else "?"
    atoms = f"Na1 0 0 0 {value}\nCl1 0.5 0.5 0.5 {value}"
    path = write_cif(atoms=atoms, columns=(*PLAIN, column))
    assumed, told = phase_from_cif(path, name="salt"), phase_from_cif(path, name="salt", biso=3.0)
    assert {site.biso for site in assumed.sites} == {0.5}
    assert {site.biso for site in told.sites} == {3.0}
    assert codes(assumed) == ["cif-displacement"]
    assert "Na1, Cl1" in assumed.notices[0].sentence


def test_charges_are_dropped_and_deuterium_scatters_as_hydrogen_but_weighs_two(write_cif: Writer) -> None:
    changes = {"_chemical_formula_sum": "'D Na'"}
    path = write_cif(changes, atoms="Na1 Na1+ 0 0 0 1 1\nD1 D1- 0.5 0.5 0.5 1 1")
    phase = phase_from_cif(path, name="NaD")
    assert contents(phase) == {"Na": 4, "H": 4}
    assert phase.cell_mass == pytest.approx(4 * (22.990 + 2.014), abs=0.01)


@pytest.mark.parametrize(
    ("label", "formula", "element"),
    [("CA1", "'Ca O'", "Ca"), ("CA1", "'C O'", "C"), ("HO1", "'H O'", "H"), ("OW", "'O'", "O"), ("OII", "'O'", "O"), ("Cl1", "Cl", "Cl")],
)
def test_a_bare_label_is_read_with_the_formulas_help(write_cif: Writer, label: str, formula: str, element: str) -> None:
    changes = {"_chemical_formula_sum": formula, "_cell_formula_units_Z": None} | {f"_cell_length_{edge}": "4.2" for edge in "abc"}
    phase = phase_from_cif(write_cif(changes, atoms=f"{label} 0 0 0", columns=PLAIN), name="x")
    assert {site.element for site in phase.sites} == {element}


def test_a_mixed_site_that_is_full_is_one_site(write_cif: Writer) -> None:
    atoms = "Na1 Na 0 0 0 0.6 1\nK1 K 0 0 0 0.4 1\nCl1 Cl 0.5 0.5 0.5 1 1"
    phase = phase_from_cif(write_cif({"_chemical_formula_sum": "'Cl K0.4 Na0.6'"}, atoms=atoms), name="x")
    assert contents(phase) == pytest.approx({"Na": 2.4, "K": 1.6, "Cl": 4})
    assert phase.notices == ()


def test_several_structures_in_one_file_give_the_first_and_say_so(write_cif: Writer, tmp_path: Path) -> None:
    first, second = write_cif(name="a.cif"), write_cif({"_cell_length_a": "6"}, name="b.cif")
    both = tmp_path / "both.cif"
    other = second.read_text().replace("data_salt", "data_other")
    both.write_text("data_about\n_publ_author_name 'A. B.'\n" + first.read_text() + other)
    phase = phase_from_cif(both, name="x")
    assert phase.cell.a == 5.64
    assert codes(phase) == ["cif-several-structures"]
    assert "other" in phase.notices[0].sentence


@pytest.mark.parametrize("name", ["Na2CO3-Natrite", "LaB6_cod_1000055", "K2O", "TiO2-Anatase", "ZnO-Zincite", "CaF2-Fluorite"])
def test_database_files_hold_what_gemmi_finds_in_them(structures: Path, name: str) -> None:
    path = structures / f"{name}.cif"
    phase = phase_from_cif(path, name=name)
    small = gemmi.read_small_structure(str(path))
    theirs: dict[str, float] = {}
    for site in small.get_all_unit_cell_sites():
        theirs[site.element.name] = theirs.get(site.element.name, 0.0) + site.occ
    assert contents(phase) == pytest.approx(theirs, abs=1e-3)


def test_a_certification_file_of_eight_blocks_is_read(structures: Path) -> None:
    phase = phase_from_cif(structures.parent / "certified" / "nist_srm660c_100a.cif", name="LaB6")
    assert contents(phase) == pytest.approx({"La": 1, "B": 6})
    assert phase.cell.a == pytest.approx(4.1568, abs=2e-4)


def test_a_cell_measured_cold_is_pointed_out(write_cif: Writer) -> None:
    phase = phase_from_cif(write_cif({"_diffrn_ambient_temperature": "78"}), name="salt")
    assert codes(phase) == ["cif-temperature"]


def test_stray_text_is_passed_over_and_pointed_out(write_cif: Writer) -> None:
    path = write_cif()
    path.write_text(path.read_text().replace("_cell_length_b", "hello\n_cell_length_b"))
    phase = phase_from_cif(path, name="salt")
    assert codes(phase) == ["cif-stray-text"]
    assert "'hello'" in phase.notices[0].sentence
