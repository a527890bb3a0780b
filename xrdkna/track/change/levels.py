"""Changes of a level while the thing is there: steps, placed by their posterior, and between them at most one long change a stretch.

A step is what `steps` calls one; a long change has to show in the level as a whole, judged against the scatter it really has.
"""

from dataclasses import dataclass
from itertools import pairwise
from math import sqrt

import numpy as np

from xrdkna.records.arrays import BoolArray, FloatArray
from xrdkna.track.change.steps import Step, read_series

RAMP_SIGMAS = 5.0
"""A ramp compares the two ends of a stretch; five sigmas leave no room for chance in any length of series."""
BESIDE = 4
"""Scans on either side of a step that say by what factor the level changes: few, so that drift does not enter."""
NEGLIGIBLE = 1e-3
"""Posterior of a gap that is not worth keeping."""


@dataclass(frozen=True, slots=True)
class Change:
    """A change of level. weights: (gaps,) where it happened, over the gaps first … first+gaps−1 (gap i lies between places i and i+1)
    of a step; slow ones run from `first` to `last`. factor: new level over old, factor_esd its esd."""

    kind: str
    first: int
    last: int
    weights: FloatArray
    factor: float
    probability: float
    factor_esd: float | None = None
    slow: bool = False


def level_changes(
    level: FloatArray, esd: FloatArray, *, false_alarms: float, least_step: float, least_ramp: float, report: float = 0.95
) -> list[Change]:
    """Steps and at most one long change a stretch between steps, in order.

    level, esd: (n,) of one presence. false_alarms: accepted false ones in one series, by Markov's inequality the prior odds for a
    posterior of `report`. A change smaller than `least_step` (part of the larger level) or, for a long one, than the factor `least_ramp`
    is left alone.
    """
    n = level.size
    reading = read_series(level, esd, odds=false_alarms * report / (1.0 - report), report=report)
    changes = [
        change
        for step in reading.steps
        if (change := _step(level, esd, reading.outliers, step)) is not None and _large_enough(change.factor, least_step)
    ]
    if reading.drifts < report:
        return changes
    spread = np.sqrt(esd**2 + _extra_scatter(level, esd) ** 2)
    cuts = [0, *(step.gap + 1 for step in reading.steps), n]
    ramps = [ramp for a, b in pairwise(cuts) if (ramp := _ramp(level, spread, reading.outliers, a, b, least_ramp)) is not None]
    return sorted([*changes, *ramps], key=lambda change: change.first)


def _step(level: FloatArray, esd: FloatArray, outliers: BoolArray, step: Step) -> Change | None:
    """None where the level is not positive on both sides: that is coming or going, another statement."""
    fine = np.flatnonzero(~outliers)
    before, after = fine[fine <= step.gap][-BESIDE:], fine[fine > step.gap][:BESIDE]
    if not before.size or not after.size:
        return None
    weight = esd**-2.0
    means = [float(np.average(level[side], weights=weight[side])) for side in (before, after)]
    if min(means) <= 0.0:
        return None
    kept = np.flatnonzero(step.weights > NEGLIGIBLE * step.weights.max())
    first, last = int(kept[0]), int(kept[-1])
    weights = step.weights[first : last + 1]
    factor = means[1] / means[0]
    spreads = [float(weight[side].sum()) ** -0.5 / mean for side, mean in zip((before, after), means, strict=True)]
    return Change(
        kind="strengthens" if factor > 1.0 else "weakens",
        first=first,
        last=last,
        weights=weights / weights.sum(),
        factor=factor,
        probability=step.probability,
        factor_esd=factor * sqrt(spreads[0] ** 2 + spreads[1] ** 2),
    )


def _large_enough(factor: float, least: float) -> bool:
    return 1.0 - min(factor, 1.0 / factor) >= least


def _extra_scatter(level: FloatArray, esd: FloatArray) -> float:
    """Scatter beyond the esds, from second differences: neither steps nor ramps enter their median. Zero for fewer than 8 scans."""
    if level.size < 8:
        return 0.0
    second = level[2:] - 2.0 * level[1:-1] + level[:-2]
    seen = (1.4826 * float(np.median(np.abs(second)))) ** 2 / 6.0
    return sqrt(max(0.0, seen - float(np.median(esd)) ** 2))


def _ramp(level: FloatArray, spread: FloatArray, outliers: BoolArray, start: int, stop: int, least: float) -> Change | None:
    """The one long change of a stretch: its first against its last third, placed where a tenth to nine tenths of it have passed."""
    fine = np.flatnonzero(~outliers[start:stop])
    n = fine.size
    if n < 6:
        return None
    part, noise = level[start:stop][fine], spread[start:stop][fine]
    third = n // 3
    sides = (slice(0, third), slice(n - third, n))
    means = [float(np.average(part[side], weights=noise[side] ** -2.0)) for side in sides]
    esds = [float((noise[side] ** -2.0).sum()) ** -0.5 for side in sides]
    low, high = min(means), max(means)
    if abs(means[1] - means[0]) < RAMP_SIGMAS * sqrt(esds[0] ** 2 + esds[1] ** 2) or high < least * max(low, 1e-300):
        return None
    smooth = np.convolve(np.pad(part, 1, mode="edge"), np.ones(3) / 3.0, mode="valid")
    passed = (smooth - smooth[0]) / (smooth[-1] - smooth[0] or 1.0)
    last = int(max(1, np.flatnonzero(np.append(passed[:-1], 1.0) >= 0.9)[0]))
    first = int(np.flatnonzero(np.append(0.0, passed[1:last]) <= 0.1)[-1])
    ends = start + int(fine[first]), start + int(fine[last])
    factor = means[1] / max(means[0], 1e-300)
    return Change(
        kind="strengthens" if means[1] > means[0] else "weakens",
        first=ends[0],
        last=ends[1] - 1,
        weights=np.full(ends[1] - ends[0], 1.0 / (ends[1] - ends[0])),
        factor=factor,
        probability=0.999,
        factor_esd=factor * sqrt(sum((esd / max(abs(mean), 1e-300)) ** 2 for esd, mean in zip(esds, means, strict=True))),
        slow=True,
    )
