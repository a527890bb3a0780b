"""One diffractogram: as measured (Scan), and ready for analysis (Pattern)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

import numpy as np

from xrdkna.errors import RecordError
from xrdkna.records.arrays import BoolArray, FloatArray, frozen_bools, frozen_floats, require_one_of, require_rising, set_frozen
from xrdkna.records.instrument import Instrument, Radiation
from xrdkna.records.values import Notice

SIGMA_SOURCES = ("column", "counts", "relative")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """A diffractogram as its file gives it.

    two_theta: (n,) degrees 2θ, strictly rising. intensity: (n,) counts where known (attenuation already multiplied in).
    sigma: (n,) standard uncertainty of intensity, positive. sigma_source: "column" (the file gave it), "counts" (Poisson),
    "relative" (the file holds neither: only ratios of uncertainties mean anything).
    count_time: seconds a point. times: zone-aware or naive, as written. complete: False where the scan was stopped or its file is cut
    off. sample: the name that the operator gave. temperature_K: of the specimen. attenuation: the largest factor of an absorber in the
    beam. details: what else the file says, for people.
    """

    name: str
    source: str
    two_theta: FloatArray
    intensity: FloatArray
    sigma: FloatArray
    sigma_source: str
    radiation: Radiation | None = None
    geometry: str | None = None
    radius_mm: float | None = None
    monochromator_two_theta: float | None = None
    start_time: datetime | None = None
    end_time: datetime | None = None
    count_time: float | None = None
    complete: bool = True
    sample: str = ""
    temperature_K: float | None = None
    attenuation: float | None = None
    details: Mapping[str, str] = field(default_factory=dict)
    notices: tuple[Notice, ...] = ()

    def __post_init__(self) -> None:
        n = len(self.two_theta)
        set_frozen(
            self,
            two_theta=frozen_floats(self.two_theta, name="two_theta"),
            intensity=frozen_floats(self.intensity, name="intensity", shape=(n,)),
            sigma=frozen_floats(self.sigma, name="sigma", shape=(n,)),
            details=MappingProxyType(dict(self.details)),
        )
        require_rising(self.two_theta, name="two_theta")
        require_one_of(self.sigma_source, SIGMA_SOURCES, name="sigma_source")
        if n and not np.all(self.sigma > 0):
            raise RecordError("sigma must be positive at every point.")
        if n and not (0.0 <= self.two_theta[0] and self.two_theta[-1] <= 180.0):
            raise RecordError(f"two_theta runs from {self.two_theta[0]:g} to {self.two_theta[-1]:g}; it must lie within 0 and 180 degrees.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """A diffractogram ready for analysis: its instrument is known, its noise is in absolute terms, bad points are masked.

    two_theta, intensity, sigma: (n,) as in Scan; nothing is subtracted. background: (n,) a smooth estimate used to find
    peaks, never to fit. used: (n,) True where a point takes part.
    """

    name: str
    two_theta: FloatArray
    intensity: FloatArray
    sigma: FloatArray
    sigma_source: str
    background: FloatArray
    used: BoolArray
    instrument: Instrument
    start_time: datetime | None = None
    end_time: datetime | None = None
    notices: tuple[Notice, ...] = ()

    def __post_init__(self) -> None:
        n = len(self.two_theta)
        set_frozen(
            self,
            two_theta=frozen_floats(self.two_theta, name="two_theta"),
            intensity=frozen_floats(self.intensity, name="intensity", shape=(n,)),
            sigma=frozen_floats(self.sigma, name="sigma", shape=(n,)),
            background=frozen_floats(self.background, name="background", shape=(n,)),
            used=frozen_bools(self.used, name="used", shape=(n,)),
        )
        require_rising(self.two_theta, name="two_theta")
        require_one_of(self.sigma_source, SIGMA_SOURCES, name="sigma_source")
        if not np.all(self.sigma > 0):
            raise RecordError("sigma must be positive at every point.")
