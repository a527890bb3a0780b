"""Reflections of one phase that no diffractometer separates, taken together."""

from dataclasses import dataclass

import numpy as np

from xrdkna.records.arrays import FloatArray, IntArray
from xrdkna.records.phases import Reflections


@dataclass(frozen=True, slots=True)
class Grouping:
    """group: (n,) the group each reflection of the phase belongs to. leader: (g,) its strongest reflection. strong: (g,)
    True where the group is strong enough to have an intensity of its own."""

    group: IntArray
    leader: IntArray
    strong: tuple[bool, ...]


def group_reflections(reflections: Reflections, *, two_theta: FloatArray, strength: FloatArray, width: float, minimum: float) -> Grouping:
    """Chain reflections closer than `width` degrees into groups.

    two_theta, strength: (n,) degrees and relative intensities at the reference cell. Membership depends on the reference
    only, so that a group means the same in every scan of a series.
    """
    n = len(reflections.hkl)
    group = np.zeros(n, dtype=np.int64)
    order = np.argsort(two_theta, kind="stable")
    if n:
        group[order] = np.concatenate([[0], np.cumsum(np.diff(two_theta[order]) > width)])
    count = int(group.max()) + 1 if n else 0
    totals = np.bincount(group, weights=strength, minlength=count) if n else np.zeros(0)
    leader = np.array(
        [members[np.argmax(strength[members])] for members in (np.flatnonzero(group == g) for g in range(count))], dtype=np.int64
    )
    strongest = totals.max() if count else 0.0
    return Grouping(group, leader, tuple(bool(total > minimum * strongest) for total in totals))
