"""Expected counts of a scan: everything that scatters, each with its amount at the moment the sweep passes the angle."""

from dataclasses import dataclass

import numpy as np

from xrdkna.physics.bragg import q_from_two_theta
from xrdkna.records.arrays import FloatArray
from xrdkna.simulate.engine import LineShapes, add_line, line_shapes
from xrdkna.simulate.lines import SimulatedPhase, scan_lines
from xrdkna.simulate.recipe_records import HaloRecipe, Recipe
from xrdkna.simulate.schedule import value_at

# a line this much weaker than the strongest of its phase adds less than any counting statistics can show
NEGLIGIBLE = 1e-9
# air scatter is quoted at this angle, degrees
AIR_SCATTER_AT = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """The phases of a recipe, ready: shapes[i][j] belongs to phase i and spectral line j. scale: counts·degrees for unit area."""

    phases: tuple[SimulatedPhase, ...]
    shapes: tuple[tuple[LineShapes, ...], ...]
    scale: float


def prepare_sample(recipe: Recipe, phases: tuple[SimulatedPhase, ...]) -> Sample:
    """Calculate the line shapes, and find the scale that makes the peak as high as the recipe asks."""
    known: dict[tuple[object, int], LineShapes] = {}
    for phase in phases:
        for j, line in enumerate(recipe.instrument.radiation.lines):
            key = (phase.recipe.broadening, j)
            if key not in known:
                known[key] = line_shapes(
                    line=line,
                    broadening=phase.recipe.broadening,
                    optics=recipe.optics,
                    instrument=recipe.instrument,
                    two_theta_range=recipe.two_theta_range,
                )
    lines = range(len(recipe.instrument.radiation.lines))
    shapes = tuple(tuple(known[(phase.recipe.broadening, j)] for j in lines) for phase in phases)
    sample = Sample(phases=phases, shapes=shapes, scale=1.0)
    return Sample(phases=phases, shapes=shapes, scale=recipe.scale if recipe.scale is not None else _scale_for_peak(recipe, sample))


def expected_counts(recipe: Recipe, sample: Sample, *, scan: int) -> FloatArray:
    """(n,) expected counts of one scan."""
    seconds = recipe.point_times(scan)
    total = np.full(recipe.two_theta.size, recipe.background) + recipe.air_scatter * AIR_SCATTER_AT / recipe.two_theta
    for halo in recipe.halos:
        total += value_at(halo.amount, seconds, timing=recipe.timing) * halo_counts(halo, recipe)
    for i in range(len(sample.phases)):
        total += phase_counts(recipe, sample, phase=i, scan=scan)
    return np.asarray(total * value_at(recipe.tube, seconds, timing=recipe.timing))


def phase_counts(recipe: Recipe, sample: Sample, *, phase: int, scan: int) -> FloatArray:
    """(n,) counts that one phase alone adds to one scan, at tube factor 1."""
    chosen, seconds = sample.phases[phase], recipe.point_times(scan)
    amount = value_at(chosen.recipe.amount, seconds, timing=recipe.timing)
    total = np.zeros(recipe.two_theta.size)
    if not amount.any():
        return total
    groups = np.zeros((len(chosen.changing) + 1, recipe.two_theta.size))
    for j, shapes in enumerate(sample.shapes[phase]):
        lines = scan_lines(chosen, recipe, scan=scan, spectral=j)
        for k in np.flatnonzero(lines.area > NEGLIGIBLE * lines.area.max(initial=0.0)):
            add_line(
                groups[chosen.group[k]],
                recipe.two_theta,
                shapes,
                position=float(lines.position[k]),
                area=sample.scale * float(lines.area[k]),
            )
    total += groups[0]
    for schedule, counts in zip(chosen.changing, groups[1:], strict=True):
        total += counts * value_at(schedule, seconds, timing=recipe.timing)
    return total * amount


def halo_counts(halo: HaloRecipe, recipe: Recipe) -> FloatArray:
    """(n,) counts of a halo at amount 1: a Gaussian in 2θ or in Q of `area` counts·degrees over all 2θ."""
    fine = np.linspace(0.05, 179.9, 20_000)
    step = fine[1] - fine[0]
    return np.asarray(halo.area * _bell(halo, recipe.two_theta, recipe) / (_bell(halo, fine, recipe).sum() * step))


def _bell(halo: HaloRecipe, two_theta: FloatArray, recipe: Recipe) -> FloatArray:
    at = two_theta if halo.unit == "degree" else q_from_two_theta(two_theta, wavelength=recipe.instrument.radiation.wavelength)
    return np.asarray(np.exp(-4.0 * np.log(2.0) * ((at - halo.centre) / halo.fwhm) ** 2))


def _scale_for_peak(recipe: Recipe, sample: Sample) -> float:
    """Counts·degrees for unit area: from the hardware in the first scan; without any, from the strongest line of any scan."""
    hardware = [i for i, phase in enumerate(sample.phases) if phase.reflections.role == "hardware"]
    top = _highest(recipe, sample, phases=hardware, scans=range(1))
    if top <= 0.0:
        top = _highest(recipe, sample, phases=list(range(len(sample.phases))), scans=range(recipe.timing.count))
    return (recipe.peak_counts or 0.0) / top if top > 0.0 else 0.0


def _highest(recipe: Recipe, sample: Sample, *, phases: list[int], scans: range) -> float:
    patterns = (sum((phase_counts(recipe, sample, phase=i, scan=scan) for i in phases), np.zeros(1)).max() for scan in scans)
    return float(max(patterns, default=0.0))
