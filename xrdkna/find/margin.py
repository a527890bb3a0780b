"""What strong lines leave around them that no smaller line may be found in: compiled."""

import math

import numpy as np

from xrdkna.find.kernel import place_of
from xrdkna.find.lines import Lines
from xrdkna.physics.compiled import compiled_strictly
from xrdkna.records.arrays import BoolArray, FloatArray

# A neighbour this many times higher leaves more misfit than counting noise around it.
MUCH_STRONGER = 4.0
# A second candidate within this many widths of a stronger one is its flank; a real shoulder shows in the residual later.
FLANK = 1.0
GHOST_SHARE = 0.75
_GAUSS_TOP, _LORENTZ_TOP = 2.0 * math.sqrt(math.log(2.0) / math.pi), 2.0 / math.pi
_LN2_4 = 4.0 * math.log(2.0)


@compiled_strictly
def systematic_heights(
    candidates: Lines, lines: Lines, ratios: FloatArray, shares: FloatArray, floor: float, tail: float, reach: float
) -> FloatArray:
    """(m,) counts of height that the imperfect profiles of much stronger `lines` may leave at each candidate.

    floor, tail, reach: `systematic_floor` … of the settings.
    """
    margin, own = np.zeros(candidates.position.size), np.empty(candidates.position.size)
    for c in range(own.size):
        own[c] = height_of(candidates, c, shares)
    for s in range(lines.position.size):
        top, width = height_of(lines, s, shares), lines.fwhm[s]
        for k in range(ratios.size):
            place = place_of(lines.position[s], ratios[k])
            height = top * shares[k] / shares[0]
            for c in range(margin.size):
                if top <= MUCH_STRONGER * own[c]:
                    continue
                distance = abs(candidates.position[c] - place) / width
                # A bump in a strong line's tail that is wider than the line is the tail's own shape.
                broad = max(candidates.fwhm[c] / width, 1.0) ** 2
                share = max(floor * _shape(distance, lines.eta[s]), tail * max(1.0 - distance / reach, 0.0) * broad)
                margin[c] = max(margin[c], height * share)
    return margin


@compiled_strictly
def _shape(distance: float, eta: float) -> float:
    """A line relative to its top, at the nearest point within a width of this distance (widths)."""
    u = max(distance - 1.0, 0.0)
    gauss = (1.0 - eta) * _GAUSS_TOP * math.exp(-_LN2_4 * u * u) if u < 4.0 else 0.0
    return (eta * _LORENTZ_TOP / (1.0 + 4.0 * u * u) + gauss) / (eta * _LORENTZ_TOP + (1.0 - eta) * _GAUSS_TOP)


@compiled_strictly
def height_of(lines: Lines, i: int, shares: FloatArray) -> float:
    """Counts: top of the strongest spectral line alone."""
    top = _LORENTZ_TOP * lines.eta[i] + _GAUSS_TOP * (1.0 - lines.eta[i])
    return float(lines.area[i] * shares[0] * top / lines.fwhm[i])


@compiled_strictly
def clear_of_stronger(found: Lines, base: FloatArray, ratios: FloatArray) -> BoolArray:
    """(m,) False for a candidate (in falling significance) that a stronger one explains: its flank, its Kα₂, the place whose Kα₂ it is."""
    m = found.position.size
    keep = np.ones(m, dtype=np.bool_)
    for i in range(m):
        for s in range(i):
            offset = found.position[i] - found.position[s]
            if not keep[s]:
                continue
            if abs(offset) < FLANK * max(base[i], found.fwhm[s]):
                keep[i] = False
            elif found.area[i] < GHOST_SHARE * found.area[s]:
                for k in range(1, ratios.size):
                    split = place_of(found.position[s], ratios[k]) - found.position[s]
                    if min(abs(offset - split), abs(offset + split)) < FLANK * base[i]:
                        keep[i] = False
            if not keep[i]:
                break
    return keep
