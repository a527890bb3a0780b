"""Expected counts against formulas written out by hand, one effect at a time."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import pytest

from xrdkna.errors import RecipeError
from xrdkna.records.arrays import FloatArray
from xrdkna.records.phases import Reflections
from xrdkna.simulate.recipe_records import Recipe
from xrdkna.simulate.series import SimulatedSeries, simulate_series

Reader = Callable[[str], Recipe]
Known = Mapping[str, Reflections]
AL_111, AL_200, K_110 = 38.47, 44.72, 23.60


def text(phases: str, *, span: str = "[36, 41]", radiation: str = '"CuKa1"', scan: str = "", rest: str = "", scale: float = 100.0) -> str:
    return (
        f"[instrument]\nradiation = {radiation}\n[scan]\ntwo_theta = {span}\nstep = 0.01\n{scan}\n"
        f"[intensity]\nscale = {scale}\n{rest}\n{phases}"
    )


def phase(name: str = "Al", amount: str = "1", more: str = "") -> str:
    return f'[[phase]]\nname = "{name}"\namount = {amount}\nsize_nm = 100\n{more}\n'


def simulated(recipe: Recipe, reflections: Known) -> SimulatedSeries:
    return simulate_series(recipe, reflections)


def area(series: SimulatedSeries, *, near: float, half: float = 2.0, scan: int = 0) -> float:
    two_theta = series.recipe.two_theta
    inside = np.abs(two_theta - near) < half
    return float(series.expected[scan][inside].sum() * (two_theta[1] - two_theta[0]))


def centroid(series: SimulatedSeries, *, scan: int = 0) -> float:
    counts = series.expected[scan]
    return float((series.recipe.two_theta * counts).sum() / counts.sum())


def lorentz_polarisation_by_hand(two_theta: float) -> float:
    theta = np.radians(two_theta / 2)
    return float((1 + np.cos(2 * theta) ** 2) / 2 / (np.sin(theta) ** 2 * np.cos(theta)))


@pytest.mark.parametrize(("name", "near", "hkl"), [("Al", AL_111, [1, 1, 1]), ("K", K_110, [0, 1, 1])])
def test_a_line_has_the_area_that_amount_structure_and_angle_give(
    name: str, near: float, hkl: list[int], recipe_of: Reader, reflections: Known
) -> None:
    series = simulated(recipe_of(text(phase(name, "0.25"), span=f"[{near - 4}, {near + 4}]")), reflections)
    known = reflections[name]
    k = known.hkl.tolist().index(hkl)
    volume = known.cell.a**3
    by_hand = 100.0 * 0.25 * known.multiplicity[k] * known.f_squared[k] / (known.cell_mass * volume) * lorentz_polarisation_by_hand(near)
    assert area(series, near=near, half=4.0) == pytest.approx(by_hand, rel=0.015)


def test_the_doublet_splits_as_bragg_says_with_half_the_intensity(recipe_of: Reader, reflections: Known) -> None:
    single = simulated(recipe_of(text(phase(), span="[30, 47]")), {"Al": only(reflections["Al"], 0)})
    double = simulated(recipe_of(text(phase(), span="[30, 47]", radiation='"CuKa"')), {"Al": only(reflections["Al"], 0)})
    d = 4.0495 / np.sqrt(3)
    splitting = 2 * np.degrees(np.arcsin(1.5444274 / (2 * d)) - np.arcsin(1.5405929 / (2 * d)))
    assert centroid(double) - centroid(single) == pytest.approx(splitting / 3, abs=0.003)
    assert double.expected.sum() == pytest.approx(single.expected.sum(), rel=0.005)


@pytest.mark.parametrize("displacement", [0.15, -0.15])
def test_a_low_specimen_moves_lines_down_by_two_s_cos_theta_over_r(displacement: float, recipe_of: Reader, reflections: Known) -> None:
    still = simulated(recipe_of(text(phase())), reflections)
    moved = simulated(recipe_of(text(phase(), rest=f"[displacement]\nstart_mm = {displacement}")), reflections)
    expected = -np.degrees(2 * displacement * np.cos(np.radians(AL_111 / 2)) / 240.0)
    assert top(moved) - top(still) == pytest.approx(expected, abs=0.002)


def test_displacement_drifts_from_scan_to_scan_and_a_phase_keeps_its_own_height(recipe_of: Reader, reflections: Known) -> None:
    drift = "[displacement]\nstart_mm = 0.1\nper_scan_mm = -0.05\nsine_mm = 0.02\nsine_period_scans = 4"
    series = simulated(recipe_of(text(phase(more="offset_mm = 0.03"), scan="count = 3", rest=drift)), reflections)
    truth = [scan["phases"]["Al"]["displacement_mm"] for scan in series.truth["scans"]]
    assert truth == pytest.approx([0.13, 0.10, 0.03])
    per_mm = -np.degrees(2 * np.cos(np.radians(AL_111 / 2)) / 240.0)
    assert top(series, scan=2) - top(series, scan=0) == pytest.approx(-0.10 * per_mm, abs=0.002)


def test_in_debye_scherrer_geometry_displacement_follows_sin_two_theta(recipe_of: Reader, reflections: Known) -> None:
    capillary = '"CuKa1"\ngeometry = "Debye-Scherrer"'
    still = simulated(recipe_of(text(phase(), radiation=capillary)), reflections)
    moved = simulated(recipe_of(text(phase(), radiation=capillary, rest="[displacement]\nstart_mm = 0.2")), reflections)
    assert top(moved) - top(still) == pytest.approx(np.degrees(0.2 / 240.0 * np.sin(np.radians(AL_111))), abs=0.002)


@pytest.mark.parametrize(("radiation", "wavelength"), [('"MoKa"', 0.70931715), ("0.4939", 0.4939), ('"CoKa1"', 1.788996)])
def test_lines_lie_where_bragg_puts_them_for_any_radiation(
    radiation: str, wavelength: float, recipe_of: Reader, reflections: Known
) -> None:
    bragg = 2 * np.degrees(np.arcsin(wavelength * np.sqrt(3) / (2 * 4.0495)))
    series = simulated(recipe_of(text(phase(), radiation=radiation, span=f"[{bragg - 1.5:.2f}, {bragg + 1:.2f}]")), reflections)
    assert top(series) == pytest.approx(bragg, abs=0.04)


def test_a_synchrotron_line_is_narrower_and_less_polarised_than_a_tube_line(recipe_of: Reader, reflections: Known) -> None:
    one = {"Al": only(reflections["Al"], 0)}
    tube = simulated(recipe_of(text(phase(), span="[30, 45]")), one)
    ring = simulated(recipe_of(text(phase(), span="[30, 45]", radiation='1.5390\ngeometry = "Debye-Scherrer"\nradius_mm = 760')), one)
    assert ring.expected.max() > 1.3 * tube.expected.max()
    c = np.cos(np.radians(AL_111)) ** 2
    assert ring.expected.sum() / tube.expected.sum() == pytest.approx((0.95 + 0.05 * c) / (0.5 + 0.5 * c), rel=0.01)


def test_a_longer_cell_edge_moves_the_line_as_strain_says(recipe_of: Reader, reflections: Known) -> None:
    still = simulated(recipe_of(text(phase())), reflections)
    for more in ("strain = { a = 0.004 }", "cell = { a = 4.065698 }", "expansion = 0.004"):
        moved = simulated(recipe_of(text(phase(more=more))), reflections)
        d = 4.0495 * 1.004 / np.sqrt(3)
        expected = 2 * np.degrees(np.arcsin(1.5405929 / (2 * d))) - AL_111
        assert top(moved) - top(still) == pytest.approx(expected, abs=0.004)
        assert moved.truth["scans"][0]["phases"]["Al"]["cell"]["a"] == pytest.approx(4.065698, abs=1e-6)


def test_an_amount_that_steps_in_mid_sweep_shows_only_in_the_angles_swept_after_it(recipe_of: Reader, reflections: Known) -> None:
    # the sweep of 100 s passes (111) at about a third and (200) at about four fifths of it
    amount = "{ seconds = [60, 60], value = [0, 1] }"
    series = simulated(recipe_of(text(phase(amount=amount), span="[35, 47]", scan="duration_s = 100")), reflections)
    always = simulated(recipe_of(text(phase(), span="[35, 47]", scan="duration_s = 100")), reflections)
    before = series.recipe.two_theta < 35 + 0.6 * 12 - 0.02
    assert np.all(series.expected[0][before] == 0.0)
    assert series.expected[0][~before][5:] == pytest.approx(always.expected[0][~before][5:])
    assert area(always, near=AL_200, half=1.0) > 0


def test_the_strongest_hardware_line_of_the_first_scan_is_as_high_as_asked(recipe_of: Reader, reflections: Known) -> None:
    recipe = text(phase("K", "50") + phase("Al"), span="[20, 46]", scan="count = 2").replace(
        "scale = 100.0", "peak_counts = 4000\ntube = 0.5"
    )
    series = simulated(recipe_of(recipe), reflections)
    near = np.abs(series.recipe.two_theta - AL_111) < 0.3
    assert series.expected[0][near].max() == pytest.approx(2000, rel=0.01)
    assert series.expected[0].max() > 10_000


def test_march_dollase_texture_weights_every_member_of_a_family(recipe_of: Reader, reflections: Known) -> None:
    plain = simulated(recipe_of(text(phase(), span="[35, 47]")), reflections)
    flat = simulated(recipe_of(text(phase(more="texture = { axis = [1, 1, 1], r = 0.5 }"), span="[35, 47]")), reflections)

    def factor(cos_squared: float) -> float:
        return (0.25 * cos_squared + (1 - cos_squared) / 0.5) ** -1.5

    for near, expected in ((AL_111, 0.25 * factor(1.0) + 0.75 * factor(1 / 9)), (AL_200, factor(1 / 3))):
        assert area(flat, near=near, half=0.5) / area(plain, near=near, half=0.5) == pytest.approx(expected, rel=0.02)


def test_a_named_reflection_is_found_whatever_member_of_its_family_is_named(recipe_of: Reader, reflections: Known) -> None:
    plain = simulated(recipe_of(text(phase("Al2O3"), span="[24, 36]")), reflections)
    for hkl in ("[0, 1, 2]", "[1, 0, -2]", "[-1, 1, -2]"):
        more = f"[[phase.reflection]]\nhkl = {hkl}\nfactor = 1.4"
        strong = simulated(recipe_of(text(phase("Al2O3", more=more), span="[24, 36]")), reflections)
        assert area(strong, near=25.58, half=1) / area(plain, near=25.58, half=1) == pytest.approx(1.4, rel=0.002)
        assert area(strong, near=35.15, half=0.5) == pytest.approx(area(plain, near=35.15, half=0.5), rel=0.002)


def test_a_reflection_can_vanish_while_its_phase_stays(recipe_of: Reader, reflections: Known) -> None:
    more = "[[phase.reflection]]\nhkl = [1, 0, 3]\nfactor = { per_scan = [1, 0] }"
    recipe = recipe_of(text(phase("KNa2", "{ per_scan = [1, 0.3] }", more), span="[24.5, 29]", scan="count = 2"))
    series = simulated(recipe, {"KNa2": reflections["KNa2"]})
    assert area(series, near=28.4, half=0.25, scan=1) / area(series, near=28.4, half=0.25) == pytest.approx(0.3, rel=0.02)
    assert area(series, near=25.66, half=0.2, scan=1) / area(series, near=25.66, half=0.2) < 0.02
    marker = [scan["reflections"][0] for scan in series.truth["scans"]]
    assert [entry["factor"] for entry in marker] == [1.0, 0.0]
    assert marker[0]["area"] == pytest.approx(area(series, near=25.66, half=0.6), rel=0.05)


def test_a_halo_has_its_area_and_its_centre_in_either_unit(recipe_of: Reader, reflections: Known) -> None:
    q_centre = 2 * np.degrees(np.arcsin(1.63 * 1.5405929 / (4 * np.pi)))
    for centre, width, at in (("two_theta = 22", 5.0, 22.0), ("q = 1.63", 0.3, q_centre)):
        halo = f'[[halo]]\nname = "alloy"\n{centre}\nfwhm = {width}\narea = 900\n'
        series = simulated(recipe_of(text(halo, span="[5, 60]")), reflections)
        assert series.expected[0].sum() * 0.01 == pytest.approx(900, rel=0.01)
        assert top(series) == pytest.approx(at, abs=0.15)


def test_background_and_air_scatter_are_what_the_recipe_says_and_follow_the_tube(recipe_of: Reader, reflections: Known) -> None:
    rest = "tube = { per_scan = [1, 0.8] }\n[background]\nconstant = 40\nair_scatter = 60"
    series = simulated(recipe_of(text("", span="[10, 40]", scan="count = 2", rest=rest)), reflections)
    assert series.expected[0][[0, -1]] == pytest.approx([100.0, 55.0])
    assert series.expected[1] == pytest.approx(0.8 * series.expected[0])


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (phase("Unobtainium"), "no reflections are known of Unobtainium"),
        (phase(more="cell = { c = 4.1 }"), "sets c of Al, which is cubic; set only a"),
        (phase(more="[[phase.reflection]]\nhkl = [1, 0, 0]\nfactor = 2"), "Al has no reflection (1 0 0)"),
    ],
)
def test_a_recipe_that_does_not_suit_its_phases_gets_its_sentence(wrong: str, sentence: str, recipe_of: Reader, reflections: Known) -> None:
    with pytest.raises(RecipeError) as raised:
        simulated(recipe_of(text(wrong)), reflections)
    assert sentence in str(raised.value)


def test_a_phase_known_by_its_positions_only_cannot_be_weighed_out(recipe_of: Reader, reflections: Known) -> None:
    listed = replace(reflections["Al"], positions_only=True, cell_mass=0.0)
    with pytest.raises(RecipeError, match="Al is known by its positions only"):
        simulated(recipe_of(text(phase())), {"Al": listed})


def top(series: SimulatedSeries, *, scan: int = 0) -> float:
    """Degrees, of the highest point, by a parabola through it and its neighbours."""
    counts: FloatArray = series.expected[scan]
    k = int(counts.argmax())
    left, mid, right = counts[k - 1 : k + 2]
    step = series.recipe.two_theta[1] - series.recipe.two_theta[0]
    return float(series.recipe.two_theta[k] + 0.5 * step * (left - right) / (left - 2 * mid + right))


def only(reflections: Reflections, k: int) -> Reflections:
    """The phase with one reflection alone."""
    return replace(
        reflections,
        hkl=reflections.hkl[[k]],
        multiplicity=reflections.multiplicity[[k]],
        f_squared=reflections.f_squared[[k]],
        d_spacing=reflections.d_spacing[[k]],
    )
