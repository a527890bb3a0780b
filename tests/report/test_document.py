"""JSON documents against the contract, checked by a structure written out by hand from contract.md."""

import json
from datetime import datetime

import numpy as np
import pytest

from xrdkna.errors import UsageError
from xrdkna.records.index import Assignment
from xrdkna.records.phases import Cell, ListedLine, Phase, Reflections
from xrdkna.records.track import Track
from xrdkna.report.document import (
    index_document,
    lines_document,
    overlaps_document,
    peaks_document,
    phases_document,
    refine_document,
    track_document,
    write_json,
)


class OneOf(tuple):
    """A value that must be one of these."""


class Maybe(tuple):
    """A value that may be null, or else must be as its only member says."""


NUMBER = (int, float)
ESTIMATE = {"value": NUMBER, "esd": Maybe([NUMBER]), "unit": str}
HKL = "hkl"
ASSIGNMENT = {"phase": str, "hkl": HKL, "two_theta": NUMBER, "share": NUMBER}
NOTICE = {"code": str, "severity": OneOf(["info", "warning", "error"]), "sentence": str, "remedy": str}
SCAN = {"name": str, "points": int, "two_theta_range": [NUMBER], "start_time": Maybe(["iso"]), "radiation": Maybe([{"name": str}])}
CONTAMINATION = {"verdict": OneOf(["none", "suspected", "found"]), "phases": [str], "sentence": str}
HALO = {"verdict": OneOf(["present", "absent"]), "two_theta": Maybe([ESTIMATE]), "fwhm": Maybe([ESTIMATE])}
FOUND = {"two_theta": ESTIMATE, "d": ESTIMATE, "area": ESTIMATE, "fwhm": ESTIMATE, "snr": NUMBER}
PHASE = {
    "phase": str,
    "verdict": OneOf(["present", "absent", "undecided"]),
    "significance": NUMBER,
    "weight_fraction": Maybe([ESTIMATE]),
    "detection_limit": Maybe([ESTIMATE]),
    "cell": Maybe([{}]),
    "reasons": [str],
}
INDEX = {
    "schema": OneOf(["xrdkna.index/1"]),
    "scan": SCAN,
    "peaks": [FOUND | {"status": OneOf(["indexed", "ambiguous", "unindexed"]), "assignments": [ASSIGNMENT]}],
    "phases": [PHASE],
    "contamination": CONTAMINATION,
    "halo": HALO,
    "agreement": {"rwp": Maybe([NUMBER]), "rexp": Maybe([NUMBER]), "gof": Maybe([NUMBER])},
    "verdict": OneOf(["accepted", "doubtful", "rejected", "failed"]),
    "notices": [NOTICE],
}
FITTED = {
    "scale": Maybe([ESTIMATE]),
    "size": Maybe([ESTIMATE]),
    "strain": Maybe([ESTIMATE]),
    "displacement": Maybe([ESTIMATE]),
    "texture": Maybe([{}]),
}
PARAMETER = {"name": str, "value": ESTIMATE, "bounds": [Maybe([NUMBER])], "at_bound": bool, "refined": bool}
REFINE = INDEX | {"schema": OneOf(["xrdkna.refine/1"]), "phases": [PHASE | FITTED], "parameters": [PARAMETER]}
EVENT = {
    "kind": OneOf(["appears", "vanishes", "weakens", "strengthens", "shifts"]),
    "phase": str,
    "hkl": Maybe([HKL]),
    "after_scan": Maybe([int]),
    "before_scan": Maybe([int]),
    "time": {"value": NUMBER, "low": NUMBER, "high": NUMBER, "level": NUMBER},
    "probability": NUMBER,
    "electrochemistry": Maybe([{"state": str, "since_change_s": Maybe([NUMBER]), "charge_mAh": Maybe([NUMBER])}]),
    "sentence": str,
}
TRACKED = {
    "index": int,
    "name": str,
    "start": Maybe([NUMBER]),
    "end": Maybe([NUMBER]),
    "state": OneOf(["rest", "plating", "stripping", "unknown"]),
    "charge_mAh": Maybe([NUMBER]),
    "used": bool,
    "why_not": Maybe([str]),
}
TRAJECTORY = {
    "quantity": str,
    "phase": Maybe([str]),
    "hkl": Maybe([HKL]),
    "unit": str,
    "value": [Maybe([NUMBER])],
    "esd": [Maybe([NUMBER])],
}
CANDIDATE = {"phase": str, "hkl": HKL, "two_theta": NUMBER}
TRACK = {
    "schema": OneOf(["xrdkna.track/1"]),
    "axis": {"kind": OneOf(["time", "scan"]), "unit": str},
    "scans": [TRACKED],
    "trajectories": [TRAJECTORY],
    "presence": [{"phase": str, "hkl": Maybe([HKL]), "probability": [NUMBER]}],
    "events": [EVENT],
    "contamination": CONTAMINATION | {"onset_scan": Maybe([int])},
    "unindexed": [{"two_theta": ESTIMATE, "scans": [int], "significance": NUMBER, "candidates": [CANDIDATE]}],
    "notices": [NOTICE],
}


def mismatches(value, wanted, where="document") -> list[str]:
    """Every place where `value` is not as `wanted` says; keys beyond the contract are allowed."""
    if isinstance(wanted, Maybe):
        return [] if value is None else mismatches(value, wanted[0], where)
    if isinstance(wanted, OneOf):
        return [] if value in wanted else [f"{where} is {value!r}"]
    if wanted == HKL:
        return [] if isinstance(value, list) and len(value) == 3 and all(type(i) is int for i in value) else [f"{where} is {value!r}"]
    if wanted == "iso":
        return [] if isinstance(value, str) and datetime.fromisoformat(value) else [f"{where} is {value!r}"]
    if isinstance(wanted, dict):
        missing = [f"{where}.{key} is missing" for key in wanted if not isinstance(value, dict) or key not in value]
        return missing or [fault for key, inner in wanted.items() for fault in mismatches(value[key], inner, f"{where}.{key}")]
    if isinstance(wanted, list):
        if not isinstance(value, list):
            return [f"{where} is {value!r}"]
        return [fault for i, item in enumerate(value) for fault in mismatches(item, wanted[0], f"{where}[{i}]")]
    is_bool = isinstance(value, bool)
    return [] if isinstance(value, wanted) and (not is_bool or wanted is bool) else [f"{where} is {value!r}"]


def read_back(document, tmp_path):
    """The document as another program reads it; NaN and Infinity are refused as strict readers refuse them."""
    write_json(document, tmp_path / "answer.json")
    text = (tmp_path / "answer.json").read_text(encoding="utf-8")
    return json.loads(text, parse_constant=lambda word: pytest.fail(f"{word} in the JSON"))


def test_the_checker_itself_sees_a_missing_key_a_wrong_word_and_a_flat_hkl(make_index):
    good = index_document(make_index())
    assert not mismatches(good, INDEX)
    assert mismatches({k: v for k, v in good.items() if k != "halo"}, INDEX)
    assert mismatches(good | {"verdict": "fine"}, INDEX)
    broken = json.loads(json.dumps(good))
    broken["peaks"][0]["assignments"][0]["hkl"] = "110"
    assert mismatches(broken, INDEX)


def test_an_index_keeps_the_contract_and_its_key_order(make_index, tmp_path):
    document = read_back(index_document(make_index()), tmp_path)
    assert not mismatches(document, INDEX)
    assert [key for key in document if key in INDEX] == list(INDEX)


def test_a_refinement_is_an_index_with_parameters_and_what_only_a_fit_knows(make_index, tmp_path):
    index = make_index(extra=3)
    document = read_back(refine_document(index), tmp_path)
    assert not mismatches(document, REFINE)
    shared = {key: value for key, value in index_document(index).items() if key not in ("schema", "phases")}
    assert {key: document[key] for key in shared} == shared
    by_name = {phase["phase"]: phase for phase in document["phases"]}
    assert by_name["Al"]["texture"] == {"(1 1 1)": {"value": 0.82, "esd": 0.02, "unit": "1"}}
    assert by_name["absent 0"]["scale"] is None


@pytest.mark.parametrize("axis", ["time", "scan"])
def test_a_track_keeps_the_contract_on_both_axes(make_track, axis, tmp_path):
    document = read_back(track_document(make_track(axis=axis)), tmp_path)
    assert not mismatches(document, TRACK)
    assert len(document["trajectories"][0]["value"]) == len(document["scans"]) == 12
    assert document["trajectories"][0]["value"][5] is None


def test_times_of_a_track_are_seconds_and_iso_8601_of_the_same_moment(make_track):
    document = track_document(make_track())
    origin = datetime.fromisoformat(document["axis"]["origin"])
    for scan in document["scans"]:
        assert (datetime.fromisoformat(scan["start_time"]) - origin).total_seconds() == scan["start"]
        assert (datetime.fromisoformat(scan["end_time"]) - origin).total_seconds() == scan["end"]
    event = document["events"][0]["time"]
    assert (datetime.fromisoformat(event["iso"]) - origin).total_seconds() == pytest.approx(event["value"], abs=1e-3)


def test_without_times_a_track_says_no_absolute_time(make_track):
    document = track_document(make_track(axis="scan"))
    assert document["axis"] == {"kind": "scan", "unit": "scan", "origin": None}
    assert all(scan["start_time"] is None for scan in document["scans"])


def test_peaks_keep_the_index_documents_words_for_a_peak(facts, found, tmp_path):
    document = read_back(peaks_document(facts, found), tmp_path)
    assert not mismatches(document, {"scan": SCAN, "peaks": [FOUND], "halo": HALO, "notices": [NOTICE]})
    assert [peak["two_theta"]["value"] for peak in document["peaks"]] == [peak.two_theta.value for peak in found.peaks]


def test_a_published_list_says_what_was_printed_and_whether_it_agrees(published_index, tmp_path):
    document = read_back(index_document(published_index), tmp_path)
    assert not mismatches(document, INDEX)
    assert [p["published_verdict"] for p in document["peaks"]] == ["agrees", "disagrees"]
    assert document["peaks"][1]["published"] == {"phase": "KNa2", "hkl": [1, 1, 0]}
    assert document["peaks"][1]["sentence"].startswith("KNa2 (1 1 0) lies at 23.71°")
    assert document["cell_fits"][0]["figure_of_merit_m"] is None, "an infinite figure of merit is no number"


def test_a_measured_scan_has_no_published_keys(make_index):
    assert all("published" not in peak for peak in index_document(make_index())["peaks"])


def test_nothing_found_is_still_a_whole_document(empty_index, tmp_path):
    assert not mismatches(read_back(index_document(empty_index), tmp_path), INDEX)
    assert not mismatches(read_back(refine_document(empty_index), tmp_path), REFINE)


def test_every_hkl_comes_back_as_it_went_in(make_index):
    index = make_index()
    document = index_document(index)
    sent = [a.hkl for peak in index.peaks for a in peak.assignments]
    received = [tuple(a["hkl"]) for peak in document["peaks"] for a in peak["assignments"]]
    assert received == sent
    assert (1, 1, -2) in received


def test_json_goes_to_standard_output_for_a_dash(capsys):
    write_json({"schema": "x", "words": ["Å"]}, "-")
    assert json.loads(capsys.readouterr().out) == {"schema": "x", "words": ["Å"]}


def test_a_place_that_cannot_be_written_gets_one_sentence(tmp_path):
    with pytest.raises(UsageError, match="there is no folder"):
        write_json({}, tmp_path / "nowhere" / "a.json")
    with pytest.raises(UsageError, match="is a folder"):
        write_json({}, tmp_path)


def test_an_empty_track_is_a_whole_document(make_track, tmp_path):
    full = make_track()
    bare = Track(
        name="bare", axis="scan", origin=None, scans=(), trajectories=(), presence=(), events=(), contamination=full.contamination,
        unindexed=(), notices=(),
    )  # fmt: skip
    assert not mismatches(read_back(track_document(bare), tmp_path), TRACK)


def potassium(instrument) -> tuple[Phase, Reflections]:
    cell = Cell(a=5.328, b=5.328, c=5.328)
    phase = Phase(
        name="K", formula="K", role="deposit", crystal_system="cubic", space_group="Im-3m", space_group_number=229, cell=cell, sites=(),
        cell_mass=0.0, source="Wyckoff 1963", listed=(ListedLine(d_spacing=3.767, intensity=100.0, hkl=(1, 1, 0)),),
    )  # fmt: skip
    hkl = np.array([[1, 1, 0], [2, 0, 0], [9, 9, 0]])
    reflections = Reflections(
        phase="K", role="deposit", crystal_system="cubic", cell=cell, cell_mass=0.0, positions_only=True, hkl=hkl,
        multiplicity=[12.0, 6.0, 12.0], f_squared=[400.0, 200.0, 1.0], d_spacing=5.328 / np.sqrt((hkl**2).sum(axis=1)),
    )  # fmt: skip
    return phase, reflections


def test_lines_of_a_phase_stand_where_bragg_puts_them_and_only_within_reach(facts):
    phase, reflections = potassium(facts.instrument)
    document = lines_document(phase, reflections, facts.instrument)
    assert [line["hkl"] for line in document["lines"]] == [[1, 1, 0], [2, 0, 0]], "(9 9 0) has d below half the wavelength"
    assert [line["two_theta"] for line in document["lines"]] == pytest.approx([23.60, 33.62], abs=0.01)
    assert document["lines"][0]["intensity"] == 100.0


def test_the_library_lists_cells_sources_and_strongest_lines(facts):
    phase, reflections = potassium(facts.instrument)
    document = phases_document([phase], reflections={"K": reflections}, instrument=facts.instrument)
    entry = document["phases"][0]
    assert (entry["cell"]["a"], entry["source"], entry["positions_only"]) == (5.328, "Wyckoff 1963", True)
    assert entry["strongest_lines"][0]["hkl"] == [1, 1, 0]


def test_overlaps_give_both_lines_and_their_distance(facts):
    pair = (
        Assignment(phase="KNa2", hkl=(1, 0, 3), two_theta=25.66, share=1.0),
        Assignment(phase="Al2O3", hkl=(0, 1, 2), two_theta=25.58, share=1.0),
    )
    document = overlaps_document([pair], width=0.1, instrument=facts.instrument)
    assert document["overlaps"][0]["distance"] == pytest.approx(0.08)
    assert [line["hkl"] for line in document["overlaps"][0]["lines"]] == [[1, 0, 3], [0, 1, 2]]
