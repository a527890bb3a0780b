"""The samples are what their recipes and sidecars say."""

import csv
import json
import tomllib
from pathlib import Path

import numpy as np
import pytest

from xrdkna.phases.library import load_library
from xrdkna.phases.reflections import reflections_of
from xrdkna.simulate.recipe import read_recipe
from xrdkna.simulate.series import SimulatedSeries, simulate_series

SAMPLES = Path(__file__).resolve().parents[2] / "samples"
RECIPES = sorted(SAMPLES.glob("*.recipe.toml"))


def simulated(path: Path) -> SimulatedSeries:
    recipe = read_recipe(path)
    library = load_library()
    wanted = {phase.name: library.phases[phase.name] for phase in recipe.phases}
    top = recipe.reflections_wanted_to
    return simulate_series(
        recipe, {name: reflections_of(phase, instrument=recipe.instrument, two_theta_max=top) for name, phase in wanted.items()}
    )


def files_of(path: Path, series: SimulatedSeries) -> list[Path]:
    name = path.name.removesuffix(".recipe.toml")
    single = len(series.scans) == 1
    return [SAMPLES / f"{name}.xy" if single else SAMPLES / name / f"{scan.name}.xy" for scan in series.scans]


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.name.split(".")[0])
def test_a_sample_holds_the_counts_its_recipe_expects(path: Path) -> None:
    series = simulated(path)
    measured = np.array([np.loadtxt(file)[:, 1] for file in files_of(path, series)])
    squares = (measured - series.expected) ** 2 / series.expected
    assert squares.mean() == pytest.approx(1.0, abs=5 * np.sqrt(2.0 / squares.size))
    folder = SAMPLES / path.name.removesuffix(".recipe.toml")
    if folder.is_dir():
        written = json.loads((folder / "truth.json").read_text(encoding="utf-8"))
        assert written["recipe_sha256"] == series.truth["recipe_sha256"]
        assert written["events"] == series.truth["events"]


@pytest.mark.parametrize("name", ["contaminated", "empty"])
def test_the_sidecar_of_a_scan_gives_its_true_weights(name: str) -> None:
    truth = simulated(SAMPLES / f"{name}.recipe.toml").truth["scans"][0]["phases"]
    said = tomllib.loads((SAMPLES / f"{name}.toml").read_text(encoding="utf-8"))["truth"]["weight_fractions"]
    assert {phase: facts["weight_fraction"] for phase, facts in truth.items()} == pytest.approx(said, abs=5e-5)


def test_the_plating_sample_tells_the_story_of_the_paper() -> None:
    truth = json.loads((SAMPLES / "plating" / "truth.json").read_text(encoding="utf-8"))
    events = {(e["kind"], e["phase"], tuple(e["hkl"] or ())): (e["after_scan"], e["before_scan"]) for e in truth["events"]}
    assert events == {
        ("appears", "K", ()): (2, 3),
        ("appears", "KNa2", ()): (2, 3),
        ("appears", "KNa2", (1, 0, 3)): (2, 3),
        ("vanishes", "KNa2", (1, 0, 3)): (9, 10),
        ("weakens", "KNa2", ()): (9, 10),
    }
    states = [scan["state"] for scan in truth["scans"]]
    assert states == ["rest"] * 3 + ["plating"] * 7 + ["rest"] * 4
    assert all("K2CO3" not in scan["phases"] for scan in truth["scans"])
    control = json.loads((SAMPLES / "control" / "truth.json").read_text(encoding="utf-8"))
    assert [(e["kind"], e["phase"]) for e in control["events"]] == [("appears", "K")]


def test_every_sample_has_a_sidecar_with_origin_and_truth_and_all_are_small() -> None:
    names = {path.name.split(".")[0] for path in SAMPLES.iterdir() if path.suffix in (".xy", ".csv") or path.is_dir()}
    for name in names:
        sidecar = tomllib.loads((SAMPLES / f"{name}.toml").read_text(encoding="utf-8"))
        assert sidecar["origin"]
        assert sidecar["truth"]
    assert sum(path.stat().st_size for path in SAMPLES.rglob("*") if path.is_file()) < 3e6


def test_the_published_lists_hold_the_lines_that_the_paper_prints() -> None:
    def lines(name: str) -> list[tuple[float, str]]:
        with (SAMPLES / name).open(encoding="utf-8") as file:
            return [(float(row["two_theta"]), row["phase"]) for row in csv.DictReader(file)]

    k, alloy = "K", "KNa2"
    assert lines("paper_lines.csv") == [
        *((23.5, k), (24.5, alloy), (25.7, alloy), (28.4, alloy), (30.8, alloy)),
        *((31.6, ""), (41.7, k), (42.6, alloy), (55.8, alloy)),
    ]
    assert [angle for angle, phase in lines("paper_lines_exsitu.csv") if phase == k] == [23.5, 33.5, 41.7, 48.1, 65.5]
    assert [angle for angle, phase in lines("paper_lines_exsitu.csv") if phase == "K2CO3"] == [30.4, 31.8]
