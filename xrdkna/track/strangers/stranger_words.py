"""What lies where an unindexed line stands: the reflection at its place and what of its phase is missing, and the nearest others."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np

from xrdkna.physics.evidence import phase_evidence
from xrdkna.physics.lone_line import Missing, missing_beside
from xrdkna.records.index import Assignment
from xrdkna.records.track import LinkedLine
from xrdkna.track.signal.stack import Stack, summed_information
from xrdkna.track.words import say_hkl

MOST_LINES = 20
"""So many lines, the most significant, are looked at so closely …"""
MOST_SCANS = 60
"""… in the sum of so many scans, spread over those that show the line."""
TAKEN = 0.2
"""Degrees: an unindexed line so near may be the one that is asked for."""


class Neighbours(Protocol):
    """The library's reflections around a place."""

    def nearest(self, two_theta: float) -> tuple[Assignment, ...]:
        """The nearest, one a phase, however far."""

    def at(self, two_theta: float) -> Assignment | None:
        """The one that a usual strain brings here."""


def describe_lines(lines: Sequence[LinkedLine], stack: Stack, used: Sequence[int], neighbours: Neighbours | None) -> tuple[LinkedLine, ...]:
    """The same lines, the most significant with a sentence. used: places in the series of the stack's rows."""
    if neighbours is None:
        return tuple(lines)
    told = set(sorted(range(len(lines)), key=lambda i: -lines[i].significance)[:MOST_LINES])
    return tuple(_described(line, lines, stack, used, neighbours) if i in told else line for i, line in enumerate(lines))


def _described(line: LinkedLine, lines: Sequence[LinkedLine], stack: Stack, used: Sequence[int], neighbours: Neighbours) -> LinkedLine:
    where = line.two_theta.value
    nearest, here = neighbours.nearest(where), neighbours.at(where)
    said = [] if line.d_spacing is None else [f"d {line.d_spacing.value:.3f} Å"]
    if here is not None:
        missing = _missing(here, line, lines, stack, used)
        said.append(f"at {here.phase} {say_hkl(here.hkl)}{'' if missing is None else missing.clause}")
    others = [one for one in nearest if here is None or one.phase != here.phase]
    if others:
        told = ", ".join(f"{one.phase} {say_hkl(one.hkl)} {abs(one.two_theta - where):.2f}° off" for one in others)
        said.append(f"nearest{' besides' if here is not None else ''}: {told}")
    return replace(line, nearest=nearest, sentence="; ".join(said) + ".")


def _missing(here: Assignment, line: LinkedLine, lines: Sequence[LinkedLine], stack: Stack, used: Sequence[int]) -> Missing | None:
    """Judged by the sum of the scans that show the line."""
    if here.phase not in stack.columns:
        return None
    rows = [row for row, place in enumerate(used) if line.first_scan <= place <= line.last_scan and line.value[place] is not None]
    rows = rows[:: -(-len(rows) // MOST_SCANS)] if rows else []
    areas = [area for row in rows if (area := line.value[used[row]]) is not None]
    if not areas:
        return None
    evidence = phase_evidence(summed_information(stack, rows), here.phase)
    others = np.array([other.two_theta.value for other in lines if other is not line])
    if evidence is None:
        return None
    return missing_beside(
        evidence.groups, here.hkl, area=float(np.mean(areas)), taken=lambda angle: bool(np.any(np.abs(others - angle) < TAKEN))
    )
