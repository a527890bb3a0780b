"""A series through the fast fit, from its folder."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from xrdkna.errors import DeclinedError
from xrdkna.phases.library import load_library
from xrdkna.pipeline import Settings, refine_series
from xrdkna.read.series import read_series
from xrdkna.records.series_fit import LeftOut, ScanFit

PLATING = Path(__file__).parents[2] / "samples" / "plating"
CHOSEN = Settings(phases=("K", "KNa2", "Al", "Al2O3"))


@pytest.fixture(scope="module")
def fits() -> list[ScanFit]:
    return [fit for fit in refine_series(read_series(PLATING), load_library(), CHOSEN) if isinstance(fit, ScanFit)]


def test_every_scan_of_the_sample_series_is_fitted_and_believed(fits):
    assert [fit.name for fit in fits] == [f"scan_{i:03d}" for i in range(14)]
    assert {fit.verdict for fit in fits} == {"accepted"}
    assert not any(fit.quarantined for fit in fits)


def test_kna2_is_not_there_before_the_plating_and_grows_with_it(fits):
    weight = np.array([fit.weight_fractions[fit.phases.index("KNa2")] for fit in fits])
    esd = np.array([fit.weight_esds[fit.phases.index("KNa2")] for fit in fits])
    assert np.all(weight[:3] < 3.0 * esd[:3])
    assert np.all(weight[3:10] > 10.0 * esd[3:10])
    assert np.all(np.diff(weight[3:10]) > -2.0 * esd[3:9])


def test_no_phase_named_lets_the_series_say_who_is_there(fits):
    found = list(refine_series(read_series(PLATING), load_library(), Settings()))
    assert set(found[0].phases) == {"K", "KNa2", "Al", "Al2O3"}
    for own, named in zip(found, fits, strict=True):
        places = [own.phases.index(phase) for phase in named.phases]
        np.testing.assert_allclose(own.weight_fractions[places], named.weight_fractions, atol=0.5 * named.weight_esds.max())


def test_a_scan_cut_off_and_a_scan_of_nothing_are_left_out_and_the_rest_goes_on(tmp_path, fits):
    folder = tmp_path / "series"
    shutil.copytree(PLATING, folder)
    (folder / "scan_004.xy").write_text("")
    x = np.arange(10.0, 80.0, 0.02)
    np.savetxt(folder / "scan_006.xy", np.c_[x, np.zeros(x.size), np.ones(x.size)], fmt="%.4f")
    scans = list(refine_series(read_series(folder), load_library(), CHOSEN))
    left_out = {scan.name: scan.why for scan in scans if isinstance(scan, LeftOut)}
    assert set(left_out) == {"scan_004", "scan_006"}
    assert all(why for why in left_out.values())
    assert [scan.name for scan in scans] == [fit.name for fit in fits]
    for scan, fit in zip(scans, fits, strict=True):
        if isinstance(scan, ScanFit):
            np.testing.assert_allclose(scan.weight_fractions, fit.weight_fractions, atol=0.1 * fit.weight_esds.max())


def test_scans_are_read_only_when_their_turn_comes():
    series = read_series(PLATING)
    read = []

    def watched(entry):
        return replace(entry, load=lambda: (read.append(entry.index), entry.load())[1])

    scans = refine_series(replace(series, entries=tuple(watched(entry) for entry in series.entries)), load_library(), CHOSEN)
    next(scans)
    # First, middle and last were looked at to begin with, then the first was fitted.
    assert read == [0, 7, 13, 0]


def test_a_series_of_nothing_readable_is_declined(tmp_path):
    (tmp_path / "a.xy").write_text("")
    with pytest.raises(DeclinedError, match="no scan of the series"):
        list(refine_series(read_series(tmp_path), load_library(), CHOSEN))
