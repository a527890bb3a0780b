"""What a filter leaves of Kβ: planted beside Kα and found again by the command line, and none where there is none."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.special import voigt_profile

from xrdkna.edge.cli import run
from xrdkna.phases.library import load_library
from xrdkna.phases.reflections import structure_factors_squared, unique_planes
from xrdkna.physics.lattice import d_spacings

TWO_THETA = np.arange(30.0, 120.0, 0.02)
CU_KA1, CU_KA2, CU_KB = 1.5405929, 1.5444274, 1.3922340


def measured(path: Path, *, kbeta: float, seed: int, height: float = 3e4) -> Path:
    """Aluminium in Cu Kα with this share of Kβ, over the whole range of angles each wavelength has."""
    phase = load_library().phases["Al"]
    hkl, multiplicity = unique_planes(phase, d_min=0.75, d_max=3.0)
    d = d_spacings(hkl, phase.cell)
    strength = multiplicity * structure_factors_squared(phase.sites, hkl, d, wavelength=CU_KA1)
    expected = np.zeros(TWO_THETA.size)
    for wavelength, weight in ((CU_KA1, 1.0), (CU_KA2, 0.5), (CU_KB, kbeta)):
        seen = wavelength / (2.0 * d) < 0.95
        for spacing, strong in zip(d[seen], strength[seen], strict=True):
            theta = np.arcsin(wavelength / (2.0 * spacing))
            lp = (1.0 + np.cos(2.0 * theta) ** 2) / (np.sin(theta) ** 2 * np.cos(theta))
            place = np.degrees(2.0 * theta)
            expected += weight * strong * lp * voigt_profile(TWO_THETA - place, 0.03, 0.02 / np.cos(theta))
    counts = np.random.default_rng(seed).poisson(150.0 + height * expected / expected.max())
    np.savetxt(path, np.column_stack([TWO_THETA, counts]), fmt=("%.4f", "%d"))
    return path


def refined(path: Path, *words: str) -> dict:
    """`xrdkna refine` on the scan, as its JSON."""
    target = path.with_suffix(".json")
    status = run(["refine", str(path), "--phases", "Al", "--texture", "none", "--json", str(target), "--quiet", *words])
    assert status == 0
    return json.loads(target.read_text(encoding="utf-8"))


def ratio_of(answer: dict) -> dict:
    return next(parameter for parameter in answer["parameters"] if parameter["name"] == "ratio_CuKb")


OPEN = ("--radiation", "CuKaKb", "--refine", "ratio_CuKb")


@pytest.mark.parametrize("kbeta", [0.005, 0.03])
def test_a_remnant_of_kbeta_is_found_again_within_its_esd(tmp_path: Path, kbeta: float) -> None:
    """From the ratio of a tube without a filter, forty times as much."""
    scan = measured(tmp_path / "al.xy", kbeta=kbeta, seed=1)
    answer = refined(scan, *OPEN)
    ratio = ratio_of(answer)["value"]
    assert abs(ratio["value"] - kbeta) < 2.0 * ratio["esd"]
    assert 0.0 < ratio["esd"] < 0.0005
    assert not ratio_of(answer)["at_bound"]
    blind = refined(scan, "--radiation", "CuKa")
    assert answer["agreement"]["gof"] < blind["agreement"]["gof"]


def test_behind_a_crystal_that_leaves_no_kbeta_none_is_found(tmp_path: Path) -> None:
    ratio = ratio_of(refined(measured(tmp_path / "al.xy", kbeta=0.0, seed=2), *OPEN))["value"]
    assert ratio["value"] < 2.0 * ratio["esd"]
    assert 0.0 < ratio["esd"] < 0.0005
