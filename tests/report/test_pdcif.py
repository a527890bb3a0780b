"""Powder CIF of a refinement, read back by gemmi."""

import math
import re
from dataclasses import replace
from pathlib import Path

import gemmi
import numpy as np
import pytest

from xrdkna.errors import PhaseChoiceError, UsageError
from xrdkna.phases.library import load_library
from xrdkna.physics.radiation import radiation_from_text
from xrdkna.pipeline import Settings, refine_scan
from xrdkna.read.formats import read_scan
from xrdkna.records.instrument import Instrument
from xrdkna.records.phases import Cell, Library, Phase, Site
from xrdkna.records.refinement import ConfidenceInterval, FittedLine
from xrdkna.report.pdcif import pdcif_text, write_pdcif

SAMPLE = Path(__file__).resolve().parents[2] / "samples" / "contaminated.xy"
# As spelled in the core dictionary (cif_core 2.4.5) and the powder dictionary (cif_pd 1.0.1) of the IUCr.
OFFICIAL = set(
    re.findall(
        r"\S+",
        """_audit_creation_method _computing_structure_refinement _chemical_formula_sum _space_group_crystal_system
    _space_group_name_h-m_alt _space_group_it_number _cell_length_a _cell_length_b _cell_length_c _cell_angle_alpha _cell_angle_beta
    _cell_angle_gamma _diffrn_radiation_probe _diffrn_radiation_type _diffrn_radiation_monochromator _diffrn_radiation_wavelength
    _diffrn_radiation_wavelength_id _diffrn_radiation_wavelength_wt _refine_ls_goodness_of_fit_all _refine_ls_number_parameters
    _refln_index_h _refln_index_k _refln_index_l _refln_d_spacing _refln_intensity_calc _pd_block_id _pd_block_diffractogram_id
    _pd_meas_datetime_initiated _pd_meas_number_of_points _pd_meas_2theta_scan _pd_meas_intensity_total _pd_instr_geometry
    _pd_instr_dist_src/spec _pd_instr_dist_spec/detc _pd_calc_method _pd_calc_intensity_total _pd_proc_number_of_points
    _pd_proc_info_excluded_regions _pd_proc_intensity_bkg_calc _pd_proc_ls_weight _pd_proc_ls_prof_wr_factor
    _pd_proc_ls_prof_wr_expected _pd_proc_ls_special_details _pd_proc_ls_pref_orient_corr _pd_phase_id _pd_phase_name
    _pd_phase_block_id _pd_phase_mass_% _pd_refln_phase_id""",
    )
)
SYSTEMS = {"Al": ("cubic", "F m -3 m", 225), "K": ("cubic", "I m -3 m", 229), "KNa2": ("hexagonal", "P 63/m m c", 194)}


@pytest.fixture(scope="module")
def library():
    return load_library()


@pytest.fixture(scope="module")
def fitted(library):
    settings = Settings(radiation=radiation_from_text("CuKa"), radius_mm=240.0, phases=("Al", "Al2O3", "K", "K2CO3"))
    return refine_scan(read_scan(SAMPLE), library, settings)


@pytest.fixture(scope="module")
def document(fitted, library, tmp_path_factory):
    path = tmp_path_factory.mktemp("cif") / "fit.cif"
    write_pdcif(fitted, path, library=library)
    return gemmi.cif.read(str(path))


def crystals(names: dict[str, str]) -> Library:
    """The fixture's three phases by the names they have in an index, one atom each."""
    phases = {}
    for phase, (system, group, number) in SYSTEMS.items():
        cell = Cell(a=7.5, b=7.5, c=12.3, gamma=120.0) if system == "hexagonal" else Cell(a=4.0, b=4.0, c=4.0)
        name = names.get(phase, phase)
        phases[name] = Phase(
            name=name,
            formula="KHCO3" if phase == "K" else "K2CO3·1.5H2O" if phase == "Al" else "K Na2",
            role="other",
            crystal_system=system,
            space_group=group,
            space_group_number=number,
            cell=cell,
            sites=(Site(element="Al", x=0.0, y=0.0, z=0.0, occupancy=1.0, biso=0.5),),
            cell_mass=100.0,
            source="nobody's",
        )
    return Library(phases=phases)


def text_of(index, names: dict[str, str] | None = None) -> str:
    return pdcif_text(index, crystals(names or {}))


def read(index, names: dict[str, str] | None = None) -> gemmi.cif.Document:
    return gemmi.cif.read_string(text_of(index, names))


def string(block: gemmi.cif.Block, name: str) -> str:
    return gemmi.cif.as_string(block.find_value(name))


def columns(block: gemmi.cif.Block, *names: str) -> np.ndarray:
    return np.array([[gemmi.cif.as_number(value) for value in row] for row in block.find(list(names))]).T


def value_and_su(text: str) -> tuple[float, float]:
    number, _, su = text.rstrip(")").partition("(")
    return float(number), int(su) * 10.0 ** -len(number.partition(".")[2]) if su else 0.0


def test_every_phase_of_the_pattern_is_a_block_that_points_back(document, fitted):
    pattern, *phases = document
    linked = {gemmi.cif.as_string(row[1]): gemmi.cif.as_string(row[0]) for row in pattern.find(["_pd_phase_name", "_pd_phase_block_id"])}
    assert {string(block, "_pd_block_id"): string(block, "_pd_phase_name") for block in phases} == linked
    assert {string(block, "_pd_block_diffractogram_id") for block in phases} == {string(pattern, "_pd_block_id")}
    assert list(linked.values()) == [phase.phase for phase in fitted.refinement.phases]


def test_the_agreement_follows_from_the_points_as_printed(document):
    names = ("_pd_meas_intensity_total", "_pd_calc_intensity_total", "_pd_proc_ls_weight")
    observed, calculated, weight = columns(document[0], *names)
    rwp = math.sqrt(np.sum(weight * (observed - calculated) ** 2) / np.sum(weight * observed**2))
    assert rwp == pytest.approx(gemmi.cif.as_number(document[0].find_value("_pd_proc_ls_prof_wR_factor")), rel=1e-5)


def test_the_points_are_those_of_the_fit(document, fitted):
    fit = fitted.refinement
    names = ("_pd_meas_2theta_scan", "_pd_meas_intensity_total", "_pd_calc_intensity_total", "_pd_proc_intensity_bkg_calc")
    angle, observed, calculated, background = columns(document[0], *names)
    np.testing.assert_allclose(angle, fit.two_theta, atol=1e-6)
    np.testing.assert_array_equal(observed, fit.observed)  # counts are whole numbers
    np.testing.assert_allclose(calculated, fit.calculated, rtol=1e-6)
    np.testing.assert_allclose(background, fit.background, rtol=1e-6)
    su = [value_and_su(row[0])[1] for row in document[0].find(["_pd_meas_intensity_total"])]
    np.testing.assert_allclose(su, fit.sigma, rtol=6e-3)


def test_gemmi_finds_the_cell_the_group_and_the_spacings_of_every_phase(document):
    for block in list(document)[1:]:
        structure = gemmi.make_small_structure_from_block(block)
        group = gemmi.find_spacegroup_by_number(int(block.find_value("_space_group_IT_number")))
        assert structure.spacegroup.number == group.number
        operations = structure.spacegroup.operations()
        rows = columns(block, "_refln_index_h", "_refln_index_k", "_refln_index_l", "_refln_d_spacing").T
        assert len(rows) > 2
        for h, k, l, d in rows:
            hkl = [int(h), int(k), int(l)]
            # The cell is printed to its su: half a unit of the last digit of the poorest one here is 1e-5 of it.
            assert structure.cell.calculate_d(hkl) == pytest.approx(d, rel=2e-5)
            assert not operations.is_systematically_absent(hkl)


def test_cells_and_masses_come_back_within_their_printed_digits(document, fitted):
    for block, phase in zip(list(document)[1:], fitted.refinement.phases, strict=True):
        for name, estimate in phase.cell.items():
            value, su = value_and_su(block.find_value(f"_cell_{'length' if len(name) == 1 else 'angle'}_{name}"))
            assert abs(value - estimate.value) < 0.3 * estimate.esd
            assert su == pytest.approx(estimate.esd, rel=0.26)
        mass, su = value_and_su(block.find_value("_pd_phase_mass_%"))
        assert abs(mass - 100.0 * phase.weight_fraction.value) < 30.0 * phase.weight_fraction.esd
        assert su == pytest.approx(100.0 * phase.weight_fraction.esd, rel=0.26)
    (shares,) = columns(document[0], "_pd_phase_mass_%")
    assert shares.sum() == pytest.approx(100.0, abs=0.3)


def test_what_symmetry_ties_has_the_su_of_what_it_is_tied_to(document):
    corundum = next(block for block in document if block.find_value("_pd_phase_name") == "Al2O3")
    assert corundum.find_value("_cell_length_b") == corundum.find_value("_cell_length_a")
    assert corundum.find_value("_cell_angle_gamma") == "120"
    carbonate = next(block for block in document if block.find_value("_pd_phase_name") == "K2CO3")
    assert value_and_su(carbonate.find_value("_cell_angle_beta"))[1] > 0.0
    assert carbonate.find_value("_cell_angle_alpha") == "90"


def test_every_data_name_is_in_a_dictionary_or_this_programs_own(document, make_index):
    beam = replace(make_index().scan.instrument, monochromator_two_theta=26.6)
    other = read(replace(make_index(), scan=replace(make_index().scan, instrument=beam, points=4000)))
    used = {name for block in (*document, *other) for item in block for name in ([item.pair[0]] if item.pair else item.loop.tags)}
    assert {name.lower() for name in used if not name.startswith("_xrdkna_")} == OFFICIAL


def test_the_same_refinement_gives_the_same_bytes_and_none_of_them_is_no_number(fitted, library, tmp_path):
    texts = []
    for name in ("a.cif", "b.cif"):
        write_pdcif(fitted, tmp_path / name, library=library)
        texts.append((tmp_path / name).read_bytes())
    assert texts[0] == texts[1]
    assert texts[0].startswith(b"#\\#CIF_1.1\n")
    tokens = {token.lower().lstrip(b"-") for token in texts[0].split()}
    assert not tokens & {b"nan", b"inf", b"infinity", b"none"}


def test_another_pattern_has_another_id(make_index):
    ids = [string(read(index)[0], "_pd_block_id") for index in (make_index(points=301), make_index(points=302))]
    assert ids[0] != ids[1]
    assert all(identity.startswith("2024-03-01T09:30:00+01:00|tai_KNA-3.5|xrdkna|") for identity in ids)


@pytest.mark.parametrize("name", ["K2CO3_1.5H2O", "my phase", 'it\'s "pure"', "γ-Al₂O₃", "#1; data_x", "loop_", "12", "?"])
def test_a_phase_keeps_its_name_whatever_it_is(make_index, name):
    renamed = {"K": name}
    document = read(make_index(rename=renamed, points=101), renamed)
    assert [string(block, "_pd_phase_name") for block in list(document)[1:]] == ["Al", name, "KNa2"]
    assert gemmi.cif.as_string(document[0].find(["_pd_phase_name"])[1][0]) == name


def test_only_a_name_beyond_ascii_makes_the_file_cif_2(make_index):
    assert text_of(make_index(points=101)).isascii()
    renamed = {"K": "α-K"}
    assert text_of(make_index(rename=renamed, points=101), renamed).startswith("#\\#CIF_2.0\n")


def test_names_that_differ_by_case_or_by_signs_no_block_may_have_get_blocks_of_their_own(make_index):
    renamed = {"Al": "k", "K": "K", "KNa2": "K?"}
    names = [block.name.lower() for block in read(make_index(rename=renamed, points=101), renamed)]
    assert len(set(names)) == 4


def test_a_phase_known_by_its_positions_only_has_no_mass_and_the_others_keep_theirs(make_index):
    index = make_index(points=101)
    fits = tuple(replace(phase, weight_fraction=None) if phase.phase == "K" else phase for phase in index.refinement.phases)
    document = read(replace(index, refinement=replace(index.refinement, phases=fits)))
    masses = [row[0] for row in document[0].find(["_pd_phase_mass_%"])]
    assert masses == ["62.0(8)", "?", "7.6(4)"]
    assert [block.find_value("_pd_phase_mass_%") for block in list(document)[1:]] == masses


def test_a_formula_is_in_the_order_of_hill_or_left_out(make_index):
    formulas = [block.find_value("_chemical_formula_sum") for block in list(read(make_index(points=101)))[1:]]
    assert formulas == [None, "'C H K O3'", "'K Na2'"]


def test_the_formulas_of_the_reference_phases_agree_with_pymatgens_hill_notation(document, library):
    from pymatgen.core import Composition

    for block in list(document)[1:]:
        phase = library.phases[string(block, "_pd_phase_name")]
        assert string(block, "_chemical_formula_sum") == Composition(phase.formula).hill_formula


def test_the_beam_is_told_as_far_as_it_is_known(make_index):
    index = make_index(points=101)
    doublet = read(index)[0]
    assert columns(doublet, "_diffrn_radiation_wavelength", "_diffrn_radiation_wavelength_wt").T.tolist() == [
        [1.5405929, 1.0],
        [1.5444274, 0.5],
    ]
    assert string(doublet, "_diffrn_radiation_type") == r"Cu K\a"
    assert string(doublet, "_pd_meas_datetime_initiated") == "2024-03-01T09:30:00+01:00"
    assert doublet.find_value("_pd_instr_dist_src/spec") == "240"
    ring = Instrument(radiation=radiation_from_text("0.4939"), geometry="Debye-Scherrer")
    single = read(replace(index, scan=replace(index.scan, instrument=ring, start_time=None)))[0]
    assert single.find_value("_diffrn_radiation_wavelength") == "0.4939"
    for absent in ("_diffrn_radiation_type", "_pd_instr_dist_src/spec", "_pd_instr_dist_spec/detc", "_pd_meas_datetime_initiated"):
        assert single.find_value(absent) is None


def test_points_left_out_are_said_to_be(make_index):
    index = make_index(points=101)
    said = string(read(replace(index, scan=replace(index.scan, points=102)))[0], "_pd_proc_info_excluded_regions")
    assert "1 measured point took no part" in " ".join(said.split())
    assert read(replace(index, scan=replace(index.scan, points=101)))[0].find_value("_pd_proc_info_excluded_regions") is None


def test_parameters_carry_bounds_ties_and_intervals(make_index):
    index = make_index(points=101)
    zero, edge = index.refinement.parameters
    shown = (replace(zero, interval=ConfidenceInterval(low=0.0103, high=None)), replace(edge, at_bound=False, expr="2 * 'x' * \"y\""))
    block = read(replace(index, refinement=replace(index.refinement, parameters=shown)))[0]
    names = ["name", "value", "unit", "lower_bound", "upper_bound", "status", "tied_to", "interval_low", "interval_high", "interval_level"]
    rows = [[gemmi.cif.as_string(cell) if cell != "." else cell for cell in row] for row in block.find("_xrdkna_parameter_", names)]
    assert rows[0] == ["zero", "0.0121(9)", "deg", "-0.5", "0.5", "refined", ".", "0.0103", ".", "0.95"]
    assert rows[1] == ["K_a", "5.3284(3)", r"\%A", ".", "5.5", "tied", "2 * 'x' * \"y\"", ".", ".", "."]


def test_reflections_stand_in_rising_angle_with_the_area_of_the_fit(make_index):
    index = make_index(points=101)
    lines = tuple(
        FittedLine(phase="K", hkl=hkl, two_theta=angle, area=area, fwhm=0.1)
        for hkl, angle, area in (((2, 0, 0), 33.6, 60.5), ((1, 1, 0), 23.6, 301.25))
    )
    potassium = read(replace(index, refinement=replace(index.refinement, lines=lines)))[2]
    assert columns(potassium, "_xrdkna_refln_2theta", "_refln_intensity_calc").T.tolist() == [[23.6, 301.25], [33.6, 60.5]]
    assert columns(potassium, "_refln_d_spacing")[0] == pytest.approx([5.3284 / math.sqrt(2), 5.3284 / 2], abs=1e-5)


def test_without_a_fit_there_is_nothing_to_write(empty_index):
    with pytest.raises(UsageError, match="no whole-pattern fit of empty"):
        text_of(empty_index)


def test_a_phase_that_the_library_does_not_hold_is_named(make_index):
    with pytest.raises(PhaseChoiceError, match="Kryptonite"):
        text_of(make_index(rename={"K": "Kryptonite"}))
