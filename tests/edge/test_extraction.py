"""--lebail and --pawley: intensities from the pattern, on the command line and in the JSON."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]  # conftest's fixture `xrdkna`

CELL_ONLY = """
formula = "Al"
space_group = "F m -3 m"
space_group_number = 225
crystal_system = "cubic"
intensities = "unknown"
source = "a cell without atoms"
[cell]
a = 4.05
b = 4.05
c = 4.05
alpha = 90
beta = 90
gamma = 90
"""


@pytest.fixture
def cell_only(tmp_path: Path) -> Path:
    """A folder with one phase of which cell and symmetry are known, and no atom."""
    folder = tmp_path / "unsolved"
    folder.mkdir()
    (folder / "phase.toml").write_text(CELL_ONLY, encoding="utf-8")
    rows = ["d,I,h,k,l", *(f"1.0,100,{h},{k},{l}" for h, k, l in ((1, 1, 1), (2, 0, 0), (2, 2, 0), (3, 1, 1), (2, 2, 2), (4, 0, 0)))]
    (folder / "lines.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return folder


def answer_of(path: Path, phase: str) -> tuple[dict[str, Any], dict[str, Any]]:
    document = json.loads(path.read_text(encoding="utf-8"))
    return document, next(entry for entry in document["phases"] if entry["phase"] == phase)


@pytest.mark.parametrize("way", ["lebail", "pawley"])
def test_the_json_lists_the_intensities_and_no_weight(way: str, aluminium: Path, tmp_path: Path, xrdkna: Run) -> None:
    told = {}
    for name, options in {"structure": (), way: (f"--{way}", "Al")}.items():
        ran = xrdkna("refine", aluminium, "--radiation", "CuKa", "--phases", "Al", *options, "--json", tmp_path / name, "--quiet")
        assert (ran.status, ran.err) == (0, "")
        told[name] = answer_of(tmp_path / name, "Al")
    document, entry = told[way]
    assert entry["intensities"] == way
    assert entry["weight_fraction"] is None
    assert entry["verdict"] == "present"
    assert all(line["area"]["esd"] > 0.0 for line in entry["reflections"])
    assert any("no weight fraction" in notice["sentence"] for notice in document["notices"])
    cell, other = entry["cell"]["a"], told["structure"][1]["cell"]["a"]
    assert abs(cell["value"] - other["value"]) < 3.0 * cell["esd"]
    assert "reflections" not in told["structure"][1]


def test_a_phase_of_which_only_the_cell_is_known_is_fitted(cell_only: Path, aluminium: Path, tmp_path: Path, xrdkna: Run) -> None:
    answer = tmp_path / "fit.json"
    base = ("refine", aluminium, "--radiation", "CuKa", "--quiet")
    assert xrdkna(*base, "--phases", "Al", "--json", tmp_path / "known.json").status == 0
    ran = xrdkna(*base, "--library", cell_only, "--phases", "unsolved", "--lebail", "unsolved", "--json", answer)
    assert (ran.status, ran.err) == (0, "")
    _, entry = answer_of(answer, "unsolved")
    _, known = answer_of(tmp_path / "known.json", "Al")
    assert entry["verdict"] == "present"
    assert abs(entry["cell"]["a"]["value"] - known["cell"]["a"]["value"]) < 3.0 * entry["cell"]["a"]["esd"]


def test_a_phase_nobody_knows_is_refused(aluminium: Path, xrdkna: Run) -> None:
    ran = xrdkna("refine", aluminium, "--radiation", "CuKa", "--phases", "Al", "--lebail", "Nobody")
    assert ran.status == 2
    assert "Nobody" in ran.sentence


def test_one_phase_is_not_extracted_in_two_ways(aluminium: Path, xrdkna: Run) -> None:
    ran = xrdkna("refine", aluminium, "--radiation", "CuKa", "--phases", "Al", "--lebail", "Al", "--pawley", "Al")
    assert ran.status == 2
    assert "choose one" in ran.sentence
