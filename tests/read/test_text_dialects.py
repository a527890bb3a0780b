"""However a scan is written down, the same numbers come back."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from xrdkna.errors import ScanFileError
from xrdkna.read.formats import read_scan, read_scans

Write = Callable[..., Path]
Counted = tuple[NDArray[np.float64], NDArray[np.float64]]

HEADERS = (
    "",
    "# a comment\n",
    "; a comment\n! another\n",
    '\'Id: "" Comment: "it is" Operator: "E. N." Scantype: "Coupled"\n',
    "/* a.mda APR 12, 2017\n# Run no. = 3294\n# */\n",
    "// made by a program\n% of some kind\n",
    "[Measurement conditions]\nSample,abc\nScan axis,Gonio\n\n[Scan points]\n",
    "Sample 12 of the 2nd series\n\n\n",
)


POINTS = [(separator, ".") for separator in (" ", "  ", "\t", ",", ", ", ";", "; ")]
COMMAS = [(separator, ",") for separator in (" ", "  ", "\t", ";")]


@st.composite
def dialects(draw: st.DrawFn) -> dict[str, str]:
    separator, decimal = draw(st.sampled_from([*POINTS, *COMMAS]))
    return {
        "separator": separator,
        "decimal": decimal,
        "header": draw(st.sampled_from(HEADERS)),
        "names": draw(st.sampled_from(["", "2theta{}intensity\n", "Angle{}Intensity\n", "#2Theta (deg){}Counts\n"])),
        "end": draw(st.sampled_from(["\n", "\r\n", "\r"])),
        "encoding": draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "latin-1"])),
        "indent": draw(st.sampled_from(["", "  "])),
        "turned": draw(st.sampled_from(["", "yes"])),
        "tail": draw(st.sampled_from(["", "\n", "\n\n\n"])),
    }


def written(dialect: dict[str, str], *columns: NDArray[np.float64], decimals: int = 3) -> bytes:
    rows = list(zip(*columns, strict=True))
    rows = rows[::-1] if dialect["turned"] else rows
    lines = [
        dialect["indent"] + dialect["separator"].join([f"{x:.{decimals}f}".replace(".", dialect["decimal"]), *(f"{v:.0f}" for v in others)])
        for x, *others in rows
    ]
    text = dialect["header"] + dialect["names"].format(dialect["separator"]) + "\n".join(lines) + dialect["tail"]
    return text.replace("\n", dialect["end"]).encode(dialect["encoding"])


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(dialect=dialects(), seed=st.integers(0, 2**32 - 1), n=st.integers(4, 60))
def test_a_scan_written_in_any_dialect_is_read_with_the_same_numbers(write: Write, dialect: dict[str, str], seed: int, n: int) -> None:
    random = np.random.default_rng(seed)
    two_theta = np.round(np.cumsum(random.uniform(0.01, 0.5, n)) + random.uniform(0, 100), 3)
    counts = random.poisson(random.uniform(5, 500), n).astype(float)
    scan = read_scan(write(written(dialect, two_theta, counts)))
    assert np.array_equal(scan.two_theta, two_theta)
    assert np.array_equal(scan.intensity, counts)
    assert scan.complete
    assert scan.radiation is None


def test_decimal_commas_in_both_columns_are_read_as_decimals(write: Write, counted: Counted) -> None:
    two_theta, counts = counted
    text = "\n".join(f"{x:.3f}\t{y + 0.25:.2f}".replace(".", ",") for x, y in zip(two_theta, counts, strict=True))
    scan = read_scan(write(text))
    assert np.array_equal(scan.two_theta, two_theta)
    assert np.array_equal(scan.intensity, counts + 0.25)


@pytest.mark.parametrize(
    ("row", "expected"), [("{x:.2f} {y:,.0f}", 12_345.0), ("{x:.2f}\t{y:,.1f}", 12_345.0), ("{x:.2f};{y:,.0f}", 12_345.0)]
)
def test_a_thousands_comma_beside_decimal_points_is_no_decimal_comma(write: Write, row: str, expected: float) -> None:
    text = "\n".join(row.format(x=10 + 0.02 * i, y=expected + i) for i in range(30))
    assert np.array_equal(read_scan(write(text)).intensity, expected + np.arange(30))


def test_a_thousands_point_beside_decimal_commas_is_no_decimal_point(write: Write) -> None:
    text = "\n".join(f"{10 + 0.02 * i:.2f}".replace(".", ",") + f";12.{345 + i},5" for i in range(30))
    assert np.array_equal(read_scan(write(text)).intensity, 12345.5 + np.arange(30))


def test_a_comma_for_both_decimals_and_columns_is_refused_and_not_guessed(write: Write) -> None:
    text = "\n".join(f"10,{i:02d},{100 + i}" for i in range(50))
    with pytest.raises(ScanFileError, match="comma is both"):
        read_scans(write(text))


def test_quoted_cells_are_read(write: Write, counted: Counted) -> None:
    two_theta, counts = counted
    text = '"2theta","intensity"\n' + "\n".join(f'"{x:.3f}","{y:.0f}"' for x, y in zip(two_theta, counts, strict=True))
    assert np.array_equal(read_scan(write(text, "scan.csv")).intensity, counts)


def test_comments_and_blank_lines_among_the_rows_change_nothing(write: Write, counted: Counted) -> None:
    two_theta, counts = counted
    lines = [f"{x:.3f} {y:.0f}" for x, y in zip(two_theta, counts, strict=True)]
    lines[50:50] = ["# a pause", "", "! and on"]
    lines[120] += "  # the peak"
    scan = read_scan(write("\n".join(lines)))
    assert np.array_equal(scan.two_theta, two_theta)
    assert np.array_equal(scan.intensity, counts)
    assert not any(notice.code == "rows-left-out" for notice in scan.notices)


def test_start_step_stop_and_bare_intensities_are_read_as_a_grid(write: Write, counted: Counted) -> None:
    two_theta, counts = counted
    rows = [" ".join(f"{y:6.0f}" for y in counts[i : i + 10]) for i in range(0, len(counts), 10)]
    scan = read_scan(write(f"   {two_theta[0]:.2f} 0.02 {two_theta[-1]:.2f} a title\n" + "\n".join(rows), "scan.dat"))
    assert np.allclose(scan.two_theta, two_theta, atol=1e-9)
    assert np.array_equal(scan.intensity, counts)


def test_columns_are_taken_by_their_names_and_the_choice_is_said(write: Write, counted: Counted) -> None:
    two_theta, counts = counted
    rows = "\n".join(f"{i},{x:.3f},{y + 3:.1f},{y:.0f},0.1" for i, (x, y) in enumerate(zip(two_theta, counts, strict=True)))
    scan = read_scan(write("no,2theta,ycalc,yobs,omega\n" + rows, "scan.csv"))
    assert np.array_equal(scan.two_theta, two_theta)
    assert np.array_equal(scan.intensity, counts)
    assert any("column 2 as 2θ and column 4 as intensity" in notice.sentence for notice in scan.notices)


@pytest.mark.parametrize(
    "names", ["d,intensity", "Q;I", "q_nm^-1 I", "d-spacing\tcounts", "energy,counts", "2theta_rad I", "omega,intensity"]
)
def test_an_x_axis_that_is_not_two_theta_in_degrees_is_refused(write: Write, names: str) -> None:
    separator = next((sign for sign in ",;\t" if sign in names), " ")
    rows = "\n".join(f"{1 + 0.01 * i:.3f}{separator}{100 + i}" for i in range(30))
    with pytest.raises(ScanFileError, match="not 2θ in degrees"):
        read_scans(write(f"{names}\n{rows}"))


def test_a_column_called_theta_is_kept_with_a_warning(write: Write) -> None:
    scan = read_scan(write("theta,intensity\n" + "\n".join(f"{5 + 0.04 * i:.2f},{i}" for i in range(1875)), "x.csv"))
    assert scan.two_theta[-1] == pytest.approx(79.96)
    assert [n.severity for n in scan.notices if n.code == "theta-taken-as-2theta"] == ["warning"]


def test_two_patterns_below_each_other_are_two_scans(write: Write, counted: Counted) -> None:
    two_theta, counts = counted
    block = "\n".join(f"{x:.3f} {y:.0f}" for x, y in zip(two_theta, counts, strict=True))
    first, second = read_scans(path := write(f"# one\n{block}\n# two\n{block}\n"))
    assert (first.name, second.name) == ("scan", "scan#2")
    assert np.array_equal(second.intensity, counts)
    assert any("holds 2 scans" in notice.sentence for notice in read_scan(path).notices)


def test_ranges_that_continue_each_other_stay_one_scan(write: Write, counted: Counted) -> None:
    two_theta, counts = counted
    rows = [f"{x:.3f} {y:.0f}" for x, y in zip(two_theta, counts, strict=True)]
    (scan,) = read_scans(write("\n".join(rows[100:] + rows[:100])))
    assert np.array_equal(scan.two_theta, two_theta)
    assert np.array_equal(scan.intensity, counts)


def test_repeated_angles_become_their_mean_with_its_own_sigma(write: Write) -> None:
    scan = read_scan(write("10.0 100\n10.1 90\n10.1 110\n10.2 121\n"))
    assert scan.intensity.tolist() == [100.0, 100.0, 121.0]
    assert scan.sigma == pytest.approx([10.0, np.sqrt(200) / 2, 11.0])
    assert any(re.search("first is 10.1°", notice.sentence) for notice in scan.notices)
