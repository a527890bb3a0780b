"""Recipes: what is read, and the sentence for everything that cannot be."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xrdkna.errors import RecipeError
from xrdkna.simulate.recipe import read_recipe
from xrdkna.simulate.recipe_records import Recipe
from xrdkna.simulate.schedule import Schedule, Timing, constant_schedule, moments, schedule_per_scan, value_at

Reader = Callable[[str], Recipe]
SMALL = '[instrument]\nradiation = "CuKa"\n[scan]\ntwo_theta = [20, 40]\nstep = 0.02\n'
PHASE = '[[phase]]\nname = "Al"\namount = 1\n'


def test_a_small_recipe_gets_its_defaults(recipe_of: Reader) -> None:
    recipe = recipe_of(SMALL + PHASE)
    assert recipe.two_theta.size == 1001
    assert recipe.two_theta_range == (20.0, 40.0)
    assert (recipe.timing.count, recipe.names, recipe.peak_counts, recipe.scale) == (1, ("scan_000",), 5000.0, None)
    assert recipe.start_time == datetime(2021, 5, 5, 9)
    assert recipe.cycling is None
    assert len(recipe.digest) == 64


@pytest.mark.parametrize(
    ("text", "key", "remedy"),
    [
        ("[instrument\n", "not TOML", "correct"),
        ("[instrument]\nradiation = 1.54\n", "scan.two_theta is missing", "add it"),
        ("[scan]\ntwo_theta = [10, 80]\nstep = 0.02\n" + PHASE, "instrument.radiation is missing", "add it"),
        (SMALL.replace("CuKa", "Unobtainium") + PHASE, "instrument.radiation is 'Unobtainium'", "CuKa"),
        (SMALL.replace("[20, 40]", "[40, 20]") + PHASE, "scan.two_theta runs from 40 to 20", "rising"),
        (SMALL.replace("[20, 40]", "[20]") + PHASE, "scan.two_theta is [20]", "2 numbers"),
        (SMALL.replace("step = 0.02", "step = -0.02") + PHASE, "scan.step is -0.02", "between"),
        (SMALL.replace("step = 0.02", 'step = "fine"') + PHASE, "scan.step is 'fine'", "number"),
        (SMALL.replace("step = 0.02", "step = nan") + PHASE, "scan.step is nan", "finite"),
        (SMALL + "count = 0\n" + PHASE, "scan.count is 0", "whole number"),
        (SMALL + "count = 2.5\n" + PHASE, "scan.count is 2.5", "whole number"),
        (SMALL + "duration_s = -1\n" + PHASE, "scan.duration_s is -1", "or more"),
        (SMALL + 'start_time = "yesterday"\n' + PHASE, "scan.start_time is 'yesterday'", "ISO 8601"),
        (SMALL + 'count = 2\nnames = ["a", "a"]\n' + PHASE, "scan.names holds 1 different names for 2 scans", "own name"),
        (SMALL + 'names = ["../a"]\n' + PHASE, "scan.names holds '../a'", "file names"),
        (SMALL + "speed = 3\n" + PHASE, "scan.speed is not known", "remove it"),
        ("colour = 3\n" + SMALL + PHASE, "colour is not known", "remove it"),
        ("seed = -1\n" + SMALL + PHASE, "seed is -1", "whole number"),
        (SMALL, "phase is missing", "something that scatters"),
        (SMALL + PHASE + PHASE, "phase names Al twice", "once"),
        (SMALL + "[[phase]]\namount = 1\n", "phase[1].name is missing", "add it"),
        (SMALL + '[[phase]]\nname = "Al"\n', "phase[1].amount is missing", "add it"),
        (SMALL + PHASE.replace("1", "-1"), "phase[1].amount is -1", "0 or more"),
        (SMALL + PHASE.replace("1", "{ scan = [0, 1], value = [1, -2] }"), "phase[1].amount is -2", "0 or more"),
        (SMALL + PHASE.replace("1", "{ scan = [1, 0], value = [1, 2] }"), "phase[1].amount.scan goes back", "rising"),
        (SMALL + PHASE.replace("1", "{ scan = [0, 1], value = [1] }"), "phase[1].amount.value is [1]", "2 numbers"),
        (SMALL + PHASE.replace("1", "{ value = [1] }"), "phase[1].amount.scan has no axis", "scan and seconds"),
        (SMALL + PHASE.replace("1", "{ scan = [0], seconds = [0], value = [1] }"), "has both axes", "one of"),
        (SMALL + PHASE.replace("1", "{ per_scan = [1, 2] }"), "per_scan holds 2 numbers for 1 scans", "one number for each"),
        (SMALL + PHASE.replace("1", "{ per_scan = [1], value = [1] }"), "phase[1].amount.value is not known", "remove"),
        (SMALL + PHASE + "size_nm = -4\n", "phase[1].size_nm is -4", "between"),
        (SMALL + PHASE + "colour = 4\n", "phase[1].colour is not known", "remove it"),
        (SMALL + PHASE + "cell = { a = 4.05, q = 1 }\n", "phase[1].cell.q is not known", "remove it"),
        (SMALL + PHASE + "cell = { a = 4.05 }\nstrain = { a = 0.001 }\n", "phase[1].strain.a is also given in cell", "not both"),
        (SMALL + PHASE + "texture = { axis = [0, 0, 0], r = 1 }\n", "phase[1].texture.axis is [0, 0, 0]", "not all zero"),
        (SMALL + PHASE + "texture = { axis = [0, 0, 1], r = 0 }\n", "phase[1].texture.r is 0", "between"),
        (SMALL + PHASE + "[[phase.reflection]]\nhkl = [1, 1]\nfactor = 1\n", "phase[1].reflection[1].hkl is [1, 1]", "three"),
        (SMALL + PHASE + "[[phase.reflection]]\nhkl = [1, 1, 1]\nfactor = -1\n", "reflection[1].factor is -1", "or more"),
        (SMALL + PHASE + "[intensity]\nscale = 1\npeak_counts = 5\n", "intensity.scale contradicts", "one of the two"),
        (SMALL + PHASE + "[intensity]\npeak_counts = -5\n", "intensity.peak_counts is -5", "between"),
        (SMALL + PHASE + "[intensity]\ntube = -5\n", "intensity.tube is -5", "or more"),
        (SMALL + PHASE + "[background]\nconstant = -5\n", "background.constant is -5", "or more"),
        (SMALL + PHASE + "[displacement]\nstart_mm = 500\n", "displacement.start_mm is 500", "between"),
        (SMALL + '[[halo]]\nname = "a"\nfwhm = 3\narea = 5\n', "halo[1].two_theta and q are both missing", "one of them"),
        (SMALL + '[[halo]]\nname = "a"\nq = 1\ntwo_theta = 9\nfwhm = 3\narea = 5\n', "and q are both given", "one of them"),
        (SMALL + PHASE + "[cycling]\n", "cycling.segment is missing", "leave out"),
        (SMALL + PHASE + '[cycling]\nplating_current = "up"\n', "cycling.plating_current is 'up'", "negative or positive"),
        (
            SMALL + PHASE + '[[cycling.segment]]\nstate = "plating"\ncurrent_mA = 1\nduration_s = 5\n',
            "cycling.segment[1].current_mA is 1 while the state is plating",
            "negative",
        ),
        (SMALL + PHASE + '[[cycling.segment]]\nstate = "sleep"\nduration_s = 5\n', "segment[1].state is 'sleep'", "one of"),
        (SMALL.replace('"CuKa"', '"CuKa"\ngeometry = "Laue"') + PHASE, "instrument.geometry is 'Laue'", "Debye-Scherrer"),
        (SMALL.replace('"CuKa"', '"CuKa"\nradius_mm = -3') + PHASE, "instrument.radius_mm is -3", "between"),
    ],
)
def test_a_wrong_recipe_gets_one_sentence_with_file_key_and_remedy(text: str, key: str, remedy: str, recipe_of: Reader) -> None:
    with pytest.raises(RecipeError) as raised:
        recipe_of(text)
    sentence = str(raised.value)
    assert sentence.startswith("recipe.toml")
    assert key in sentence
    assert remedy in sentence
    assert sentence.endswith(".")
    assert "\n" not in sentence


def test_a_recipe_that_is_not_there_or_a_folder_or_not_text_gets_its_sentence(tmp_path: Path) -> None:
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe\x00\x01")
    for path in (tmp_path / "absent.toml", tmp_path, tmp_path / "bytes.toml"):
        with pytest.raises(RecipeError, match=path.name):
            read_recipe(path)


def test_a_step_takes_its_later_value_at_the_start_of_the_scan() -> None:
    timing = Timing(count=3, duration=100.0, pause=20.0)
    schedule = schedule_per_scan(np.array([5.0, 6.0, 7.0]))
    seconds = np.array([0.0, 99.9, 110.0, 119.9, 120.0, 239.0, 240.0, 900.0])
    assert value_at(schedule, seconds, timing=timing).tolist() == [5, 5, 5, 5, 6, 6, 7, 7]
    assert moments(schedule, timing=timing)[1:3] == (120.0, 120.0)


def test_a_schedule_in_scan_numbers_is_linear_within_a_sweep_and_still_in_a_pause() -> None:
    timing = Timing(count=3, duration=100.0, pause=20.0)
    ramp = Schedule(axis="scan", at=np.array([0.0, 2.0]), value=np.array([0.0, 2.0]))
    found = value_at(ramp, np.array([50.0, 100.0, 115.0, 120.0, 170.0]), timing=timing)
    assert found == pytest.approx([0.5, 1.0, 1.0, 1.0, 1.5], abs=1e-6)


@given(st.lists(st.floats(0, 1e4), min_size=1, max_size=6), st.lists(st.floats(-100, 1e4), min_size=1, max_size=20))
def test_a_schedule_never_leaves_the_range_of_its_points(values: list[float], seconds: list[float]) -> None:
    timing = Timing(count=5, duration=100.0, pause=1.0)
    schedule = Schedule(axis="seconds", at=np.cumsum(np.abs(values)), value=np.array(values))
    found = value_at(schedule, np.array(seconds), timing=timing)
    assert np.all((found >= min(values) - 1e-6) & (found <= max(values) + 1e-6))


@given(st.floats(0, 1e6), st.floats(-1e5, 1e5))
def test_a_constant_schedule_is_constant(value: float, seconds: float) -> None:
    timing = Timing(count=1, duration=1.0, pause=0.0)
    assert value_at(constant_schedule(value), np.array([seconds]), timing=timing)[0] == value
