"""Cyclers' own formats and dialects: BioLogic, workbooks, units and times that a table does not spell out, several files of one cell."""

import io
import time as clock
import zipfile
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from xrdkna.errors import CyclingError, XrdknaError
from xrdkna.read.cycling import read_cycling, read_cyclings
from xrdkna.read.series import read_series

RealFile = Callable[[str], Path]
Write = Callable[..., Path]

MPT = (
    "EC-Lab ASCII FILE\r\nNb header lines : 8\r\n\r\n{technique}\r\n\r\nElectrode surface area : 0,001 cm²\r\n"
    "Acquisition started on : 07/02/2025 19:08:11.500\r\n{columns}\r\n{rows}"
)
SCANS = "file,start_time,end_time\na.xy,2023-12-07T14:22:00,2023-12-07T14:23:00\nb.xy,2023-12-07T14:24:00,2023-12-07T14:25:00\n"


@pytest.mark.parametrize(("name", "start", "n"), [
    ("echem/00_test_01_OCV_C01.mpr", "2023-12-07T14:22:24.183", 2),
    ("echem/00_test_02_MB_C01.mpr", "2023-12-08T09:49:52.346", 11),
])  # fmt: skip
def test_a_biologic_file_gives_the_numbers_galvani_reads(real_file: RealFile, name: str, start: str, n: int) -> None:
    from galvani.BioLogic import MPRfile

    path = real_file(name)
    file = MPRfile(io.BytesIO(path.read_bytes()))
    cycling = read_cycling(path)
    first = float(file.data["time/s"][0])
    begun = datetime.fromisoformat(start) + timedelta(seconds=first)
    assert abs((cycling.start - begun).total_seconds()) < 1e-3
    assert cycling.time == pytest.approx(file.data["time/s"] - first)
    assert len(cycling.time) == n
    assert cycling.potential == pytest.approx(file.data["Ewe/V"])
    if "I/mA" in file.data.dtype.names:
        assert cycling.current == pytest.approx(file.data["I/mA"])
        counted = float(file.data["(Q-Qo)/mA.h"][-1] - file.data["(Q-Qo)/mA.h"][0])
        assert cycling.charge is not None
        assert cycling.charge[-1] - cycling.charge[0] == pytest.approx(counted, rel=1e-6)
        assert np.trapezoid(cycling.current, cycling.time) / 3600.0 == pytest.approx(counted, rel=0.02)
    else:
        assert not cycling.current.any()


def test_a_biologic_file_that_keeps_only_steps_of_charge_gives_their_rate(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """Constant-current techniques store dq alone: 1 mA for an hour, then −2 mA for half an hour."""
    seconds = np.arange(0.0, 5401.0, 60.0)
    level = np.where(seconds <= 3600.0, 1.0, -2.0)
    dq = np.append(0.0, level[1:] * np.diff(seconds) / 3600.0)
    data = np.array(list(zip(seconds, dq, strict=True)), dtype=[("time/s", "f8"), ("dq/mA.h", "f8")])
    modules = [{"shortname": b"VMP Set   ", "data": b"\x18"}]
    fake = SimpleNamespace(data=data, timestamp=datetime(2025, 1, 1), modules=modules)
    monkeypatch.setattr("galvani.BioLogic.MPRfile", lambda stream: fake)
    cycling = read_cycling(write(b"BIO-LOGIC MODULAR FILE\x1a", "cc.mpr"))
    assert cycling.current[1:] == pytest.approx(level[1:])
    assert cycling.charge is not None
    assert cycling.charge[-1] == pytest.approx(0.0, abs=1e-9)
    assert cycling.charge.max() == pytest.approx(1.0)
    fake.modules[0]["data"] = b"\x0b"
    fake.data = data[["time/s"]]
    assert not read_cycling(write(b"BIO-LOGIC MODULAR FILE\x1a", "ocv.mpr")).current.any()
    fake.timestamp = None
    with pytest.raises(CyclingError, match="does not hold the moment it began"):
        read_cycling(write(b"BIO-LOGIC MODULAR FILE\x1a", "running.mpr"))


def test_two_files_of_one_cell_are_one_record_with_a_gap_of_which_nothing_is_known(real_file: RealFile) -> None:
    one, two = real_file("echem/00_test_01_OCV_C01.mpr"), real_file("echem/00_test_02_MB_C01.mpr")
    cycling = read_cyclings([two, one])
    assert cycling.breaks == (2,)
    assert cycling.start == read_cycling(one).start
    assert cycling.time[2] == pytest.approx((read_cycling(two).start - cycling.start).total_seconds())
    assert cycling.charge is not None
    assert cycling.charge[2] == cycling.charge[1]
    with pytest.raises(CyclingError, match="same time"):
        read_cyclings([one, two, two])


def test_a_folder_with_several_cycler_files_joins_them(real_file: RealFile, write: Write) -> None:
    write(SCANS, "scans.csv")
    for name in "ab":
        write("".join(f"{10 + 0.02 * i:.2f} {100 + i}\n" for i in range(50)), f"{name}.xy")
    for name in ("00_test_01_OCV_C01.mpr", "00_test_02_MB_C01.mpr"):
        write(real_file(f"echem/{name}").read_bytes(), f"Echem/{name}")
    folder = write("", "Echem/empty.note").parent.parent
    series = read_series(folder)
    assert series.cycling is not None
    assert len(series.cycling.time) == 13


@pytest.mark.parametrize(("separator", "decimal"), [("\t", "."), ("\t", ",")])
def test_an_mpt_file_starts_when_its_heading_says_month_first(write: Write, separator: str, decimal: str) -> None:
    rows = "".join(f"3{separator}{10.0 * i:.3f}{separator}{3.1 + 0.01 * i:.4f}{separator}{-1.5 * i:.3f}\r\n" for i in range(5))
    columns = separator.join(("mode", "time/s", "<Ewe>/V", "<I>/mA", ""))
    text = MPT.format(technique="Galvanostatic Cycling", columns=columns.rstrip(), rows=rows.replace(".", decimal))
    cycling = read_cycling(write(text, "cell.mpt", "cp1252"))
    assert cycling.start == datetime(2025, 7, 2, 19, 8, 11, 500_000)
    assert cycling.time.tolist() == [0.0, 10.0, 20.0, 30.0, 40.0]
    assert cycling.current.tolist() == [0.0, -1.5, -3.0, -4.5, -6.0]
    assert cycling.potential == pytest.approx([3.1, 3.11, 3.12, 3.13, 3.14])


def test_an_mpt_file_at_open_circuit_has_no_current_and_absolute_times_are_read(write: Write) -> None:
    rows = "07/02/2025 19:08:12.0000\t3.1\r\n07/02/2025 19:08:22.0000\t3.2\r\n"
    text = MPT.format(technique="Open Circuit Voltage", columns="time/s\tEwe/V", rows=rows)
    cycling = read_cycling(write(text, "cell.mpt", "cp1252"))
    assert cycling.start == datetime(2025, 7, 2, 19, 8, 12)
    assert cycling.current.tolist() == [0.0, 0.0]
    other = MPT.format(technique="Potentio Electrochemical Impedance Spectroscopy", columns="time/s\tEwe/V", rows=rows)
    with pytest.raises(CyclingError, match="no column is called current"):
        read_cycling(write(other, "cell.mpt", "cp1252"))


def workbook(path: Path, sheets: dict[str, list[list[object]]]) -> Path:
    """The smallest .xlsx that holds these rows."""
    with zipfile.ZipFile(path, "w") as book:
        names = "".join(f'<sheet name="{name}" sheetId="{i}" r:id="r{i}"/>' for i, name in enumerate(sheets, 1))
        ns = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
        rel = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
        book.writestr("xl/workbook.xml", f'<workbook {ns} xmlns:r="{rel}"><sheets>{names}</sheets></workbook>')
        links = "".join(f'<Relationship Id="r{i}" Type="{rel}/worksheet" Target="worksheets/s{i}.xml"/>' for i in range(1, len(sheets) + 1))
        package = "http://schemas.openxmlformats.org/package/2006/relationships"
        book.writestr("xl/_rels/workbook.xml.rels", f'<Relationships xmlns="{package}">{links}</Relationships>')
        root = f'<Relationship Id="r1" Type="{rel}/officeDocument" Target="xl/workbook.xml"/>'
        book.writestr("_rels/.rels", f'<Relationships xmlns="{package}">{root}</Relationships>')
        for i, rows in enumerate(sheets.values(), 1):
            cells = "".join("<row>" + "".join(map(workbook_cell, row)) + "</row>" for row in rows)
            book.writestr(f"xl/worksheets/s{i}.xml", f"<worksheet {ns}><sheetData>{cells}</sheetData></worksheet>")
    return path


def test_an_archive_that_would_fill_the_memory_is_refused_unopened(tmp_path: Path) -> None:
    path = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as book, book.open("xl/workbook.xml", "w") as member:
        for _ in range(600):
            member.write(bytes(2**20))
    assert path.stat().st_size < 2**20
    with pytest.raises(CyclingError, match="would unpack to 1 files of 600 MB"):
        read_cycling(path)


def workbook_cell(cell: object) -> str:
    return f"<c><v>{cell}</v></c>" if isinstance(cell, int | float) else f'<c t="inlineStr"><is><t>{cell}</t></is></c>'


def test_a_workbook_goes_on_over_its_sheets(tmp_path: Path) -> None:
    names: list[object] = ["Data_Point", "Test_Time(s)", "Date_Time", "Current(A)", "Voltage(V)"]
    sheets: dict[str, list[list[object]]] = {
        "Global_Info": [["TEST REPORT"], ["Start_DateTime", "x"]],
        "Channel_1_1": [names, [1, 0.0, "07/02/2025 10:00:00", 0.0, 3.0], [2, 10.0, "07/02/2025 10:00:10", 0.001, 3.1]],
        "Channel_1_2": [names, [3, 20.0, "07/02/2025 10:00:20", -0.002, 3.2]],
        "Statistics": [["Cycle_Index", "Charge_Capacity(Ah)"], [1, 0.1]],
    }
    cycling = read_cycling(workbook(tmp_path / "arbin.xlsx", sheets))
    assert cycling.start == datetime(2025, 7, 2, 10)
    assert cycling.time.tolist() == [0.0, 10.0, 20.0]
    assert cycling.current == pytest.approx([0.0, 1.0, -2.0])
    with pytest.raises(CyclingError, match="no sheet of the workbook"):
        read_cycling(workbook(tmp_path / "none.xlsx", {"a": [["x", "y"], [1, 2]]}))


@pytest.mark.parametrize(("factor", "unit"), [(1e3, "A"), (1.0, "mA"), (1e-3, "uA")])
def test_a_current_without_a_unit_takes_it_from_the_charge_beside_it(write: Write, factor: float, unit: str) -> None:
    """2 mA for an hour is 2 mAh, whatever the column calls it."""
    rows = "".join(f"2025-01-01T{i // 60:02d}:{i % 60:02d}:00,{2.0 / factor:g},{2.0 * i / 60.0:.6f},3.1\n" for i in range(61))
    cycling = read_cycling(write("time,current,Capacity(mAh),Voltage\n" + rows, f"{unit}.csv"))
    assert cycling.current == pytest.approx(2.0)
    assert cycling.charge is not None
    assert cycling.charge[-1] == pytest.approx(2.0)


def test_units_in_a_row_below_the_names_and_millivolts_by_their_size(write: Write) -> None:
    text = "Date/Time;Current;Voltage\n;mA;\n2025-01-01 00:00:00;0,5;3100\n2025-01-01 00:00:10;1,5;-20\n"
    cycling = read_cycling(write(text, "echem.csv"))
    assert cycling.current.tolist() == [0.5, 1.5]
    assert cycling.potential == pytest.approx([3.1, -0.02])
    assert cycling.notices == ()


@pytest.mark.parametrize(
    ("heading", "column", "cells"),
    [
        ("# start: 2025-07-02T19:08:11\n", "Test_Time(s)", ("0", "90.5")),
        ("Start Time: 2025-07-02 19:08:11\nCell: 7\n\n", "time/min", ("0", "1.5083333333")),
        ("Start date,02.07.2025 19:08:11,\n", "Test Time / h", ("0", "0.0251388889")),
        ("#Begin time = 2 Jul 2025 19:08:11\n", "Total Time", ("0:00:00.0", "0:01:30.5")),
        ("# start: 2025-07-02T19:08:11\n", "TestTime", ("0d 00:00:00", "0d 00:01:30.5")),
    ],
)
def test_elapsed_times_count_from_the_start_in_the_heading(write: Write, heading: str, column: str, cells: tuple[str, str]) -> None:
    rows = "".join(f"{cell},{i}\n" for i, cell in enumerate(cells))
    cycling = read_cycling(write(f"{heading}{column},current_mA\n{rows}", "echem.csv"))
    assert cycling.start == datetime(2025, 7, 2, 19, 8, 11)
    assert cycling.time == pytest.approx([0.0, 90.5], abs=1e-3)


@pytest.mark.parametrize(("dates", "start"), [(("05/04/2025", "06/04/2025"), (2025, 4, 5)), (("04/05/2025", "04/06/2025"), (2025, 4, 5))])
def test_the_elapsed_time_tells_whether_the_day_or_the_month_comes_first(
    write: Write, dates: tuple[str, str], start: tuple[int, int, int]
) -> None:
    text = f"Test_Time(s),Date,Current(mA)\n0,{dates[0]} 10:00:00,1\n86400,{dates[1]} 10:00:00,1\n"
    cycling = read_cycling(write(text, "echem.csv"))
    assert cycling.start == datetime(*start, 10)
    assert cycling.time[-1] == 86_400.0


def test_a_date_and_a_time_of_day_in_two_columns_are_one_moment(write: Write) -> None:
    cycling = read_cycling(write("Date,Time,I/mA\n2025-07-02,23:59:50,1\n2025-07-03,00:00:10,2\n", "echem.csv"))
    assert cycling.start == datetime(2025, 7, 2, 23, 59, 50)
    assert cycling.time.tolist() == [0.0, 20.0]


def test_a_clock_set_back_by_an_hour_is_told_by_the_test_time(write: Write) -> None:
    rows = [(0, "02:50:00"), (600, "02:00:00"), (1200, "02:10:00"), (4200, "03:00:00")]
    text = "Test_Time(s),DateTime,Current(mA)\n" + "".join(f"{s},2025-10-26 {stamp},1\n" for s, stamp in rows)
    cycling = read_cycling(write(text, "echem.csv"))
    assert cycling.time.tolist() == [0.0, 600.0, 1200.0, 4200.0]
    assert [notice.code for notice in cycling.notices] == ["cycler-clock-set-back"]


def test_a_counter_in_other_units_than_the_current_is_not_believed(write: Write) -> None:
    rows = "".join(f"2025-01-01T{i:02d}:00:00,2.0,{2.0 * i:.3f},0\n" for i in range(5))
    header = "time,current_mA,Charge_Capacity({}),Discharge_Capacity({})\n"
    good = read_cycling(write(header.format("mAh", "mAh") + rows, "good.csv"))
    assert good.charge is not None
    assert good.charge[-1] == pytest.approx(8.0)
    bad = read_cycling(write(header.format("Ah", "Ah") + rows, "bad.csv"))
    assert bad.charge is None
    assert [notice.code for notice in bad.notices] == ["cycler-charge-disagrees"]


def test_counters_that_begin_again_with_each_step_add_up(write: Write) -> None:
    """Plating 1 mAh, stripping 0.5 mAh, plating 1 mAh: each step counts from zero."""
    rows, moment = [], datetime(2025, 1, 1)
    for sign, hours in ((-1.0, 1.0), (1.0, 0.5), (-1.0, 1.0)):
        for part in range(11):
            passed = hours * part / 10.0
            up, down = (passed, 0.0) if sign > 0 else (0.0, passed)
            rows.append(f"{moment + timedelta(hours=passed)},{sign},{up:.4f},{down:.4f}\n")
        moment += timedelta(hours=hours, seconds=1)
    cycling = read_cycling(write("time,current_mA,Chg. Cap.(mAh),DChg. Cap.(mAh)\n" + "".join(rows), "echem.csv"))
    assert cycling.charge is not None
    assert cycling.charge[-1] == pytest.approx(-1.5)


def test_half_a_million_rows_keep_their_charge_and_take_seconds(write: Write) -> None:
    n = 500_000
    start = datetime(2025, 1, 1)
    current = np.where((np.arange(n) // 3600) % 2 == 0, -1.0, 0.5)
    rows = "".join(f"{start + timedelta(seconds=i)},{level:g},3.1\n" for i, level in enumerate(current))
    path = write("time,current_mA,potential_V\n" + rows, "long.csv")
    begin = clock.process_time()
    cycling = read_cycling(path)
    assert clock.process_time() - begin < 15.0
    by_hand = np.sum(0.5 * (current[1:] + current[:-1])) / 3600.0
    assert np.trapezoid(cycling.current, cycling.time) / 3600.0 == pytest.approx(by_hand, rel=1e-9)


def test_only_one_side_with_a_zone_is_said(write: Write) -> None:
    write("file,start_time,end_time\na.xy,2025-01-01T00:00:00,2025-01-01T00:01:00\n", "scans.csv")
    write("".join(f"{10 + 0.02 * i:.2f} {100 + i}\n" for i in range(50)), "a.xy")
    path = write("time,current_mA\n2025-01-01T00:00:00+01:00,0\n2025-01-01T00:00:10+01:00,1\n", "echem.csv")
    series = read_series(path.parent)
    assert "clock-zones-differ" in {notice.code for notice in series.notices}
    assert series.cycling is not None
    assert series.cycling.start == datetime(2025, 1, 1)


@pytest.mark.parametrize("name", ["echem/00_test_02_MB_C01.mpr", "echem/test.nda", "echem/test.ndax", "echem/arbin_example.bdf.csv"])
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_mutilated_file_gives_a_record_or_one_of_our_sentences(real_file: RealFile, write: Write, name: str, data: st.DataObject) -> None:
    content = bytearray(real_file(name).read_bytes()[:60_000])
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), max_size=12)):
        content[place] = data.draw(st.integers(0, 255))
    path = write(bytes(content[: data.draw(st.integers(0, len(content)))]), "mutilated" + Path(name).suffix)
    try:
        cycling = read_cycling(path)
    except XrdknaError as problem:
        assert "\n" not in str(problem)  # noqa: PT017
    else:
        assert np.isfinite(cycling.current).all()
