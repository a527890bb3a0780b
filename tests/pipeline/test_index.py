"""Who is in one scan must not depend on what does not matter: counting longer, the order of points, the height of the specimen."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from xrdkna import Settings, index_scan, load_library, radiation_from_text, read_scan
from xrdkna.errors import PhaseChoiceError, RadiationError
from xrdkna.pipeline import find_peaks_of
from xrdkna.records.index import Index
from xrdkna.records.phases import Library
from xrdkna.records.scan import Scan
from xrdkna.simulate.simulated import SimulatedSeries

Mesh = Callable[..., Scan]  # conftest's fixture `mesh`
Simulate = Callable[[str], SimulatedSeries]  # conftest's fixture `simulated`

PLANTED = {"Al", "Al2O3", "KNa2"}


def present(answer: Index) -> set[str]:
    return {phase.phase for phase in answer.phases if phase.verdict == "present"}


def with_counts(scan: Scan, counts: np.ndarray) -> Scan:
    return replace(scan, intensity=counts, sigma=np.sqrt(np.maximum(counts, 1.0)))


def test_planted_phases_are_found_in_the_few_and_nothing_is_left(mesh: Mesh, library: Library, settings: Settings) -> None:
    answer = index_scan(mesh(kna2=0.3), library, settings)
    assert present(answer) == PLANTED
    assert {peak.status for peak in answer.peaks} == {"indexed"}


def test_planted_phases_are_found_among_the_whole_library(mesh: Mesh, library: Library, settings: Settings) -> None:
    answer = index_scan(mesh(kna2=0.3), library, replace(settings, phases=()))
    assert present(answer) == PLANTED
    assert {peak.status for peak in answer.peaks} == {"indexed"}


def test_a_scan_with_only_two_lines_of_aluminium_still_finds_it_among_the_whole_library(
    simulated: Simulate, mesh_recipe: Callable[..., str], library: Library, settings: Settings
) -> None:
    """Few lines give little to guess a displacement from; a wrong guess must not cost a phase that is there."""
    scan = simulated(mesh_recipe(kna2=0.5, two_theta=(20.0, 50.0))).scans[0]
    answer = index_scan(scan, library, replace(settings, phases=()))
    assert present(answer) == PLANTED
    assert {peak.status for peak in answer.peaks} == {"indexed"}


def test_without_kna2_the_same_mesh_shows_none(mesh: Mesh, library: Library, settings: Settings) -> None:
    (verdict,) = (phase for phase in index_scan(mesh(), library, settings).phases if phase.phase == "KNa2")
    assert verdict.verdict == "absent"
    assert verdict.significance < 3.0


def test_counting_four_times_longer_changes_no_verdict(mesh: Mesh, library: Library, settings: Settings) -> None:
    scan = mesh(kna2=0.3)
    longer = np.random.default_rng(3).poisson(4.0 * scan.intensity).astype(float)
    short, long = (index_scan(one, library, settings) for one in (scan, with_counts(scan, longer)))
    assert present(short) == present(long) == PLANTED
    weight = {phase.phase: phase.weight_fraction for phase in long.phases}
    for phase in short.phases:
        other = weight[phase.phase]
        if phase.weight_fraction is not None and other is not None:
            esds = np.hypot(phase.weight_fraction.esd or 0.0, other.esd or 0.0)
            assert abs(phase.weight_fraction.value - other.value) < 4.0 * esds


def test_points_in_reverse_order_are_the_same_scan(mesh: Mesh, library: Library, settings: Settings, tmp_path: Path) -> None:
    scan = mesh(kna2=0.3)
    rows = [f"{angle:.4f} {counts:.0f}\n" for angle, counts in zip(scan.two_theta, scan.intensity, strict=True)]
    answers = []
    for folder, lines in (("up", rows), ("down", rows[::-1])):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "scan.xy").write_text("".join(lines), encoding="utf-8")
        answers.append(index_scan(read_scan(tmp_path / folder / "scan.xy"), library, settings))
    up, down = answers
    assert up.peaks == down.peaks
    assert up.phases == down.phases


@pytest.mark.parametrize("displacement", [-0.25, -0.1, 0.1, 0.25])
def test_the_height_of_the_specimen_decides_no_verdict(displacement: float, mesh: Mesh, library: Library, settings: Settings) -> None:
    answer = index_scan(mesh(kna2=0.3, displacement=displacement), library, settings)
    assert present(answer) == PLANTED


def test_a_higher_specimen_is_measured_as_higher_by_as_much(mesh: Mesh, library: Library, settings: Settings) -> None:
    shifts = []
    for displacement in (0.0, 0.2):
        answer = index_scan(mesh(kna2=0.3, displacement=displacement), library, replace(settings, radius_mm=240.0))
        assert answer.refinement is not None
        shifts.append(next(fit.displacement for fit in answer.refinement.phases if fit.phase == "Al"))
    low, high = shifts
    assert high.unit == "mm"
    assert high.value - low.value == pytest.approx(0.2, abs=4.0 * np.hypot(low.esd, high.esd) + 0.002)


def test_without_a_wavelength_nothing_is_assumed(mesh: Mesh, library: Library) -> None:
    silent = replace(mesh(kna2=0.3), radiation=None)
    for ask in (lambda: index_scan(silent, library, Settings()), lambda: find_peaks_of(silent, Settings())):
        with pytest.raises(RadiationError, match="--radiation"):
            ask()


def test_only_the_phases_asked_for_take_part(mesh: Mesh, library: Library, settings: Settings) -> None:
    answer = index_scan(mesh(kna2=0.3), library, replace(settings, phases=("Al", "Al2O3", "K")))
    assert {phase.phase for phase in answer.phases} == {"Al", "Al2O3", "K"}
    assert present(answer) == {"Al", "Al2O3"}
    strangers = [peak.peak.two_theta.value for peak in answer.peaks if peak.status == "unindexed"]
    assert any(abs(angle - 27.81) < 0.05 for angle in strangers), "KNa2 (1 1 2) must stay unexplained where KNa2 may not be there"


def test_a_phase_that_the_library_does_not_hold_is_refused(mesh: Mesh, library: Library, settings: Settings) -> None:
    with pytest.raises(PhaseChoiceError, match="Kryptonite"):
        index_scan(mesh(kna2=0.3), library, replace(settings, phases=("Al", "Kryptonite")))


def test_a_phase_of_the_user_takes_the_place_of_the_librarys(mesh: Mesh, settings: Settings, project_root: Path, tmp_path: Path) -> None:
    """A KNa2 with a cell 6 % too large no longer explains KNa2's lines; the user's own cell is what is looked for."""
    text = (project_root / "reference_phases" / "KNa2" / "phase.cif").read_text(encoding="utf-8")
    swollen = text.replace(
        "_cell_length_a 7.5\n_cell_length_b 7.5\n_cell_length_c 12.31\n", "_cell_length_a 7.95\n_cell_length_b 7.95\n_cell_length_c 13.05\n"
    )
    assert swollen != text
    (tmp_path / "KNa2.cif").write_text(swollen, encoding="utf-8")
    (tmp_path / "same").mkdir()
    (tmp_path / "same" / "KNa2.cif").write_text(text, encoding="utf-8")
    scan = mesh(kna2=0.3)
    assert "KNa2" not in present(index_scan(scan, load_library(extra_cifs=[tmp_path / "KNa2.cif"]), settings))
    assert "KNa2" in present(index_scan(scan, load_library(extra_cifs=[tmp_path / "same" / "KNa2.cif"]), settings))


def test_a_wrong_wavelength_finds_none_of_what_is_there(mesh: Mesh, library: Library, settings: Settings) -> None:
    answer = index_scan(mesh(kna2=0.3), library, replace(settings, radiation=radiation_from_text("CoKa")))
    assert not present(answer) & PLANTED
