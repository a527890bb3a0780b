"""Unindexed lines that move together: possibly one phase that the library does not hold.

Two lines belong together when one area is the other times a constant in every scan, within errors and texture, and that explains changes
which a constant area does not. Lines that never change say nothing of each other, and neither do lines that change unlike.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np
from scipy.stats import chi2

from xrdkna.records.arrays import FloatArray
from xrdkna.records.track import LinkedLine, UnknownPhase
from xrdkna.track.strangers.cubic import lattice_relation

LEAST_SCANS = 5
"""Fewer common scans show no course in time."""
CHANGES = 1e-4
"""An area changes when chance would make it scatter so about a constant in no more than this share of constant lines, …"""
ALIKE = 0.01
"""… and two areas are proportional unless they part further than chance does in this share of proportional pairs."""
FALSE_GROUPS = 0.01
"""What one line's course takes from the other's χ² must be beyond chance in all pairs of a series together."""
TEXTURE = 0.08
"""Relative scatter of a ratio from scan to scan that is no contradiction: texture, and an esd that is not quite right."""


def group_lines(lines: Sequence[LinkedLine]) -> tuple[tuple[LinkedLine, ...], tuple[UnknownPhase, ...]]:
    """The same lines with their group numbers, and the groups in order of their first line."""
    courses = [_course(line) for line in lines]
    moving = [i for i, (value, weight) in enumerate(courses) if _changes(value, weight)]
    pairs = list(combinations(moving, 2))
    alike = {pair for pair in pairs if _together(courses[pair[0]], courses[pair[1]], len(pairs))}
    found = _cliques(moving, alike)
    number = {line: k for k, group in enumerate(found, start=1) for line in group}
    numbered = tuple(replace(line, group=number.get(i)) for i, line in enumerate(lines))
    return numbered, tuple(_phase(k, group, lines, courses) for k, group in enumerate(found, start=1))


def _course(line: LinkedLine) -> tuple[FloatArray, FloatArray]:
    """(n,) areas, 0 where there is none, and their weights 1/σ², 0 there."""
    value = np.array([0.0 if one is None else one for one in line.value])
    weight = np.array([0.0 if v is None or not e else e**-2.0 for v, e in zip(line.value, line.esd, strict=True)])
    return value, weight


def _changes(value: FloatArray, weight: FloatArray) -> bool:
    known = weight > 0.0
    if int(known.sum()) < LEAST_SCANS:
        return False
    mean = float((weight * value).sum() / weight.sum())
    variance = 1.0 / weight[known] + (TEXTURE * mean) ** 2
    return bool(chi2.sf(float(((value[known] - mean) ** 2 / variance).sum()), int(known.sum()) - 1) < CHANGES)


def _together(one: tuple[FloatArray, FloatArray], other: tuple[FloatArray, FloatArray], pairs: int) -> bool:
    both = (one[1] > 0.0) & (other[1] > 0.0)
    n = int(both.sum())
    if n < LEAST_SCANS:
        return False
    a, b, va, vb = one[0][both], other[0][both], 1.0 / one[1][both], 1.0 / other[1][both]
    ratio = float((a * b / vb).sum() / max((a**2 / vb).sum(), 1e-300))
    for _ in range(5):
        size = vb + ratio**2 * va + (TEXTURE * ratio * a) ** 2
        # The weights know the ratio; a's own noise, known too, must not draw it towards zero.
        ratio = float((a * b / size).sum() / max(((a**2 - va) / size).sum(), 1e-12 * (a**2 / size).sum()))
    if ratio <= 0.0:
        return False
    size = vb + ratio**2 * va + (TEXTURE * ratio * a) ** 2
    apart = float(((b - ratio * a) ** 2 / size).sum())
    mean = float((b / size).sum() / (1.0 / size).sum())
    flat = float(((b - mean) ** 2 / size).sum())
    return bool(chi2.sf(apart, n - 1) > ALIKE and chi2.sf(max(flat - apart, 0.0), 1) < FALSE_GROUPS / max(1, pairs))


def _cliques(moving: Sequence[int], alike: set[tuple[int, int]]) -> list[list[int]]:
    """Groups in which every two lines belong together, the largest first chosen."""
    left, groups = list(moving), []
    while left:
        best: list[int] = []
        for seed in left:
            group = [seed]
            for line in left:
                if line != seed and all((min(line, held), max(line, held)) in alike for held in group):
                    group.append(line)
            best = max(best, group, key=len)
        if len(best) < 2:
            break
        groups.append(sorted(best))
        left = [line for line in left if line not in best]
    return sorted(groups)


def _phase(
    number: int, group: Sequence[int], lines: Sequence[LinkedLine], courses: Sequence[tuple[FloatArray, FloatArray]]
) -> UnknownPhase:
    places = [f"{lines[i].two_theta.value:.2f}°" for i in group]
    listed = f"{', '.join(places[:-1])} and {places[-1]}"
    spacings = [lines[i].d_spacing for i in group]
    known = [(d.value, d.esd or 1e-3 * d.value) for d in spacings if d is not None]
    lattice = lattice_relation(known)
    sentence = f"The lines at {listed} {_verb(courses[group[0]])} together: possibly one unknown phase"
    return UnknownPhase(number=number, lines=tuple(group), sentence=f"{sentence}{f'; {lattice}' if lattice else ''}.", lattice=lattice)


def _verb(course: tuple[FloatArray, FloatArray]) -> str:
    """rise, fall, or come and go: by the level in the thirds of the series."""
    value, weight = course
    thirds = [part for part in np.array_split(np.flatnonzero(weight > 0.0), 3) if part.size]
    means = [float((weight[part] * value[part]).sum() / weight[part].sum()) for part in thirds]
    top = max(means)
    if len(means) == 3 and top == means[1] and max(means[0], means[2]) < 0.7 * top:
        return "come and go"
    return "rise" if means[-1] > means[0] else "fall"
