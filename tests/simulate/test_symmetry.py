"""Families of reflections against gemmi's multiplicities."""

import pytest

from xrdkna.records.phases import Reflections
from xrdkna.simulate.symmetry import family, lattice_operations


@pytest.mark.parametrize("name", ["K", "Al", "Al2O3", "KNa2"])
def test_every_family_has_as_many_members_as_gemmi_says(name: str, reflections: dict[str, Reflections]) -> None:
    phase = reflections[name]
    operations = lattice_operations(phase.cell, system=phase.crystal_system)
    for hkl, multiplicity in zip(phase.hkl.tolist(), phase.multiplicity.tolist(), strict=True):
        assert len(family(tuple(hkl), operations)) == multiplicity, hkl


def test_corundum_012_is_a_family_without_102(reflections: dict[str, Reflections]) -> None:
    phase = reflections["Al2O3"]
    members = family((0, 1, 2), lattice_operations(phase.cell, system="trigonal")).tolist()
    assert [1, 0, -2] in members
    assert [1, 0, 2] not in members
