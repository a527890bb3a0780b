"""A published list of lines is read as printed, or refused with the line that is wrong."""

from collections.abc import Callable
from pathlib import Path

import pytest

from xrdkna.errors import ScanFileError
from xrdkna.read.lines import read_lines

Write = Callable[..., Path]


def test_the_papers_list_is_read_with_its_indexing(write: Write) -> None:
    text = "two_theta,phase,h,k,l\n24.5,KNa2,1,1,0\n25.7,KNa2,1,0,3\n\n55.8,KNa2,4,-1,3\n31.6,,,,\n"
    lines = read_lines(write(text, "lines.csv"))
    assert [line.two_theta for line in lines] == [24.5, 25.7, 55.8, 31.6]
    assert [line.hkl for line in lines] == [(1, 1, 0), (1, 0, 3), (4, -1, 3), None]
    assert (lines[1].phase, lines[3].phase, lines[0].d_spacing, lines[0].intensity) == ("KNa2", None, None, None)


@pytest.mark.parametrize(("separator", "decimal"), [(",", "."), (";", ","), ("\t", "."), (";", ".")])
def test_spacings_and_intensities_are_read_in_each_dialect(write: Write, separator: str, decimal: str) -> None:
    text = f"# from a paper\nd{separator}intensity\n3.768{separator}100\n2.664{separator}12.5\n".replace(".", decimal)
    lines = read_lines(write(text, "lines.csv"))
    assert [(line.d_spacing, line.two_theta, line.intensity) for line in lines] == [(3.768, None, 100.0), (2.664, None, 12.5)]


def test_an_empty_angle_falls_back_on_the_spacing_beside_it(write: Write) -> None:
    first, second = read_lines(write("two_theta,d\n23.5,3.78\n,2.664\n", "lines.csv"))
    assert (first.two_theta, first.d_spacing, second.two_theta, second.d_spacing) == (23.5, None, None, 2.664)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "empty"),
        ("two_theta\n", "no row"),
        ("position,phase\n1,K\n", "needs a column two_theta"),
        ("two_theta\n24.5\nabc\n", "line 3: two_theta is 'abc'"),
        ("two_theta\n-3\n", "line 2: two_theta is -3"),
        ("two_theta\n180\n", "between 0 and 180"),
        ("two_theta\nnan\n", "not a number"),
        ("d\n0\n", "line 2: d is 0"),
        ("two_theta,d,phase\n,,K\n", "neither two_theta nor d"),
        ("two_theta,h,k,l\n24.5,1,1,\n", "three whole numbers"),
        ("two_theta,h,k,l\n24.5,1,1,0.5\n", "three whole numbers"),
        ("two_theta,h,k,l\n24.5,0,0,0\n", "direct beam"),
    ],
)
def test_a_list_that_cannot_be_used_gives_one_sentence(write: Write, text: str, sentence: str) -> None:
    with pytest.raises(ScanFileError) as caught:
        read_lines(write(text, "lines.csv"))
    assert sentence in str(caught.value)
    assert "lines.csv" in str(caught.value)
