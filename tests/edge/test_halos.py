"""--halo on the command line: humps with names."""

import csv
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xrdkna.edge.halos import KNOWN_Q, with_halos
from xrdkna.pipeline import Settings
from xrdkna.refine.settings import HaloChoice

Run = Callable[..., Any]  # conftest's fixture `xrdkna`
CU = 1.5405929
AREA, CENTER, FWHM = 900.0, 38.0, 8.0


@pytest.fixture(scope="module")
def hazy(aluminium: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three scans of aluminium on a hump that grows."""
    folder = tmp_path_factory.mktemp("hazy")
    two_theta, counts = np.loadtxt(aluminium, unpack=True)
    sd = FWHM / math.sqrt(8.0 * math.log(2.0))
    bell = np.exp(-0.5 * ((two_theta - CENTER) / sd) ** 2) / (sd * math.sqrt(2.0 * math.pi))
    for number in range(3):
        extra = np.random.default_rng(number).poisson((number + 1) * AREA * bell)
        np.savetxt(folder / f"scan_{number}.xy", np.column_stack([two_theta, counts + extra]), fmt=("%.4f", "%d"))
    return folder


def test_words_become_halos() -> None:
    words = ("kapton=18.5", "electrolyte = Q:1.5 : 7", "liquid-KNa", "a=b", "my glass=q:1.2e0")
    with pytest.raises(Exception, match="'b' is no number"):
        with_halos(Settings(), words)
    halos = with_halos(Settings(), (*words[:3], words[4])).refine.halos
    assert halos == (
        HaloChoice(name="kapton", two_theta=18.5),
        HaloChoice(name="electrolyte", q=1.5, fwhm=7.0),
        HaloChoice(name="liquid-KNa", q=1.63),
        HaloChoice(name="my glass", q=1.2),
    )
    assert with_halos(Settings(), ()) == Settings()


def test_the_liquid_alloy_lies_at_23_degrees_of_copper() -> None:
    """As ../shared/chemistry.md has it."""
    assert 2.0 * math.degrees(math.asin(KNOWN_Q["liquid-KNa"] * CU / (4.0 * math.pi))) == pytest.approx(23.0, abs=0.1)


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ("kapton", "kapton=18.5"),
        ("electrolyte", "where electrolyte has its hump"),
        ("=22", "names no hump"),
        ("x=", "names no hump"),
        ("x=wide", "'wide' is no number"),
        ("x=Q:", "'' is no number"),
        ("x=22:", "'' is no number"),
        ("x=22:8:3", "'8:3' is no number"),
        ("x=nan", "'nan' is no number"),
        ("x=200", "2θ = 200°"),
        ("x=Q:-1", "Q = -1"),
        ("x=40:0", "width of 0°"),
        ("halo 1=40", "cannot be called"),
        ("x=10", "2θ = 10.00°"),
        ("x=Q:20", "does not reach"),
    ],
)
@pytest.mark.parametrize("command", ["refine", "index"])
def test_a_halo_that_cannot_be_meant_is_one_sentence(words: str, named: str, command: str, aluminium: Path, xrdkna: Run) -> None:
    ran = xrdkna(command, aluminium, "--radiation", "CuKa", "--phases", "Al", "--halo", words)
    assert ran.status == 2
    assert named in ran.sentence


def test_a_published_list_has_no_halo(tmp_path: Path, xrdkna: Run) -> None:
    path = tmp_path / "lines.csv"
    path.write_text("two_theta\n38.47\n44.72\n", encoding="utf-8")
    ran = xrdkna("index", "--lines", path, "--radiation", "CuKa", "--halo", "x=40")
    assert ran.status == 2
    assert "--halo" in ran.sentence


def test_the_answer_names_each_halo_and_says_its_q(hazy: Path, tmp_path: Path, xrdkna: Run) -> None:
    asked = ("--radiation", "CuKa", "--phases", "Al", "--halo", "cell=38.3:8", "--halo", "nothing=68")
    for command in ("refine", "index"):
        page = tmp_path / f"{command}.html"
        ran = xrdkna(command, hazy / "scan_1.xy", *asked, "--json", tmp_path / "a.json", "--html", page)
        document = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))
        cell, nothing = document["halos"][:2]
        assert (cell["name"], nothing["name"]) == ("cell", "nothing")
        assert set(cell) == {"name", "two_theta", "q", "fwhm", "area"}
        assert abs(cell["two_theta"]["value"] - CENTER) < 4.0 * cell["two_theta"]["esd"]
        assert abs(cell["area"]["value"] - 2.0 * AREA) < 4.0 * cell["area"]["esd"]
        q = 4.0 * math.pi * math.sin(math.radians(cell["two_theta"]["value"]) / 2.0) / CU
        assert cell["q"]["value"] == pytest.approx(q, abs=0.6 * cell["q"]["esd"])
        assert nothing["area"]["value"] < 3.0 * nothing["area"]["esd"]
        assert "halo cell stands at" in ran.out
        assert "Å⁻¹" in ran.out
        assert "halo nothing is not seen" in " ".join(ran.out.split())
        assert '<th scope="col" class="right">Q, Å⁻¹</th>' in page.read_text(encoding="utf-8")
    names = {parameter["name"]: parameter["value"]["value"] for parameter in document.get("parameters", [])}
    assert not names, "index lists no parameters"


def test_a_folder_gives_the_areas_as_columns_by_name(hazy: Path, tmp_path: Path, xrdkna: Run) -> None:
    asked = ("--radiation", "CuKa", "--phases", "Al", "--halo", "cell=38.3:8", "--csv", tmp_path / "a.csv", "--json", tmp_path / "a.json")
    assert xrdkna("refine", hazy, *asked).status == 0
    with (tmp_path / "a.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for number, row in enumerate(rows, start=1):
        value, esd = float(row["halo_area cell [counts·°]"]), float(row["halo_area cell esd [counts·°]"])
        assert abs(value - number * AREA) < 4.0 * esd
        assert esd < 0.25 * AREA, "an esd beyond this shows no growth"
        assert float(row["halo1_area [counts·°]"]) == value
    scans = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))["scans"]
    assert [scan["halos"][0]["name"] for scan in scans] == ["cell"] * 3
    assert [scan["halos"][0]["area"]["value"] for scan in scans] == [float(row["halo_area cell [counts·°]"]) for row in rows]


def test_a_series_follows_the_areas_under_the_halos_names(hazy: Path, tmp_path: Path, xrdkna: Run) -> None:
    asked = ("--radiation", "CuKa", "--phases", "Al", "--halo", "cell=38.3:8", "--json", tmp_path / "a.json")
    assert xrdkna("track", hazy, *asked).status == 0
    document = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))
    trends = {t["phase"]: t for t in document["trajectories"] if t["quantity"] == "halo_area"}
    assert "cell" in trends
    for number, (value, esd) in enumerate(zip(trends["cell"]["value"], trends["cell"]["esd"], strict=True), start=1):
        assert abs(value - number * AREA) < 4.0 * esd
