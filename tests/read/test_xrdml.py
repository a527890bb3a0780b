"""PANalytical files: the measured ones against xrayutilities, and every way they can differ or break."""

import warnings
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from xrdkna.errors import ScanFileError
from xrdkna.read.formats import read_scan, read_scans

RealFile = Callable[[str], Path]
Write = Callable[..., Path]

SINGLE = [
    "formats/CG20396_jdb12-1.xrdml",
    "formats/HL1-2_5-90_60min.xrdml",
    "formats/panalytical_powder.xrdml",
    "formats/panalytical_attenuator.xrdml",
    "formats/sample.xrdml",
    "formats/test_scan.xrdml",
    "formats/xrdml_attenuation.xrdml",
    "formats/xrdml_la2nio4.xrdml",
    "qpa/TiO2_0p4009-ZnO_0p6010--2min.xrdml",
    "qpa/TiO2_0p4009-ZnO_0p6010--8min.xrdml",
    "series/static_scans/Scan_C1.xrdml",
]


def document(
    points: str, *, version: str = "2.0", beam: str = "", scan: str = 'status="Completed" scanAxis="Gonio"', wave: str | None = None
) -> str:
    used = (
        wave
        if wave is not None
        else '<usedWavelength intended="K-Alpha"><kAlpha1>1.5405980</kAlpha1><kAlpha2>1.5444260</kAlpha2></usedWavelength>'
    )
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<xrdMeasurements xmlns="http://www.xrdml.com/XRDMeasurement/{version}">'
        f'<xrdMeasurement measurementType="Scan" sampleMode="Reflection">{used}{beam}<scan {scan}>'
        f"<header><startTimeStamp>2020-10-08T14:14:22+01:00</startTimeStamp></header><dataPoints>{points}</dataPoints></scan>"
        "</xrdMeasurement></xrdMeasurements>"
    )


def gonio(start: float = 20.0, end: float = 21.0) -> str:
    return f'<positions axis="2Theta" unit="deg"><startPosition>{start}</startPosition><endPosition>{end}</endPosition></positions>'


@pytest.mark.parametrize("name", SINGLE)
def test_counts_and_angles_agree_with_xrayutilities(real_file: RealFile, name: str) -> None:
    path = real_file(name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from xrayutilities.io import XRDMLFile

        theirs = XRDMLFile(str(path)).scan.ddict
    scan = read_scan(path)
    assert scan.count_time == pytest.approx(float(theirs["countTime"][0]))
    assert scan.two_theta == pytest.approx(theirs["2Theta"], abs=1e-9)
    assert scan.intensity == pytest.approx(theirs["detector"] * theirs["countTime"][0], rel=1e-12)
    assert scan.sigma_source == "counts"


def test_a_counted_attenuated_point_is_multiplied_once_and_its_sigma_with_it(real_file: RealFile) -> None:
    scan = read_scan(real_file("formats/xrdml_attenuation.xrdml"))
    counts = 100.0 * np.arange(1, 11)
    factors = np.where(np.arange(10) < 6, 1.0, 100.0)
    assert scan.intensity == pytest.approx(counts * factors)
    assert scan.sigma == pytest.approx(factors * np.sqrt(counts))


def test_the_one_attenuated_point_of_a_measured_film_joins_its_neighbours(real_file: RealFile) -> None:
    scan = read_scan(real_file("formats/panalytical_attenuator.xrdml"))
    peak = int(np.argmax(scan.intensity))
    assert scan.intensity[peak] == 188.0 * 1877.0
    assert scan.sigma[peak] == pytest.approx(188.0 * np.sqrt(1877.0))
    # Without the factor the peak would be a dip between its flanks.
    assert scan.intensity[peak - 1] == 14602.0
    assert scan.intensity[peak + 1] == 13749.0


def test_intensities_that_carry_the_factor_already_are_not_multiplied_again(write: Write) -> None:
    factors = "<beamAttenuationFactors>1 1 100 1</beamAttenuationFactors>"
    raw = read_scan(write(document(gonio() + factors + '<counts unit="counts">10 20 30 0</counts>'), "raw.xrdml"))
    done = read_scan(
        write(document(gonio() + factors + '<intensities unit="counts">10 20 3000 0</intensities>', version="1.5"), "done.xrdml")
    )
    assert raw.intensity.tolist() == done.intensity.tolist() == [10.0, 20.0, 3000.0, 0.0]
    assert raw.sigma == pytest.approx(done.sigma)
    assert raw.sigma[2:] == pytest.approx([100.0 * np.sqrt(30.0), 1.0])


def test_an_aeris_scan_keeps_kalpha2_its_radius_its_zone_and_its_name(real_file: RealFile) -> None:
    scan = read_scan(real_file("qpa/TiO2_0p4009-ZnO_0p6010--8min.xrdml"))
    assert scan.radiation is not None
    assert [line.label for line in scan.radiation.lines] == ["CuKa1", "CuKa2"]
    assert any(notice.code == "kalpha2-kept" for notice in scan.notices)
    assert (scan.radius_mm, scan.geometry) == (145.0, "Bragg-Brentano")
    assert scan.start_time == datetime.fromisoformat("2024-11-14T12:53:32-08:00")
    assert scan.end_time == datetime.fromisoformat("2024-11-14T13:01:39-08:00")
    assert scan.details["sample"] == "TiO2_0p4009-ZnO_0p6010--8min"


@pytest.mark.parametrize("name", ["formats/test_scan.xrdml", "formats/panalytical_attenuator.xrdml"])
def test_behind_a_germanium_monochromator_only_kalpha1_is_left(real_file: RealFile, name: str) -> None:
    scan = read_scan(real_file(name))
    assert scan.radiation is not None
    assert scan.radiation.name == "CuKa1"
    # Ge (220): d = 5.6579 Å / √8
    assert scan.monochromator_two_theta == pytest.approx(2 * np.degrees(np.arcsin(1.54059 / 2 / (5.6579 / np.sqrt(8)))), abs=1e-3)


def test_a_graphite_crystal_behind_the_specimen_passes_both_lines_and_polarises(write: Write) -> None:
    crystal = "<monochromator><crystal>Graphite</crystal><hkl><h>0</h><k>0</k><l>2</l></hkl></monochromator>"
    beam = f"<diffractedBeamPath>{crystal}</diffractedBeamPath>"
    scan = read_scan(write(document(gonio() + "<counts>1 2 3</counts>", beam=beam), "g.xrdml"))
    assert scan.radiation is not None
    assert len(scan.radiation.lines) == 2
    assert scan.monochromator_two_theta == pytest.approx(26.55, abs=0.05)


def test_an_anode_outside_the_table_keeps_the_files_own_wavelengths(write: Write) -> None:
    wave = '<usedWavelength intended="K-Alpha"><kAlpha1>1.340127</kAlpha1><kAlpha2>1.344003</kAlpha2></usedWavelength>'
    radiation = read_scan(write(document(gonio() + "<counts>1 2 3</counts>", wave=wave), "ga.xrdml")).radiation
    assert radiation is not None
    assert [line.wavelength for line in radiation.lines] == [1.340127, 1.344003]
    assert radiation.polarised == 0.5


def test_a_file_without_wavelength_or_tube_has_no_radiation(write: Write) -> None:
    assert read_scan(write(document(gonio() + "<counts>1 2 3</counts>", wave=""), "w.xrdml")).radiation is None


@pytest.mark.parametrize("version", ["1.0", "1.2", "1.5", "2.0", "2.3", "9.9"])
def test_every_schema_version_is_read_by_local_names(write: Write, version: str) -> None:
    text = document(gonio() + "<commonCountingTime>2.5</commonCountingTime><intensities>4 5 6</intensities>", version=version)
    scan = read_scan(write(text, "v.xml"))
    assert (scan.intensity.tolist(), scan.count_time) == ([4.0, 5.0, 6.0], 2.5)
    prefixed = text.replace("xmlns=", "xmlns:x=").replace("</", "</x:").replace("<x", "<x:x").replace("<s", "<x:s").replace("<d", "<x:d")
    for name in ("usedWavelength", "kAlpha1", "kAlpha2", "header", "positions", "endPosition", "commonCountingTime", "intensities"):
        prefixed = prefixed.replace(f"<{name}", f"<x:{name}")
    prefixed = prefixed.replace("<x:x:", "<x:")
    assert read_scan(write(prefixed, "p.xml")).intensity.tolist() == [4.0, 5.0, 6.0]


def test_listed_positions_and_a_falling_angle_are_read(write: Write) -> None:
    listed = '<positions axis="2Theta" unit="deg"><listPositions>20 20.5 20.6 21</listPositions></positions><counts>1 2 3 4</counts>'
    assert read_scan(write(document(listed), "l.xrdml")).two_theta.tolist() == [20.0, 20.5, 20.6, 21.0]
    falling = read_scan(write(document(gonio(21.0, 20.0) + "<counts>1 2 3</counts>"), "f.xrdml"))
    assert (falling.two_theta.tolist(), falling.intensity.tolist()) == ([20.0, 20.5, 21.0], [3.0, 2.0, 1.0])


def test_counting_times_that_differ_are_brought_to_one_time_with_their_sigma(write: Write) -> None:
    points = gonio() + "<countingTimes>1 1 4</countingTimes><counts>100 100 400</counts>"
    scan = read_scan(write(document(points), "t.xrdml"))
    assert scan.intensity == pytest.approx([100.0, 100.0, 100.0])
    assert scan.sigma == pytest.approx([10.0, 10.0, 5.0])
    assert scan.count_time == 1.0


def test_counts_per_second_become_counts_and_smoothed_ones_relative(write: Write) -> None:
    rate = gonio() + '<commonCountingTime>2</commonCountingTime><intensities unit="counts per second">50 4.5 0</intensities>'
    assert read_scan(write(document(rate), "r.xrdml")).intensity.tolist() == [100.0, 9.0, 0.0]
    smooth = gonio() + '<commonCountingTime>2</commonCountingTime><intensities unit="counts">50.13 4.57 1.1</intensities>'
    assert read_scan(write(document(smooth), "s.xrdml")).sigma_source == "relative"


def test_an_aborted_scan_is_kept_and_marked(write: Write) -> None:
    scan = read_scan(write(document(gonio() + "<counts>1 2 3</counts>", scan='status="Aborted" scanAxis="Gonio"'), "a.xrdml"))
    assert not scan.complete
    assert any("aborted" in notice.sentence for notice in scan.notices)
    assert len(scan.two_theta) == 3


@pytest.mark.parametrize(("name", "starts"), [("coupled", [47.0] * 4), ("snapshot", [50.0, 50.2, 50.4, 50.6, 50.8])])
def test_the_scans_of_a_map_are_all_there_and_said_to_be_a_map(real_file: RealFile, name: str, starts: list[float]) -> None:
    path = real_file(f"formats/xrdml_{name}_synthetic.xrdml")
    scans = read_scans(path)
    assert [scan.two_theta[0] for scan in scans] == pytest.approx(starts)
    assert [scan.name for scan in scans] == [path.stem, *(f"{path.stem}#{i}" for i in range(2, len(starts) + 1))]
    assert all(any(notice.code == "area-measurement" for notice in scan.notices) for scan in scans)


ROCKING = '<positions axis="2Theta" unit="deg"><commonPosition>47.3</commonPosition></positions><counts>1 2 3</counts>'


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (document(ROCKING), "2Theta does not move"),
        (document(gonio(20, 20) + "<counts>1 2 3</counts>"), "2Theta does not move"),
        (document(gonio(170, 190) + "<counts>1 2 3</counts>"), "outside 0 to 180"),
        (document(gonio()), "it has no counts"),
        (document(gonio() + "<counts>7</counts>"), "at least two"),
        (document(gonio() + "<counts>1 2 x</counts>"), "no counts"),
        (document("<counts>1 2 3</counts>"), "no 2Theta positions"),
        (document(gonio() + "<beamAttenuationFactors>1 1</beamAttenuationFactors><counts>1 2 3</counts>"), "attenuation factors"),
        (document(gonio() + "<countingTimes>1 1</countingTimes><counts>1 2 3</counts>"), "2 counting times for 3 points"),
        ("<xrdMeasurements></xrdMeasurements>", "it holds no scan"),
        ("<xrdMeasurements><a></b></xrdMeasurements>", "damaged"),
        (document(gonio() + "<counts>1 2 3")[:-60], "cut off"),
        ('<!DOCTYPE a [<!ENTITY b "bbbb">]><xrdMeasurements>&b;</xrdMeasurements>', "forbidden"),
    ],
)
def test_an_xrdml_file_without_a_powder_scan_gives_one_sentence(write: Write, text: str, sentence: str) -> None:
    with pytest.raises(ScanFileError) as caught:
        read_scans(write(text, "bad.xrdml"))
    assert sentence in str(caught.value)
    assert "bad.xrdml" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_cut_anywhere_a_file_gives_its_whole_scans_or_a_sentence_but_no_wrong_number(write: Write) -> None:
    block = "<scan status='Completed'><dataPoints>" + gonio() + "<counts>11 22 33 44 55</counts></dataPoints></scan>"
    text = f"<xrdMeasurements><xrdMeasurement>{block}{block}</xrdMeasurement></xrdMeasurements>"
    outcomes = set()
    for cut in range(25, len(text) - 1, 3):
        try:
            scans = read_scans(write(text[:cut], "cut.xrdml"))
        except ScanFileError:
            outcomes.add(0)
            continue
        outcomes.add(len(scans))
        assert all(scan.intensity.tolist() == [11.0, 22.0, 33.0, 44.0, 55.0] for scan in scans)
        assert not scans[-1].complete
    assert outcomes == {0, 1, 2}


def test_a_file_that_says_utf8_and_is_windows_1252_is_read(write: Write) -> None:
    text = document(gonio() + "<counts>1 2 3</counts>", beam='<incidentBeamPath><slit name="Fixed slit 1/2°"/></incidentBeamPath>')
    assert read_scan(write(text, "e.xrdml", encoding="cp1252")).intensity.tolist() == [1.0, 2.0, 3.0]


def test_one_scan_that_does_not_move_costs_a_notice_and_not_the_file(write: Write) -> None:
    moving = document(gonio() + "<counts>1 2 3</counts>")
    rocking = f"<scan><dataPoints>{ROCKING}</dataPoints></scan>"
    (scan,) = read_scans(write(moving.replace("</xrdMeasurement>", rocking + "</xrdMeasurement>"), "m.xrdml"))
    assert any("1 scans of the file are left out" in notice.sentence for notice in scan.notices)
