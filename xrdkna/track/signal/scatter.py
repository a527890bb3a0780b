"""When scans scatter more than their own information says, less is believed: misfit that changes from scan to scan is noise too."""

from dataclasses import replace

import numpy as np

from xrdkna.records.arrays import FloatArray
from xrdkna.track.signal.evidence import PhaseEvidence

LEAST_TRIPLETS = 8
"""Fewer tell nothing about a width."""
FAINT = 5.0
"""Only faint levels are looked at: a strong deposit truly fluctuates, and that says nothing about scans without it."""
CHANCE = 0.5
"""The width found from n triplets is off by about 0.9/√n; about half of that is given away, so that chance rarely costs power."""


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

    The width is the median absolute second difference over √6, which steps and ramps do not enter.
    """
    if z.size < LEAST_TRIPLETS + 2:
        return 1.0
    triplets = np.stack((z[:-2], z[1:-1], z[2:]))
    second = np.abs(triplets[0] - 2.0 * triplets[1] + triplets[2])
    width = _width(second[np.median(np.abs(triplets), axis=0) < FAINT])
    for _ in range(2):
        # A triplet of two faint scans and a strong one holds a coming or going, not noise; what is strong, the noise itself says.
        width = _width(second[np.abs(triplets).max(axis=0) < FAINT * max(width, 1.0)])
    return width


def _width(second: FloatArray) -> float:
    """The width from the second differences (m,); 1 where they are too few."""
    if second.size < LEAST_TRIPLETS:
        return 1.0
    return float(1.4826 * np.median(second) / np.sqrt(6.0) / (1.0 + CHANCE / np.sqrt(second.size)))
