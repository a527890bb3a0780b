"""Operators against gemmi's tables for every space group."""

import re

import gemmi
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xrdkna.phases.symmetry import crystal_system, fits_cell, forms_a_group, operators_from_xyz, point_group
from xrdkna.records.phases import Cell

GROUPS = [group for group in gemmi.spacegroup_table() if group.is_reference_setting()]


@given(st.sampled_from(GROUPS))
def test_every_space_group_is_a_group_of_its_own_crystal_system(group: gemmi.SpaceGroup) -> None:
    operators = operators_from_xyz([op.triplet() for op in group.operations()])
    assert forms_a_group(operators)
    assert crystal_system(point_group(operators)) == group.crystal_system_str()


@given(st.sampled_from([group for group in GROUPS if len(group.operations()) > 2]), st.data())
def test_a_group_with_one_operator_missing_is_none(group: gemmi.SpaceGroup, data: st.DataObject) -> None:
    lines = [op.triplet() for op in group.operations()]
    missing = data.draw(st.integers(1, len(lines) - 1))
    assert not forms_a_group(operators_from_xyz(lines[:missing] + lines[missing + 1 :]))


@pytest.mark.parametrize(
    ("text", "same"),
    [("1/2+x, -Y , z", "x+1/2,-y,z"), ("0.5+x,-y,z", "x+1/2,-y,z"), ("x+0.3333,y,z", "x+1/3,y,z"), ("-y+x, x, z-1/6", "x-y,x,z+5/6")],
)
def test_dialects_of_one_operator_read_alike(text: str, same: str) -> None:
    one, other = operators_from_xyz([text]), operators_from_xyz([same])
    assert (one.rotations == other.rotations).all()
    assert one.translations == pytest.approx(other.translations)


@pytest.mark.parametrize("text", ["x,y", "x,y,q", "", "x,x,z", "x,y,z,t", "x;y;z", "1/0+x,y,z"])
def test_what_is_no_operator_is_named(text: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        operators_from_xyz(["x,y,z", text])


def test_a_stretched_cube_is_no_cube() -> None:
    cubic = operators_from_xyz([op.triplet() for op in gemmi.find_spacegroup_by_name("F m -3 m").operations()])
    assert fits_cell(cubic, Cell(a=4, b=4, c=4))
    assert not fits_cell(cubic, Cell(a=4, b=4, c=4.1))
    assert not fits_cell(cubic, Cell(a=4, b=4, c=4, gamma=92))
