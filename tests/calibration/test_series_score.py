"""Whether the table of the calibration kit counts right: said events that are right, late, missing and invented."""

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from series_run import match_events, scans_off
from series_score import Row, at_least, at_most, brier, reliability, table
from series_truth import MARKER, TrueEvent

from xrdkna.records.track import Event, EventTime


def true(kind="appears", *, hkl=MARKER, after=4, pairs=None, time=450.0):
    """A true event between scans 4 and 5, 100 s apart."""
    around = pairs or ((after, after + 1),)
    return TrueEvent(kind=kind, phase="KNa2", hkl=hkl, time=time, after_scan=around[0][0], before_scan=around[0][1], pairs=around)


def said(kind="appears", *, hkl=MARKER, after=4, low=402.0, high=498.0):
    """A said event."""
    return Event(
        kind=kind,
        phase="KNa2",
        hkl=hkl,
        after_scan=after,
        before_scan=after + 1,
        time=EventTime(value=0.5 * (low + high), low=low, high=high),
        probability=0.99,
        electrochemistry=None,
        sentence="",
    )


def outcome(true_events, said_events, *, sigma=5.0, presence=(), scenario="strong", verdict="none", air=()):
    """An outcome as `outcome_of` makes it, without a series behind it."""
    matches, false = match_events(true_events, said_events)
    return {
        "scenario": scenario,
        "sigma": sigma,
        "null": not true_events,
        "declined": None,
        "matches": matches,
        "false": [{"kind": event.kind, "hkl": event.hkl} for event in false],
        "others": [],
        "presence": {"marker": list(presence)},
        "contamination": {"true": list(air), "true_onset": 3 if air else None, "verdict": verdict, "phases": list(air), "onset": 4},
    }


def shares(*outcomes):
    """The rows of the table by name."""
    return {row.name.strip(): (row.hits, row.total) for row in table(outcomes)}


def test_an_event_between_the_right_scans_is_exact_and_its_interval_holds_the_truth():
    rows = shares(outcome([true()], [said()]))
    assert rows["marker, marker ≥ 5σ: exact scan"] == (1, 1)
    assert rows["95 % intervals hold the truth: marker, all"] == (1, 1)
    assert rows["series with KNa2 and a false switch of it"] == (0, 1)


def test_an_event_one_scan_late_counts_within_one_scan_only_and_its_interval_misses():
    rows = shares(outcome([true()], [said(after=5, low=502.0, high=598.0)]))
    assert rows["marker, marker ≥ 5σ: exact scan"] == (0, 1)
    assert rows["marker, marker ≥ 5σ: within one scan"] == (1, 1)
    assert rows["95 % intervals hold the truth: marker, all"] == (0, 1)


def test_an_event_that_nobody_says_is_missed_and_one_far_away_is_false_besides():
    assert shares(outcome([true()], [], sigma=3.0))["marker, marker 3σ: missed"] == (1, 1)
    rows = shares(outcome([true()], [said(after=20)], sigma=3.0))
    assert rows["marker, marker 3σ: missed"] == (1, 1)
    assert rows["series with KNa2 and a false switch of it"] == (1, 1)


def test_a_change_that_never_was_is_counted_beside_the_false_switches():
    rows = shares(outcome([true()], [said(), said("weakens", hkl=None)]))
    assert rows["series with KNa2 and a false switch of it"] == (0, 1)
    assert rows["series with KNa2 and a false change of it"] == (1, 1)


def test_an_event_of_the_phase_is_none_of_the_marker():
    rows = shares(outcome([true()], [said(hkl=None)], sigma=3.0))
    assert rows["marker, marker 3σ: missed"] == (1, 1)


def test_several_events_of_one_kind_are_paired_one_to_one_and_nearest_first():
    matches, false = match_events([true(after=4), true(after=8)], [said(after=9), said(after=4), said(after=5)])
    assert [match["off"] for match in matches] == [0, 1]
    assert [event.after_scan for event in false] == [5]


def test_a_phase_that_comes_in_mid_sweep_may_be_dated_by_any_of_its_strong_lines():
    event = true(hkl=None, pairs=((4, 5), (3, 4)))
    assert scans_off(event, said(hkl=None, after=3)) == 0
    assert scans_off(event, said(hkl=None, after=2)) == 1


def test_any_knas_event_in_a_null_series_is_a_false_alarm():
    rows = shares(
        outcome([], [said(kind="weakens", hkl=None)], sigma=0.0, scenario="nothing"), outcome([], [], sigma=0.0, scenario="nothing")
    )
    assert rows["null series with any KNa2 event"] == (1, 2)


def test_the_papers_two_statements_must_both_be_right_and_the_phase_must_not_be_said_to_vanish():
    events = [true("vanishes"), true("weakens", hkl=None)]
    right = [said("vanishes"), said("weakens", hkl=None)]
    assert shares(outcome(events, right, scenario="paper"))["paper: both statements"] == (1, 1)
    assert shares(outcome(events, right[:1], scenario="paper"))["paper: both statements"] == (0, 1)
    assert shares(outcome(events, [*right, said("vanishes", hkl=None, after=7)], scenario="paper"))["paper: both statements"] == (0, 1)


def test_contamination_is_counted_as_found_named_and_dated():
    rows = shares(outcome([], [], sigma=0.0, verdict="found", air=("KOH",)), outcome([], [], sigma=0.0, verdict="found"))
    assert rows["contamination ≥ 1 wt%: found"] == (1, 1)
    assert rows["contamination: onset within two scans"] == (1, 1)
    assert rows["contamination found where there is none"] == (1, 1)


def test_reliability_and_brier_are_those_of_a_hand_made_list():
    one = outcome([true()], [said()], presence=[(0.95, True, 5.0), (0.95, False, 5.0), (0.02, False, 0.0), (1.0, True, 5.0)])
    low, high = reliability([one])
    assert (low.count, low.said, low.true) == (1, 0.02, 0.0)
    assert (high.count, high.said, high.true) == pytest.approx((3, 2.9 / 3, 2 / 3))
    assert (low.verdict, high.verdict) == ("yes", "no, within chance")
    error, scans = brier([one])
    assert scans == 4
    assert error == pytest.approx((0.05**2 + 0.95**2 + 0.02**2) / 4)
    assert brier([one], least=6.0) == (0.0, 0)


def test_a_tenth_is_wrong_only_when_many_series_say_so():
    wrong = outcome([true()], [], presence=[(0.95, False, 5.0)] * 10)
    right = outcome([true()], [], presence=[(0.95, True, 5.0)] * 10)
    assert reliability([wrong])[0].verdict == "no, within chance"
    assert reliability([wrong] * 20)[0].verdict == "NO"
    assert reliability([right] * 20 + [wrong])[0].verdict == "yes"
    assert reliability([right] * 20 + [wrong])[0].series == 21


def test_the_interval_of_a_share_is_clopper_and_pearsons():
    """Published values: 0 of 10 below 0.3085, 1 of 10 in 0.0025 … 0.4450."""
    assert Row(name="", hits=0, total=10, must="").interval == pytest.approx((0.0, 0.3085), abs=1e-4)
    assert Row(name="", hits=1, total=10, must="").interval == pytest.approx((0.0025, 0.4450), abs=1e-4)


def test_a_share_short_of_what_is_asked_is_told_from_one_that_chance_may_have_made():
    assert Row(name="", hits=99, total=100, **at_least(0.95)).verdict == "yes"
    assert Row(name="", hits=90, total=100, **at_least(0.95)).verdict == "no, within chance"
    assert Row(name="", hits=80, total=100, **at_least(0.95)).verdict == "NO"
    assert Row(name="", hits=2, total=200, **at_most(0.01)).verdict == "yes"


def test_an_outcome_can_be_kept_as_json():
    kept = json.loads(json.dumps(outcome([true()], [said()], presence=[(0.5, True, 5.0)])))
    assert shares(kept) == shares(outcome([true()], [said()], presence=[(0.5, True, 5.0)]))


def test_a_kept_file_gives_its_table_again(tmp_path, capsys):
    from series import main

    kept = {**outcome([true()], [said()], presence=[(0.97, True, 5.0)]), "seconds": 2.0, "scans": 20}
    (tmp_path / "table.json").write_text(json.dumps({"outcomes": [kept]}), encoding="utf-8")
    main(["--score", str(tmp_path / "table.json"), "--out", str(tmp_path / "again.json")])
    printed = capsys.readouterr().out
    assert "marker, marker ≥ 5σ: exact scan" in printed
    assert "median 100.0 ms" in printed
    rows = json.loads((tmp_path / "again.json").read_text(encoding="utf-8"))["rows"]
    assert {"name": "marker, marker ≥ 5σ: exact scan", "hits": 1, "total": 1} in [
        {k: row[k] for k in ("name", "hits", "total")} for row in rows
    ]


def test_an_unknown_scenario_is_refused_with_the_names_there_are(capsys):
    from series import main

    with pytest.raises(SystemExit):
        main(["--scenario", "stong"])
    assert "no scenario stong; there are nothing, corundum" in capsys.readouterr().err
