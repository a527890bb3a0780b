"""--echem, --clock-offset and --plating-current: which record goes with a series, on whose clock, with which sign."""

from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from xrdkna.edge.echem import clock_from_text, series_with_cell
from xrdkna.errors import CyclingError, UsageError

START = datetime(2026, 3, 1, 9, 0)


def potential_at(seconds: np.ndarray) -> np.ndarray:
    """V: steps at moments that no shift repeats."""
    return np.interp(
        seconds, [0, 900, 901, 2500, 2501, 5200, 5201, 6100, 6101, 9e3], [0.3, 0.3, -0.1, -0.1, 0.2, 0.2, -0.2, -0.2, 0.3, 0.3]
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Thirty scans, four minutes apart, with the cell's potential in their log; the cycler's clock runs 137 s ahead."""
    rows = ["file,start_time,end_time,potential_V"]
    for k in range(30):
        (tmp_path / f"scan_{k}.xy").write_text("".join(f"{10 + 0.02 * i:.2f} {100 + i}\n" for i in range(30)))
        begin = 240.0 * k
        mean = potential_at(np.linspace(begin, begin + 220.0, 441)).mean()
        start = START + timedelta(seconds=begin)
        rows.append(f"scan_{k}.xy,{start.isoformat()},{(start + timedelta(seconds=220)).isoformat()},{mean:.5f}")
    (tmp_path / "scans.csv").write_text("\n".join(rows) + "\n")
    (tmp_path / "echem.csv").write_text(cycler_text(0, 9000, ahead=137))
    return tmp_path


def cycler_text(begin: int, end: int, *, ahead: float = 0.0) -> str:
    seconds = np.arange(begin, end, 5)
    rows = [
        f"{(START + timedelta(seconds=float(s) + ahead)).isoformat()},-1.0,{volts:.5f}"
        for s, volts in zip(seconds, potential_at(seconds), strict=True)
    ]
    return "\n".join(["time,current_mA,potential_V", *rows]) + "\n"


def test_auto_brings_the_cycler_onto_the_scans_clock(folder: Path) -> None:
    moved = series_with_cell(folder, (), None, None)
    as_it_is = series_with_cell(folder, (), 0.0, None)
    assert moved.cycling is not None
    assert as_it_is.cycling is not None
    assert (as_it_is.cycling.start - START).total_seconds() == 137.0
    assert (moved.cycling.start - START).total_seconds() == pytest.approx(0.0, abs=10.0)
    assert "clock-applied" in {notice.code for notice in moved.notices}


def test_several_records_are_joined_and_the_sign_of_plating_is_the_one_asked_for(folder: Path) -> None:
    (folder / "one.csv").write_text(cycler_text(0, 3000))
    (folder / "two.csv").write_text(cycler_text(4000, 9000))
    series = series_with_cell(folder, (folder / "two.csv", folder / "one.csv"), -20.0, "positive")
    assert series.cycling is not None
    assert series.cycling.breaks == (600,)
    assert (series.cycling.start - START).total_seconds() == -20.0
    assert series.setup.plating_current == "positive"
    with pytest.raises(CyclingError, match="same time"):
        series_with_cell(folder, (folder / "one.csv", folder / "one.csv"), 0.0, None)


@pytest.mark.parametrize(("text", "seconds"), [("-137", -137.0), ("0", 0.0), ("1e3", 1000.0), ("auto", None), (" AUTO ", None)])
def test_an_offset_is_seconds_or_auto(text: str, seconds: float | None) -> None:
    assert clock_from_text(text) == seconds


@pytest.mark.parametrize("text", ["soon", "nan", "inf", "", "12:00"])
def test_any_other_offset_is_refused_with_what_to_give(text: str) -> None:
    with pytest.raises(UsageError, match=r"no number of seconds; give one such as -137, or auto"):
        clock_from_text(text)
