"""From a recipe to a series: scans with Poisson counts, what the cycler wrote, and the truth."""

from collections.abc import Mapping
from datetime import timedelta

import numpy as np

from xrdkna.errors import RecipeError
from xrdkna.records.arrays import FloatArray
from xrdkna.records.phases import Reflections
from xrdkna.records.scan import Scan
from xrdkna.records.series import Cycling
from xrdkna.simulate.folder import write_series
from xrdkna.simulate.lines import SimulatedPhase, prepare_phase
from xrdkna.simulate.pattern import expected_counts, prepare_sample
from xrdkna.simulate.recipe_records import CyclingPlan, Recipe
from xrdkna.simulate.simulated import SimulatedSeries
from xrdkna.simulate.truth import truth_of

__all__ = ["SimulatedSeries", "simulate_series", "write_series"]

# above this a Poisson number is drawn from a normal distribution by numpy's own limits; no detector counts so far
MOST_COUNTS = 1e15


def simulate_series(recipe: Recipe, reflections: Mapping[str, Reflections]) -> SimulatedSeries:
    """The series a recipe describes. reflections: by phase name, calculated for recipe.instrument up to
    recipe.reflections_wanted_to. Raises RecipeError for a phase that is missing, has no structure, or lacks a named reflection."""
    sample = prepare_sample(recipe, _prepare_phases(recipe, reflections))
    expected = np.array([expected_counts(recipe, sample, scan=i) for i in range(recipe.timing.count)])
    if expected.max(initial=0.0) > MOST_COUNTS:
        raise RecipeError(f"the recipe expects {expected.max():.2g} counts at one point; lower intensity.scale or peak_counts.")
    return SimulatedSeries(
        recipe=recipe,
        scans=tuple(_scan(recipe, counts, index=i) for i, counts in enumerate(expected)),
        expected=expected,
        cycling=_cycling(recipe.cycling, recipe) if recipe.cycling is not None else None,
        truth=truth_of(recipe, sample),
    )


def _prepare_phases(recipe: Recipe, reflections: Mapping[str, Reflections]) -> tuple[SimulatedPhase, ...]:
    missing = [phase.name for phase in recipe.phases if phase.name not in reflections]
    if missing:
        raise RecipeError(
            f"no reflections are known of {', '.join(missing)}; correct the name in the recipe, or add the phase with --cif FILE."
        )
    return tuple(prepare_phase(phase, reflections[phase.name]) for phase in recipe.phases)


def _scan(recipe: Recipe, expected: FloatArray, *, index: int) -> Scan:
    # each scan has a stream of its own, so that a longer series begins with the same scans
    counts = np.random.default_rng([recipe.seed, index]).poisson(expected).astype(np.float64)
    start = recipe.start_time + timedelta(seconds=index * recipe.timing.period)
    return Scan(
        name=recipe.names[index],
        source="simulation",
        two_theta=recipe.two_theta,
        intensity=counts,
        sigma=np.sqrt(np.maximum(counts, 1.0)),
        sigma_source="counts",
        radiation=recipe.instrument.radiation,
        geometry=recipe.instrument.geometry,
        radius_mm=recipe.instrument.radius_mm,
        monochromator_two_theta=recipe.instrument.monochromator_two_theta,
        start_time=start,
        end_time=start + timedelta(seconds=recipe.timing.duration),
        count_time=recipe.timing.duration / recipe.two_theta.size,
    )


def _cycling(plan: CyclingPlan, recipe: Recipe) -> Cycling:
    """A record at every interval and, as cyclers do, at the beginning and end of every segment."""
    time, current, potential, begin = [], [], [], 0.0
    for segment in plan.segments:
        inner = np.arange(begin, begin + segment.duration, plan.interval)
        last = begin + segment.duration - min(1e-3, segment.duration / 2.0)
        inner = np.append(inner[inner < last], last)
        time.append(inner)
        current.append(np.full(inner.size, segment.current_mA))
        potential.append(np.full(inner.size, segment.potential_V))
        begin += segment.duration
    return Cycling(
        start=recipe.start_time + timedelta(seconds=plan.starts_after + plan.clock_ahead),
        time=np.concatenate(time),
        current=np.concatenate(current),
        potential=np.concatenate(potential),
        source="simulation",
    )
