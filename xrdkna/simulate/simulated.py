"""The result of a simulation."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from xrdkna.records.arrays import FloatArray, frozen_floats, set_frozen
from xrdkna.records.scan import Scan
from xrdkna.records.series import Cycling
from xrdkna.simulate.recipe_records import Recipe


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedSeries:
    """A series that never happened. expected: (m, n) counts before noise. cycling: as the cycler's own clock dates it."""

    recipe: Recipe
    scans: tuple[Scan, ...]
    expected: FloatArray
    cycling: Cycling | None
    truth: Mapping[str, object]

    def __post_init__(self) -> None:
        shape = (len(self.scans), self.recipe.two_theta.size)
        set_frozen(self, expected=frozen_floats(self.expected, name="expected", shape=shape), truth=MappingProxyType(dict(self.truth)))
