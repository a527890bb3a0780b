"""The comparison itself: its ruler, its figures, and that the package's side refines what was planted."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest


@pytest.fixture(scope="module")
def course(compare: ModuleType, workload: ModuleType) -> Callable[..., Any]:
    """A made-up run: every fit finds the truth but for `shift` wt% of Al, and takes `seconds`."""
    from bench import Fit
    from turns import Course

    def make(*, seconds: float, shift: float) -> Any:
        def fit(scan: Any) -> Any:
            weights = {**scan.weight_fractions, "Al": scan.weight_fractions["Al"] + shift / 100.0}
            return Fit(seconds=seconds, processor_seconds=seconds, rwp=scan.rwp_of_truth, weights=weights, verdict="fine")

        fits = [fit(scan) for scan in workload.series_scans(6)]
        return Course(
            facts={"program": "made up", "setting": "none"},
            ready_seconds=1.0,
            memory_begun_mb=100.0,
            memory_ended_mb=107.0,
            static=[fit(workload.static_scan())],
            blocks=[fits[:3], fits[3:]],
        )

    return make


def test_the_ruler_gives_the_planted_model_the_agreement_of_the_truth(xrdkna_side: ModuleType, workload: ModuleType) -> None:
    scan = workload.static_scan()
    with xrdkna_side.Stopwatch() as watch:
        pass
    fit = xrdkna_side.fit_of(scan, watch, calculated=scan.expected, weights={}, verdict="")
    assert fit.rwp == pytest.approx(scan.rwp_of_truth, rel=1e-12)


def test_the_figures_are_those_of_the_planted_errors(compare: ModuleType, workload: ModuleType, course: Callable[..., Any]) -> None:
    courses = {"xrdkna": course(seconds=0.004, shift=0.0), "rietx": course(seconds=0.6, shift=1.5)}
    figures = compare.summary(courses, list(workload.series_scans(6)), workload.static_scan())
    assert figures["times_faster"] == pytest.approx(150.0)
    assert figures["rwp_ratio"] == pytest.approx(1.0)
    assert figures["sides"]["xrdkna"]["rms_wt"]["Al"] == pytest.approx(0.0, abs=1e-9)
    assert figures["sides"]["rietx"]["rms_wt"]["Al"] == pytest.approx(1.5)
    assert figures["sides"]["rietx"]["rms_wt"]["K"] == pytest.approx(0.0, abs=1e-9)
    change, esd = figures["rms_wt_difference"]["Al"]
    assert change == pytest.approx(-1.5)
    assert esd == pytest.approx(0.0, abs=1e-9)
    assert figures["memory_grown_mb"] == pytest.approx(7.0)
    assert "150.0 times faster" in compare.table(figures)


def test_both_sides_are_judged_on_the_scans_that_both_have_fitted(
    compare: ModuleType, workload: ModuleType, course: Callable[..., Any]
) -> None:
    whole, part = course(seconds=0.004, shift=0.0), course(seconds=0.6, shift=0.0)
    last = [[], part.blocks[1]]
    courses = {
        "xrdkna": whole,
        "rietx": type(part)(**{name: getattr(part, name) for name in part.__slots__ if name != "blocks"}, blocks=last),
    }
    figures = compare.summary(courses, list(workload.series_scans(6)), workload.static_scan())
    assert figures["scans_compared"] == 3
    assert figures["sides"]["xrdkna"]["rms_wt"]["KNa2"] == pytest.approx(0.0, abs=1e-9)


@pytest.mark.slow
def test_the_package_refines_the_planted_weights(xrdkna_side: ModuleType, workload: ModuleType, tmp_path: Path) -> None:
    side, cifs = xrdkna_side.Xrdkna("refined"), workload.write_cifs(tmp_path)
    scans = list(workload.series_scans())[40:43]
    for scan, fit in zip(scans, side.refine_series(scans, cifs), strict=True):
        assert fit.rwp < 1.002 * scan.rwp_of_truth
        errors = [100.0 * (fit.weights[name] - weight) for name, weight in scan.weight_fractions.items()]
        assert np.abs(errors).max() < 0.6
