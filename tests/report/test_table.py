"""CSV tables read back with the same numbers."""

import csv
from dataclasses import replace

import pytest

from xrdkna.records.refinement import ConfidenceInterval
from xrdkna.report.table import trajectory_columns, write_index_csv, write_peaks_csv, write_profile_csv, write_refine_csv, write_track_csv


def read(path):
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_one_row_a_peak_and_assignment_with_the_numbers_of_the_record(make_index, tmp_path):
    index = make_index()
    write_index_csv(index, tmp_path / "i.csv")
    rows = read(tmp_path / "i.csv")
    expected = [(p, a) for p in index.peaks for a in p.assignments]
    assert len(rows) == len(expected)
    for row, (peak, assignment) in zip(rows, expected, strict=True):
        assert float(row["two_theta [deg]"]) == peak.peak.two_theta.value
        assert float(row["area_esd [counts deg]"]) == pytest.approx(peak.peak.area.esd, rel=1e-3)
        assert (row["phase"], row["status"]) == (assignment.phase, peak.status)
        assert tuple(int(row[k]) for k in "hkl") == assignment.hkl


def test_a_peak_that_nothing_explains_keeps_its_row(published_index, tmp_path):
    write_index_csv(published_index, tmp_path / "i.csv")
    row = read(tmp_path / "i.csv")[1]
    assert (row["phase"], row["status"], row["published_phase"], row["published_verdict"]) == ("", "unindexed", "KNa2", "disagrees")
    assert [row[f"published_{k}"] for k in "hkl"] == ["1", "1", "0"]


def test_peaks_come_back_in_rising_angle(found, tmp_path):
    write_peaks_csv(found, tmp_path / "p.csv")
    angles = [float(row["two_theta [deg]"]) for row in read(tmp_path / "p.csv")]
    assert angles == [p.two_theta.value for p in found.peaks] == sorted(angles)


def test_a_refinement_is_one_row_a_number(make_index, tmp_path):
    write_refine_csv(make_index(), tmp_path / "r.csv")
    rows = {(row["phase"], row["quantity"]): row for row in read(tmp_path / "r.csv")}
    assert float(rows["", "rwp"]["value"]) == 0.0812
    assert (float(rows["K", "cell a"]["value"]), float(rows["K", "cell a"]["esd"])) == (5.3284, 0.0003)
    bounded = rows["", "parameter K_a"]
    assert (bounded["lower"], bounded["upper"], bounded["at_bound"]) == ("", "5.5", "yes")
    assert (rows["", "gof"]["verdict"], rows["KNa2", "scale"]["verdict"], bounded["verdict"]) == ("accepted", "undecided", "")
    assert float(rows["KNa2", "significance"]["value"]) == 14.0


def test_a_parameter_shows_its_tie_and_its_confidence_interval(make_index, tmp_path):
    index = make_index(points=101)
    zero, edge = index.refinement.parameters
    shown = (replace(zero, interval=ConfidenceInterval(low=0.0103, high=None, level=0.9)), replace(edge, expr="2 * zero"))
    write_refine_csv(replace(index, refinement=replace(index.refinement, parameters=shown)), tmp_path / "r.csv")
    first, second = (row for row in read(tmp_path / "r.csv") if row["quantity"].startswith("parameter "))
    assert [first[name] for name in ("interval_low", "interval_high", "interval_level", "tied_to")] == ["0.0103", "", "0.9", ""]
    assert [second[name] for name in ("interval_low", "interval_high", "interval_level", "tied_to")] == ["", "", "", "2 * zero"]


def test_the_profile_has_every_point_and_its_difference(make_index, tmp_path):
    index = make_index(points=501)
    write_profile_csv(index, tmp_path / "f.csv")
    rows = read(tmp_path / "f.csv")
    assert len(rows) == 501
    for row in rows[::50]:
        difference = float(row["observed [counts]"]) - float(row["calculated [counts]"])
        assert float(row["difference [counts]"]) == pytest.approx(difference, abs=1e-4)
    assert float(rows[-1]["KNa2 [counts]"]) == pytest.approx(float(index.refinement.contributions["KNa2"][-1]), rel=1e-6)


def test_a_series_is_one_row_a_scan_with_a_value_and_an_esd_column_a_trajectory(make_track, tmp_path):
    track = make_track()
    write_track_csv(track, tmp_path / "t.csv")
    rows = read(tmp_path / "t.csv")
    assert [row["name"] for row in rows] == [scan.name for scan in track.scans]
    for trajectory in track.trajectories:
        value_name, esd_name = trajectory_columns(trajectory)
        for row, value, esd in zip(rows, trajectory.value, trajectory.esd, strict=True):
            if value is None:
                assert row[value_name] == row[esd_name] == ""
            else:
                assert float(row[value_name]) == pytest.approx(value, abs=1e-3 * (esd or 1e-6))
                assert (float(row[esd_name]) if row[esd_name] else None) == esd
    assert float(rows[4]["presence of KNa2 (1 0 3)"]) == 0.99
    assert (rows[5]["used"], rows[5]["why_not"]) == ("no", "the file is cut off")


def test_empty_answers_are_a_header_alone(empty_index, tmp_path):
    for write in (write_index_csv, write_refine_csv, write_profile_csv):
        write(empty_index, tmp_path / "e.csv")
        assert len((tmp_path / "e.csv").read_text(encoding="utf-8").splitlines()) == 1


def test_a_phase_name_that_a_spreadsheet_would_run_is_disarmed(make_index, tmp_path):
    write_index_csv(make_index(rename={"K": "=HYPERLINK(1)"}), tmp_path / "i.csv")
    names = {row["phase"] for row in read(tmp_path / "i.csv")}
    assert "'=HYPERLINK(1)" in names
    assert not any(name.startswith("=") for name in names)
