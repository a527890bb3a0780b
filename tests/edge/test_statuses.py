"""How a command line ends: a status that a script can rely on, and one sentence where there is no answer."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from xrdkna.edge.cli import run
from xrdkna.edge.errors import exit_status, sentence_of
from xrdkna.edge.options import GEOMETRY_NAMES
from xrdkna.edge.request import RADIUS_RANGE_MM
from xrdkna.errors import CifError, CyclingError, DeclinedError, PhaseChoiceError, RadiationError, RecipeError, RecordError, XrdknaError
from xrdkna.physics.radiation import radiation_from_text
from xrdkna.records.instrument import GEOMETRIES, Instrument

Run = Callable[..., Any]  # conftest's fixture `xrdkna`

ONE_SCAN = ("peaks", "index", "refine")


@pytest.mark.parametrize(
    ("kind", "status"),
    [(DeclinedError, 1), (RadiationError, 2), (PhaseChoiceError, 2), (RecipeError, 2), (CifError, 3), (CyclingError, 3), (RecordError, 3)],
)
def test_each_kind_of_failure_has_the_status_of_the_contract(kind: type[XrdknaError], status: int) -> None:
    assert exit_status(kind("why")) == status


def test_a_message_of_many_lines_becomes_one_sentence() -> None:
    assert sentence_of(ValueError("first\n  second\tthird")) == "first second third"
    assert sentence_of(ZeroDivisionError()) == "ZeroDivisionError"


def test_what_the_command_line_knows_of_the_records_agrees_with_them() -> None:
    assert GEOMETRY_NAMES == GEOMETRIES
    for radius in RADIUS_RANGE_MM:
        assert Instrument(radiation=radiation_from_text("CuKa"), radius_mm=radius).radius_mm == radius


@pytest.mark.parametrize(
    "words",
    [
        ["nonsense"],
        ["--nonsense"],
        ["peaks"],
        ["peaks", "a.xy", "b.xy"],
        ["peaks", "a.xy", "--radius", "wide"],
        ["peaks", "a.xy", "--geometry", "round"],
        ["index"],
        ["index", "a.xy", "--lines", "b.csv"],
        ["track"],
        ["simulate", "recipe.toml"],
        ["phases", "--show", "K", "--overlaps"],
        ["phases", "--overlaps", "--width", "0", "--radiation", "CuKa"],
    ],
    ids=" ".join,
)
def test_wrong_use_is_one_sentence_and_status_2(words: list[str], xrdkna: Run) -> None:
    ran = xrdkna(*words)
    assert ran.status == 2
    assert ran.sentence
    assert not ran.out


def test_the_program_alone_shows_its_help_on_standard_error_with_status_2(xrdkna: Run) -> None:
    ran = xrdkna()
    assert ran.status == 2
    assert not ran.out
    assert "Commands:" in ran.err


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["track", "--help"], ["phases", "-h"]], ids=" ".join)
def test_help_and_version_are_answers(words: list[str], xrdkna: Run) -> None:
    ran = xrdkna(*words)
    assert ran.status == 0
    assert ran.out
    assert not ran.err


@pytest.mark.parametrize("command", ONE_SCAN)
@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("missing.xy", None),
        ("empty.xy", b""),
        ("blank.xy", b"\n\n  \n"),
        ("words.xy", b"the quick brown fox\njumps over\n"),
        ("binary.xy", bytes(range(256)) * 40),
        ("one.xy", b"25.66 1000\n"),
        ("allnan.xy", b"".join(b"%.2f nan\n" % (20 + 0.02 * k) for k in range(500))),
        ("cut.xrdml", b'<?xml version="1.0" encoding="UTF-8"?>\n<xrdMeasurements xmlns="http://www.xrdml.com/XRDMeasurement/1.5"><xrdMea'),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_scan_that_cannot_be_read_is_named_in_one_sentence(
    command: str, name: str, content: bytes | None, tmp_path: Path, xrdkna: Callable
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    ran = xrdkna(command, path, "--radiation", "CuKa")
    assert ran.status == 3
    assert name in ran.sentence
    assert not ran.out


@pytest.mark.parametrize("command", [*ONE_SCAN, "track"])
def test_a_folder_for_a_file_and_a_file_for_a_folder_are_refused(command: str, aluminium: Path, tmp_path: Path, xrdkna: Run) -> None:
    ran = xrdkna(command, aluminium if command == "track" else tmp_path, "--radiation", "CuKa")
    assert ran.status == 3
    assert str(aluminium if command == "track" else tmp_path) in ran.sentence


@pytest.mark.parametrize("command", ONE_SCAN)
def test_without_a_wavelength_nothing_is_assumed(command: str, aluminium: Path, xrdkna: Run) -> None:
    ran = xrdkna(command, aluminium)
    assert ran.status == 2
    assert "--radiation" in ran.sentence
    assert not ran.out


@pytest.mark.parametrize("radiation", ["Unobtainium", "0", "-1", "nan", "inf", "1e9", ""])
def test_a_radiation_that_is_none_is_refused(radiation: str, aluminium: Path, xrdkna: Run) -> None:
    ran = xrdkna("peaks", aluminium, "--radiation", radiation)
    assert ran.status == 2
    assert "ångström" in ran.sentence


@pytest.mark.parametrize("radius", ["0", "-240", "nan", "inf", "0.24"])
def test_a_radius_that_no_goniometer_has_is_refused(radius: str, aluminium: Path, xrdkna: Run) -> None:
    ran = xrdkna("peaks", aluminium, "--radiation", "CuKa", "--radius", radius)
    assert ran.status == 2
    assert "--radius" in ran.sentence


@pytest.mark.parametrize("command", ["index", "refine"])
def test_an_unknown_phase_is_refused_with_the_ones_there_are(command: str, aluminium: Path, xrdkna: Run) -> None:
    ran = xrdkna(command, aluminium, "--radiation", "CuKa", "--phases", "Al,Kryptonite")
    assert ran.status == 2
    assert "Kryptonite" in ran.sentence
    assert "KNa2" in ran.sentence
    assert "--cif" in ran.sentence


@pytest.mark.parametrize("content", [b"", b"not a CIF", b"data_x\n_cell_length_a 4\n", None], ids=["empty", "words", "cell", "missing"])
def test_a_structure_that_is_none_is_named(content: bytes | None, aluminium: Path, tmp_path: Path, xrdkna: Run) -> None:
    cif = tmp_path / "mystery.cif"
    if content is not None:
        cif.write_bytes(content)
    ran = xrdkna("index", aluminium, "--radiation", "CuKa", "--cif", cif)
    assert ran.status == 3
    assert "mystery.cif" in ran.sentence


@pytest.mark.parametrize(("option", "name"), [("--json", "a.json"), ("--csv", "a.csv"), ("--html", "a.html"), ("--plot", "a.png")])
def test_an_output_that_cannot_be_written_is_refused_before_the_work(
    option: str, name: str, aluminium: Path, tmp_path: Path, xrdkna: Run
) -> None:
    start = time.perf_counter()
    ran = xrdkna("index", aluminium, "--radiation", "CuKa", option, tmp_path / "nowhere" / name)
    assert ran.status == 2
    assert option in ran.sentence
    assert "nowhere" in ran.sentence
    assert not ran.out
    assert time.perf_counter() - start < 2.0


@pytest.mark.parametrize("option", ["--json", "--csv", "--html", "--plot"])
def test_a_folder_is_no_output(option: str, aluminium: Path, tmp_path: Path, xrdkna: Run) -> None:
    ran = xrdkna("index", aluminium, "--radiation", "CuKa", option, tmp_path)
    assert ran.status == 2
    assert option in ran.sentence


def test_a_figure_of_an_unknown_kind_is_refused_with_the_kinds_there_are(aluminium: Path, tmp_path: Path, xrdkna: Run) -> None:
    ran = xrdkna("peaks", aluminium, "--radiation", "CuKa", "--plot", tmp_path / "figure.docx")
    assert ran.status == 2
    assert ".pdf" in ran.sentence


@pytest.mark.parametrize("marker", ["KNa2", "103", "KNa2 one zero three", "KNa2 000"])
def test_a_marker_that_is_no_reflection_is_refused(marker: str, tmp_path: Path, xrdkna: Run) -> None:
    ran = xrdkna("track", tmp_path, "--marker", marker)
    assert ran.status == 2
    assert "KNa2 103" in ran.sentence


def test_an_empty_folder_is_no_series(tmp_path: Path, xrdkna: Run) -> None:
    ran = xrdkna("track", tmp_path, "--radiation", "CuKa")
    assert ran.status == 3
    assert str(tmp_path) in ran.sentence


@pytest.mark.parametrize("content", [b"", b"[scan\n", b"nonsense = 1\n", None], ids=["empty", "broken", "nonsense", "missing"])
def test_a_recipe_that_contradicts_itself_is_named(content: bytes | None, tmp_path: Path, xrdkna: Run) -> None:
    recipe = tmp_path / "recipe.toml"
    if content is not None:
        recipe.write_bytes(content)
    ran = xrdkna("simulate", recipe, tmp_path / "series")
    assert ran.status == 2
    assert "recipe.toml" in ran.sentence
    assert not (tmp_path / "series").exists()


def broken_reader(path: Path) -> None:
    raise ZeroDivisionError(f"division\nby zero in {path}")


def test_an_unforeseen_failure_is_one_sentence_that_repeats_the_command(
    monkeypatch: pytest.MonkeyPatch, aluminium: Path, xrdkna: Run
) -> None:
    monkeypatch.setattr("xrdkna.read.formats.read_scan", broken_reader)
    ran = xrdkna("peaks", aluminium, "--radiation", "CuKa")
    assert ran.status == 3
    assert f"xrdkna peaks {aluminium}" in ran.any_sentence
    assert "division by zero" in ran.any_sentence


def test_whoever_debugs_sees_the_traceback(monkeypatch: pytest.MonkeyPatch, aluminium: Path, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("xrdkna.read.formats.read_scan", broken_reader)
    monkeypatch.setenv("XRDKNA_DEBUG", "1")
    assert run(["peaks", str(aluminium), "--radiation", "CuKa"]) == 3
    assert "Traceback" in capfd.readouterr().err


def test_a_reader_that_stops_listening_ends_the_program_quietly() -> None:
    code = "import sys; from xrdkna.edge.cli import run; sys.exit(run(['phases', '--show', 'K2CO3', '--radiation', 'CuKa']))"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert not process.stderr.read()
        assert process.wait(timeout=60) == 141


def test_an_interrupt_is_one_sentence_and_the_status_shells_expect() -> None:
    code = (
        "import signal, sys, time, xrdkna.read.formats as formats\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a job in the background inherits deaf ears
        "formats.read_scan = lambda path: (print('ready', flush=True), time.sleep(30))\n"
        "from xrdkna.edge.cli import run\n"
        "sys.exit(run(['peaks', 'scan.xy', '--radiation', 'CuKa']))"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        assert process.stderr.read() == "xrdkna: stopped before there was an answer.\n"
        assert process.wait(timeout=60) == 130
