"""The radiation that a diffractometer's file gives by numbers and an anode's name."""

import math

from xrdkna.errors import RadiationError, RecordError
from xrdkna.physics.radiation import WAVELENGTHS, monochromatic_radiation, radiation_from_text, radiation_from_wavelengths, tube_radiation
from xrdkna.records.instrument import Radiation
from xrdkna.records.values import Notice


def tube_of(alpha1: float | None, alpha2: float | None = None, ratio: float | None = None, *, anode: str = "") -> Radiation | None:
    """The lines of a laboratory tube: by its wavelengths in Å, else by its anode; None where the file tells neither.

    alpha2 of None or 0: Kα₂ does not reach the detector. ratio: Kα₂ : Kα₁, None where it is not said. A tube whose anode is not in the
    table keeps the file's own numbers, unpolarised as every tube.
    """
    anode = anode.strip().capitalize()
    if not _is_wavelength(alpha1):
        return tube_radiation(anode) if anode in WAVELENGTHS else None
    alpha2 = alpha2 if _is_wavelength(alpha2) else None
    ratio = ratio if ratio is not None and 0.0 <= ratio <= 1.0 else None
    radiation = radiation_from_wavelengths(alpha1 or 0.0, alpha2, ratio)
    if radiation.anode is not None:
        return radiation
    if alpha2 is not None and ratio != 0.0:
        try:
            return radiation_from_text(f"{alpha1!r}:1,{alpha2!r}:{ratio or 0.5}")
        except (RadiationError, RecordError):
            return monochromatic_radiation(alpha1 or 0.0)
    return monochromatic_radiation(alpha1 or 0.0)


def kept_alpha2(anode: str | None) -> Notice:
    """What to say where a file intends Kα₁ alone and names nothing that takes Kα₂ away."""
    return Notice(
        code="kalpha2-kept",
        severity="info",
        sentence="the file intends Kα₁ but names no crystal that removes Kα₂ and gives its wavelength; the doublet is taken.",
        remedy=f"Give --radiation {anode or ''}Ka1 if Kα₂ was removed.",
    )


def _is_wavelength(value: float | None) -> bool:
    return value is not None and math.isfinite(value) and 0.05 <= value <= 5.0
