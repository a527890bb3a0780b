"""Texture against gemmi's groups, pymatgen's lattices, Legendre polynomials by scipy, and integrals over the sphere."""

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from scipy.special import eval_legendre

from xrdkna.errors import UsageError
from xrdkna.physics import texture
from xrdkna.records.phases import Cell

INDEX = st.integers(-6, 6)
PLANES = st.tuples(INDEX, INDEX, INDEX).filter(any)
COEFFICIENTS = st.floats(0.2, 5.0)
EACH_CRYSTAL = settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
# Independent harmonics of l = 2, 4, 6, 8, 10, 12: those of m = 0, n, 2n … with a sine each, or without under twofold axes.
COUNTS = {
    "-1": (5, 9, 13, 17, 21, 25),
    "2/m": (3, 5, 7, 9, 11, 13),
    "mmm": (2, 3, 4, 5, 6, 7),
    "4/m": (1, 3, 3, 5, 5, 7),
    "4/mmm": (1, 2, 2, 3, 3, 4),
    "-3": (1, 3, 5, 5, 7, 9),
    "-3m1": (1, 2, 3, 3, 4, 5),
    "-31m": (1, 2, 3, 3, 4, 5),
    "6/m": (1, 1, 3, 3, 3, 5),
    "6/mmm": (1, 1, 2, 2, 2, 3),
    "m-3": (0, 1, 2, 1, 2, 3),
    "m-3m": (0, 1, 1, 1, 1, 2),
}


def angles_squared(crystal, hkl, axis):
    """cos² between the axis and every equivalent of hkl, by gemmi's operators and pymatgen's lattice."""
    return (crystal.normals(np.array(crystal.equivalents(hkl), dtype=float)) @ crystal.normals(np.array([axis], dtype=float))[0]) ** 2


def test_march_dollase_averages_to_one_over_all_orientations():
    cosine = np.linspace(0, 1, 200_001)
    for r in (0.5, 1.0, 1.7):
        assert np.trapezoid(texture.march_dollase(cosine**2, r), cosine) == pytest.approx(1.0, abs=1e-5)


@given(PLANES, PLANES)
@EACH_CRYSTAL
def test_the_angle_between_planes_is_the_reciprocal_lattices(crystal, hkl, axis):
    one, two = crystal.normals(np.array([hkl, axis], dtype=float))
    assert texture.cos_squared_to_axis([hkl], axis=axis, cell=crystal.cell) == pytest.approx((one @ two) ** 2, abs=1e-9)


@given(PLANES, PLANES, COEFFICIENTS)
@EACH_CRYSTAL
def test_march_dollase_is_the_mean_over_gemmis_equivalent_planes(crystal, hkl, axis, r):
    cosines = angles_squared(crystal, hkl, axis)
    expected = np.mean((r**2 * cosines + (1 - cosines) / r) ** -1.5)
    factors, _ = texture.march_dollase_factors([hkl], axis=axis, cell=crystal.cell, rotations=crystal.rotations, r=r)
    assert factors == pytest.approx(expected, rel=1e-9)


def test_march_dollase_of_the_cubic_multiplets_is_what_a_pencil_finds(crystal_of):
    cube = crystal_of("m-3m")
    r = 0.7
    along, across, diagonal = r**-3.0, r**1.5, ((r**2 + 2 / r) / 3) ** -1.5
    expected = [(along + 2 * across) / 3, diagonal, (across + 2 * ((r**2 + 1 / r) / 2) ** -1.5) / 3]
    factors, _ = texture.march_dollase_factors(
        [(2, 0, 0), (1, 1, 1), (2, 2, 0)], axis=(0, 0, 1), cell=cube.cell, rotations=cube.rotations, r=r
    )
    assert factors == pytest.approx(expected, rel=1e-12)


def test_march_dollase_of_multiplets_averages_to_one_over_the_sphere(crystal, sphere):
    directions, weights = sphere
    factors, _ = texture.march_dollase_factors(
        crystal.planes(directions), axis=(1, 0, 2), cell=crystal.cell, rotations=crystal.rotations, r=0.8
    )
    assert weights @ factors == pytest.approx(1.0, abs=1e-9)


@given(PLANES, PLANES, COEFFICIENTS)
@EACH_CRYSTAL
def test_the_derivative_of_march_dollase_is_its_finite_difference(crystal, hkl, axis, r):
    step = 1e-5 * r
    about = {"axis": axis, "cell": crystal.cell, "rotations": crystal.rotations}
    above, below = (texture.march_dollase_factors([hkl], r=r + sign * step, **about)[0] for sign in (1, -1))
    factor, slope = texture.march_dollase_factors([hkl], r=r, **about)
    assert slope == pytest.approx((above - below) / (2 * step), rel=1e-6, abs=1e-6 * factor[0])


def test_without_texture_every_factor_is_one(crystal):
    hkl = [(1, 0, 0), (1, 2, 3), (0, -1, 4)]
    factors, _ = texture.march_dollase_factors(hkl, axis=(0, 0, 1), cell=crystal.cell, rotations=crystal.rotations, r=1.0)
    assert factors == pytest.approx(1.0, abs=1e-14)
    terms, names = texture.harmonic_terms(hkl, cell=crystal.cell, rotations=crystal.rotations, order=8)
    assert np.all(texture.harmonic_factors(terms, np.zeros(len(names))) == 1.0)
    assert texture.texture_index(np.zeros(len(names))) == 1.0


def test_there_are_as_many_harmonics_as_the_characters_of_the_rotations_allow(crystal):
    _, names = texture.harmonic_terms([(1, 1, 1)], cell=crystal.cell, rotations=crystal.rotations, order=12)
    found = tuple(sum(name.startswith(f"l{degree}m") for name in names) for degree in range(2, 13, 2))
    assert sum(found) == len(names) == len(set(names))
    if crystal.name in COUNTS:
        assert found == COUNTS[crystal.name]
    # A rotation by ω has the character 1 + 2 Σ cos mω and the trace 1 + 2 cos ω.
    matrices = np.array(crystal.rotations).reshape(-1, 3, 3)
    angle = np.arccos(np.clip((np.linalg.det(matrices) * np.trace(matrices, axis1=1, axis2=2) - 1) / 2, -1, 1))
    for degree, count in zip(range(2, 13, 2), found, strict=True):
        character = 1 + 2 * np.cos(np.outer(angle, np.arange(1, degree + 1))).sum(axis=1)
        assert count == pytest.approx(character.mean(), abs=1e-9)


@given(PLANES)
@EACH_CRYSTAL
def test_harmonics_are_the_same_for_gemmis_equivalent_planes(crystal, hkl):
    terms, _ = texture.harmonic_terms(crystal.equivalents(hkl), cell=crystal.cell, rotations=crystal.rotations, order=8)
    assert terms == pytest.approx(np.broadcast_to(terms[0], terms.shape), abs=1e-11)


def test_harmonics_do_not_suffer_from_a_cell_rounded_against_its_symmetry(crystal_of):
    hexagon = crystal_of("6/mmm")
    rounded = Cell(a=4.76, b=4.7601, c=12.99, gamma=119.99)
    terms, _ = texture.harmonic_terms(hexagon.equivalents((2, 1, 3)), cell=rounded, rotations=hexagon.rotations, order=8)
    exact, _ = texture.harmonic_terms([(2, 1, 3)], cell=hexagon.cell, rotations=hexagon.rotations, order=8)
    assert terms == pytest.approx(np.broadcast_to(terms[0], terms.shape), abs=1e-12)
    assert terms[0] == pytest.approx(exact[0], abs=2e-3)


def test_harmonics_are_orthonormal_over_the_sphere_and_average_to_nothing(crystal, sphere):
    directions, weights = sphere
    terms, names = texture.harmonic_terms(crystal.planes(directions), cell=crystal.cell, rotations=crystal.rotations, order=12)
    assert weights @ terms == pytest.approx(np.zeros(len(names)), abs=1e-11)
    assert (terms * weights[:, None]).T @ terms == pytest.approx(np.eye(len(names)), abs=1e-11)


@given(PLANES, PLANES)
@EACH_CRYSTAL
def test_harmonics_obey_the_addition_theorem_over_the_group(crystal, hkl, other):
    """Σ K_j(h) K_j(g) over the harmonics of one l is (2l + 1) times the mean of P_l(cos) between h and all equivalents of g."""
    terms, names = texture.harmonic_terms([hkl, other], cell=crystal.cell, rotations=crystal.rotations, order=10)
    cosines = np.sqrt(angles_squared(crystal, other, hkl))
    for degree in range(2, 11, 2):
        of_degree = [name.startswith(f"l{degree}m") for name in names]
        product = terms[0, of_degree] @ terms[1, of_degree]
        assert product == pytest.approx((2 * degree + 1) * eval_legendre(degree, cosines).mean(), abs=1e-8)


@pytest.mark.parametrize("name", ["6/mmm", "6/m", "4/mmm", "-3m1", "-31m", "-3"])
def test_m0_is_the_legendre_polynomial_about_the_unique_axis(crystal_of, name):
    crystal = crystal_of(name)
    hkl = [(0, 0, 2), (1, 0, 0), (1, 0, 3), (2, -1, 4)]
    cosines = np.sqrt(texture.cos_squared_to_axis(hkl, axis=(0, 0, 1), cell=crystal.cell))
    terms, names = texture.harmonic_terms(hkl, cell=crystal.cell, rotations=crystal.rotations, order=6)
    for degree in (2, 4, 6):
        expected = np.sqrt(2 * degree + 1) * eval_legendre(degree, cosines)
        assert terms[:, names.index(f"l{degree}m0")] == pytest.approx(expected, abs=1e-10)


def test_the_first_cubic_harmonic_is_the_textbooks(crystal_of):
    cube = crystal_of("m-3m")
    hkl = np.array([(1, 0, 0), (1, 1, 0), (1, 1, 1), (3, 1, 2)])
    terms, names = texture.harmonic_terms(hkl, cell=cube.cell, rotations=cube.rotations, order=4)
    unit = hkl / np.linalg.norm(hkl, axis=1, keepdims=True)
    assert names == ("l4m0",)
    assert terms[:, 0] == pytest.approx(5 * np.sqrt(21) / 4 * (np.sum(unit**4, axis=1) - 0.6), abs=1e-12)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("m-3", ("l4m0", "l6m0", "l6m2")),
        ("6/mmm", ("l2m0", "l4m0", "l6m0", "l6m6")),
        ("-3m, rhombohedral", ("l2m0", "l4m0", "l4m3s", "l6m0", "l6m3s", "l6m6")),
        ("2/m", ("l2m0", "l2m2", "l2m2s", "l4m0", "l4m2", "l4m2s", "l4m4", "l4m4s")),
    ],
)
def test_the_names_tell_the_harmonics_about_the_main_axis(crystal_of, name, expected):
    crystal = crystal_of(name)
    _, names = texture.harmonic_terms([(1, 1, 1)], cell=crystal.cell, rotations=crystal.rotations, order=6)
    assert names[: len(expected)] == expected
    assert all(name.isidentifier() for name in names)


def test_the_azimuth_counts_from_the_axis_across(crystal_of):
    crystal = crystal_of("mmm")
    terms, names = texture.harmonic_terms([(1, 0, 0), (0, 1, 0), (0, 0, 1)], cell=crystal.cell, rotations=crystal.rotations, order=2)
    assert names == ("l2m0", "l2m2")
    assert terms == pytest.approx(
        np.array([[-np.sqrt(5) / 2, np.sqrt(15) / 2], [-np.sqrt(5) / 2, -np.sqrt(15) / 2], [np.sqrt(5), 0]]), abs=1e-12
    )


@given(st.data())
@EACH_CRYSTAL
def test_the_order_of_the_rotations_and_the_inversion_do_not_matter(crystal, data):
    shuffled = tuple(data.draw(st.permutations(crystal.rotations)))
    proper = tuple(r for r in crystal.rotations if np.linalg.det(np.reshape(r, (3, 3))) > 0)
    hkl = [(1, 0, 0), (2, 1, 3), (0, 1, -4)]
    terms, names = texture.harmonic_terms(hkl, cell=crystal.cell, rotations=crystal.rotations, order=6)
    for rotations in (shuffled, proper):
        again, same = texture.harmonic_terms(hkl, cell=crystal.cell, rotations=rotations, order=6)
        assert same == names
        assert again == pytest.approx(terms, abs=1e-12)


@pytest.mark.parametrize(("name", "axis"), [("6/mmm", (0, 0, 1)), ("mmm", (1, 0, 0)), ("2/m", (0, 0, 1)), ("-1", (1, 1, 0))])
def test_twelve_orders_reproduce_a_march_dollase_texture(crystal_of, sphere, name, axis):
    crystal = crystal_of(name)
    directions, weights = sphere
    about = {"cell": crystal.cell, "rotations": crystal.rotations}
    everywhere, _ = texture.harmonic_terms(crystal.planes(directions), order=12, **about)
    pole_density, _ = texture.march_dollase_factors(crystal.planes(directions), axis=axis, r=0.8, **about)
    coefficients = (weights * (pole_density - 1.0)) @ everywhere
    hkl = [(1, 0, 0), (0, 0, 1), (1, 1, 1), (1, 0, 3), (2, -1, 3), (3, 1, 0)]
    terms, _ = texture.harmonic_terms(hkl, order=12, **about)
    expected, _ = texture.march_dollase_factors(hkl, axis=axis, r=0.8, **about)
    assert texture.harmonic_factors(terms, coefficients) == pytest.approx(expected, abs=3e-4)
    assert np.ptp(expected) > 0.3
    assert texture.texture_index(coefficients) == pytest.approx(weights @ pole_density**2, abs=1e-6)


@given(st.integers(0, 2**32 - 1))
@EACH_CRYSTAL
def test_the_texture_index_is_the_mean_square_of_the_density(crystal, sphere, seed):
    directions, weights = sphere
    terms, names = texture.harmonic_terms(crystal.planes(directions), cell=crystal.cell, rotations=crystal.rotations, order=6)
    coefficients = np.random.default_rng(seed).normal(size=len(names))
    mean_square = weights @ texture.harmonic_factors(terms, coefficients) ** 2
    assert texture.texture_index(coefficients) == pytest.approx(mean_square, rel=1e-10)


def test_a_line_without_indices_has_no_texture(crystal):
    hkl = [(0, 0, 0), (1, 0, 2)]
    about = {"cell": crystal.cell, "rotations": crystal.rotations}
    factors, slopes = texture.march_dollase_factors(hkl, axis=(0, 0, 1), r=0.6, **about)
    terms, names = texture.harmonic_terms(hkl, order=6, **about)
    assert (factors[0], slopes[0]) == (1.0, 0.0)
    assert texture.harmonic_factors(terms, np.ones(len(names)))[0] == 1.0
    assert terms[1].any()


@given(PLANES, PLANES)
def test_without_rotations_every_plane_stands_alone(hkl, axis):
    cell = Cell(a=4.0, b=4.0, c=4.0)
    assume(abs(hkl[0]) != abs(hkl[1]))
    alone, _ = texture.march_dollase_factors([hkl], axis=axis, cell=cell, rotations=(), r=0.5)
    cosine = texture.cos_squared_to_axis([hkl], axis=axis, cell=cell)
    assert alone == pytest.approx(texture.march_dollase(cosine, 0.5), rel=1e-14)


@pytest.mark.parametrize("r", [0.0, -1.0, np.nan, np.inf])
def test_a_march_coefficient_that_cannot_be_is_refused(r):
    with pytest.raises(UsageError, match="must be above 0"):
        texture.march_dollase_factors([(1, 0, 0)], axis=(0, 0, 1), cell=Cell(a=4.0, b=4.0, c=4.0), rotations=(), r=r)


def test_an_axis_without_direction_and_an_odd_order_are_refused():
    cell = Cell(a=4.0, b=4.0, c=4.0)
    with pytest.raises(UsageError, match="no direction"):
        texture.cos_squared_to_axis([(1, 0, 0)], axis=(0, 0, 0), cell=cell)
    with pytest.raises(UsageError, match="even number"):
        texture.harmonic_terms([(1, 0, 0)], cell=cell, rotations=(), order=5)


def test_the_reflections_of_a_phase_carry_gemmis_laue_group():
    import gemmi

    from xrdkna.phases.library import load_library
    from xrdkna.phases.reflections import reflections_of
    from xrdkna.physics.radiation import tube_radiation
    from xrdkna.records.instrument import Instrument

    copper = Instrument(radiation=tube_radiation("Cu"))
    for phase in load_library().phases.values():
        reflections = reflections_of(phase, instrument=copper, two_theta_max=70.0)
        matrices = np.array(reflections.rotations).reshape(-1, 3, 3)
        if phase.space_group_number:
            turns = [np.array(operator.rot) for operator in gemmi.find_spacegroup_by_number(phase.space_group_number).operations().sym_ops]
            assert len(matrices) == len({tuple((sign * turn).ravel()) for turn in turns for sign in (1, -1)})
        named = np.flatnonzero(reflections.hkl.any(axis=1))
        families = [len(np.unique(reflections.hkl[i] @ matrices, axis=0)) for i in named]
        assert families == reflections.multiplicity[named].tolist()
