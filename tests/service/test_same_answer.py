"""The service answers what the command line answers."""

import json
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest


@pytest.fixture(scope="module")
def plating(project_root: Path, service: Any) -> str:
    """The sample series, uploaded file by file."""
    with service.client() as client:
        series = client.post("/api/v1/series", json={"name": "plating"}).json()["id"]
        for path in sorted((project_root / "samples" / "plating").iterdir()):
            if path.name != "truth.json":
                assert client.post(f"/api/v1/series/{series}/scans", files={"file": (path.name, path.read_bytes())}).status_code == 201
        service.settled(series, client)
    return str(series)


@pytest.fixture(scope="module")
def on_command_line(project_root: Path, command_line: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The same series on the command line."""
    folder = tmp_path_factory.mktemp("answers")
    places = {"json": folder / "track.json", "csv": folder / "track.csv"}
    done = command_line("track", project_root / "samples" / "plating", "--quiet", "--json", places["json"], "--csv", places["csv"])
    assert done.returncode == 0, done.stderr
    return places


def test_the_track_of_the_sample_series_is_the_command_lines_byte_for_byte_but_for_the_place_of_its_files(
    client: httpx.Client, plating: str, on_command_line: dict[str, Path], project_root: Path
) -> None:
    answer = client.get(f"/api/v1/series/{plating}/track")
    place = json.dumps(str(project_root / "samples" / "plating"))[1:-1]
    assert answer.text == on_command_line["json"].read_text(encoding="utf-8").replace(f"{place}/", "")


def test_the_table_of_the_sample_series_is_the_command_lines(client: httpx.Client, plating: str, on_command_line: dict[str, Path]) -> None:
    assert client.get(f"/api/v1/series/{plating}/table").content == on_command_line["csv"].read_bytes()


def test_events_are_those_of_the_track(client: httpx.Client, plating: str) -> None:
    track = client.get(f"/api/v1/series/{plating}/track").json()
    events = client.get(f"/api/v1/series/{plating}/events").json()
    assert events["events"] == track["events"]
    assert [(e["kind"], e["phase"]) for e in events["events"] if e["hkl"] == [1, 0, 3]] == [("appears", "KNa2"), ("vanishes", "KNa2")]


def test_the_report_is_whole_and_runs_apart_from_the_service(client: httpx.Client, plating: str) -> None:
    answer = client.get(f"/api/v1/series/{plating}/report")
    assert "plotly.js v" in answer.text
    assert answer.text.rstrip().endswith("</html>")
    assert "KNa2 (1 0 3) appears" in answer.text
    assert answer.headers["content-security-policy"].startswith("sandbox allow-scripts")


def test_the_bundle_is_a_series_folder_that_track_reads(client: httpx.Client, plating: str, project_root: Path, tmp_path: Path) -> None:
    from xrdkna.read.series import read_series

    with zipfile.ZipFile(BytesIO(client.get(f"/api/v1/series/{plating}/bundle").content)) as archive:
        archive.extractall(tmp_path)
    again, original = read_series(tmp_path / "plating"), read_series(project_root / "samples" / "plating")
    assert [entry.name for entry in again.entries] == [entry.name for entry in original.entries]
    assert [entry.start for entry in again.entries] == [entry.start for entry in original.entries]
    assert again.cycling is not None
    assert json.loads((tmp_path / "plating" / "results" / "track.json").read_bytes())["schema"] == "xrdkna.track/1"


@pytest.mark.parametrize(("form", "beginning"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")])
def test_a_figure_is_drawn_in_every_form(client: httpx.Client, plating: str, form: str, beginning: bytes) -> None:
    assert client.get(f"/api/v1/series/{plating}/figure.{form}").content.startswith(beginning)


@pytest.mark.parametrize("command", ["peaks", "index"])
def test_one_scan_is_answered_as_on_the_command_line(
    client: httpx.Client, project_root: Path, command_line: Callable[..., Any], tmp_path: Path, command: str
) -> None:
    scan = project_root / "samples" / "contaminated.xy"
    done = command_line(command, scan, "--radiation", "CuKa", "--radius", "240", "--quiet", "--json", tmp_path / "answer.json")
    assert done.returncode == 0, done.stderr
    answer = client.post(f"/api/v1/{command}", files={"file": (scan.name, scan.read_bytes())}, params={"radiation": "CuKa", "radius": 240})
    assert answer.status_code == 200, answer.text
    assert answer.text == (tmp_path / "answer.json").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("content", "words", "status"),
    [(b"", "the file is empty", 422), (b"%PDF-1.4 nothing", "this is a PDF document", 422), (b"no numbers here\n" * 30, "", 422)],
)
def test_a_failure_is_the_command_lines_sentence(
    client: httpx.Client, command_line: Callable[..., Any], tmp_path: Path, content: bytes, words: str, status: int
) -> None:
    path = tmp_path / "broken.xy"
    path.write_bytes(content)
    done = command_line("index", path, "--radiation", "CuKa")
    answer = client.post("/api/v1/index", files={"file": ("broken.xy", content)}, params={"radiation": "CuKa"})
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert done.returncode == 3
    assert words in answer.json()["detail"]
    assert done.stderr.strip().removeprefix("xrdkna: ").replace(f"{tmp_path}/", "") == answer.json()["detail"]


@pytest.mark.parametrize("options", [{"radiation": "CuKx"}, {"phases": "Unobtainium"}, {"radius": "3"}, {"halo": "kapton=x"}])
def test_wrong_use_is_the_command_lines_sentence(
    client: httpx.Client, command_line: Callable[..., Any], project_root: Path, options: dict[str, str]
) -> None:
    scan = project_root / "samples" / "contaminated.xy"
    (name, value), asked = next(iter(options.items())), {"radiation": "CuKa", **options}
    done = command_line("index", scan, *(word for pair in asked.items() for word in (f"--{pair[0]}", pair[1])))
    answer = client.post("/api/v1/index", files={"file": (scan.name, scan.read_bytes())}, params=asked)
    assert (done.returncode, answer.status_code) == (2, 400)
    assert done.stderr.strip().removeprefix("xrdkna: ") == answer.json()["detail"], (name, value)
