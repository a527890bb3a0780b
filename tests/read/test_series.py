"""A folder becomes a series: right order, right times, and nothing lost without a word."""

import tracemalloc
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from xrdkna.errors import DataError, ScanFileError, SeriesError
from xrdkna.read.series import read_series
from xrdkna.records.series import Series

RealFile = Callable[[str], Path]
Write = Callable[..., Path]


def scan_text(level: int, start: str = "", n: int = 40) -> str:
    header = f"# start time = {start}\n" if start else ""
    return header + "\n".join(f"{10 + 0.1 * i:.1f} {level}" for i in range(n)) + "\n"


def levels(series: Series) -> list[float]:
    return [float(entry.load().intensity[0]) for entry in series.entries]


def codes(series: Series) -> set[str]:
    return {notice.code for notice in series.notices}


def test_the_operando_folder_with_its_sub_folders_just_works(real_file: RealFile) -> None:
    series = read_series(real_file("series/coincell8_LDE2"))
    assert [entry.name for entry in series.entries] == [f"{n}_summed_mythen3" for n in (1355639, 1355647, 1355655, 1355663, 1355671)]
    assert series.axis == "time"
    assert series.entries[1].start == datetime.fromisoformat("2025-07-02 19:15:03.582000")
    assert series.entries[4].end == datetime.fromisoformat("2025-07-02 19:43:13.916000")
    assert series.entries[0].columns["cell_name"] == "coincell8_LDE2"
    assert series.cycling is not None
    assert series.cycling.start == datetime(2025, 7, 2, 19, 8, 11)
    first = series.entries[0].load()
    assert (first.start_time, len(first.two_theta)) == (series.entries[0].start, 16553)


def test_ten_static_scans_run_by_their_own_start_times_and_not_by_name(real_file: RealFile) -> None:
    series = read_series(real_file("series/static_scans"))
    assert [entry.name for entry in series.entries] == [f"Scan_C{i}" for i in range(1, 11)]
    starts = [entry.start for entry in series.entries]
    assert starts == sorted(start for start in starts if start is not None)
    assert series.axis == "time"
    assert series.cycling is None


def test_a_moved_clock_moves_the_cycler_and_not_the_scans(real_file: RealFile) -> None:
    plain = read_series(real_file("series/coincell8_LDE2"))
    moved = read_series(real_file("series/coincell8_LDE2"), clock_offset=-137.0)
    assert plain.cycling is not None
    assert moved.cycling is not None
    assert (moved.cycling.start - plain.cycling.start).total_seconds() == -137.0
    assert moved.entries[0].start == plain.entries[0].start


@pytest.mark.parametrize(
    ("separator", "quote", "encoding"), [(",", "", "utf-8"), (";", '"', "utf-8-sig"), ("\t", "", "utf-16"), (", ", '"', "latin-1")]
)
def test_the_rows_of_scans_csv_are_the_order_of_the_series(write: Write, tmp_path: Path, separator: str, quote: str, encoding: str) -> None:
    rows = [["file", "start_time", "end_time", "note"]]
    for name, hour in (("c", 1), ("a", 2), ("b", 3)):
        write(scan_text(100 * hour), f"{name}.xy")
        rows.append([f"{name}.xy", f"2025-01-01T0{hour}:00:00", f"2025-01-01T0{hour}:10:00", f"n{hour}"])
    text = "\r\n".join(separator.join(f"{quote}{cell}{quote}" for cell in row) for row in rows)
    write(text, "scans.csv", encoding=encoding)
    series = read_series(tmp_path)
    assert [entry.name for entry in series.entries] == ["c", "a", "b"]
    assert levels(series) == [100.0, 200.0, 300.0]
    assert series.entries[2].end == datetime(2025, 1, 1, 3, 10)
    assert series.entries[1].columns["note"] == "n2"
    assert series.axis == "time"
    assert not series.notices


def test_scan_numbers_are_found_in_names_that_hold_other_numbers(write: Write, tmp_path: Path) -> None:
    for number in (2, 3, 10):
        write(scan_text(number + 90), f"cell3_2025_scan{number:04d}_10s.xy")
    write(
        "scan_number,start_time,end_time\n10,2025-01-01 01:00,\n3,2025-01-01 02:00,\n2,2025-01-01 03:00,\n7,2025-01-01 04:00,\n",
        "scans.csv",
    )
    series = read_series(tmp_path)
    assert [float(entry.load().intensity[0]) for entry in series.entries[:3]] == [100.0, 93.0, 92.0]
    with pytest.raises(ScanFileError, match="scan number 7"):
        series.entries[3].load()


def test_without_a_table_start_times_in_the_files_order_them_else_natural_names_do(write: Write, tmp_path: Path) -> None:
    for number in (1, 2, 10):
        write(scan_text(number), f"scan{number}.xy")
    by_name = read_series(tmp_path)
    assert (by_name.axis, levels(by_name)) == ("scan", [1.0, 2.0, 10.0])
    assert "no-times" in codes(by_name)
    for number, hour in ((1, 9), (2, 7), (10, 8)):
        write(scan_text(number, f"2025-01-01T0{hour}:00:00"), f"scan{number}.xy")
    by_time = read_series(tmp_path)
    assert (by_time.axis, levels(by_time)) == ("time", [2.0, 10.0, 1.0])
    assert not by_time.notices


def test_unreadable_missing_and_forbidden_scans_are_entries_that_raise_and_the_rest_goes_on(write: Write, tmp_path: Path) -> None:
    write(scan_text(5), "folder/good.xy")
    write(b"\x00\x01\x02" * 50, "folder/bad.xy")
    write(scan_text(6), "outside.xy")
    rows = "".join(f"{name},2025-01-01T0{i}:00:00\n" for i, name in enumerate(("good.xy", "bad.xy", "gone.xy", "../outside.xy")))
    write("file,start_time\n" + rows, "folder/scans.csv")
    entries = read_series(tmp_path / "folder").entries
    assert entries[0].load().intensity[0] == 5.0
    for entry, sentence in zip(entries[1:], ("binary", "no such file", "outside"), strict=True):
        with pytest.raises(DataError, match=sentence):
            entry.load()


def test_a_missing_file_is_not_looked_for_in_the_working_folder(write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(scan_text(5), "folder/good.xy")
    write(scan_text(6), "secret.xy")
    write("file\ngood.xy\nsecret.xy\n", "folder/scans.csv")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match="secret"):
        read_series(tmp_path / "folder").entries[1].load()


def test_rows_that_repeat_a_scan_and_scans_that_are_not_listed_are_said(write: Write, tmp_path: Path) -> None:
    for name in "abc":
        write(scan_text(9), f"{name}.xy")
    write("file,start_time\na.xy,2025-01-01T01:00\nb.xy,2025-01-01T02:00\na.xy,2025-01-01T03:00\n", "scans.csv")
    series = read_series(tmp_path)
    assert [entry.name for entry in series.entries] == ["a", "b"]
    assert codes(series) == {"rows-repeated", "scans-not-listed"}


def test_a_many_scan_file_is_as_many_entries(real_file: RealFile, write: Write, tmp_path: Path) -> None:
    write(real_file("formats/xrdml_coupled_synthetic.xrdml").read_bytes(), "map.xrdml")
    series = read_series(tmp_path)
    assert [entry.name for entry in series.entries] == ["map", "map#2", "map#3", "map#4"]
    assert [float(entry.load().intensity[0]) for entry in series.entries][:2] == [2.0, 6.0]
    assert series.entries[1].load().name == "map#2"


def test_files_that_are_no_scans_are_not_taken_for_scans(write: Write, tmp_path: Path) -> None:
    write(scan_text(1), "a1.xy")
    write(scan_text(2), "a2.xy")
    write("time,current_mA,potential_V\n2025-01-01T00:00:00,0,3\n2025-01-01T00:00:10,-1,3\n", "echem.csv")
    write("# notes", "README.md")
    write("two words", "notes.txt")
    write("[cell]\nplating_current = 'positive'\n", "series.toml")
    write(scan_text(3), ".hidden.xy")
    write("{}", "truth.json")
    series = read_series(tmp_path)
    assert levels(series) == [1.0, 2.0]
    assert series.setup.plating_current == "positive"
    assert series.cycling is not None
    assert series.cycling.current.tolist() == [0.0, -1.0]


def test_scans_in_shared_suffixes_are_found_by_their_content_beside_prose(write: Write, tmp_path: Path) -> None:
    for number in (1, 2):
        write(scan_text(number), f"s{number}.txt")
    write("This folder holds scans.\n", "README.txt")
    write("cut", "s3.txt")
    series = read_series(tmp_path)
    assert [entry.name for entry in series.entries] == ["s1", "s2", "s3"]
    with pytest.raises(ScanFileError):
        series.entries[2].load()


def test_one_stem_in_two_formats_is_told_apart_and_warned_about(write: Write, tmp_path: Path) -> None:
    write(scan_text(1), "a.xy")
    write(scan_text(1), "a.xye")
    series = read_series(tmp_path)
    assert [entry.name for entry in series.entries] == ["a.xy", "a.xye"]
    assert "names-shared" in codes(series)


def test_times_with_and_without_a_zone_become_one_local_time_with_a_warning(write: Write, tmp_path: Path) -> None:
    write(scan_text(1), "a.xy")
    write(scan_text(2), "b.xy")
    write("file,start_time\na.xy,2025-01-01T01:00:00+02:00\nb.xy,2025-01-01T02:00:00\n", "scans.csv")
    series = read_series(tmp_path)
    assert [entry.start for entry in series.entries] == [datetime(2025, 1, 1, 1), datetime(2025, 1, 1, 2)]
    assert "mixed-zones" in codes(series)


@pytest.mark.parametrize("zone", ["", "+02:00"])
@pytest.mark.parametrize("cycler_zone", ["", "+02:00"])
def test_the_cycler_and_the_scans_can_always_be_compared(write: Write, tmp_path: Path, zone: str, cycler_zone: str) -> None:
    write(scan_text(1), "a.xy")
    write(f"file,start_time\na.xy,2025-01-01T01:00:00{zone}\n", "scans.csv")
    write(f"time,current_mA\n2025-01-01T00:50:00{cycler_zone},0\n2025-01-01T02:00:00{cycler_zone},1\n", "echem.csv")
    series = read_series(tmp_path)
    assert series.cycling is not None
    assert series.entries[0].start is not None
    assert (series.entries[0].start - series.cycling.start).total_seconds() == 600.0


def test_a_cycler_file_that_cannot_be_read_costs_a_notice_and_not_the_series(write: Write, tmp_path: Path) -> None:
    write(scan_text(1), "a.xy")
    write("time,current\n2025-01-01T00:00:00,1\n", "echem.csv")
    series = read_series(tmp_path)
    assert series.cycling is None
    assert any("does not say its unit" in notice.sentence for notice in series.notices)


def test_a_log_that_lies_elsewhere_is_used(write: Write, tmp_path: Path) -> None:
    write(scan_text(1), "scans/run_001.xy")
    write(scan_text(2), "scans/run_002.xy")
    log = write("scan_number,start_time,end_time\n2,2025-01-01 01:00:00,\n1,2025-01-01 02:00:00,\n", "logs/log.csv")
    assert levels(read_series(tmp_path / "scans", log=log)) == [2.0, 1.0]


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({}, "no scan lies here"),
        ({"notes.txt": "words"}, "no scan lies here"),
        ({"a/x.xy": scan_text(1), "b/y.xy": scan_text(1)}, "several sub-folders"),
        ({"a.xy": scan_text(1), "scans.csv": "file,start_time\n"}, "no row below its header"),
        ({"a.xy": scan_text(1), "scans.csv": "name,when\na,b\n"}, "no column is called file"),
        ({"a.xy": scan_text(1), "scans.csv": "file,start_time\na.xy,10/12/2020 10:00\n"}, "line 2: '10/12/2020 10:00'"),
        ({"a.xy": scan_text(1), "scans.csv": "file,start_time\n,2025-01-01\n"}, "names no scan"),
        ({"a.xy": scan_text(1), "scans.csv": "file,start_time,end_time\na.xy,2025-01-02,2025-01-01\n"}, "before it starts"),
        ({"a.xy": scan_text(1), "scans.csv": b"\x00\xff\x01" * 40}, "not text"),
        ({"a.xy": scan_text(1), "series.toml": "[radiation"}, "not valid TOML"),
        ({"a.xy": scan_text(1), "series.toml": "[radiation]\nname = 'Kryptonite'"}, "radiation.name"),
        ({"a.xy": scan_text(1), "series.toml": "[radiation]\nname = 3"}, "radiation.name is 3"),
        ({"a.xy": scan_text(1), "series.toml": "[radiation]\nwavelength = '0.5'"}, "radiation.wavelength"),
        ({"a.xy": scan_text(1), "series.toml": "[radiation]\nwavelength = nan"}, "radiation.wavelength"),
        ({"a.xy": scan_text(1), "series.toml": "[radiation]\nname='CuKa'\nwavelength = 0.5"}, "both given"),
        ({"a.xy": scan_text(1), "series.toml": "[geometry]\ntype = 'sphere'"}, "geometry.type"),
        ({"a.xy": scan_text(1), "series.toml": "[geometry]\nradius_mm = true"}, "geometry.radius_mm"),
        ({"a.xy": scan_text(1), "series.toml": "[cell]\nplating_current = -1"}, "cell.plating_current"),
        ({"a.xy": scan_text(1), "series.toml": "cell = 1"}, "must be a section"),
    ],
)
def test_a_folder_that_contradicts_itself_gives_one_sentence(
    write: Write, tmp_path: Path, files: dict[str, str | bytes], sentence: str
) -> None:
    for name, content in files.items():
        write(content, name)
    with pytest.raises(SeriesError) as caught:
        read_series(tmp_path)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_or_nothing_in_place_of_the_folder_gives_a_sentence(write: Write, tmp_path: Path) -> None:
    with pytest.raises(SeriesError, match="this is a file"):
        read_series(write(scan_text(1)))
    with pytest.raises(SeriesError, match="no such folder"):
        read_series(tmp_path / "nowhere")


def test_series_toml_is_kept_and_a_key_that_means_nothing_is_said(write: Write, tmp_path: Path) -> None:
    write(scan_text(1), "a.xy")
    write(
        "[radiation]\nwavelength = 0.4939\nnmae = 'x'\n[geometry]\ntype='Debye-Scherrer'\nradius_mm = 760\n[beam]\nsize=1\n", "series.toml"
    )
    series = read_series(tmp_path)
    assert (series.setup.radiation, series.setup.geometry, series.setup.radius_mm) == ("0.4939", "Debye-Scherrer", 760.0)
    assert {n.sentence.split(",")[0].rsplit(" ", 1)[1] for n in series.notices if n.code == "unknown-key"} == {"beam", "radiation.nmae"}


def test_a_series_holds_no_scan_in_memory(write: Write, tmp_path: Path) -> None:
    two_theta = np.linspace(5, 100, 20_000)
    text = "\n".join(f"{x:.4f} 7" for x in two_theta)
    for number in range(20):
        write(text, f"s{number}.xy")
    tracemalloc.start()
    series = read_series(tmp_path)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(series.entries) == 20
    assert held < two_theta.nbytes * 3  # one scan is three such arrays
