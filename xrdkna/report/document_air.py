"""Contamination as JSON: the verdict with everybody looked for, onset and growth."""

from xrdkna.records.air import AirGrowth, AirMember, Contamination, OnsetTime
from xrdkna.report.document_parts import Json, estimate_json

PROBABILITY_DECIMALS = 6
# Seconds: a millisecond is finer than any diffractometer's clock.
TIME_DECIMALS = 3


def contamination_json(contamination: Contamination) -> Json:
    """The verdict on air; onset and growth are those of a series, null for one scan."""
    growth = contamination.growth
    return {
        "verdict": contamination.verdict,
        "phases": list(contamination.phases),
        "sentence": contamination.sentence,
        "probability": _probability(contamination.probability),
        "members": [_member_json(member) for member in contamination.members],
        "cannot_be_told_from": list(contamination.alike),
        "onset": None if contamination.onset is None else _onset_json(contamination.onset),
        "rate": None if growth is None else estimate_json(growth.rate),
        "grows_with_current": None if growth is None else _current_json(growth),
    }


def _member_json(member: AirMember) -> Json:
    return {
        "phase": member.phase,
        "probability": _probability(member.probability),
        "limit": estimate_json(member.limit),
        "weight_fraction": estimate_json(member.weight_fraction),
    }


def _onset_json(onset: OnsetTime) -> Json:
    moments = {name: round(getattr(onset, name), TIME_DECIMALS) for name in ("value", "low", "high")}
    return {**moments, "level": onset.level}


def _current_json(growth: AirGrowth) -> Json:
    """verdict: "irrespective", "under current", "at rest" or "unknown"."""
    return {
        "verdict": growth.grows,
        "rate_under_current": estimate_json(growth.under_current),
        "rate_at_rest": estimate_json(growth.at_rest),
        "sentence": growth.sentence,
    }


def _probability(probability: float | None) -> float | None:
    return None if probability is None else round(probability, PROBABILITY_DECIMALS)
