"""A hump several degrees wide is a halo, and never a peak."""

import numpy as np
import pytest

from xrdkna.find import find_peaks

X = np.arange(10.0, 90.0, 0.02)


def hump(centre, fwhm):
    return np.exp(-4 * np.log(2) * ((X - centre) / fwhm) ** 2)


@pytest.mark.parametrize("level", [5.0, 50.0, 1000.0, 1e5])
def test_a_halo_comes_back_with_its_place_width_and_area(counted, level):
    background = level * (0.3 + 10.0 / X)
    height, centre, fwhm = 0.8 * level, 23.0, 6.0
    area = height * fwhm * np.sqrt(np.pi / (4 * np.log(2)))
    for seed in range(3):
        expected = background + height * hump(centre, fwhm)
        answer = find_peaks(counted(X, expected, seed, background=expected))
        assert answer.peaks == ()
        assert len(answer.halos) == 1
        halo = answer.halos[0]
        for estimate, truth in ((halo.two_theta, centre), (halo.fwhm, fwhm), (halo.area, area)):
            assert abs(estimate.value - truth) < 4 * estimate.esd


def test_two_halos_are_told_apart(counted):
    expected = 500.0 * (1.0 + 1.5 * hump(23.0, 6.0) + 0.7 * hump(40.0, 9.0))
    halos = find_peaks(counted(X, expected, 1, background=expected)).halos
    assert [halo.two_theta.value for halo in halos] == [pytest.approx(23.0, abs=0.3), pytest.approx(40.0, abs=0.5)]


def test_reflections_on_a_halo_are_peaks_and_the_halo_stays(counted, doublet):
    background = 500.0 * (0.4 + 1.5 * hump(23.0, 6.0))
    truth = [18.0, 23.6, 25.6, 35.0, 43.3]
    expected = background + sum(doublet(X, p, 80.0, 0.12) for p in truth)
    answer = find_peaks(counted(X, expected, 1, background=background))
    assert [peak.two_theta.value for peak in answer.peaks] == [pytest.approx(p, abs=0.02) for p in truth]
    assert [halo.two_theta.value for halo in answer.halos] == [pytest.approx(23.0, abs=0.2)]


def test_a_crowd_of_reflections_is_no_halo(counted, doublet):
    rng = np.random.default_rng(2)
    expected = 100.0 + sum(doublet(X, p, rng.uniform(20, 200), 0.15) for p in rng.uniform(25.0, 45.0, 25))
    assert find_peaks(counted(X, expected, 1, background=np.full(X.size, 100.0))).halos == ()
