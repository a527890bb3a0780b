"""Scan to Pattern: what each step needs from the one before, in order."""

import numpy as np

from xrdkna.correct.background import smooth_background
from xrdkna.correct.mask import dead_points, excluded_points, mask_notices, spikes
from xrdkna.correct.noise import absolute_sigma, noise_notices, scatter_ratio
from xrdkna.correct.settings import CorrectSettings
from xrdkna.errors import DataError
from xrdkna.records.arrays import BoolArray, FloatArray
from xrdkna.records.instrument import Instrument
from xrdkna.records.scan import Pattern, Scan


def correct_scan(scan: Scan, instrument: Instrument, settings: CorrectSettings | None = None) -> Pattern:
    """The scan made ready for analysis: absolute noise, bad points masked, a background estimate. Nothing is subtracted.

    Any number of points from one up makes a pattern. Raises DataError when the scan holds no point.
    """
    settings = settings or CorrectSettings()
    sigma, used, dead, spiked = _noise_and_mask(scan, instrument, settings)
    background, quiet = smooth_background(scan.two_theta, scan.intensity, sigma, used, settings)
    ratio = scatter_ratio(scan, sigma, background, used & quiet)
    if scan.sigma_source == "relative" and ratio is not None and ratio > 0:
        sigma = sigma * ratio
    return Pattern(
        name=scan.name,
        two_theta=scan.two_theta,
        intensity=scan.intensity,
        sigma=sigma,
        sigma_source=scan.sigma_source,
        background=np.nan_to_num(background),
        used=used,
        instrument=instrument,
        start_time=scan.start_time,
        end_time=scan.end_time,
        notices=scan.notices + noise_notices(scan, sigma, ratio, settings) + mask_notices(scan, dead=dead, spiked=spiked),
    )


def prepare_scan(scan: Scan, instrument: Instrument, settings: CorrectSettings | None = None) -> Pattern:
    """The scan made ready for a fit alone, which brings its own background: noise and mask as `correct_scan` has them, no estimate of
    the background (zero) and no word on the noise. Where σ is only relative the estimate is needed, and made.

    Raises DataError when the scan holds no point.
    """
    settings = settings or CorrectSettings()
    if scan.sigma_source == "relative":
        return correct_scan(scan, instrument, settings)
    sigma, used, dead, spiked = _noise_and_mask(scan, instrument, settings)
    return Pattern(
        name=scan.name,
        two_theta=scan.two_theta,
        intensity=scan.intensity,
        sigma=sigma,
        sigma_source=scan.sigma_source,
        background=np.zeros(scan.two_theta.size),
        used=used,
        instrument=instrument,
        start_time=scan.start_time,
        end_time=scan.end_time,
        notices=scan.notices + mask_notices(scan, dead=dead, spiked=spiked),
    )


def _noise_and_mask(scan: Scan, instrument: Instrument, settings: CorrectSettings) -> tuple[FloatArray, BoolArray, BoolArray, BoolArray]:
    """(n,) each: absolute σ, points that take part, dead points, spikes."""
    if scan.two_theta.size == 0:
        raise DataError(f"scan {scan.name} holds no points; there is nothing to analyse.")
    narrowest = settings.narrowest_synchrotron if instrument.radiation.polarised > 0.75 else settings.narrowest_tube
    excluded = excluded_points(scan.two_theta, settings.excluded)
    sigma = absolute_sigma(scan, ~excluded)
    dead = dead_points(scan, sigma)
    used = ~(dead | excluded)
    spiked = spikes(scan.two_theta, scan.intensity, sigma, used, narrowest=narrowest, sigmas=settings.spike_sigmas)
    return sigma, used & ~spiked, dead, spiked
