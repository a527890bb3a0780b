"""A series from a folder, a file of many scans, a stack in HDF5 or a list: the same scans in the same order."""

import tracemalloc
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from xrdkna.errors import SeriesError
from xrdkna.read.formats import read_scans, scan_handles
from xrdkna.read.series import read_series

Write = Callable[..., Path]


def codes(path: Path) -> dict[str, str]:
    return {notice.code: notice.sentence for notice in read_series(path).notices}


def dated(start: str, level: int = 5, n: int = 40, first: float = 10.0) -> str:
    return f"# start time = {start}\n" + "\n".join(f"{first + 0.1 * i:.1f} {level}" for i in range(n)) + "\n"


def test_a_file_of_many_scans_is_a_series_of_them(write: Write, made_files: ModuleType) -> None:
    series = read_series(write(made_files.every_file()["scan.ras"], "cell.ras"))
    assert [entry.name for entry in series.entries] == ["cell", "cell#2"]
    assert series.name == "cell"
    assert np.array_equal(series.entries[1].load().intensity, made_files.COUNTS)


def test_a_stack_in_hdf5_is_a_series_in_time_and_is_read_row_by_row(write: Write, made_files: ModuleType) -> None:
    counts = np.arange(400 * made_files.N).reshape(400, -1)
    path = write(made_files.nexus(counts), "stack.nxs")
    tracemalloc.start()
    series = read_series(path)
    row = series.entries[317].load()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert series.axis == "time"
    assert len(series.entries) == 400
    assert row.intensity.tolist() == counts[317].tolist()
    assert row.start_time == datetime.fromisoformat("2024-05-01T10:00:00+02:00") + timedelta(minutes=317)
    assert row.radiation is not None
    assert row.radiation.wavelength == 0.4939
    assert peak < 3e6


def test_a_hundred_thousand_patterns_are_known_without_being_read(tmp_path: Path, made_files: ModuleType) -> None:
    h5py = pytest.importorskip("h5py")
    path = tmp_path / "long.h5"
    path.write_bytes(made_files.nexus(made_files.COUNTS[None, :]))
    with h5py.File(path, "r+") as file:
        for name, shape in (("I", (100_000, made_files.N)), ("time", (100_000,))):
            del file[f"entry/data/{name}"]
            file.create_dataset(f"entry/data/{name}", shape, "f4", chunks=True, fillvalue=7.0)
    handles = scan_handles(path)
    assert len(handles) == 100_000
    assert handles[99_999].load().intensity.tolist() == [7.0] * made_files.N


def test_a_stack_against_q_has_the_same_angles_by_its_wavelength(write: Write, made_files: ModuleType) -> None:
    q = 4 * np.pi * np.sin(np.radians(made_files.ANGLES / 2)) / 0.4939
    plain, made_files.ANGLES = made_files.ANGLES, q
    try:
        path = write(made_files.nexus(made_files.COUNTS[None, :], axis="q", units="1/angstrom"), "q.nxs")
    finally:
        made_files.ANGLES = plain
    assert read_scans(path)[0].two_theta == pytest.approx(plain, abs=1e-9)


def test_a_list_of_files_keeps_its_order(write: Write) -> None:
    for name, level in (("b.xy", 2), ("a.xy", 1), ("c.xy", 3)):
        write(dated("2024-05-01T10:00:00", level), name)
    series = read_series(write("# the order of the experiment\nc.xy\na.xy\nb.xy\n", "order.lst"))
    assert [entry.load().intensity[0] for entry in series.entries] == [3.0, 1.0, 2.0]


def test_a_list_that_leads_out_of_its_folder_is_no_list(write: Write, tmp_path: Path) -> None:
    (tmp_path / "outside.xy").write_text(dated("2024-05-01T10:00:00"))
    with pytest.raises(SeriesError, match="no line holds two columns"):
        read_series(write("../outside.xy\n../outside.xy\n", "inner/order.lst"))


def test_repeated_times_gaps_and_other_grids_are_said(write: Write, tmp_path: Path) -> None:
    for i, minute in enumerate([0, 1, 2, 3, 4, 30, 31]):
        write(dated(f"2024-05-01T10:{minute:02d}:00", first=12.0 if i == 3 else 10.0), f"s{i}.xy")
    told = codes(tmp_path)
    assert "1 of 7 scans have another range or step" in told["different-grids"]
    assert "s3" in told["different-grids"]
    assert "1560 s pass between s4 and s5" in told["gaps"]
    assert "times-repeated" not in told
    write(dated("2024-05-01T10:31:00"), "s7.xy")
    assert "s6 and s7 begin at the same time" in codes(tmp_path)["times-repeated"]


def test_an_even_series_is_not_complained_about(write: Write, tmp_path: Path) -> None:
    for i in range(6):
        write(dated(f"2024-05-01T10:0{i}:00"), f"s{i}.xy")
    assert codes(tmp_path) == {}


def test_a_folder_of_mixed_formats_gives_the_scans_of_one_format(tmp_path: Path, made_files: ModuleType) -> None:
    """The same counts in nine makers' formats: one angle, one count, one σ for all of them."""
    files = made_files.every_file()
    plain = tmp_path / "plain"
    mixed = tmp_path / "mixed"
    plain.mkdir()
    mixed.mkdir()
    names = ["scan.xrdml", "scan.rasx", "scan.brml", "three.raw", "four.raw", "one.raw", "two.raw", "scan.udf", "std.gsa"]
    for i, name in enumerate(names):
        (mixed / f"{i}.{name.split('.')[1]}").write_bytes(files[name])
        (plain / f"{i}.xye").write_bytes(files["plain.xye"])
    one, other = ([entry.load() for entry in sorted(read_series(f).entries, key=lambda e: e.name)] for f in (mixed, plain))
    assert len(one) == len(other) == len(names)
    for ours, theirs in zip(one, other, strict=True):
        assert ours.two_theta == pytest.approx(theirs.two_theta, abs=2e-5)
        assert np.array_equal(ours.intensity, theirs.intensity)
        assert ours.sigma == pytest.approx(theirs.sigma, abs=1e-4)
