"""Figures of merit and centring, against sums done another way."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xrdkna.match.centring import claimed_lattice, judge_centring, squares_of
from xrdkna.match.merit import count_possible, de_wolff_m, smith_snyder_f

WAVELENGTH = 1.5405929


def angles_of(numbers: list[int], edge: float) -> np.ndarray:
    return 2.0 * np.degrees(np.arcsin(WAVELENGTH * np.sqrt(np.array(numbers, dtype=float)) / (2.0 * edge)))


def test_m_and_f_of_four_lines_worked_by_hand() -> None:
    # ⟨|ΔQ|⟩ = 0.0002, Q_4 = 0.4, 5 possible: M = 0.4 / (2 · 0.0002 · 5); ⟨|Δ2θ|⟩ = 0.02: F = 4 / (0.02 · 5)
    observed = np.array([0.1, 0.2, 0.3, 0.4])
    assert de_wolff_m(observed, observed + np.array([2e-4, -2e-4, 2e-4, -2e-4]), possible=5) == pytest.approx(200.0)
    angles = np.array([20.0, 30.0, 40.0, 50.0])
    assert smith_snyder_f(angles, angles + np.array([0.01, -0.03, 0.03, -0.01]), possible=5) == pytest.approx(40.0)


def test_an_exact_list_is_held_to_its_digits() -> None:
    angles = np.array([20.0, 30.0])
    assert smith_snyder_f(angles, angles, possible=2, least_error=0.0025) == pytest.approx(400.0)
    assert np.isfinite(smith_snyder_f(angles, angles, possible=2))


def test_equal_spacings_are_one_possible_line() -> None:
    # cubic P: (300) and (221) share N = 9; N = 1 … 9 without 7 are eight
    d = 4.0 / np.sqrt([1, 2, 3, 4, 5, 6, 8, 9, 9, 10])
    assert count_possible(d, least_d=4.0 / 3.0) == 8
    assert count_possible(np.zeros(0), least_d=1.0) == 0


@given(edge=st.floats(3.0, 9.0), scale=st.floats(0.99, 1.01))
def test_centring_follows_from_the_lines_of_each_cubic_lattice(edge: float, scale: float) -> None:
    reach = int((2.0 * edge / WAVELENGTH) ** 2 * 0.9)
    allowed = {
        "I": [n for n in (2, 4, 6, 8, 10) if n <= reach],
        "F": [n for n in (3, 4, 8, 11, 12) if n <= reach],
        "P": [n for n in (1, 2, 3, 4, 5) if n <= reach],
    }
    for lattice, numbers in allowed.items():
        judged = judge_centring(angles_of(numbers, edge * scale), edge=edge, wavelength=WAVELENGTH)
        assert judged.lattice == lattice
        assert judged.numbers == tuple(numbers)


def test_lines_that_two_lattices_share_decide_nothing() -> None:
    judged = judge_centring(angles_of([4, 8], 5.0), edge=5.0, wavelength=WAVELENGTH)
    assert judged.lattice is None
    assert "both allow" in judged.sentence


def test_seven_is_no_sum_of_three_squares_and_names_claim_lattices() -> None:
    assert [n for n in range(1, 32) if not squares_of(n)] == [7, 15, 23, 28, 31]
    assert [claimed_lattice(name) for name in ("fcc K", "K (bcc)", "face-centered cubic K", "K", None)] == ["F", "I", "F", None, None]
