"""What a header says is kept; what it does not say is not made up."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xrdkna.physics.radiation import WAVELENGTHS
from xrdkna.read.formats import read_scan
from xrdkna.read.header import read_header
from xrdkna.read.times import parse_time

Write = Callable[..., Path]
ROWS = "\n".join(f"{10 + 0.1 * i:.1f} {100 + i}" for i in range(20))


@pytest.mark.parametrize(
    ("header", "name", "wavelengths"),
    [
        ('\'Id: "" Anode: "Cu" TimePerStep: "96"', "CuKa", 2),
        ("Anode material,Mo", "MoKa", 2),
        ("_ANODE='Co'", "CoKa", 2),
        ("# wavelength = 0.4939", "0.4939 Å", 1),
        ("Wavelength (A): 0.41", "0.41 Å", 1),
        ("# Calibrated wavelength = 0.414581", "0.414581 Å", 1),
        ("# lambda 0.4939", "0.4939 Å", 1),
        ("# Wavelength: 4.939e-11", "0.4939 Å", 1),
        ("# wavelength (nm) = 0.04939", "0.4939 Å", 1),
        ("# energy = 25.1033 keV", "0.493896 Å", 1),
        ("K-Alpha1 wavelength,1.54060\nK-Alpha2 wavelength,1.54443\nRatio K-Alpha2/K-Alpha1,0.50000", "CuKa", 2),
        ("K-Alpha1 wavelength;1,54060\nK-Alpha2 wavelength;1,54443\nRatio K-Alpha2/K-Alpha1;0", "CuKa1", 1),
        ("_WL1=0.709300", "MoKa", 2),
        ("# wavelength = 1.5406", "CuKa", 2),
        ("# wavelength = 1.5418", "CuKa", 2),
        ("Radiation: Cu K-alpha", "CuKa", 2),
        ("Radiation: Cu K-alpha1", "CuKa1", 1),
    ],
)
def test_a_radiation_that_a_header_names_is_kept(write: Write, header: str, name: str, wavelengths: int) -> None:
    radiation = read_scan(write(f"{header}\n{ROWS}\n")).radiation
    assert radiation is not None
    assert (radiation.name, len(radiation.lines)) == (name, wavelengths)


@pytest.mark.parametrize(
    "header",
    ["", "# sample: Cu foil", "Operator: Mo Smith", "# wavelength = unknown", "anode: Xx", "comment = Cu Ka would be nice", "Id,CuKa"],
)
def test_no_radiation_is_made_up(write: Write, header: str) -> None:
    assert read_scan(write(f"{header}\n{ROWS}\n")).radiation is None


@pytest.mark.parametrize("number", ["0.154056", "15.4056", "1540.56"])
def test_a_wavelength_in_doubtful_units_is_refused_with_a_warning(write: Write, number: str) -> None:
    scan = read_scan(write(f"# wavelength = {number}\n{ROWS}\n"))
    assert scan.radiation is None
    assert any(notice.code == "wavelength-unclear" for notice in scan.notices)


@given(st.floats(0.1, 1.2))
def test_any_synchrotron_wavelength_comes_back_as_written(wavelength: float) -> None:
    near = min(abs(wavelength / line - 1) for lines in WAVELENGTHS.values() for line in lines[:2])
    tenth = min(abs(10 * wavelength / lines[0] - 1) for lines in WAVELENGTHS.values())
    radiation = read_header([f"# wavelength = {wavelength:.7f} A"]).radiation
    assert radiation is not None
    if near > 5e-3 and tenth > 0:
        assert radiation.wavelength == pytest.approx(wavelength, abs=1e-7)


def test_a_panalytical_csv_header_is_understood(write: Write) -> None:
    header = (
        "[Measurement conditions]\nSample identification,K on Al\nComment,x\nMeasurement date / time,12-Apr-2017 10:11:12\n"
        "Anode material,Cu\nK-Alpha1 wavelength,1.540598\nK-Alpha2 wavelength,1.544426\nRatio K-Alpha2/K-Alpha1,0.5\n"
        "Goniometer radius [mm],240.00\nTime per step,10.16\nFile date and time,12-Apr-2017 10:11:12\n\n[Scan points]\nAngle,Intensity\n"
    )
    scan = read_scan(write(header + ROWS.replace(" ", ","), "export.csv"))
    assert scan.radiation is not None
    assert scan.radiation.name == "CuKa"
    assert (scan.radius_mm, scan.count_time) == (240.0, 10.16)
    assert scan.start_time == datetime(2017, 4, 12, 10, 11, 12)
    assert scan.details["Sample identification"] == "K on Al"
    assert len(scan.two_theta) == 20


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2025-07-02 19:05:59.614000", "2025-07-02T19:05:59.614000"),
        ("2025-07-02T19:05:59Z", "2025-07-02T19:05:59+00:00"),
        ("2020-10-08T14:14:22+01:00", "2020-10-08T14:14:22+01:00"),
        ("APR 12, 2017 01:23:16.472073", "2017-04-12T01:23:16.472073"),
        ("12.04.2017 10:11:12", "2017-04-12T10:11:12"),
        ("2017/04/12 10:11", "2017-04-12T10:11:00"),
        ("12-Apr-2017 10:11:12", "2017-04-12T10:11:12"),
        ("25/12/2020 10:11:12", "2020-12-25T10:11:12"),
        ("12/25/2020 10:11:12", "2020-12-25T10:11:12"),
        ("12/25/2020 10:11:12 PM", "2020-12-25T22:11:12"),
        ("12/25/2020 12:00:00 AM", "2020-12-25T00:00:00"),
        ("Wed Apr 12 10:11:12 2017", "2017-04-12T10:11:12"),
    ],
)
def test_a_time_is_read_with_its_zone_or_without_one(text: str, moment: str) -> None:
    assert parse_time(text) == datetime.fromisoformat(moment)


@pytest.mark.parametrize(
    "text", ["10/12/2020 10:11:12", "2020-12-25", "yesterday 10:11", "12:30", "", "31.02.2020 10:00:00", "99/99/2020 1:00"]
)
def test_a_time_that_says_too_little_or_two_things_is_none(text: str) -> None:
    assert parse_time(text) is None
