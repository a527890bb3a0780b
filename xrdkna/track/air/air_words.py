"""The sentences about air in a series."""

import math
from collections.abc import Sequence

from xrdkna.records.air import AirGrowth
from xrdkna.records.track import Hkl
from xrdkna.records.values import Estimate
from xrdkna.track.words import say_hkl

NOT_LOOKED_FOR = "No contamination by air was looked for: no phase followed is one that air makes."


def told(
    verdict: str, phases: Sequence[tuple[str, int, Estimate | None]], first_scan: int, alike: Sequence[str], growth: AirGrowth | None
) -> str:
    """phases: name, the scan it is there from, amount in the last scan. alike: who cannot be told from the first of them."""
    lead = "Air has reached the sample" if verdict == "found" else "Air may have reached the sample"
    parts = "; ".join(f"{name} {_since(scan, first_scan)}{_amount(weight)}" for name, scan, weight in phases)
    same = f"; {listed(alike)} cannot be told from {phases[0][0]}" if alike else ""
    sentence = f"{lead}: {parts}{same}."
    return f"{sentence} {growth.sentence}" if growth is not None and growth.sentence else sentence


def nothing(typical: float | None, grown: float | None, lone: Sequence[tuple[str, Hkl]]) -> str:
    """typical: weight fraction that a typical scan would have shown; grown: that no phase has reached by the end."""
    sentence = "No contamination by air is seen in any scan"
    if typical is not None:
        sentence += f": none of its phases above {plain(100 * typical)} wt% in a typical scan"
        if grown is not None and grown < 0.8 * typical:
            sentence += f", nor grown to {plain(100 * grown)} wt% over all of them"
        sentence += " (95 %)"
    if lone:
        at, those = listed([f"{phase} {say_hkl(hkl)}" for phase, hkl in lone]), "its phase's" if len(lone) == 1 else "their phases'"
        sentence += f"; {at} {'stands' if len(lone) == 1 else 'stand'} out, but {those} other strong lines do not"
    return sentence + "."


def listed(words: Sequence[str]) -> str:
    """ "a, b and c"."""
    return f"{', '.join(words[:-1])} and {words[-1]}" if len(words) > 1 else "".join(words)


def plain(number: float) -> str:
    """Two significant digits, never with an exponent: 0.41, 12, 100."""
    return f"{float(f'{number:.2g}'):.10f}".rstrip("0").rstrip(".")


def _since(scan: int, first: int) -> str:
    return "from the first scan on" if scan == first else f"from scan {scan} on"


def _amount(weight: Estimate | None) -> str:
    """ ", 4.7 ± 0.4 wt% in the last scan": as many decimals as the esd's first digit has."""
    if weight is None:
        return ""
    percent, esd = 100.0 * weight.value, 100.0 * (weight.esd or 0.0)
    if esd <= 0.0:
        return f", {plain(percent)} wt% in the last scan"
    decimals = max(0, -math.floor(math.log10(esd)))
    return f", {percent:.{decimals}f} ± {esd:.{decimals}f} wt% in the last scan"
