"""What cannot be read is one sentence; what can be saved is saved and said."""

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from xrdkna.errors import DataError, ScanFileError
from xrdkna.read.formats import read_scan, read_scans

Write = Callable[..., Path]
Counted = tuple[NDArray[np.float64], NDArray[np.float64]]


def rows_of(counted: Counted) -> list[str]:
    return [f"{x:8.3f} {y:9.0f}" for x, y in zip(*counted, strict=True)]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "empty"),
        (b"\n \r\n\t", "empty"),
        (b"\xef\xbb\xbf", "empty"),
        (b"# only a header\n# and no rows\n", "no line holds two columns"),
        (b"2theta,intensity\n", "no line holds two columns"),
        (b"Dear diary,\ntoday I measured.\n", "no line holds two columns"),
        (b"1\n2\n3\n", "no line holds two columns"),
        (b"10.0 100\n", "1 usable point;"),
        (b"10.0 nan\n10.1 nan\n", "0 usable points"),
        (b"10.0 5\n10.0 6\n10.0 7\n", "all points lie at one angle"),
        (b"100 5\n150 6\n181 7\n", "not 2θ in degrees"),
        (b"-50 5\n-40 6\n-30 7\n1 2\n", "not 2θ in degrees"),
        (b"1163 1092 1079\n1085 1076 1114\n", "not 2θ in degrees"),
        (bytes(range(256)) * 20, "binary"),
        (b"\x00\x01\x02\x03" * 100, "binary"),
        (b"RAW4.00\x00\x00", "Bruker .raw"),
        (b"PK\x03\x04rest of a zip", "zip archive"),
        (b"\x89HDF\r\n\x1a\nrest", "HDF5"),
        (b"*RAS_DATA_START\n*RAS_HEADER_START\n", "Rigaku .ras"),
        (b"title\nBANK 1 4941 494 CONST 1600.0 1.7 0 0 STD\n 1 2 3 4\n", "GSAS"),
        (b"<?xml version='1.0'?><other/>", "XML"),
        (b"data_K\n_cell_length_a 5.3\n", "CIF"),
    ],
)
def test_a_file_that_is_no_scan_gives_one_sentence_that_names_it(write: Write, content: bytes, sentence: str) -> None:
    with pytest.raises(ScanFileError) as caught:
        read_scans(write(content, "bad.dat"))
    message = str(caught.value)
    assert sentence in message
    assert "bad.dat" in message
    assert "\n" not in message
    assert message.endswith(".")


def test_a_folder_and_a_missing_file_give_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ScanFileError, match="is a folder"):
        read_scans(tmp_path)
    with pytest.raises(ScanFileError, match="no such file"):
        read_scans(tmp_path / "nothing.xy")


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(st.binary(max_size=400), st.text(alphabet="0123456789.,;-+eE \t\n#nabQd\"'", max_size=200).map(str.encode)))
@example(b"1 1\n1e400 2\n2 3")
@example(b"0,0,0\n0,0,1\n0,0,2\n")
@example(b"<xrdMeasurements>")
def test_no_bytes_raise_anything_but_a_sentence(write: Write, data: bytes) -> None:
    sentence, scans = "", ()
    try:
        scans = read_scans(write(data))
    except DataError as problem:
        sentence = str(problem)
    assert sentence.endswith(".") or (scans and all(len(scan.two_theta) >= 2 for scan in scans))


@pytest.mark.parametrize("word", ["nan", "NaN", "inf", "-inf", "1e999", "1e300", "---", "overflow", "1.#QNAN", ""])
def test_rows_without_a_number_are_left_out_and_the_first_is_named(write: Write, counted: Counted, word: str) -> None:
    rows = rows_of(counted)
    rows[30], rows[40] = f"{counted[0][30]:8.3f} {word}", f"{counted[0][40]:8.3f} {word}"
    scan = read_scan(write("\n".join(["# header", *rows, ""])))
    kept = np.delete(np.arange(200), [30, 40])
    assert np.array_equal(scan.intensity, counted[1][kept])
    assert [n.sentence for n in scan.notices if n.code == "rows-left-out"] == [
        "2 rows are not numbers and left out (the first is line 32)."
    ]


def test_a_scan_cut_off_anywhere_keeps_what_is_whole_and_never_a_wrong_number(write: Write, counted: Counted) -> None:
    text = "\n".join(rows_of(counted)) + "\n"
    width = len(text) // 200
    for cut in range(len(text) - 2 * width, len(text) - 1):
        scan = read_scan(write(text[:cut]))
        n = len(scan.two_theta)
        assert np.array_equal(scan.two_theta, counted[0][:n])
        assert np.array_equal(scan.intensity, counted[1][:n])
        # A cut in the white space of the last row's beginning leaves a file that looks whole.
        assert scan.complete == (not text[:cut].rsplit("\n", 1)[1].strip() or cut % width == width - 1)


@pytest.mark.parametrize(
    ("last", "kept"), [("13.980,5", 199), ("13.98,", 199), ("13.98", 199), ("13.980,55.37", 199), ("13.980,55.375", 200)]
)
def test_a_row_that_lost_decimals_or_cells_at_the_end_of_the_file_is_left_out(write: Write, counted: Counted, last: str, kept: int) -> None:
    rows = [f"{x:.3f},{y:.3f}" for x, y in zip(*counted, strict=True)]
    scan = read_scan(write("\n".join([*rows[:-1], last])))
    assert len(scan.two_theta) == kept
    assert scan.complete == (kept == 200)


def test_a_count_that_lost_its_last_digits_is_left_out_but_a_smaller_count_is_not(write: Write) -> None:
    rows = [f"{10 + 0.02 * i:.2f}\t{1000 + i}" for i in range(50)]
    cut = read_scan(write("\n".join([*rows, "11.00\t10"])))
    assert (len(cut.two_theta), cut.complete) == (50, False)
    whole = read_scan(write("\n".join([*rows, "11.00\t995"])))
    assert (len(whole.two_theta), whole.complete) == (51, True)


def test_an_unsorted_grid_is_sorted_with_a_warning(write: Write, counted: Counted) -> None:
    order = np.random.default_rng(3).permutation(200)
    rows = rows_of(counted)
    scan = read_scan(write("\n".join(rows[i] for i in order)))
    assert np.array_equal(scan.two_theta, counted[0])
    assert np.array_equal(scan.intensity, counted[1])
    assert [n.severity for n in scan.notices if n.code == "sorted"] == ["warning"]


def test_a_few_negative_angles_are_left_out_with_a_warning(write: Write) -> None:
    scan = read_scan(write("\n".join(f"{-0.5 + 0.1 * i:.1f} {100 + i}" for i in range(50))))
    assert scan.two_theta[0] == 0.0
    assert any(notice.sentence.startswith("5 points at negative angles") for notice in scan.notices)


@pytest.mark.parametrize(("pattern", "extra"), [("%.5f %d", ""), ("%.5f;%d", "# a comment in the middle\nnot a row\n")])
def test_a_million_points_are_read_within_seconds(write: Write, pattern: str, extra: str) -> None:
    two_theta = np.round(np.linspace(5.0, 150.0, 1_000_000), 5)
    counts = np.random.default_rng(1).poisson(300.0, two_theta.size)
    half = "\n".join(pattern % row for row in zip(two_theta, counts, strict=True))
    middle = half.index("\n", len(half) // 2) + 1
    path = write(half[:middle] + extra + half[middle:])
    started = time.process_time()
    scan = read_scan(path)
    spent = time.process_time() - started
    assert np.array_equal(scan.two_theta, two_theta)
    assert np.array_equal(scan.intensity, counts)
    assert spent < 4.0  # under 2 s on an idle machine
