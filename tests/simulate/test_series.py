"""A simulated series: its noise, its files, its truth."""

import csv
import json
import tomllib
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from xrdkna.errors import RecipeError
from xrdkna.records.phases import Reflections
from xrdkna.simulate.recipe_records import Recipe
from xrdkna.simulate.series import simulate_series, write_series

Reader = Callable[[str], Recipe]
Known = Mapping[str, Reflections]

PLATING = """
seed = 7
[instrument]
radiation = "CuKa"
radius_mm = 217.5
[scan]
two_theta = [20, 50]
step = 0.02
count = 6
duration_s = 300
pause_s = 60
start_time = "2024-03-01T08:00:00"
[background]
constant = 100
[[phase]]
name = "Al"
amount = 1
size_nm = 100
[[phase]]
name = "KNa2"
amount = { scan = [1, 1, 4, 4], value = [0, 0.5, 1.0, 0.3] }
size_nm = 60
[[phase.reflection]]
hkl = [1, 0, 3]
factor = { scan = [4, 4], value = [1, 0] }
[cycling]
interval_s = 60
clock_ahead_s = 137
[[cycling.segment]]
state = "rest"
duration_s = 360
[[cycling.segment]]
state = "plating"
current_mA = -0.5
duration_s = 1080
[[cycling.segment]]
state = "rest"
duration_s = 720
"""


def test_counts_scatter_about_the_expectation_as_poisson_says(recipe_of: Reader, reflections: Known) -> None:
    series = simulate_series(recipe_of(PLATING), reflections)
    counts = np.array([scan.intensity for scan in series.scans])
    assert np.all(counts == np.round(counts))
    squares = (counts - series.expected) ** 2 / series.expected
    n = counts.size
    assert squares.mean() == pytest.approx(1.0, abs=5 * np.sqrt(2.0 / n))
    pulls = (counts - series.expected) / np.sqrt(series.expected)
    assert pulls.mean() == pytest.approx(0.0, abs=5 / np.sqrt(n))
    assert np.corrcoef(pulls[0, :-1], pulls[0, 1:])[0, 1] == pytest.approx(0.0, abs=5 / np.sqrt(pulls.shape[1]))


def test_the_same_recipe_gives_the_same_bytes_and_another_seed_other_counts(tmp_path: Path, recipe_of: Reader, reflections: Known) -> None:
    recipe = recipe_of(PLATING)
    for name in ("one", "two"):
        write_series(simulate_series(recipe, reflections), tmp_path / name)
    files = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert files == sorted([*(f"scan_{i:03d}.xy" for i in range(6)), "echem.csv", "scans.csv", "series.toml", "truth.json"])
    for name in files:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    other = simulate_series(recipe_of(PLATING.replace("seed = 7", "seed = 8")), reflections)
    one = np.loadtxt(tmp_path / "one" / "scan_000.xy")
    assert np.mean(one[:, 1] == other.scans[0].intensity) < 0.2


def test_a_longer_series_begins_with_the_same_scans(recipe_of: Reader, reflections: Known) -> None:
    short = simulate_series(recipe_of(PLATING.replace("count = 6", "count = 2")), reflections)
    long = simulate_series(recipe_of(PLATING), reflections)
    assert np.array_equal(short.scans[1].intensity, long.scans[1].intensity)


def test_the_files_say_what_was_simulated(tmp_path: Path, recipe_of: Reader, reflections: Known) -> None:
    series = simulate_series(recipe_of(PLATING), reflections)
    write_series(series, tmp_path / "series")
    table = np.loadtxt(tmp_path / "series" / "scan_003.xy")
    assert np.array_equal(table[:, 0], series.recipe.two_theta)
    assert np.array_equal(table[:, 1], series.scans[3].intensity)
    with (tmp_path / "series" / "scans.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert rows[2] == {"file": "scan_002.xy", "start_time": "2024-03-01T08:12:00", "end_time": "2024-03-01T08:17:00"}
    setup = tomllib.loads((tmp_path / "series" / "series.toml").read_text(encoding="utf-8"))
    assert setup["radiation"] == {"name": "CuKa"}
    assert setup["geometry"] == {"type": "Bragg-Brentano", "radius_mm": 217.5}
    assert setup["cell"] == {"plating_current": "negative"}
    assert json.loads((tmp_path / "series" / "truth.json").read_text(encoding="utf-8")) == dict(series.truth)


def test_the_cycler_writes_its_own_clock_and_the_current_of_every_moment(tmp_path: Path, recipe_of: Reader, reflections: Known) -> None:
    series = simulate_series(recipe_of(PLATING), reflections)
    write_series(series, tmp_path / "series")
    with (tmp_path / "series" / "echem.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    ours = [(datetime.fromisoformat(row["time"]) - datetime(2024, 3, 1, 8)).total_seconds() - 137 for row in rows]
    assert ours[0] == 0.0
    assert ours == sorted(set(ours))
    plating = [t for t, row in zip(ours, rows, strict=True) if float(row["current_mA"]) == -0.5]
    assert (plating[0], plating[-1]) == (360.0, 1439.999)
    assert series.truth["clock_offset_s"] == -137
    assert [scan["state"] for scan in series.truth["scans"]] == ["rest", "plating", "plating", "plating", "rest", "rest"]


def test_the_truth_gives_weight_fractions_of_the_crystalline_part(recipe_of: Reader, reflections: Known) -> None:
    truth = simulate_series(recipe_of(PLATING), reflections).truth
    fractions = [scan["phases"]["KNa2"]["weight_fraction"] for scan in truth["scans"]]
    # mean amounts of the ramp from 0.5 to 1.0 over three sweeps: 0.58, 0.75, 0.92
    mean = [0.0, 0.5 + 0.5 / 6, 0.75, 1.0 - 0.5 / 6, 0.3, 0.3]
    assert fractions == pytest.approx([m / (1 + m) for m in mean], abs=1e-4)
    for scan in truth["scans"]:
        assert sum(phase["weight_fraction"] for phase in scan["phases"].values()) == pytest.approx(1.0)


def test_the_truth_dates_every_event_and_names_its_scans(recipe_of: Reader, reflections: Known) -> None:
    truth = simulate_series(recipe_of(PLATING), reflections).truth
    events = {(event["kind"], tuple(event["hkl"] or ())): event for event in truth["events"]}
    assert set(events) == {("appears", ()), ("appears", (1, 0, 3)), ("weakens", ()), ("vanishes", (1, 0, 3))}
    for hkl in ((), (1, 0, 3)):
        appears = events["appears", hkl]
        assert (appears["after_scan"], appears["before_scan"], appears["time_s"]) == (0, 1, 360.0)
        assert (appears["state"], appears["since_change_s"]) == ("plating", 0.0)
    vanishes = events["vanishes", (1, 0, 3)]
    assert (vanishes["after_scan"], vanishes["before_scan"], vanishes["time"]) == (3, 4, "2024-03-01T08:24:00")
    assert (events["weakens", ()]["after_scan"], events["weakens", ()]["before_scan"]) == (3, 4)


def test_a_phase_that_comes_after_its_line_was_swept_is_first_seen_in_the_next_scan(recipe_of: Reader, reflections: Known) -> None:
    # (103) at 25.7° is passed 57 s into a sweep of 300 s; the phase comes at 150 s of scan 2
    late = PLATING.replace("{ scan = [1, 1, 4, 4], value = [0, 0.5, 1.0, 0.3] }", "{ seconds = [870, 870], value = [0, 1] }")
    truth = simulate_series(recipe_of(late), reflections).truth
    marker = next(event for event in truth["events"] if event["hkl"] == [1, 0, 3] and event["kind"] == "appears")
    assert (marker["after_scan"], marker["before_scan"], marker["time_s"]) == (2, 3, 870.0)
    assert [scan["reflections"][0]["area"] > 0 for scan in truth["scans"]] == [False, False, False, True, False, False]
    assert truth["scans"][2]["phases"]["KNa2"]["amount"] == pytest.approx(0.5, abs=0.01)


def test_a_series_without_change_has_no_events(recipe_of: Reader, reflections: Known) -> None:
    still = PLATING.split('[[phase]]\nname = "KNa2"')[0]
    drift = still + "[displacement]\nper_scan_mm = 0.02\n"
    assert simulate_series(recipe_of(drift), reflections).truth["events"] == []


def test_nothing_crystalline_is_a_truth_too(recipe_of: Reader, reflections: Known) -> None:
    recipe = recipe_of('[instrument]\nradiation = "CuKa"\n[scan]\ntwo_theta = [10, 80]\nstep = 0.02\n[background]\nconstant = 50\n')
    series = simulate_series(recipe, reflections)
    assert series.truth["scans"][0]["phases"] == {}
    assert series.truth["events"] == []
    assert series.scans[0].intensity.mean() == pytest.approx(50, abs=1)


def test_a_folder_that_holds_something_is_refused_and_left_alone(tmp_path: Path, recipe_of: Reader, reflections: Known) -> None:
    series = simulate_series(recipe_of(PLATING.replace("count = 6", "count = 1")), reflections)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "scans.csv").write_text("mine", encoding="utf-8")
    with pytest.raises(RecipeError, match="is not empty; give a new folder"):
        write_series(series, tmp_path / "full")
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["scans.csv"]
    with pytest.raises(RecipeError, match="cannot be written to"):
        write_series(series, tmp_path / "full" / "scans.csv")


def test_a_million_points_are_simulated(recipe_of: Reader, reflections: Known) -> None:
    recipe = recipe_of(PLATING.replace("step = 0.02", "step = 0.0001").replace("count = 6", "count = 1").replace("[20, 50]", "[10, 80]"))
    series = simulate_series(recipe, {"Al": reflections["Al"], "KNa2": reflections["KNa2"]})
    assert series.scans[0].intensity.size == 700_001
