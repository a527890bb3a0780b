"""Reflections made by gemmi, which shares no code with the package; recipes written to a temporary file."""

from collections.abc import Callable
from pathlib import Path

import gemmi
import numpy as np
import pytest

from xrdkna.records.phases import Cell, Reflections
from xrdkna.simulate.recipe import read_recipe
from xrdkna.simulate.recipe_records import Recipe

# name: (space group, system, role, cell, sites (element, x, y, z), B); the facts of the paper's cell
STRUCTURES = {
    "K": ("I m -3 m", "cubic", "deposit", (5.328, 5.328, 5.328, 90, 90, 90), [("K", 0, 0, 0)], 10.5),
    "Al": ("F m -3 m", "cubic", "hardware", (4.0495, 4.0495, 4.0495, 90, 90, 90), [("Al", 0, 0, 0)], 0.85),
    "Al2O3": (
        "R -3 c:H",
        "trigonal",
        "hardware",
        (4.7591, 4.7591, 12.9918, 90, 90, 120),
        [("Al", 0, 0, 0.3522), ("O", 0.3063, 0, 0.25)],
        0.3,
    ),
    "KNa2": (
        "P 63/m m c",
        "hexagonal",
        "deposit",
        (7.50, 7.50, 12.31, 90, 90, 120),
        [("K", 1 / 3, 2 / 3, 0.062), ("Na", 0, 0, 0), ("Na", 0.83, 0.66, 0.25)],
        7.0,
    ),
}


def gemmi_reflections(name: str, *, smallest_d: float = 0.8) -> Reflections:
    """The phase's families with multiplicity and |F|² (electrons², no anomalous part)."""
    symbol, system, role, lengths, sites, biso = STRUCTURES[name]
    structure = gemmi.SmallStructure()
    structure.cell = gemmi.UnitCell(*lengths)
    structure.spacegroup_hm = symbol
    structure.spacegroup_number = gemmi.SpaceGroup(symbol).number
    structure.determine_and_set_spacegroup("H2")
    for number, (element, x, y, z) in enumerate(sites):
        site = gemmi.SmallStructure.Site()
        site.label, site.element = f"{element}{number}", gemmi.Element(element)
        site.fract, site.occ, site.u_iso = gemmi.Fractional(x, y, z), 1.0, biso / (8 * np.pi**2)
        structure.add_site(site)
    structure.setup_cell_images()
    calculator = gemmi.StructureFactorCalculatorX(structure.cell)
    mass = sum(site.element.weight * site.occ for site in structure.get_all_unit_cell_sites())
    # the calculator sums over all operations: an atom on a special position counts once only with this
    structure.change_occupancies_to_crystallographic()
    operations = structure.spacegroup.operations()
    rows = []
    for hkl in gemmi.make_miller_array(structure.cell, structure.spacegroup, smallest_d):
        h = [int(x) for x in hkl]
        f = abs(calculator.calculate_sf_from_small_structure(structure, h)) ** 2
        family = {tuple(sign * x for x in op.apply_to_hkl(h)) for op in operations.sym_ops for sign in (1, -1)}
        rows.append((structure.cell.calculate_d(h), h, len(family), f))
    rows = sorted((row for row in rows if row[3] > 1e-6), key=lambda row: -row[0])
    return Reflections(
        phase=name,
        role=role,
        crystal_system=system,
        cell=Cell(a=lengths[0], b=lengths[1], c=lengths[2], alpha=lengths[3], beta=lengths[4], gamma=lengths[5]),
        cell_mass=mass,
        positions_only=False,
        hkl=[row[1] for row in rows],
        multiplicity=[row[2] for row in rows],
        f_squared=[row[3] for row in rows],
        d_spacing=[row[0] for row in rows],
    )


@pytest.fixture(scope="session")
def reflections() -> dict[str, Reflections]:
    """All test phases by name."""
    return {name: gemmi_reflections(name) for name in STRUCTURES}


@pytest.fixture
def recipe_of(tmp_path: Path) -> Callable[[str], Recipe]:
    """Write a recipe's text to a file and read it."""

    def read(text: str) -> Recipe:
        path = tmp_path / "recipe.toml"
        path.write_text(text, encoding="utf-8")
        return read_recipe(path)

    return read
