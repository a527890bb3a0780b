"""Where phases come from, and which one counts when names meet."""

import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from xrdkna.errors import CifError, PhaseChoiceError
from xrdkna.phases import library as library_module
from xrdkna.phases.library import load_library
from xrdkna.phases.reflections import reflections_of
from xrdkna.records.instrument import Instrument

Writer = Callable[..., Path]


def test_a_cif_is_called_by_its_stem_and_has_no_role(write_cif: Writer) -> None:
    phase = load_library(extra_cifs=(write_cif(name="halite.cif"),)).phases["halite"]
    assert (phase.name, phase.role) == ("halite", "other")


def test_a_users_phase_replaces_the_bundled_one_in_this_run_only(write_cif: Writer) -> None:
    assert load_library(extra_cifs=(write_cif(name="K.cif"),)).phases["K"].formula == "Cl Na"
    assert load_library().phases["K"].formula == "K"


def test_a_sidecar_gives_role_displacement_and_source(write_cif: Writer) -> None:
    path = write_cif(atoms="Na1 0 0 0\nCl1 0.5 0.5 0.5", columns=("label", "fract_x", "fract_y", "fract_z"), name="halite.cif")
    path.with_suffix(".toml").write_text('role = "contamination"\ndisplacement_B = 1.5\nsource = "a drawer"\nformula = "NaCl"\n')
    phase = load_library(extra_cifs=(path,)).phases["halite"]
    assert (phase.role, phase.sites[0].biso, phase.source, phase.formula) == ("contamination", 1.5, "a drawer", "NaCl")


def test_a_folder_of_folders_and_bare_files_is_a_library(write_cif: Writer, reference_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    shutil.copytree(reference_folder / "KNa2", folder / "laves")
    shutil.copytree(reference_folder / "gamma-Al2O3", folder / "gamma")
    shutil.move(write_cif(name="halite.cif"), folder / "halite.cif")
    (folder / "notes.txt").write_text("not a phase")
    phases = load_library(folders=(folder,)).phases
    assert (phases["laves"].role, phases["gamma"].positions_only, phases["halite"].role) == ("deposit", True, "other")
    assert load_library(folders=(reference_folder / "KNa2",)).phases["KNa2"].role == "deposit"


def test_a_cif_counts_over_a_folder(write_cif: Writer, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    shutil.copy(write_cif({"_cell_length_a": "6", "_cell_length_b": "6", "_cell_length_c": "6"}, name="x.cif"), folder / "x.cif")
    assert load_library(folders=(folder,)).phases["x"].cell.a == 6
    assert load_library(folders=(folder,), extra_cifs=(write_cif(name="x.cif"),)).phases["x"].cell.a == 5.64


def test_two_files_of_one_name_are_refused(write_cif: Writer, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    one = write_cif(name="x.cif")
    other = tmp_path / "other" / "x.cif"
    shutil.copy(one, other)
    with pytest.raises(PhaseChoiceError, match="would both be phase x; rename"):
        load_library(extra_cifs=(one, other))


def test_a_name_that_phases_could_not_choose_is_refused(write_cif: Writer) -> None:
    with pytest.raises(PhaseChoiceError, match="'a,b'"):
        load_library(extra_cifs=(write_cif(name="a,b.cif"),))


@pytest.mark.parametrize(
    ("toml", "sentence"),
    [
        ('role = "villain"', "role = 'villain'; it must be one of deposit"),
        ("role = 3", "role = 3; write it in quotes"),
        ("displacement_B = -1", "displacement_B = -1; it must be a number that is not negative"),
        ("role = ", "is not valid TOML"),
    ],
)
def test_a_sidecar_that_makes_no_sense_is_named(write_cif: Writer, toml: str, sentence: str) -> None:
    path = write_cif(name="halite.cif")
    path.with_suffix(".toml").write_text(toml)
    with pytest.raises(CifError, match=sentence):
        load_library(extra_cifs=(path,))


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        ("d,I\n", "lists no lines"),
        ("a,b\n1,2\n", "line 2: needs the columns d"),
        ("d,I\n2.0,100\n1.5,strong\n", "line 3: needs the columns d"),
        ("d,I\n-2.0,100\n", "line 2: d must lie"),
        ("d,I\nnan,100\n", "line 2: d must lie"),
        ("d,I,h,k,l\n2.0,100,1,x,0\n", "line 2: needs the columns"),
    ],
)
def test_a_list_of_lines_that_makes_no_sense_is_named_by_its_line(
    reference_folder: Path, tmp_path: Path, lines: str, sentence: str
) -> None:
    folder = tmp_path / "gamma"
    shutil.copytree(reference_folder / "gamma-Al2O3", folder)
    (folder / "lines.csv").write_text(lines)
    with pytest.raises(CifError, match=sentence):
        load_library(folders=(folder,))


def test_lines_that_are_not_indexed_are_a_phase_all_the_same(reference_folder: Path, tmp_path: Path, copper: Instrument) -> None:
    folder = tmp_path / "gamma"
    shutil.copytree(reference_folder / "gamma-Al2O3", folder)
    (folder / "lines.csv").write_text("d,I\n2.39,80\n1.977,100\n")
    reflections = reflections_of(load_library(folders=(folder,)).phases["gamma"], instrument=copper)
    assert reflections.d_spacing.tolist() == [2.39, 1.977]


def test_the_phases_inside_an_installed_package_are_found_first(
    reference_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "site" / "xrdkna"
    (package / "phases").mkdir(parents=True)
    shutil.copytree(reference_folder / "KNa2", package / "reference_phases" / "KNa2")
    monkeypatch.setattr(library_module, "__file__", str(package / "phases" / "library.py"))
    library_module._bundled_phases.cache_clear()
    try:
        assert list(load_library().phases) == ["KNa2"]
    finally:
        library_module._bundled_phases.cache_clear()


@pytest.mark.parametrize("missing", ["folder", "phases"])
def test_a_folder_without_phases_is_refused(tmp_path: Path, missing: str) -> None:
    folder = tmp_path / "gone" if missing == "folder" else tmp_path
    with pytest.raises(CifError, match="there is no folder" if missing == "folder" else "holds no phases"):
        load_library(folders=(folder,))


def test_an_unknown_phase_is_named_with_those_that_are_known() -> None:
    with pytest.raises(PhaseChoiceError, match=r"no phase KNa3; it holds .*KNa2"):
        load_library().chosen(("K", "KNa3"))


def test_the_whole_library_gives_its_lines_in_a_moment(copper: Instrument) -> None:
    phases = load_library().phases.values()
    reflections_of(next(iter(phases)), instrument=copper)
    start = time.perf_counter()
    for phase in phases:
        reflections_of(phase, instrument=copper, two_theta_max=100)
    assert time.perf_counter() - start < 1.5
