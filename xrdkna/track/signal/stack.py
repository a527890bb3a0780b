"""The scans' information side by side: one column a group of reflections, by label, whatever each scan happened to hold."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from xrdkna.records.arrays import FloatArray, IntArray
from xrdkna.records.refinement import IntensityInformation, ReflectionGroup
from xrdkna.records.track import Hkl

BLOCK = 128
"""Scans worked on at once: some megabytes, whatever the length of the series."""


@dataclass(frozen=True, slots=True)
class Stack:
    """n usable scans over m labels. A label a scan lacks (cut off) has no information there: rows of zeros.

    places: of each scan, the labels of its groups. columns: the columns of each phase. roles: by phase. two_theta: (m,) degrees, median.
    templates: by phase (k,), the calculated pattern of areas, positive, sum 1.
    """

    informations: tuple[IntensityInformation, ...]
    places: tuple[IntArray, ...]
    labels: tuple[tuple[str, Hkl], ...]
    members: tuple[tuple[Hkl, ...], ...]
    columns: Mapping[str, IntArray]
    roles: Mapping[str, str]
    two_theta: FloatArray
    templates: Mapping[str, FloatArray]

    def __len__(self) -> int:
        return len(self.informations)

    def blocks(self, rows: Sequence[int] | None = None) -> Iterator[tuple[IntArray, FloatArray, FloatArray]]:
        """(rows (c,), information (c, m, m), score (c, m)) for at most BLOCK scans at a time."""
        wanted = np.arange(len(self)) if rows is None else np.asarray(rows, dtype=np.int64)
        m = len(self.labels)
        for first in range(0, len(wanted), BLOCK):
            part = wanted[first : first + BLOCK]
            information = np.zeros((len(part), m, m))
            score = np.zeros((len(part), m))
            for i, row in enumerate(part):
                held, at = self.informations[row], self.places[row]
                information[i, at[:, None], at] = held.information
                score[i, at] = held.score
            yield part, information, score


def stack_informations(informations: Sequence[IntensityInformation]) -> Stack:
    """The columns of all scans joined by label (phase, hkl)."""
    first: dict[tuple[str, Hkl], ReflectionGroup] = {}
    angles: dict[tuple[str, Hkl], list[float]] = {}
    for information in informations:
        for group in information.groups:
            first.setdefault((group.phase, group.hkl), group)
            angles.setdefault((group.phase, group.hkl), []).append(group.two_theta)
    labels = tuple(sorted(first, key=lambda label: (label[0], first[label].two_theta)))
    phases = dict.fromkeys(phase for phase, _ in labels)
    columns = {phase: np.array([j for j, label in enumerate(labels) if label[0] == phase], dtype=np.int64) for phase in phases}
    place = {label: j for j, label in enumerate(labels)}
    places = [np.array([place[group.phase, group.hkl] for group in one.groups], dtype=np.int64) for one in informations]
    expected = _calculated_shares(informations, places, len(labels))
    return Stack(
        informations=tuple(informations),
        places=tuple(places),
        labels=labels,
        members=tuple(first[label].members for label in labels),
        columns=columns,
        roles={phase: first[labels[int(at[0])]].role for phase, at in columns.items()},
        two_theta=np.array([float(np.median(angles[label])) for label in labels]),
        templates={phase: _template(expected[:, at]) for phase, at in columns.items()},
    )


def summed_information(stack: Stack, rows: Sequence[int] | IntArray) -> IntensityInformation:
    """What these scans say together, as if one scan had said it (information adds); expected areas add too."""
    first: dict[int, ReflectionGroup] = {}
    expected = np.zeros(len(stack.labels))
    for row in rows:
        for place, group in zip(stack.places[row].tolist(), stack.informations[row].groups, strict=True):
            first.setdefault(place, group)
            expected[place] += group.expected
    at = sorted(first)
    groups = tuple(replace(first[place], expected=float(expected[place])) for place in at)
    information, score = np.zeros((len(stack.labels),) * 2), np.zeros(len(stack.labels))
    for _, some, scores in stack.blocks(list(rows)):
        information += some.sum(axis=0)
        score += scores.sum(axis=0)
    return IntensityInformation(groups=groups, information=information[np.ix_(at, at)], score=score[at])


def _calculated_shares(informations: Sequence[IntensityInformation], places: Sequence[IntArray], labels: int) -> FloatArray:
    """(n, m) each group's share of its phase's calculated pattern, −1 where a scan lacks the label; the fitted area where a
    fit gives no share."""
    shares = np.full((len(informations), labels), -1.0)
    for i, (information, at) in enumerate(zip(informations, places, strict=True)):
        shares[i, at] = [group.share or group.expected for group in information.groups]
    return shares


def _template(expected: FloatArray) -> FloatArray:
    """(k,) the median ratio of each group's calculated area to that of the phase's most reliable group, sum 1.

    Uniform when no scan gave the phase any scale: nothing is then known of its pattern, nor needed. A group never gets
    less than a hundredth of the strongest, so that its prior stays finite.
    """
    seen = expected > 0.0
    if not seen.any():
        return np.full(expected.shape[1], 1.0 / expected.shape[1])
    reference = int(np.lexsort((np.where(seen, expected, 0.0).sum(axis=0), seen.sum(axis=0)))[-1])
    rows = seen[:, reference]
    ratios = expected[rows] / expected[rows, reference][:, None]
    template = np.array([float(np.median(ratios[seen[rows, j], j])) if seen[rows, j].any() else 0.0 for j in range(expected.shape[1])])
    template = np.maximum(template, 0.01 * template.max())
    return np.asarray(template / template.sum())
