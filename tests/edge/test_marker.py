import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from xrdkna.edge.marker import marker_from_text
from xrdkna.errors import UsageError


@pytest.mark.parametrize("text", ["KNa2 103", "KNa2 1 0 3", "KNa2 (103)", "KNa2 (1 0 3)", "KNa2(1,0,3)", " KNa2  [1 0 3] ", "KNa2 1, 0, 3"])
def test_every_usual_way_to_write_a_reflection_is_understood(text: str) -> None:
    assert marker_from_text(text) == ("KNa2", (1, 0, 3))


@pytest.mark.parametrize(
    ("text", "phase", "hkl"),
    [
        ("KNa2 4-13", "KNa2", (4, -1, 3)),
        ("KNa2 (4-13)", "KNa2", (4, -1, 3)),
        ("KNa2 4 -1 3", "KNa2", (4, -1, 3)),
        ("K2CO3 −1 1 2", "K2CO3", (-1, 1, 2)),
        ("Al 10 0 2", "Al", (10, 0, 2)),
        ("my phase 2 0 0", "my phase", (2, 0, 0)),
    ],
)
def test_negative_and_long_indices_and_names_with_spaces_are_understood(text: str, phase: str, hkl: tuple[int, int, int]) -> None:
    assert marker_from_text(text) == (phase, hkl)


@pytest.mark.parametrize(
    "text", ["", "KNa2", "103", "KNa2 10", "KNa2 1034", "KNa2 1 0 3 4", "KNa2 a b c", "KNa2 000", "KNa2 1.0 0 3", "KNa2 1--03"]
)
def test_anything_else_is_refused_with_an_example_of_how_to_write_it(text: str) -> None:
    with pytest.raises(UsageError, match="KNa2 103"):
        marker_from_text(text)


@given(st.from_regex(r"[A-Z][A-Za-z0-9]{0,8}", fullmatch=True), st.tuples(*[st.integers(-30, 30)] * 3))
def test_a_marker_written_out_in_full_reads_back_as_itself(phase: str, hkl: tuple[int, int, int]) -> None:
    assume(hkl != (0, 0, 0))
    assert marker_from_text("{} ({} {} {})".format(phase, *hkl)) == (phase, hkl)
