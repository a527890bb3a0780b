"""What the first whole version promises of series (issue 2, "done when"), on the samples and on measured ones.

Following a series takes its time, so each is followed once and everything promised of it is looked at in one test.
"""

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

Document = dict[str, Any]
Ask = Callable[..., Document]  # conftest's fixture `answer`

MARKER = [1, 0, 3]


def events_of(document: Document, phase: str, hkl: list[int] | None = None) -> list[Document]:
    return [event for event in document["events"] if event["phase"] == phase and event["hkl"] == hkl]


def gaps_of(events: Iterable[Document], kind: str) -> list[tuple[int, int]]:
    """Between which scans each event of a kind lies."""
    return [(event["after_scan"], event["before_scan"]) for event in events if event["kind"] == kind]


def planted_gap(folder: Path, phase: str) -> tuple[int, int]:
    """The last scan without the phase and the first with it, as truth.json says."""
    truth = json.loads((folder / "truth.json").read_text(encoding="utf-8"))
    first = next(scan["index"] for scan in truth["scans"] if scan["phases"][phase]["amount"] > 0.0)
    return first - 1, first


def planted_stop(folder: Path) -> tuple[int, int]:
    """The last scan while the current flows and the first after it, as truth.json says."""
    truth = json.loads((folder / "truth.json").read_text(encoding="utf-8"))
    last = max(scan["index"] for scan in truth["scans"] if scan["state"] == "plating")
    return last, last + 1


def said(document: Document) -> list[str]:
    return [event["sentence"] for event in document["events"]]


@pytest.mark.slow
def test_the_sample_plating_series_tells_when_kna2_came_and_when_its_marker_went(answer: Ask, samples: Path) -> None:
    folder = samples / "plating"
    document = answer("track", folder)
    start, stop = planted_gap(folder, "KNa2"), planted_stop(folder)
    assert (start, stop) == ((2, 3), (9, 10)), "the sample is not the one that this claim is about"
    whole, marker = events_of(document, "KNa2"), events_of(document, "KNa2", MARKER)
    assert gaps_of(whole, "appears") == [start]
    assert gaps_of(marker, "appears") == [start]
    assert gaps_of(marker, "vanishes") == [stop]
    assert gaps_of(whole, "weakens") == [stop]
    assert gaps_of(whole, "vanishes") == []
    # K begins with 0.3 wt% beside a KNa2 (110) seven times stronger: its first scan alone is no evidence.
    (after, before), (first, second) = gaps_of(events_of(document, "K"), "appears")[0], planted_gap(folder, "K")
    assert (after, before) in ((first, second), (first + 1, second + 1))
    decisive = [event for event in whole + marker if event["kind"] in ("appears", "vanishes", "weakens")]
    assert all(event["probability"] > 0.95 for event in decisive)
    assert {event["phase"] for event in document["events"]} == {"K", "KNa2"}, said(document)
    assert document["contamination"] == document["contamination"] | {"verdict": "none", "phases": [], "onset_scan": None}
    probability = {(one["phase"], str(one["hkl"])): one["probability"] for one in document["presence"]}
    there, after = probability["KNa2", "None"], probability["KNa2", str(MARKER)]
    assert max(there[:3]) < 0.5 < 0.95 < min(there[3:])
    assert max(after[:3] + after[10:]) < 0.5 < 0.95 < min(after[3:10])


@pytest.mark.slow
def test_the_same_series_without_kna2_but_with_growing_corundum_shows_no_kna2(answer: Ask, samples: Path) -> None:
    folder = samples / "control"
    document = answer("track", folder)
    assert {event["phase"] for event in document["events"]} == {"K"}, said(document)
    assert gaps_of(events_of(document, "K"), "appears") == [planted_gap(folder, "K")]
    for presence in document["presence"]:
        if presence["phase"] == "KNa2":
            assert max(presence["probability"]) < 0.5, presence
    weights = [one for one in document["trajectories"] if one["quantity"] == "weight_fraction" and one["phase"] == "KNa2"]
    assert all(value is None or value < 0.01 for one in weights for value in one["value"])
    assert document["contamination"]["verdict"] == "none"


@pytest.mark.slow
def test_in_ten_scans_of_one_specimen_nothing_happens(answer: Ask, real_file: Callable[[str], Path]) -> None:
    document = answer("track", real_file("series/static_scans"))
    assert len(document["scans"]) == 10
    assert all(scan["used"] for scan in document["scans"])
    assert document["events"] == []
    assert document["contamination"]["verdict"] == "none"


@pytest.mark.slow
def test_the_operando_coin_cell_is_followed_without_inventing_an_event(answer: Ask, real_file: Callable[[str], Path]) -> None:
    folder = real_file("series/coincell8_LDE2")
    document = answer("track", folder, "--echem", folder / "Echem" / "cc8.ndax", "--radiation", "0.4939")
    assert len(document["scans"]) == 5
    assert all(scan["used"] for scan in document["scans"])
    assert document["axis"]["kind"] == "time"
    assert document["events"] == []
    assert document["contamination"]["verdict"] != "found"
