"""Ends, gaps, coarse and fine steps, monochromatic beams, a million points, masked points."""

import time

import numpy as np
import pytest

from xrdkna.errors import RecipeError
from xrdkna.find import FindSettings, find_peaks
from xrdkna.physics.radiation import radiation_from_text
from xrdkna.records.instrument import Instrument

X = np.arange(20.0, 40.0, 0.02)


def positions(answer):
    return [peak.two_theta.value for peak in answer.peaks]


def test_peaks_cut_off_by_the_ends_keep_place_and_area_within_their_esds(counted, doublet):
    expected = 50.0 + doublet(X, 20.03, 100.0, 0.1) + doublet(X, 30.0, 100.0, 0.1) + doublet(X, 39.95, 100.0, 0.1)
    answer = find_peaks(counted(X, expected, 5, background=np.full(X.size, 50.0)))
    assert len(answer.peaks) == 3
    for peak, truth in zip(answer.peaks, (20.03, 30.0, 39.95), strict=True):
        assert abs(peak.two_theta.value - truth) < 4 * peak.two_theta.esd
        assert abs(peak.area.value - 100.0) < 4 * peak.area.esd


@pytest.mark.parametrize("seed", range(3))
def test_a_step_as_coarse_as_a_line_still_gives_its_place(counted, doublet, seed):
    x = np.arange(20.0, 60.0, 0.1)
    truth = (25.03, 30.07, 38.51, 50.0)
    expected = 50.0 + sum(doublet(x, p, 100.0, 0.12) for p in truth)
    answer = find_peaks(counted(x, expected, seed, background=np.full(x.size, 50.0)))
    assert len(answer.peaks) == 4
    for peak, place in zip(answer.peaks, truth, strict=True):
        assert abs(peak.two_theta.value - place) < 4 * peak.two_theta.esd < 0.03


@pytest.mark.parametrize("fwhm", [0.02, 0.05])
def test_fine_synchrotron_data_of_many_counts_give_every_line(counted, single, synchrotron, fwhm):
    x = np.arange(2.0, 60.0, 0.004)
    truth = np.linspace(5, 55, 30) + np.random.default_rng(1).uniform(-0.5, 0.5, 30)
    background = 2e4 + 3e4 * np.exp(-4 * np.log(2) * ((x - 8.0) / 4.0) ** 2)
    expected = background + sum(single(x, p, a, fwhm, 0.4) for p, a in zip(truth, np.geomspace(30, 2e4, 30), strict=True))
    answer = find_peaks(counted(x, expected, 0, background=background, instrument=synchrotron))
    assert len(answer.peaks) == 30
    pulls = [(peak.two_theta.value - place) / peak.two_theta.esd for peak, place in zip(answer.peaks, truth, strict=True)]
    assert np.abs(pulls).max() < 4.5
    assert len(answer.halos) == 1
    assert answer.halos[0].two_theta.value == pytest.approx(8.0, abs=0.05)


def test_a_kbeta_of_the_given_radiation_is_no_peak_of_its_own(counted, single):
    radiation = radiation_from_text("CuKaKb")
    lines = radiation.lines
    weights = sum(line.weight for line in lines)
    expected = np.full(X.size, 50.0)
    for line in lines:
        place = 2 * np.degrees(np.arcsin(line.wavelength / lines[0].wavelength * np.sin(np.radians(35.0 / 2))))
        expected += single(X, place, 3000.0 * line.weight / weights, 0.1)
    answer = find_peaks(counted(X, expected, 4, background=np.full(X.size, 50.0), instrument=Instrument(radiation=radiation)))
    assert positions(answer) == [pytest.approx(35.0, abs=0.01)]


def test_gaps_and_changing_steps_hide_nothing(counted, doublet):
    x = np.r_[np.arange(20.0, 25.0, 0.02), np.arange(30.0, 40.0, 0.05)]
    expected = 50.0 + doublet(x, 24.5, 100.0, 0.1) + doublet(x, 33.0, 100.0, 0.1)
    answer = find_peaks(counted(x, expected, 4, background=np.full(x.size, 50.0)))
    assert positions(answer) == [pytest.approx(24.5, abs=0.02), pytest.approx(33.0, abs=0.02)]


def test_masked_points_take_no_part(counted, doublet):
    expected = 50.0 + doublet(X, 25.0, 100.0, 0.1) + doublet(X, 33.0, 100.0, 0.1)
    used = (X < 24.0) | (X > 26.0)
    answer = find_peaks(counted(X, expected, 4, background=np.full(X.size, 50.0), used=used))
    assert positions(answer) == [pytest.approx(33.0, abs=0.02)]


def test_a_million_points_finish_and_find_what_is_there(counted, doublet):
    x = np.linspace(5.0, 150.0, 1_000_000)
    expected = 20.0 + sum(doublet(x, p, 0.5, 0.1) for p in (30.0, 60.0, 140.0))
    pattern = counted(x, expected, 0, background=np.full(x.size, 20.0))
    began = time.perf_counter()
    answer = find_peaks(pattern)
    assert time.perf_counter() - began < 4.0
    assert positions(answer) == [pytest.approx(p, abs=0.03) for p in (30.0, 60.0, 140.0)]


def test_a_stated_width_is_used_where_the_scan_has_no_peak_to_teach_it(counted, doublet):
    expected = 50.0 + doublet(X, 30.0, 45.0, 0.6)
    pattern = counted(X, expected, 1, background=np.full(X.size, 50.0))
    answer = find_peaks(pattern, FindSettings(fwhm=0.6))
    assert positions(answer) == [pytest.approx(30.0, abs=0.1)]
    assert answer.peaks[0].fwhm.value == pytest.approx(0.6, abs=4 * answer.peaks[0].fwhm.esd)
    by_law = find_peaks(pattern, FindSettings(caglioti=(0.0, 0.0, 0.36)))
    assert positions(by_law) == [pytest.approx(30.0, abs=0.1)]


@pytest.mark.parametrize("wrong", [{"threshold": -1.0}, {"fwhm": 0.0}, {"width_factors": ()}, {"false_peaks_per_scan": 0.0}])
def test_settings_that_mean_nothing_are_refused(wrong):
    with pytest.raises(RecipeError, match="must"):
        FindSettings(**wrong)


@pytest.mark.parametrize("unit", [1e-3, 250.0])
def test_areas_scale_with_the_unit_of_intensity_and_nothing_else_changes(counted, doublet, unit):
    expected = 50.0 + doublet(X, 25.0, 100.0, 0.1) + doublet(X, 33.0, 40.0, 0.1)
    pattern = counted(X, expected, 4, background=np.full(X.size, 50.0))
    other = type(pattern)(
        name="scaled",
        two_theta=X,
        intensity=unit * pattern.intensity,
        sigma=unit * pattern.sigma,
        sigma_source="column",
        background=unit * pattern.background,
        used=pattern.used,
        instrument=pattern.instrument,
    )
    for one, two in zip(find_peaks(pattern).peaks, find_peaks(other).peaks, strict=True):
        assert two.two_theta.value == pytest.approx(one.two_theta.value, abs=1e-4)
        assert two.area.value == pytest.approx(unit * one.area.value, rel=1e-3)
        assert two.snr == pytest.approx(one.snr, rel=1e-3)
