"""The options that several commands share, each group delivered to its command as one frozen record."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import click

Command = Callable[..., int]
# records.instrument.GEOMETRIES, written out so that --help need not load numpy; a test holds the two together.
GEOMETRY_NAMES = ("Bragg-Brentano", "Debye-Scherrer")
_GEOMETRY_HELP = f"{' or '.join(GEOMETRY_NAMES)}; overrides the file."


@dataclass(frozen=True, slots=True, kw_only=True)
class Beam:
    """What the command line says about beam and goniometer; None where it is silent."""

    radiation: str | None
    radius_mm: float | None
    geometry: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseChoice:
    """Which phases take part (none named: the whole library), and where more of them are."""

    names: tuple[str, ...]
    cifs: tuple[Path, ...]
    folders: tuple[Path, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outputs:
    """Where the answer goes; with none of the files, a summary goes to standard output. json "-" is standard output."""

    json: str | None = None
    html: Path | None = None
    csv: Path | None = None
    plot: Path | None = None
    pdcif: Path | None = None
    quiet: bool = False


def beam_options(command: Command) -> Command:
    """--radiation, --radius and --geometry, as `beam`."""

    @click.option(
        "--radiation",
        metavar="NAME|Å",
        help="CuKa, CuKa1, MoKa, … or a wavelength in ångström. Overrides the file; needed where the file does not say.",
    )
    @click.option("--radius", type=float, metavar="MM", help="Goniometer radius in millimetres.")
    @click.option("--geometry", type=click.Choice(GEOMETRY_NAMES, case_sensitive=False), metavar="NAME", help=_GEOMETRY_HELP)
    @functools.wraps(command)
    def with_beam(*, radiation: str | None, radius: float | None, geometry: str | None, **own: object) -> int:
        return command(beam=Beam(radiation=radiation, radius_mm=radius, geometry=geometry), **own)

    return with_beam


def phase_options(command: Command) -> Command:
    """--phases, --cif and --library, as `choice`."""

    @click.option("--phases", default="", metavar="K,KNa2,…", help="Phases that may be there; the whole library unless given.")
    @more_phases
    @functools.wraps(command)
    def with_choice(*, phases: str, cifs: tuple[Path, ...], folders: tuple[Path, ...], **own: object) -> int:
        names = tuple(name.strip() for name in phases.split(",") if name.strip())
        return command(choice=PhaseChoice(names=names, cifs=cifs, folders=folders), **own)

    return with_choice


def output_options(*forms: str) -> Callable[[Command], Command]:
    """--quiet and those of --json, --html, --csv, --plot, --pdcif that a command can write, as `outputs`."""

    def decorate(command: Command) -> Command:
        @functools.wraps(command)
        def with_outputs(
            *,
            quiet: bool,
            json: str | None = None,
            html: Path | None = None,
            csv: Path | None = None,
            plot: Path | None = None,
            pdcif: Path | None = None,
            **own: object,
        ) -> int:
            return command(outputs=Outputs(json=json, html=html, csv=csv, plot=plot, pdcif=pdcif, quiet=quiet), **own)

        decorated = quiet_option(with_outputs)
        for form in reversed(forms):
            decorated = _OUTPUTS[form](decorated)
        return decorated

    return decorate


def quiet_option(command: Command) -> Command:
    """--quiet alone."""
    return click.option("--quiet", is_flag=True, help="Only the files asked for, and errors: no summary, notes or progress.")(command)


def more_phases(command: Command) -> Command:
    """--cif and --library, as `cifs` and `folders`."""
    cif = click.option("--cif", "cifs", type=_PATH, multiple=True, metavar="FILE", help="Add a phase named by its file's stem; repeatable.")
    folder = click.option("--library", "folders", type=_PATH, multiple=True, metavar="DIR", help="Add a folder of phases; repeatable.")
    return cif(folder(command))


_PATH = click.Path(path_type=Path)
_OUTPUTS: dict[str, Callable[[Command], Command]] = {
    "json": click.option("--json", metavar="FILE", help="Write the answer as JSON; - for standard output."),
    "html": click.option("--html", type=_PATH, metavar="FILE", help="Write one self-contained interactive page."),
    "csv": click.option("--csv", type=_PATH, metavar="FILE", help="Write the answer as a table."),
    "plot": click.option("--plot", type=_PATH, metavar="FILE", help="Draw the answer; the name ends in .png, .pdf or .svg."),
    "pdcif": click.option("--pdcif", type=_PATH, metavar="FILE", help="Write pattern, fit and phases as powder CIF."),
}
