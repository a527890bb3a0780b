"""Peaks the fit leaves over that are still somebody's: lines far stronger than calculated, and remnants of Kβ and tungsten."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from xrdkna.physics.radiation import WAVELENGTHS
from xrdkna.records.index import Assignment, IndexedPeak
from xrdkna.records.instrument import Instrument
from xrdkna.records.peaks import Peak
from xrdkna.records.refinement import FittedLine

# A peak this near (in its own widths) to a line of a phase that is there is that line, if nothing else explains it …
_NEAR = 0.4
# … without question while texture could have made it so much stronger than calculated; beyond, with a question mark.
_TEXTURE_FACTOR = 5.0
# Tungsten from the cathode settles on the anode of every tube in time: W Lα₁ (Bearden 1967), Å.
_TUNGSTEN = 1.476390
# What a filter, mirror or monochromator leaves of Kβ and tungsten, relative to the line it belongs to.
_REMNANT_SHARE = 0.03
# A remnant is looked for this near (degrees): its own wavelength is known better than its line's width.
_REMNANT_NEAR = 0.08


def explain_leftovers(indexed: Sequence[IndexedPeak], lines: Sequence[FittedLine], instrument: Instrument) -> tuple[IndexedPeak, ...]:
    """The same peaks, those unindexed looked at once more. lines: of the phases that are there."""
    return tuple(peak if peak.status != "unindexed" else _second_look(peak, lines, instrument) for peak in indexed)


def _second_look(indexed: IndexedPeak, lines: Sequence[FittedLine], instrument: Instrument) -> IndexedPeak:
    peak = indexed.peak
    near = [line for line in lines if abs(line.two_theta - peak.two_theta.value) < _NEAR * peak.fwhm.value]
    if near:
        line = max(near, key=lambda candidate: candidate.area)
        return _stronger_than_calculated(indexed, line)
    remnant = _remnant(peak, lines, instrument)
    if remnant is None:
        return indexed
    line, name, angle = remnant
    hkl = " ".join(str(index) for index in line.hkl)
    return replace(
        indexed,
        status="indexed",
        assignments=(Assignment(phase=line.phase, hkl=line.hkl, two_theta=angle, share=1.0),),
        sentence=f"{name} of {line.phase} ({hkl}), which the optics let through.",
    )


def _stronger_than_calculated(indexed: IndexedPeak, line: FittedLine) -> IndexedPeak:
    factor = indexed.peak.area.value / max(line.area, 1e-12)
    hkl = " ".join(str(index) for index in line.hkl)
    usual = factor < _TEXTURE_FACTOR
    how = f"{factor:.1f} times" if factor < 100.0 else "far"
    what = "texture does that." if usual else "strong texture does that, or something else lies here."
    return replace(
        indexed,
        status="indexed" if usual else "ambiguous",
        assignments=(Assignment(phase=line.phase, hkl=line.hkl, two_theta=line.two_theta, share=1.0),),
        sentence=f"At {line.phase} ({hkl}) but {how} stronger than calculated: {what}",
    )


def _remnant(peak: Peak, lines: Sequence[FittedLine], instrument: Instrument) -> tuple[FittedLine, str, float] | None:
    """The line whose Kβ or tungsten remnant could be here, its name and its angle; None where there is none strong enough."""
    anode = instrument.radiation.anode
    if anode is None:
        return None
    sources = (("Kβ", WAVELENGTHS[anode][2]), ("W Lα", _TUNGSTEN))
    strong = [line for line in lines if line.area * _REMNANT_SHARE > peak.area.value]
    found = []
    for line in strong:
        for name, wavelength in sources:
            sine = np.sin(np.radians(line.two_theta / 2.0)) * wavelength / instrument.radiation.wavelength
            angle = float(2.0 * np.degrees(np.arcsin(min(sine, 1.0))))
            if abs(angle - peak.two_theta.value) < _REMNANT_NEAR:
                found.append((line, name, angle))
    return max(found, key=lambda candidate: candidate[0].area, default=None)
