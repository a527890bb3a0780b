"""Pattern to Peaks: the order of the search."""

import numpy as np
from scipy.special import ndtri

from xrdkna.find.grid import POINTS_A_WIDTH, Grid, grid_of_pattern, merged
from xrdkna.find.halo import find_halos
from xrdkna.find.joint import Fit
from xrdkna.find.search import search_lines
from xrdkna.find.settings import FindSettings
from xrdkna.find.width import WidthLaw, width_law
from xrdkna.physics.bragg import d_from_two_theta
from xrdkna.records.arrays import FloatArray
from xrdkna.records.peaks import Peak, Peaks
from xrdkna.records.scan import Pattern
from xrdkna.records.values import Estimate, Notice

# Fewer points than this cannot hold a line (four parameters) on a background (two) and still test it.
FEWEST_POINTS = 8
# Kα lines of a tube cannot be narrower than this; merging for the first look keeps ten points to it.
NARROWEST_TUBE = 0.03


def find_peaks(pattern: Pattern, settings: FindSettings | None = None) -> Peaks:
    """Reflections and halos of one pattern, with esds and significance.

    A pattern too short to say anything, or with nothing in it, gives no peaks and a notice with the reason.
    """
    settings = settings or FindSettings()
    raw = grid_of_pattern(pattern)
    if raw.two_theta.size < FEWEST_POINTS:
        return _nothing(f"{pattern.name} has {raw.two_theta.size} usable points; {FEWEST_POINTS} are needed to find a peak.", settings)
    if not np.any(raw.intensity != raw.intensity[0]):
        return _nothing(f"every usable point of {pattern.name} reads {raw.intensity[0]:g}; there is nothing to find.", settings)
    synchrotron = pattern.instrument.radiation.polarised > 0.75
    narrowest = max(settings.narrowest, 0.0 if synchrotron else NARROWEST_TUBE)
    coarse = merged(raw, points=int(narrowest / POINTS_A_WIDTH / raw.step))
    law = width_law(coarse, settings, synchrotron=synchrotron)
    grid = merged(raw, points=int(law.typical * min(settings.width_factors) / POINTS_A_WIDTH / raw.step))
    threshold = settings.threshold or _threshold(grid, law, settings)
    fit, significance = search_lines(grid, law, settings, threshold=threshold)
    return Peaks(
        peaks=_peaks(fit, significance, pattern.instrument.radiation.wavelength),
        halos=find_halos(grid, fit.model, settings),
        threshold=threshold,
    )


def _threshold(grid: Grid, law: WidthLaw, settings: FindSettings) -> float:
    """Sigmas that noise exceeds somewhere in the whole scan with probability `false_peaks_per_scan` (Šidák, small p).

    Two places are independent when half a width apart; each is looked at with about one independent width per factor.
    """
    span = grid.step * grid.two_theta.size
    places = max(span / (0.5 * max(law.typical, grid.step)), 1.0) * len(settings.width_factors)
    return float(-ndtri(settings.false_peaks_per_scan / places))


def _peaks(fit: Fit, significance: FloatArray, wavelength: float) -> tuple[Peak, ...]:
    lines, esd = fit.lines, fit.esd
    spacing = d_from_two_theta(lines.position, wavelength=wavelength)
    # ∂d/∂2θ = −d/(2 tan θ)
    slope = spacing / (2.0 * np.tan(np.radians(lines.position) / 2.0)) * np.pi / 180.0
    return tuple(
        Peak(
            two_theta=Estimate(value=float(lines.position[i]), esd=float(esd[i, 0]), unit="°"),
            d_spacing=Estimate(value=float(spacing[i]), esd=float(slope[i] * esd[i, 0]), unit="Å"),
            area=Estimate(value=float(lines.area[i]), esd=float(esd[i, 1]), unit="counts·°"),
            fwhm=Estimate(value=float(lines.fwhm[i]), esd=float(esd[i, 2]), unit="°"),
            eta=float(lines.eta[i]),
            snr=float(significance[i]),
            background=float(max(fit.background[i], 0.0)),
        )
        for i in range(lines.how_many)
    )


def _nothing(sentence: str, settings: FindSettings) -> Peaks:
    notice = Notice(code="no-peaks", severity="warning", sentence=sentence, remedy="Measure a longer range, or leave fewer points out.")
    return Peaks(peaks=(), halos=(), threshold=settings.threshold or float(-ndtri(settings.false_peaks_per_scan)), notices=(notice,))
