"""The cycler's record: Neware files, tables in all units, and the sentence where a unit is missing."""

import csv
import logging
import time as clock
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from xrdkna.errors import CyclingError
from xrdkna.read.cycling import read_cycling

RealFile = Callable[[str], Path]
Write = Callable[..., Path]
ROWS = "2025-01-01T00:00:00{s}0{s}3.1\n2025-01-01T00:00:10{s}-1.5{s}3.0\n2025-01-01T00:00:30{s}0.5{s}2.9\n"


@pytest.mark.parametrize(("name", "n", "start"), [
    ("echem/test.nda", 439, "2020-03-25T11:16:50"),
    ("echem/test.ndax", 1464, "2024-02-01T20:24:23"),
    ("series/coincell8_LDE2/Echem/cc8.ndax", 4647, "2025-07-02T19:08:11"),
])  # fmt: skip
def test_a_neware_file_gives_the_charge_that_the_cycler_counted(
    real_file: RealFile, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture, name: str, n: int, start: str
) -> None:
    path = real_file(name)
    with caplog.at_level(logging.DEBUG):
        cycling = read_cycling(path)
    assert (capsys.readouterr().out, caplog.text) == ("", "")
    assert (len(cycling.time), cycling.start.replace(tzinfo=None)) == (n, datetime.fromisoformat(start))
    assert cycling.potential is not None
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import NewareNDA

        frame = NewareNDA.read(str(path), log_level="CRITICAL")
    # The cycler's own counter starts again with each step; its largest values in the steps add up to the whole charge.
    steps = frame.groupby("Step")
    counted = steps["Charge_Capacity(mAh)"].max().sum() + steps["Discharge_Capacity(mAh)"].max().sum()
    ours = np.trapezoid(np.abs(cycling.current), cycling.time) / 3600.0
    assert ours == pytest.approx(counted, rel=0.02, abs=1e-4)
    assert cycling.charge is not None
    net = steps["Charge_Capacity(mAh)"].max().sum() - steps["Discharge_Capacity(mAh)"].max().sum()
    assert cycling.charge[-1] - cycling.charge[0] == pytest.approx(net, rel=1e-3, abs=2e-5)
    assert cycling.current == pytest.approx(frame["Current(mA)"].to_numpy())
    assert cycling.potential == pytest.approx(frame["Voltage"].to_numpy())


def test_an_arbin_table_uses_the_columns_with_units_and_its_excel_dates(real_file: RealFile) -> None:
    path = real_file("echem/arbin_example.bdf.csv")
    cycling = read_cycling(path)
    with path.open(encoding="utf-8") as stream:
        ampere = [float(row["Current / A"]) for row in csv.DictReader(stream)]
    assert cycling.start == datetime(2023, 7, 24, 18, 50)
    assert np.diff(cycling.time[:4]) == pytest.approx(300.0, abs=0.5)
    assert cycling.current == pytest.approx(1e3 * np.array(ampere), rel=1e-12)
    assert cycling.potential is not None
    assert cycling.potential[0] == pytest.approx(3.8591957)


@pytest.mark.parametrize(
    ("header", "separator", "amps", "volts"),
    [
        ("time,current_mA,potential_V", ",", 1.0, 1.0),
        ("time,current_A,potential_mV", ",", 1e3, 1e-3),
        ("Time;Current (mA);Voltage (V)", ";", 1.0, 1.0),
        ("timestamp\tI/mA\tEwe/V", "\t", 1.0, 1.0),
        ("DateTime,current_uA,potential_V", ",", 1e-3, 1.0),
        ("time,<I>/mA,<Ewe>/V", ",", 1.0, 1.0),
        ("time,Current / A,Voltage / V", ",", 1e3, 1.0),
        ("time, I [µA], U [V]", ",", 1e-3, 1.0),
    ],
)
def test_a_table_is_read_in_the_units_its_header_names(write: Write, header: str, separator: str, amps: float, volts: float) -> None:
    cycling = read_cycling(write(header + "\n" + ROWS.format(s=separator), "echem.csv"))
    assert cycling.start == datetime(2025, 1, 1)
    assert cycling.time.tolist() == [0.0, 10.0, 30.0]
    assert cycling.current == pytest.approx(amps * np.array([0.0, -1.5, 0.5]))
    assert cycling.potential == pytest.approx(volts * np.array([3.1, 3.0, 2.9]))


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "empty"),
        ("time,current,potential_V\n" + ROWS.format(s=","), "column 'current' does not say its unit"),
        ("time,current_mA,voltage\n2025-01-01T00:00:00,1,41\n2025-01-01T00:00:10,1,42\n", "column 'voltage' does not say its unit"),
        ("when,current_mA\n2025-01-01T00:00:00,1\n", "no column is called time"),
        ("time,potential_V\n2025-01-01T00:00:00,1\n", "no column is called current"),
        ("time,current_mA\n0,1\n10,2\n", "no row holds a date"),
        ("time,current_mA\n", "no row holds a date"),
        ("time,current_mA\n2025-01-01T00:00:00,nan\n", "holds no record with a time and a current"),
        ("time,current_mA\n2025-01-01T00:00:00,1\n", "holds only one record"),
        ("time,current_mA\n05/04/2025 10:00:00,1\n05/04/2025 10:00:10,1\n", "'05/04/2025 10:00:00' is one of two dates"),
        ("EC-LAB SETTING FILE\n\nNumber of linked techniques : 1\n", "settings (.mps)"),
        ("EXPLAIN\nTAG\tCHRONOP\n", "Gamry"),
        (b"\x00\x01\x00\x00Standard Jet DB\x00" + b"\x00" * 100, "Arbin database (.res)"),
        (b"PAR1" + b"\x00" * 100, "Parquet"),
        (b"BIO-LOGIC MODULAR FILE\x1a" + b" " * 100, "BioLogic file is cut off"),
        (b"PK\x03\x04 xl/workbook.xml but no archive", "workbook is damaged"),
        ("words without columns\n", "does not name columns"),
        (b"\x00\x01\x02" * 100, "no cycler file"),
        (b"NEWARE" + b"\x00" * 300, "Neware file is damaged"),
        (b"PK\x03\x04 data.ndc but no archive", "Neware file is damaged"),
    ],
)
def test_a_cycler_file_that_cannot_be_used_gives_one_sentence(write: Write, content: str | bytes, sentence: str) -> None:
    with pytest.raises(CyclingError) as caught:
        read_cycling(write(content, "echem.csv"))
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "echem.csv" in str(caught.value)


def test_a_damaged_neware_archive_gives_a_sentence_wherever_it_is_cut(real_file: RealFile, write: Write) -> None:
    data = real_file("echem/test.ndax").read_bytes()
    for part in (200, len(data) // 3, len(data) - 50):
        with pytest.raises(CyclingError):
            read_cycling(write(data[:part], "cut.ndax"))


def test_a_neware_file_whose_records_are_gone_is_refused_and_not_searched_without_end(real_file: RealFile, write: Write) -> None:
    """The status of every record wiped out: the library would go round in circles."""
    data = bytearray(real_file("echem/test.nda").read_bytes())
    place = data.find(b"\x00\x00\x00\x00\x55\x00")
    while place != -1:
        data[place + 16 : place + 17] = b"\x00"
        place = data.find(b"\x00\x00\x00\x00\x55\x00", place + 1)
    begin = clock.process_time()
    with pytest.raises(CyclingError, match="Neware file is damaged"):
        read_cycling(write(bytes(data) + bytes(200), "wiped.nda"))
    assert clock.process_time() - begin < 2.0


def test_bad_rows_a_cut_off_last_line_and_disorder_are_tolerated_and_said(write: Write) -> None:
    text = (
        "time,current_mA,potential_V\n2025-01-01T00:00:10,1,3\n2025-01-01T00:00:00,0,3\nlater,2,3\n2025-01-01T00:00:20,nan,3\n"
        "2025-01-01T00:00:30,3,3\n2025-01-01T00:00:40,-1"
    )
    cycling = read_cycling(write(text, "echem.csv"))
    assert cycling.time.tolist() == [0.0, 10.0, 30.0]
    assert cycling.current.tolist() == [0.0, 1.0, 3.0]
    assert {notice.code for notice in cycling.notices} == {"cycler-rows-left-out", "cycler-sorted"}
    assert any("3 rows" in notice.sentence and "line 4" in notice.sentence for notice in cycling.notices)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(0, 20), min_size=2, max_size=40), st.floats(-1e4, 1e4))
def test_records_with_one_time_stay_in_their_order_within_a_second(write: Write, seconds: list[int], offset: float) -> None:
    rows = "".join(f"2025-01-01T00:00:{s:02d},{i}\n" for i, s in enumerate(sorted(seconds)))
    cycling = read_cycling(write("time,current_mA\n" + rows, "echem.csv"), clock_offset=offset)
    assert cycling.current.tolist() == list(range(len(seconds)))
    assert np.all(np.diff(cycling.time) > 0)
    shift = cycling.time - (np.sort(seconds) - min(seconds))
    assert shift.min() >= 0.0
    assert shift.max() < 1.0
    assert (cycling.start - datetime(2025, 1, 1, 0, 0, min(seconds))).total_seconds() == pytest.approx(offset, abs=1e-5)


def test_mixed_zones_become_one_local_time_with_a_notice(write: Write) -> None:
    cycling = read_cycling(write("time,current_mA\n2025-01-01T00:00:00+01:00,0\n2025-01-01T00:00:10,1\n", "echem.csv"))
    assert cycling.time.tolist() == [0.0, 10.0]
    assert [notice.code for notice in cycling.notices] == ["cycler-mixed-zones"]


def test_unix_seconds_are_a_time_and_carry_a_zone(write: Write) -> None:
    cycling = read_cycling(write("time,current_mA\n1735689600,0\n1735689610.5,1\n", "echem.csv"))
    assert cycling.start == datetime.fromisoformat("2025-01-01T00:00:00+00:00")
    assert cycling.time.tolist() == [0.0, 10.5]


def test_a_clock_offset_that_is_no_number_is_refused(write: Write) -> None:
    with pytest.raises(CyclingError, match="clock offset"):
        read_cycling(write("time,current_mA\n2025-01-01T00:00:00,0\n", "echem.csv"), clock_offset=float("nan"))
