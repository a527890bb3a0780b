"""When scans scatter more than their own information says, less is believed: misfit that changes from scan to scan is noise too."""

from dataclasses import replace

import numpy as np

from xrdkna.records.arrays import FloatArray
from xrdkna.track.signal.evidence import PhaseEvidence

FEWEST = 10
"""Fewer differences tell nothing about a width."""
FEWEST_BELOW = 5
"""Nor do fewer scans below zero."""
FAINT = 5.0
"""Only faint levels are looked at: a strong deposit truly fluctuates, and that says nothing about scans without it."""
JUMP = 3.5
"""A difference of so many of its own widths is a coming or going."""
CHANCE = 0.5
"""The width found from n differences is off by about 1.3/√n; some of that is given away, so that chance rarely costs power."""
ROUNDS = 8
"""Each width decides which differences the next one is taken from; the first few rounds settle it."""


def inflate_by_scatter(evidence: PhaseEvidence) -> PhaseEvidence:
    """The evidence divided by the excess variance of a phase's level from scan to scan, never multiplied."""
    width = excess_width(evidence.level / evidence.level_esd)
    if width <= 1.0:
        return evidence
    return replace(
        evidence,
        information=evidence.information / width**2,
        score=evidence.score / width**2,
        tilt=evidence.tilt / width**2,
        tilt_score=evidence.tilt_score / width**2,
        tilt_curvature=evidence.tilt_curvature / width**2,
        level_esd=evidence.level_esd * width,
        area_esds=evidence.area_esds * width,
    )


def excess_width(z: FloatArray) -> float:
    """How many times its own esd a level z = level/esd (n,) scatters from scan to scan, less what chance could make of it; 1 where too few
    scans can tell.

    The width is that of the differences between neighbours that are both faint, those of a coming or going left out, and of what lies
    below zero: no amount is less than nothing.
    """
    step, reach = np.abs(np.diff(z)) / np.sqrt(2.0), np.maximum(np.abs(z[1:]), np.abs(z[:-1]))
    below = -z[z < 0.0]
    width = max(1.0, 1.4826 * float(np.median(below))) if below.size >= FEWEST_BELOW else 1.0
    for _ in range(ROUNDS):
        # From the smallest width up: begun wide, comings and goings would count as noise and let more of them in.
        among = step[(reach < FAINT * width) & (step < JUMP * width)]
        if among.size < FEWEST:
            return 1.0
        told = np.concatenate((among, below if below.size >= FEWEST_BELOW else below[:0]))
        width = max(1.0, float(1.4826 * np.median(told) / (1.0 + CHANCE / np.sqrt(among.size))))
    return width
