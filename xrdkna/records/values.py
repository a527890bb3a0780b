"""The smallest nouns: a number with its uncertainty, and something worth saying."""

import math
from dataclasses import dataclass

from xrdkna.errors import RecordError
from xrdkna.records.arrays import require_one_of

SEVERITIES = ("info", "warning", "error")


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A number that was estimated: value, standard uncertainty (None only where there is none), unit."""

    value: float
    esd: float | None
    unit: str

    def __post_init__(self) -> None:
        if not math.isfinite(self.value):
            raise RecordError(f"an estimate in {self.unit or 'no unit'} is {self.value}; a failure must be a verdict, not a number.")
        if self.esd is not None and not (math.isfinite(self.esd) and self.esd >= 0):
            raise RecordError(f"the esd of an estimate is {self.esd}; it must be finite and not negative, or None.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One thing the reader of an answer should know, and what to do about it."""

    code: str
    severity: str
    sentence: str
    remedy: str = ""

    def __post_init__(self) -> None:
        require_one_of(self.severity, SEVERITIES, name="severity")
