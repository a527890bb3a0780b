"""The model against itself moved a little, and against the formulas of the ground."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from conftest import pattern_of

from xrdkna.phases.library import load_library
from xrdkna.phases.reflections import reflections_of
from xrdkna.physics.bragg import displacement_pattern, two_theta_from_d
from xrdkna.physics.intensity import lorentz_polarisation
from xrdkna.physics.lattice import cell_volume, d_spacing_derivatives
from xrdkna.physics.profile import fwhm_from_caglioti, fwhm_from_size_strain, mixed_width, pseudo_voigt
from xrdkna.physics.radiation import radiation_from_text
from xrdkna.records.instrument import GEOMETRIES, Instrument
from xrdkna.records.peaks import Halo, Peak
from xrdkna.records.values import Estimate
from xrdkna.refine.forward.build import build_model
from xrdkna.refine.forward.model import Model, add_line_columns, calculate, calculate_with_jacobian, line_list, phase_part, smooth_part
from xrdkna.refine.forward.parameters import read_ties
from xrdkna.refine.kernels.line_kernel import cell_volumes, empty_lines, list_lines
from xrdkna.refine.kernels.profile_kernel import add_profile, plain_nodes
from xrdkna.refine.settings import ParameterChoice, RefineSettings

# One of every crystal system the library holds, hexagonal, trigonal, monoclinic and cubic among them.
PHASES = ("KNa2", "Al2O3", "K2CO3", "K", "KO2")
TWO_THETA = np.arange(12.0, 80.0, 0.02)


def estimate(value: float) -> Estimate:
    return Estimate(value=value, esd=None, unit="°")


HALO = Halo(two_theta=estimate(22.0), fwhm=estimate(9.0), area=estimate(900.0), snr=10.0)
STRANGER = Peak(
    two_theta=estimate(33.3), d_spacing=estimate(2.69), area=estimate(80.0), fwhm=estimate(0.15), eta=0.4, snr=20.0, background=100.0
)


def everything_on(texture: str, geometry: str = "Bragg-Brentano") -> tuple[Model, np.ndarray, np.ndarray]:
    """A model with every effect it knows of, values off neutral, and the numbers of the parameters that move."""
    instrument = Instrument(radiation=radiation_from_text("CuKaKb"), geometry=geometry, radius_mm=200.0, monochromator_two_theta=26.4)
    reflections = [reflections_of(load_library().phases[name], instrument=instrument, two_theta_max=82.0) for name in PHASES]
    shared = {"sample_height": 0.03, "detector_height": 0.02, "ratio_CuKa2": 0.48, "ratio_CuKb": 0.03}
    flat = {"source_height": 0.025, "soller": 6.0, "divergence": 1.0, "transparency": 0.01}
    shared |= flat if geometry == "Bragg-Brentano" else {"capillary": 0.8, "plate": 0.3}
    own = {"displacement": 0.02, "biso": 0.3, "thinness": 0.5, "cover": 0.05}
    chosen = shared | {f"{name}_{phase}": value for phase in PHASES for name, value in own.items()}
    settings = RefineSettings(
        texture=texture,
        broadening={"K2CO3": "stephens", "KNa2": "uniaxial"},
        parameters={name: ParameterChoice(value=value, vary=True) for name, value in chosen.items()},
    )
    pattern = pattern_of(TWO_THETA, np.full(TWO_THETA.size, 400.0), instrument=instrument)
    model = build_model(
        pattern, reflections[:-1], watched=reflections[-1:], fwhm=0.12, halos=[HALO], unexplained=[STRANGER], settings=settings
    )
    model = replace(model, tail_tolerance=1e-3)
    ties = read_ties(model.layout, settings.parameters)
    rng = np.random.default_rng(4)
    values = ties.start.copy()
    for i, slot in enumerate(model.layout.slots):
        if slot.name.startswith("scale"):
            values[i] = 2e-3
        elif slot.kind == "texture":
            values[i] += rng.uniform(-0.1, 0.1)
        elif slot.kind == "background":
            values[i] += 5.0
        elif slot.name.startswith(("x_axis", "y_axis", "displacement", "zero", "u")):
            values[i] += 0.01
    moving = np.flatnonzero(ties.free & np.array([slot.kind != "watched" for slot in model.layout.slots]))
    return model, values, moving


@pytest.mark.parametrize(
    ("texture", "geometry"),
    [("free", "Bragg-Brentano"), ("march", "Debye-Scherrer"), ("harmonics", "Bragg-Brentano"), ("none", "transmission")],
)
def test_every_derivative_is_its_finite_difference(texture, geometry):
    model, values, moving = everything_on(texture, geometry)
    rows = np.full(values.size, -1, dtype=np.int64)
    rows[moving] = np.arange(moving.size)
    _, jacobian = calculate_with_jacobian(model, values, rows, moving.size)
    # Where the window of a line ends is not part of its derivative: in the differences none ends.
    reach = np.full_like(calculate(model, values).reach, 360.0)
    for row, parameter in zip(jacobian, moving, strict=True):
        slot = model.layout.slots[parameter]
        step = 1e-3 * abs(values[parameter]) if slot.unit == "Å⁻⁴" else 1e-5 * max(abs(values[parameter]), 0.1)
        ends = []
        for sign in (1, -1):
            moved = values.copy()
            moved[parameter] += sign * step
            ends.append(calculate(model, moved, reach=reach).calculated)
        difference = (ends[0] - ends[1]) / (2 * step)
        size = np.abs(difference).max()
        assert size > 0.0, f"{slot.name} changes nothing"
        # Intensities and widths follow the cell only to second order, which the model leaves out; and derivatives, which only steer,
        # end at 16 full widths, where those by a Lorentzian width still are 1e-3 of their largest value, for each of many lines.
        tolerance = 0.02 if slot.kind == "cell" else 5e-3
        assert np.abs(row - difference).max() <= tolerance * size, slot.name


def test_the_parts_of_the_model_add_up_to_it():
    model, values, _ = everything_on("free")
    lines = line_list(model, values)
    total = smooth_part(model, values) + sum(phase_part(model, lines, number) for number in (-1, 0, 1, 2, 3))
    # The free line was given its profile with the tails that noise allows, a twentieth of σ.
    np.testing.assert_allclose(total, calculate(model, values).calculated, atol=2.0)
    without = replace(model, free_areas=model.free_areas[:0], free_profiles=model.free_profiles[:0])
    phases_only = smooth_part(model, values) + sum(phase_part(model, lines, number) for number in (0, 1, 2, 3))
    np.testing.assert_allclose(phases_only, calculate(without, values).calculated, atol=0.02)


def test_a_watched_phase_adds_nothing_but_has_its_lines():
    model, values, _ = everything_on("free")
    lines = line_list(model, values)
    watched = lines.owner == len(PHASES) - 1
    assert watched.any()
    scaled = values.copy()
    scaled[model.phases[-1].scale] = 0.0
    np.testing.assert_array_equal(line_list(model, scaled).area[watched], 0.0)
    np.testing.assert_array_equal(calculate(model, scaled).calculated, calculate(model, values).calculated)
    assert lines.unit[watched].sum() > 0.0


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_the_compiled_lines_are_those_of_the_formulas(geometry):
    model, values, _ = everything_on("none", geometry)
    structure, index = model.fitted, model.layout.index
    lines = empty_lines(structure)
    list_lines(structure, values, np.ones(structure.hkl.shape[0]), lines)
    spectral = model.instrument.radiation.lines
    for number, term in enumerate(model.phases[: model.fitted_phases]):
        if term.stephens.size or term.along_x >= 0:
            continue
        d, slopes = d_spacing_derivatives(term.reflections.hkl, term.cell_at(values), system=term.reflections.crystal_system)
        for s, line in enumerate(spectral):
            count = d.size
            first = structure.first[number] * len(spectral) + s * count
            own = slice(first, first + count)
            angle = two_theta_from_d(d, wavelength=line.wavelength)
            shift = displacement_pattern(angle, geometry=geometry)
            displacement = values[index["displacement"]] + values[term.displacement]
            expected = angle + values[index["zero"]] + displacement * shift
            np.testing.assert_allclose(lines.position[own], expected, atol=1e-9)
            gaussian = fwhm_from_caglioti(angle, u=values[index["u"]], v=values[index["v"]], w=values[index["w"]])
            x, y = values[index["x"]] + values[term.x], values[index["y"]] + values[term.y]
            fwhm, eta = mixed_width(gaussian, fwhm_from_size_strain(angle, x=x, y=y))
            np.testing.assert_allclose(lines.fwhm[own], fwhm, rtol=1e-9)
            np.testing.assert_allclose(lines.eta[own], eta, rtol=1e-9)
            strength = term.reflections.multiplicity * term.reflections.f_squared
            weight = 1.0 if s == 0 else values[index[f"ratio_{line.label}"]]
            # how much of a plate the beam meets comes with what the plate absorbs
            machine = replace(model.instrument, geometry="Debye-Scherrer")
            unit = strength * lorentz_polarisation(angle, instrument=machine) * weight
            np.testing.assert_allclose(lines.unit[own], unit, rtol=1e-9)
            sine = np.sin(np.radians(angle / 2.0))
            by_cell = -2.0 * np.degrees(sine / np.sqrt(1 - sine**2) / d)[:, None] * slopes
            np.testing.assert_allclose(lines.by_cell[own][:, : by_cell.shape[1]], by_cell, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("eta", [0.0, 0.37, 1.0])
def test_the_compiled_profile_is_a_pseudo_voigt(eta):
    x = np.sort(np.concatenate([np.arange(20.0, 40.0, 0.013), [29.9999, 30.0001]]))
    out = np.zeros(x.size)
    add_profile(x, 30.0, 0.2, eta, 700.0, 8.0, 0, plain_nodes(1, voigt=False), out)
    expected = 700.0 * pseudo_voigt(x - 30.0, fwhm=0.2, eta=eta) * (np.abs(x - 30.0) <= 8.0)
    np.testing.assert_allclose(out, expected, atol=2e-5 * expected.max() if eta < 1 else 1e-9)


def test_tails_of_hundreds_of_lines_are_followed_beyond_where_each_is_faint():
    """Cut at their reach they would leave out counts that the background takes up instead, and scales with it."""
    model, values, _ = everything_on("none")
    model = replace(model, tail_tolerance=0.05, spread=None)
    lines = line_list(model, values, phases=model.fitted_phases)
    first = lines.owner >= 0
    whole = add_line_columns(model, lines, np.where(first, 0, -1), lines.area, np.full(lines.area.size, 360.0), 1)[0]
    evaluation = calculate(model, values)
    found = values[model.fitted.phase[:, 0]] @ evaluation.parts
    cut = add_line_columns(model, lines, np.where(first, 0, -1), lines.area, evaluation.reach, 1)[0]
    assert np.abs(whole - cut).mean() > 1.0
    assert np.abs(whole - found).mean() < 0.1 * np.abs(whole - cut).mean()
    assert np.abs(whole - found).max() < 0.2 * np.abs(whole - cut).max()


def test_intensities_follow_the_cell():
    """A crystal whose cell is half a percent longer scatters as one read with that cell."""
    instrument = Instrument(radiation=radiation_from_text("CuKa"), radius_mm=200.0)
    phase = load_library().phases["Al2O3"]
    cell = phase.cell
    longer = replace(phase, cell=replace(cell, a=1.005 * cell.a, b=1.005 * cell.b, c=1.005 * cell.c))
    pattern = pattern_of(TWO_THETA, np.full(TWO_THETA.size, 400.0), instrument=instrument)
    areas = {}
    for name, crystal in (("reference", phase), ("longer", longer)):
        model = build_model(
            pattern, [reflections_of(crystal, instrument=instrument, two_theta_max=75.0)], fwhm=0.1, settings=RefineSettings()
        )
        values = model.layout.starts()
        for edge in "ac":
            values[model.layout.index[f"{edge}_Al2O3"]] = getattr(longer.cell, edge)
        lines = line_list(model, values)
        strong = lines.unit > 0.02 * lines.unit.max()
        hkl = model.phases[0].reflections.hkl
        areas[name] = {tuple(index): lines.unit[i] for i, index in enumerate(hkl.tolist()) if strong[i]}
    common = areas["reference"].keys() & areas["longer"].keys()
    ratios = [areas["reference"][hkl] / areas["longer"][hkl] for hkl in common]
    assert len(common) >= 8
    np.testing.assert_allclose(ratios, 1.0, atol=2e-4)


def test_volumes_of_the_hot_path_are_those_of_the_ground():
    model, values, _ = everything_on("none")
    expected = [cell_volume(term.cell_at(values)) for term in model.phases[: model.fitted_phases]]
    np.testing.assert_allclose(cell_volumes(model.fitted, values), expected, rtol=1e-12)
