"""Line widths that stay: the machine's and the hardware's, learned from all scans together.

A scan by itself knows the widths and tails of its strong lines only so well, and what it does not know of them it could mistake for faint
lines and background: half the evidence for a faint phase is lost to that. But the machine and a mesh are the same in every scan.
So each scan is given what the other scans say of these widths, loosened by as much as the scans contradict one another
(partial pooling; Gelman et al. 2013, Bayesian Data Analysis, ch. 5).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from xrdkna.records.arrays import FloatArray, IntArray
from xrdkna.records.refinement import STEADY, IntensityInformation
from xrdkna.track.signal.linear import scaled_inverse

FEWEST = 4
"""Fewer scans say little of what stays in them."""
ODD = 4.0
"""A scan whose widths are this many sd (of a χ²) from the others' is on its own: a tube that stepped, a mesh that bent."""


@dataclass(frozen=True, slots=True)
class _Told:
    """What n scans say of s widths, areas profiled out: (n, s, s) information and (n, s) score."""

    information: FloatArray
    score: FloatArray


def with_steady_widths(informations: Sequence[IntensityInformation]) -> list[IntensityInformation]:
    """The same scans with the steady widths settled: each by itself and by what the others say of them."""
    names = list(dict.fromkeys(group.phase for one in informations for group in one.groups if group.role == STEADY))
    if not names:
        return list(informations)
    place = {name: k for k, name in enumerate(names)}
    told = _told(informations, place)
    precision, mean = _known(told)
    return [_settled(one, place, precision[i], mean[i]) for i, one in enumerate(informations)]


def _told(informations: Sequence[IntensityInformation], place: dict[str, int]) -> _Told:
    information, score = np.zeros((len(informations), len(place), len(place))), np.zeros((len(informations), len(place)))
    for i, one in enumerate(informations):
        widths, areas, at = _parts(one, place)
        normal, push = one.information, one.score
        through = normal[np.ix_(widths, areas)] @ scaled_inverse(normal[None, areas[:, None], areas])[0]
        own = normal[np.ix_(widths, widths)] - through @ normal[np.ix_(areas, widths)]
        information[i][np.ix_(at, at)] = 0.5 * (own + own.T)
        score[i, at] = push[widths] - through @ push[areas]
    return _Told(information, score)


def _parts(one: IntensityInformation, place: dict[str, int]) -> tuple[IntArray, IntArray, IntArray]:
    """Where the widths and where the areas stand in a scan, and which widths they are."""
    steady = np.array([group.role == STEADY for group in one.groups], dtype=np.bool_)
    widths = np.flatnonzero(steady)
    return widths, np.flatnonzero(~steady), np.array([place[one.groups[i].phase] for i in widths], dtype=np.int64)


def _known(told: _Told) -> tuple[FloatArray, FloatArray]:
    """(n, s, s) precision and (n, s) mean of the widths for each scan, from the others."""
    n, s = told.score.shape
    if n < FEWEST:
        return np.zeros_like(told.information), np.zeros_like(told.score)
    total, push = told.information.sum(axis=0), told.score.sum(axis=0)
    common = scaled_inverse(total[None])[0] @ push
    # χ² of each scan's own widths about the common ones; its score there, not its widths, for what a scan says nothing of
    gap = told.score - np.einsum("nij,j->ni", told.information, common)
    away = np.einsum("ni,nij,nj->n", gap, scaled_inverse(told.information), gap)
    middle = max(1.0, float(np.median(away)) / (s * (1.0 - 2.0 / (9.0 * s)) ** 3))
    odd = away / s / middle > 1.0 + ODD * np.sqrt(2.0 / s)
    excess = np.where(odd, away / s, middle) - 1.0
    share = 1.0 / (n / (n - 1.0) + excess * n)
    others = scaled_inverse(total - told.information)
    mean = np.einsum("nij,nj->ni", others, push - told.score)
    return share[:, None, None] * total, mean


def _settled(one: IntensityInformation, place: dict[str, int], precision: FloatArray, mean: FloatArray) -> IntensityInformation:
    widths, areas, at = _parts(one, place)
    prior = precision[np.ix_(at, at)]
    inner = scaled_inverse((one.information[np.ix_(widths, widths)] + prior)[None])[0]
    cross = one.information[np.ix_(areas, widths)] @ inner
    information = one.information[np.ix_(areas, areas)] - cross @ one.information[np.ix_(widths, areas)]
    score = one.score[areas] - cross @ (one.score[widths] + prior @ mean[at])
    groups = tuple(one.groups[i] for i in areas)
    return replace(one, groups=groups, information=0.5 * (information + information.T), score=score)
