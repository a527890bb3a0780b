"""Air over a series: faint amounts that only all scans together show, honest onsets, and silence where nothing grows."""

import numpy as np
import pytest

from xrdkna.track.air.air_evidence import AirEvidence
from xrdkna.track.air.air_family import judge_air
from xrdkna.track.air.air_growth import Amounts, growth_of
from xrdkna.track.settings import TrackSettings

SETTINGS = TrackSettings()
PATTERNS = {"K2CO3": (1.0, 0.7, 0.6, 0.5, 0.3), "KHCO3": (1.0, 0.8, 0.5), "KO2": (1.0, 0.5, 0.4), "KOH": (1.0, 0.8, 0.7)}


def planted(rng, amount, *, member="K2CO3", false=0.0, offset=0.0):
    """Four members over amount.size scans, unit esds; `member` with its textured pattern; every line with a false area of sd `false`,
    told to the model as `offset`."""
    found = []
    for name, pattern in PATTERNS.items():
        template = np.array(pattern) / sum(pattern)
        k, n = template.size, amount.size
        course = amount if name == member else np.zeros(n)
        areas = course[:, None] * template * rng.uniform(0.65, 1.5, k) + false * rng.standard_normal(k)
        joint = np.broadcast_to(np.eye(k), (n, k, k)).copy()
        score = areas + rng.standard_normal((n, k))
        found.append(
            AirEvidence(
                phase=name, columns=np.arange(k), template=template, joint=joint, score=score, offset=np.full(k, offset), slope=np.zeros(k)
            )
        )
    return found


def judged(rng, amount, **more):
    clock = np.linspace(0.0, 1.0, amount.size)
    return judge_air(planted(rng, amount, **more), clock, np.ones(amount.size), SETTINGS)


def test_sixty_empty_series_of_each_length_raise_no_alarm():
    for scans in (1, 6, 40):
        rng = np.random.default_rng(scans)
        alarms = sum(judged(rng, np.zeros(scans)).family.probability >= 0.95 for _ in range(60))
        assert alarms <= 1


def test_what_no_scan_shows_all_scans_together_do():
    """Two sigmas a scan for the whole pattern: nowhere seen, surely there."""
    rng = np.random.default_rng(7)
    amount = np.where(np.arange(60) >= 20, 4.0, 0.0)
    posteriors = [judged(rng, amount) for _ in range(30)]
    assert sum(one.family.probability >= 0.95 and one.family.best == "K2CO3" for one in posteriors) >= 29
    single = [judged(rng, amount[-1:]) for _ in range(100)]
    assert sum(one.family.probability >= 0.95 for one in single) <= 10


@pytest.mark.parametrize("grows", [False, True])
def test_the_onset_is_within_two_scans_and_its_posterior_covers_it(grows):
    rng = np.random.default_rng(8)
    near = covered = total = 0
    for _ in range(40):
        onset = int(rng.integers(4, 16))
        since = np.arange(24) - onset + 0.5
        amount = np.where(since > 0.0, 20.0 * (since / since[-1] if grows else 1.0), 0.0)
        posterior = judged(rng, amount).onset
        cumulative = np.cumsum(posterior)
        near += abs(int(np.searchsorted(cumulative, 0.5)) - onset) <= 2
        covered += np.searchsorted(cumulative, 0.025) <= onset <= np.searchsorted(cumulative, 0.975)
        total += 1
    assert near >= 0.95 * total
    assert covered >= 0.9 * total


def test_what_the_model_leaves_everywhere_is_no_contamination():
    """False areas of half a sigma a scan in every line: eighty scans make five sigmas of each, unless they are known for what they are."""
    rng = np.random.default_rng(9)
    known = sum(judged(rng, np.zeros(80), false=0.5, offset=0.5).family.probability >= 0.95 for _ in range(40))
    taken_for_air = sum(judged(rng, np.zeros(80), false=0.5).family.probability >= 0.95 for _ in range(40))
    assert known <= 1
    assert taken_for_air >= 10, "the control has lost its point"


def growth(slope_on, slope_rest, seed, *, states=None):
    rng = np.random.default_rng(seed)
    hours = np.arange(30) * 0.25
    states = states or ["rest"] * 10 + ["plating"] * 10 + ["rest"] * 10
    current = np.array([state != "rest" for state in states], dtype=float)
    step = 0.25 * (slope_rest + (slope_on - slope_rest) * 0.5 * (current[1:] + current[:-1]))
    value = np.concatenate(([0.0], np.cumsum(step))) + 0.001 * rng.standard_normal(30)
    return growth_of(Amounts(value=value, esd=np.full(30, 0.001), hours=hours, weighed=True, timed=True), states, 0)


def test_growth_irrespective_of_current_is_told_from_growth_under_current():
    both = [growth(0.004, 0.004, seed) for seed in range(30)]
    driven = [growth(0.01, 0.0, seed) for seed in range(30)]
    assert sum(one.grows == "irrespective" for one in both) >= 28
    assert sum(one.grows == "under current" for one in driven) >= 28
    pulls = [(one.rate.value - 0.004) / one.rate.esd for one in both]
    assert np.std(pulls) == pytest.approx(1.0, abs=0.4)
    assert "irrespective of the current" in both[0].sentence
    assert "wt% an hour" in both[0].sentence


def test_nothing_is_said_of_the_current_when_its_state_is_unknown_or_never_changes():
    unknown = growth(0.004, 0.004, 1, states=["unknown"] * 30)
    resting = growth(0.004, 0.004, 1, states=["rest"] * 30)
    assert unknown.grows == resting.grows == "unknown"
    assert unknown.under_current is None
    assert "all of it at rest" in resting.sentence


def test_noise_does_not_grow():
    flat = [growth(0.0, 0.0, seed) for seed in range(40)]
    assert sum(one.grows != "unknown" for one in flat) <= 2
