"""A series as NeXus: what goes in comes out, by our own reader and by others."""

import hashlib
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import h5py
import numpy as np
import pytest

from xrdkna.errors import ScanFileError, UsageError
from xrdkna.physics.radiation import tube_radiation
from xrdkna.read.formats import read_scans
from xrdkna.records.scan import Scan
from xrdkna.records.series import Cycling, Series, SeriesEntry, SeriesSetup
from xrdkna.records.track import Trajectory
from xrdkna.report.nexus_file import _named, write_series_nexus

START = datetime(2025, 7, 2, 19, 5, 59)


def one_scan(i: int, *, step: float = 0.02) -> Scan:
    counts = np.random.default_rng(i).poisson(50.0, 40).astype(float)
    return Scan(
        name=f"scan{i}",
        source=f"scan{i}.xy",
        two_theta=20.0 + step * np.arange(40),
        intensity=counts,
        sigma=np.sqrt(np.maximum(counts, 1.0)),
        sigma_source="counts",
        radiation=tube_radiation("Cu"),
        radius_mm=240.0,
        count_time=1.5,
        sample="K foil",
    )


def unreadable() -> Scan:
    raise ScanFileError("scan2.xy: the file is empty; write or copy the scan file again.")


def loader(i: int) -> Callable[[], Scan]:
    return lambda: unreadable() if i == 2 else one_scan(i, step=0.04 if i == 4 else 0.02)


@pytest.fixture
def series() -> Series:
    """Five scans ten minutes apart; the third cannot be read, the last lies on another grid."""
    entries = tuple(
        SeriesEntry(
            index=i, name=f"scan{i}", start=START + timedelta(minutes=10 * i), end=START + timedelta(minutes=10 * i + 9), load=loader(i)
        )
        for i in range(5)
    )
    cycling = Cycling(
        start=START, time=np.arange(4.0), current=np.array([0.0, -1.0, -1.0, 0.0]), potential=np.full(4, 3.1), source="cell.csv"
    )
    return Series(name="plating", entries=entries, axis="time", setup=SeriesSetup(), cycling=cycling)


def test_our_own_reader_gets_every_scan_back_with_its_time_and_beam(series: Series, tmp_path: Path) -> None:
    write_series_nexus(series, None, tmp_path / "s.nxs")
    scans = read_scans(tmp_path / "s.nxs")
    assert [scan.start_time for scan in scans] == [START + timedelta(minutes=10 * i) for i in (0, 1, 3)]
    for scan, i in zip(scans, (0, 1, 3), strict=True):
        np.testing.assert_array_equal(scan.intensity, one_scan(i).intensity)
        np.testing.assert_array_equal(scan.two_theta, one_scan(i).two_theta)
        np.testing.assert_array_equal(scan.sigma, one_scan(i).sigma)
    assert scans[0].radiation == tube_radiation("Cu")
    assert (scans[0].radius_mm, scans[0].count_time, scans[0].sample) == (240.0, 1.5, "K foil")


def test_another_grid_stands_apart_and_a_scan_that_cannot_be_read_is_named_not_zero(series: Series, tmp_path: Path) -> None:
    write_series_nexus(series, None, tmp_path / "s.nxs")
    with h5py.File(tmp_path / "s.nxs") as file:
        assert file["entry/data/scan_index"][()].tolist() == [0, 1, 3]
        assert file["entry/data_2/scan_index"][()].tolist() == [4]
        assert file["entry/data_2/time"][()].tolist() == [2400.0]
        assert "scan2.xy: the file is empty" in file["entry/reduction/scans_left_out"].asstr()[0]
        assert file["entry/sample/cell/current/value"][()].tolist() == [0.0, -1.0, -1.0, 0.0]
        assert file["entry/sample/cell/current"].attrs["NX_class"] == "NXlog"


def test_nexusformat_follows_the_default_to_the_plot(series: Series, tmp_path: Path) -> None:
    from nexusformat.nexus import nxload

    write_series_nexus(series, None, tmp_path / "s.nxs")
    root = nxload(str(tmp_path / "s.nxs"))
    data = root.get_default()
    assert data.nxsignal.nxname == "I"
    assert [axis.nxname for axis in data.nxaxes] == ["time", "radial_axis"]
    assert data.nxsignal.shape == (3, 40)
    assert data.nxerrors.shape == (3, 40)


def test_the_same_series_gives_the_same_bytes_at_another_moment(series: Series, tmp_path: Path) -> None:
    digests = set()
    for name in ("a.nxs", "b.nxs"):
        write_series_nexus(series, None, tmp_path / name)
        digests.add(hashlib.sha256((tmp_path / name).read_bytes()).hexdigest())
        time.sleep(1.1)
    assert len(digests) == 1


def test_a_series_without_one_readable_scan_writes_nothing(tmp_path: Path) -> None:
    entry = SeriesEntry(index=0, name="scan2", start=None, end=None, load=unreadable)
    with pytest.raises(UsageError, match="holds no scan that can be read"):
        write_series_nexus(Series(name="none", entries=(entry,), axis="scan", setup=SeriesSetup()), None, tmp_path / "s.nxs")
    assert list(tmp_path.iterdir()) == []


def test_uncertainties_on_no_known_scale_do_not_come_back_as_measured_ones(tmp_path: Path) -> None:
    rates = np.linspace(3.1234, 7.4321, 40)
    scan = replace(one_scan(0), intensity=rates, sigma=np.sqrt(rates), sigma_source="relative", count_time=None)
    entry = SeriesEntry(index=0, name="scan0", start=None, end=None, load=lambda: scan)
    write_series_nexus(Series(name="rates", entries=(entry,), axis="scan", setup=SeriesSetup()), None, tmp_path / "s.nxs")
    (back,) = read_scans(tmp_path / "s.nxs")
    assert back.sigma_source == "relative"
    np.testing.assert_array_equal(back.intensity, rates)


def test_trajectories_have_names_that_nexus_allows_and_none_is_lost() -> None:
    hkl = Trajectory(quantity="intensity", phase="KNa2", hkl=(1, 0, -3), unit="", value=(1.0,), esd=(0.1,))
    names = [name for name, _ in _named((hkl, hkl))]
    assert len(set(names)) == 2
    assert all(name.isascii() and " " not in name and "/" not in name for name in names)
