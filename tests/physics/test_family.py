"""A family judged together: likelihood ratios that integration confirms, and no alarm where nothing, or one line alone, is."""

import numpy as np
import pytest
from scipy.integrate import quad

from xrdkna.physics.evidence import phase_evidence
from xrdkna.physics.family import HIGHEST, LOWEST, Member, judge_family, line_log_evidence, members_of_scan, phase_log_evidence
from xrdkna.records.refinement import IntensityInformation, ReflectionGroup

ODDS = 0.01 * 0.95 / 0.05
TEMPLATE = np.array([1.0, 0.6, 0.5, 0.4]) / 2.5


def member(rng: np.random.Generator, areas: np.ndarray, *, name: str = "K2CO3", template: np.ndarray = TEMPLATE) -> Member:
    """One scan with unit esds."""
    score = areas + rng.standard_normal(template.size)
    return Member(phase=name, template=template, information=np.eye(template.size)[None], score=score[None])


@pytest.mark.parametrize("z", [-3.0, 0.0, 2.5, 6.0, 7.9, 8.1, 25.0])
def test_the_evidence_of_one_line_is_the_integral_over_its_amount(z):
    log_evidence = float(line_log_evidence(np.ones((1, 1, 1)), np.array([[z]]))[0, 0])
    highest = max(HIGHEST, 3.0 * z)
    integral, _ = quad(
        lambda x: np.exp(z * x - 0.5 * x * x - 0.5 * max(z, 0.0) ** 2) / x, LOWEST, highest, points=[max(z, LOWEST)], limit=500
    )
    expected = np.log(integral / np.log(highest / LOWEST)) + 0.5 * max(z, 0.0) ** 2
    assert log_evidence == pytest.approx(expected, abs=0.03)


def test_the_evidence_of_a_phase_is_the_average_over_amount_and_texture():
    rng = np.random.default_rng(1)
    information = np.array([[1.0, 0.4, 0.0], [0.4, 1.0, 0.1], [0.0, 0.1, 0.5]])
    template, score = np.array([0.5, 0.3, 0.2]), np.array([3.0, 2.5, 0.4])
    amounts = np.exp(rng.uniform(np.log(LOWEST), np.log(HIGHEST), 400_000)) / np.sqrt(template @ information @ template)
    areas = amounts[:, None] * template * (1.0 + 0.4 * rng.standard_normal((amounts.size, 3)))
    likelihood = np.exp(areas @ score - 0.5 * np.einsum("ni,ij,nj->n", areas, information, areas))
    got = float(phase_log_evidence(information[None], score[None], template, texture=0.4)[0])
    assert got == pytest.approx(np.log(likelihood.mean()), abs=0.05)


def test_nothing_is_found_where_nothing_is():
    rng = np.random.default_rng(2)
    alarms = 0
    for _ in range(600):
        family = [member(rng, np.zeros(4)), member(rng, np.zeros(2), name="KO2", template=np.array([0.7, 0.3]))]
        alarms += judge_family(family, odds=ODDS, texture=0.4).probability >= 0.95
    assert alarms <= 1


@pytest.mark.parametrize("sigmas", [4.0, 10.0, 100.0, 3000.0])
def test_one_line_alone_is_no_phase_however_strong(sigmas):
    rng = np.random.default_rng(3)
    posteriors = [judge_family([member(rng, sigmas * np.eye(4)[0])], odds=ODDS, texture=0.4) for _ in range(100)]
    assert sum(one.probability >= 0.95 for one in posteriors) <= 1
    if sigmas >= 10.0:
        assert np.mean([one.lone for one in posteriors]) > 0.9


def test_a_phase_of_which_only_one_line_can_be_seen_is_never_sure():
    only = Member(phase="KOH", template=np.array([0.6, 0.4]), information=np.diag([1.0, 0.0])[None], score=np.array([[40.0, 0.0]]))
    posterior = judge_family([only], odds=ODDS, texture=0.4)
    assert posterior.probability < 0.95


def test_a_textured_phase_is_found_and_named():
    rng = np.random.default_rng(4)
    for _ in range(50):
        areas = 40.0 * TEMPLATE * rng.uniform(0.6, 1.5, 4)
        family = [member(rng, areas), member(rng, np.zeros(2), name="KO2", template=np.array([0.7, 0.3]))]
        posterior = judge_family(family, odds=ODDS, texture=0.4)
        assert posterior.probability > 0.95
        assert posterior.best == "K2CO3"
        assert posterior.alike() == ()


def test_members_with_the_same_lines_are_told_as_alike_and_share_the_probability():
    rng = np.random.default_rng(5)
    one = member(rng, 40.0 * TEMPLATE)
    twin = Member(phase="twin", template=one.template, information=one.information, score=one.score)
    posterior = judge_family([one, twin], odds=ODDS, texture=0.4)
    assert posterior.members["K2CO3"] == pytest.approx(posterior.members["twin"])
    assert len(posterior.alike()) == 1


def test_what_is_left_to_a_member_is_what_the_evidence_for_one_phase_says():
    rng = np.random.default_rng(6)
    shares = {("A", 1): 0.7, ("A", 2): 0.3, ("Al", 1): 0.6, ("Al", 2): 0.4}
    groups = tuple(
        ReflectionGroup(
            phase=phase, role="contamination" if phase == "A" else "hardware", hkl=(order, 0, 0), members=(), two_theta=30.0 + order,
            fwhm=0.1, expected=500.0 * share if phase == "Al" else 0.0, share=share,
        )
        for (phase, order), share in shares.items()
    )  # fmt: skip
    root = rng.standard_normal((4, 4)) + 3.0 * np.eye(4)
    matrix = 0.01 * root @ root.T
    truth = np.array([30.0, 12.0, 300.0, 200.0])
    information = IntensityInformation(groups=groups, information=matrix, score=matrix @ truth)
    evidence = phase_evidence(information, "A", texture_sd={"Al": 0.1})
    (found,) = members_of_scan(information, ["A"], {"Al": 0.1})
    power = found.template @ found.information[0] @ found.template
    assert found.score[0] @ found.template / np.sqrt(power) == pytest.approx(evidence.significance, rel=1e-4)
