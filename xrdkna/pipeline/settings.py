"""Everything a user may choose, and what follows for the instrument."""

from dataclasses import dataclass, field, replace

from xrdkna.correct.settings import CorrectSettings
from xrdkna.errors import RadiationError
from xrdkna.find.settings import FindSettings
from xrdkna.match.line_list import LineSettings
from xrdkna.match.settings import MatchSettings
from xrdkna.physics.radiation import radiation_from_text
from xrdkna.records.instrument import Instrument, Radiation
from xrdkna.records.scan import Scan
from xrdkna.records.series import SeriesSetup
from xrdkna.refine.settings import RefineSettings
from xrdkna.track.settings import TrackSettings

# A header may give the mean of Kα₁ and Kα₂, 0.08 % from Kα₁; the Kα of two anodes differ by a tenth and more.
_SAME_RADIATION = 2e-3


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What an instrument file says of beam and goniometer; None where it is silent. source: the file, for messages."""

    radiation: Radiation | None = None
    geometry: str | None = None
    radius_mm: float | None = None
    monochromator_two_theta: float | None = None
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What is said here goes before `machine` (an instrument file), and that before what a scan says of itself; None: silent.

    monochromator_two_theta: degrees; 0 means that no crystal is in the beam. phases: names to consider; empty: the whole
    library. marker: the reflection to report on.
    """

    radiation: Radiation | None = None
    radius_mm: float | None = None
    geometry: str | None = None
    monochromator_two_theta: float | None = None
    machine: Machine = field(default_factory=Machine)
    phases: tuple[str, ...] = ()
    marker: tuple[str, tuple[int, int, int]] = ("KNa2", (1, 0, 3))
    correct: CorrectSettings = field(default_factory=CorrectSettings)
    find: FindSettings = field(default_factory=FindSettings)
    match: MatchSettings = field(default_factory=MatchSettings)
    lines: LineSettings = field(default_factory=LineSettings)
    refine: RefineSettings = field(default_factory=RefineSettings)
    track: TrackSettings = field(default_factory=TrackSettings)


def instrument_of(scan: Scan, settings: Settings) -> Instrument:
    """What the scan was measured with. Raises RadiationError when nobody gives a wavelength, or two that cannot both be."""
    machine = settings.machine
    radiation = settings.radiation or machine.radiation or scan.radiation
    if radiation is None:
        raise RadiationError(
            f"{scan.source} does not say with which wavelength it was measured; give --radiation, for example CuKa or 0.4939."
        )
    if settings.radiation is None and scan.radiation is not None and not _alike(radiation, scan.radiation):
        raise RadiationError(
            f"{scan.source} was measured with {scan.radiation.name}, but {machine.source} describes an instrument with {radiation.name}; "
            "name the right instrument file, or overrule both with --radiation."
        )
    # One wavelength of no tube is a synchrotron's, and there the specimen is a capillary or the cell itself in transmission.
    usual = "Bragg-Brentano" if radiation.anode is not None or len(radiation.lines) > 1 else "Debye-Scherrer"
    crystal = _said(settings.monochromator_two_theta, machine.monochromator_two_theta, scan.monochromator_two_theta)
    return Instrument(
        radiation=radiation,
        geometry=settings.geometry or machine.geometry or scan.geometry or usual,
        radius_mm=_said(settings.radius_mm, machine.radius_mm, scan.radius_mm),
        monochromator_two_theta=crystal or None,
    )


def _alike(radiation: Radiation, other: Radiation) -> bool:
    return abs(radiation.wavelength / other.wavelength - 1.0) < _SAME_RADIATION


def _said(*answers: float | None) -> float | None:
    """The first that is there."""
    return next((answer for answer in answers if answer is not None), None)


def robust(settings: Settings) -> Settings:
    """The settings for a search: where unknown things may be about, no line may decide more than the model can explain of it."""
    return replace(settings, refine=replace(settings.refine, weights="misfit"))


def settings_for_series(settings: Settings, setup: SeriesSetup) -> Settings:
    """The settings with what series.toml says filled in where neither the user nor the instrument file says anything."""
    machine = settings.machine
    said = radiation_from_text(setup.radiation) if setup.radiation is not None else None
    return replace(
        settings,
        radiation=settings.radiation or (said if machine.radiation is None else None),
        geometry=settings.geometry or (setup.geometry if machine.geometry is None else None),
        radius_mm=_said(settings.radius_mm, setup.radius_mm if machine.radius_mm is None else None),
    )
