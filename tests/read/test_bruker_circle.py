"""The measuring circle of Bruker's files: by its radius in .brml, by its diameter in .raw of version 4."""

from collections.abc import Callable
from pathlib import Path

import pytest

from xrdkna.read.formats import read_scans


@pytest.mark.parametrize(
    ("name", "radius"),
    [("TiOF.brml", 141.0), ("TiO2.raw", 141.0), ("bruker4_v5converter.raw", 280.0), ("bruker4_diffrac_eva.raw", 217.5)],
)
def test_the_radius_is_that_of_the_machine(real_file: Callable[[str], Path], name: str, radius: float) -> None:
    """A D2 PHASER has 141 mm; a D8 has 217.5, 250, 280 or 300 mm."""
    (scan,) = read_scans(real_file(f"formats/{name}"))
    assert scan.radius_mm == radius
