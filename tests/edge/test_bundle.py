"""--bundle, --parquet and --nexus: an answer to take away, the same bytes from the same input."""

import hashlib
import json
import shutil
import zipfile
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import h5py
import pytest

Run = Callable[..., Any]  # conftest's fixture `xrdkna`
START = datetime(2026, 3, 1, 9, 0, 0)


@pytest.fixture
def folder(tmp_path: Path, aluminium: Path) -> Path:
    """Two scans of aluminium, ten minutes apart."""
    series = tmp_path / "series"
    series.mkdir()
    rows = ["file,start_time"]
    for k in range(2):
        shutil.copy(aluminium, series / f"scan_{k}.xy")
        rows.append(f"scan_{k}.xy,{(START + timedelta(minutes=10 * k)).isoformat()}")
    (series / "scans.csv").write_text("\n".join(rows) + "\n")
    return series


def test_a_bundle_of_one_scan_holds_the_answer_and_is_the_same_the_next_time(aluminium: Path, tmp_path: Path, xrdkna: Run) -> None:
    for name in ("a.zip", "b.zip"):
        ran = xrdkna(
            "index", aluminium, "--radiation", "CuKa", "--phases", "Al", "--bundle", tmp_path / name, "--json", tmp_path / "i.json"
        )
        assert ran.status == 0, ran.err
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        manifest = json.loads(archive.read("manifest.json"))
        assert archive.read("answer.json") == (tmp_path / "i.json").read_bytes()
        assert [phase["name"] for phase in json.loads(archive.read("phases.json"))] == ["Al"]
    assert manifest["inputs"][0]["sha256"] == hashlib.sha256(aluminium.read_bytes()).hexdigest()
    assert manifest["settings"]["radiation"]["name"] == "CuKa"


def test_a_series_becomes_nexus_parquet_and_a_bundle_with_every_input(folder: Path, tmp_path: Path, xrdkna: Run) -> None:
    import pyarrow.parquet as pq

    forms = (
        "--nexus",
        tmp_path / "t.nxs",
        "--parquet",
        tmp_path / "t.parquet",
        "--bundle",
        tmp_path / "t.zip",
        "--csv",
        tmp_path / "t.csv",
    )
    ran = xrdkna("track", folder, "--radiation", "CuKa", "--phases", "Al", *forms)
    assert ran.status == 0, ran.err
    with h5py.File(tmp_path / "t.nxs") as file:
        assert file["entry/data/time"][()].tolist() == [0.0, 600.0]
        cell = file["entry/results/a_Al/value"][()]
        assert cell == pytest.approx(4.0495, abs=1e-3)
    table = pq.read_table(tmp_path / "t.parquet")
    assert table.num_rows == 2
    assert ",".join(table.column_names[:2]) == (tmp_path / "t.csv").read_text().split("\n")[0].rsplit(",", len(table.column_names) - 2)[0]
    with zipfile.ZipFile(tmp_path / "t.zip") as archive:
        assert {item["name"] for item in json.loads(archive.read("manifest.json"))["inputs"]} == {"scan_0.xy", "scan_1.xy", "scans.csv"}
        assert archive.read("series.nxs") == (tmp_path / "t.nxs").read_bytes()


def test_a_place_that_cannot_be_written_is_told_before_any_work(aluminium: Path, tmp_path: Path, xrdkna: Run) -> None:
    ran = xrdkna("index", aluminium, "--radiation", "CuKa", "--bundle", tmp_path / "nowhere" / "a.zip")
    assert ran.status == 2
    assert "there is no folder" in ran.sentence
