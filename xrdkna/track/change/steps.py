"""Steps told from drift: which changes of level a series of numbers holds, where, and how surely; everything else marginalised.

Every shape a change can have competes: steps, changes a scan or two long, ramps, kinks, single scans out of line, all on top of drift
that may wander, curve or climb (`drifts`), with scatter at least as large as the esds say. Changes are accepted one after another,
gone over once more with the others in place, and each then judged by its posterior. A long series is read in overlapping blocks.
"""

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from xrdkna.records.arrays import BoolArray, FloatArray
from xrdkna.track.change.drifts import Marginal, Trial, largest_gain
from xrdkna.track.change.shapes import BOX, CAUGHT, KINDS, KINK, QUICK, RAMP, SPIKE, STEP, Shapes, box_sides, shapes_over

BLOCK = 64
"""Scans read at once: no drift is remembered for longer, and the cost of a scan stays the same."""
FEWEST = 5
"""Two levels, a scatter, and something left over to judge by."""
MOST = 8
"""Changes in one block; more would be scatter."""
WORTH_A_LOOK = 10.0
"""Δχ² at constant level below which the posterior of a change cannot come near one, whatever the drift."""
OUT_OF_LINE = 0.01
"""Prior chance of a scan to be out of line."""
WEIGHTS = {STEP: 1.0, CAUGHT: 0.15, QUICK: 0.3, RAMP: 0.5, KINK: 0.3, BOX: 0.1}
"""Prior odds of each kind, in units of those of a step."""
SUDDEN = (STEP, CAUGHT, QUICK)
SLOW = (RAMP, KINK)
DRIFT = 2.0
"""The same of a drift of any kind: more usual than a step."""
BEYOND_DRIFT = 4.0
"""A change is called a step when its sudden shapes are this many times as likely as drift alone …"""
BEYOND_RAMPS = 2.0
"""… and this many times as likely as all slow ones: a 5σ step is told from a ramp of nine gaps, hardly from one of six."""
PLACED = (STEP, CAUGHT)
"""What is called a step is placed as one."""
STANDS_OUT = 2.5
"""A step is at least this many times what changes in one gap beside it: where a ramp begins or ends between two scans, no shape fits, but
what is left over is less than one gap's climb."""
BESIDE = 4
"""Scans on either side that show how fast things change there."""


@dataclass(frozen=True, slots=True)
class Step:
    """A step. weights: (n−1,) posterior of the gap it happened in, sum 1. probability: that the level changes there. sudden: that it
    does so in three gaps at most, if it does. size, esd: new level minus old."""

    weights: FloatArray
    probability: float
    sudden: float
    size: float
    esd: float

    @property
    def gap(self) -> int:
        """The likeliest gap; gap i lies between places i and i+1."""
        return int(self.weights.argmax())


@dataclass(frozen=True, slots=True)
class Slow:
    """A ramp from place `first` to `last`, or a kink at the place `first` (and `last`)."""

    kind: str
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Reading:
    """What a series holds, each in order. outliers: (n,) True for scans out of line. drifts: probability that, beside the steps, the level
    is not steady."""

    steps: tuple[Step, ...]
    slow: tuple[Slow, ...]
    outliers: BoolArray
    drifts: float


def read_series(y: FloatArray, esd: FloatArray, *, odds: float, report: float, tests: int = 1) -> Reading:
    """The steps of y (n,) with esds (n,) > 0, equally spaced in order.

    odds: prior odds that any of the `tests` quantities read holds a step at all. A step is one when its posterior reaches `report`, and,
    as quantities may all drift together, when it is `tests` times as much likelier than drift as one alone would have to be.
    """
    n = y.size
    outliers = np.zeros(n, dtype=bool)
    steps: list[Step] = []
    slow: list[Slow] = []
    drifts = 0.0
    for start, stop, low, high in _blocks(n) if n >= FEWEST else ():
        part = slice(start, stop)
        found = _read_block(y[part], esd[part], odds / tests * (stop - start) / n, report, tests)
        outliers[part] |= found.outliers
        drifts = max(drifts, found.drifts)
        inside = [step for step in found.steps if low <= start + step.gap < high]
        steps += [replace(step, weights=np.pad(step.weights, (start, n - stop))) for step in inside]
        slow += [Slow(one.kind, start + one.first, start + one.last) for one in found.slow if low <= start + one.first < high]
    return Reading(tuple(sorted(steps, key=lambda step: step.gap)), tuple(sorted(slow, key=lambda one: one.first)), outliers, drifts)


def _blocks(n: int) -> list[tuple[int, int, int, int]]:
    """(start, stop, low, high): scans start … stop are read together and own the gaps low … high."""
    if n <= BLOCK:
        return [(0, n, 0, n)]
    half = BLOCK // 2
    starts = [*range(0, n - BLOCK, half), n - BLOCK]
    edges = [0, *((a + b + BLOCK) // 2 for a, b in pairwise(starts)), n]
    return [(start, start + BLOCK, edges[k], edges[k + 1]) for k, start in enumerate(starts)]


def _read_block(y: FloatArray, esd: FloatArray, odds: float, report: float, tests: int) -> Reading:
    n = y.size
    shapes = shapes_over(n)
    outliers = np.zeros(n, dtype=bool)
    if largest_gain(y, esd, shapes.rows) < WORTH_A_LOOK:
        return Reading((), (), outliers, 0.0)
    marginal = Marginal(y, esd, shapes.rows, drift_odds=DRIFT * odds)
    prior = _log_prior(shapes, odds)
    accepted = _go_over(marginal, shapes, prior, _accept(marginal, shapes, prior))
    for k in accepted:
        if shapes.kind[k] == SPIKE:
            outliers[int(shapes.rows[k].argmax())] = True
    judged = [
        _judge(marginal, shapes, prior, accepted, place, report, tests) for place, k in enumerate(accepted) if shapes.kind[k] != SPIKE
    ]
    steps = [step for step in judged if step is not None and abs(step.size) > STANDS_OUT * _climb(y, esd, outliers, step.gap)]
    slow = [_slow(shapes, k) for k in accepted if shapes.kind[k] in SLOW]
    trial = marginal.trial(accepted)
    drifts = 1.0 if slow else float(1.0 / (1.0 + np.exp(np.clip(trial.steady - trial.drifting, -700.0, 700.0))))
    return Reading(tuple({step.gap: step for step in steps}.values()), tuple(slow), outliers, drifts)


def _slow(shapes: Shapes, k: int) -> Slow:
    if shapes.kind[k] == KINK:
        turn = int(np.abs(np.diff(shapes.rows[k], n=2)).argmax()) + 1
        return Slow("kink", turn, turn)
    gaps = np.flatnonzero(shapes.passed[k] > 0.02)
    return Slow("ramp", int(gaps[0]), int(gaps[-1]) + 1)


def _climb(y: FloatArray, esd: FloatArray, outliers: BoolArray, gap: int) -> float:
    """The larger change a gap on the two sides of one, by a straight line through a few scans less its own esd; outliers left out."""
    fine = np.flatnonzero(~outliers)
    climbs = [0.0]
    for side in (fine[fine <= gap][-BESIDE:], fine[fine > gap][:BESIDE]):
        place = side - side.mean() if side.size else side
        power = float(place @ place)
        if power > 0.0:
            climbs.append(abs(float(place @ y[side])) / power - float(np.median(esd[side])) / np.sqrt(power))
    return max(climbs)


def _log_prior(shapes: Shapes, odds: float) -> FloatArray:
    """(c,) ln prior odds of each shape against no change: those of its kind shared out evenly."""
    counts = np.maximum(np.bincount(shapes.kind, minlength=KINDS), 1)
    by_kind = np.array([OUT_OF_LINE if kind == SPIKE else odds * WEIGHTS[kind] / counts[kind] for kind in range(KINDS)])
    return np.asarray(np.log(by_kind)[shapes.kind])


def _accept(marginal: Marginal, shapes: Shapes, prior: FloatArray) -> list[int]:
    """Changes taken in one after another, as long as one is likelier than none."""
    accepted: list[int] = []
    while len(accepted) < MOST:
        best = _best(marginal.trial(accepted), shapes, prior)
        if best is None:
            break
        accepted += _parts(shapes, best)
    return accepted


def _best(trial: Trial, shapes: Shapes, prior: FloatArray) -> int | None:
    """The likeliest shape of the likeliest sort, None when no change at all is likelier."""
    logs = prior + trial.log_with - np.logaddexp(trial.steady, trial.drifting)
    mass = np.exp(np.minimum(logs, 500.0))
    groups = [np.isin(shapes.kind, kinds) for kinds in (SUDDEN, SLOW, (SPIKE,), (BOX,))]
    if mass.sum() < 1.0:
        return None
    inside = np.flatnonzero(max(groups, key=lambda group: float(mass[group].sum())))
    return int(inside[logs[inside].argmax()])


def _parts(shapes: Shapes, place: int) -> list[int]:
    """A box as its two steps."""
    if shapes.kind[place] != BOX:
        return [place]
    return [int(np.flatnonzero((shapes.kind == STEP) & (shapes.rows == side).all(axis=1))[0]) for side in box_sides(shapes.rows[place])]


def _go_over(marginal: Marginal, shapes: Shapes, prior: FloatArray, accepted: list[int]) -> list[int]:
    """Each change once more, the others in place: it may move, turn into another kind or go."""
    kept = list(accepted)
    for place in accepted:
        others = list(kept)
        others.remove(place)
        best = _best(marginal.trial(others), shapes, prior)
        kept = others if best is None else [*others, *_parts(shapes, best)]
    return list(dict.fromkeys(kept))


def _judge(
    marginal: Marginal, shapes: Shapes, prior: FloatArray, accepted: list[int], place: int, report: float, tests: int
) -> Step | None:
    """The posterior of one change, the others in place; None when it is none, or no step."""
    trial = marginal.trial(accepted[:place] + accepted[place + 1 :])
    logs = prior + trial.log_with
    top = max(float(logs.max()), trial.steady, trial.drifting)
    mass = np.exp(logs - top)
    sudden, slow = np.isin(shapes.kind, SUDDEN), np.isin(shapes.kind, SLOW)
    still = float(mass[~sudden & ~slow].sum() + np.exp(trial.steady - top))
    step, ramp, drift = float(mass[sudden].sum()), float(mass[slow].sum()), float(np.exp(trial.drifting - top))
    probability = step / (step + still) if step > 0.0 else 0.0
    if probability < report or step < tests * max(BEYOND_RAMPS * ramp, BEYOND_DRIFT * drift):
        return None
    placed = np.isin(shapes.kind, PLACED)
    weights = mass[placed] @ shapes.passed[placed]
    best = int(np.flatnonzero(placed)[mass[placed].argmax()])
    return Step(weights / weights.sum(), probability, step / (step + ramp + drift), float(trial.size[best]), float(trial.esd[best]))
