"""What is said beside the numbers: parameters that were not measured singly, lines narrower than the machine's, a zero that is held."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from conftest import Planted, pattern_of, planted_counts

from xrdkna.records.instrument import InstrumentProfile
from xrdkna.records.phases import Cell, Reflections
from xrdkna.records.refinement import Refinement
from xrdkna.records.values import Notice
from xrdkna.refine.refine import refine_pattern
from xrdkna.refine.settings import ParameterChoice, RefineSettings

PLAIN = RefineSettings(texture="none")


def said(result: Refinement, code: str) -> list[Notice]:
    return [notice for notice in result.notices if notice.code == code]


@pytest.fixture
def planted(face_centred: Reflections, body_centred: Reflections) -> list[Planted]:
    return [
        Planted(face_centred, Cell(a=4.1041, b=4.1041, c=4.1041), 0.02, {}),
        Planted(body_centred, Cell(a=3.1968, b=3.1968, c=3.1968), 0.01, {}),
    ]


def fit(angle: np.ndarray, planted: list[Planted], settings: RefineSettings, *, seed: int = 5, **how: float) -> Refinement:
    counts = np.random.default_rng(seed).poisson(planted_counts(angle, planted, **how)).astype(float)
    return refine_pattern(pattern_of(angle, counts), [phase.reflections for phase in planted], settings, fwhm=0.1)


# gaussian 0.06°, lorentzian 0.05° are what the lines are planted with
@pytest.mark.parametrize(
    ("w", "x", "narrow"), [(0.06**2, 0.05, False), (0.06**2, 0.03, False), (0.06**2, 0.09, True), (0.1**2, 0.05, True)]
)
def test_lines_narrower_than_the_machine_are_said_to_be_of_another(
    two_theta: np.ndarray, planted: list[Planted], w: float, x: float, narrow: bool
) -> None:
    profile = InstrumentProfile(u=0.0, v=0.0, w=w, x=x)
    found = said(fit(two_theta, planted, replace(PLAIN, profile=profile)), "narrower-than-instrument")
    assert len(found) == narrow
    if narrow:
        assert "Fcc" in found[0].sentence
        assert "Bcc" in found[0].sentence
        assert "--save-instrument" in found[0].remedy


def test_without_a_known_machine_no_line_is_narrower_than_it(two_theta: np.ndarray, planted: list[Planted]) -> None:
    result = fit(two_theta, planted, PLAIN, gaussian_fwhm=0.02, lorentzian_fwhm=0.03)
    assert not said(result, "narrower-than-instrument")


def test_cell_and_height_are_named_where_the_range_does_not_part_them(planted: list[Planted]) -> None:
    free = replace(PLAIN, parameters={"zero": ParameterChoice(vary=False)})
    short = fit(np.arange(36.0, 50.0, 0.02), planted[:1], free)
    wide = fit(np.arange(20.0, 140.0, 0.02), planted[:1], free)
    pair = {"a_Fcc", "displacement"}
    named = [set(part.partition(" (")[0].split(" with ")) for notice in said(short, "correlated") for part in _pairs(notice)]
    assert pair in named
    assert pair not in [set(part.partition(" (")[0].split(" with ")) for notice in said(wide, "correlated") for part in _pairs(notice)]


def test_widths_that_trade_in_every_fit_are_not_named(two_theta: np.ndarray, planted: list[Planted]) -> None:
    """The breadth that phases share and their own: only their sum is measured, and that is how it is meant."""
    result = fit(two_theta, planted, PLAIN)
    named = [set(part.partition(" (")[0].split(" with ")) for notice in said(result, "correlated") for part in _pairs(notice)]
    widths = {"x", "x_Fcc", "x_Bcc"}, {"y", "y_Fcc", "y_Bcc"}
    assert not [pair for pair in named if any(pair <= group for group in widths)]
    # With the machine known there is one width a phase and nothing to trade with; a pair of them would be worth a word.
    known = fit(two_theta, planted, replace(PLAIN, profile=InstrumentProfile(u=0.0, v=0.0, w=0.06**2, x=0.02)))
    assert known.verdict == "accepted"


def test_a_held_zero_adds_to_an_esd_what_it_would_move_the_value_by(two_theta: np.ndarray, planted: list[Planted]) -> None:
    """The zero of a described machine is known to 0.002°: fits with it held there and 0.002° off differ by what the esds then hold."""
    settings = replace(PLAIN, profile=InstrumentProfile(u=0.0, v=0.0, w=0.06**2, x=0.03))
    told = fit(two_theta, planted, settings)
    here, there = (
        fit(two_theta, planted, replace(settings, parameters={"zero": ParameterChoice(value=zero, vary=False)})) for zero in (0.0, 0.002)
    )
    for name in ("a_Fcc", "a_Bcc", "displacement"):
        moved = there.parameter(name).value.value - here.parameter(name).value.value
        expected = np.hypot(here.parameter(name).value.esd, moved)
        assert abs(moved) > 0.2 * here.parameter(name).value.esd
        assert told.parameter(name).value.esd == pytest.approx(expected, rel=0.03), name


def _pairs(notice: Notice) -> list[str]:
    """ "a with b (+0.99)", one each."""
    return notice.sentence.partition("): ")[2].rstrip(".").split("; ")
