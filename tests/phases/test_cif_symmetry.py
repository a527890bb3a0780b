"""The space group a CIF means: from operators, any dialect of its symbol, a setting, an origin."""

from collections.abc import Callable
from pathlib import Path

import gemmi
import numpy as np
import pytest

from xrdkna.phases.cif import phase_from_cif
from xrdkna.phases.reflections import reflections_of
from xrdkna.physics.lattice import cell_volume
from xrdkna.records.instrument import Instrument
from xrdkna.records.phases import Phase

Writer = Callable[..., Path]
PLAIN = ("label", "fract_x", "fract_y", "fract_z")
SPINEL = {
    **{f"_cell_length_{edge}": "8.08" for edge in "abc"},
    "_space_group_name_H-M_alt": "'F d -3 m'",
    "_space_group_IT_number": "227",
    "_chemical_formula_sum": "'Al2 Mg O4'",
    "_cell_formula_units_Z": "8",
}
MONOCLINIC = {"_cell_length_b": "7.1", "_cell_length_c": "8.3", "_cell_angle_beta": "105", "_cell_formula_units_Z": None}


def contents(phase: Phase) -> dict[str, float]:
    found: dict[str, float] = {}
    for site in phase.sites:
        found[site.element] = found.get(site.element, 0.0) + site.occupancy
    return found


def codes(phase: Phase) -> list[str]:
    return [notice.code for notice in phase.notices]


@pytest.mark.parametrize(
    ("symbol", "changes", "number"),
    [
        ("P 1 21/c 1", MONOCLINIC, 14),
        ("P 21/c", MONOCLINIC, 14),
        ("P2_1/c", MONOCLINIC, 14),
        ("P 1 21/n 1", MONOCLINIC, 14),
        ("P 21/a", MONOCLINIC, 14),
        ("C 2/m", MONOCLINIC, 12),
        ("F m 3 m", {}, 225),
        ("Fm-3m", {}, 225),
        ("I m -3 m", {}, 229),
    ],
)
def test_a_symbol_gives_the_operators_gemmi_gives(write_cif: Writer, symbol: str, changes: dict[str, str], number: int) -> None:
    wanted = {**changes, "_space_group_name_H-M_alt": f"'{symbol}'", "_space_group_IT_number": None, "_chemical_formula_sum": "Na"}
    wanted |= {"_cell_formula_units_Z": None}
    phase = phase_from_cif(
        write_cif(wanted, atoms=f"Na1 0.11 0.23 0.37 {0.1 if not changes else 1}", columns=(*PLAIN, "occupancy")), name="x"
    )
    group = gemmi.find_spacegroup_by_name(symbol.replace("_", "").replace("m 3 m", "m -3 m"))
    assert phase.space_group_number == number == group.number
    ours = sorted(tuple(np.round([s.x, s.y, s.z], 6) % 1) for s in phase.sites)
    theirs = sorted(tuple(np.round(np.array(op.apply_to_xyz([0.11, 0.23, 0.37])) % 1, 6) % 1) for op in group.operations())
    np.testing.assert_allclose(ours, theirs, atol=2e-6)


def test_only_a_number_means_the_standard_setting_and_is_said(write_cif: Writer) -> None:
    changes = {**MONOCLINIC, "_space_group_name_H-M_alt": None, "_space_group_IT_number": "14", "_chemical_formula_sum": "Na"}
    phase = phase_from_cif(write_cif(changes, atoms="Na1 0.11 0.23 0.37 1 1", columns=(*PLAIN, "occupancy", "B_iso_or_equiv")), name="x")
    assert codes(phase) == ["cif-setting-assumed"]
    assert "P 1 21/c 1" in phase.notices[0].sentence


def test_a_rhombohedral_cell_and_its_hexagonal_one_scatter_alike(write_cif: Writer, copper: Instrument) -> None:
    """Bismuth-like A7: a 4.75 Å, α 57.2° is a_H 4.5475, c_H 11.8625."""
    common = {"_space_group_name_H-M_alt": "'R -3 m'", "_space_group_IT_number": "166", "_chemical_formula_sum": "Bi"}
    common |= {"_cell_formula_units_Z": None}
    alpha = np.radians(57.2)
    a_h, c_h = 2 * 4.75 * np.sin(alpha / 2), 4.75 * np.sqrt(3 * (1 + 2 * np.cos(alpha)))
    rhombic = {f"_cell_length_{e}": "4.75" for e in "abc"} | {f"_cell_angle_{e}": "57.2" for e in ("alpha", "beta", "gamma")}
    hexagonal = {"_cell_length_a": f"{a_h:.8f}", "_cell_length_b": f"{a_h:.8f}", "_cell_length_c": f"{c_h:.8f}", "_cell_angle_gamma": "120"}
    columns = (*PLAIN, "B_iso_or_equiv")
    small = phase_from_cif(write_cif({**common, **rhombic}, atoms="Bi1 0.234 0.234 0.234 1", columns=columns), name="r")
    large = phase_from_cif(write_cif({**common, **hexagonal}, atoms="Bi1 0 0 0.234 1", columns=columns), name="h")
    assert (len(small.sites), len(large.sites)) == (2, 6)
    one, three = (reflections_of(phase, instrument=copper, two_theta_max=80) for phase in (small, large))
    np.testing.assert_allclose(one.d_spacing, three.d_spacing, rtol=1e-6)
    np.testing.assert_allclose(one.multiplicity, three.multiplicity)
    np.testing.assert_allclose(one.f_squared / cell_volume(small.cell) ** 2, three.f_squared / cell_volume(large.cell) ** 2, rtol=1e-5)


@pytest.mark.parametrize(
    ("suffix", "atoms"),
    [
        ("", "Mg 0.125 0.125 0.125\nAl 0.5 0.5 0.5\nO 0.2624 0.2624 0.2624"),
        (" Z", "Mg 0.125 0.125 0.125\nAl 0.5 0.5 0.5\nO 0.2624 0.2624 0.2624"),
        (" :2", "Mg 0.125 0.125 0.125\nAl 0.5 0.5 0.5\nO 0.2624 0.2624 0.2624"),
        ("", "Mg 0 0 0\nAl 0.625 0.625 0.625\nO 0.3874 0.3874 0.3874"),
        (" S", "Mg 0 0 0\nAl 0.625 0.625 0.625\nO 0.3874 0.3874 0.3874"),
    ],
)
def test_spinel_has_one_pattern_from_either_origin(write_cif: Writer, copper: Instrument, suffix: str, atoms: str) -> None:
    changes = {**SPINEL, "_space_group_name_H-M_alt": f"'F d -3 m{suffix}'"}
    phase = phase_from_cif(write_cif(changes, atoms=atoms, columns=PLAIN), name="spinel", biso=0.5)
    assert contents(phase) == {"Mg": 8, "Al": 16, "O": 32}
    reflections = reflections_of(phase, instrument=copper, two_theta_max=70)
    strongest = np.argmax(reflections.multiplicity * reflections.f_squared)
    assert tuple(reflections.hkl[strongest]) == (4, 4, 0)
    assert ("cif-setting-assumed" in codes(phase)) == (suffix == "")


def test_a_cif_in_p1_that_says_so_is_allowed(write_cif: Writer) -> None:
    changes = {"_space_group_name_H-M_alt": "'P 1'", "_space_group_IT_number": "1", "_cell_formula_units_Z": "1"}
    path = write_cif(changes, atoms="Na1 Na 0 0 0 1 1\nCl1 Cl 0.5 0.5 0.5 1 1", operators=("x,y,z",))
    assert phase_from_cif(path, name="x").crystal_system == "triclinic"


def test_operators_without_a_symbol_are_enough(write_cif: Writer) -> None:
    operators = tuple(op.triplet() for op in gemmi.find_spacegroup_by_name("F m -3 m").operations())
    changes = {"_space_group_name_H-M_alt": None, "_space_group_IT_number": None}
    phase = phase_from_cif(write_cif(changes, operators=operators), name="salt")
    assert (phase.space_group_number, phase.crystal_system) == (225, "cubic")
