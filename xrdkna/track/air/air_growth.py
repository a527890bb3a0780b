"""How contamination grows: rate, and whether the current has a part in it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from xrdkna.records.air import AirGrowth
from xrdkna.records.arrays import FloatArray
from xrdkna.records.values import Estimate

LEAST_SCANS = 3
"""A line through fewer has no uncertainty worth the name."""
GROWS = 2.0
"""A rate this many esds above zero is growth."""
APART = 3.0
"""Rates this many esds apart are two rates …"""
MAINLY = 1.0 / 3.0
"""… and where the smaller is less than this part of the larger, growth goes with the larger one's state."""


@dataclass(frozen=True, slots=True)
class Amounts:
    """(n,) what there is in each scan, its esd and when: weight fraction where weighed, else counts·degrees. hours: since the first scan,
    or scan numbers where `timed` is false."""

    value: FloatArray
    esd: FloatArray
    hours: FloatArray
    weighed: bool
    timed: bool

    @property
    def unit(self) -> str:
        """Of a rate."""
        return f"{'' if self.weighed else 'counts·°'}/{'h' if self.timed else 'scan'}"


def growth_of(amounts: Amounts, states: Sequence[str], onset: int) -> AirGrowth | None:
    """Straight lines through the scans from the onset on; None with fewer than three. states: the cell in each scan."""
    n = amounts.value.size
    if n - onset < LEAST_SCANS:
        return None
    rows = slice(onset, n)
    hours = amounts.hours[rows]
    rates, covariance = _slopes(amounts, rows, [hours - hours[0]])
    rate = _estimate(rates[0], covariance[0, 0], amounts)
    spent = _spent(hours, states[onset:])
    if spent is None:
        return AirGrowth(rate=rate, sentence=f"It {_grows(rate, amounts)}{_one_state(states[onset:])}.")
    both, shared = _slopes(amounts, rows, list(spent))
    under, rest = _estimate(both[0], shared[0, 0], amounts), _estimate(both[1], shared[1, 1], amounts)
    apart = float((both[0] - both[1]) / np.sqrt(max(shared[0, 0] + shared[1, 1] - 2.0 * shared[0, 1], 1e-300)))
    grows, said = _judged(under, rest, apart)
    sentence = f"It {_grows(rate, amounts)}: {_said(under, amounts)} under current, {_said(rest, amounts)} at rest; {said}."
    return AirGrowth(rate=rate, under_current=under, at_rest=rest, grows=grows, sentence=sentence)


def _slopes(amounts: Amounts, rows: slice, columns: list[FloatArray]) -> tuple[FloatArray, FloatArray]:
    """Weighted least squares of the amount on a constant and these columns; the covariance times χ²/ν where that exceeds 1."""
    design = np.column_stack([np.ones_like(columns[0]), *columns])
    weight = amounts.esd[rows] ** -2.0
    scale = np.sqrt(np.maximum((design**2 * weight[:, None]).sum(axis=0), 1e-300))
    normal = (design / scale).T @ (weight[:, None] * design / scale)
    inverse = np.linalg.pinv(normal, hermitian=True, rcond=1e-10) / np.outer(scale, scale)
    best = inverse @ (design.T @ (weight * amounts.value[rows]))
    freedom = design.shape[0] - design.shape[1]
    chi_squared = float((weight * (amounts.value[rows] - design @ best) ** 2).sum())
    inflation = max(1.0, chi_squared / freedom) if freedom > 0 else 1.0
    return best[1:], inverse[1:, 1:] * inflation


def _spent(hours: FloatArray, states: Sequence[str]) -> tuple[FloatArray, FloatArray] | None:
    """(m,) hours spent under current and at rest until each scan; None unless every scan's state is known and both are met."""
    if "unknown" in states:
        return None
    current = np.array([0.0 if state == "rest" else 1.0 for state in states])
    steps = np.diff(hours)
    share = 0.5 * (current[1:] + current[:-1])
    under = np.concatenate(([0.0], np.cumsum(steps * share)))
    rest = np.concatenate(([0.0], np.cumsum(steps * (1.0 - share))))
    return (under, rest) if under[-1] > 0.0 and rest[-1] > 0.0 and hours.size >= LEAST_SCANS + 1 else None


def _one_state(states: Sequence[str]) -> str:
    """Why nothing is said of the current."""
    if "unknown" in states:
        return ""
    when = "at rest" if set(states) == {"rest"} else "under current"
    return f", all of it {when}: whether the current has a part in it cannot be told"


def _judged(under: Estimate, rest: Estimate, apart: float) -> tuple[str, str]:
    """AirGrowth.grows and its words."""
    surely = [rate.value > GROWS * (rate.esd or 0.0) for rate in (under, rest)]
    difference = f"{abs(apart):.1f} σ apart"
    most = "mainly" if all(surely) else "only"
    if surely[0] and apart > APART and rest.value < MAINLY * under.value:
        return "under current", f"{difference}: it grows {most} while current flows"
    if surely[1] and apart < -APART and under.value < MAINLY * rest.value:
        return "at rest", f"{difference}: it grows {most} at rest"
    if all(surely):
        return "irrespective", f"{difference}: it grows irrespective of the current"
    return "unknown", f"{difference}: whether the current has a part in it cannot be told"


def _estimate(value: float, variance: float, amounts: Amounts) -> Estimate:
    return Estimate(value=float(value), esd=float(np.sqrt(max(variance, 0.0))), unit=amounts.unit)


def _grows(rate: Estimate, amounts: Amounts) -> str:
    verb = "grows by" if rate.value > GROWS * (rate.esd or 0.0) else "does not surely grow:"
    return f"{verb} {_said(rate, amounts)} {_per(amounts)}"


def _per(amounts: Amounts) -> str:
    return f"{'wt%' if amounts.weighed else 'counts·°'} {'an hour' if amounts.timed else 'a scan'}"


def _said(rate: Estimate, amounts: Amounts) -> str:
    factor, esd = 100.0 if amounts.weighed else 1.0, rate.esd or 0.0
    decimals = max(0, int(np.ceil(-np.log10(max(esd * factor, 1e-9)))) + (1 if f"{esd * factor:e}"[0] == "1" else 0))
    return f"{rate.value * factor:.{decimals}f} ± {esd * factor:.{decimals}f}".replace("-", "−")
