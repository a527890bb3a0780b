"""Profile-likelihood intervals wherever a parameter is shown, and nowhere where none was asked for."""

import json
import math
from dataclasses import replace

import pytest

from xrdkna.errors import RecordError
from xrdkna.records.refinement import ConfidenceInterval
from xrdkna.report.document import refine_document, write_json
from xrdkna.report.html import write_refine_html
from xrdkna.report.text import refine_summary
from xrdkna.report.values import confidence_text

INTERVAL = ConfidenceInterval(low=0.0103, high=0.0141)


@pytest.fixture
def asked(make_index):
    """A fit of which the interval of `zero` was asked for."""
    index = make_index(points=301)
    zero, other = index.refinement.parameters
    return replace(index, refinement=replace(index.refinement, parameters=(replace(zero, interval=INTERVAL), other)))


@pytest.mark.parametrize(
    ("low", "high", "level"),
    [(2.0, 1.0, 0.95), (math.nan, 1.0, 0.95), (0.0, math.inf, 0.95), (0.0, 1.0, 0.0), (0.0, 1.0, 95.0), (0.0, 1.0, 1.0)],
)
def test_an_interval_that_cannot_be_one_is_refused(low, high, level):
    with pytest.raises(RecordError, match="confidence interval"):
        ConfidenceInterval(low=low, high=high, level=level)


def test_json_has_the_interval_of_the_parameter_it_was_asked_for_only(asked, tmp_path):
    write_json(refine_document(asked), tmp_path / "r.json")
    zero, other = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))["parameters"]
    assert zero["interval"] == {"low": 0.0103, "high": 0.0141, "level": 0.95}
    assert "interval" not in other


def test_an_end_that_the_data_do_not_close_is_null(asked):
    zero, other = asked.refinement.parameters
    opened = replace(zero, interval=ConfidenceInterval(low=None, high=0.0141, level=0.68))
    document = refine_document(replace(asked, refinement=replace(asked.refinement, parameters=(opened, other))))
    assert document["parameters"][0]["interval"] == {"low": None, "high": 0.0141, "level": 0.68}


def test_the_summary_and_the_page_show_the_interval_beside_the_esd(asked, make_index, tmp_path):
    row = next(line for line in refine_summary(asked).splitlines() if line.startswith("zero"))
    assert " ".join(row.split()) == "zero 0.0121(9) deg 95 %: 0.0103 … 0.0141"
    write_refine_html(asked, tmp_path / "r.html")
    assert "95 %: 0.0103 … 0.0141" in (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "95 %" not in refine_summary(make_index(points=301))


def test_a_parameter_asked_about_is_shown_even_where_its_like_are_left_out(asked):
    zero, other = asked.refinement.parameters
    background = tuple(replace(zero, name=f"background_{k}", interval=INTERVAL if k == 2 else None) for k in range(4))
    said = refine_summary(replace(asked, refinement=replace(asked.refinement, parameters=(*background, other))))
    assert "background_2" in said
    assert "background_1" not in said
    assert "3 parameters of background and texture" in said


def test_an_interval_at_a_bound_says_both(asked):
    zero, other = asked.refinement.parameters
    said = refine_summary(replace(asked, refinement=replace(asked.refinement, parameters=(zero, replace(other, interval=INTERVAL)))))
    row = next(line for line in said.splitlines() if line.startswith("K_a"))
    assert row.endswith("95 %: 0.0103 … 0.0141; at its bound")


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (7.4981, 7.5039, "95 %: 7.4981 … 7.5039"),
        (None, 0.25, "95 %: below 0.25"),
        (0.25, None, "95 %: above 0.25"),
        (None, None, "95 %: anywhere within its bounds"),
    ],
)
def test_an_interval_reads_as_a_sentence_would_say_it(low, high, said):
    assert confidence_text(ConfidenceInterval(low=low, high=high)) == said
