"""Parquet and the bundle: the same input gives the same bytes, and what is in them is what was put in."""

import hashlib
import io
import json
import time
import zipfile
from pathlib import Path

import pytest

from xrdkna.errors import UsageError
from xrdkna.records.values import Estimate
from xrdkna.report.bundle import plain, write_bundle
from xrdkna.report.parquet import write_parquet

TABLE = (["index", "name", "a [angstrom]", "esd"], [[0, "s0", 5.328, None], [1, "=1+1", 5, 0.001]])


def test_pyarrow_reads_the_table_back_with_kinds_and_gaps(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    write_parquet(TABLE, tmp_path / "t.parquet")
    table = pq.read_table(tmp_path / "t.parquet")
    assert table.column_names == TABLE[0]
    assert table.to_pydict() == {"index": [0, 1], "name": ["s0", "=1+1"], "a [angstrom]": [5.328, 5.0], "esd": [None, 0.001]}
    assert [str(field.type) for field in table.schema] == ["int64", "string", "double", "double"]


def test_the_same_table_is_the_same_parquet(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_parquet(TABLE, tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def bundled(path: Path, scan: Path) -> bytes:
    write_bundle(
        path, command="index", inputs=[scan], settings={"radius": 240.0, "bad": float("nan")}, phases=[], members={"answer.json": b"{}\n"}
    )
    return path.read_bytes()


def test_a_bundle_names_its_inputs_by_their_hash_and_is_the_same_at_another_moment(tmp_path: Path) -> None:
    scan = tmp_path / "scan.xy"
    scan.write_bytes(b"10 1\n11 2\n")
    first = bundled(tmp_path / "a.zip", scan)
    time.sleep(2.1)
    assert bundled(tmp_path / "b.zip", scan) == first
    with zipfile.ZipFile(io.BytesIO(first)) as archive:
        assert archive.namelist() == ["manifest.json", "answer.json", "phases.json"]
        manifest = json.loads(archive.read("manifest.json"))
        assert manifest["members"] == {name: hashlib.sha256(archive.read(name)).hexdigest() for name in ("answer.json", "phases.json")}
    assert manifest["inputs"] == [{"name": "scan.xy", "bytes": 10, "sha256": hashlib.sha256(b"10 1\n11 2\n").hexdigest()}]
    assert manifest["settings"] == {"radius": 240.0, "bad": None}
    assert manifest["versions"]["xrdkna"]


def test_another_input_is_another_bundle(tmp_path: Path) -> None:
    scan = tmp_path / "scan.xy"
    scan.write_bytes(b"10 1\n11 2\n")
    first = bundled(tmp_path / "a.zip", scan)
    scan.write_bytes(b"10 1\n11 3\n")
    assert bundled(tmp_path / "a.zip", scan) != first


def test_an_input_that_is_gone_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read again"):
        bundled(tmp_path / "a.zip", tmp_path / "gone.xy")


def test_records_become_plain_json(tmp_path: Path) -> None:
    assert plain(Estimate(value=1.0, esd=None, unit="Å")) == {"value": 1.0, "esd": None, "unit": "Å"}
    assert plain((Path("/somewhere/else/a.cif"), frozenset({"b", "a"}))) == ["a.cif", ["a", "b"]]
