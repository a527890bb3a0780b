"""The bundled phases are the crystals they claim to be."""

import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import spglib

from xrdkna.phases.cif import phase_from_cif
from xrdkna.phases.overlaps import line_list
from xrdkna.phases.reflections import reflections_of
from xrdkna.physics.lattice import cell_volume, metric_tensor
from xrdkna.records.instrument import Instrument
from xrdkna.records.phases import Library, Phase

WITH_ATOMS = (
    *("K", "KNa2", "K2CO3", "Al", "Al2O3", "Na", "KOH", "KHCO3", "KO2", "K2O", "Na2CO3", "NaHCO3", "NaF", "KF"),
    *("Cu", "graphite", "Be", "austenite"),
)
POSITIONS_ONLY = ("K2CO3_1.5H2O", "NaOH", "gamma-Al2O3")
ROLES = {
    "deposit": {"K", "KNa2", "Na"},
    "contamination": {"K2CO3", "K2CO3_1.5H2O", "KHCO3", "KOH", "KO2", "K2O", "Na2CO3", "NaOH", "NaHCO3"},
    "hardware": {"Al", "Al2O3", "Cu", "graphite", "Be", "austenite", "gamma-Al2O3"},
    "other": {"NaF", "KF"},
}
# g/cm³, handbook values at room temperature (CRC Handbook of Chemistry and Physics); tolerance 3.5 %
DENSITIES = {
    "K": 0.862,
    "Al": 2.70,
    "Al2O3": 3.987,
    "Na": 0.968,
    "K2CO3": 2.43,
    "KHCO3": 2.17,
    "KO2": 2.16,
    "K2O": 2.35,
    "Na2CO3": 2.54,
    "NaHCO3": 2.20,
    "NaF": 2.78,
    "KF": 2.48,
    "Cu": 8.96,
    "graphite": 2.26,
    "Be": 1.85,
    "KOH": 2.12,
}
# name: (authority's file, largest relative difference of any cell edge)
AUTHORITIES = {
    "K": ("K_bcc_measured-cell.cif", 1e-6),
    "KNa2": ("KNa2_C14_measured-cell.cif", 1e-6),
    "K2CO3": ("K2CO3_P21c_measured-cell.cif", 1e-6),
    "KO2": ("KO2_I4mmm_measured-cell.cif", 1e-6),
    "Na": ("Na-Sodium.cif", 2e-3),
    "Al": ("Al-Aluminum.cif", 2e-4),
    "Al2O3": ("Sapphire.cif", 5e-4),
    "K2O": ("K2O.cif", 1e-6),
    "Na2CO3": ("Na2CO3-Natrite.cif", 1e-6),
    "Cu": ("Cu-Copper.cif", 1e-6),
    "Be": ("Be-Beryllium.cif", 1e-6),
    "graphite": ("C-Graphite.cif", 4e-3),
    "austenite": ("Fe-Iron-gamma.cif", 1e-3),
    "KHCO3": ("KHCO3_kalicinite_COD9010971.cif", 1e-2),
    "NaHCO3": ("NaHCO3-Nahcolite.cif", 1.5e-2),
}
# chemistry.md, sections 2 and 3: phase, hkl, 2θ for Cu Kα₁
LINES = (
    *(("K", (1, 1, 0), 23.60), ("K", (2, 0, 0), 33.61), ("K", (2, 1, 1), 41.48), ("K", (2, 2, 0), 48.27), ("K", (3, 2, 1), 65.50)),
    *(("K", (2, 2, 2), 60.11), ("K2CO3", (1, 1, -2), 30.04), ("K2CO3", (1, 3, 0), 31.63), ("K2CO3", (0, 2, 2), 31.99)),
    *(("K2CO3", (2, 0, 0), 32.08), ("K2CO3", (2, 2, -2), 42.83), ("K2CO3", (0, 0, 2), 26.21)),
    *(("KNa2", (1, 1, 0), 23.71), ("KNa2", (1, 0, 3), 25.66), ("KNa2", (1, 1, 2), 27.84), ("KNa2", (2, 0, 1), 28.40)),
    *(("KNa2", (2, 0, 2), 31.11), ("KNa2", (3, 0, 1), 42.35), ("KNa2", (2, 1, 3), 42.89), ("KNa2", (3, 1, 3), 55.68)),
    *(("KNa2", (2, 0, 3), 35.21), ("KNa2", (3, 0, 0), 41.68), ("KNa2", (3, 0, 2), 44.32)),
    *(("Al2O3", (0, 1, 2), 25.58), ("Al2O3", (1, 0, 4), 35.15), ("Al2O3", (1, 1, 3), 43.35), ("Al", (2, 0, 0), 44.72)),
)


def density(phase: Phase) -> float:
    return phase.cell_mass * 1.66053907 / cell_volume(phase.cell)


def test_the_library_holds_every_phase_the_cell_and_the_air_can_make(library: Library) -> None:
    assert set(library.phases) == {*WITH_ATOMS, *POSITIONS_ONLY}
    held = {role: {name for name, phase in library.phases.items() if phase.role == role} for role in ROLES}
    assert held == ROLES


@pytest.mark.parametrize("name", POSITIONS_ONLY)
def test_a_phase_without_a_structure_cannot_be_weighed(library: Library, name: str) -> None:
    phase = library.phases[name]
    assert phase.positions_only
    assert phase.cell_mass == 0.0


@pytest.mark.parametrize("name", ["K2CO3_1.5H2O", "NaOH"])
def test_intensities_that_are_not_known_are_said_to_be_unknown(library: Library, name: str) -> None:
    assert [notice.code for notice in library.phases[name].notices] == ["intensities-unknown"]


@pytest.mark.parametrize("name", [*WITH_ATOMS, *POSITIONS_ONLY])
def test_every_phase_says_where_it_is_from_and_at_what_temperature(library: Library, reference_folder: Path, name: str) -> None:
    phase = library.phases[name]
    facts = tomllib.loads((reference_folder / name / "phase.toml").read_text(encoding="utf-8"))
    assert len(phase.source) > 15
    assert phase.temperature_K is not None
    assert 285 <= phase.temperature_K <= 300
    assert (phase.formula, phase.title, phase.role) == (facts["formula"], facts["title"], facts["role"])


@pytest.mark.parametrize("name", WITH_ATOMS)
def test_spglib_finds_the_stated_space_group_in_the_full_cell(library: Library, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spglib.error, "OLD_ERROR_HANDLING", False)
    phase = library.phases[name]
    a, b, c, alpha, beta, gamma = (*phase.cell.values[:3], *np.radians(phase.cell.values[3:]))
    x = (np.cos(alpha) - np.cos(beta) * np.cos(gamma)) / np.sin(gamma)
    lattice = [
        [a, 0, 0],
        [b * np.cos(gamma), b * np.sin(gamma), 0],
        [c * np.cos(beta), c * x, c * np.sqrt(1 - np.cos(beta) ** 2 - x**2)],
    ]
    elements = sorted({site.element for site in phase.sites})
    found = spglib.get_symmetry_dataset(
        (lattice, [(s.x, s.y, s.z) for s in phase.sites], [elements.index(s.element) for s in phase.sites]), symprec=1e-4
    )
    assert found is not None
    assert found.number == phase.space_group_number


@pytest.mark.parametrize("name", DENSITIES)
def test_the_density_is_the_handbooks(library: Library, name: str) -> None:
    assert density(library.phases[name]) == pytest.approx(DENSITIES[name], rel=0.035)


def test_a_hydrogen_that_is_not_located_is_weighed_all_the_same(library: Library) -> None:
    assert library.phases["KOH"].cell_mass == pytest.approx(2 * 56.105, abs=0.02)
    assert library.phases["NaHCO3"].cell_mass == pytest.approx(4 * 84.006, abs=0.05)


@pytest.mark.parametrize("name", AUTHORITIES)
def test_the_cell_agrees_with_an_independent_file(library: Library, structures: Path, name: str) -> None:
    file, tolerance = AUTHORITIES[name]
    authority = phase_from_cif(structures / file, name=name)
    ours, theirs = library.phases[name].cell, authority.cell
    assert ours.values[:3] == pytest.approx(theirs.values[:3], rel=tolerance)
    assert ours.values[3:] == pytest.approx(theirs.values[3:], abs=1.0)


@pytest.mark.parametrize("name", ["K", "KNa2", "K2CO3", "KO2", "Na", "Al", "Al2O3", "K2O", "Na2CO3", "Cu", "Be"])
def test_the_strong_lines_have_the_intensities_of_an_independent_file(
    library: Library, structures: Path, copper: Instrument, name: str
) -> None:
    ours, theirs = two_patterns(library, structures, copper, name)
    strong = [hkl for hkl, intensity in ours.items() if intensity > 0.3]
    assert strong
    for hkl in strong:
        assert ours[hkl] == pytest.approx(theirs.get(hkl, 0.0), abs=0.05), hkl


@pytest.mark.parametrize("name", ["KHCO3", "NaHCO3"])
def test_the_pattern_resembles_that_of_the_first_determination(library: Library, structures: Path, copper: Instrument, name: str) -> None:
    """The authorities are photographs of 1952 and 1933: their patterns point the same way, to a few per cent."""
    ours, theirs = two_patterns(library, structures, copper, name)
    names = sorted({*ours, *theirs})
    a, b = (np.array([pattern.get(hkl, 0.0) for hkl in names]) for pattern in (ours, theirs))
    assert a @ b / np.sqrt((a @ a) * (b @ b)) > 0.97


@pytest.mark.parametrize("name", ["K2CO3", "KHCO3", "Na2CO3", "NaHCO3"])
def test_every_carbon_has_three_oxygens_at_a_carbonates_distance(library: Library, name: str) -> None:
    phase = library.phases[name]
    oxygens = np.array([(s.x, s.y, s.z) for s in phase.sites if s.element == "O"])
    for carbon in (s for s in phase.sites if s.element == "C"):
        offset = oxygens - (carbon.x, carbon.y, carbon.z)
        offset -= np.round(offset)
        distances = np.sort(np.sqrt(np.einsum("ni,ij,nj->n", offset, metric_tensor(phase.cell), offset)))
        assert 1.22 < distances[0] <= distances[2] < 1.36
        assert distances[3] > 2.5


def two_patterns(
    library: Library, structures: Path, copper: Instrument, name: str
) -> tuple[dict[tuple[int, int, int], float], dict[tuple[int, int, int], float]]:
    """Ours and the authority's, with one displacement and one cell, so that only the atoms' places are compared."""

    def pattern(phase: Phase) -> dict[tuple[int, int, int], float]:
        still = replace(phase, sites=tuple(replace(site, biso=1.0) for site in phase.sites), cell=library.phases[name].cell)
        listed = line_list(reflections_of(still, instrument=copper, two_theta_max=60), instrument=copper)
        return {line.hkl: line.intensity for line in listed}

    return pattern(library.phases[name]), pattern(phase_from_cif(structures / AUTHORITIES[name][0], name=name))


@pytest.mark.parametrize(("name", "hkl", "two_theta"), LINES)
def test_a_line_lies_where_the_chemistry_says(
    library: Library, copper: Instrument, name: str, hkl: tuple[int, int, int], two_theta: float
) -> None:
    lines = line_list(reflections_of(library.phases[name], instrument=copper, two_theta_max=70), instrument=copper)
    assert [line.two_theta for line in lines if line.hkl == hkl] == [pytest.approx(two_theta, abs=0.0101)]


def test_112_is_the_strongest_line_of_kna2(library: Library, copper: Instrument) -> None:
    lines = line_list(reflections_of(library.phases["KNa2"], instrument=copper), instrument=copper)
    assert max(lines, key=lambda line: line.intensity).hkl == (1, 1, 2)
