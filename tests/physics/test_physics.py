"""Formulas against independent authorities: pymatgen's lattices, numerical integration, published numbers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xrdkna.errors import RadiationError, RecordError
from xrdkna.physics import bragg, intensity, lattice, profile, radiation
from xrdkna.physics.kernel import add_lines, add_lines_with_derivatives, line_reach
from xrdkna.records.instrument import Instrument
from xrdkna.records.phases import Cell

SYSTEMS = {
    "cubic": Cell(a=4.05, b=4.05, c=4.05),
    "hexagonal": Cell(a=7.5, b=7.5, c=12.31, gamma=120.0),
    "trigonal": Cell(a=4.759, b=4.759, c=12.99, gamma=120.0),
    "tetragonal": Cell(a=4.03, b=4.03, c=6.70),
    "orthorhombic": Cell(a=5.0, b=6.1, c=7.3),
    "monoclinic": Cell(a=5.64, b=9.839, c=6.874, beta=98.7),
    "triclinic": Cell(a=5.0, b=6.0, c=7.0, alpha=85.0, beta=95.0, gamma=102.0),
}
RHOMBOHEDRAL = Cell(a=5.13, b=5.13, c=5.13, alpha=55.3, beta=55.3, gamma=55.3)
HKL = np.array([[1, 0, 0], [1, 1, 0], [0, 1, 2], [2, -1, 3], [1, 3, -2], [0, 0, 4]])


@pytest.mark.parametrize("system", SYSTEMS)
def test_d_spacings_are_those_of_pymatgens_lattice(system):
    from pymatgen.core import Lattice

    cell = SYSTEMS[system]
    authority = Lattice.from_parameters(*cell.values)
    assert lattice.d_spacings(HKL, cell) == pytest.approx([authority.d_hkl(hkl) for hkl in HKL], rel=1e-9)
    assert lattice.cell_volume(cell) == pytest.approx(authority.volume, rel=1e-9)


@pytest.mark.parametrize(("system", "cell"), [*SYSTEMS.items(), ("trigonal", RHOMBOHEDRAL)])
def test_derivatives_of_d_are_finite_differences_of_d(system, cell):
    names = lattice.free_cell_parameters(system, cell)
    values = np.array([getattr(cell, name) for name in names])
    d, slopes = lattice.d_spacing_derivatives(HKL, cell, system=system)
    for k in range(len(names)):
        moved = values.copy()
        moved[k] += 1e-5
        up = lattice.d_spacings(HKL, lattice.cell_from_free(moved, system=system, reference=cell))
        assert slopes[:, k] == pytest.approx((up - d) / 1e-5, rel=1e-3, abs=1e-6)


def test_symmetry_ties_what_it_must():
    cell = lattice.cell_from_free([3.0, 5.0], system="hexagonal", reference=SYSTEMS["hexagonal"])
    assert cell.values == (3.0, 3.0, 5.0, 90.0, 90.0, 120.0)
    cell = lattice.cell_from_free([5.0, 60.0], system="trigonal", reference=RHOMBOHEDRAL)
    assert cell.values == (5.0, 5.0, 5.0, 60.0, 60.0, 60.0)


@given(st.floats(0.6, 20.0), st.floats(0.3, 2.3))
def test_bragg_there_and_back(d, wavelength):
    if wavelength / (2 * d) < 0.999:
        angle = bragg.two_theta_from_d(np.array([d]), wavelength=wavelength)
        assert bragg.d_from_two_theta(angle, wavelength=wavelength)[0] == pytest.approx(d, rel=1e-9)


def test_a_displacement_of_a_tenth_of_a_millimetre_moves_the_marker_by_what_chemistry_says():
    """0.1 mm at R = 145 mm: 0.08° at 25.7°; 0.05° at 240 mm."""
    for radius, shift in ((145.0, 0.077), (240.0, 0.0465)):
        amplitude = bragg.displacement_amplitude(0.1, radius_mm=radius, geometry="Bragg-Brentano")
        moved = amplitude * bragg.displacement_pattern(np.array([25.7]), geometry="Bragg-Brentano")[0]
        assert moved == pytest.approx(-shift, abs=5e-4)
        assert bragg.displacement_mm(amplitude, radius_mm=radius, geometry="Bragg-Brentano") == pytest.approx(0.1)


def test_downstream_and_upstream_of_a_capillary_move_lines_by_the_ray_through_the_detector_circle():
    """A specimen s upstream of the centre of a circle of radius R: the ray leaves at 2θ and meets the circle at 2θ + s sin 2θ/R."""
    s, radius, angle = 0.5, 200.0, np.radians(40.0)
    # walk along the ray from (−s, 0) until the circle
    t = np.roots([1.0, -2 * s * np.cos(angle), s * s - radius * radius]).max()
    meets = np.arctan2(t * np.sin(angle), t * np.cos(angle) - s)
    amplitude = bragg.displacement_amplitude(s, radius_mm=radius, geometry="Debye-Scherrer")
    predicted = np.radians(amplitude * bragg.displacement_pattern(np.array([40.0]), geometry="Debye-Scherrer")[0])
    assert predicted == pytest.approx(meets - angle, rel=5e-3)


@pytest.mark.parametrize("angle", [15.0, 40.0, 90.0, 140.0])
def test_a_plate_displaced_in_transmission_moves_lines_by_the_ray_through_the_detector_circle(angle):
    """A plate whose normal bisects the beams, s upstream of the axis: where the beam meets it a ray leaves at 2θ for the circle."""
    s, radius, two_theta = 0.02, 200.0, np.radians(angle)
    normal = np.array([np.cos(two_theta / 2), np.sin(two_theta / 2)])
    lit = np.array([-s / normal[0], 0.0])
    assert lit @ normal == pytest.approx(-s)
    ray = np.array([np.cos(two_theta), np.sin(two_theta)])
    length = np.roots([1.0, 2 * lit @ ray, lit @ lit - radius**2]).max()
    meets = np.arctan2(*(lit + length * ray)[::-1])
    amplitude = bragg.displacement_amplitude(s, radius_mm=radius, geometry="transmission")
    predicted = amplitude * bragg.displacement_pattern(np.array([angle]), geometry="transmission")[0]
    assert predicted == pytest.approx(np.degrees(meets - two_theta), rel=1e-3)
    assert bragg.displacement_mm(amplitude, radius_mm=radius, geometry="transmission") == pytest.approx(s)


def test_a_plate_in_transmission_has_as_much_more_in_the_beam_as_it_stands_askew():
    """Rays across the beam, each followed through a plate of thickness 1 whose normal stands at θ to them."""
    angle = np.array([10.0, 60.0, 120.0])
    across = np.linspace(-5.0, 5.0, 2001)
    lit = []
    for theta in np.radians(angle) / 2:
        # along the beam, the faces are where x cos θ + y sin θ is −1/2 and +1/2
        enter, leave = ((side - across * np.sin(theta)) / np.cos(theta) for side in (-0.5, 0.5))
        lit.append(np.trapezoid(leave - enter, across))
    plate, capillary = (
        intensity.lorentz_polarisation(angle, instrument=Instrument(radiation=radiation.tube_radiation("Cu"), geometry=name))
        for name in ("transmission", "Debye-Scherrer")
    )
    assert plate / capillary == pytest.approx(np.array(lit) / 10.0, rel=1e-9)


def test_lorentz_polarisation_is_the_textbooks():
    instrument = Instrument(radiation=radiation.tube_radiation("Cu"))
    angle = np.array([20.0, 60.0, 120.0])
    theta = np.radians(angle) / 2
    textbook = (1 + np.cos(2 * theta) ** 2) / (np.sin(theta) ** 2 * np.cos(theta))
    ratio = intensity.lorentz_polarisation(angle, instrument=instrument) / textbook
    assert ratio == pytest.approx([ratio[0]] * 3, rel=1e-12)
    with_graphite = Instrument(radiation=radiation.tube_radiation("Cu"), monochromator_two_theta=26.6)
    k = np.cos(np.radians(26.6)) ** 2
    expected = (1 + k * np.cos(2 * theta) ** 2) / (1 + np.cos(2 * theta) ** 2)
    ratio = intensity.lorentz_polarisation(angle, instrument=with_graphite) / intensity.lorentz_polarisation(angle, instrument=instrument)
    assert ratio / ratio[0] == pytest.approx(expected / expected[0], rel=1e-12)


def test_a_synchrotron_in_its_plane_has_no_polarisation_loss_sideways():
    polarised = Instrument(radiation=radiation.monochromatic_radiation(0.5), geometry="Debye-Scherrer")
    angle = np.array([10.0, 90.0])
    lorentz = 1 / (np.sin(np.radians(angle) / 2) ** 2 * np.cos(np.radians(angle) / 2))
    factor = intensity.lorentz_polarisation(angle, instrument=polarised) / lorentz
    assert factor[1] / factor[0] == pytest.approx(0.95 / (0.95 + 0.05 * np.cos(np.radians(10.0)) ** 2), rel=1e-9)


@given(st.floats(0.01, 1.0), st.floats(0.0, 1.0))
def test_the_pseudo_voigt_has_unit_area_and_its_own_width(fwhm, eta):
    x = np.linspace(-400 * fwhm, 400 * fwhm, 400_001)
    y = profile.pseudo_voigt(x, fwhm=fwhm, eta=eta)
    assert np.trapezoid(y, x) == pytest.approx(1.0, abs=2e-3)
    half = profile.pseudo_voigt(np.array([0.0, fwhm / 2]), fwhm=fwhm, eta=eta)
    assert half[1] / half[0] == pytest.approx(0.5, rel=1e-9)


def test_mixed_width_is_the_width_of_a_true_voigt_within_a_percent():
    """Thompson, Cox & Hastings claim 1 %; scipy's Voigt (Faddeeva) is the judge."""
    from scipy.optimize import brentq
    from scipy.special import voigt_profile

    for g, lor in ((0.1, 0.01), (0.1, 0.1), (0.02, 0.1)):
        sigma, gamma = g / 2.354820045, lor / 2
        half = voigt_profile(0.0, sigma, gamma) / 2
        true = 2 * brentq(lambda x, s=sigma, c=gamma, h=half: voigt_profile(x, s, c) - h, 0, 1)
        assert profile.mixed_width(np.array([g]), np.array([lor]))[0][0] == pytest.approx(true, rel=0.01)


def test_derivatives_of_the_mixed_width_are_finite_differences():
    g, lor, h = np.array([0.1, 0.05]), np.array([0.02, 0.09]), 1e-7
    d_g, d_l, eta_g, eta_l = profile.mixed_width_derivatives(g, lor)
    for (first, second), (by_width, by_eta) in (((h, 0.0), (d_g, eta_g)), ((0.0, h), (d_l, eta_l))):
        up, down = profile.mixed_width(g + first, lor + second), profile.mixed_width(g - first, lor - second)
        assert by_width == pytest.approx((up[0] - down[0]) / (2 * h), rel=1e-5)
        assert by_eta == pytest.approx((up[1] - down[1]) / (2 * h), rel=1e-5)


def test_the_compiled_kernel_is_the_written_formula_and_its_derivatives():
    x = np.arange(20.0, 40.0, 0.02)
    line = {"position": 30.003, "area": 50.0, "fwhm": 0.2, "eta": 0.4}
    arrays = {name: np.array([value]) for name, value in line.items()}
    reach = np.array([30.0])
    total = np.zeros_like(x)
    add_lines(x, *arrays.values(), reach, total)
    written = line["area"] * profile.pseudo_voigt(x - line["position"], fwhm=line["fwhm"], eta=line["eta"])
    # the Gaussian is cut where it has fallen to 5e-13 of the top
    assert total == pytest.approx(written, abs=1e-9)
    jacobian, unit = np.zeros((4, x.size)), np.ones((1, 4))
    slopes = [np.where(np.arange(4) == k, unit, 0.0) for k in range(4)]
    add_lines_with_derivatives(
        x, *arrays.values(), reach, np.arange(4)[None, :], slopes[0], slopes[1], slopes[2], slopes[3], np.zeros_like(x), jacobian
    )
    for row, name in enumerate(("area", "position", "fwhm", "eta")):
        ends = []
        for sign in (1, -1):
            moved = {**line, name: line[name] + sign * 1e-6}
            ends.append(moved["area"] * profile.pseudo_voigt(x - moved["position"], fwhm=moved["fwhm"], eta=moved["eta"]))
        difference = (ends[0] - ends[1]) / 2e-6
        assert jacobian[row] == pytest.approx(difference, abs=2e-5 * np.abs(difference).max()), name


def test_what_is_cut_off_a_tail_is_below_the_asked_tolerance():
    x = np.arange(0.0, 90.0, 0.02)
    area, fwhm, eta = np.array([500.0]), np.array([0.1]), np.array([0.8])
    reach = line_reach(area, fwhm, eta, tolerance=0.5)
    full = area[0] * profile.pseudo_voigt(x - 45.0, fwhm=0.1, eta=0.8)
    assert full[np.abs(x - 45.0) > reach[0]].max() <= 0.5


@pytest.mark.parametrize(
    ("text", "first", "lines"),
    [
        ("CuKa", 1.5405929, 2),
        ("cuka1", 1.5405929, 1),
        ("Cu Kα", 1.5405929, 2),
        ("MoKa", 0.70931715, 2),
        ("CoKa", 1.7889960, 2),
        ("CuKaKb", 1.5405929, 3),
        ("CuKb", 1.3922340, 1),
        ("0.4939", 0.4939, 1),
        ("1.5406 Å", 1.5406, 1),
        ("1.54056:1,1.54443:0.5", 1.54056, 2),
    ],
)
def test_radiation_is_what_a_person_means(text, first, lines):
    found = radiation.radiation_from_text(text)
    assert found.wavelength == pytest.approx(first, abs=1e-9)
    assert len(found.lines) == lines


@pytest.mark.parametrize("text", ["", "Ka", "UnobtaniumKa", "0", "-1.54", "nan", "15406", "CuKa3", "1.54,,"])
def test_radiation_that_means_nothing_gets_a_sentence(text):
    with pytest.raises(RadiationError, match="wavelength in ångström"):
        radiation.radiation_from_text(text)


def test_the_table_is_the_published_one_and_the_doublet_splits_as_bragg_says():
    """xrayutilities carries International Tables' Cu Kα₁ too (1.54059292 Å)."""
    from xrayutilities.utilities_noconf import wavelength

    assert radiation.WAVELENGTHS["Cu"][0] == pytest.approx(wavelength("CuKa1"), rel=3e-7)
    assert radiation.WAVELENGTHS["Mo"][0] == pytest.approx(wavelength("MoKa1"), rel=3e-7)


def test_a_files_wavelengths_are_recognised_and_a_stripped_kalpha2_stays_stripped():
    both = radiation.radiation_from_wavelengths(1.5405980, 1.5444260, 0.5)
    assert (both.name, both.wavelength) == ("CuKa", 1.5405929)
    assert radiation.radiation_from_wavelengths(1.5405980, 1.5444260, 0.0).name == "CuKa1"
    assert radiation.radiation_from_wavelengths(0.4939, None, None).anode is None


def test_a_tubes_wavelength_given_as_a_number_is_still_a_tubes():
    for number, anode, polarised in (("1.5406", "Cu", 0.5), ("1.5418", "Cu", 0.5), ("0.7107", "Mo", 0.5), ("0.4939", None, 0.95)):
        found = radiation.radiation_from_text(number)
        assert (found.anode, found.polarised) == (anode, polarised)
        assert found.wavelength == float(number)


@pytest.mark.parametrize("cell", [{"a": -1.0}, {"a": float("nan")}, {"alpha": 200.0}, {"alpha": 30.0, "beta": 30.0, "gamma": 120.0}])
def test_a_cell_that_cannot_be_is_refused(cell):
    with pytest.raises(RecordError):
        Cell(**{"a": 5.0, "b": 5.0, "c": 5.0, **cell})
