"""Texture coefficients, crystals lost to a halo: by hand, by simulation, and nothing where nothing turns or melts."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xrdkna.records.values import Estimate
from xrdkna.track.change.crystallinity import exchange_of, exchange_sentence
from xrdkna.track.change.harris import harris_spread, texture_change_sentence, texture_coefficients
from xrdkna.track.interpret import interpret_series
from xrdkna.track.settings import TrackSettings

HKLS = ((1, 1, 0), (2, 0, 0), (2, 1, 1), (2, 2, 0), (3, 2, 1), (2, 2, 2))
POWDER = np.array([100.0, 17.0, 27.0, 7.0, 4.0, 2.0])


def _coefficients(areas, sigma, powder=POWDER):
    n, k = areas.shape
    return texture_coefficients(areas, np.tile(np.eye(k) * sigma**2, (n, 1, 1)), powder, np.ones((n, k), dtype=bool))


def test_the_coefficients_of_three_lines_by_hand():
    found = _coefficients(np.array([[20.0, 10.0, 0.0]]), 0.1, np.array([10.0, 10.0, 10.0]))
    np.testing.assert_allclose(found.value, [[2.0, 1.0, 0.0]])
    assert harris_spread(found.value)[0] == pytest.approx(np.sqrt(2.0 / 3.0))


def test_a_powder_has_ones_within_their_esds_and_the_esds_are_right():
    rng = np.random.default_rng(51)
    n = 4000
    spread = np.diag([4.0, 1.0, 1.0, 0.3, 0.2, 0.1]) ** 2
    spread[1, 2] = spread[2, 1] = 0.8
    areas = 3.0 * POWDER + rng.multivariate_normal(np.zeros(6), spread, size=n)
    found = texture_coefficients(areas, np.tile(spread, (n, 1, 1)), POWDER, np.ones((n, 6), dtype=bool))
    pulls = (found.value - 1.0) / found.esd
    np.testing.assert_allclose(pulls.std(axis=0), 1.0, atol=0.06)
    np.testing.assert_allclose(pulls.mean(axis=0), 0.0, atol=0.07)


@given(st.floats(1e-3, 1e3), st.floats(1e-3, 1e3), st.integers(0, 999))
def test_neither_the_amount_nor_the_scale_of_the_powder_matters(amount, scale, seed):
    areas = np.random.default_rng(seed).uniform(0.5, 2.0, (1, 6)) * POWDER * 100
    plain = _coefficients(areas, 1.0)
    scaled = texture_coefficients(amount * areas, amount**2 * np.eye(6)[None], scale * POWDER, np.ones((1, 6), dtype=bool))
    np.testing.assert_allclose(scaled.value, plain.value, rtol=1e-9)
    np.testing.assert_allclose(scaled.esd, plain.esd, rtol=1e-9)
    assert plain.value.mean() == pytest.approx(1.0)


def test_a_scan_without_the_phase_or_with_two_lines_has_no_coefficients():
    areas = np.array([np.zeros(6), 50.0 * POWDER])
    found = texture_coefficients(
        areas, np.tile(np.eye(6), (2, 1, 1)), POWDER, np.array([[True] * 6, [True, True, False, False, False, False]])
    )
    assert np.isnan(found.value).all()


def test_222_coming_while_211_220_and_321_go_is_texture_and_a_sentence_says_so():
    """The series of alloys: powder-like potassium, then (2 2 2) and hardly anything else."""
    rng = np.random.default_rng(52)
    turned = np.array([0.5, 0.4, 0.0, 0.0, 0.0, 12.0])
    areas = np.array([20.0 * POWDER, 20.0 * POWDER, 20.0 * turned * POWDER]) + rng.standard_normal((3, 6))
    sentence = texture_change_sentence("K", HKLS, _coefficients(areas, 1.0), (0, 1, 2))
    assert "(2 2 2) from 1.0 to" in sentence
    assert all(line in sentence for line in ("(2 1 1)", "(2 2 0)", "(3 2 1)"))
    assert "texture, no new phase" in sentence


def test_no_powder_is_ever_said_to_turn():
    said = 0
    for seed in range(300):
        rng = np.random.default_rng([53, seed])
        amount = rng.uniform(5.0, 30.0, (12, 1))
        said += (
            texture_change_sentence("K", HKLS, _coefficients(amount * POWDER + 3.0 * rng.standard_normal((12, 6)), 3.0), tuple(range(12)))
            is not None
        )
    assert said <= 1


def _exchange(crystal, halo, *, sigma=2.0, rng=None):
    noise = np.zeros((2, len(crystal))) if rng is None else sigma * rng.standard_normal((2, len(crystal)))
    esd = np.full(len(crystal), sigma)
    return exchange_of(np.asarray(crystal, dtype=float) + noise[0], esd, np.asarray(halo, dtype=float) + noise[1], esd)


def test_three_alloys_that_melt_lose_their_crystals_to_the_halo():
    found = _exchange([100.0, 60.0, 8.0], [20.0, 40.0, 100.0])
    assert (found.crystal, found.halo) == (pytest.approx(0.08), pytest.approx(5.0))
    assert found.crystal_esd == pytest.approx(0.02, rel=0.01)
    assert found.chance == pytest.approx(1.0 / 6.0)
    sentence = exchange_sentence("K", "the halo near Q 1.63 Å⁻¹", found, (0, 1, 2))
    assert sentence.startswith("Crystalline K falls to 8 ± 2 % while the halo near Q 1.63 Å⁻¹ grows 5-fold (from scan 0 to scan 2)")


def test_the_order_of_the_samples_does_not_matter():
    one, other = _exchange([100.0, 60.0, 8.0], [20.0, 40.0, 100.0]), _exchange([8.0, 100.0, 60.0], [100.0, 20.0, 40.0])
    assert (one.crystal, one.halo, one.correlation) == (other.crystal, other.halo, other.correlation)


@pytest.mark.parametrize("case", ["nothing", "the tube fades", "crystals go and the halo stays", "the halo grows alone"])
def test_what_is_no_exchange_is_not_called_one(case):
    t = np.linspace(0.0, 1.0, 16)
    crystal, halo = {
        "nothing": (100.0 + 0 * t, 40.0 + 0 * t),
        "the tube fades": (100.0 - 70.0 * t, 40.0 - 28.0 * t),
        "crystals go and the halo stays": (100.0 - 95.0 * t, 40.0 + 0 * t),
        "the halo grows alone": (100.0 + 0 * t, 10.0 + 90.0 * t),
    }[case]
    said = sum(_exchange(crystal, halo, sigma=5.0, rng=np.random.default_rng([54, seed])) is not None for seed in range(150))
    assert said <= 1


def test_a_series_that_turns_and_melts_says_both_and_carries_the_curves(kit):
    """Through the whole room: areas planted reflection by reflection, the halo among the named values."""
    n = 16
    late = np.arange(n) >= 8
    ratios = {("KNa2", (1, 1, 2)): np.where(late, 2.2, 1.0), ("KNa2", (2, 0, 1)): np.where(late, 0.2, 1.0)}
    level = np.where(late, 800.0, 3000.0)
    plan = kit.Plan(n, {**kit.hardware_levels(n), "KNa2": level}, ratios)
    observations = [
        replace(one, values={**one.values, ("halo_area", "liquid"): Estimate(value=100.0 + 900.0 * late[i], esd=20.0, unit="counts·°")})
        for i, one in enumerate(kit.make_observations(plan, np.random.default_rng(55)))
    ]
    track = interpret_series(kit.make_series(n), observations, [None] * n, TrackSettings())
    curves = {(one.quantity, one.phase, one.hkl) for one in track.trajectories}
    assert {("texture_coefficient", "KNa2", (1, 1, 2)), ("crystalline_total", None, None), ("halo_area", "liquid", None)} <= curves
    said = {notice.code: notice.sentence for notice in track.notices}
    assert "texture, no new phase" in said["texture-KNa2"]
    assert "the halo of liquid grows" in said["crystallinity-liquid"]
