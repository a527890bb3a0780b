"""Damaged measurements through the public path: no crash, no NaN, and no accepted verdict on a wrong answer.

A subset here; XRDKNA_FULL=1 runs all five hundred.
"""

import json
import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from corruptions import KINDS, Damaged, damaged

from xrdkna import Settings, load_library, radiation_from_text, read_scan, refine_scan
from xrdkna.errors import XrdknaError
from xrdkna.records.index import Index
from xrdkna.records.phases import Library
from xrdkna.records.refinement import PhaseFit
from xrdkna.report.document import refine_document

FULL = bool(os.environ.get("XRDKNA_FULL"))
ROUNDS = 20 if FULL else 5
# A weight is wrong by more than this (and 5 esd), a cell by more than this share (and 5 esd).
WEIGHT_OFF, CELL_OFF = 0.03, 3e-4
ESDS_OFF = 5.0
# The cell of a phase that is not seen is no answer.
SEEN = 3.0


@pytest.fixture(scope="module")
def library() -> Library:
    return load_library()


def answer_to(damage: Damaged, library: Library, folder: Path) -> Index | None:
    """What the program says; None where it refuses with a sentence. NaN and Infinity fail in the JSON."""
    settings = Settings(radiation=radiation_from_text(damage.radiation), radius_mm=217.5, phases=damage.phases)
    try:
        index = refine_scan(read_scan(damage.write(folder / "scan.xye")), library, settings)
    except XrdknaError:
        return None
    json.dumps(refine_document(index), allow_nan=False)
    return index


def errors_of(damage: Damaged, index: Index) -> list[str]:
    assert index.refinement is not None
    return [error for fit in index.refinement.phases for error in (*_weight_errors(damage, fit), *_cell_errors(damage, fit))]


def _weight_errors(damage: Damaged, fit: PhaseFit) -> list[str]:
    if fit.weight_fraction is None:
        return []
    value, esd, truth = fit.weight_fraction.value, fit.weight_fraction.esd or 0.0, damage.weights.get(fit.phase, 0.0)
    return [f"{fit.phase} {value:.3f} ± {esd:.3f}, not {truth:.3f}"] if abs(value - truth) > max(ESDS_OFF * esd, WEIGHT_OFF) else []


def _cell_errors(damage: Damaged, fit: PhaseFit) -> list[str]:
    if fit.phase not in damage.cells or fit.significance < SEEN:
        return []
    truth = {name: getattr(damage.cells[fit.phase], name) for name in fit.cell}
    return [
        f"{name} of {fit.phase} {estimate.value:.4f}, not {truth[name]:.4f}"
        for name, estimate in fit.cell.items()
        if abs(estimate.value - truth[name]) > max(ESDS_OFF * (estimate.esd or 0.0), CELL_OFF * truth[name])
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_no_damage_makes_a_crash_a_nan_or_an_accepted_wrong_answer(kind: str, library: Library, tmp_path: Path) -> None:
    number = list(KINDS).index(kind)
    for seed in (number + len(KINDS) * round_ for round_ in range(ROUNDS)):
        damage = damaged(library, seed)
        index = answer_to(damage, library, tmp_path)
        if index is not None and index.verdict == "accepted":
            assert not errors_of(damage, index), f"damage {seed}"


@pytest.mark.parametrize("kind", ["extra phase", "negative", "gaps"])
def test_what_does_no_harm_is_accepted(kind: str, library: Library, tmp_path: Path) -> None:
    """The control: verdicts that refuse everything would pass the test above."""
    number = list(KINDS).index(kind)
    answers = [answer_to(damaged(library, number + len(KINDS) * round_), library, tmp_path) for round_ in range(4)]
    assert sum(answer is not None and answer.verdict == "accepted" for answer in answers) >= 3
