"""Positions, multiplicities and structure factors against independent authorities."""

import math
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import gemmi
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from xrdkna.phases.overlaps import line_list
from xrdkna.phases.reflections import reflections_of
from xrdkna.physics.bragg import two_theta_from_d
from xrdkna.physics.radiation import monochromatic_radiation, radiation_from_text, tube_radiation
from xrdkna.records.instrument import Instrument
from xrdkna.records.phases import Cell, Library, Phase, Reflections, Site

FIVE = ("K", "KNa2", "K2CO3", "Al", "Al2O3")
WITH_ATOMS = (*FIVE, "Na", "KOH", "KHCO3", "KO2", "K2O", "Na2CO3", "NaHCO3", "NaF", "KF", "Cu", "graphite", "Be", "austenite")


def strengths(reflections: Reflections) -> np.ndarray:
    product = reflections.multiplicity * reflections.f_squared
    return np.asarray(product / product.max())


@pytest.mark.parametrize("radiation", ["CuKa", "0.4939"])
@pytest.mark.parametrize("name", WITH_ATOMS)
def test_positions_and_f_squared_are_those_of_xrayutilities(library: Library, name: str, radiation: str) -> None:
    import xrayutilities as xu

    phase = library.phases[name]
    instrument = Instrument(radiation=radiation_from_text(radiation))
    wavelength = instrument.radiation.wavelength
    reflections = reflections_of(phase, instrument=instrument, two_theta_max=90 if wavelength > 1 else 25)
    lattice = xu.materials.SGLattice(
        1,
        *phase.cell.values,
        atoms=[getattr(xu.materials.elements, site.element) for site in phase.sites],
        pos=[("1a", (site.x, site.y, site.z)) for site in phase.sites],
        occ=[site.occupancy for site in phase.sites],
        b=[site.biso for site in phase.sites],
    )
    crystal = xu.materials.Crystal(name, lattice)
    weights = strengths(reflections)
    for n in np.flatnonzero(weights > 1e-3)[:60]:
        h = [int(index) for index in reflections.hkl[n]]
        q = crystal.Q(*h)
        pair = [abs(crystal.StructureFactor(sign * q, xu.lam2en(wavelength))) ** 2 for sign in (1, -1)]
        assert reflections.f_squared[n] == pytest.approx(np.mean(pair), rel=0.01)
        theirs = 2 * math.degrees(math.asin(float(np.linalg.norm(q)) * wavelength / (4 * math.pi)))
        assert float(two_theta_from_d(reflections.d_spacing[n], wavelength=wavelength)) == pytest.approx(theirs, abs=0.001)


@pytest.mark.parametrize("anode", ["Cu", "Fe"])
@pytest.mark.parametrize("name", WITH_ATOMS)
def test_f_squared_is_that_of_gemmi_with_its_own_tables(library: Library, reference_folder: Path, name: str, anode: str) -> None:
    """Other f0 (International Tables 1992) and other f′, f″ (Cromer & Liberman); gemmi reads the file itself."""
    instrument = Instrument(radiation=tube_radiation(anode))
    reflections = reflections_of(library.phases[name], instrument=instrument, two_theta_max=100)
    structure = gemmi.read_small_structure(str(reference_folder / name / "phase.cif"))
    structure.change_occupancies_to_crystallographic()

    def calculator(*, imaginary: bool) -> gemmi.StructureFactorCalculatorX:
        calculator = gemmi.StructureFactorCalculatorX(structure.cell)
        for site in structure.sites:
            real, absorbed = gemmi.cromer_liberman(z=site.element.atomic_number, energy=12398.4197 / instrument.radiation.wavelength)
            calculator.addends.set(site.element, real + absorbed * imaginary)
        return calculator

    plain, shifted = calculator(imaginary=False), calculator(imaginary=True)
    for n in np.flatnonzero(strengths(reflections) > 0.02):
        pair = []
        for sign in (1, -1):
            hkl = [sign * int(index) for index in reflections.hkl[n]]
            real = plain.calculate_sf_from_small_structure(structure, hkl)
            pair.append(abs(real + 1j * (shifted.calculate_sf_from_small_structure(structure, hkl) - real)) ** 2)
        assert reflections.f_squared[n] == pytest.approx(np.mean(pair), rel=0.01), reflections.hkl[n]


@pytest.mark.parametrize("name", WITH_ATOMS)
def test_every_line_pymatgen_sees_is_there_with_its_intensity(library: Library, name: str) -> None:
    """Without displacement, at a wavelength where dispersion is small; pymatgen's scattering factors are coarse (5 %)."""
    from pymatgen.analysis.diffraction.xrd import XRDCalculator
    from pymatgen.core.lattice import Lattice
    from pymatgen.core.structure import Structure

    phase = library.phases[name]
    still = replace(phase, sites=tuple(replace(site, biso=0.0) for site in phase.sites))
    radiation = replace(monochromatic_radiation(0.4939), polarised=0.5)
    instrument = Instrument(radiation=radiation)
    lines = line_list(reflections_of(still, instrument=instrument, two_theta_max=25.5), instrument=instrument)
    angles, intensities = np.array([line.two_theta for line in lines]), np.array([line.intensity for line in lines])
    structure = Structure(
        Lattice.from_parameters(*phase.cell.values), [s.element for s in phase.sites], [(s.x, s.y, s.z) for s in phase.sites]
    )
    pattern = XRDCalculator(wavelength=0.4939).get_pattern(structure, two_theta_range=(2, 25))
    near = np.abs(angles[:, None] - pattern.x[None, :]) < 2e-5
    visible = pattern.y > 0.1
    assert near.any(axis=0)[visible].all()
    summed = intensities @ near
    strong = pattern.y > 5
    np.testing.assert_allclose((100 * summed / summed.max())[strong], pattern.y[strong], rtol=0.05)


@pytest.mark.parametrize("name", ["K", "Al", "KNa2", "K2CO3", "KO2", "Na2CO3"])
def test_multiplicities_are_those_of_pymatgen(library: Library, name: str) -> None:
    from pymatgen.analysis.diffraction.xrd import XRDCalculator
    from pymatgen.core.lattice import Lattice
    from pymatgen.core.structure import Structure

    phase = library.phases[name]
    instrument = Instrument(radiation=monochromatic_radiation(0.4939))
    lines = line_list(reflections_of(phase, instrument=instrument, two_theta_max=31), instrument=instrument)
    structure = Structure(
        Lattice.from_parameters(*phase.cell.values), [s.element for s in phase.sites], [(s.x, s.y, s.z) for s in phase.sites]
    )
    pattern = XRDCalculator(wavelength=0.4939).get_pattern(structure, two_theta_range=(2, 30))
    compared = 0
    for angle, intensity, families in zip(pattern.x, pattern.y, pattern.hkls, strict=True):
        if intensity > 1:
            ours = sum(line.multiplicity for line in lines if abs(line.two_theta - angle) < 2e-5)
            assert ours == sum(family["multiplicity"] for family in families), families
            compared += 1
    assert compared >= 5


@pytest.mark.parametrize("name", WITH_ATOMS)
def test_lines_and_multiplicities_follow_the_space_group_as_gemmi_knows_it(library: Library, copper: Instrument, name: str) -> None:
    phase = library.phases[name]
    group = gemmi.find_spacegroup_by_name(phase.space_group.replace(" :", ":"))
    operations = group.operations()
    reflections = reflections_of(phase, instrument=copper, two_theta_max=100)
    seen: set[tuple[int, ...]] = set()
    for hkl, multiplicity in zip(reflections.hkl, reflections.multiplicity, strict=True):
        h = [int(index) for index in hkl]
        assert not operations.is_systematically_absent(h)
        images = {tuple(op.apply_to_hkl(h)) for op in operations.derive_symmorphic().sym_ops}
        images |= {tuple(-index for index in image) for image in images}
        assert multiplicity == len(images)
        assert not images & seen
        seen |= images


def test_bcc_forbids_odd_sums_and_fcc_mixed_parities(library: Library, copper: Instrument) -> None:
    for name in ("K", "Na"):
        assert all(sum(hkl) % 2 == 0 for hkl in reflections_of(library.phases[name], instrument=copper).hkl)
    for name in ("Al", "Cu", "austenite", "NaF"):
        assert all(len({index % 2 for index in hkl}) == 1 for hkl in reflections_of(library.phases[name], instrument=copper).hkl)


def test_lines_of_equal_spacing_that_are_not_equivalent_stay_apart(library: Library) -> None:
    molybdenum = Instrument(radiation=tube_radiation("Mo"))
    reflections = reflections_of(library.phases["Al"], instrument=molybdenum)
    pair = {tuple(h): (m, d) for h, m, d in zip(reflections.hkl.tolist(), reflections.multiplicity, reflections.d_spacing, strict=True)}
    assert (pair[5, 1, 1][0], pair[3, 3, 3][0]) == (24, 8)
    assert pair[5, 1, 1][1] == pytest.approx(pair[3, 3, 3][1])


def test_reflections_fall_in_spacing_and_stay_inside_the_range(library: Library, copper: Instrument) -> None:
    for phase in library.phases.values():
        d = reflections_of(phase, instrument=copper, two_theta_min=20, two_theta_max=80).d_spacing
        angles = two_theta_from_d(d, wavelength=copper.radiation.wavelength)
        assert all(first >= second - 1e-9 for first, second in pairwise(d))
        assert len(d) > 0
        assert angles.min() >= 20
        assert angles.max() <= 80


def test_the_marker_is_named_as_the_paper_names_it(library: Library, copper: Instrument) -> None:
    names = {name: {tuple(h) for h in reflections_of(library.phases[name], instrument=copper).hkl.tolist()} for name in FIVE}
    assert (1, 0, 3) in names["KNa2"]
    assert (0, 1, 2) in names["Al2O3"]
    assert {(1, 1, 0), (2, 1, 1), (3, 2, 1)} <= names["K"]
    assert {(1, 1, -2), (1, 3, 0)} <= names["K2CO3"]


def test_the_debye_waller_factor_is_exp_minus_2_b_s_squared(library: Library, copper: Instrument) -> None:
    hot = library.phases["K"]
    cold = replace(hot, sites=tuple(replace(site, biso=0.0) for site in hot.sites))
    warm_lines, still_lines = (reflections_of(phase, instrument=copper, two_theta_max=60) for phase in (hot, cold))
    ratio = warm_lines.f_squared / still_lines.f_squared[: len(warm_lines.f_squared)]
    np.testing.assert_allclose(ratio, np.exp(-2 * 10.5 / (4 * warm_lines.d_spacing**2)), rtol=1e-9)


def test_a_polar_crystal_shows_the_mean_of_its_friedel_pairs(copper: Instrument) -> None:
    """Zinc blende-like ordering far from dispersion-free: |F(111)|² and |F(−1−1−1)|² differ, and mirroring the crystal changes nothing."""

    def crystal(sign: float) -> Phase:
        sites = [Site(element="Fe", x=0, y=0, z=0, occupancy=1, biso=0), Site(element="O", x=sign * 0.2, y=0.1, z=0, occupancy=1, biso=0)]
        return Phase(
            name="polar",
            formula="FeO",
            role="other",
            crystal_system="triclinic",
            space_group="P 1",
            space_group_number=1,
            cell=Cell(a=3, b=4, c=5, alpha=80, beta=95, gamma=100),
            sites=tuple(replace(site, x=site.x, y=sign * site.y) for site in sites),
            cell_mass=72.0,
            source="made up",
        )

    one, mirrored = (reflections_of(crystal(sign), instrument=copper) for sign in (1.0, -1.0))
    np.testing.assert_allclose(one.f_squared, mirrored.f_squared, rtol=1e-12)
    assert set(one.multiplicity) == {2.0}


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    shift=st.tuples(*[st.floats(-1, 1)] * 3),
    name=st.sampled_from(("KNa2", "K2CO3", "KOH", "Al2O3")),
    wavelength=st.floats(0.7, 2.4),
)
def test_moving_the_origin_changes_no_intensity(library: Library, shift: tuple[float, float, float], name: str, wavelength: float) -> None:
    phase = library.phases[name]
    instrument = Instrument(radiation=monochromatic_radiation(wavelength))
    moved = replace(phase, sites=tuple(replace(s, x=s.x + shift[0], y=s.y + shift[1], z=s.z + shift[2]) for s in phase.sites))
    before, after = (reflections_of(each, instrument=instrument, two_theta_max=40) for each in (phase, moved))
    weights = {tuple(h): f for h, f in zip(before.hkl.tolist(), before.f_squared, strict=True)}
    strongest = max(weights.values())
    for h, f in zip(after.hkl.tolist(), after.f_squared, strict=True):
        assert f == pytest.approx(weights.get(tuple(h), 0.0), rel=1e-6, abs=1e-4 * strongest)


@pytest.mark.parametrize("name", ["Al2O3", "KNa2", "K2CO3"])
def test_f_squared_follows_the_cell_by_its_power_of_d(library: Library, name: str) -> None:
    instrument = Instrument(radiation=tube_radiation("Cu"))
    phase = library.phases[name]
    cell = phase.cell
    longer = replace(phase, cell=replace(cell, a=1.006 * cell.a, b=1.006 * cell.b, c=1.006 * cell.c))
    here, there = (reflections_of(crystal, instrument=instrument, two_theta_max=80) for crystal in (phase, longer))
    assert here.d_power is not None
    found = {tuple(hkl): value for hkl, value in zip(there.hkl.tolist(), there.f_squared, strict=True)}
    for hkl, value, power, strength in zip(here.hkl.tolist(), here.f_squared, here.d_power, strengths(here), strict=True):
        if strength > 0.02 and tuple(hkl) in found:
            assert found[tuple(hkl)] / value == pytest.approx(1.006**power, rel=1e-3)
    assert np.average(here.d_power, weights=strengths(here)) > 0.5
