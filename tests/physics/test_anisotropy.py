"""Anisotropic broadening against Stephens' own forms, gemmi's groups, pymatgen's lattices and lines that really shift."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from xrdkna.errors import UsageError
from xrdkna.physics import anisotropy
from xrdkna.physics.bragg import two_theta_from_d
from xrdkna.physics.lattice import d_spacings, inverse_d_squared
from xrdkna.records.phases import Cell

INDEX = st.integers(-6, 6)
PLANES = st.tuples(INDEX, INDEX, INDEX).filter(any)
EACH_CRYSTAL = settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
HKL = np.array([(h, k, l) for h in range(-3, 4) for k in range(-3, 4) for l in range(-3, 4) if (h, k, l) != (0, 0, 0)])

ALL = ("S400", "S310", "S301", "S220", "S211", "S202", "S130", "S121", "S112", "S103", "S040", "S031", "S022", "S013", "S004")
NAMES = {
    "-1": ALL,
    "2/m": ("S400", "S301", "S220", "S202", "S121", "S103", "S040", "S022", "S004"),
    "2/m, a": ("S400", "S220", "S211", "S202", "S040", "S031", "S022", "S013", "S004"),
    "2/m, c": ("S400", "S310", "S220", "S202", "S130", "S112", "S040", "S022", "S004"),
    "mmm": ("S400", "S220", "S202", "S040", "S022", "S004"),
    "4/m": ("S400", "S310", "S220", "S202", "S004"),
    "4/mmm": ("S400", "S220", "S202", "S004"),
    "-3": ("S400", "S301", "S211", "S202", "S004"),
    "-3m1": ("S400", "S301", "S202", "S004"),
    "-31m": ("S400", "S211", "S202", "S004"),
    "-3, rhombohedral": ("S400", "S310", "S301", "S220", "S211"),
    "-3m, rhombohedral": ("S400", "S310", "S220", "S211"),
    "6/m": ("S400", "S202", "S004"),
    "6/mmm": ("S400", "S202", "S004"),
    "m-3": ("S400", "S220"),
    "m-3m": ("S400", "S220"),
}


def published_forms(h, k, l):
    """The sums beside the coefficients as Stephens writes them, by Laue class and coefficient."""
    hexagonal = {
        "S400": h**4 + k**4 + 2 * h**3 * k + 2 * h * k**3 + 3 * h**2 * k**2,
        "S202": 3 * (h**2 + k**2 + h * k) * l**2,
        "S004": l**4,
    }
    squares = {"S220": 3 * h**2 * k**2, "S202": 3 * h**2 * l**2, "S022": 3 * k**2 * l**2}
    edges = {"S400": h**4, "S040": k**4, "S004": l**4, **squares}
    threes = {
        "S310": 2 * h**3 * k,
        "S301": 2 * h**3 * l,
        "S130": 2 * h * k**3,
        "S103": 2 * h * l**3,
        "S031": 2 * k**3 * l,
        "S013": 2 * k * l**3,
    }
    pairs = {"S211": 4 * h**2 * k * l, "S121": 4 * h * k**2 * l, "S112": 4 * h * k * l**2}
    tetragonal = {"S400": h**4 + k**4, "S220": 3 * h**2 * k**2, "S202": 3 * (h**2 + k**2) * l**2, "S004": l**4}
    return {
        "m-3m": {"S400": h**4 + k**4 + l**4, "S220": 3 * (h**2 * k**2 + h**2 * l**2 + k**2 * l**2)},
        "6/mmm": hexagonal,
        "-31m": {**hexagonal, "S211": 4 * h * k * l * (h + k)},
        "4/mmm": tetragonal,
        "mmm": edges,
        "2/m": {**edges, "S301": threes["S301"], "S103": threes["S103"], "S121": pairs["S121"]},
        "-1": {**edges, **threes, **pairs},
    }


def test_the_independent_coefficients_are_those_of_the_laue_class(crystal):
    terms, names = anisotropy.stephens_terms(HKL, rotations=crystal.rotations)
    assert names == NAMES[crystal.name]
    assert np.linalg.matrix_rank(terms) == len(names)


@pytest.mark.parametrize("name", list(published_forms(1, 1, 1)))
def test_the_sums_are_those_that_stephens_printed(crystal_of, name):
    terms, names = anisotropy.stephens_terms(HKL, rotations=crystal_of(name).rotations)
    forms = published_forms(*HKL.T)[name]
    for column, coefficient in zip(terms.T, names, strict=True):
        assert np.array_equal(column, forms[coefficient])


@given(PLANES)
@EACH_CRYSTAL
def test_the_sums_are_the_same_for_gemmis_equivalent_planes(crystal, hkl):
    terms, _ = anisotropy.stephens_terms(crystal.equivalents(hkl), rotations=crystal.rotations)
    assert np.array_equal(terms, np.broadcast_to(terms[0], terms.shape))


@given(PLANES)
@EACH_CRYSTAL
def test_every_invariant_quartic_form_is_a_sum_of_the_terms(crystal, u):
    """The mean of (u·h)⁴ over the equivalents of h is an invariant form; whatever u, the terms must span it."""
    matrices = np.array(crystal.rotations).reshape(-1, 3, 3)
    form = np.mean([(HKL @ matrix @ np.array(u)) ** 4 for matrix in matrices], axis=0)
    terms, _ = anisotropy.stephens_terms(HKL, rotations=crystal.rotations)
    coefficients, *_ = np.linalg.lstsq(terms, form)
    assert terms @ coefficients == pytest.approx(form, abs=1e-9 * np.abs(form).max())


def test_isotropic_coefficients_give_every_line_the_same_width(crystal):
    coefficients = anisotropy.isotropic_stephens(cell=crystal.cell, rotations=crystal.rotations, fwhm=0.12)
    terms, _ = anisotropy.stephens_terms(HKL, rotations=crystal.rotations)
    fwhm, _ = anisotropy.stephens_fwhm(terms, coefficients, d_spacings(HKL, crystal.cell))
    assert fwhm == pytest.approx(0.12, rel=1e-12)


def test_isotropic_coefficients_broaden_as_a_scatter_of_all_edges_does(crystal):
    """Cells between 0.999 and 1.001 of the mean size: the line runs from the one end's position to the other's."""
    spread = 1e-3
    cell = crystal.cell
    smaller, larger = (
        Cell(a=s * cell.a, b=s * cell.b, c=s * cell.c, alpha=cell.alpha, beta=cell.beta, gamma=cell.gamma) for s in (0.9995, 1.0005)
    )
    few = HKL[d_spacings(HKL, cell) > 1.2]
    shift = two_theta_from_d(d_spacings(few, smaller), wavelength=1.54) - two_theta_from_d(d_spacings(few, larger), wavelength=1.54)
    coefficients = anisotropy.isotropic_stephens(cell=cell, rotations=crystal.rotations, fwhm=float(np.degrees(2 * spread)))
    terms, _ = anisotropy.stephens_terms(few, rotations=crystal.rotations)
    d = d_spacings(few, cell)
    fwhm, _ = anisotropy.stephens_fwhm(terms, coefficients, d)
    theta = np.radians(two_theta_from_d(d, wavelength=1.54)) / 2
    assert fwhm * np.tan(theta) == pytest.approx(shift, rel=1e-4)


def test_scattered_edges_of_an_orthorhombic_cell_give_the_widths_of_their_covariance(crystal_of):
    """1/d² = A h² + B k² + C l²: its variance over many cells is Stephens' form with S400 = var A and 3 S220 = 2 cov(A, B)."""
    crystal = crystal_of("mmm")
    rng = np.random.default_rng(7)
    edges = rng.multivariate_normal([5.0, 6.1, 7.3], 1e-6 * np.array([[4.0, 1.5, -1.0], [1.5, 2.0, 0.3], [-1.0, 0.3, 9.0]]), size=4000)
    covariance = np.cov((1.0 / edges**2).T)
    coefficients = dict(zip(("S400", "S040", "S004"), np.diag(covariance), strict=True))
    coefficients |= {"S220": 2 / 3 * covariance[0, 1], "S202": 2 / 3 * covariance[0, 2], "S022": 2 / 3 * covariance[1, 2]}
    hkl = np.array([(2, 0, 0), (0, 2, 0), (0, 0, 2), (1, 1, 1), (2, 1, 0), (3, 1, 2)])
    terms, names = anisotropy.stephens_terms(hkl, rotations=crystal.rotations)
    d = d_spacings(hkl, crystal.cell)
    fwhm, _ = anisotropy.stephens_fwhm(terms, [coefficients[name] for name in names], d)
    seen = np.std([inverse_d_squared(hkl, Cell(a=a, b=b, c=c)) for a, b, c in edges], axis=0, ddof=1)
    assert fwhm == pytest.approx(np.degrees(seen * d**2), rel=1e-9)


@given(st.integers(0, 2**32 - 1))
@EACH_CRYSTAL
def test_derivatives_of_the_width_are_finite_differences(crystal, seed):
    terms, _ = anisotropy.stephens_terms(HKL[::17], rotations=crystal.rotations)
    d = d_spacings(HKL[::17], crystal.cell)
    start = anisotropy.isotropic_stephens(cell=crystal.cell, rotations=crystal.rotations, fwhm=0.2)
    size = np.abs(start).max()
    coefficients = start + 0.01 * size * np.random.default_rng(seed).uniform(-1, 1, start.size)
    fwhm, slopes = anisotropy.stephens_fwhm(terms, coefficients, d)
    for j in range(start.size):
        step = 1e-6 * size * np.eye(start.size)[j]
        above, below = (anisotropy.stephens_fwhm(terms, coefficients + sign * step, d)[0] for sign in (1, -1))
        well_above_zero = fwhm > 0.05
        change = (above - below) / (2e-6 * size)
        assert slopes[well_above_zero, j] == pytest.approx(change[well_above_zero], rel=1e-4, abs=1e-6 / size)


def test_where_the_form_is_not_positive_the_width_is_nothing_and_does_not_move(crystal_of):
    terms, names = anisotropy.stephens_terms([(2, 0, 0), (2, 2, 0)], rotations=crystal_of("m-3m").rotations)
    assert names == ("S400", "S220")
    fwhm, slopes = anisotropy.stephens_fwhm(terms, [1e-6, -1e-6], np.array([2.0, 1.4]))
    assert fwhm.tolist() == [pytest.approx(np.degrees(4e-3 * 4)), 0.0]
    assert slopes[1].tolist() == [0.0, 0.0]
    assert slopes[0, 0] > 0


@given(PLANES, PLANES)
@EACH_CRYSTAL
def test_uniaxial_terms_are_the_mean_over_gemmis_equivalent_planes(crystal, hkl, axis):
    normals = crystal.normals(np.array(crystal.equivalents(hkl), dtype=float))
    expected = np.mean((normals @ crystal.normals(np.array([axis], dtype=float))[0]) ** 2)
    terms = anisotropy.uniaxial_terms([hkl], axis=axis, cell=crystal.cell, rotations=crystal.rotations)
    assert terms == pytest.approx(expected, abs=1e-9)


def test_uniaxial_terms_run_from_the_axis_to_across_it_and_are_a_third_in_a_cube(crystal_of):
    hexagon, cube = crystal_of("6/mmm"), crystal_of("m-3m")
    terms = anisotropy.uniaxial_terms([(0, 0, 4), (2, 1, 0)], axis=(0, 0, 1), cell=hexagon.cell, rotations=hexagon.rotations)
    assert terms == pytest.approx([1.0, 0.0], abs=1e-15)
    assert anisotropy.uniaxial_terms(HKL, axis=(0, 1, 2), cell=cube.cell, rotations=cube.rotations) == pytest.approx(1 / 3, abs=1e-12)
    assert anisotropy.uniaxial_terms([(0, 0, 0)], axis=(0, 0, 1), cell=hexagon.cell, rotations=()) == pytest.approx(1 / 3)
    with pytest.raises(UsageError, match="no direction"):
        anisotropy.uniaxial_terms(HKL, axis=(0, 0, 0), cell=cube.cell, rotations=cube.rotations)
