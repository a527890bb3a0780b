"""What the fast fit of one scan of a series says: the numbers of a Refinement without its curves."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from xrdkna.records.arrays import FloatArray, frozen_floats, require_one_of, set_frozen
from xrdkna.records.refinement import VERDICTS
from xrdkna.records.values import Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanFit:
    """One scan of a chain of fits.

    names: of the parameters, alike in all scans of a chain. values, esds: (p,) in their units; esds are scaled by `inflation`, the
    root of the reduced χ² where it exceeds 1, and 0 for a parameter that was held. phases: names; weight_fractions,
    weight_esds, detection_limits, significances: (k,) of each, fractions 0 … 1 and sigmas. rwp, rexp: fractions, from σ as measured.
    quarantined: the fit is not to be believed, and the next scan did not start from it. retried: fitted again from a cold
    start.
    """

    name: str
    names: tuple[str, ...]
    values: FloatArray
    esds: FloatArray
    inflation: float
    phases: tuple[str, ...]
    weight_fractions: FloatArray
    weight_esds: FloatArray
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

    def __post_init__(self) -> None:
        require_one_of(self.verdict, VERDICTS, name="verdict")
        p, k = (len(self.names),), (len(self.phases),)
        set_frozen(
            self,
            values=frozen_floats(self.values, name="values", shape=p),
            esds=frozen_floats(self.esds, name="esds", shape=p),
            weight_fractions=frozen_floats(self.weight_fractions, name="weight_fractions", shape=k),
            weight_esds=frozen_floats(self.weight_esds, name="weight_esds", shape=k),
            detection_limits=frozen_floats(self.detection_limits, name="detection_limits", shape=k),
            significances=frozen_floats(self.significances, name="significances", shape=k),
        )

    def estimate(self, name: str, *, unit: str = "") -> Estimate:
        """One parameter by name. Raises KeyError for a name that is not one."""
        i = self._places()[name]
        return Estimate(value=float(self.values[i]), esd=float(self.esds[i]), unit=unit)

    def _places(self) -> Mapping[str, int]:
        return {name: i for i, name in enumerate(self.names)}
