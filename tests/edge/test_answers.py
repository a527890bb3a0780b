"""What a command line answers with: the same thing as text, JSON, table, page and figure, each where it was asked for."""

import csv
import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]  # conftest's fixture `xrdkna`
Numbers = Callable[[object], Iterator[float]]

CU = ("--radiation", "CuKa")


def d_of_aluminium(*hkl: int) -> float:
    return 4.0495 / math.hypot(*hkl)


def test_peaks_finds_the_planted_lines_within_their_esds(aluminium: Path, xrdkna: Run) -> None:
    ran = xrdkna("peaks", aluminium, *CU, "--json", "-")
    assert ran.status == 0
    document = json.loads(ran.out)
    assert document["schema"] == "xrdkna.peaks/1"
    planted = [d_of_aluminium(1, 1, 1), d_of_aluminium(2, 0, 0), d_of_aluminium(2, 2, 0), d_of_aluminium(3, 1, 1), d_of_aluminium(2, 2, 2)]
    assert len(document["peaks"]) == len(planted)
    for peak, d in zip(document["peaks"], planted, strict=True):
        assert abs(peak["d"]["value"] - d) < 5.0 * peak["d"]["esd"]
        assert peak["d"]["esd"] < 0.001


def test_index_calls_aluminium_and_nothing_else(aluminium: Path, xrdkna: Run) -> None:
    ran = xrdkna("index", aluminium, *CU, "--json", "-")
    assert ran.status == 0
    document = json.loads(ran.out)
    assert document["schema"] == "xrdkna.index/1"
    assert [phase["phase"] for phase in document["phases"] if phase["verdict"] == "present"] == ["Al"]
    assert {peak["status"] for peak in document["peaks"]} == {"indexed"}
    assert [peak["assignments"][0]["hkl"] for peak in document["peaks"][:2]] == [[1, 1, 1], [2, 0, 0]]


def test_refine_gives_back_the_planted_cell(aluminium: Path, xrdkna: Run) -> None:
    ran = xrdkna("refine", aluminium, *CU, "--phases", "Al", "--json", "-")
    assert ran.status == 0
    document = json.loads(ran.out)
    (phase,) = (phase for phase in document["phases"] if phase["phase"] == "Al")
    cell = phase["cell"]["a"]
    assert abs(cell["value"] - 4.0495) < 5.0 * cell["esd"]
    assert cell["esd"] < 0.001


@pytest.mark.parametrize("command", ["peaks", "index", "refine"])
def test_json_on_standard_output_is_all_there_is_on_it(command: str, aluminium: Path, xrdkna: Run, numbers_in: Numbers) -> None:
    ran = xrdkna(command, aluminium, *CU, "--json", "-", *(() if command == "peaks" else ("--phases", "Al")))
    document = json.loads(ran.out, parse_constant=lambda name: pytest.fail(f"{name} in JSON"))
    assert all(math.isfinite(number) for number in numbers_in(document))
    assert all(line.startswith(("note: ", "fit: ")) for line in ran.err.splitlines())


def test_every_form_of_an_answer_goes_to_its_file_and_quiet_leaves_the_terminal_alone(aluminium: Path, tmp_path: Path, xrdkna: Run) -> None:
    files = {option: tmp_path / f"answer.{option}" for option in ("json", "csv", "html")} | {"plot": tmp_path / "answer.png"}
    options = [word for option, path in files.items() for word in (f"--{option}", str(path))]
    ran = xrdkna("index", aluminium, *CU, "--phases", "Al", "--quiet", *options)
    assert (ran.status, ran.out, ran.err) == (0, "", "")
    document = json.loads(files["json"].read_text(encoding="utf-8"))
    rows = list(csv.DictReader(files["csv"].read_text(encoding="utf-8-sig").splitlines()))
    assert len(rows) >= len(document["peaks"])
    assert files["plot"].read_bytes().startswith(b"\x89PNG")
    page = files["html"].read_text(encoding="utf-8")
    assert page.lstrip().lower().startswith("<!doctype html>")
    assert 'src="http' not in page


def test_the_terminal_and_the_json_say_the_same(aluminium: Path, tmp_path: Path, xrdkna: Run) -> None:
    ran = xrdkna("index", aluminium, *CU, "--phases", "Al,K", "--json", tmp_path / "a.json")
    document = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))
    assert ran.status == 0
    for phase in document["phases"]:
        assert phase["phase"] in ran.out
    assert f"{document['agreement']['rwp'] * 100:.3g} %" in ran.out


def test_the_radiation_on_the_command_line_decides_what_the_lines_mean(aluminium: Path, xrdkna: Run) -> None:
    copper = json.loads(xrdkna("peaks", aluminium, *CU, "--json", "-").out)
    twice = json.loads(xrdkna("peaks", aluminium, "--radiation", "3.0811858:1,3.0888548:0.5", "--json", "-").out)
    assert twice["peaks"][0]["d"]["value"] / copper["peaks"][0]["d"]["value"] == pytest.approx(2.0, rel=1e-6)


ONE_SCAN = (("peaks",), ("index", "--phases", "Al,K"), ("refine", "--phases", "Al"))


def aluminium_is_found(command: str, document: dict[str, Any]) -> None:
    """The first line of the planted powder where it belongs, and for those that name phases, aluminium."""
    first = document["peaks"][0]["d"]
    assert abs(first["value"] - d_of_aluminium(1, 1, 1)) < 5.0 * first["esd"]
    if command != "peaks":
        assert "Al" in [phase["phase"] for phase in document["phases"] if phase["verdict"] == "present"]


@pytest.mark.parametrize("words", ONE_SCAN, ids=lambda words: words[0])
def test_nan_bearing_points_are_left_out_and_said_to_be(words: tuple[str, ...], aluminium: Path, tmp_path: Path, xrdkna: Run) -> None:
    lines = aluminium.read_text().splitlines()
    holed = tmp_path / "holed.xy"
    holed.write_text("\n".join(line.split()[0] + " nan" if 600 <= k < 610 else line for k, line in enumerate(lines)) + "\n")
    ran = xrdkna(*words, holed, *CU, "--json", "-")
    assert ran.status == 0
    document = json.loads(ran.out)
    assert document["scan"]["points"] == len(lines) - 10
    assert any("10" in notice["sentence"] for notice in document["notices"])
    aluminium_is_found(words[0], document)


@pytest.mark.parametrize("words", ONE_SCAN, ids=lambda words: words[0])
def test_a_scan_cut_off_in_the_middle_of_a_line_is_read_up_to_there(
    words: tuple[str, ...], aluminium: Path, tmp_path: Path, xrdkna: Run
) -> None:
    whole = aluminium.read_bytes()
    cut = tmp_path / "cut.xy"
    cut.write_bytes(whole[: len(whole) // 2] + b"\n59.9")
    ran = xrdkna(*words, cut, *CU, "--json", "-")
    assert ran.status == 0
    document = json.loads(ran.out)
    assert document["scan"]["two_theta_range"][1] < 61.0
    aluminium_is_found(words[0], document)


@pytest.mark.slow
@pytest.mark.parametrize("words", ONE_SCAN, ids=lambda words: words[0])
def test_a_million_points_are_answered(words: tuple[str, ...], million: Path, xrdkna: Run) -> None:
    ran = xrdkna(*words, million, *CU, "--json", "-")
    assert ran.status == 0
    document = json.loads(ran.out)
    assert document["scan"]["points"] == 1_000_000
    aluminium_is_found(words[0], document)


@pytest.mark.parametrize("words", ONE_SCAN[1:], ids=lambda words: words[0])
def test_two_points_are_too_few_for_an_answer_and_that_is_said(words: tuple[str, ...], tmp_path: Path, xrdkna: Run) -> None:
    path = tmp_path / "two.xy"
    path.write_text("25.66 1000\n25.68 1010\n")
    ran = xrdkna(*words, path, *CU)
    assert ran.status in (1, 3)
    assert "two" in ran.sentence
    assert not ran.out


def test_two_points_make_no_peak_and_no_halo(tmp_path: Path, xrdkna: Run) -> None:
    path = tmp_path / "two.xy"
    path.write_text("25.66 1000\n25.68 9000\n")
    ran = xrdkna("peaks", path, *CU, "--json", "-")
    assert ran.status == 0
    document = json.loads(ran.out)
    assert document["peaks"] == []
    assert document["halo"]["verdict"] == "absent"


@pytest.mark.parametrize("header", ["two_theta", "d"])
def test_a_published_line_is_checked_against_the_library(header: str, tmp_path: Path, xrdkna: Run) -> None:
    lines = tmp_path / "lines.csv"
    rows = {"two_theta": (23.60, 33.61, 41.48, 48.27), "d": (3.767, 2.664, 2.175, 1.884)}[header]
    lines.write_text("\n".join([header, *map(str, rows)]) + "\n")
    ran = xrdkna("index", "--lines", lines, *CU, "--phases", "K,Al", "--json", "-")
    assert ran.status == 0
    document = json.loads(ran.out)
    assert [peak["assignments"][0]["hkl"] for peak in document["peaks"]] == [[1, 1, 0], [2, 0, 0], [2, 1, 1], [2, 2, 0]]
    assert {assignment["phase"] for peak in document["peaks"] for assignment in peak["assignments"]} == {"K"}


def test_a_published_list_without_angles_or_spacings_is_refused(tmp_path: Path, xrdkna: Run) -> None:
    lines = tmp_path / "lines.csv"
    lines.write_text("phase,h,k,l\nK,1,1,0\n")
    ran = xrdkna("index", "--lines", lines, *CU)
    assert ran.status == 3
    assert "two_theta" in ran.sentence
