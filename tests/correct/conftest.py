"""Scans planted with formulas written here, not taken from the package."""

from collections.abc import Callable

import numpy as np
import pytest

from xrdkna.physics.radiation import radiation_from_text
from xrdkna.records.instrument import Instrument
from xrdkna.records.scan import Scan


@pytest.fixture
def copper() -> Instrument:
    return Instrument(radiation=radiation_from_text("CuKa"), radius_mm=240.0)


@pytest.fixture
def make_scan() -> Callable[..., Scan]:
    def make(two_theta: np.ndarray, intensity: np.ndarray, *, sigma: np.ndarray | None = None, source: str = "counts") -> Scan:
        stated = np.sqrt(np.maximum(intensity, 1.0)) if sigma is None else sigma
        return Scan(name="planted", source="planted", two_theta=two_theta, intensity=intensity, sigma=stated, sigma_source=source)

    return make


@pytest.fixture
def lorentz() -> Callable[..., np.ndarray]:
    def line(x: np.ndarray, centre: float, area: float, fwhm: float) -> np.ndarray:
        return area * (fwhm / 2) / np.pi / ((x - centre) ** 2 + (fwhm / 2) ** 2)

    return line
