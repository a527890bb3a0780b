"""Make every simulated sample anew from the recipe beside it: python samples/regenerate.py

The same recipe gives the same bytes. A series NAME.recipe.toml becomes the folder NAME; a single scan becomes NAME.xy.
"""

import shutil
import tempfile
from pathlib import Path

from xrdkna.phases.library import load_library
from xrdkna.phases.reflections import reflections_of
from xrdkna.simulate.recipe import read_recipe
from xrdkna.simulate.series import simulate_series, write_series

SAMPLES = Path(__file__).resolve().parent


def main() -> None:
    """Replace the samples."""
    library = load_library()
    for path in sorted(SAMPLES.glob("*.recipe.toml")):
        recipe = read_recipe(path)
        phases = library.chosen(tuple(phase.name for phase in recipe.phases)) if recipe.phases else ()
        reflections = {
            phase.name: reflections_of(phase, instrument=recipe.instrument, two_theta_max=recipe.reflections_wanted_to) for phase in phases
        }
        name = path.name.removesuffix(".recipe.toml")
        with tempfile.TemporaryDirectory() as temporary:
            made = Path(temporary) / name
            write_series(simulate_series(recipe, reflections), made)
            if recipe.timing.count == 1:
                shutil.copyfile(made / f"{recipe.names[0]}.xy", SAMPLES / f"{name}.xy")
            else:
                shutil.rmtree(SAMPLES / name, ignore_errors=True)
                shutil.copytree(made, SAMPLES / name)


if __name__ == "__main__":
    main()
