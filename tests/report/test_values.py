"""How one value is shown."""

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xrdkna.records.values import Estimate
from xrdkna.report.values import interval_text, listed, number, parenthesis, percent, probability_text, rounded_to_esd

values = st.floats(min_value=-1e6, max_value=1e6, allow_nan=False)
esds = st.floats(min_value=1e-9, max_value=1e5)


@pytest.mark.parametrize(
    ("value", "esd", "shown"),
    [
        (5.32841, 0.00031, "5.3284(3)"),
        (5.32841, 0.00012, "5.32841(12)"),
        (4.156826, 0.000008, "4.156826(8)"),
        (12345.0, 47.0, "12340(50)"),
        (0.0, 0.2, "0.0(2)"),
        (-1.5, 0.26, "-1.5(3)"),
        (9.996, 0.0199, "10.00(2)"),
        (3.21e-7, 4e-9, "3.21(4)×10⁻⁷"),
        (1.5, None, "1.5"),
    ],
)
def test_estimates_are_written_in_the_parenthesis_notation_of_the_field(value, esd, shown):
    assert parenthesis(value, esd) == shown


@given(values, esds)
def test_parenthesis_notation_read_back_is_within_half_a_digit_and_keeps_the_esd_within_a_third(value, esd):
    found = re.fullmatch(r"(-?\d+(?:\.(\d+))?)\((\d+)\)(?:×10(.+))?", parenthesis(value, esd))
    assert found
    decimals, power = len(found[2] or ""), 10.0 ** int((found[4] or "0").translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")))
    unit = 10.0**-decimals * power
    read_esd = int(found[3]) * unit
    assert abs(float(found[1]) * power - value) <= 0.5 * max(read_esd, unit) * (1 + 1e-9)
    assert read_esd == pytest.approx(esd, rel=0.34)


@given(values, esds)
def test_rounding_for_json_never_moves_a_value_by_more_than_a_thousandth_of_its_esd(value, esd):
    assert abs(rounded_to_esd(value, esd) - value) <= 1e-3 * esd


@given(st.floats(allow_nan=True, allow_infinity=True))
def test_no_number_that_is_not_finite_passes(value):
    shown = number(value)
    assert shown is None if not math.isfinite(value) else shown == pytest.approx(value, rel=1e-9)


def test_weight_fractions_are_shown_in_percent_and_an_absent_one_as_a_dash():
    assert percent(Estimate(value=0.1234, esd=0.0042, unit="1")) == "12.3(4) wt%"
    assert percent(None) == "–"


def test_a_long_list_says_how_many_names_it_leaves_out():
    assert listed([]) == ""
    assert listed(["a"]) == "a"
    assert listed(["a", "b", "c"]) == "a, b and c"
    assert listed([str(k) for k in range(20)], at_most=3) == "0, 1 and 18 more"


def test_both_ends_of_a_narrow_interval_can_be_told_apart():
    low, high = interval_text(10.9012, 10.9211).split(" … ")
    assert low != high
    assert interval_text(0.731, 1.084) == "0.73 … 1.08"


def test_a_probability_below_one_is_never_shown_as_certain():
    assert probability_text(0.99999) == "> 0.999"
    assert probability_text(0.998) == "0.998"
    assert probability_text(1.0) == "> 0.999", "a one that is only rounding"
