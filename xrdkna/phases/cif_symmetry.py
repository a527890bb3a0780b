"""Which space group a CIF means: its operators if it lists them, else the tabulated setting of its symbol."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from xrdkna.errors import CifError
from xrdkna.phases.cif_blocks import Block, Setting, settings
from xrdkna.phases.symmetry import Operators, fits_cell, forms_a_group, operators_from_xyz, point_group
from xrdkna.records.phases import Cell

_SYMOPS = (
    "_space_group_symop_operation_xyz",
    "_symmetry_equiv_pos_as_xyz",
    "_space_group_symop.operation_xyz",
    "_symmetry_equiv.pos_as_xyz",
)
_SYMBOLS = ("_space_group_name_h-m_alt", "_symmetry_space_group_name_h-m", "_space_group_name_h-m_full", "_space_group_name_h-m")
_HALL = ("_space_group_name_hall", "_symmetry_space_group_name_hall")
_NUMBERS = ("_space_group_it_number", "_symmetry_int_tables_number")
_ADD_OPERATORS = "add its operators as a loop of _space_group_symop_operation_xyz"
# ICSD's and others' ways of naming a setting, as in "F d -3 m Z", "R -3 c H", "F d -3 m O2"
_SUFFIXES = {"h": ":h", "hr": ":h", "r": ":r", "rs": ":r", "s": ":1", "o1": ":1", "z": ":2", "o2": ":2", "1": ":1", "2": ":2"}
_OLD_GLIDES = {"aem2": "abm2", "aea2": "aba2", "cmce": "cmca", "cmme": "cmma", "ccce": "ccca"}


@dataclass(frozen=True, slots=True, kw_only=True)
class SpaceGroup:
    """One reading of what a CIF says: symbol and number ("" and 0 when it does not say), operators; assumed: why it is a guess."""

    symbol: str
    number: int
    operators: Operators
    assumed: str = ""


def candidate_space_groups(block: Block, cell: Cell, *, where: str) -> tuple[SpaceGroup, ...]:
    """What the block may mean, most likely first: one entry, or one for each origin that its symbol leaves open.

    Raises CifError when it gives no space group, one that is not known, or operators that contradict it.
    """
    number = _declared_number(block, where=where)
    symbol = block.text(*_SYMBOLS)
    named = _named_settings(symbol, block.text(*_HALL))
    lines = [line for line in block.column(*_SYMOPS) if line.strip() not in ("", "?", ".")]
    if lines:
        return (_listed(lines, symbol=symbol, number=number, named=named, cell=cell, where=where),)
    if not named:
        if symbol:
            raise CifError(f"{where} names a space group {symbol!r} that is not known, and lists no operators; {_ADD_OPERATORS}.")
        if not number:
            raise CifError(f"{where} says no space group and lists no symmetry operators; {_ADD_OPERATORS}.")
        named = tuple(entry for entry in settings() if entry.number == number and "(" not in entry.universal)
    if len({entry.number for entry in named}) > 1:
        named = tuple(entry for entry in named if entry.number == number)
        if not named:
            raise CifError(f"{where} names a space group {symbol!r} that could be several; give its full symbol, or {_ADD_OPERATORS}.")
    if number and all(entry.number != number for entry in named):
        raise CifError(
            f"{where} names space group {symbol!r} (number {named[0].number}) but gives the number {number}; correct one of them."
        )
    return _fitting(named, cell, symbol=symbol, where=where)


def rotations_of_symbol(symbol: str, cell: Cell, *, where: str) -> tuple[tuple[int, ...], ...]:
    """The point group of the tabulated setting of `symbol` that fits the cell. Raises CifError when there is none."""
    named = _named_settings(symbol, "")
    if not named:
        raise CifError(f"{where} names a space group {symbol!r} that is not known; write its Hermann–Mauguin symbol, as in 'P 1 21/c 1'.")
    return point_group(_fitting(named, cell, symbol=symbol, where=where)[0].operators)


def _declared_number(block: Block, *, where: str) -> int:
    text = block.text(*_NUMBERS)
    if not text:
        return 0
    if not text.isdigit() or not 1 <= int(text) <= 230:
        raise CifError(f"{where} gives space-group number {text!r}; it must be one from 1 to 230.")
    return int(text)


def _listed(lines: Sequence[str], *, symbol: str, number: int, named: Sequence[Setting], cell: Cell, where: str) -> SpaceGroup:
    try:
        operators = operators_from_xyz(lines)
    except ValueError as error:
        raise CifError(f"{where} lists a symmetry operator {str(error)!r} that cannot be read; write it as in '1/2+x,-y,z'.") from error
    if not forms_a_group(operators):
        raise CifError(f"{where} lists {len(operators)} symmetry operators that are not a complete group; restore the missing ones.")
    if not fits_cell(operators, cell):
        raise CifError(f"{where} lists symmetry operators that its cell {cell.values} does not have; correct the cell or the setting.")
    order = len(point_group(operators))
    declared = number or (named[0].number if named else 0)
    expected = next((entry.point_group_order for entry in settings() if entry.number == declared), order)
    if order == 1 and not declared:
        raise CifError(f"{where} lists only the operator x,y,z and does not say that its space group is P 1; say so, or {_ADD_OPERATORS}.")
    if order != expected:
        raise CifError(
            f"{where} says space group {symbol or declared}, which has {expected} rotations, but lists operators with {order}; "
            "make the two agree."
        )
    return SpaceGroup(symbol=symbol or (named[0].hermann_mauguin if named else ""), number=declared, operators=operators)


def _fitting(named: Sequence[Setting], cell: Cell, *, symbol: str, where: str) -> tuple[SpaceGroup, ...]:
    """The settings whose symmetry the cell has; several only where they are the same axes with another origin."""
    readings = [(entry, operators_from_xyz(entry.symops)) for entry in named]
    fitting = [(entry, operators) for entry, operators in readings if fits_cell(operators, cell)]
    if not fitting:
        raise CifError(
            f"{where} has space group {symbol or named[0].number}, whose symmetry its cell {cell.values} lacks; correct one of them."
        )
    # International Tables list origin 1 first; databases prefer origin 2, at a centre of symmetry.
    turns = set(point_group(fitting[0][1]))
    kept = [pair for pair in fitting if set(point_group(pair[1])) == turns and pair[0].universal[-2:] in (":1", ":2")]
    kept = sorted(kept, key=lambda pair: pair[0].universal[-1], reverse=True) or fitting[:1]
    axes = kept[0][0].universal.split(":")[0].strip()
    assumed = ""
    if len(kept) > 1:
        assumed = f"the origin of {axes} is not said"
    elif not symbol and len(fitting) > 1:
        assumed = f"only the space-group number {named[0].number} is given, so its standard setting {axes} is taken"
    return tuple(
        SpaceGroup(symbol=symbol or entry.hermann_mauguin, number=entry.number, operators=operators, assumed=assumed)
        for entry, operators in kept
    )


def _named_settings(symbol: str, hall: str) -> tuple[Setting, ...]:
    key, suffix = _key_and_suffix(symbol)
    if not key:
        return tuple(entry for entry in settings() if hall and _squeezed(entry.hall) == _squeezed(hall))
    named = [entry for entry in settings() if "(" not in entry.universal and key in _keys(entry)]
    exact = [entry for entry in named if suffix and entry.universal.lower().endswith(suffix)]
    by_hall = [entry for entry in named if hall and _squeezed(entry.hall) == _squeezed(hall)]
    return tuple(by_hall or exact or named)


def _key_and_suffix(symbol: str) -> tuple[str, str]:
    match = re.fullmatch(r"(.*?)(?:\s*:\s*(\w+)|\s+(HR|RS|H|R|S|Z|O1|O2))\s*", symbol.strip(), flags=re.IGNORECASE)
    if match is None:
        return _squeezed(symbol), ""
    return _squeezed(match[1]), _SUFFIXES.get((match[2] or match[3]).lower(), "")


def _keys(entry: Setting) -> set[str]:
    keys = {_squeezed(entry.hermann_mauguin), _squeezed(entry.short)}
    keys |= {_OLD_GLIDES[key] for key in keys if key in _OLD_GLIDES}
    if entry.number >= 195:
        # before 1983 the cubic groups were written F m 3 m for F m -3 m
        keys |= {key.replace("-3", "3") for key in keys if not key[1:].startswith("-4")}
    return keys


def _squeezed(symbol: str) -> str:
    return re.sub(r"[\s_]", "", symbol).lower()
