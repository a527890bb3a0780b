"""Lines in what a fit leaves over: a planted one is found where and as large as it is, noise and a strong line's misfit are none."""

import numpy as np
import pytest

from xrdkna.find.residual import residual_peaks
from xrdkna.physics.radiation import radiation_from_text
from xrdkna.records.peaks import Peak

TWO_THETA = np.arange(10.0, 80.0, 0.02)
FWHM = 0.12


def _found(
    rng: np.random.Generator, *, area: float = 0.0, at: float = 31.6, strong: float = 0.0, wrong: float = 0.0, threshold: float = 5.0
) -> tuple[Peak, ...]:
    """Peaks of a residual on 200 counts; area: of a line at `at`; strong: top of a known line at 43°, drawn `wrong` too wide."""

    def line(centre: float, fwhm: float) -> np.ndarray:
        return np.exp(-4.0 * np.log(2.0) * ((TWO_THETA - centre) / fwhm) ** 2)

    height = 2.0 * np.sqrt(np.log(2.0) / np.pi) / FWHM
    known = 200.0 + strong * line(43.0, FWHM)
    true = 200.0 + strong * line(43.0, FWHM * (1.0 + wrong)) + area * height * line(at, FWHM)
    counts = rng.poisson(true).astype(np.float64)
    return residual_peaks(
        TWO_THETA, counts - known, known, known - 200.0, fwhm=FWHM, radiation=radiation_from_text("CuKa1"), threshold=threshold
    )


@pytest.mark.parametrize("at", [12.34, 31.6, 77.77])
def test_a_planted_line_is_found_at_its_place_with_its_area(at: float) -> None:
    pulls = []
    for seed in range(40):
        (peak,) = _found(np.random.default_rng(seed), area=40.0, at=at)
        pulls.append(((peak.two_theta.value - at) / peak.two_theta.esd, (peak.area.value - 40.0) / peak.area.esd))
    place, area = np.array(pulls).T
    assert abs(place.mean()) < 0.6
    assert place.std() < 1.6
    assert abs(area.mean()) < 0.6
    assert area.std() < 1.6


def test_noise_alone_gives_next_to_no_line() -> None:
    assert sum(len(_found(np.random.default_rng(seed))) for seed in range(300)) <= 2


def test_what_a_slightly_wrong_width_leaves_of_a_strong_line_is_no_line() -> None:
    assert all(_found(np.random.default_rng(seed), strong=20_000.0, wrong=0.01) == () for seed in range(20))


def test_a_pattern_of_a_few_points_has_no_line() -> None:
    few = np.arange(5.0)
    radiation = radiation_from_text("CuKa1")
    assert residual_peaks(few, few, np.ones(5), np.zeros(5), fwhm=FWHM, radiation=radiation, threshold=4.0) == ()
