"""CIF as text, read back by gemmi."""

import math
import re

import gemmi
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from xrdkna.records.values import Estimate
from xrdkna.report.cif_text import cif_estimate, cif_file, cif_item, cif_loop, cif_measured, cif_number, cif_prose, cif_word

VALUE_SU = re.compile(r"(-?\d+(?:\.(\d+))?)\((\d+)\)")
WORDS = st.text(st.characters(codec="utf-8", exclude_categories=("C",)), max_size=40)


def read_back(item: str) -> gemmi.cif.Block:
    return gemmi.cif.read_string(f"#\\#CIF_1.1\ndata_x\n{item}\n_last here\n").sole_block()


def value_and_su(text: str) -> tuple[float, float, float]:
    """Value, su and the size of one unit of the last digit of "5.3284(3)"."""
    number, decimals, su = VALUE_SU.fullmatch(text).groups()
    unit = 10.0 ** -len(decimals or "")
    return float(number), int(su) * unit, unit


@given(word=WORDS)
def test_any_name_comes_back_as_it_was(word):
    block = read_back(cif_item("_x", cif_word(word)))
    assert gemmi.cif.as_string(block.find_value("_x")).strip() == "".join(s if s.isprintable() else " " for s in word).strip()
    assert block.find_value("_last") == "here"


@pytest.mark.parametrize(
    "word",
    [
        "K2CO3_1.5H2O",
        "Al 2 O3",
        "it's",
        'the "x" phase',
        'it\'s "x"',
        "γ-Al2O3",
        "data_K",
        "loop_",
        "?",
        ".",
        "5.3(2)",
        "_tag",
        "#1",
        ";x",
        "",
    ],
)
def test_a_name_that_means_something_to_cif_is_still_a_name(word):
    text = cif_word(word)
    block = read_back(cif_loop(("_a", "_b"), [(text, "1"), (text, "2")]))
    assert [(gemmi.cif.as_string(row[0]), row[1]) for row in block.find(["_a", "_b"])] == [(word, "1"), (word, "2")]
    assert not gemmi.cif.is_null(text)
    assert math.isnan(gemmi.cif.as_number(text, float("nan")))


@given(value=st.floats(-1e8, 1e8), esd=st.floats(1e-9, 1e6))
def test_an_estimate_is_printed_to_two_digits_of_an_su_below_twenty_and_one_above(value, esd):
    assume(esd > abs(value) * 1e-14)
    text = cif_estimate(Estimate(value=value, esd=esd, unit=""))
    printed, su, unit = value_and_su(text)
    assert gemmi.cif.as_number(text) == printed
    step = unit if esd < 19.5 else 10.0 ** math.floor(math.log10(esd / 1.95))
    assert 2 <= round(su / step) <= 20
    assert abs(su - esd) <= 0.5001 * step
    assert abs(printed - value) <= 0.5001 * step


def test_what_has_no_esd_has_no_brackets_and_what_is_not_there_is_a_question_mark():
    assert cif_estimate(Estimate(value=90.0, esd=None, unit="")) == "90"
    assert cif_estimate(Estimate(value=90.0, esd=0.0, unit="")) == "90"
    assert cif_estimate(None) == "?"
    assert (cif_number(float("nan")), cif_number(float("-inf")), cif_number(None), cif_number(-0.0)) == ("?", "?", "?", "0")


@given(count=st.integers(0, 10**7))
def test_counts_stay_whole_and_their_sigma_keeps_three_digits(count):
    sigma = math.sqrt(max(count, 1))
    printed, su, _ = value_and_su(cif_measured(float(count), sigma))
    assert printed == count
    assert su == pytest.approx(sigma, rel=5e-3)


@given(value=st.floats(-10, 10), sigma=st.floats(1e-6, 1))
def test_rounding_a_measured_point_adds_nothing_to_its_noise(value, sigma):
    printed, su, _ = value_and_su(cif_measured(value, sigma))
    assert abs(printed - value) < 0.01 * sigma
    assert su == pytest.approx(sigma, rel=6e-3)


def test_sentences_are_wrapped_in_ascii_with_the_signs_spelled_as_cif_spells_them():
    field = cif_prose(["The line at 31.05° 2θ is 0.02 Å wide; Kα gives χ² = 3 ± 1.", "Much more follows here. " * 9])
    assert field.isascii()
    assert max(map(len, field.splitlines())) <= 80
    said = " ".join(gemmi.cif.as_string(read_back(cif_item("_x", field)).find_value("_x")).split())
    assert said.startswith(r"The line at 31.05\% 2\q is 0.02 \%A wide; K\a gives \c^2^ = 3 +- 1. Much more")


def test_a_file_is_cif_1_until_a_name_goes_beyond_ascii():
    assert cif_file(["data_x\n_a Al"], remark="of\ntwo lines").startswith("#\\#CIF_1.1\n# of\n# two lines\n")
    assert cif_file(["data_x\n_a 'γ-Al'"], remark="x").startswith("#\\#CIF_2.0\n")


def test_a_loop_without_rows_is_no_loop():
    assert cif_loop(("_a", "_b"), []) == ""
