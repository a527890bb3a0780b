"""Lines of no phase that move together: grouped when they do, left alone when they do not, or when nothing moves."""

import numpy as np
import pytest

from xrdkna.records.track import LinkedLine
from xrdkna.records.values import Estimate
from xrdkna.track.settings import TrackSettings
from xrdkna.track.strangers.cubic import lattice_relation
from xrdkna.track.strangers.unindexed import least_significance
from xrdkna.track.strangers.unknown_phases import group_lines

SCANS = np.arange(24)
RISING = np.clip(SCANS - 6, 0, None) / 17.0
PASSING = np.where((SCANS > 12) & (SCANS < 20), 1.0, 0.0)


def line(rng, place, course, *, missing=(), d=None):
    value = course * (1.0 + 0.04 * rng.standard_normal(course.size)) + rng.standard_normal(course.size)
    spacing = Estimate(value=d or 60.0 / place, esd=2e-4 * 60.0 / place, unit="Å")
    return LinkedLine(
        two_theta=Estimate(value=place, esd=0.01, unit="°"), first_scan=0, last_scan=course.size - 1, significance=9.0, candidates=(),
        d_spacing=spacing, value=tuple(None if i in missing else float(v) for i, v in enumerate(value)),
        esd=tuple(None if i in missing else 1.0 for i in range(course.size)),
    )  # fmt: skip


def test_lines_of_one_unknown_phase_are_one_group_and_it_says_so():
    rng = np.random.default_rng(1)
    right = 0
    for _ in range(50):
        lines, groups = group_lines(
            [line(rng, 20.0 + i, 30.0 * ratio * RISING, missing=(3, 11)) for i, ratio in enumerate((1.0, 0.7, 0.5))]
        )
        right += len(groups) == 1 and [one.group for one in lines] == [1, 1, 1]
    assert right >= 47
    assert "rise together: possibly one unknown phase" in groups[0].sentence


def test_two_unrelated_unknown_phases_are_two_groups_never_mixed():
    rng = np.random.default_rng(2)
    right = mixed = 0
    for _ in range(60):
        planted = [line(rng, 20.0 + i, 30.0 * r * RISING) for i, r in enumerate((1.0, 0.6))]
        planted += [line(rng, 30.0 + i, 30.0 * r * PASSING) for i, r in enumerate((1.0, 0.8))]
        _, groups = group_lines(planted)
        right += sorted(group.lines for group in groups) == [(0, 1), (2, 3)]
        mixed += any({0, 1} & set(group.lines) and {2, 3} & set(group.lines) for group in groups)
    assert right >= 55
    assert mixed == 0


@pytest.mark.parametrize("level", [0.0, 40.0])
def test_noise_and_lines_that_never_change_make_no_group(level):
    rng = np.random.default_rng(3)
    made = sum(bool(group_lines([line(rng, 20.0 + i, np.full(24, level)) for i in range(10)])[1]) for _ in range(150))
    assert made <= 1


def test_a_cubic_lattice_is_recognised_and_random_spacings_are_not():
    a = 4.0495
    facing = [(a / np.sqrt(n), 2e-4) for n in (3, 4, 8, 11)]
    assert f"face-centred cubic, a = {a:.3f} Å" in lattice_relation(facing)
    rng = np.random.default_rng(4)
    claimed = sum(bool(lattice_relation([(d, 2e-4 * d) for d in rng.uniform(1.2, 4.5, int(rng.integers(3, 6)))])) for _ in range(600))
    assert claimed <= 6


def test_among_many_scans_one_line_in_one_scan_has_to_stand_higher():
    assert least_significance(1, TrackSettings()) == pytest.approx(5.0)
    assert 5.7 < least_significance(100, TrackSettings()) < 6.0
