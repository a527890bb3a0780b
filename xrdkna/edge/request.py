"""From options to the records that the pipeline takes."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from xrdkna.edge.options import Beam, PhaseChoice
from xrdkna.edge.parameters import read_parameters
from xrdkna.errors import UsageError

if TYPE_CHECKING:
    from xrdkna.pipeline import Settings
    from xrdkna.records.instrument import Instrument
    from xrdkna.records.phases import Library

RADIUS_RANGE_MM = (10.0, 10_000.0)  # what records.instrument.Instrument accepts


def library_of(choice: PhaseChoice) -> "Library":
    """The reference phases of this run. Raises CifError for a file that is no crystal, PhaseChoiceError for an unknown name."""
    from xrdkna.phases.library import load_library

    library = load_library(extra_cifs=choice.cifs, folders=choice.folders)
    library.chosen(choice.names)  # now rather than after a minute of work
    return library


def instrument_of(beam: Beam) -> "Instrument | None":
    """The instrument that the command line alone describes; None where it names no radiation."""
    from xrdkna.physics.radiation import radiation_from_text
    from xrdkna.records.instrument import GEOMETRIES, Instrument

    if beam.radiation is None:
        return None
    radiation = radiation_from_text(beam.radiation)
    return Instrument(radiation=radiation, geometry=beam.geometry or GEOMETRIES[0], radius_mm=_credible_radius(beam))


def settings_of(
    beam: Beam,
    choice: PhaseChoice | None = None,
    *,
    marker: tuple[str, tuple[int, int, int]] | None = None,
    parameters: Path | None = None,
    confidence: tuple[str, ...] = (),
) -> "Settings":
    """Settings with what the command line says. Raises RadiationError, RecipeError or UsageError for what cannot be meant.

    parameters: a TOML file with starting values, bounds and ties of the refinement, see `read_parameters`.
    confidence: names of the parameters whose profile-likelihood interval is wanted.
    """
    from xrdkna.physics.radiation import radiation_from_text
    from xrdkna.pipeline import Settings

    settings = Settings(
        radiation=None if beam.radiation is None else radiation_from_text(beam.radiation),
        radius_mm=_credible_radius(beam),
        geometry=beam.geometry,
        phases=() if choice is None else choice.names,
    )
    if marker is not None:
        settings = replace(settings, marker=marker)
    if parameters is not None:
        settings = replace(settings, refine=replace(settings.refine, parameters=read_parameters(parameters)))
    if confidence:
        settings = replace(settings, refine=replace(settings.refine, confidence=tuple(dict.fromkeys(confidence))))
    return settings


def _credible_radius(beam: Beam) -> float | None:
    low, high = RADIUS_RANGE_MM
    if beam.radius_mm is not None and not low <= beam.radius_mm <= high:
        raise UsageError(f"--radius {beam.radius_mm:g} is no goniometer's; give it in millimetres, between {low:g} and {high:g}.")
    return beam.radius_mm
