"""The sentence on air stands by itself, whatever surrounds it."""

import pytest

from xrdkna.match.contamination import judge_contamination
from xrdkna.records.index import PhaseVerdict
from xrdkna.records.values import Estimate


def verdict(phase: str, said: str, *, weight: tuple[float, float] | None = None, limit: float | None = None, role: str = "contamination"):
    return PhaseVerdict(
        phase=phase,
        role=role,
        verdict=said,
        significance=9.0,
        weight_fraction=None if weight is None else Estimate(value=weight[0], esd=weight[1], unit=""),
        detection_limit=None if limit is None else Estimate(value=limit, esd=None, unit=""),
        cell=None,
        reasons=(),
    )


@pytest.mark.parametrize(
    ("verdicts", "sentence"),
    [
        ([verdict("K2CO3", "present", weight=(0.0470, 0.0038))], "Air has reached the sample: K2CO3 (4.7 ± 0.4 wt%)."),
        ([verdict("K2CO3", "present", weight=(1.0, 0.0))], "Air has reached the sample: K2CO3 (100 wt%)."),
        (
            [verdict("K2CO3", "present", weight=(0.5, 0.12)), verdict("KOH", "present")],
            "Air has reached the sample: K2CO3 (50 ± 12 wt%) and KOH.",
        ),
        ([verdict("KOH", "undecided")], "Air may have reached the sample: KOH is undecided."),
        (
            [verdict("KOH", "absent", limit=0.0041), verdict("KO2", "absent", limit=0.002)],
            "No contamination by air: none of its phases above 0.41 wt% (95 %).",
        ),
        ([verdict("Al", "present", role="hardware")], "No contamination by air was looked for: no phase chosen is one that air makes."),
    ],
)
def test_air_is_judged_in_one_whole_sentence(verdicts, sentence):
    assert judge_contamination(verdicts).sentence == sentence
