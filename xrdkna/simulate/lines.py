"""The lines of one phase in one scan: where they are and how strong, for unit amount and unit scale."""

from dataclasses import dataclass

import numpy as np

from xrdkna.errors import RecipeError
from xrdkna.physics.bragg import displacement_amplitude, displacement_pattern, two_theta_from_d
from xrdkna.physics.intensity import lorentz_polarisation
from xrdkna.physics.lattice import CELL_NAMES, cell_from_free, cell_volume, d_spacings, free_cell_parameters
from xrdkna.physics.texture import cos_squared_to_axis, march_dollase
from xrdkna.records.arrays import FloatArray, IntArray
from xrdkna.records.phases import Cell, Reflections
from xrdkna.simulate.recipe_records import PhaseRecipe, Recipe
from xrdkna.simulate.schedule import Schedule, value_at
from xrdkna.simulate.symmetry import family, lattice_operations


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedPhase:
    """A phase of the recipe with its reflections.

    factor: (n,) constant factors of its reflections. group: (n,) 0, or i + 1 where `changing[i]` multiplies the reflection
    over time. named: the reflections the recipe names, as (index of the strongest of the family, position in recipe.factors).
    """

    recipe: PhaseRecipe
    reflections: Reflections
    factor: FloatArray
    group: IntArray
    changing: tuple[Schedule, ...]
    named: tuple[tuple[int, int], ...]
    operations: IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanLines:
    """The lines of one phase and one spectral line in one scan; all (n,). bragg: degrees, of the crystal; position: as measured."""

    bragg: FloatArray
    position: FloatArray
    area: FloatArray


def prepare_phase(phase: PhaseRecipe, reflections: Reflections) -> SimulatedPhase:
    """Find the reflections the recipe names. Raises RecipeError for a phase without structure or a reflection it does not have."""
    if reflections.positions_only or reflections.cell_mass <= 0:
        raise RecipeError(f"phase {phase.name} is known by its positions only and has no weight; leave it out, or add its CIF.")
    _check_edges(phase, reflections)
    operations = lattice_operations(reflections.cell, system=reflections.crystal_system)
    factor, group = np.ones(len(reflections.hkl)), np.zeros(len(reflections.hkl), dtype=np.int64)
    changing: list[Schedule] = []
    named = []
    for i, entry in enumerate(phase.factors):
        members = _members(entry.hkl, operations, reflections, phase=phase.name)
        named.append((int(members[np.argmax((reflections.multiplicity * reflections.f_squared)[members])]), i))
        if entry.factor.constant:
            factor[members] *= entry.factor.value[0]
        else:
            changing.append(entry.factor)
            group[members] = len(changing)
    return SimulatedPhase(
        recipe=phase,
        reflections=reflections,
        factor=factor,
        group=group,
        changing=tuple(changing),
        named=tuple(named),
        operations=operations,
    )


def displacement_mm_of(phase: PhaseRecipe, recipe: Recipe, *, scan: int) -> float:
    """Height of this phase in this scan, mm."""
    plan = recipe.displacement
    return (
        plan.start_mm + plan.per_scan_mm * scan + plan.sine_mm * float(np.sin(2 * np.pi * scan / plan.sine_period_scans)) + phase.offset_mm
    )


def cell_of(phase: SimulatedPhase, recipe: Recipe, *, scan: int) -> Cell:
    """The cell of this phase in this scan."""
    reference, system = phase.reflections.cell, phase.reflections.crystal_system
    expansion = 1.0 + _at_middle(phase.recipe.expansion, recipe, scan=scan)
    values = []
    for name in free_cell_parameters(system, reference):
        value = phase.recipe.cell.get(name, getattr(reference, name) * (1.0 + phase.recipe.strain.get(name, 0.0)))
        values.append(value * expansion if name in CELL_NAMES[:3] else value)
    return cell_from_free(values, system=system, reference=reference)


def scan_lines(phase: SimulatedPhase, recipe: Recipe, *, scan: int, spectral: int) -> ScanLines:
    """The lines of one phase in one scan for spectral line number `spectral`.

    area = weight · m|F|² · LP · texture · factor / (M V): the amount of a phase in a pattern goes as its weight over the mass
    M and volume V of its cell (Hill & Howard 1987). weight: share of the spectral line, all together 1.
    """
    instrument, reflections = recipe.instrument, phase.reflections
    cell = cell_of(phase, recipe, scan=scan)
    d = d_spacings(reflections.hkl, cell)
    seen = d > instrument.radiation.lines[spectral].wavelength / 2.0 * 1.0001
    bragg = np.where(seen, two_theta_from_d(d, wavelength=instrument.radiation.lines[spectral].wavelength), 179.0)
    share = instrument.radiation.lines[spectral].weight / sum(line.weight for line in instrument.radiation.lines)
    strength = reflections.multiplicity * reflections.f_squared * phase.factor * lorentz_polarisation(bragg, instrument=instrument)
    if phase.recipe.texture is not None:
        strength = strength * _texture_factor(phase, cell, r=_at_middle(phase.recipe.texture.r, recipe, scan=scan))
    amplitude = displacement_amplitude(
        displacement_mm_of(phase.recipe, recipe, scan=scan), radius_mm=instrument.radius_mm or 240.0, geometry=instrument.geometry
    )
    shift = amplitude * displacement_pattern(bragg, geometry=instrument.geometry) + recipe.optics.zero_shift
    area = np.where(seen, share * strength / (reflections.cell_mass * cell_volume(cell)), 0.0)
    return ScanLines(bragg=bragg, position=bragg + shift, area=area)


def _check_edges(phase: PhaseRecipe, reflections: Reflections) -> None:
    free = free_cell_parameters(reflections.crystal_system, reflections.cell)
    for name in (*phase.cell, *phase.strain):
        if name not in free:
            raise RecipeError(
                f"the recipe sets {name} of {phase.name}, which is {reflections.crystal_system}; set only {', '.join(free)} of its cell."
            )


def _members(hkl: tuple[int, int, int], operations: IntArray, reflections: Reflections, *, phase: str) -> IntArray:
    wanted = family(hkl, operations)
    members = np.flatnonzero((reflections.hkl[:, None, :] == wanted[None, :, :]).all(axis=2).any(axis=1))
    if members.size == 0:
        name = " ".join(str(index) for index in hkl)
        raise RecipeError(f"phase {phase} has no reflection ({name}) in the range of the scan; name one of its own, or remove the entry.")
    return members


def _texture_factor(phase: SimulatedPhase, cell: Cell, *, r: float) -> FloatArray:
    """(n,) March–Dollase, averaged over each family: each member makes its own angle with the axis."""
    texture = phase.recipe.texture
    if texture is None:
        return np.ones(len(phase.reflections.hkl))
    members = np.einsum("ni,mij->nmj", phase.reflections.hkl, phase.operations)
    n, m, _ = members.shape
    cosines = cos_squared_to_axis(members.reshape(n * m, 3), axis=texture.axis, cell=cell).reshape(n, m)
    return np.asarray(march_dollase(cosines, r).mean(axis=1))


def _at_middle(schedule: Schedule, recipe: Recipe, *, scan: int) -> float:
    middle = scan * recipe.timing.period + 0.5 * recipe.timing.duration
    return float(value_at(schedule, np.array([middle]), timing=recipe.timing)[0])
