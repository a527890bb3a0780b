"""Amorphous humps as answers tell them: by name, with their place in Q beside that in degrees."""

import math
import re
from collections.abc import Iterable

import numpy as np

from xrdkna.physics.bragg import q_from_two_theta
from xrdkna.records.index import Index, ScanFacts
from xrdkna.records.peaks import Halo
from xrdkna.records.values import Estimate
from xrdkna.report.values import with_esd

# A hump whose area is below this many esds is not seen.
SEEN_SIGMAS = 3.0
# What a hump is called that nobody named.
_NUMBERED = re.compile(r"halo \d+")


def halos_of(index: Index) -> tuple[Halo, ...]:
    """Those of the fit, with the areas of the whole pattern; those found where there is no fit."""
    return index.halos if index.refinement is None else index.refinement.halos


def wavelength_of(facts: ScanFacts) -> float | None:
    """Å, of the strongest spectral line; None where no instrument is known."""
    return None if facts.instrument is None else facts.instrument.radiation.wavelength


def named_halos(halos: Iterable[Halo]) -> list[tuple[str, Halo]]:
    """Each with its name: its own, or its number."""
    return [(halo.name or f"halo {number}", halo) for number, halo in enumerate(halos, start=1)]


def halo_q(two_theta: Estimate, *, wavelength: float) -> Estimate:
    """Å⁻¹, Q = 4π sin θ / λ, with the esd that dQ = 2π cos θ / λ · d(2θ) makes of that in degrees."""
    slope = 2.0 * math.pi * math.cos(math.radians(two_theta.value) / 2.0) / wavelength * math.radians(1.0)
    esd = None if two_theta.esd is None else two_theta.esd * slope
    return Estimate(value=float(q_from_two_theta(np.array(two_theta.value), wavelength=wavelength)), esd=esd, unit="Å⁻¹")


def halo_sentences(halos: Iterable[Halo], *, wavelength: float | None) -> list[str]:
    """One sentence a halo, in the order of the fit."""
    return [_sentence(name, halo, wavelength) for name, halo in named_halos(halos)]


def halo_rows(halos: Iterable[Halo], *, wavelength: float | None) -> list[list[str]]:
    """Name, 2θ, Q, width and area of each, as a table shows them."""
    return [
        [
            name,
            with_esd(halo.two_theta),
            "–" if wavelength is None else with_esd(halo_q(halo.two_theta, wavelength=wavelength)),
            with_esd(halo.fwhm),
            with_esd(halo.area),
        ]
        for name, halo in named_halos(halos)
    ]


def _sentence(name: str, halo: Halo, wavelength: float | None) -> str:
    known = not _NUMBERED.fullmatch(name)
    if known and halo.area.esd is not None and halo.area.value < SEEN_SIGMAS * halo.area.esd:
        return f"The halo {name} is not seen near {halo.two_theta.value:.1f}° 2θ: its area is {with_esd(halo.area)} counts·°."
    said = f"The halo {name}" if known else f"An amorphous halo ({name})"
    q = "" if wavelength is None else f" (Q {with_esd(halo_q(halo.two_theta, wavelength=wavelength))} Å⁻¹)"
    return f"{said} stands at {with_esd(halo.two_theta)}° 2θ{q}, {with_esd(halo.fwhm)}° wide, area {with_esd(halo.area)} counts·°."
