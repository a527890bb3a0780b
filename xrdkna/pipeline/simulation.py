"""A recipe to a series: the phases room makes the reflections that the simulate room plants."""

from xrdkna.phases.reflections import reflections_of
from xrdkna.records.phases import Library
from xrdkna.simulate.recipe_records import Recipe
from xrdkna.simulate.series import SimulatedSeries, simulate_series


def simulate(recipe: Recipe, library: Library) -> SimulatedSeries:
    """The series of a recipe, with its truth. Raises PhaseChoiceError for a phase that the library does not hold."""
    phases = library.chosen(tuple(phase.name for phase in recipe.phases)) if recipe.phases else ()
    wanted = {
        phase.name: reflections_of(phase, instrument=recipe.instrument, two_theta_max=recipe.reflections_wanted_to) for phase in phases
    }
    return simulate_series(recipe, wanted)
