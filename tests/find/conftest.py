"""Patterns planted with formulas written here: pseudo-Voigt doublets by Bragg's law, Poisson counts, no code of the package."""

from collections.abc import Callable

import numpy as np
import pytest

from xrdkna.physics.radiation import radiation_from_text
from xrdkna.records.instrument import Instrument
from xrdkna.records.scan import Pattern

COPPER_KA1, COPPER_KA2, KA2_RATIO = 1.5405929, 1.5444274, 0.5


@pytest.fixture(scope="session")
def copper() -> Instrument:
    return Instrument(radiation=radiation_from_text("CuKa"), radius_mm=240.0)


@pytest.fixture(scope="session")
def synchrotron() -> Instrument:
    return Instrument(radiation=radiation_from_text("0.4939"), geometry="Debye-Scherrer")


def _single(x: np.ndarray, centre: float, fwhm: float, eta: float) -> np.ndarray:
    u = (x - centre) / fwhm
    lorentzian = 2.0 / (np.pi * fwhm) / (1.0 + 4.0 * u**2)
    gaussian = 2.0 / fwhm * np.sqrt(np.log(2.0) / np.pi) * 2.0 ** (-4.0 * u**2)
    return eta * lorentzian + (1.0 - eta) * gaussian


@pytest.fixture(scope="session")
def single() -> Callable[..., np.ndarray]:
    """(n,) counts of one spectral line."""
    return lambda x, centre, area, fwhm, eta=0.5: area * _single(x, centre, fwhm, eta)


@pytest.fixture(scope="session")
def doublet() -> Callable[..., np.ndarray]:
    """(n,) counts of one reflection of Cu Kα₁₂; `area` is of both lines."""

    def reflection(x: np.ndarray, centre: float, area: float, fwhm: float, eta: float = 0.5) -> np.ndarray:
        second = 2.0 * np.degrees(np.arcsin(COPPER_KA2 / COPPER_KA1 * np.sin(np.radians(centre) / 2.0)))
        both = _single(x, centre, fwhm, eta) + KA2_RATIO * _single(x, second, fwhm, eta)
        return area / (1.0 + KA2_RATIO) * both

    return reflection


@pytest.fixture(scope="session")
def counted(copper) -> Callable[..., Pattern]:
    """A pattern of Poisson counts about `expected`; background: what the search is told (default: the expectation's own)."""

    def make(
        x: np.ndarray,
        expected: np.ndarray,
        seed: int,
        *,
        background: np.ndarray,
        instrument: Instrument | None = None,
        used: np.ndarray | None = None,
    ) -> Pattern:
        counts = np.random.default_rng(seed).poisson(expected).astype(float)
        return Pattern(
            name="planted",
            two_theta=x,
            intensity=counts,
            sigma=np.sqrt(np.maximum(counts, 1.0)),
            sigma_source="counts",
            background=background,
            used=np.ones(x.size, dtype=bool) if used is None else used,
            instrument=instrument or copper,
        )

    return make


@pytest.fixture(scope="session")
def measured(copper) -> Callable[..., Pattern]:
    """A pattern of measured or planted counts with the crudest honest background: the 20th percentile of 3° around, smoothed."""

    def make(x: np.ndarray, counts: np.ndarray, *, sigma: np.ndarray | None = None, instrument: Instrument | None = None) -> Pattern:
        edges = np.arange(x[0], x[-1] + 3.0, 1.5)
        centres, levels = [], []
        for low, high in zip(edges[:-1], edges[2:], strict=False):
            inside = (x >= low) & (x < high)
            if inside.sum() > 10:
                centres.append(x[inside].mean())
                levels.append(np.percentile(counts[inside], 20))
        return Pattern(
            name="measured",
            two_theta=x,
            intensity=counts,
            sigma=np.sqrt(np.maximum(counts, 1.0)) if sigma is None else sigma,
            sigma_source="counts" if sigma is None else "column",
            background=np.interp(x, centres, levels),
            used=np.ones(x.size, dtype=bool),
            instrument=instrument or copper,
        )

    return make
