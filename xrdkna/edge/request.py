"""From options to the records that the pipeline takes."""

from dataclasses import replace
from typing import TYPE_CHECKING

from xrdkna.edge.fit_choice import refine_settings
from xrdkna.edge.instrument import read_instrument
from xrdkna.edge.options import Beam, FitChoice, PhaseChoice
from xrdkna.errors import UsageError

if TYPE_CHECKING:
    from xrdkna.pipeline import Settings
    from xrdkna.records.instrument import Instrument
    from xrdkna.records.phases import Library

RADIUS_RANGE_MM = (10.0, 10_000.0)  # what records.instrument.Instrument accepts
MONOCHROMATOR_RANGE = (0.0, 170.0)  # degrees 2θ; 0: no crystal


def library_of(choice: PhaseChoice) -> "Library":
    """The reference phases of this run. Raises CifError for a file that is no crystal, PhaseChoiceError for an unknown name."""
    from xrdkna.phases.library import load_library

    library = load_library(extra_cifs=choice.cifs, folders=choice.folders)
    library.chosen(choice.names)  # now rather than after a minute of work
    return library


def instrument_of(beam: Beam) -> "Instrument | None":
    """The instrument that the command line and an instrument file describe; None where neither names a radiation."""
    from xrdkna.records.instrument import GEOMETRIES, Instrument

    settings = settings_of(beam)
    machine = settings.machine
    radiation = settings.radiation or machine.radiation
    if radiation is None:
        return None
    crystal = settings.monochromator_two_theta if settings.monochromator_two_theta is not None else machine.monochromator_two_theta
    return Instrument(
        radiation=radiation,
        geometry=settings.geometry or machine.geometry or GEOMETRIES[0],
        radius_mm=settings.radius_mm if settings.radius_mm is not None else machine.radius_mm,
        monochromator_two_theta=crystal or None,
    )


def settings_of(
    beam: Beam,
    choice: PhaseChoice | None = None,
    *,
    marker: tuple[str, tuple[int, int, int]] | None = None,
    fit: FitChoice | None = None,
) -> "Settings":
    """Settings with what the command line says. Raises RadiationError, RecipeError or UsageError for what cannot be meant."""
    from xrdkna.physics.radiation import radiation_from_text
    from xrdkna.pipeline import Settings

    settings = Settings(
        radiation=None if beam.radiation is None else radiation_from_text(beam.radiation),
        radius_mm=_within("--radius", beam.radius_mm, RADIUS_RANGE_MM, "is no goniometer's; give it in millimetres"),
        geometry=beam.geometry,
        monochromator_two_theta=_within(
            "--monochromator", beam.monochromator_two_theta, MONOCHROMATOR_RANGE, "is no reflection of a crystal; give its 2θ in degrees"
        ),
        phases=() if choice is None else choice.names,
    )
    if beam.instrument is not None:
        known = read_instrument(beam.instrument)
        settings = replace(settings, machine=known.machine, refine=replace(settings.refine, profile=known.profile))
    if marker is not None:
        settings = replace(settings, marker=marker)
    if fit is not None:
        settings = replace(settings, refine=refine_settings(fit, settings.refine))
    return settings


def _within(option: str, given: float | None, allowed: tuple[float, float], complaint: str) -> float | None:
    low, high = allowed
    if given is not None and not low <= given <= high:
        raise UsageError(f"{option} {given:g} {complaint}, between {low:g} and {high:g}.")
    return given
