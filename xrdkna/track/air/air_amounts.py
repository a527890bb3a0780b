"""How much of a member there is in each scan: areas to weights, and limits."""

from collections.abc import Sequence

import numpy as np

from xrdkna.physics.family import Member
from xrdkna.records.arrays import FloatArray
from xrdkna.records.track import Observation
from xrdkna.records.values import Estimate
from xrdkna.track.air.air_evidence import AirEvidence
from xrdkna.track.air.air_family import AirPosterior
from xrdkna.track.air.air_growth import Amounts

SIDED = 1.645
"""One-sided 95 %."""
HOUR = 3600.0


def amounts_of(member: AirEvidence, observations: Sequence[Observation], *, tube: FloatArray, moments: FloatArray, timed: bool) -> Amounts:
    """The level of the member in every scan beside hardware at its common level, weighed where it can be. moments: (n,) when each scan saw
    its strongest line, seconds where `timed`."""
    level, esd = member.levels()
    level, esd = level / tube, esd / tube
    odds = odds_per_area(observations, member.phase)
    if odds is not None:
        ratio = 1.0 + np.maximum(level * odds, 0.0)
        level, esd = level * odds / ratio, esd * odds / ratio**2
    hours = moments / HOUR if timed else np.arange(float(level.size))
    return Amounts(value=level, esd=esd, hours=hours, weighed=odds is not None, timed=timed)


def limit_at_the_end(member: Member, posterior: AirPosterior, observations: Sequence[Observation]) -> Estimate | None:
    """Weight fraction that the member has not reached by the last scan, at 95 %, had it been there from the first scan on, growing or not;
    None without weights."""
    odds = odds_per_area(observations, member.phase)
    if odds is None:
        return None
    area = max(_area_limit(member, int(row)) for row in np.flatnonzero(posterior.histories.first == 0)) * float(odds[-1])
    return Estimate(value=area / (1.0 + area) if np.isfinite(area) else 1.0, esd=None, unit="")


def typical_limit(observations: Sequence[Observation], phase: str) -> float | None:
    """Weight fraction of the phase that a typical scan would have shown at 95 %."""
    estimates = [observation.values.get(("detection_limit", phase)) for observation in observations]
    limits = [estimate.value for estimate in estimates if estimate is not None]
    return float(np.median(limits)) if limits else None


def odds_per_area(observations: Sequence[Observation], phase: str) -> FloatArray | None:
    """(n,) w/(1 − w) for one counts·degree in each scan; None without weights. A scan that does not say gets the median."""
    known = np.array([observation.weight_odds.get(phase, np.nan) for observation in observations])
    if not np.isfinite(known).any():
        return None
    return np.where(np.isfinite(known), known, np.nanmedian(known))


def _area_limit(member: Member, row: int) -> float:
    """Area in the last scan that one history leaves possible at 95 %."""
    power = float(member.template @ member.information[row] @ member.template)
    if power <= 0.0:
        return float("inf")
    return max(float(member.score[row] @ member.template) / power, 0.0) + SIDED / float(np.sqrt(power))
