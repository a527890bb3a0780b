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


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """None: as the file says. phases: names to consider; empty: the whole library. marker: the reflection to report on."""

    radiation: Radiation | None = None
    radius_mm: float | None = None
    geometry: str | None = None
    phases: tuple[str, ...] = ()
    marker: tuple[str, tuple[int, int, int]] = ("KNa2", (1, 0, 3))
    correct: CorrectSettings = field(default_factory=CorrectSettings)
    find: FindSettings = field(default_factory=FindSettings)
    match: MatchSettings = field(default_factory=MatchSettings)
    lines: LineSettings = field(default_factory=LineSettings)
    refine: RefineSettings = field(default_factory=RefineSettings)
    track: TrackSettings = field(default_factory=TrackSettings)


def instrument_of(scan: Scan, settings: Settings) -> Instrument:
    """What the scan was measured with. Raises RadiationError when neither the file nor the settings give a wavelength."""
    radiation = settings.radiation or scan.radiation
    if radiation is None:
        raise RadiationError(
            f"{scan.source} does not say with which wavelength it was measured; give --radiation, for example CuKa or 0.4939."
        )
    # One wavelength of no tube is a synchrotron's, and there the specimen is a capillary or the cell itself in transmission.
    usual = "Bragg-Brentano" if radiation.anode is not None or len(radiation.lines) > 1 else "Debye-Scherrer"
    return Instrument(
        radiation=radiation,
        geometry=settings.geometry or scan.geometry or usual,
        radius_mm=settings.radius_mm if settings.radius_mm is not None else scan.radius_mm,
        monochromator_two_theta=scan.monochromator_two_theta,
    )


def robust(settings: Settings) -> Settings:
    """The settings for a search: where unknown things may be about, no line may decide more than the model can explain of it."""
    return replace(settings, refine=replace(settings.refine, weights="misfit"))


def settings_for_series(settings: Settings, setup: SeriesSetup) -> Settings:
    """The settings with what series.toml says filled in where the user said nothing."""
    radiation = settings.radiation or (radiation_from_text(setup.radiation) if setup.radiation is not None else None)
    return replace(
        settings,
        radiation=radiation,
        geometry=settings.geometry or setup.geometry,
        radius_mm=settings.radius_mm if settings.radius_mm is not None else setup.radius_mm,
    )
