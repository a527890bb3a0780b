"""`xrdkna track` and `xrdkna simulate`: what the command line hands on, and what comes back."""

import json
import shutil
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

import numpy as np
import pytest

from xrdkna.errors import DeclinedError

Run = Callable[..., Any]  # conftest's fixture `xrdkna`

START = datetime(2026, 3, 1, 9, 0, 0)


@pytest.fixture
def folder(tmp_path: Path, aluminium: Path) -> Path:
    """Three scans of aluminium, ten minutes apart, and a cycler's record in the folder and beside it."""
    series = tmp_path / "series"
    series.mkdir()
    rows = ["file,start_time,end_time"]
    for k in range(3):
        shutil.copy(aluminium, series / f"scan_{k}.xy")
        start = START + timedelta(minutes=10 * k)
        rows.append(f"scan_{k}.xy,{start.isoformat()},{(start + timedelta(minutes=9)).isoformat()}")
    (series / "scans.csv").write_text("\n".join(rows) + "\n")
    (series / "series.toml").write_text('[radiation]\nname = "CuKa"\n')
    (series / "echem.csv").write_text(cycler_text(current=-1.0))
    (tmp_path / "other.csv").write_text(cycler_text(current=-2.0))
    return series


def cycler_text(*, current: float) -> str:
    rows = [f"{(START + timedelta(seconds=60 * k)).isoformat()},{current},0.1" for k in range(30)]
    return "\n".join(["time,current_mA,potential_V", *rows]) + "\n"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """What the pipeline was asked to track; it then declines, so that nothing is computed."""
    seen = SimpleNamespace(series=None, settings=None)

    def analysing(series: object, library: object, settings: object, *, progress: object = None) -> NoReturn:
        seen.series, seen.settings = series, settings
        raise DeclinedError("the series is too short to say anything.")

    monkeypatch.setattr("xrdkna.pipeline.track_series", analysing, raising=False)
    return seen


def test_an_analysis_that_declines_ends_with_status_1_and_the_json_says_why(
    folder: Path, asked: SimpleNamespace, tmp_path: Path, xrdkna: Run
) -> None:
    ran = xrdkna("track", folder, "--json", tmp_path / "track.json")
    assert ran.status == 1
    assert ran.sentence == "the series is too short to say anything."
    document = json.loads((tmp_path / "track.json").read_text(encoding="utf-8"))
    assert document["schema"] == "xrdkna.track/1"
    assert document["verdict"] == "failed"
    assert document["notices"][0]["sentence"] == "the series is too short to say anything."


def test_the_cycler_in_the_folder_is_read_unless_another_is_named(folder: Path, asked: SimpleNamespace, xrdkna: Run) -> None:
    xrdkna("track", folder)
    assert asked.series.cycling.current[0] == -1.0
    xrdkna("track", folder, "--echem", folder.parent / "other.csv")
    assert asked.series.cycling.current[0] == -2.0


@pytest.mark.parametrize("named", [False, True], ids=["of the folder", "named"])
def test_the_clock_offset_moves_either_cycler_onto_the_clock_of_the_diffractometer(
    named: bool, folder: Path, asked: SimpleNamespace, xrdkna: Run
) -> None:
    xrdkna("track", folder, "--clock-offset", "-137", *(("--echem", folder.parent / "other.csv") if named else ()))
    cycling = asked.series.cycling
    assert cycling.start + timedelta(seconds=float(cycling.time[0])) == START - timedelta(seconds=137)


@pytest.mark.parametrize("offset", ["nan", "inf", "soon"])
def test_an_offset_that_is_no_time_is_refused(offset: str, folder: Path, asked: SimpleNamespace, xrdkna: Run) -> None:
    ran = xrdkna("track", folder, "--clock-offset", offset)
    assert ran.status == 2
    assert "--clock-offset" in ran.sentence
    assert asked.series is None


def test_the_marker_reaches_the_analysis_and_must_be_of_a_phase_there_is(folder: Path, asked: SimpleNamespace, xrdkna: Run) -> None:
    xrdkna("track", folder)
    assert asked.settings.marker == ("KNa2", (1, 0, 3))
    xrdkna("track", folder, "--marker", "K 110")
    assert asked.settings.marker == ("K", (1, 1, 0))
    ran = xrdkna("track", folder, "--marker", "Kryptonite 110")
    assert ran.status == 2
    assert "Kryptonite" in ran.sentence


def test_a_cycler_file_that_cannot_be_read_is_named(folder: Path, asked: SimpleNamespace, tmp_path: Path, xrdkna: Run) -> None:
    bad = tmp_path / "bad.csv"
    bad.write_text("nothing here\n")
    ran = xrdkna("track", folder, "--echem", bad)
    assert ran.status == 3
    assert "bad.csv" in ran.sentence


def test_nothing_changes_in_a_series_of_one_and_the_same_scan(folder: Path, tmp_path: Path, xrdkna: Run) -> None:
    files = {form: tmp_path / f"track.{form}" for form in ("json", "csv", "html", "png")}
    options = ["--json", files["json"], "--csv", files["csv"], "--html", files["html"], "--plot", files["png"]]
    ran = xrdkna("track", folder, "--phases", "Al,K", *options)
    assert ran.status == 0
    document = json.loads(files["json"].read_text(encoding="utf-8"))
    assert document["schema"] == "xrdkna.track/1"
    assert [scan["name"] for scan in document["scans"]] == ["scan_0", "scan_1", "scan_2"]
    assert document["events"] == []
    assert document["contamination"]["verdict"] == "none"
    assert len(files["csv"].read_text(encoding="utf-8-sig").splitlines()) == 1 + 3
    assert files["html"].stat().st_size > 0
    assert files["png"].read_bytes().startswith(b"\x89PNG")


def test_a_scan_that_cannot_be_read_is_left_out_and_the_rest_goes_on(folder: Path, xrdkna: Run) -> None:
    (folder / "scan_1.xy").write_bytes(b"")
    ran = xrdkna("track", folder, "--phases", "Al", "--json", "-")
    assert ran.status == 0
    scans = json.loads(ran.out)["scans"]
    assert [scan["used"] for scan in scans] == [True, False, True]
    assert "empty" in scans[1]["why_not"]


@pytest.mark.parametrize(
    "content",
    [None, b"the quick brown fox\n", bytes(range(256)) * 40, b"38.47 1000\n", b"38.46 900\n38.48 1000\n", b"38.46 nan\n38.48 nan\n"],
    ids=["missing", "words", "binary", "one point", "two points", "nothing but nan"],
)
def test_whatever_is_wrong_with_one_scan_is_said_of_it_and_the_rest_goes_on(content: bytes | None, folder: Path, xrdkna: Run) -> None:
    (folder / "scan_1.xy").unlink()
    if content is not None:
        (folder / "scan_1.xy").write_bytes(content)
    ran = xrdkna("track", folder, "--phases", "Al", "--json", "-")
    assert ran.status == 0
    scans = json.loads(ran.out)["scans"]
    assert [scan["used"] for scan in scans] == [True, False, True]
    assert "scan_1" in scans[1]["why_not"] or "two" in scans[1]["why_not"]


@pytest.mark.parametrize("damage", ["cut", "nan"])
def test_a_scan_with_a_part_missing_is_used_as_far_as_it_goes(damage: str, folder: Path, xrdkna: Run) -> None:
    path = folder / "scan_1.xy"
    lines = path.read_text().splitlines()
    cut = lines[: len(lines) * 3 // 4]
    holed = [line.split()[0] + " nan" if 600 <= k < 620 else line for k, line in enumerate(lines)]
    path.write_text("\n".join(cut if damage == "cut" else holed) + "\n")
    ran = xrdkna("track", folder, "--phases", "Al", "--json", "-")
    assert ran.status == 0
    document = json.loads(ran.out)
    assert [scan["used"] for scan in document["scans"]] == [True, True, True]
    assert document["events"] == []


@pytest.mark.parametrize(
    "content", [b"", b"not a scan\n", b"38.47 1000\n", b"38.46 900\n38.48 1000\n"], ids=["empty", "words", "one", "two"]
)
def test_where_no_scan_can_be_used_the_series_is_declined_in_one_sentence(content: bytes, folder: Path, xrdkna: Run) -> None:
    for path in folder.glob("scan_*.xy"):
        path.write_bytes(content)
    ran = xrdkna("track", folder)
    assert ran.status in (1, 3)
    assert "series" in ran.sentence
    assert not ran.out


@pytest.mark.slow
def test_a_series_with_a_million_points_in_its_scan_is_followed(folder: Path, million: Path, xrdkna: Run) -> None:
    shutil.copy(million, folder / "scan_0.xy")
    (folder / "scans.csv").write_text("file\nscan_0.xy\n")
    (folder / "echem.csv").unlink()
    ran = xrdkna("track", folder, "--phases", "Al", "--json", "-")
    assert ran.status == 0
    document = json.loads(ran.out)
    assert [scan["used"] for scan in document["scans"]] == [True]
    assert document["events"] == []


RECIPE = """
seed = 5
[instrument]
radiation = "CuKa"
[scan]
two_theta = [36.0, 48.0]
step = 0.02
count = 2
[background]
constant = 50
[[phase]]
name = "Al"
amount = 1.0
"""


def test_a_simulated_series_is_written_with_its_truth_and_reads_back(tmp_path: Path, xrdkna: Run) -> None:
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(RECIPE)
    ran = xrdkna("simulate", recipe, tmp_path / "series")
    assert ran.status == 0
    assert (tmp_path / "series" / "truth.json").is_file()
    first = np.loadtxt(tmp_path / "series" / "scan_000.xy")
    strongest = first[np.argmax(first[:, 1]), 0]
    assert abs(strongest - 38.47) < 0.1
    again = xrdkna("simulate", recipe, tmp_path / "series")
    assert again.status == 2
    assert "not empty" in again.sentence
