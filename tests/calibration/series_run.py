"""A planted series given to the tracker, and what came of it: said beside true, in plain numbers that can be kept as JSON."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import lru_cache

import numpy as np
from scipy.optimize import linear_sum_assignment
from series_plant import Planted, plant_series
from series_truth import MARKER, TrueEvent

from xrdkna.errors import XrdknaError
from xrdkna.phases.library import load_library
from xrdkna.pipeline.series import track_series
from xrdkna.pipeline.settings import Settings
from xrdkna.records.phases import Library
from xrdkna.records.track import Event, Track

FIVE = ("Al", "Al2O3", "K", "KNa2", "K2CO3")
FAMILY = (*FIVE, "KHCO3", "KOH", "KO2", "K2O")
# What the tracker is told may be there: the five of the cell, air's whole family too, or everything.
CHOICES: Mapping[str, tuple[str, ...]] = {"five": FIVE, "family": FAMILY, "all": ()}
# A said event further than this many scans from a true one is another event.
REACH = 8
Outcome = dict  # JSON: see `outcome_of`


@lru_cache(maxsize=1)
def _library() -> Library:
    return load_library()


def run_one(scenario: str, seed: int, choice: str = "five") -> Outcome:
    """Plant, track, compare. Only what the program says by itself counts as an answer: an error of its own kind is a series declined."""
    planted = plant_series(scenario, seed)
    track, declined, seconds = follow(planted, choice)
    return outcome_of(planted, track, declined=declined, seconds=seconds)


def follow(planted: Planted, choice: str = "five") -> tuple[Track | None, str | None, float]:
    """The track or the sentence of refusal, and the processor time."""
    if planted.truth.contamination and choice == "five":
        choice = "family"
    library = _library()
    begin = time.process_time()
    try:
        track = track_series(planted.series, library, Settings(phases=CHOICES[choice]))
    except XrdknaError as error:
        return None, str(error), time.process_time() - begin
    return track, None, time.process_time() - begin


def outcome_of(planted: Planted, track: Track | None, *, declined: str | None, seconds: float) -> Outcome:
    """said_events: what was said of KNa2 and its marker; matches: each true event with the said one that is meant; false: said events
    that mean none; presence: by thing, (probability, whether it was there, sigmas) a usable scan, without those
    in which the phase's lines do not agree."""
    truth = planted.truth
    said = [] if track is None else [event for event in track.events if event.phase == "KNa2"]
    matches, false = match_events(truth.events, said)
    return {
        "scenario": truth.scenario,
        "seed": truth.seed,
        "anode": truth.anode,
        "radius_mm": truth.radius_mm,
        "scans": len(truth.scans),
        "points": len(planted.specimen.machine.two_theta),
        "sigma": truth.sigma,
        "null": truth.null,
        "declined": declined,
        "seconds": seconds,
        "matches": matches,
        "false": [_said(event) for event in false],
        "sentences": [] if track is None else [event.sentence for event in track.events],
        "undecided": [] if track is None else list(track.undecided),
        "unused": [] if track is None else [scan.why_not for scan in track.scans if not scan.used],
        "presence": {} if track is None else {"KNa2": _presence(planted, track, None), "marker": _presence(planted, track, MARKER)},
        "contamination": _contamination(planted, track),
        "others": [] if track is None else _others(planted, track),
    }


def match_events(true: Sequence[TrueEvent], said: Sequence[Event]) -> tuple[list[dict[str, object]], list[Event]]:
    """Each true event with the said event of its kind and thing that is meant, one to one and nearest first; and the said ones left."""
    left = list(said)
    matches = []
    for kind, hkl in dict.fromkeys((event.kind, event.hkl) for event in true):
        wanted = [event for event in true if (event.kind, event.hkl) == (kind, hkl)]
        offered = [event for event in left if (event.kind, event.hkl) == (kind, hkl)]
        away = np.array([[scans_off(one, other) for other in offered] for one in wanted], dtype=float).reshape(len(wanted), len(offered))
        rows, columns = linear_sum_assignment(np.minimum(away, 10.0 * REACH))
        pairs = {int(i): offered[int(j)] for i, j in zip(rows, columns, strict=True) if away[i, j] <= REACH}
        left = [event for event in left if event not in pairs.values()]
        matches += [_match(event, pairs.get(i)) for i, event in enumerate(wanted)]
    return matches, left


def scans_off(true: TrueEvent, said: Event) -> int:
    """By how many scans a said event is off; 0 where its two scans are the right ones."""
    offs = []
    for after, before in true.pairs:
        ends = [(a, b) for a, b in ((after, said.after_scan), (before, said.before_scan)) if a is not None and b is not None]
        offs.append(max((abs(a - b) for a, b in ends), default=10 * REACH))
    return min(offs)


def _match(true: TrueEvent, said: Event | None) -> dict[str, object]:
    return {
        **asdict(true),
        "thing": "marker" if true.hkl else true.phase,
        "said": None if said is None else _said(said),
        "off": None if said is None else scans_off(true, said),
        "covered": None if said is None else said.time.low <= true.time <= said.time.high,
    }


def _said(event: Event) -> dict[str, object]:
    kept = ("kind", "phase", "hkl", "after_scan", "before_scan", "probability", "sentence")
    return {**{name: getattr(event, name) for name in kept}, "time": [event.time.low, event.time.value, event.time.high]}


def _presence(planted: Planted, track: Track, hkl: tuple[int, int, int] | None) -> list[tuple[float, bool, float]]:
    found = next((one for one in track.presence if one.phase == "KNa2" and one.hkl == hkl), None)
    thing = "KNa2" if hkl is None else "marker"
    return [
        (0.0 if found is None else float(found.probability[i]), scan.there[thing], scan.sigmas.get("marker", 0.0))
        for i, scan in enumerate(planted.truth.scans)
        if scan.usable and track.scans[i].used and not (scan.split and hkl is None)
    ]


def _contamination(planted: Planted, track: Track | None) -> dict[str, object]:
    truth = planted.truth
    onset = truth.onset_scan
    sigmas = 0.0 if onset is None else float(np.sqrt(sum(truth.scans[-1].sigmas.get(name, 0.0) ** 2 for name in truth.contamination)))
    return {
        "true": list(truth.contamination),
        "true_onset": onset,
        "sigmas_at_end": sigmas,
        "weight_at_onset": None if onset is None else sum(truth.scans[onset].weights[name] for name in truth.contamination),
        "verdict": None if track is None else track.contamination.verdict,
        "phases": [] if track is None else list(track.contamination.phases),
        "onset": None if track is None else track.contamination.onset_scan,
        "sentence": "" if track is None else track.contamination.sentence,
    }


def _others(planted: Planted, track: Track) -> list[str]:
    """Said comings of phases that are never there, KNa2 apart."""
    truth = planted.truth
    there = {thing for scan in truth.scans for thing, present in scan.there.items() if present} | {"KNa2"}
    return [event.sentence for event in track.events if event.phase not in there and event.kind == "appears"]
