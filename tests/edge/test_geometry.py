"""The geometry that the command line names is the one that fits and answers use."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

Run = Callable[..., Any]  # conftest's fixture `xrdkna`


def test_a_plate_in_transmission_is_named_and_fitted_as_one(aluminium: Path, xrdkna: Run, tmp_path: Path) -> None:
    documents = []
    for geometry in ("transmission", "Debye-Scherrer"):
        words = ("--radiation", "CuKa", "--geometry", geometry, "--radius", "200", "--phases", "Al", "--refine", "biso_Al", "--json", "-")
        ran = xrdkna("refine", aluminium, *words)
        assert ran.status in (0, 1), ran.err
        documents.append(json.loads(ran.out))
    plate = documents[0]
    assert plate["scan"]["geometry"] == "transmission"
    # 1/cos θ more in the beam at high angles is made up by atoms that move more.
    b_plate, b_capillary = (
        next(item["value"]["value"] for item in document["parameters"] if item["name"] == "biso_Al") for document in documents
    )
    assert b_plate > b_capillary + 0.1


def test_an_instrument_file_may_name_it(aluminium: Path, xrdkna: Run, tmp_path: Path) -> None:
    machine = tmp_path / "machine.toml"
    machine.write_text(
        "[radiation]\nname = 'CuKa'\n[geometry]\ntype = 'transmission'\nradius_mm = 200\n[profile]\n"
        "u = 0.0\nv = 0.0\nw = 0.005\nx = 0.02\ny = 0.0\n",
        encoding="utf-8",
    )
    ran = xrdkna("refine", aluminium, "--instrument", machine, "--phases", "Al", "--json", "-")
    assert json.loads(ran.out)["scan"]["geometry"] == "transmission"
