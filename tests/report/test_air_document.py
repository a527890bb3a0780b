"""Air in the JSON: every key of the contract kept, the added ones there, and nothing that is no JSON."""

import json

from xrdkna.records.air import AirGrowth, AirMember, Contamination, OnsetTime
from xrdkna.records.values import Estimate
from xrdkna.report.document_air import contamination_json


def test_a_contaminated_series_tells_who_since_when_how_fast_and_whether_by_current():
    rate = Estimate(value=0.0031, esd=0.0004, unit="/h")
    found = Contamination(
        verdict="found",
        phases=("K2CO3",),
        sentence="Air has reached the sample.",
        onset_scan=7,
        probability=0.9999999,
        members=(AirMember(phase="K2CO3", probability=0.98), AirMember(phase="KHCO3", probability=0.02)),
        alike=("KHCO3",),
        onset=OnsetTime(value=4000.0, low=3600.0, high=4500.0),
        growth=AirGrowth(rate=rate, under_current=rate, at_rest=rate, grows="irrespective", sentence="It grows."),
    )
    document = json.loads(json.dumps(contamination_json(found), allow_nan=False))
    assert (document["verdict"], document["phases"], document["sentence"]) == ("found", ["K2CO3"], "Air has reached the sample.")
    assert document["members"][0] == {"phase": "K2CO3", "probability": 0.98, "limit": None, "weight_fraction": None}
    assert document["cannot_be_told_from"] == ["KHCO3"]
    assert document["onset"] == {"value": 4000.0, "low": 3600.0, "high": 4500.0, "level": 0.95}
    assert document["rate"] == {"value": 0.0031, "esd": 0.0004, "unit": "/h"}
    assert document["grows_with_current"]["verdict"] == "irrespective"


def test_a_clean_scan_has_the_same_keys_with_nothing_in_them():
    clean = contamination_json(Contamination(verdict="none", phases=(), sentence="No contamination."))
    assert clean["members"] == []
    assert clean["onset"] is clean["rate"] is clean["grows_with_current"] is clean["probability"] is None
