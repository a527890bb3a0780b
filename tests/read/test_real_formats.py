"""Every measured file: what it must give, and whether a second reader sees the same numbers."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from xrdkna.errors import ScanFileError
from xrdkna.read.cycling import read_cyclings
from xrdkna.read.formats import read_scans

RealFile = Callable[[str], Path]


class Told(NamedTuple):
    """Number of scans; of the first: points, ends (degrees), sum of intensities, σ's origin, seconds a point, radiation, start, whole."""

    scans: int
    points: int
    first: float
    last: float
    total: float
    sigma: str
    count_time: float | None
    radiation: str | None
    start: str | None
    complete: bool = True


FILES = {
    "CG20396_jdb12-1.xrdml": Told(1, 7181, 5.0083556, 124.99527, 2227257, "counts", 62.23, "CuKa", "2020-10-08T14:14:22+01:00"),
    "HL1-2_5-90_60min.xrdml": Told(1, 6474, 5.0011651, 89.993485, 7388773, "counts", 133.62, "CuKa", "2024-03-08T11:13:20-06:00"),
    "JO_KL_16_ZF_3_60deg_0.02step_12degpermin_001.rasx": Told(1, 2851, 3, 60, 1042277, "counts", 0.1, "CuKa", "2025-03-07T13:28:15+00:00"),
    "Omega-2Theta_scan_high_temperature.rasx": Told(
        1, 1042, 44, 48.9968, 21844.9962, "relative", 7.2, "CuKa1", "2020-08-03T20:16:09+00:00"
    ),
    "TiO2.raw": Told(1, 1647, 10, 70.041142, 565823, "counts", 77.9, "CuKa", "2018-07-11T15:55:31"),
    "TiOF.brml": Told(1, 2469, 9.9988393, 60.012776, 5856036, "counts", 124.8, "CuKa", "2025-02-26T10:47:52.870879+00:00"),
    "TwoTheta_scan_powder.rasx": Told(1, 2726, 10, 119, 149926.853, "relative", 2.4, "CuKa1", "2021-05-05T10:35:31+00:00"),
    "ZnO-ALD-training_001_1_0-000_0-000.rasx": Told(1, 7001, 20, 90, 6134978, "counts", 0.075, "CuKa", "2024-02-19T09:05:47+00:00"),
    "bruker4_diffrac_eva.raw": Told(1, 7134, 10, 85.041299, 2107237.94, "relative", 310.003, "CuKa1", "2025-04-07T20:48:56"),
    "bruker4_v5converter.raw": Told(1, 4059, 37.0001, 120.00464, 32881728, "counts", 288.0, "CuKa", "2021-08-30T20:35:58"),
    "bruker_absorber.brml": Told(1, 2001, 44, 48, 13287743.1, "counts", 1.0, "CuKa", "2023-01-26T15:23:09.837152+01:00"),
    "bruker_raw4_scrambled.raw": Told(1, 7134, 10, 85.041299, 2107237.94, "relative", 310.003, "CuKa1", "2025-04-07T20:48:56"),
    "example_bmb.xye": Told(1, 575, 0.5, 1.0731031, 169493.377, "column", 0.1, "0.414581 Å", "2017-04-12T01:23:16.472073"),
    "example_evadiffract.xy": Told(1, 28, 5.0001, 5.2743, 133.477, "relative", 96.0, "CuKa", None),
    "example_mac.xye": Told(1, 599, 0, 0.598, 33321.789, "column", None, None, None),
    "example_mythen.dat": Told(1, 730, 2.084, 5, 2285176.4, "column", None, None, None),
    "example_mythen.xye": Told(1, 74, 2.038, 2.33, 4547546, "column", None, None, None),
    "example_ocx.xy": Told(1, 1876, 5, 80, 1844.998, "relative", None, None, None),
    "gsas.raw": Told(1, 4941, 16, 99.98, 6172227, "counts", None, None, None),
    "panalytical_attenuator.xrdml": Told(1, 1800, 26.025, 79.995, 416528, "counts", 0.5, "CuKa1", "2022-09-26T17:05:54+02:00"),
    "panalytical_powder.xrdml": Told(1, 5027, 4.0065651, 69.999366, 3643728, "counts", 39.27, "CuKa", "2021-03-16T13:10:14+03:00"),
    "pyxrd_brk_raw1.raw": Told(1, 876, 4.98, 39.98, 550306, "counts", 4.0, "CuKa", None),
    "pyxrd_brk_raw2.raw": Told(1, 7251, 5, 150, 1567326, "counts", 3.0, "CuKa", "1997-12-19T21:57:00"),
    # Written as counts a second at 2 degrees a minute in steps of 0.5: fifteen seconds a point.
    "rigaku_multiscan.ras": Told(2, 3, 10, 11, 15 * 551.5, "counts", 15.0, "CuKa", "2025-01-15T10:30:00"),
    "rigaku_nims.ras": Told(1, 3501, 25, 60, 120695, "counts", 0.075, "CuKa", "2017-11-21T08:32:31"),
    "rigaku_three_column.ras": Told(1, 4, 10, 11.5, 1431.4, "relative", None, "MoKa", None),
    "rigaku_yig.raw": Told(1, 15385, 10.0002, 89.997, 286539859, "counts", 0.312, "CuKa", "2019-08-28T19:41:26+00:00"),
    "rigaku_zno_counts.rasx": Told(1, 7001, 20, 90, 6134978, "counts", 0.075, "CuKa", "2024-02-19T09:05:47+00:00"),
    "sample.csv": Told(1, 7351, 3, 150, 7543679, "counts", None, None, None),
    "sample.rasx": Told(1, 2334, 10, 79.99, 2717013.66, "relative", 0.9, "CuKa", "2025-09-19T19:57:59+00:00"),
    "sample.xrdml": Told(1, 5027, 4.0065651, 69.999366, 3643728, "counts", 39.27, "CuKa", "2021-03-16T13:10:14+03:00"),
    "sample.xy": Told(1, 11900, 1, 119.99, 3264.57016, "relative", None, None, None),
    "test_scan.xrdml": Told(1, 750, 15.01, 29.99, 3996832, "counts", 10.0, "CuKa1", "2010-10-01T15:02:15+02:00"),
    "xrdml_918-16_10_ref.nxs": Told(1, 5027, 4.0065651, 69.999366, 3643728, "counts", 39.27, "CuKa", None),
    "xrdml_attenuation.xrdml": Told(1, 10, 20, 29, 342100, "counts", 10.0, "CuKa", None),
    "xrdml_coupled_synthetic.xrdml": Told(4, 7, 47, 49, 123, "counts", 2.0, "CuKa1", None),
    "xrdml_la2nio4.xrdml": Told(1, 6474, 5.0065651, 89.998885, 4519880, "counts", 23.97, "CuKa", "2020-02-22T11:13:05-05:00"),
    "xrdml_snapshot_synthetic.xrdml": Told(5, 6, 50, 51, 203, "counts", 2.0, "CuKa1", None),
}
CYCLERS = ("00_test_01_OCV_C01.mpr", "00_test_02_MB_C01.mpr", "test.nda", "test.ndax")
# What geddes does not read: its own limits, no fault of the files.
NO_SECOND = ("pyxrd_brk_raw1.raw", "pyxrd_brk_raw2.raw", "rigaku_yig.raw", "xrdml_918-16_10_ref.nxs", "example_evadiffract.xy")
# Rates that became counts here, or points at negative angles that geddes keeps.
SCALED = {"rigaku_multiscan.ras": 15.0}


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_measured_file_gives_its_axis_counts_and_times(real_file: RealFile, name: str) -> None:
    told = FILES[name]
    scans = read_scans(real_file(f"formats/{name}"))
    scan = scans[0]
    assert len(scans) == told.scans
    assert len(scan.two_theta) == told.points
    assert [scan.two_theta[0], scan.two_theta[-1]] == pytest.approx([told.first, told.last], rel=1e-7)
    assert scan.intensity.sum() == pytest.approx(told.total, rel=1e-8)
    assert scan.sigma_source == told.sigma
    assert scan.count_time == (None if told.count_time is None else pytest.approx(told.count_time, rel=1e-6))
    assert (scan.radiation.name if scan.radiation is not None else None) == told.radiation
    assert (scan.start_time.isoformat() if scan.start_time is not None else None) == told.start
    assert scan.complete is told.complete


def test_no_measured_file_is_missing_from_the_table(real_file: RealFile) -> None:
    folder = real_file("formats")
    assert {path.name for path in folder.iterdir()} == set(FILES)


@pytest.mark.parametrize("name", sorted(set(FILES) - set(NO_SECOND)))
def test_a_second_reader_sees_the_same_numbers(real_file: RealFile, name: str) -> None:
    geddes = pytest.importorskip("geddes")
    path = real_file(f"formats/{name}")
    theirs = geddes.read(str(path))
    x, y = np.asarray(theirs.x), np.asarray(theirs.y)
    inside = x >= 0
    scan = read_scans(path)[0]
    assert scan.two_theta == pytest.approx(x[inside], abs=2e-6)
    assert scan.intensity == pytest.approx(SCALED.get(name, 1.0) * y[inside], rel=1e-6, abs=1e-6)


def test_the_same_measurement_in_nexus_and_xrdml_gives_the_same_scan(real_file: RealFile) -> None:
    one = read_scans(real_file("formats/xrdml_918-16_10_ref.nxs"))[0]
    other = read_scans(real_file("formats/panalytical_powder.xrdml"))[0]
    assert np.array_equal(one.intensity, other.intensity)
    assert one.two_theta == pytest.approx(other.two_theta, abs=1e-9)
    assert one.sigma == pytest.approx(other.sigma)


def test_a_film_passes_through_the_change_of_its_absorber_without_a_step(real_file: RealFile) -> None:
    scan = read_scans(real_file("formats/bruker_absorber.brml"))[0]
    assert scan.attenuation == 8.3
    inside = (scan.two_theta > 45.789) & (scan.two_theta < 45.847)
    counts = scan.intensity[inside] / 8.3
    assert counts == pytest.approx(np.rint(counts), abs=0.01)
    assert scan.sigma[inside] == pytest.approx(8.3 * np.sqrt(counts), rel=1e-4)
    assert scan.sigma[~inside & (scan.intensity > 0)] == pytest.approx(np.sqrt(scan.intensity[~inside & (scan.intensity > 0)]))


def test_the_heating_stage_and_the_operators_names_are_kept(real_file: RealFile) -> None:
    assert read_scans(real_file("formats/Omega-2Theta_scan_high_temperature.rasx"))[0].temperature_K == 550 + 273.15
    assert read_scans(real_file("formats/TiOF.brml"))[0].sample == "TiOF 18F.2"
    assert read_scans(real_file("formats/pyxrd_brk_raw1.raw"))[0].sample == "VINAIGRE"
    assert read_scans(real_file("formats/TiOF.brml"))[0].radius_mm == 141.0


@pytest.mark.parametrize("name", CYCLERS)
def test_a_cyclers_file_is_a_cyclers_file_and_no_scan(real_file: RealFile, name: str) -> None:
    path = real_file(f"echem/{name}")
    with pytest.raises(ScanFileError, match="cycler file, which is no scan"):
        read_scans(path)
    assert len(read_cyclings([path]).time) >= 2
