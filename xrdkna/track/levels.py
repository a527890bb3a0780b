"""Steps and ramps of a level while the thing is there: a step stands out of the local trend, a ramp is one long change.

Both are judged against the scatter that the level really has, which for strong lines is more than counting statistics.
"""

from dataclasses import dataclass
from itertools import pairwise
from math import erf, sqrt

import numpy as np

from xrdkna.records.arrays import FloatArray

WINDOW = 4
"""Scans on either side that carry a local trend: enough for a slope, short beside a plating step."""
RAMP_SIGMAS = 5.0
"""A ramp compares the two ends of a stretch; five sigmas leave no room for chance in any length of series."""


@dataclass(frozen=True, slots=True)
class Change:
    """A change of level. weights: (gaps,) where it happened, over the gaps first … first+gaps−1 (gap i lies between places i and i+1)
    of a step; ramps run from `first` to `last`. factor: new level over old."""

    kind: str
    first: int
    last: int
    weights: FloatArray
    factor: float
    probability: float


def level_changes(level: FloatArray, esd: FloatArray, *, false_alarms: float, least_step: float, least_ramp: float) -> list[Change]:
    """Steps and at most one ramp a stretch between steps, in order.

    level, esd: (n,) of one presence. false_alarms: accepted false steps in one series. A change smaller than `least_step` (part of the
    larger level) or, for a ramp, than the factor `least_ramp` is left alone.
    """
    n = level.size
    if n < 4:
        return []
    spread = np.sqrt(esd**2 + _extra_scatter(level, esd) ** 2)
    threshold = _sigmas(false_alarms / n)
    steps = _steps(level, spread, 0, n, threshold, least_step)
    cuts = [0, *sorted(step.first + int(step.weights.argmax()) + 1 for step in steps), n]
    ramps = [ramp for a, b in pairwise(cuts) if (ramp := _ramp(level, spread, a, b, least_ramp)) is not None]
    return sorted([*steps, *ramps], key=lambda change: change.first)


def _extra_scatter(level: FloatArray, esd: FloatArray) -> float:
    """Scatter beyond the esds, from second differences: neither steps nor ramps enter their median. Zero for fewer than 8 scans."""
    if level.size < 8:
        return 0.0
    second = level[2:] - 2.0 * level[1:-1] + level[:-2]
    seen = (1.4826 * float(np.median(np.abs(second)))) ** 2 / 6.0
    return sqrt(max(0.0, seen - float(np.median(esd)) ** 2))


def _sigmas(two_sided: float) -> float:
    """z with P(|Z| > z) = two_sided, by bisection."""
    low, high = 0.0, 9.0
    for _ in range(60):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if 1.0 - erf(middle / sqrt(2.0)) > two_sided else (low, middle)
    return low


def _steps(level: FloatArray, spread: FloatArray, start: int, stop: int, threshold: float, least: float) -> list[Change]:
    """Binary segmentation: the clearest step, then its two sides; a work list, so a long series is no deep recursion."""
    found: list[Change] = []
    waiting = [(start, stop)]
    while waiting:
        a, b = waiting.pop()
        best = _clearest(level, spread, a, b, threshold, least)
        if best is not None:
            found.append(best)
            cut = best.first + int(best.weights.argmax()) + 1
            waiting += [(a, cut), (cut, b)]
    return found


def _clearest(level: FloatArray, spread: FloatArray, start: int, stop: int, threshold: float, least: float) -> Change | None:
    best: Change | None = None
    best_score = threshold
    for cut in range(start + 2, stop):
        if stop - cut < 2 and cut - start < 3:
            continue
        a, b = max(start, cut - WINDOW), min(stop, cut + WINDOW)
        jump, jump_esd, before, after = _jump(level[a:b], spread[a:b], cut - a)
        score = abs(jump) / jump_esd
        if score > best_score and abs(jump) >= least * max(abs(before), abs(after)) and after > 0.0 and before > 0.0:
            candidate = _place(level, spread, a, b, cut, after / before, score)
            if candidate is not None:
                best, best_score = candidate, score
    return best


def _jump(level: FloatArray, spread: FloatArray, cut: int) -> tuple[float, float, float, float]:
    """Jump, esd, mean before and mean after of level = c + slope·t + jump·[t ≥ cut]."""
    t = np.arange(level.size) - (cut - 0.5)
    design = np.stack((np.ones(t.size), t, (t > 0).astype(np.float64)), axis=1) / spread[:, None]
    normal = design.T @ design
    inverse = np.linalg.inv(normal + 1e-12 * np.diag(np.diag(normal)))
    solution = inverse @ (design.T @ (level / spread))
    return float(solution[2]), sqrt(float(inverse[2, 2])), float(np.mean(level[:cut])), float(np.mean(level[cut:]))


def _place(level: FloatArray, spread: FloatArray, a: int, b: int, cut: int, factor: float, score: float) -> Change | None:
    """Where in the window the step is, as weights; None when a knee without a jump explains the window as well (drift, not step)."""
    part, noise = level[a:b], spread[a:b]
    t = np.arange(part.size, dtype=np.float64)
    gaps = np.arange(part.size - 1)
    step = np.array([_misfit(part, noise, np.stack((np.ones(t.size), t, (t > g).astype(np.float64)))) for g in gaps])
    knees = [_misfit(part, noise, np.stack((np.ones(t.size), t, np.maximum(t - k, 0.0)))) for k in t[1:-1]]
    at = cut - a - 1
    if knees and min(knees) < step[at] + 4.0:
        return None
    likely = np.exp(-0.5 * (step - step.min()))
    likely[np.abs(gaps - at) > 2] = 0.0
    kind = "strengthens" if factor > 1.0 else "weakens"
    probability = 1.0 - 0.5 * (1.0 - erf(score / sqrt(2.0)))
    return Change(kind=kind, first=a, last=b - 2, weights=likely / likely.sum(), factor=factor, probability=probability)


def _misfit(level: FloatArray, spread: FloatArray, basis: FloatArray) -> float:
    """χ² of the best combination of the rows of `basis` (p, n)."""
    design = (basis / spread).T
    target = level / spread
    solution, *_ = np.linalg.lstsq(design, target, rcond=None)
    return float(((target - design @ solution) ** 2).sum())


def _ramp(level: FloatArray, spread: FloatArray, start: int, stop: int, least: float) -> Change | None:
    """The one long change of a stretch: its first against its last third, placed where a tenth to nine tenths of it have passed."""
    n = stop - start
    if n < 6:
        return None
    third = n // 3
    parts = [slice(start, start + third), slice(stop - third, stop)]
    means = [float(np.average(level[p], weights=spread[p] ** -2.0)) for p in parts]
    esds = [float((spread[p] ** -2.0).sum()) ** -0.5 for p in parts]
    low, high = min(means), max(means)
    if abs(means[1] - means[0]) < RAMP_SIGMAS * sqrt(esds[0] ** 2 + esds[1] ** 2) or high < least * max(low, 1e-300):
        return None
    smooth = np.convolve(np.pad(level[start:stop], 1, mode="edge"), np.ones(3) / 3.0, mode="valid")
    passed = (smooth - smooth[0]) / (smooth[-1] - smooth[0] or 1.0)
    last = start + int(max(1, np.flatnonzero(np.append(passed[:-1], 1.0) >= 0.9)[0]))
    first = start + int(np.flatnonzero(passed[: last - start] <= 0.1)[-1])
    kind = "strengthens" if means[1] > means[0] else "weakens"
    gaps = last - first
    return Change(
        kind=kind, first=first, last=last - 1, weights=np.full(gaps, 1.0 / gaps), factor=means[1] / max(means[0], 1e-300), probability=0.999
    )
