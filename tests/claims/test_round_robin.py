"""The IUCr round robin on quantitative phase analysis, sample 1, as a user would take part in it.

Madsen et al. (2001), J. Appl. Cryst. 34, 409. The pure corundum says what the machine does to a line; the mixtures are then refined
with published structures, B factors held. Nothing here was chosen by looking at the mixtures. `-s` shows the table.
"""

import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

Document = dict[str, Any]
Answer = Callable[..., Document]  # conftest's fixture
Real = Callable[[str], Path]  # conftest's fixture `real_file`

PHASES = ("corundum", "zincite", "fluorite")
# wt% as weighed
WEIGHED = {"cpd-1a": (1.15, 4.04, 94.81), "cpd-1c": (5.04, 93.59, 1.36), "cpd-1e": (55.12, 15.25, 29.62)}
# Philips PW3710 with a graphite monochromator behind the specimen; what the files do not say.
BEAM = ("--radiation", "CuKa", "--radius", "173", "--monochromator", "26.4")
# What the standard is to tell of the machine beyond widths: axial divergence, specimen and slit of one height. How deep the beam goes
# into a packed powder is each specimen's own.
OWN = ("--texture", "none", "--refine", "transparency")
STANDARD = "[sample_height]\nvary = true\n[detector_height]\nexpr = 'sample_height'\n"


@pytest.fixture
def structures(project_root: Path) -> tuple[str, ...]:
    """The options that bring in the three published structures."""
    folder = project_root / "tests" / "claims" / "structures"
    return tuple(word for name in PHASES for word in ("--cif", str(folder / f"{name}.cif")))


@pytest.fixture
def machine(real_file: Real, structures: tuple[str, ...], answer: Answer, tmp_path: Path) -> Path:
    """The instrument file that the pure corundum gives."""
    choices, kept = tmp_path / "standard.toml", tmp_path / "instrument.toml"
    choices.write_text(STANDARD, encoding="utf-8")
    corundum = real_file("qpa/corundum.prn")
    answer("refine", corundum, *BEAM, *structures, "--phases", "corundum", *OWN, "--parameters", choices, "--save-instrument", kept)
    return kept


def percentages(document: Document) -> Mapping[str, float]:
    """wt% by phase, 0 for one that is said to be absent."""
    found = {phase["phase"]: phase["weight_fraction"] for phase in document["phases"]}
    return {phase: 0.0 if fraction is None else 100.0 * fraction["value"] for phase, fraction in found.items()}


def test_three_weighed_mixtures_come_out_as_weighed(real_file: Real, structures: tuple[str, ...], machine: Path, answer: Answer) -> None:
    errors, rows = [], [f"{'sample':8}" + "".join(f"{name:>18}" for name in PHASES) + "   seconds  verdict"]
    for sample, weighed in WEIGHED.items():
        scan, begin = real_file(f"qpa/{sample}.prn"), time.perf_counter()
        document = answer("refine", scan, "--instrument", machine, *structures, "--phases", ",".join(PHASES), *OWN)
        seconds, found = time.perf_counter() - begin, percentages(document)
        errors += [found[name] - true for name, true in zip(PHASES, weighed, strict=True)]
        told = "".join(f"{found[name]:9.2f} ({true:5.2f}) " for name, true in zip(PHASES, weighed, strict=True))
        rows.append(f"{sample:8}{told} {seconds:9.2f}  {document['verdict']}")
        assert document["verdict"] == "accepted", "\n".join(rows)
    rms, worst = float(np.sqrt(np.mean(np.square(errors)))), float(np.max(np.abs(errors)))
    rows.append(f"rms {rms:.2f} wt%, worst {worst:.2f} wt%")
    sys.stdout.write("\n".join(("", *rows, "")))
    assert rms <= 0.6, "\n".join(rows)
    assert worst <= 1.5, "\n".join(rows)


@pytest.mark.parametrize("pure", ["zincite", "fluorite"])
def test_a_pure_phase_stays_pure_beside_two_that_are_not_there(
    pure: str, real_file: Real, structures: tuple[str, ...], machine: Path, answer: Answer
) -> None:
    scan = real_file(f"qpa/{pure}.prn")
    document = answer("refine", scan, "--instrument", machine, *structures, "--phases", ",".join(PHASES), *OWN)
    assert percentages(document)[pure] > 99.5, percentages(document)
