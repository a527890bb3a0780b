"""Widths that stay from scan to scan: what all scans say of them helps each, and only as far as they agree."""

import numpy as np
import pytest

from xrdkna.records.refinement import STEADY, IntensityInformation, ReflectionGroup
from xrdkna.track.signal.scatter import excess_width
from xrdkna.track.signal.widths import with_steady_widths

WIDTH, AREA = 0.12, 5.0
# one faint area and one width that looks much like it: their correlation in a scan by itself is 0.95
NORMAL = np.array([[1.0, -0.95 * 50.0], [-0.95 * 50.0, 2500.0]])


def scan(rng, width=WIDTH, area=AREA):
    """What one scan says of an area and a width that are these in truth."""
    truth = np.array([area, width])
    score = NORMAL @ truth + np.linalg.cholesky(NORMAL) @ rng.normal(size=2)
    line = ReflectionGroup(phase="KNa2", role="deposit", hkl=(1, 1, 0), members=((1, 1, 0),), two_theta=30.0, fwhm=0.1, expected=area)
    shape = ReflectionGroup(phase="x_Al", role=STEADY, hkl=(0, 0, 0), members=(), two_theta=0.0, fwhm=0.0, expected=width)
    return IntensityInformation(groups=(line, shape), information=NORMAL, score=score)


def area_and_esd(one):
    assert [group.role for group in one.groups] == ["deposit"]
    power = one.information[0, 0]
    return float(one.score[0] / power), float(power**-0.5)


def test_areas_are_as_sure_as_they_say_and_three_times_surer_than_in_a_scan_by_itself():
    pulls, esds = [], []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        for one in with_steady_widths([scan(rng) for _ in range(30)]):
            area, esd = area_and_esd(one)
            pulls.append((area - AREA) / esd)
            esds.append(esd)
    alone = np.linalg.inv(NORMAL)[0, 0] ** 0.5
    assert np.median(esds) < alone / 2.5
    assert np.std(pulls) == pytest.approx(1.0, abs=0.1)
    assert np.mean(pulls) == pytest.approx(0.0, abs=0.1)


def test_a_scan_in_which_the_width_has_stepped_keeps_its_own():
    pulls = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        scans = [scan(rng) for _ in range(29)] + [scan(rng, width=WIDTH + 0.5)]
        area, esd = area_and_esd(with_steady_widths(scans)[-1])
        pulls.append((area - AREA) / esd)
    assert abs(np.mean(pulls)) < 0.7
    assert np.std(pulls) < 1.3


def test_scans_whose_widths_wander_help_each_other_little():
    rng = np.random.default_rng(5)
    wandering = with_steady_widths([scan(rng, width=WIDTH + 0.2 * rng.normal()) for _ in range(30)])
    steady = with_steady_widths([scan(rng) for _ in range(30)])
    assert np.median([area_and_esd(one)[1] for one in wandering]) > 1.5 * np.median([area_and_esd(one)[1] for one in steady])


@pytest.mark.parametrize("noise", [1.0, 2.0, 4.0])
def test_comings_and_goings_of_plating_cycles_are_no_scatter_and_scatter_is_found_beside_them(noise):
    there = ((np.arange(40) - 3) % 7 < 3.5) & (np.arange(40) >= 3)
    widths = [excess_width(noise * np.random.default_rng(seed).normal(size=40) + 12.0 * noise * there) for seed in range(100)]
    assert np.median(widths) == pytest.approx(noise, rel=0.2)


def test_noise_as_it_says_is_hardly_ever_widened():
    widths = [excess_width(np.random.default_rng(seed).normal(size=30)) for seed in range(200)]
    assert np.quantile(widths, 0.9) < 1.3
