"""Files that lie, unfold, lead elsewhere or never end: one sentence of ours, soon, and in little memory."""

import contextlib
import io
import os
import subprocess
import sys
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from xrdkna.errors import ScanFileError
from xrdkna.read.formats import read_scans

Write = Callable[..., Path]
MADE = (
    *("plain.xye", "table.csv", "scan.xrdml", "scan.ras", "scan.uxd", "scan.udf", "std.gsa", "fine.fxye", "scan.spec", "scan.cif"),
    *("scan.chi", "one.raw", "two.raw", "three.raw", "four.raw", "rigaku.raw", "stoe.raw", "philips.rd", "scan.rasx", "scan.brml"),
    "stack.nxs",
)


def refusal(path: Path) -> str:
    with pytest.raises(ScanFileError) as caught:
        read_scans(path)
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert path.name in sentence
    return sentence


def packed(members: dict[str, bytes | str]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stream.getvalue()


@pytest.mark.parametrize("name", MADE)
def test_every_made_file_gives_the_planted_counts_whatever_it_is_called(write: Write, made_files: ModuleType, name: str) -> None:
    """Told by content: the suffix is taken away. Philips' .rd keeps roots, so that a count is known to a tenth of its own."""
    scan = read_scans(write(made_files.every_file()[name], "anything.bin"))[0]
    assert scan.two_theta == pytest.approx(made_files.ANGLES, abs=2e-5)
    exact = 0.0 if name != "philips.rd" else 0.11 * np.sqrt(made_files.COUNTS.max())
    assert np.abs(scan.intensity - made_files.COUNTS).max() <= exact
    assert scan.sigma_source == ("column" if name in ("plain.xye", "fine.fxye") else "counts")


@pytest.mark.parametrize(
    "name", ["scan.ras", "scan.uxd", "scan.udf", "one.raw", "two.raw", "three.raw", "four.raw", "rigaku.raw", "philips.rd"]
)
def test_a_file_cut_in_the_middle_gives_what_is_there_and_is_not_complete(write: Write, made_files: ModuleType, name: str) -> None:
    data = made_files.every_file()[name]
    cut = len(data) // 4 if name in ("scan.ras", "scan.uxd") else len(data) - 100
    try:
        scans = read_scans(write(data[:cut], name))
    except ScanFileError:
        return
    assert not scans[-1].complete
    n = len(scans[-1].two_theta)
    assert n < made_files.N
    assert np.abs(scans[-1].intensity[: n - 1] - made_files.COUNTS[: n - 1]).max() <= 2.5


@pytest.mark.parametrize(("name", "place"), [("one.raw", 4), ("two.raw", 258), ("three.raw", 716), ("four.raw", 61 + 37 + 136 + 88)])
def test_a_header_that_promises_four_billion_points_costs_no_memory(write: Write, made_files: ModuleType, name: str, place: int) -> None:
    data = bytearray(made_files.every_file()[name])
    width = 2 if name == "two.raw" else 4
    data[place : place + width] = b"\xff" * width
    path = write(bytes(data), name)
    tracemalloc.start()
    try:
        scans = read_scans(path)
    except ScanFileError:
        scans = ()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5e6
    assert all(not scan.complete and len(scan.two_theta) <= made_files.N for scan in scans)


def test_a_zip_bomb_is_not_unfolded(write: Write) -> None:
    bomb = packed({"Data0/Profile0.txt": bytes(200 * 2**20), "Data0/MesurementConditions0.xml": "<a/>"})
    path = write(bomb, "bomb.rasx")
    tracemalloc.start()
    sentence = refusal(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "unfolds beyond all measure" in sentence
    assert peak < 80e6


@pytest.mark.parametrize("name", ["../../etc/Data0/Profile0.txt", "/Data0/Profile0.txt", "C:\\Data0\\Profile0.txt"])
def test_a_member_that_points_outside_of_the_archive_is_refused(write: Write, name: str) -> None:
    assert "points outside" in refusal(write(packed({name: "1 2\n"}), "out.rasx"))


def test_an_archive_of_very_many_members_is_refused(write: Write) -> None:
    assert "members, more than" in refusal(write(packed({f"m{i}": "" for i in range(20_001)}), "many.brml"))


@pytest.mark.parametrize("where", ["Experiment0/RawData0.xml"])
def test_entities_inside_an_archive_are_as_forbidden_as_outside(write: Write, where: str) -> None:
    bomb = '<!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;">]><RawData>&c;</RawData>'
    assert "forbidden" in refusal(write(packed({where: bomb}), "entities.brml"))
    outside = '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/hostname">]><RawData>&b;</RawData>'
    assert "forbidden" in refusal(write(packed({where: outside}), "outside.brml"))


def test_xml_of_a_million_elements_is_refused_before_it_is_built(write: Write) -> None:
    path = write(b"<xrdMeasurements>" + b"<a/>" * 2_100_000 + b"</xrdMeasurements>", "many.xrdml")
    tracemalloc.start()
    sentence = refusal(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "elements" in sentence
    assert peak < 4 * path.stat().st_size


def test_an_hdf5_link_that_leads_out_of_the_file_is_not_followed(tmp_path: Path, made_files: ModuleType) -> None:
    h5py = pytest.importorskip("h5py")
    (tmp_path / "secret.h5").write_bytes(made_files.nexus(made_files.COUNTS[None, :]))
    for link in (h5py.ExternalLink("secret.h5", "/entry"), h5py.SoftLink("/way/data")):
        with h5py.File(tmp_path / "front.h5", "w") as file:
            if isinstance(link, h5py.SoftLink):
                file["way"] = h5py.ExternalLink("secret.h5", "/entry")
            file["entry"] = link
        assert "holds no powder pattern" in refusal(tmp_path / "front.h5")


def test_an_hdf5_data_set_stored_in_another_file_is_not_read(tmp_path: Path, made_files: ModuleType) -> None:
    h5py = pytest.importorskip("h5py")
    path = tmp_path / "front.h5"
    path.write_bytes(made_files.nexus(made_files.COUNTS[None, :]))
    (tmp_path / "raw.bin").write_bytes(bytes(8 * made_files.N))
    with h5py.File(path, "r+") as file:
        del file["entry/data/I"]
        file["entry/data"].create_dataset("I", (1, made_files.N), "f8", external=[("raw.bin", 0, h5py.h5f.UNLIMITED)])
    assert "no data set inside the file" in refusal(path)


def test_a_damaged_hdf5_file_that_reading_never_leaves_is_refused(write: Write, made_files: ModuleType) -> None:
    """Forty damaged stacks; in some like them the HDF5 library runs in circles, in others it crashes."""
    import importlib.util

    spec = importlib.util.spec_from_file_location("fuzz", Path(__file__).with_name("fuzz.py"))
    assert spec is not None
    assert spec.loader is not None
    fuzz = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(fuzz)
    data = made_files.every_file()["stack.nxs"]
    for i in range(40):
        path = write(fuzz.mutated(data, np.random.default_rng([5, i])), f"d{i}.nxs")
        with contextlib.suppress(ScanFileError):  # and nothing else
            read_scans(path)


def test_a_short_run_of_the_fuzz_finds_nothing() -> None:
    """The long one is a command: python tests/read/fuzz.py --files 20000 --seed N."""
    number = "2000" if os.environ.get("XRDKNA_FULL") else "120"
    command = [sys.executable, str(Path(__file__).with_name("fuzz.py")), "--files", number, "--seed", "3"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "0 findings" in done.stdout
