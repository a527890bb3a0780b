"""What may be chosen about finding peaks, each default with its reason."""

import math
from dataclasses import dataclass

from xrdkna.errors import RecipeError


@dataclass(frozen=True, slots=True, kw_only=True)
class FindSettings:
    """Raises RecipeError when a number cannot mean anything.

    threshold: significance in sigmas a peak must reach; None lets the length of the scan decide (look-elsewhere effect).
    fwhm: degrees, or caglioti: (U, V, W) in degrees²; with neither, the strongest peaks of the scan teach the width.
    """

    threshold: float | None = None
    # A scan holds thousands of places to look at. One false peak in 1000 scans is allowed in all of them together, which for
    # 4000 points and lines of six points puts the threshold at 5.0: ten times stricter than the one in 100 that is promised,
    # because place and width of a candidate are fitted, and the level beneath few counts is itself only an estimate.
    false_peaks_per_scan: float = 0.001
    fwhm: float | None = None
    caglioti: tuple[float, float, float] | None = None
    # The phases of one specimen differ in width; a template wrong by a factor 1.5 still keeps 90 % of the significance.
    width_factors: tuple[float, ...] = (0.7, 1.0, 1.6)
    # No powder line is narrower or wider than this (degrees): optics at one end, crystallites of 4 nm at the other.
    narrowest: float = 0.008
    widest: float = 2.0
    # A pseudo-Voigt fits the best laboratory lines to a few percent of their height: what remains is not a second line.
    systematic_floor: float = 0.06
    # … and further out axial divergence and the monochromator leave this share of the height, falling to nothing …
    systematic_tail: float = 0.015
    # … at this many widths.
    systematic_reach: float = 12.0
    # Each round finds what the peaks of the round before had hidden; nothing new appears after the third.
    rounds: int = 3
    # A hump has to be this significant, misfit included (some hundred places and widths are tried) …
    halo_threshold: float = 6.0
    # … and this high over the smooth background beneath: a baseline is only known to a few percent.
    halo_height: float = 0.05
    # Between the widest reflection and half a scan (degrees): the first diffuse maximum of a liquid is 4–10° wide.
    halo_fwhm: tuple[float, float] = (3.0, 20.0)
    most_halos: int = 3

    def __post_init__(self) -> None:
        positive = ("false_peaks_per_scan", "narrowest", "widest", "halo_threshold")
        for name in positive:
            if not (math.isfinite(value := getattr(self, name)) and value > 0):
                raise RecipeError(f"{name} is {value}; it must be a positive number.")
        for name in ("threshold", "fwhm"):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value > 0):
                raise RecipeError(f"{name} is {value}; it must be a positive number, or be left out.")
        if not self.width_factors or min(self.width_factors) <= 0:
            raise RecipeError("width_factors must hold at least one number, all of them positive.")
        if not self.narrowest < self.widest:
            raise RecipeError(f"narrowest ({self.narrowest}) must be below widest ({self.widest}).")
