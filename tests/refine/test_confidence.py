"""Profile-likelihood intervals against the esds they stand beside, and against what they must cover."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from conftest import Planted, pattern_of, planted_counts

from xrdkna.errors import RecipeError
from xrdkna.records.phases import Cell
from xrdkna.refine.refine import refine_pattern
from xrdkna.refine.settings import ParameterChoice, RefineSettings


def test_where_the_model_is_nearly_linear_the_interval_is_two_esds_to_either_side(two_theta, face_centred):
    planted = [Planted(face_centred, Cell(a=4.1041, b=4.1041, c=4.1041), 0.02, {})]
    counts = np.random.default_rng(2).poisson(planted_counts(two_theta, planted, displacement_mm=0.05)).astype(float)
    settings = RefineSettings(texture="none", confidence=("a_Fcc", "scale_Fcc"))
    refined = refine_pattern(pattern_of(two_theta, counts), [face_centred], settings, fwhm=0.1)
    for name in ("a_Fcc", "scale_Fcc"):
        parameter = refined.parameter(name)
        assert parameter.interval.level == 0.95
        below = (parameter.value.value - parameter.interval.low) / parameter.value.esd
        above = (parameter.interval.high - parameter.value.value) / parameter.value.esd
        # lmfit follows the interval's end to a hundredth of the probability.
        assert below == pytest.approx(1.96, abs=0.12), name
        assert above == pytest.approx(1.96, abs=0.12), name
    assert refined.parameter("displacement").interval is None


def test_intervals_cover_the_planted_cell_nineteen_times_in_twenty(two_theta, face_centred):
    planted = [Planted(face_centred, Cell(a=4.1041, b=4.1041, c=4.1041), 0.0004, {})]
    expected = planted_counts(two_theta, planted, displacement_mm=0.0)
    settings = RefineSettings(texture="none", confidence=("a_Fcc",), parameters={"displacement": ParameterChoice(vary=False)})
    covered = 0
    for seed in range(24):
        counts = np.random.default_rng(seed).poisson(expected).astype(float)
        interval = refine_pattern(pattern_of(two_theta, counts), [face_centred], settings, fwhm=0.1).parameter("a_Fcc").interval
        covered += (interval.low is None or interval.low <= 4.1041) and (interval.high is None or interval.high >= 4.1041)
    # 23 expected of 24; fewer than 20 happen by chance less than once in a hundred (binomial).
    assert covered >= 20


@pytest.mark.parametrize(("name", "sentence"), [("a_Nothing", "there is no parameter a_Nothing"), ("transparency", "held in this fit")])
def test_an_interval_for_what_was_not_refined_is_refused(two_theta, face_centred, name, sentence):
    pattern = pattern_of(two_theta, np.full(two_theta.size, 100.0))
    with pytest.raises(RecipeError, match=sentence):
        refine_pattern(pattern, [face_centred], RefineSettings(texture="none", confidence=(name,)), fwhm=0.1)
