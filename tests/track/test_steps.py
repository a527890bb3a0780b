"""Steps told from drift: planted ones found at their gap with an honest interval, and nothing called a step that is none.

`tests/calibration/steps.py` is the long version.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad

from xrdkna.track.change.drifts import EXCESS, Marginal, _log_scatter
from xrdkna.track.change.levels import level_changes
from xrdkna.track.change.shapes import KINDS, SPIKE, STEP, shapes_over
from xrdkna.track.change.steps import BLOCK, read_series
from xrdkna.track.paths.switches import switch_interval

ODDS, REPORT = 0.01 * 0.95 / 0.05, 0.95
SCANS = 20
T = np.arange(SCANS)


def _read(y, esd=None):
    return read_series(np.asarray(y, dtype=float), np.ones(len(y)) if esd is None else esd, odds=ODDS, report=REPORT)


def _gaps(y, esd=None):
    return [step.gap for step in _read(y, esd).steps]


def test_a_step_of_eight_esds_is_found_at_its_gap_and_nowhere_else():
    exact = 0
    for seed in range(60):
        rng = np.random.default_rng([31, seed])
        gap = int(rng.integers(1, SCANS - 2))
        exact += _gaps(rng.choice([-8.0, 8.0]) * (gap < T) + rng.standard_normal(SCANS)) == [gap]
    assert exact >= 57


def test_the_interval_of_a_step_holds_its_moment_in_about_ninety_five_of_a_hundred():
    held = []
    for seed in range(120):
        rng = np.random.default_rng([32, seed])
        gap = int(rng.integers(2, SCANS - 3))
        moment = gap + rng.uniform()
        for step in _read(rng.uniform(5.0, 9.0) * (gap < T) + rng.standard_normal(SCANS)).steps:
            _, low, high = switch_interval(T.astype(float), 0, step.weights, 0.95)
            held.append(low <= moment <= high)
    assert len(held) > 105
    # Three standard errors below a true rate of 92 %; all of so few may be held.
    assert np.mean(held) > 0.92 - 0.075


@pytest.mark.parametrize(
    ("name", "allowed"),
    [("constant", 0), ("line", 1), ("sigmoid", 2), ("ramp over half", 1), ("scans out of line", 1), ("scatter twice the esds", 1)],
)
def test_what_is_no_step_is_not_called_one(name, allowed):
    """60 series of each; amounts from 5 to 300 esds."""
    false = 0
    for seed in range(60):
        rng = np.random.default_rng([33, seed])
        amount = rng.choice([5.0, 20.0, 100.0, 300.0])
        noise = rng.standard_normal(SCANS)
        y = {
            "constant": 0.0 * T,
            "line": amount * T / SCANS,
            "sigmoid": amount / (1.0 + np.exp(-(T - rng.uniform(7, 13)) / rng.uniform(2, 4))),
            "ramp over half": amount * np.clip((T - rng.uniform(1, 8)) / 10.0, 0, 1),
            "scans out of line": amount * (rng.integers(0, SCANS) == T),
            "scatter twice the esds": noise,
        }[name]
        false += bool(_gaps(y + noise))
    assert false <= allowed


def test_a_slow_ramp_is_one_slow_change_and_a_box_is_two_steps():
    rng = np.random.default_rng(34)
    noise = rng.standard_normal(30)
    t = np.arange(30)
    ramp = level_changes(100.0 + 10.0 * np.clip(t - 8, 0, 12) + noise, np.ones(30), false_alarms=0.01, least_step=0.2, least_ramp=1.5)
    assert [(one.kind, one.slow) for one in ramp] == [("strengthens", True)]
    assert 7 <= ramp[0].first <= 11
    assert 16 <= ramp[0].last <= 20
    assert _gaps(30.0 * ((t > 9) & (t <= 17)) + noise) == [9, 17]


def test_a_level_that_falls_to_a_quarter_weakens_by_that_factor():
    level = np.where(T > 11, 25.0, 100.0) + np.random.default_rng(35).standard_normal(SCANS)
    (change,) = level_changes(level, np.ones(SCANS), false_alarms=0.01, least_step=0.2, least_ramp=1.5)
    assert (change.kind, change.slow, change.first + int(change.weights.argmax())) == ("weakens", False, 11)
    assert change.factor == pytest.approx(0.25, abs=4.0 * change.factor_esd)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.floats(1e-6, 1e6), st.floats(-1e3, 1e3))
def test_units_and_the_zero_of_a_scale_do_not_matter(seed, scale, offset):
    rng = np.random.default_rng(seed)
    y, esd = rng.uniform(0, 10) * (rng.integers(2, 17) < T) + rng.standard_normal(SCANS), rng.uniform(0.5, 2.0, SCANS)
    plain, scaled = _read(y, esd), _read(scale * (y + offset), scale * esd)
    assert [step.gap for step in scaled.steps] == [step.gap for step in plain.steps]
    for one, other in zip(plain.steps, scaled.steps, strict=True):
        assert other.probability == pytest.approx(one.probability, abs=1e-6)
        assert other.size == pytest.approx(scale * one.size, rel=1e-5)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_a_series_read_backwards_has_the_same_steps(seed):
    rng = np.random.default_rng(seed)
    y, esd = rng.uniform(0, 12) * (rng.integers(2, 17) < T) + rng.standard_normal(SCANS), rng.uniform(0.5, 2.0, SCANS)
    forward, backward = _read(y, esd).steps, _read(y[::-1], esd[::-1]).steps
    assert sorted(SCANS - 2 - step.gap for step in backward) == [step.gap for step in forward]
    for one, other in zip(forward, reversed(backward), strict=True):
        np.testing.assert_allclose(other.weights[::-1], one.weights, atol=1e-4)


def test_a_long_series_is_read_block_by_block_without_losing_or_doubling_a_step():
    n = 3 * BLOCK + 17
    t = np.arange(n)
    gaps = [20, BLOCK - 1, BLOCK + BLOCK // 4, 2 * BLOCK, n - 5]
    y = sum(12.0 * (-1) ** k * (t > gap) for k, gap in enumerate(gaps)) + np.random.default_rng(36).standard_normal(n)
    assert _gaps(y) == gaps


def test_the_scatter_is_integrated_as_quadrature_does_it():
    for freedom in (3, 10, 40):
        for rest in (0.1, 3.0, 30.0, 900.0):
            exact, _ = quad(lambda k, f=freedom, r=rest: k ** (-f - 1 - EXCESS) * np.exp(-0.5 * r / k**2), 1.0, np.inf, epsabs=0.0)
            reference, _ = quad(lambda k, f=freedom: k ** (-f - 1 - EXCESS) * np.exp(-0.5 / k**2), 1.0, np.inf, epsabs=0.0)
            found = float(_log_scatter(np.array([rest]), freedom)[0] - _log_scatter(np.array([1.0]), freedom)[0])
            assert found == pytest.approx(np.log(exact / reference), abs=2e-3)


def test_the_likelihood_of_a_constant_is_that_of_the_dense_formula():
    """Against the Gaussian density with the constant integrated out, κ by quadrature, at one drift-free and one drifting model."""
    rng = np.random.default_rng(37)
    n = 9
    y, esd = 2.0 * rng.standard_normal(n), rng.uniform(0.5, 1.5, n)
    rows = shapes_over(n).rows
    trial = Marginal(y, esd, rows, drift_odds=1e-12).trial([])

    def density(mean_rows):
        design = np.vstack([np.ones(n), *mean_rows]) / esd
        target = y / esd
        normal = design @ design.T
        left = target @ target - design @ target @ np.linalg.solve(normal, design @ target)
        integral, _ = quad(lambda k: k ** (-(n - len(design)) - 1 - EXCESS) * np.exp(-0.5 * left / k**2), 1.0, np.inf, epsabs=0.0)
        return np.log(integral) - 0.5 * np.linalg.slogdet(normal)[1]

    with_step = Marginal(y, esd, rows, drift_odds=1e-12).trial([2])
    assert with_step.steady - trial.steady == pytest.approx(density([rows[2]]) - density([]), abs=2e-3)


@pytest.mark.parametrize("n", [5, 8, 20, 64])
def test_the_shapes_are_the_same_when_time_runs_backwards(n):
    shapes = shapes_over(n)
    for kind in range(KINDS):
        rows = shapes.rows[shapes.kind == kind]
        if kind == SPIKE:
            assert len(rows) == n
        if kind == STEP:
            assert len(rows) == n - 3
        turned = np.diff(rows[:, ::-1], axis=1)
        plain = {tuple(np.round(np.abs(np.diff(row)), 9)) for row in rows}
        assert {tuple(np.round(np.abs(row), 9)) for row in turned} <= plain
