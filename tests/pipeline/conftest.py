"""Small simulated scans and series, each made once: two thousand points of a mesh on which K and KNa2 are plated."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from xrdkna import Settings, load_library, radiation_from_text, read_series
from xrdkna.pipeline import simulate, track_series
from xrdkna.records.phases import Library
from xrdkna.records.scan import Scan
from xrdkna.records.series import Series
from xrdkna.records.track import Track
from xrdkna.report.document import track_document
from xrdkna.simulate.folder import write_series
from xrdkna.simulate.recipe import read_recipe
from xrdkna.simulate.simulated import SimulatedSeries

# The phases that a small test may find; the whole library takes its time and has tests of its own.
FEW = ("Al", "Al2O3", "K", "KNa2", "K2CO3")

MESH = """
seed = {seed}
[instrument]
radiation = "CuKa"
radius_mm = 240
[scan]
two_theta = [{first}, {last}]
step = 0.02
{scan}
[intensity]
peak_counts = 4000
[background]
constant = 60
[displacement]
start_mm = {displacement}
[[halo]]
name = "electrolyte"
two_theta = 22.0
fwhm = 8.0
area = 600
[[phase]]
name = "Al"
amount = 1.0
[[phase]]
name = "Al2O3"
amount = 1.0
"""
DEPOSIT = """
[[phase]]
name = "K"
amount = {k}
size_nm = 80
[[phase]]
name = "KNa2"
amount = {kna2}
size_nm = 60
"""
# Six scans: two at rest, two while plating, two after; KNa2 grows while the current flows and goes when it stops.
PLATED = "{ per_scan = [0, 0, 0.2, 0.4, 0, 0] }"
CYCLED = """
[cycling]
[[cycling.segment]]
state = "rest"
duration_s = 1290
[[cycling.segment]]
state = "plating"
current_mA = -0.5
duration_s = 1320
[[cycling.segment]]
state = "rest"
duration_s = 1350
"""


@pytest.fixture(scope="session")
def library() -> Library:
    return load_library()


@pytest.fixture(scope="session")
def settings() -> Settings:
    """Cu Kα and the few phases."""
    return Settings(radiation=radiation_from_text("CuKa"), phases=FEW)


@pytest.fixture(scope="session")
def simulated(library: Library, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], SimulatedSeries]:
    """The series of a recipe's text, made once."""
    made: dict[str, SimulatedSeries] = {}

    def make(recipe: str) -> SimulatedSeries:
        if recipe not in made:
            path = tmp_path_factory.mktemp("recipes") / "recipe.toml"
            path.write_text(recipe, encoding="utf-8")
            made[recipe] = simulate(read_recipe(path), library)
        return made[recipe]

    return make


@pytest.fixture(scope="session")
def mesh(simulated: Callable[[str], SimulatedSeries]) -> Callable[..., Scan]:
    """One scan of the mesh with so much K and KNa2 on it (weights beside 1 of Al), displaced by so many millimetres."""

    def make(*, k: float = 0.0, kna2: float = 0.0, displacement: float = 0.03, seed: int = 11) -> Scan:
        return simulated(recipe_of(k=k, kna2=kna2, displacement=displacement, seed=seed)).scans[0]

    return make


@pytest.fixture(scope="session")
def mesh_recipe() -> Callable[..., str]:
    """The recipe of the mesh, for what `mesh` does not vary."""
    return recipe_of


def recipe_of(
    *,
    k: object = 0.0,
    kna2: object = 0.0,
    displacement: float = 0.03,
    seed: int = 11,
    two_theta: tuple[float, float] = (20.0, 60.0),
    scan: str = "",
) -> str:
    """The recipe of the mesh with so much K and KNa2 on it."""
    first, last = two_theta
    return MESH.format(seed=seed, scan=scan, displacement=displacement, first=first, last=last) + DEPOSIT.format(k=k, kna2=kna2)


@pytest.fixture(scope="session")
def plated(simulated: Callable[[str], SimulatedSeries]) -> SimulatedSeries:
    """The series of PLATED and CYCLED."""
    scans = "count = 6\nduration_s = 600\npause_s = 60\n"
    return simulated(recipe_of(kna2=PLATED, displacement=0.02, seed=12, scan=scans) + CYCLED)


@pytest.fixture
def folder(plated: SimulatedSeries, tmp_path: Path) -> Path:
    """The plated series as a folder that a test may damage."""
    write_series(plated, tmp_path / "series")
    return tmp_path / "series"


@pytest.fixture(scope="session")
def plated_series(plated: SimulatedSeries, tmp_path_factory: pytest.TempPathFactory) -> Series:
    """The plated series as it is read back from its folder."""
    path = tmp_path_factory.mktemp("plated") / "series"
    write_series(plated, path)
    return read_series(path)


@pytest.fixture(scope="session")
def followed(plated_series: Series, library: Library, settings: Settings) -> Track:
    """The plated series, followed once for all tests."""
    return track_series(plated_series, library, settings)


@pytest.fixture(scope="session")
def followed_document(followed: Track) -> dict[str, Any]:
    return as_read_back(track_document(followed))


def as_read_back(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document as a strict reader of JSON gets it; NaN and Infinity fail here."""
    back: dict[str, Any] = json.loads(json.dumps(document, allow_nan=False))
    return back
