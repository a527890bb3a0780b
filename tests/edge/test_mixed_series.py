"""A series in several makers' formats tracks like the same one in plain columns; so does a series written as NeXus."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

Run = Callable[..., Any]  # conftest's fixture `xrdkna`
START = datetime(2026, 3, 1, 9, 0, 0)
Columns = tuple[np.ndarray, np.ndarray]


def as_xye(columns: Columns, moment: datetime) -> tuple[str, str]:
    angles, counts = columns
    return ".xye", "".join(f"{x:.4f} {y:.0f} {max(y, 1.0) ** 0.5:.9f}\n" for x, y in zip(angles, counts, strict=True))


def as_uxd(columns: Columns, moment: datetime) -> tuple[str, str]:
    angles, counts = columns
    head = f"_FILEVERSION=1\n_SAMPLE='Al'\n_ANODE='Cu'\n_DRIVE='COUPLED'\n_STEPSIZE={angles[1] - angles[0]:.6f}\n_START={angles[0]:.6f}\n"
    return ".uxd", head + "_COUNTS\n" + "".join(f"{y:.0f}\n" for y in counts)


def as_ras(columns: Columns, moment: datetime) -> tuple[str, str]:
    angles, counts = columns
    words = ('MEAS_SCAN_AXIS_X "TwoThetaTheta"', 'MEAS_SCAN_UNIT_X "deg"', 'MEAS_SCAN_UNIT_Y "counts"', 'HW_XG_TARGET_NAME "Cu"')
    head = "*RAS_DATA_START\n*RAS_HEADER_START\n" + "".join(f"*{word}\n" for word in words) + "*RAS_HEADER_END\n*RAS_INT_START\n"
    rows = "".join(f"{x:.4f} {y:.4f} 1.0000\n" for x, y in zip(angles, counts, strict=True))
    return ".ras", head + rows + "*RAS_INT_END\n*RAS_DATA_END\n"


def as_xrdml(columns: Columns, moment: datetime) -> tuple[str, str]:
    angles, counts = columns
    ends = f"<startPosition>{angles[0]:.4f}</startPosition><endPosition>{angles[-1]:.4f}</endPosition>"
    points = f'<positions axis="2Theta" unit="deg">{ends}</positions><counts>{" ".join(f"{y:.0f}" for y in counts)}</counts>'
    scan = f'<scan status="Completed" scanAxis="Gonio"><dataPoints>{points}</dataPoints></scan>'
    return ".xrdml", f'<?xml version="1.0"?><xrdMeasurements><xrdMeasurement>{scan}</xrdMeasurement></xrdMeasurements>'


def written(folder: Path, columns: list[Columns], makers: list[Callable[[Columns, datetime], tuple[str, str]]]) -> Path:
    folder.mkdir()
    rows = ["file,start_time"]
    for k, (one, maker) in enumerate(zip(columns, makers, strict=True)):
        moment = START + timedelta(minutes=10 * k)
        suffix, text = maker(one, moment)
        (folder / f"scan_{k}{suffix}").write_text(text)
        rows.append(f"scan_{k}{suffix},{moment.isoformat()}")
    (folder / "scans.csv").write_text("\n".join(rows) + "\n")
    return folder


@pytest.fixture
def columns(aluminium: Path) -> list[Columns]:
    """Three scans of aluminium, each with counts of its own."""
    table = np.loadtxt(aluminium)
    angles, counts = table[:, 0], table[:, 1]
    draw = np.random.default_rng(20260301)
    return [(angles, draw.poisson(counts).astype(float)) for _ in range(3)]


def tracked(xrdkna: Run, series: Path, target: Path, *more: object) -> dict[str, Any]:
    options = ("--radiation", "CuKa", "--radius", 240, "--geometry", "Bragg-Brentano", "--phases", "Al", "--json", target, *more)
    ran = xrdkna("track", series, *options)
    assert ran.status == 0, ran.err
    document: dict[str, Any] = json.loads(target.read_text())
    return document


def farthest(one: dict[str, Any], other: dict[str, Any]) -> float:
    """The largest difference between the trajectories of two answers, in esds, after checking that they tell of the same."""
    assert [scan["start"] for scan in one["scans"]] == [scan["start"] for scan in other["scans"]]
    assert [event["kind"] for event in one["events"]] == [event["kind"] for event in other["events"]]
    assert len(one["trajectories"]) == len(other["trajectories"]) > 3
    apart = [0.0]
    for ours, theirs in zip(one["trajectories"], other["trajectories"], strict=True):
        assert (ours["quantity"], ours["phase"], ours["hkl"]) == (theirs["quantity"], theirs["phase"], theirs["hkl"])
        values = zip(ours["value"], theirs["value"], theirs["esd"], strict=True)
        apart += [abs(value - same) / esd for value, same, esd in values if value is not None and esd]
    return max(apart)


def test_a_series_of_mixed_formats_and_one_in_nexus_track_like_the_same_in_xye(columns: list[Columns], tmp_path: Path, xrdkna: Run) -> None:
    plain = tracked(xrdkna, written(tmp_path / "plain", columns, [as_xye] * 3), tmp_path / "plain.json", "--nexus", tmp_path / "s.nxs")
    mixed = tracked(xrdkna, written(tmp_path / "mixed", columns, [as_uxd, as_ras, as_xrdml]), tmp_path / "mixed.json")
    nexus = tracked(xrdkna, tmp_path / "s.nxs", tmp_path / "nexus.json")
    assert farthest(mixed, plain) < 1e-6
    assert farthest(nexus, plain) < 1e-6
