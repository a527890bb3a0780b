"""Measured text files of several instruments, checked against numpy's own reading of their rows."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from xrdkna.read.formats import read_scan, read_scans

RealFile = Callable[[str], Path]


@pytest.mark.parametrize(
    ("name", "skip", "source"),
    [
        ("formats/sample.xy", 0, "relative"),
        ("formats/sample.csv", 0, "counts"),
        ("formats/example_bmb.xye", 31, "column"),
        ("formats/example_mac.xye", 0, "column"),
        ("formats/example_mythen.xye", 0, "column"),
        ("formats/example_mythen.dat", 0, "column"),
        ("formats/example_ocx.xy", 1, "relative"),
        ("formats/example_evadiffract.xy", 1, "relative"),
        ("qpa/cpd-1a.prn", 0, "counts"),
        ("qpa/cpd-1c.prn", 0, "counts"),
        ("qpa/cpd-1e.prn", 0, "counts"),
        ("qpa/corundum.prn", 0, "counts"),
        ("qpa/fluorite.prn", 0, "counts"),
        ("qpa/zincite.prn", 0, "counts"),
        ("series/coincell8_LDE2/xrd_data/1355639_summed_mythen3.xye", 0, "column"),
    ],
)
def test_a_measured_file_is_read_number_by_number(real_file: RealFile, name: str, skip: int, source: str) -> None:
    path = real_file(name)
    lines = [line.replace(",", " ") for line in path.read_text(encoding="latin-1").splitlines() if line.strip()]
    rows = np.loadtxt([line for line in lines if line.lstrip()[0].isdigit()], ndmin=2)
    assert len(lines) >= len(rows)
    (scan,) = read_scans(path)
    assert np.array_equal(scan.two_theta, rows[:, 0])
    assert np.array_equal(scan.intensity, rows[:, 1])
    assert scan.sigma_source == source
    if source == "column":
        assert np.array_equal(scan.sigma, rows[:, 2])
    if source == "counts":
        assert scan.sigma == pytest.approx(np.sqrt(np.maximum(rows[:, 1], 1.0)))
    assert scan.complete


def test_the_header_of_a_synchrotron_file_gives_wavelength_radius_and_time(real_file: RealFile) -> None:
    scan = read_scan(real_file("formats/example_bmb.xye"))
    assert scan.radiation is not None
    assert scan.radiation.wavelength == 0.414581
    assert (scan.radius_mm, scan.count_time) == (1000.0, 0.1)
    assert scan.start_time == datetime(2017, 4, 12, 1, 23, 16, 472073)
    assert scan.details["Temp (K)"] == "300.03"


def test_the_header_of_a_bruker_export_gives_the_anode_with_both_lines(real_file: RealFile) -> None:
    scan = read_scan(real_file("formats/example_evadiffract.xy"))
    assert scan.radiation is not None
    assert [line.label for line in scan.radiation.lines] == ["CuKa1", "CuKa2"]
    assert scan.count_time == 96.0


@pytest.mark.parametrize("name", ["qpa/cpd-1e.prn", "formats/example_mac.xye", "formats/example_ocx.xy", "formats/sample.csv"])
def test_a_file_that_names_no_radiation_is_given_none(real_file: RealFile, name: str) -> None:
    assert read_scan(real_file(name)).radiation is None
