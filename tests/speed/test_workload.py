"""The speed workload: reproducible, right by an independent generator, and the same physics at every length."""

import subprocess
import sys
from itertools import islice, pairwise
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest


@pytest.fixture(scope="module")
def shared_folder(project_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the generator beside the project writes; skipped where it is absent."""
    generator = project_root.parent / "shared" / "bench" / "gen_workload.py"
    if not generator.exists():
        pytest.skip("the generator of the shared workload is not beside this checkout")
    folder = tmp_path_factory.mktemp("shared")
    subprocess.run([sys.executable, str(generator), str(folder)], check=True, capture_output=True)
    return folder


@pytest.mark.slow
def test_the_default_workload_is_the_shared_one_count_for_count(shared_folder: Path, workload: ModuleType) -> None:
    static = np.loadtxt(shared_folder / "static.xye")
    assert np.array_equal(static[:, 1], workload.static_scan().counts)
    for index, scan in enumerate(workload.series_scans()):
        written = np.loadtxt(shared_folder / "series" / f"scan_{index:03d}.xye")
        assert np.array_equal(written[:, 1], scan.counts), f"scan {index}"


@pytest.mark.slow
def test_the_start_structures_are_the_shared_ones(shared_folder: Path, workload: ModuleType, tmp_path: Path) -> None:
    import gemmi

    for name, path in workload.write_cifs(tmp_path).items():
        ours = gemmi.read_small_structure(str(path))
        theirs = gemmi.read_small_structure(str(shared_folder / "cif" / f"{name}_bench.cif"))
        assert ours.cell.parameters == theirs.cell.parameters
        assert [(s.label, *s.fract, s.u_iso) for s in ours.sites] == [(s.label, *s.fract, s.u_iso) for s in theirs.sites]


def test_a_profile_between_the_nodes_is_the_one_calculated_there(forward: ModuleType, workload: ModuleType) -> None:
    for phase in workload.PHASES.values():
        for displacement in (-0.1149, -0.0777, -0.0451):
            direct = forward.profile_at(phase, displacement_mm=displacement)
            np.testing.assert_allclose(forward.unit_weight_profile(phase).at(displacement), direct, rtol=1e-10)


def test_two_seeds_share_the_truth_and_not_the_noise(workload: ModuleType) -> None:
    one, other = workload.static_scan(1), workload.static_scan(2)
    assert np.array_equal(one.expected, other.expected)
    assert not np.array_equal(one.counts, other.counts)


def test_poisson_noise_is_what_separates_counts_from_the_truth(workload: ModuleType) -> None:
    scan = workload.static_scan(3)
    deviance = (scan.counts - scan.expected) ** 2 / scan.expected
    # χ² per point has mean 1 and, at 3501 points, standard deviation √(2/3501) = 0.024.
    assert abs(deviance.mean() - 1.0) < 4 * 0.024


def test_a_longer_series_follows_the_same_course(workload: ModuleType) -> None:
    short = list(workload.series_scans(6))
    long = list(islice(workload.series_scans(600), 0, 600, 100))
    for one, other in zip(short, long, strict=True):
        np.testing.assert_allclose(one.expected, other.expected, rtol=1e-12)
        assert one.weight_fractions == other.weight_fractions


def test_in_six_thousand_scans_nothing_jumps(workload: ModuleType) -> None:
    courses = [workload.SCANS * index / 6000 for index in range(6000)]
    steps = [abs(workload.displacement_at(b) - workload.displacement_at(a)) for a, b in pairwise(courses)]
    assert max(steps) < 2e-5
    weights = np.array([list(workload.amounts_at(course).values()) for course in courses])
    assert np.abs(np.diff(weights, axis=0)).max() < 0.1
