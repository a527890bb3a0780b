"""What a scan says about the areas of its lines: the algebra against plain least squares, and the chain against the single fit."""

import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))
from conftest import Planted, pattern_of, planted_counts

from xrdkna.records.phases import Cell, Reflections
from xrdkna.records.refinement import STEADY, IntensityInformation
from xrdkna.refine.following.chain import Chain
from xrdkna.refine.refine import refine_pattern
from xrdkna.refine.settings import RefineSettings
from xrdkna.refine.trust.marginal import marginal

POINTS = 120


@given(st.integers(0, 10_000))
def test_the_marginal_is_that_of_the_whole_least_squares_problem(seed: int) -> None:
    """Inverse of N: the areas' block of the inverse of everything; N⁻¹ b: their part of the joint solution."""
    rng = np.random.default_rng(seed)
    x = np.linspace(0.0, 1.0, POINTS)
    profiles = np.array([np.where(abs(x - c) < 0.15, np.exp(-(((x - c) / 0.05) ** 2)), 0.0) for c in rng.uniform(0.1, 0.9, 4)])
    slopes, prior = rng.normal(size=(3, POINTS)), rng.uniform(0.5, 2.0, 3)
    weight, residual = rng.uniform(0.5, 2.0, POINTS), rng.normal(size=POINTS)
    information, score = marginal(profiles, 3, slopes=slopes, prior=prior, weight=weight, residual=residual)
    # the fourth profile is the rest of a phase, which follows its scale to 30 %
    design = np.vstack([profiles, slopes])
    whole = (design * weight) @ design.T + np.diag([0.0, 0.0, 0.0, 0.3**-2, *prior])
    solution = np.linalg.solve(whole, (design * weight) @ residual)
    size = np.sqrt(np.diag(information))
    np.testing.assert_allclose(
        np.linalg.inv(np.linalg.inv(whole)[:3, :3]) / np.outer(size, size), information / np.outer(size, size), atol=1e-7
    )
    np.testing.assert_allclose(information @ solution[:3] / size, score / size, atol=1e-6)


def by_line(information: IntensityInformation) -> dict[tuple[str, tuple[int, int, int]], tuple[float, float]]:
    """Area and esd of each group that is told well enough to be told apart from nothing, everything else profiled out."""
    esd = np.sqrt(np.diag(np.linalg.inv(information.information)))
    area = np.linalg.solve(information.information, information.score)
    told = zip(information.groups, area.tolist(), esd.tolist(), strict=True)
    return {(group.phase, group.hkl): (a, s) for group, a, s in told if group.role != STEADY}


@pytest.mark.parametrize("amount", [0.3, 0.0])
def test_a_chain_says_of_areas_what_a_fit_on_its_own_says(
    two_theta: np.ndarray, face_centred: Reflections, body_centred: Reflections, amount: float
) -> None:
    planted = [
        Planted(face_centred, Cell(a=4.1041, b=4.1041, c=4.1041), 0.02, {}),
        Planted(body_centred, Cell(a=3.1968, b=3.1968, c=3.1968), 0.02 * amount, {}),
    ]
    counts = np.random.default_rng(77).poisson(planted_counts(two_theta, planted, displacement_mm=0.05)).astype(float)
    pattern, phases = pattern_of(two_theta, counts), [face_centred, body_centred]
    settings = RefineSettings(texture="none")
    alone = refine_pattern(pattern, phases, settings, fwhm=0.1).information
    followed = Chain(phases, settings, fwhm=0.1, areas=True).fit(pattern).information
    assert followed is not None
    one, other = by_line(alone), by_line(followed)
    assert set(one) == set(other)
    for line, (area, esd) in one.items():
        if line[0] == "Fcc" or amount > 0.0:
            assert other[line][1] == pytest.approx(esd, rel=0.05), line
            assert other[line][0] == pytest.approx(area, abs=0.1 * esd), line
        else:
            # where nothing is, cell and widths of what is looked for are any that the noise likes
            assert abs(other[line][0]) < 4.5 * other[line][1], line
