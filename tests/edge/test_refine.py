"""What only `xrdkna refine` offers: powder CIF, the plan told as it goes, confidence intervals."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gemmi
import pytest

from xrdkna import pipeline
from xrdkna.edge.options import Beam, FitChoice
from xrdkna.edge.progress import stage_lines
from xrdkna.edge.request import settings_of
from xrdkna.records.index import Index

Run = Callable[..., Any]  # conftest's fixture `xrdkna`

AL = ("--radiation", "CuKa", "--phases", "Al")
PLAN = ("background and scales: Rwp 31.2 % after 3 evaluations", "cells: Rwp 7.1 % after 9 evaluations")


def test_the_powder_cif_says_what_the_json_says(aluminium: Path, tmp_path: Path, xrdkna: Run) -> None:
    cif, answer = tmp_path / "fit.cif", tmp_path / "fit.json"
    ran = xrdkna("refine", aluminium, *AL, "--pdcif", cif, "--json", answer, "--quiet")
    assert (ran.status, ran.out, ran.err) == (0, "", "")
    pattern, phase = gemmi.cif.read(str(cif))
    document = json.loads(answer.read_text(encoding="utf-8"))
    cell = next(entry for entry in document["phases"] if entry["phase"] == "Al")["cell"]["a"]
    assert abs(gemmi.cif.as_number(phase.find_value("_cell_length_a")) - cell["value"]) < 0.3 * cell["esd"]
    rwp = gemmi.cif.as_number(pattern.find_value("_pd_proc_ls_prof_wR_factor"))
    assert rwp == pytest.approx(document["agreement"]["rwp"], rel=1e-5)
    assert len(pattern.find(["_pd_meas_2theta_scan"])) == document["scan"]["points"]


def test_a_phase_of_the_users_own_is_in_the_powder_cif(aluminium: Path, tmp_path: Path, xrdkna: Run) -> None:
    own = tmp_path / "my metal.cif"
    own.write_text(
        "data_x\n_cell_length_a 4.05\n_cell_length_b 4.05\n_cell_length_c 4.05\n_cell_angle_alpha 90\n_cell_angle_beta 90\n"
        "_cell_angle_gamma 90\n_space_group_name_H-M_alt 'F m -3 m'\n_chemical_formula_sum Al\n"
        "loop_\n_atom_site_label\n_atom_site_type_symbol\n_atom_site_fract_x\n_atom_site_fract_y\n_atom_site_fract_z\nAl1 Al 0 0 0\n"
    )
    cif = tmp_path / "fit.cif"
    ran = xrdkna("refine", aluminium, "--radiation", "CuKa", "--cif", own, "--phases", "my metal", "--pdcif", cif, "--quiet")
    assert (ran.status, ran.err) == (0, "")
    assert gemmi.cif.as_string(gemmi.cif.read(str(cif))[1].find_value("_pd_phase_name")) == "my metal"


@pytest.mark.parametrize("place", ["nowhere/fit.cif", "."])
def test_a_powder_cif_that_cannot_be_written_is_refused_before_the_work(place: str, aluminium: Path, tmp_path: Path, xrdkna: Run) -> None:
    ran = xrdkna("refine", aluminium, *AL, "--pdcif", tmp_path / place)
    assert ran.status == 2
    assert "--pdcif" in ran.sentence
    assert not ran.out


@pytest.mark.parametrize("command", ["peaks", "index", "track"])
def test_only_a_refinement_has_a_powder_cif(command: str, aluminium: Path, xrdkna: Run) -> None:
    ran = xrdkna(command, aluminium, "--pdcif", "x.cif")
    assert ran.status == 2
    assert "--pdcif" in ran.sentence


@pytest.fixture
def telling_refine_scan(monkeypatch: pytest.MonkeyPatch) -> list[Callable[[str], None] | None]:
    """refine_scan that tells PLAN while it works; the list holds whom it told."""
    heard: list[Callable[[str], None] | None] = []
    refine_scan = pipeline.refine_scan

    def telling(*given: Any, progress: Callable[[str], None] | None = None) -> Index:
        heard.append(progress)
        for line in PLAN:
            if progress is not None:
                progress(line)
        return refine_scan(*given)

    monkeypatch.setattr(pipeline, "refine_scan", telling)
    return heard


def test_the_plan_is_told_on_standard_error_and_the_answer_stays_alone(
    telling_refine_scan: list[Any], aluminium: Path, xrdkna: Run
) -> None:
    ran = xrdkna("refine", aluminium, *AL, "--json", "-")
    assert ran.status == 0
    assert [line.removeprefix("fit: ") for line in ran.err.splitlines() if line.startswith("fit: ")] == list(PLAN)
    assert json.loads(ran.out)["schema"] == "xrdkna.refine/1"


def test_quiet_is_told_nothing(telling_refine_scan: list[Any], aluminium: Path, xrdkna: Run) -> None:
    ran = xrdkna("refine", aluminium, *AL, "--quiet")
    assert (ran.status, ran.out, ran.err) == (0, "", "")
    assert telling_refine_scan == [None]


def test_each_stage_is_shown_when_it_is_told_and_not_at_the_end(capfd: pytest.CaptureFixture[str]) -> None:
    tell = stage_lines(quiet=False)
    assert tell is not None
    for line in PLAN:
        tell(line)
        assert capfd.readouterr().err == f"fit: {line}\n"


def test_names_of_intervals_go_to_the_fit_each_once() -> None:
    beam = Beam(radiation="CuKa", radius_mm=None, geometry=None)
    assert settings_of(beam, fit=FitChoice(confidence=("a_Al", "zero", "a_Al"))).refine.confidence == ("a_Al", "zero")
    assert settings_of(beam).refine.confidence == ()
