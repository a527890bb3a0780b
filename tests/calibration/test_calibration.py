"""Whether the esds of a refinement are right, on planted patterns of an independent engine; `pulls.py` is the long version."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from plant import draw_specimen, expected_counts
from pulls import MEAN_LIMIT, SD_LIMITS, fit, pulls_of, summary

PATTERNS = 24
# Chance alone takes one mean in ten thousand further than this many standard errors.
CHANCE = 3.9
# Quantities with fewer pulls than this have no standard deviation worth the name.
FEWEST = 20


@pytest.fixture(scope="module")
def rows():
    return summary(pulls_of(range(1000, 1000 + PATTERNS)))


def test_every_quantity_is_as_far_from_the_truth_as_its_esd_says(rows):
    judged = {quantity: row for quantity, row in rows.items() if row["n"] >= FEWEST}
    assert {"cell edge", "scale", "weight fraction", "size", "strain", "texture", "displacement", "March r"} <= set(judged)
    for quantity, row in judged.items():
        # Numbers of one pattern are not independent: a pattern, not a number, is what the standard error counts.
        error = 1.0 / np.sqrt(min(row["n"], 2.0 * PATTERNS))
        assert abs(row["mean"]) < MEAN_LIMIT + CHANCE * error, quantity
        assert row["sd"] < SD_LIMITS[1] + CHANCE * error, quantity
        assert row["sd"] > SD_LIMITS[0] - CHANCE * error / np.sqrt(2.0), quantity


def test_without_noise_the_truth_comes_back_within_half_an_esd_of_counting():
    specimen = draw_specimen(1002)
    expected, _ = expected_counts(specimen)
    result = fit(specimen, expected)
    for true, found in zip(specimen.phases, result.phases, strict=True):
        assert found.weight_fraction.value == pytest.approx(true.weight, abs=0.5 * found.weight_fraction.esd)
        # A cell that its lines hardly speak of is pulled to the library's, as it should be.
        if found.cell["a"].esd < 2e-4 * true.cell[0]:
            assert found.cell["a"].value == pytest.approx(true.cell[0], abs=0.5 * found.cell["a"].esd)


@pytest.mark.parametrize("seed", [2042, 2570])
def test_a_cubic_texture_is_told_from_that_on_the_other_side_of_one_or_its_esd_spans_both(seed):
    """In 2042 χ² tells the sides apart (by 22) once two phases are turned in turn; in 2570 it does not (0.5) for NaF."""
    specimen = draw_specimen(seed)
    expected, _ = expected_counts(specimen)
    result = fit(specimen, np.random.default_rng([seed, 1]).poisson(expected).astype(float))
    for true in specimen.phases:
        march = result.parameter(f"march_{true.phase.name}").value
        assert abs(march.value - true.march) < 4.0 * march.esd
    if seed == 2570:
        assert result.parameter("march_NaF").value.esd > 0.1
    else:
        assert result.parameter("march_K2O").value.esd < 0.03
