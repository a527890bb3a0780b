"""The instrument file: made from a standard, read back, used beside a scan's header and the command line."""

import json
from collections.abc import Callable
from dataclasses import fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xrdkna.edge.instrument import instrument_text, read_instrument
from xrdkna.edge.options import Beam
from xrdkna.edge.request import instrument_of as beam_alone
from xrdkna.edge.request import settings_of
from xrdkna.errors import RadiationError, RecipeError
from xrdkna.physics.radiation import RADIATION_NAMES, radiation_from_text, text_from_radiation, tube_radiation
from xrdkna.pipeline import instrument_of
from xrdkna.pipeline.settings import Machine, settings_for_series
from xrdkna.pipeline.standard import source_of
from xrdkna.records.instrument import Instrument, InstrumentProfile, Radiation
from xrdkna.records.scan import Scan
from xrdkna.records.series import SeriesSetup

Run = Callable[..., Any]  # conftest's fixture `xrdkna`

AL = ("--phases", "Al", "--texture", "none")
GOOD = "[profile]\nu = 0.0\nv = 0.0\nw = 0.01\n"
CU_KA1 = 1.5405929


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "machine.toml"
    path.write_text(text, encoding="utf-8")
    return path


def heights() -> st.SearchStrategy[float]:
    return st.floats(0.0, 0.3)


@given(
    numbers=st.tuples(st.floats(-0.2, 1.0), st.floats(-0.5, 0.5), st.floats(1e-6, 4.0), st.floats(0.0, 3.0), st.floats(0.0, 6.0)),
    sample=heights(),
    detector=heights(),
    zero=st.floats(-0.5, 0.5),
    source=st.text(st.characters(exclude_categories=["Cs", "Cc"])),
    radius=st.none() | st.floats(10.0, 1000.0),
    crystal=st.none() | st.floats(1.0, 90.0),
    radiation=st.sampled_from([None, "CuKa", "MoKa1", "0.4939123", "1.5405929:1,1.5444274:0.4631"]),
)
def test_what_is_written_is_read_back_to_the_last_digit(
    tmp_path_factory: pytest.TempPathFactory,
    numbers: tuple[float, ...],
    sample: float,
    detector: float,
    zero: float,
    source: str,
    radius: float | None,
    crystal: float | None,
    radiation: str | None,
) -> None:
    u, v, w, x, y = numbers
    profile = InstrumentProfile(u=u, v=v, w=w, x=x, y=y, sample=sample, detector=detector, zero=zero, source=source)
    machine = Machine(
        radiation=None if radiation is None else radiation_from_text(radiation),
        geometry="Debye-Scherrer",
        radius_mm=radius,
        monochromator_two_theta=crystal,
    )
    path = written(tmp_path_factory.mktemp("machine"), instrument_text(profile, machine))
    back = read_instrument(path)
    assert back.profile == profile
    lines = () if back.machine.radiation is None else back.machine.radiation.lines
    assert [(line.wavelength, line.weight) for line in lines] == [
        (line.wavelength, line.weight) for line in (machine.radiation.lines if machine.radiation else ())
    ]
    assert replace(back.machine, radiation=None, source="") == replace(machine, radiation=None)


def test_every_number_in_the_file_is_explained_beside_it() -> None:
    profile = InstrumentProfile(u=0.01, v=-0.005, w=0.003)
    text = instrument_text(profile, Machine(radiation=radiation_from_text("CuKa"), geometry="Bragg-Brentano", radius_mm=240.0))
    rows = [line for line in text.splitlines() if " = " in line and not line.startswith("#")]
    assert {row.split(" = ")[0] for row in rows} >= {field.name for field in fields(profile)}
    assert [row for row in rows if "  # " not in row] == []


@pytest.mark.parametrize(
    "radiation",
    [
        *(radiation_from_text(name) for name in RADIATION_NAMES),
        tube_radiation("Cu", kalpha2_ratio=0.47),
        radiation_from_text("0.49391234"),
        radiation_from_text("0.4939 Å"),
        radiation_from_text("1.54:1,1.39:0.02"),
    ],
    ids=lambda radiation: radiation.name,
)
def test_the_text_of_a_radiation_gives_its_lines_again(radiation: Radiation) -> None:
    again = radiation_from_text(text_from_radiation(radiation))
    assert [(line.wavelength, line.weight) for line in again.lines] == [(line.wavelength, line.weight) for line in radiation.lines]
    assert again.polarised == radiation.polarised


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "[profile]"),
        ("[profile]\nu = 0.0\nw = 0.01\n", "v"),
        ("[profile]\nu = 0.0\nv = 0.0\nw = -0.01\n", "w = -0.01"),
        ("[profile]\nu = 0.0\nv = 0.0\nw = nan\n", "profile.w"),
        ("[profile]\nu = 'wide'\nv = 0.0\nw = 0.01\n", "profile.u"),
        ("[profile]\nu = true\nv = 0.0\nw = 0.01\n", "profile.u"),
        ("profile = 3\n", "profile"),
        (GOOD + "q = 1.0\n", "holds q"),
        (GOOD + "source = 3\n", "profile.source"),
        (GOOD + "sample = 0.9\n", "height"),
        (GOOD + "[optics]\n", "optics"),
        (GOOD + "[radiation]\nname = 'XyKa'\n", "XyKa"),
        (GOOD + "[radiation]\nname = 3\n", "radiation.name"),
        (GOOD + "[radiation]\nmonochromator_two_theta = 200\n", "monochromator_two_theta"),
        (GOOD + "[geometry]\ntype = 'round'\n", "round"),
        (GOOD + "[geometry]\nradius_mm = 1\n", "radius_mm"),
        ("radiation = 'CuKa'\n", "[radiation]"),
        ("10.00 1000\n10.02 1003\n", "not an instrument file"),
    ],
    ids=lambda text: text.replace("\n", " "),
)
def test_a_file_that_cannot_be_meant_is_refused_in_one_sentence(
    text: str, named: str, aluminium: Path, tmp_path: Path, xrdkna: Run
) -> None:
    path = written(tmp_path, text)
    ran = xrdkna("refine", aluminium, "--radiation", "CuKa", *AL, "--instrument", path)
    assert ran.status == 2
    assert ran.sentence.startswith(str(path))
    assert named in ran.sentence


@pytest.mark.parametrize("command", ["peaks", "index", "refine"])
@pytest.mark.parametrize("place", ["absent.toml", "."])
def test_an_instrument_file_that_is_not_there_is_wrong_use(command: str, place: str, aluminium: Path, tmp_path: Path, xrdkna: Run) -> None:
    ran = xrdkna(command, aluminium, "--radiation", "CuKa", "--instrument", tmp_path / place)
    assert ran.status == 2
    assert str(tmp_path / place) in ran.sentence


def measured(**header: Any) -> Scan:
    """A scan whose header says this much of the machine."""
    two_theta = np.arange(20.0, 30.0, 0.1)
    ones = np.ones(two_theta.size)
    return Scan(name="s", source="s.xy", two_theta=two_theta, intensity=ones, sigma=ones, sigma_source="counts", **header)


HEADER: dict[str, Any] = {
    "radiation": tube_radiation("Cu", lines=("Ka1",)),
    "geometry": "Debye-Scherrer",
    "radius_mm": 100.0,
    "monochromator_two_theta": 20.0,
}
FILE = (
    "[radiation]\nname = 'CuKa'\nmonochromator_two_theta = 26.4\n[geometry]\ntype = 'Bragg-Brentano'\nradius_mm = 200\n" + GOOD
)  # fmt: skip


def test_the_command_line_goes_before_the_file_and_the_file_before_the_header(tmp_path: Path) -> None:
    path, scan = written(tmp_path, FILE), measured(**HEADER)
    silent = Beam(radiation=None, radius_mm=None, geometry=None)
    assert instrument_of(scan, settings_of(silent)) == Instrument(**HEADER)
    kept = Instrument(radiation=radiation_from_text("CuKa"), radius_mm=200.0, monochromator_two_theta=26.4)
    assert instrument_of(scan, settings_of(replace(silent, instrument=path))) == kept
    loud = Beam(radiation="MoKa", radius_mm=300.0, geometry="Debye-Scherrer", monochromator_two_theta=0.0, instrument=path)
    said = Instrument(radiation=radiation_from_text("MoKa"), geometry="Debye-Scherrer", radius_mm=300.0)
    assert instrument_of(scan, settings_of(loud)) == said
    assert beam_alone(loud) == said
    assert beam_alone(replace(silent, instrument=path)) == kept


def test_a_file_that_gives_only_widths_leaves_the_rest_to_the_header(tmp_path: Path) -> None:
    settings = settings_of(Beam(radiation=None, radius_mm=None, geometry=None, instrument=written(tmp_path, GOOD)))
    assert instrument_of(measured(**HEADER), settings) == Instrument(**HEADER)
    assert settings.refine.profile == InstrumentProfile(u=0.0, v=0.0, w=0.01)


def test_the_file_goes_before_what_a_series_says_of_itself(tmp_path: Path) -> None:
    setup = SeriesSetup(radiation="CuKa1", geometry="Debye-Scherrer", radius_mm=120.0)
    silent = Beam(radiation=None, radius_mm=None, geometry=None)
    scan = measured()
    with_file = instrument_of(scan, settings_for_series(settings_of(replace(silent, instrument=written(tmp_path, FILE))), setup))
    assert (with_file.radiation.name, with_file.geometry, with_file.radius_mm) == ("CuKa", "Bragg-Brentano", 200.0)
    without = instrument_of(scan, settings_for_series(settings_of(silent), setup))
    assert (without.radiation.name, without.geometry, without.radius_mm) == ("CuKa1", "Debye-Scherrer", 120.0)


def test_the_file_of_another_tube_is_refused_unless_the_command_line_decides(tmp_path: Path) -> None:
    path = written(tmp_path, GOOD + "[radiation]\nname = 'CoKa'\n")
    beam = Beam(radiation=None, radius_mm=None, geometry=None, instrument=path)
    with pytest.raises(RadiationError, match=r"CuKa1.*machine\.toml.*CoKa"):
        instrument_of(measured(**HEADER), settings_of(beam))
    assert instrument_of(measured(**HEADER), settings_of(replace(beam, radiation="CuKa"))).radiation.name == "CuKa"


def aluminium_scan(path: Path, *, size: float | None, seed: int) -> Path:
    """Aluminium on a machine of Lorentzian lines, 0.05°/cos θ + 0.06° tan θ wide, in crystals of `size` Å (None: endless).

    Lorentzian widths add, so what the specimen adds is Scherrer's 0.9 λ/(size cos θ) and nothing else.
    """
    two_theta = np.arange(30.0, 140.0, 0.02)
    expected = np.full(two_theta.shape, 200.0)
    lines = ((3, 100.0), (4, 47.0), (8, 22.0), (11, 24.0), (12, 7.0), (16, 3.0), (19, 8.0), (20, 8.0), (24, 8.0))
    for squares, strength in lines:
        for wavelength, weight in ((CU_KA1, 1.0), (1.5444274, 0.5)):
            theta = np.arcsin(wavelength * np.sqrt(squares) / (2.0 * 4.0495))
            machine = 0.05 / np.cos(theta) + 0.06 * np.tan(theta)
            own = 0.0 if size is None else np.degrees(0.9 * wavelength / size) / np.cos(theta)
            offset = 2.0 * (two_theta - 2.0 * np.degrees(theta)) / (machine + own)
            expected += 600.0 * strength * weight * 2.0 / np.pi / (machine + own) * 0.1 / (1.0 + offset**2)
    np.savetxt(path, np.column_stack([two_theta, np.random.default_rng(seed).poisson(expected)]), fmt=("%.4f", "%d"))
    return path


def test_with_the_machine_known_from_a_standard_the_size_is_the_specimens_own(
    tmp_path: Path, xrdkna: Run, refined: Callable[..., dict[str, Any]]
) -> None:
    standard = aluminium_scan(tmp_path / "standard.xy", size=None, seed=1)
    specimen = aluminium_scan(tmp_path / "specimen.xy", size=300.0, seed=2)
    kept = tmp_path / "kept.toml"
    ran = xrdkna("refine", standard, "--radiation", "CuKa", "--phases", "Al", "--save-instrument", kept, "--quiet")
    assert (ran.status, ran.err) == (0, "")
    assert read_instrument(kept).profile.source == "scan standard of Al"
    size = refined(specimen, "--phases", "Al", "--instrument", kept)["phases"][0]["size"]
    assert size["value"] == pytest.approx(300.0, abs=3.0 * size["esd"])
    assert size["esd"] < 15.0
    # The control: the standard itself adds nothing, and without the file the machine's width is taken for the specimen's.
    again = refined(standard, "--phases", "Al", "--instrument", kept)["phases"][0]["size"]
    assert again is None or again["value"] > 5000.0
    alone = refined(specimen, "--phases", "Al", "--radiation", "CuKa")["phases"][0]["size"]
    assert alone["value"] < 270.0


@pytest.fixture
def refined(tmp_path: Path, xrdkna: Run) -> Callable[..., dict[str, Any]]:
    """`xrdkna refine …` as its JSON."""

    def run(*words: object) -> dict[str, Any]:
        target = tmp_path / "answer.json"
        ran = xrdkna("refine", *words, "--json", target, "--quiet")
        assert (ran.status, ran.err) == (0, "")
        answer: dict[str, Any] = json.loads(target.read_text(encoding="utf-8"))
        return answer

    return run


def test_no_instrument_is_kept_from_a_fit_that_is_not_to_be_believed(aluminium: Path, tmp_path: Path, xrdkna: Run) -> None:
    kept = tmp_path / "kept.toml"
    ran = xrdkna("refine", aluminium, "--radiation", "CuKa", "--phases", "K2CO3", "--texture", "none", "--save-instrument", kept)
    assert ran.status == 1
    assert "aluminium" in ran.sentence
    assert not kept.exists()


@pytest.mark.parametrize("place", ["nowhere/kept.toml", ".", "aluminium.xy"])
def test_an_instrument_that_could_not_be_written_is_refused_before_the_work(
    place: str, aluminium: Path, tmp_path: Path, xrdkna: Run
) -> None:
    ran = xrdkna("refine", aluminium, "--radiation", "CuKa", *AL, "--save-instrument", tmp_path / place)
    assert ran.status == 2
    assert "--save-instrument" in ran.sentence
    assert not ran.out


def test_a_source_with_a_date_says_when_the_standard_was_measured() -> None:
    when = datetime(2026, 3, 4, 23, 59, tzinfo=UTC)
    assert source_of("lab6", ("LaB6", "Si"), when) == "scan lab6 of LaB6 and Si, measured 2026-03-04"
    assert source_of("lab6", ("LaB6",), None) == "scan lab6 of LaB6"


def test_an_unknown_profile_key_is_never_dropped_in_silence(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="gamma"):
        read_instrument(written(tmp_path, GOOD + "gamma = 0.1\n"))
