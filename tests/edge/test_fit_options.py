"""What may be chosen about a whole-pattern fit on the command line of `xrdkna refine`."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xrdkna.edge.fit_choice import LARGEST_PARTICLE_UM
from xrdkna.edge.options import TEXTURE_NAMES, Beam, FitChoice
from xrdkna.edge.request import MONOCHROMATOR_RANGE, settings_of
from xrdkna.records.instrument import Instrument
from xrdkna.refine.settings import TEXTURES, ParameterChoice, RefineSettings

Run = Callable[..., Any]  # conftest's fixture `xrdkna`

AL = ("--radiation", "CuKa", "--phases", "Al")
SILENT = Beam(radiation="CuKa", radius_mm=None, geometry=None)


def chosen(**said: Any) -> RefineSettings:
    """The settings of a fit for which the command line says this much."""
    return settings_of(SILENT, fit=FitChoice(**said)).refine


def test_what_the_command_line_knows_of_the_settings_agrees_with_them() -> None:
    assert TEXTURE_NAMES == TEXTURES
    assert RefineSettings(particle_diameter=LARGEST_PARTICLE_UM).particle_diameter == LARGEST_PARTICLE_UM
    for angle in MONOCHROMATOR_RANGE:
        beam = settings_of(Beam(radiation="CuKa", radius_mm=None, geometry=None, monochromator_two_theta=angle))
        assert Instrument(radiation=beam.radiation, monochromator_two_theta=angle).monochromator_two_theta == angle  # type: ignore[arg-type]


def test_words_become_settings(tmp_path: Path) -> None:
    parameters = tmp_path / "choices.toml"
    parameters.write_text("[biso_Al]\nupper = 2.0\n[zero]\nvary = false\n", encoding="utf-8")
    settings = chosen(
        parameters=parameters,
        refined=("biso_Al", "transparency"),
        texture="march",
        broadening=("Al=stephens", "odd=name=uniaxial"),
        axes=("Al=1,-1,0", "KNa2=0 0 1"),
        excluded=("20-22.5", " 37.5 – 39 "),
        particle_size_um=4.0,
    )
    opened = ParameterChoice(vary=True)
    assert settings.parameters == {
        "biso_Al": ParameterChoice(upper=2.0, vary=True),
        "zero": ParameterChoice(vary=False),
        "transparency": opened,
    }
    assert settings.broadening == {"Al": "stephens", "odd=name": "uniaxial"}
    assert settings.axes == {"Al": (1, -1, 0), "KNa2": (0, 0, 1)}
    assert settings.excluded == ((20.0, 22.5), (37.5, 39.0))
    assert (settings.texture, settings.particle_diameter) == ("march", 4.0)


def test_with_nothing_said_nothing_is_changed() -> None:
    assert chosen() == RefineSettings()


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--texture", "heavy"], "'march'"),
        (["--broadening", "Al"], "--broadening 'Al'"),
        (["--broadening", "=stephens"], "--broadening"),
        (["--broadening", "Al=wide"], "stephens"),
        (["--broadening", "Unobtainium=uniaxial"], "Unobtainium"),
        (["--axis", "Al=0,0,1"], "--texture march"),
        (["--texture", "march", "--axis", "Al=0,0"], "Al=0,0,1"),
        (["--texture", "march", "--axis", "Al=0,0,0"], "not all zero"),
        (["--texture", "march", "--axis", "Al=a,b,c"], "a,b,c"),
        (["--texture", "march", "--axis", "K=0,0,1"], "K"),
        (["--exclude", "20"], "37.5-39"),
        (["--exclude", "30-20"], "rise"),
        (["--exclude", "20-200"], "180"),
        (["--exclude", "low-high"], "low-high"),
        (["--particle-size", "0"], "--particle-size 0"),
        (["--particle-size", "-3"], "--particle-size -3"),
        (["--particle-size", "nan"], "--particle-size nan"),
        (["--particle-size", "5000"], "1000"),
        (["--monochromator", "200"], "--monochromator 200"),
        (["--monochromator", "nan"], "--monochromator nan"),
        (["--refine", ""], "--refine"),
        (["--refine", "kryptonite"], "kryptonite"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_meant_is_refused_in_one_sentence(words: list[str], named: str, aluminium: Path, xrdkna: Run) -> None:
    ran = xrdkna("refine", aluminium, *AL, *words)
    assert ran.status == 2
    assert named in ran.sentence
    assert not ran.out


def test_a_name_that_is_no_parameter_is_answered_with_those_that_are_held_too(aluminium: Path, xrdkna: Run) -> None:
    held = xrdkna("refine", aluminium, *AL, "--refine", "kryptonite").sentence.partition("holds unless asked for")[2]
    assert {"transparency", "biso_Al", "sample_height"} <= set(held.replace(",", " ").rstrip(".").split())
    assert "a_Al" not in held


def test_a_parameter_cannot_be_opened_and_held_at_once(aluminium: Path, tmp_path: Path, xrdkna: Run) -> None:
    path = tmp_path / "choices.toml"
    path.write_text("[biso_Al]\nvary = false\n", encoding="utf-8")
    ran = xrdkna("refine", aluminium, *AL, "--parameters", path, "--refine", "biso_Al")
    assert ran.status == 2
    assert "held" in ran.sentence


def test_a_held_parameter_is_opened_by_its_name(aluminium: Path, xrdkna: Run) -> None:
    for words, expected in (((), False), (("--refine", "displacement_Al"), True)):
        document = json.loads(xrdkna("refine", aluminium, *AL, *words, "--json", "-").out)
        assert next(p for p in document["parameters"] if p["name"] == "displacement_Al")["refined"] is expected


def test_what_lies_in_an_excluded_range_moves_nothing(aluminium: Path, tmp_path: Path, xrdkna: Run) -> None:
    two_theta, counts = np.loadtxt(aluminium).T
    near = (two_theta > 44.0) & (two_theta < 46.0)
    spoilt = np.where(near, 30_000.0 + 400.0 * np.sin(40.0 * two_theta), counts)
    path = tmp_path / "spoilt.xy"
    np.savetxt(path, np.column_stack([two_theta, spoilt]), fmt=("%.4f", "%d"))

    def answer(scan: Path, *words: str) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(xrdkna("refine", scan, *AL, *words, "--json", "-").out)
        return document

    clean, kept, not_kept = answer(aluminium), answer(path, "--exclude", "43.9-46.1"), answer(path)
    (was, now) = (document["phases"][0]["cell"]["a"] for document in (clean, kept))
    assert kept["agreement"]["gof"] < 1.2
    assert abs(now["value"] - was["value"]) < 3.0 * now["esd"]
    # The control: left in, the spoilt range ruins the fit.
    assert not_kept["agreement"]["gof"] > 3.0
