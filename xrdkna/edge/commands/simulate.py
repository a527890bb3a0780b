"""`xrdkna simulate`: a series with its truth, from a recipe."""

from pathlib import Path

import click

from xrdkna.edge.options import PhaseChoice, more_phases, quiet_option
from xrdkna.edge.request import library_of


@click.command(short_help="Write a simulated series with its truth.")
@click.argument("recipe", type=click.Path(path_type=Path), metavar="RECIPE.toml")
@click.argument("folder", type=click.Path(path_type=Path))
@more_phases
@quiet_option
def simulate(*, recipe: Path, folder: Path, cifs: tuple[Path, ...], folders: tuple[Path, ...], quiet: bool) -> int:
    """Simulate the series that RECIPE.toml describes and write it, with its truth, into FOLDER."""
    from xrdkna.pipeline import simulate as simulated
    from xrdkna.simulate.recipe import read_recipe
    from xrdkna.simulate.series import write_series

    wanted = read_recipe(recipe)
    series = simulated(wanted, library_of(PhaseChoice(names=(), cifs=cifs, folders=folders)))
    write_series(series, folder)
    if not quiet:
        click.echo(f"wrote {folder}")
    return 0
