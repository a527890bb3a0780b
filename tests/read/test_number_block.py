"""The fast parser of clean blocks of numbers gives what numpy's own gives, to the last bit, or nothing."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from xrdkna.errors import DataError
from xrdkna.read import table
from xrdkna.read.formats import read_scans
from xrdkna.read.number_block import clean_block

PLAIN = st.from_regex(r"[-+]?(?:[0-9]{1,9}\.?[0-9]{0,6}|\.[0-9]{1,9})", fullmatch=True)
ROWS = st.integers(2, 4).flatmap(lambda width: st.lists(st.lists(PLAIN, min_size=width, max_size=width), min_size=1, max_size=8))
SEPARATORS = st.sampled_from([(None, " "), (None, "\t"), (None, " \t "), (";", ";"), (",", " , "), (",", ",")])


def by_numpy(text, separator):
    """The block without its blank lines as numpy reads it; None where it refuses."""
    try:
        return np.loadtxt([line for line in text.split("\n") if line.strip()], delimiter=separator, comments=None, ndmin=2)
    except ValueError:
        return None


@given(ROWS, SEPARATORS, st.sampled_from(["", "  ", "\t"]), st.sampled_from(["\n", "\n\n", " \n"]))
def test_a_clean_block_is_read_and_every_number_is_the_one_numpy_reads(rows, separator, indent, end):
    text = end.join(indent + separator[1].join(row) for row in rows)
    ours = clean_block(text, separator[0])
    assert ours is not None
    assert ours.shape == (len(rows), len(rows[0]))
    np.testing.assert_array_equal(ours, by_numpy(text, separator[0]))


@given(st.text(alphabet="0123456789.+-eE ,;\t\nxn", max_size=40), st.sampled_from([None, ";", ","]))
@example("1 2\n3", None)
@example("1;2;\n3;4;", ";")
@example("1;;2", ";")
@example("1e5 2", None)
@example("9007199254740993 1", None)
@example("- 1", None)
@example(".", None)
def test_what_is_not_clean_is_left_to_others_and_nothing_is_ever_read_otherwise(text, separator):
    ours = clean_block(text, separator)
    if ours is not None:
        theirs = by_numpy(text, separator)
        assert theirs is not None
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("number", ["0.1", "123456.789012345", "999999999999999", "0.00000000000001", "5.", ".5", "-0", "+7.25"])
def test_a_number_of_up_to_fifteen_digits_is_rounded_as_python_rounds_it(number):
    block = clean_block(f"{number} {number}", None)
    assert block is not None
    assert block.tobytes() == np.array([[float(number)] * 2]).tobytes()


@given(data=st.data())
def test_a_file_is_read_alike_with_and_without_the_fast_parser(data, tmp_path_factory):
    counts = data.draw(st.lists(st.integers(0, 10**6), min_size=12, max_size=30))
    separator = data.draw(st.sampled_from([" ", "\t", ";", ",", ", "]))
    lines = [f"{10 + 0.02 * i:.2f}{separator}{count}" for i, count in enumerate(counts)]
    for _ in range(data.draw(st.integers(0, 2))):
        at = data.draw(st.integers(0, len(lines) - 1))
        lines[at] = data.draw(st.sampled_from(["", "# note", "12,5;7", "eleven", lines[at] + separator + "3", lines[at][:-1], "1e3 4"]))
    path = tmp_path_factory.mktemp("fuzz") / "scan.xy"
    path.write_text("\n".join(lines), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        fast = told_of(path)
        patch.setattr(table, "clean_block", lambda text, separator: None)
        assert told_of(path) == fast


def told_of(path: Path):
    """All that is read of a file, or the sentence why not."""
    try:
        scans = read_scans(path)
    except DataError as refusal:
        return str(refusal)
    return [(s.two_theta.tobytes(), s.intensity.tobytes(), s.sigma.tobytes(), s.sigma_source, s.complete, s.notices) for s in scans]
