"""The options that several commands share, each group delivered to its command as one frozen record."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import click

Command = Callable[..., int]
# records.instrument.GEOMETRIES and refine.settings.TEXTURES, written out so that --help need not load numpy; a test holds them
# together.
GEOMETRY_NAMES = ("Bragg-Brentano", "Debye-Scherrer", "transmission")
TEXTURE_NAMES = ("none", "free", "march", "harmonics")
_GEOMETRY_HELP = "Bragg-Brentano, Debye-Scherrer (capillary) or transmission (flat plate); overrides the file."


@dataclass(frozen=True, slots=True, kw_only=True)
class Beam:
    """What the command line says about beam and goniometer; None where it is silent. instrument: a file that says the rest."""

    radiation: str | None
    radius_mm: float | None
    geometry: str | None
    monochromator_two_theta: float | None = None
    instrument: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FitChoice:
    """What the command line says about a whole-pattern fit, as typed; empty where it is silent."""

    parameters: Path | None = None
    refined: tuple[str, ...] = ()
    confidence: tuple[str, ...] = ()
    texture: str | None = None
    broadening: tuple[str, ...] = ()
    axes: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    particle_size_um: float | None = None


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
    nexus: Path | None = None
    parquet: Path | None = None
    bundle: Path | None = None
    quiet: bool = False


def beam_options(command: Command) -> Command:
    """--instrument, --radiation, --radius, --geometry and --monochromator, as `beam`."""

    @click.option(
        "--instrument",
        type=_PATH,
        metavar="FILE.toml",
        help="The machine's line shape and beam, from `refine --save-instrument`; goes before the scan's header, options go before it.",
    )
    @click.option(
        "--radiation",
        metavar="NAME|Å",
        help="CuKa, CuKa1, MoKa, … or a wavelength in ångström. Overrides the file; needed where the file does not say.",
    )
    @click.option("--radius", "radius_mm", type=float, metavar="MM", help="Goniometer radius in millimetres.")
    @click.option("--geometry", type=click.Choice(GEOMETRY_NAMES, case_sensitive=False), metavar="NAME", help=_GEOMETRY_HELP)
    @click.option(
        "--monochromator",
        "monochromator_two_theta",
        type=float,
        metavar="DEG",
        help="2θ of a crystal monochromator, before or after the specimen (graphite and Cu Kα: 26.4); 0 for none.",
    )
    @functools.wraps(command)
    def with_beam(
        *,
        instrument: Path | None,
        radiation: str | None,
        radius_mm: float | None,
        geometry: str | None,
        monochromator_two_theta: float | None,
        **own: object,
    ) -> int:
        beam = Beam(
            radiation=radiation,
            radius_mm=radius_mm,
            geometry=geometry,
            monochromator_two_theta=monochromator_two_theta,
            instrument=instrument,
        )
        return command(beam=beam, **own)

    return with_beam


def fit_options(command: Command) -> Command:
    """What may be chosen about a whole-pattern fit, as `fit`."""

    @click.option("--parameters", type=_PATH, metavar="FILE.toml", help="Starting values, bounds and ties of the fit's parameters.")
    @click.option(
        "--refine",
        "refined",
        multiple=True,
        metavar="NAME",
        help="Refine this parameter too, held unless asked for, as biso_K; repeatable.",
    )
    @click.option(
        "--confidence",
        multiple=True,
        metavar="NAME",
        help="Also the 95 % profile-likelihood interval of this parameter, as a_KNa2; repeatable.",
    )
    @click.option(
        "--texture",
        type=click.Choice(TEXTURE_NAMES),
        metavar="KIND",
        help="How intensities may leave the calculated ones: free (each strong line for itself; default), march, harmonics, none.",
    )
    @click.option(
        "--broadening",
        multiple=True,
        metavar="PHASE=KIND",
        help="Line widths of this phase depend on direction: uniaxial or stephens; repeatable.",
    )
    @click.option(
        "--axis",
        "axes",
        multiple=True,
        metavar="PHASE=h,k,l",
        help="Plane normal of march texture and uniaxial broadening, in place of the unique axis; repeatable.",
    )
    @click.option("--exclude", "excluded", multiple=True, metavar="FROM-TO", help="Leave these degrees 2θ out of the fit; repeatable.")
    @click.option(
        "--particle-size",
        "particle_size_um",
        type=float,
        metavar="UM",
        help="Mean diameter of the grains in µm: corrects weight fractions for microabsorption (Brindley).",
    )
    @functools.wraps(command)
    def with_fit(
        *,
        parameters: Path | None,
        refined: tuple[str, ...],
        confidence: tuple[str, ...],
        texture: str | None,
        broadening: tuple[str, ...],
        axes: tuple[str, ...],
        excluded: tuple[str, ...],
        particle_size_um: float | None,
        **own: object,
    ) -> int:
        fit = FitChoice(
            parameters=parameters,
            refined=refined,
            confidence=confidence,
            texture=texture,
            broadening=broadening,
            axes=axes,
            excluded=excluded,
            particle_size_um=particle_size_um,
        )
        return command(fit=fit, **own)

    return with_fit


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
    """--quiet and those of --json, --html, --csv, --plot, --pdcif, --nexus, --parquet, --bundle that a command can write, as `outputs`."""

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
            nexus: Path | None = None,
            parquet: Path | None = None,
            bundle: Path | None = None,
            **own: object,
        ) -> int:
            outputs = Outputs(
                json=json, html=html, csv=csv, plot=plot, pdcif=pdcif, nexus=nexus, parquet=parquet, bundle=bundle, quiet=quiet
            )
            return command(outputs=outputs, **own)

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
    "nexus": click.option("--nexus", type=_PATH, metavar="FILE", help="Write the scans, the cell's record and the answer as NeXus (HDF5)."),
    "parquet": click.option("--parquet", type=_PATH, metavar="FILE", help="Write the table as Parquet; needs xrdkna[parquet]."),
    "bundle": click.option(
        "--bundle", type=_PATH, metavar="FILE.zip", help="Write the answer with hashes of its inputs, settings, phases and versions."
    ),
    "pdcif": click.option("--pdcif", type=_PATH, metavar="FILE", help="Write pattern, fit and phases as powder CIF."),
}
