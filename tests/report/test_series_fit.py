"""The fits of a series as tables: every number in its place, nothing invented for a scan that was left out."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from xrdkna.records.series_fit import LeftOut, ScanFit
from xrdkna.report.document_parts import write_json
from xrdkna.report.series_fit import series_fit_document, series_fit_summary, write_series_fit_csv


def fit(name: str, weight: float, *, a_esd: float = 0.0002, quarantined: bool = False) -> ScanFit:
    return ScanFit(
        name=name,
        calculated=np.zeros(0),
        smooth=np.zeros(0),
        weight=np.zeros(0),
        names=("displacement", "background_0", "scale_K", "a_K"),
        units=("°", "counts", "", "Å"),
        values=np.array([0.0123, 99.0, 1.5e-3, 5.3284]),
        esds=np.array([0.0011, 0.4, 2e-5, a_esd]),
        inflation=1.07,
        phases=("K", "Al"),
        weight_fractions=np.array([weight, 1.0 - weight]),
        masses=np.ones(2),
        weight_esds=np.array([0.004, 0.004]),
        detection_limits=np.array([0.011, 0.02]),
        significances=np.array([40.0, 70.0]),
        rwp=0.0654,
        rexp=0.061,
        gof=1.07,
        verdict="rejected" if quarantined else "accepted",
        reasons=("as expected",),
        evaluations=1,
        quarantined=quarantined,
    )


def table(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))


SCANS = [fit("one", 0.25), LeftOut(name="two", why="two.xy is empty; measure again."), fit("three", 0.30, quarantined=True)]


def test_the_table_has_a_row_a_scan_and_no_numbers_for_one_left_out(tmp_path):
    path = tmp_path / "fits.csv"
    write_series_fit_csv(SCANS, path)
    rows = table(path)
    assert [row["name"] for row in rows] == ["one", "two", "three"]
    assert float(rows[0]["weight_fraction K"]) == pytest.approx(0.25)
    assert float(rows[0]["weight_fraction K esd"]) == pytest.approx(0.004)
    assert float(rows[0]["a_K [Å]"]) == pytest.approx(5.3284)
    assert "background_0 [counts]" not in rows[0]
    assert rows[1]["why_not"] == "two.xy is empty; measure again."
    assert {value for key, value in rows[1].items() if key not in ("name", "why_not")} == {""}
    assert (rows[2]["quarantined"], rows[2]["verdict"]) == ("true", "rejected")


def test_a_parameter_that_no_scan_refined_has_no_column(tmp_path):
    path = tmp_path / "fits.csv"
    write_series_fit_csv([fit("one", 0.2, a_esd=0.0)], path)
    assert "a_K [Å]" not in path.read_text(encoding="utf-8").splitlines()[0]


def test_the_document_holds_the_same_numbers(tmp_path):
    path = tmp_path / "fits.json"
    write_json(series_fit_document("cell", SCANS), str(path))
    document = json.loads(path.read_text(encoding="utf-8"))
    assert document["schema"] == "xrdkna.refine-series/1"
    first, left_out, last = document["scans"]
    assert first["phases"][0]["weight_fraction"] == {"value": 0.25, "esd": 0.004, "unit": ""}
    assert first["phases"][0]["detection_limit"]["value"] == pytest.approx(0.011)
    assert [parameter["name"] for parameter in first["parameters"]] == ["displacement", "scale_K", "a_K"]
    assert left_out == {"name": "two", "used": False, "why_not": "two.xy is empty; measure again."}
    assert last["quarantined"] is True


def test_the_summary_names_what_is_left_out_and_what_is_not_to_be_believed():
    text = " ".join(series_fit_summary("cell", SCANS).split())
    assert "2 scans fitted, 1 accepted, 1 rejected" in text
    assert "two is left out" in text
    assert "no other fit started from them: three" in text


def test_a_series_of_which_nothing_was_fitted_still_has_a_table(tmp_path):
    path = tmp_path / "fits.csv"
    write_series_fit_csv(SCANS[1:2], path)
    assert table(path)[0]["why_not"] == "two.xy is empty; measure again."
    assert series_fit_summary("cell", SCANS[1:2]).startswith("cell: no scans fitted. two is left out")
