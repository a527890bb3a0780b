"""The parameter file of `xrdkna refine`."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from xrdkna.edge.parameters import read_parameters
from xrdkna.errors import RecipeError
from xrdkna.refine.settings import ParameterChoice

Run = Callable[..., Any]  # conftest's fixture `xrdkna`


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "choices.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_values_bounds_holds_and_ties_are_read(tmp_path: Path) -> None:
    path = written(tmp_path, '[a_K]\nvalue = 5.33\nlower = 5\nupper = 6\n[zero]\nvary = false\n[b_X]\nexpr = "2 * a_K"\n')
    assert read_parameters(path) == {
        "a_K": ParameterChoice(value=5.33, lower=5.0, upper=6.0),
        "zero": ParameterChoice(vary=False),
        "b_X": ParameterChoice(expr="2 * a_K"),
    }


@pytest.mark.parametrize(
    "text",
    [
        "a_K = 5.33\n",
        "[a_K]\nstart = 5.33\n",
        '[a_K]\nvalue = "large"\n',
        "[a_K]\nvalue = nan\n",
        "[a_K]\nupper = inf\n",
        "[a_K]\nvalue = true\n",
        '[a_K]\nvary = "no"\n',
        "[a_K]\nexpr = 3\n",
        '[a_K]\nexpr = "b_X"\nvary = true\n',
        "[a_K\n",
    ],
    ids=lambda text: text.replace("\n", " "),
)
def test_what_cannot_be_meant_is_refused_with_the_name_of_the_file(text: str, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"choices\.toml"):
        read_parameters(written(tmp_path, text))


def test_a_missing_parameter_file_is_wrong_use(aluminium: Path, tmp_path: Path, xrdkna: Run) -> None:
    ran = xrdkna("refine", aluminium, "--radiation", "CuKa", "--phases", "Al", "--parameters", tmp_path / "none.toml")
    assert ran.status == 2
    assert "none.toml" in ran.sentence


def test_a_held_cell_stays_where_it_was_put(aluminium: Path, tmp_path: Path, xrdkna: Run) -> None:
    path = written(tmp_path, "[a_Al]\nvalue = 4.052\nvary = false\n")
    ran = xrdkna("refine", aluminium, "--radiation", "CuKa", "--phases", "Al", "--parameters", path, "--json", "-")
    held = {parameter["name"]: parameter for parameter in json.loads(ran.out)["parameters"]}["a_Al"]
    assert held["value"]["value"] == 4.052
    assert held["refined"] is False


def test_a_parameter_that_the_model_does_not_have_is_named(aluminium: Path, tmp_path: Path, xrdkna: Run) -> None:
    path = written(tmp_path, "[a_Kryptonite]\nvalue = 1\n")
    ran = xrdkna("refine", aluminium, "--radiation", "CuKa", "--phases", "Al", "--parameters", path)
    assert ran.status == 2
    assert "a_Kryptonite" in ran.sentence
