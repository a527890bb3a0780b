"""What truly happened, and when: read off the schedules of a recipe, exactly."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from xrdkna.simulate.recipe_records import Hkl, Recipe

# a change by less than a quarter, or one that takes longer than two scans, is drift and not an event
CHANGE = 1.25
LONGEST_CHANGE_SCANS = 2.0
# seconds before a step at which the old value still holds
_JUST_BEFORE = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class TrueEvent:
    """A change of one phase (hkl None) or reflection; seconds since the start of the first scan.

    time: the moment it leaves zero (appears), reaches zero (vanishes) or starts to change (weakens, strengthens). begin,
    end: of the whole change. after_scan: the last scan that saw the old state when it passed the line, before_scan: the
    first that saw the new one; None where no scan did.
    """

    kind: str
    phase: str
    hkl: Hkl | None
    time: float
    begin: float
    end: float
    after_scan: int | None
    before_scan: int | None


def true_events(
    recipe: Recipe, *, phase: str, hkl: Hkl | None, two_theta: float, strength: Callable[[float], float], bends: tuple[float, ...]
) -> tuple[TrueEvent, ...]:
    """The events of one thing whose strength at a moment is `strength`, bending or stepping only at `bends`, seen at `two_theta`."""
    passed = [recipe.passing_time(scan, two_theta) for scan in range(recipe.timing.count)]
    events = []
    for (begin, old), (end, new) in _monotone_runs(strength, bends, last=recipe.timing.end):
        kind, time = _kind(old, new, begin=begin, end=end)
        if kind is None or (min(old, new) > 0.0 and end - begin > LONGEST_CHANGE_SCANS * recipe.timing.period):
            continue
        # where it vanishes the new state is zero; everywhere else it is whatever is no longer the old value
        new_state = [moment >= time and (kind == "vanishes" or strength(moment) != old) for moment in passed]
        first = next((i for i, seen in enumerate(new_state) if seen), None)
        after = recipe.timing.count - 1 if first is None else first - 1
        events.append(
            TrueEvent(
                kind=kind,
                phase=phase,
                hkl=hkl,
                time=time,
                begin=begin,
                end=end,
                after_scan=after if after >= 0 else None,
                before_scan=first,
            )
        )
    return tuple(events)


def _monotone_runs(
    strength: Callable[[float], float], bends: tuple[float, ...], *, last: float
) -> list[tuple[tuple[float, float], tuple[float, float]]]:
    """(time, value) at the beginning and end of each stretch in which the strength only rises or only falls."""
    moments = sorted({0.0, last, *(t for t in bends if 0.0 <= t <= last)})
    points: list[tuple[float, float]] = []
    for t in moments:
        before, value = strength(t - _JUST_BEFORE), strength(t)
        if t > 0.0 and _differ(before, value):
            points.append((t, before))
        points.append((t, value))
    runs: list[tuple[tuple[float, float], tuple[float, float]]] = []
    direction = 0
    for left, right in pairwise(points):
        turn = int(np.sign(right[1] - left[1])) if _differ(left[1], right[1]) else 0
        if turn != 0 and turn == direction:
            runs[-1] = (runs[-1][0], right)
        elif turn != 0:
            runs.append((left, right))
        direction = turn
    return runs


def _differ(one: float, other: float) -> bool:
    return abs(one - other) > 1e-4 * max(one, other)


def _kind(old: float, new: float, *, begin: float, end: float) -> tuple[str | None, float]:
    if old <= 0.0 < new:
        return "appears", begin
    if new <= 0.0 < old:
        return "vanishes", end
    if new > CHANGE * old:
        return "strengthens", begin
    if old > CHANGE * new:
        return "weakens", begin
    return None, begin
