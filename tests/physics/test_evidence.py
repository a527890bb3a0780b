"""Evidence for one phase among others: against brute-force least squares on the areas themselves."""

import numpy as np
import pytest

from xrdkna.physics.evidence import phase_evidence, with_strangers_settled, without_strangers
from xrdkna.records.refinement import UNEXPLAINED, IntensityInformation, ReflectionGroup


def group(phase: str, number: int, *, expected: float = 0.0, share: float = 0.0) -> ReflectionGroup:
    role = UNEXPLAINED if phase == UNEXPLAINED else "deposit"
    hkl = (number, 0, 0)
    return ReflectionGroup(
        phase=phase, role=role, hkl=hkl, members=(hkl,), two_theta=20.0 + number, fwhm=0.1, expected=expected, share=share
    )


def measured(
    groups: list[ReflectionGroup], areas: list[float], design: np.ndarray, *, noise: np.ndarray | float = 0.0
) -> IntensityInformation:
    """N and b of a linear measurement y = design·a + noise with σ = 1."""
    y = design @ np.array(areas) + noise
    return IntensityInformation(groups=tuple(groups), information=design.T @ design, score=design.T @ y)


def test_an_amplitude_beside_a_textured_phase_is_the_ridge_regression_of_the_textbook():
    rng = np.random.default_rng(1)
    groups = [group("A", 1, share=0.7), group("A", 2, share=0.3), group("B", 3, expected=40.0), group("B", 4, expected=25.0)]
    design = rng.normal(size=(30, 4)) + 1.0
    information = measured(groups, [3.0, 2.0, 45.0, 20.0], design, noise=rng.normal(size=30))
    found = phase_evidence(information, "A", texture_sd={"B": 0.2})
    # unknowns: amplitude of A, level of B, texture of each line of B; the last two carry a prior of 0 ± 0.2
    change = np.array([[0.7, 0, 0, 0], [0.3, 0, 0, 0], [0, 40, 40, 0], [0, 25, 0, 25]])
    normal = change.T @ information.information @ change + np.diag([0, 0, 25.0, 25.0])
    answer = np.linalg.solve(normal, change.T @ information.score)
    assert found.area == pytest.approx(answer[0], rel=1e-6)
    assert found.esd == pytest.approx(np.sqrt(np.linalg.inv(normal)[0, 0]), rel=1e-6)


def test_significance_of_an_absent_phase_is_a_standard_normal():
    rng = np.random.default_rng(2)
    groups = [group("A", 1, share=0.6), group("A", 2, share=0.4), group("B", 3, expected=50.0), group("B", 4, expected=30.0)]
    design = np.abs(rng.normal(size=(60, 4))) + np.eye(60, 4) * 5
    seen = [phase_evidence(measured(groups, [0, 0, 50.0, 30.0], design, noise=rng.normal(size=60)), "A").significance for _ in range(400)]
    assert abs(np.mean(seen)) < 0.15
    assert np.std(seen) == pytest.approx(1.0, abs=0.1)


def test_a_line_that_hides_exactly_behind_another_has_no_significance_of_its_own():
    groups = [group("A", 1, share=1.0), group("B", 2, expected=50.0)]
    column = np.ones((20, 1))
    information = measured(groups, [10.0, 50.0], np.hstack([column, column]))
    assert abs(phase_evidence(information, "A", texture_sd={"B": 10.0}).significance) < 0.5


def test_a_line_without_any_information_is_no_overflow():
    groups = [group("A", 1, share=0.5), group("A", 2, share=0.5), group("B", 3, expected=10.0)]
    normal = np.diag([4.0, -1e-18, 4.0])
    found = phase_evidence(IntensityInformation(groups=tuple(groups), information=normal, score=np.array([8.0, 0.0, 40.0])), "A")
    assert found.significance == pytest.approx(4.0, rel=1e-3)
    assert abs(found.groups[1].significance) < 1e-3
    assert found.groups[0].area == pytest.approx(2.0, rel=1e-6)


def test_strangers_settled_is_the_marginal_and_without_them_all_is_left_to_the_phase():
    rng = np.random.default_rng(3)
    groups = [group("A", 1, share=1.0), group(UNEXPLAINED, 1, expected=8.0)]
    design = rng.normal(size=(40, 2)) + 1.0
    information = measured(groups, [0.0, 8.0], design)
    settled = with_strangers_settled(information)
    covariance = np.linalg.inv(information.information)
    assert settled.information[0, 0] == pytest.approx(1 / covariance[0, 0], rel=1e-6)
    assert settled.score[0] / settled.information[0, 0] == pytest.approx(0.0, abs=1e-6)
    alone = without_strangers(information)
    assert phase_evidence(alone, "A").area == pytest.approx(information.score[0] / information.information[0, 0])
    assert abs(phase_evidence(information, "A").area) < 1e-5


def test_a_phase_outside_the_range_gives_no_evidence():
    information = measured([group("A", 1, share=1.0)], [1.0], np.ones((3, 1)))
    assert phase_evidence(information, "B") is None
