"""What is missing beside a line that stands where a phase has one: by hand-made numbers."""

from xrdkna.physics.evidence import GroupEvidence
from xrdkna.physics.lone_line import missing_beside
from xrdkna.records.refinement import ReflectionGroup


def group(hkl, two_theta, share, area, esd):
    held = ReflectionGroup(
        phase="K2CO3", role="contamination", hkl=hkl, members=(hkl,), two_theta=two_theta, fwhm=0.1, expected=0.0, share=share
    )
    return GroupEvidence(group=held, area=area, esd=esd, predicted=0.0)


STRONG, SECOND, WEAK = (1, 3, 0), (1, 1, 2), (0, 0, 2)


def test_strong_lines_that_stay_far_below_their_ratio_are_missing():
    groups = [group(STRONG, 31.63, 0.4, 100.0, 3.0), group(SECOND, 34.13, 0.3, 1.0, 3.0), group(WEAK, 26.21, 0.05, 0.0, 3.0)]
    missing = missing_beside(groups, STRONG, area=100.0)
    assert missing.hkls == (SECOND,)
    assert abs(missing.share - (1.0 + 1.645 * 3.0) / 100.0) < 1e-12
    assert "(1 1 2) is not there above 5.9 % of it (calculated: 75 %)" in missing.clause


def test_lines_that_are_there_or_could_not_be_seen_are_not_missing():
    there = [group(STRONG, 31.63, 0.4, 100.0, 3.0), group(SECOND, 34.13, 0.3, 60.0, 3.0)]
    hidden = [group(STRONG, 31.63, 0.4, 100.0, 3.0), group(SECOND, 34.13, 0.3, 0.0, 40.0)]
    assert missing_beside(there, STRONG, area=100.0) is None
    assert missing_beside(hidden, STRONG, area=100.0) is None


def test_a_stranger_near_the_place_may_be_the_line_itself():
    groups = [group(STRONG, 31.63, 0.4, 100.0, 3.0), group(SECOND, 34.13, 0.3, 1.0, 3.0)]
    assert missing_beside(groups, STRONG, area=100.0, taken=lambda angle: abs(angle - 34.2) < 0.2) is None


def test_nothing_is_said_of_a_line_the_phase_does_not_follow():
    assert missing_beside([group(SECOND, 34.13, 0.3, 1.0, 3.0)], STRONG, area=100.0) is None
