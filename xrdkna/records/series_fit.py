"""What the fast fit of one scan of a series says: the numbers of a Refinement, and of its curves only the calculated one."""

from dataclasses import dataclass
from datetime import datetime

from xrdkna.records.arrays import FloatArray, frozen_floats, require_one_of, set_frozen
from xrdkna.records.refinement import VERDICTS, IntensityInformation
from xrdkna.records.values import Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanFit:
    """One scan of a chain of fits.

    calculated: (n,) counts at the points that take part, smooth: (n,) background and halos of them, weight: (n,) 1/variance as the
    model expects it; all empty where curves are not kept. names, units: of the parameters, alike in all scans on one grid.
    values, esds: (p,); esds are scaled by `inflation`, the root of the reduced χ² where it exceeds 1, and 0 for a parameter that was
    held. phases: names; weight_fractions, weight_esds, detection_limits, significances: (k,) of each, fractions 0 … 1 and sigmas;
    masses: (k,) what a phase weighs at unit scale, 0 where no weight can be given. rwp, rexp: fractions, from σ as measured.
    quarantined: the fit is not to be believed, and the next scan did not start from it. retried: fitted again from a cold start.
    halos: the name of each hump and how its parameters' names begin, as ("kapton", "halo1"). wavelength: Å, of the strongest spectral
    line. information: what the scan says about the areas of its reflections; weight_odds: (k,) w/(1 − w) of a phase for an area of one
    counts·degree over its followed groups; both where they were asked for.
    """

    name: str
    calculated: FloatArray
    smooth: FloatArray
    weight: FloatArray
    names: tuple[str, ...]
    units: tuple[str, ...]
    values: FloatArray
    esds: FloatArray
    inflation: float
    phases: tuple[str, ...]
    weight_fractions: FloatArray
    weight_esds: FloatArray
    masses: FloatArray
    detection_limits: FloatArray
    significances: FloatArray
    rwp: float
    rexp: float
    gof: float
    verdict: str
    reasons: tuple[str, ...]
    evaluations: int
    retried: bool = False
    quarantined: bool = False
    start_time: datetime | None = None
    halos: tuple[tuple[str, str], ...] = ()
    wavelength: float | None = None
    information: IntensityInformation | None = None
    weight_odds: FloatArray | None = None

    def __post_init__(self) -> None:
        require_one_of(self.verdict, VERDICTS, name="verdict")
        p, k = (len(self.names),), (len(self.phases),)
        set_frozen(
            self,
            calculated=frozen_floats(self.calculated, name="calculated"),
            smooth=frozen_floats(self.smooth, name="smooth"),
            weight=frozen_floats(self.weight, name="weight"),
            values=frozen_floats(self.values, name="values", shape=p),
            esds=frozen_floats(self.esds, name="esds", shape=p),
            weight_fractions=frozen_floats(self.weight_fractions, name="weight_fractions", shape=k),
            masses=frozen_floats(self.masses, name="masses", shape=k),
            weight_esds=frozen_floats(self.weight_esds, name="weight_esds", shape=k),
            detection_limits=frozen_floats(self.detection_limits, name="detection_limits", shape=k),
            significances=frozen_floats(self.significances, name="significances", shape=k),
        )

    def estimate(self, name: str) -> Estimate:
        """One parameter by name. Raises ValueError for a name that is not one."""
        i = self.names.index(name)
        return Estimate(value=float(self.values[i]), esd=float(self.esds[i]), unit=self.units[i])


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """A scan of a series that was not fitted, and why: a sentence."""

    name: str
    why: str
