"""A CIF to a Phase: all atoms of the cell, its symmetry, and a notice for everything that had to be assumed."""

from pathlib import Path

import numpy as np

from xrdkna.errors import CifError, RecordError
from xrdkna.phases.cif_atoms import DEFAULT_BISO, listed_atoms, number_from
from xrdkna.phases.cif_blocks import Block, read_blocks, space_group_of
from xrdkna.phases.cif_symmetry import SpaceGroup, candidate_space_groups
from xrdkna.phases.composition import Composition, composition_of
from xrdkna.phases.sites import ListedAtom, fill_cell, full_sites, refuse_crowding
from xrdkna.phases.symmetry import crystal_system, point_group
from xrdkna.physics.lattice import cell_volume
from xrdkna.records.arrays import FloatArray
from xrdkna.records.phases import Cell, Phase
from xrdkna.records.values import Notice

# g/cm³: solid hydrogen 0.09, osmium 22.6.
_DENSITIES = (0.05, 30.0)
_GRAM_PER_CM3 = 1.66053907
# A composition that differs by more is not the rounding of an occupancy.
_COMPOSITION_TOLERANCE = 0.05
# K: outside, a cell is not a room-temperature one and its lines are shifted by a tenth of a degree or more.
_ROOM = (270.0, 320.0)


def phase_from_cif(
    path: Path,
    *,
    name: str,
    role: str = "other",
    biso: float | None = None,
    formula: str = "",
    title: str = "",
    source: str = "",
    temperature: float | None = None,
) -> Phase:
    """The phase that the CIF at `path` describes; what is not given here is taken from the file.

    biso: Å², the isotropic displacement B = 8π²⟨u²⟩ of atoms for which the CIF gives none (None: 0.5, with a notice).
    Raises CifError, one sentence naming file, place and remedy, when the file cannot be read or describes no possible
    crystal: no atoms, no or an unknown space group, occupancies over 1.01, atoms under 0.5 Å apart, over 5000 atoms.
    """
    block, notices = _structure_block(path)
    where = f"{path} (block data_{block.name})"
    cell = _cell(block, where=where)
    atoms, displacement_notices = listed_atoms(block, cell, where=where, default_biso=DEFAULT_BISO if biso is None else biso)
    group, orbits, group_notices = _best_reading(block, cell, atoms, where=where)
    refuse_crowding(atoms, orbits, cell, where=where)
    composition = _composition(block, atoms, orbits)
    _refuse_density(composition.mass, cell, where=where)
    rotations = point_group(group.operators)
    symbol, number = group.symbol, group.number
    if not symbol or not number:
        elements = [atom.element for atom, orbit in zip(atoms, orbits, strict=True) for _ in orbit]
        found = space_group_of(cell.values, elements, [tuple(x) for x in np.concatenate(orbits).tolist()])
        symbol, number = symbol or found[0], number or found[1]
    temperature = temperature or number_from(block.text("_diffrn_ambient_temperature", "_cell_measurement_temperature"))
    return Phase(
        name=name,
        formula=formula or composition.formula,
        role=role,
        crystal_system=crystal_system(rotations),
        space_group=symbol,
        space_group_number=number,
        cell=cell,
        sites=full_sites(atoms, orbits),
        cell_mass=composition.mass,
        source=source or _source(block, path),
        temperature_K=temperature,
        title=title or block.text("_chemical_name_mineral", "_chemical_name_common", "_chemical_name_systematic"),
        rotations=rotations,
        notices=(
            *notices,
            *displacement_notices,
            *group_notices,
            *_composition_notice(composition, where=where),
            *_temperature_notice(temperature, where=where),
        ),
    )


def _structure_block(path: Path) -> tuple[Block, tuple[Notice, ...]]:
    blocks = read_blocks(path)
    with_atoms = [block for block in blocks if block.column("_atom_site_fract_x")]
    if not with_atoms:
        raise CifError(f"{path} holds no atoms: no data block has a table of _atom_site_fract_x, _y and _z; give a CIF with the structure.")
    chosen, others = with_atoms[0], ", ".join(block.name for block in with_atoms[1:])
    notices = []
    if others:
        sentence = f"{path} holds several structures; the first, data_{chosen.name}, was used and {others} left out."
        notices.append(Notice(code="cif-several-structures", severity="warning", sentence=sentence, remedy="Split the file."))
    if chosen.oddities:
        first = chosen.oddities[0].rpartition(": ")[2][:60]
        sentence = f"{path} has text that belongs to no data item, first {first!r}; it was passed over."
        notices.append(Notice(code="cif-stray-text", severity="warning", sentence=sentence, remedy="Check that nothing is missing there."))
    return chosen, tuple(notices)


def _cell(block: Block, *, where: str) -> Cell:
    names = ("_cell_length_a", "_cell_length_b", "_cell_length_c", "_cell_angle_alpha", "_cell_angle_beta", "_cell_angle_gamma")
    values = []
    for name in names:
        value = number_from(block.text(name))
        if value is None:
            raise CifError(f"{where} gives no {name} that is a number; add it to the file.")
        if value <= 0:
            raise CifError(f"{where} gives {name} as {value:g}; it must be positive.")
        values.append(value)
    try:
        return Cell(**dict(zip(("a", "b", "c", "alpha", "beta", "gamma"), values, strict=True)))
    except RecordError as error:
        raise CifError(f"{where} has an impossible cell: {error}") from error


def _best_reading(
    block: Block, cell: Cell, atoms: tuple[ListedAtom, ...], *, where: str
) -> tuple[SpaceGroup, list[FloatArray], tuple[Notice, ...]]:
    """The space group and the filled cell; where the origin is open, the one whose multiplicities, composition and
    distances are those the CIF states."""
    groups = candidate_space_groups(block, cell, where=where)
    readings = [(group, fill_cell(atoms, group.operators, cell, where=where)) for group in groups]
    scores = [_disagreement(block, cell, atoms, orbits, where=where) for _, orbits in readings]
    best = int(np.argmin(scores))
    group, orbits = readings[best]
    notices = []
    if group.assumed:
        decided = len(groups) > 1 and scores.count(scores[best]) == 1
        how = (
            "the one that gives the stated composition was taken"
            if decided
            else "the second choice was taken"
            if len(groups) > 1
            else "check it"
        )
        sentence = f"In {where} {group.assumed}; {how}."
        severity = "info" if decided else "warning"
        notices.append(Notice(code="cif-setting-assumed", severity=severity, sentence=sentence, remedy="List the symmetry operators."))
    wrong = [atom.label for atom, orbit in zip(atoms, orbits, strict=True) if atom.multiplicity not in (0, len(orbit))]
    if wrong:
        if (_composition(block, atoms, orbits).error or 0.0) > _COMPOSITION_TOLERANCE:
            raise CifError(
                f"{where} gives multiplicities (of {', '.join(wrong)}) and a composition that its coordinates and space group "
                "do not give; check the origin and the coordinates."
            )
        sentence = f"In {where} the listed multiplicity of {', '.join(wrong)} is not what its coordinates and space group give."
        notices.append(Notice(code="cif-multiplicity", severity="warning", sentence=sentence, remedy="Check the coordinates."))
    return group, orbits, tuple(notices)


def _disagreement(block: Block, cell: Cell, atoms: tuple[ListedAtom, ...], orbits: list[FloatArray], *, where: str) -> float:
    wrong = sum(atom.multiplicity not in (0, len(orbit)) for atom, orbit in zip(atoms, orbits, strict=True))
    try:
        refuse_crowding(atoms, orbits, cell, where=where)
    except CifError:
        return 100.0 + wrong
    return wrong + min(_composition(block, atoms, orbits).error or 0.0, 10.0)


def _composition(block: Block, atoms: tuple[ListedAtom, ...], orbits: list[FloatArray]) -> Composition:
    units = number_from(block.text("_cell_formula_units_z"))
    return composition_of(atoms, orbits, stated=block.text("_chemical_formula_sum"), units=units if units and units > 0 else None)


def _composition_notice(composition: Composition, *, where: str) -> tuple[Notice, ...]:
    if (composition.error or 0.0) > _COMPOSITION_TOLERANCE:
        sentence = f"In {where} the atoms of the cell do not add up to the stated formula {composition.formula} and Z."
        return (
            Notice(code="cif-composition", severity="warning", sentence=sentence, remedy="Weights may be wrong; check the atom table."),
        )
    if composition.missing_hydrogen:
        sentence = (
            f"{where} does not locate {composition.missing_hydrogen:g} hydrogen atoms of the cell; they are weighed but do not scatter."
        )
        return (Notice(code="cif-hydrogen", severity="info", sentence=sentence),)
    return ()


def _refuse_density(cell_mass: float, cell: Cell, *, where: str) -> None:
    density = cell_mass * _GRAM_PER_CM3 / cell_volume(cell)
    low, high = _DENSITIES
    if not low <= density <= high:
        raise CifError(
            f"{where} would have a density of {density:.3g} g/cm³; no crystal lies outside {low} to {high}, "
            "so check the cell, in ångström, and the atom table."
        )


def _temperature_notice(temperature: float | None, *, where: str) -> tuple[Notice, ...]:
    if temperature is None or _ROOM[0] <= temperature <= _ROOM[1]:
        return ()
    sentence = f"The cell in {where} was measured at {temperature:g} K; at room temperature its lines lie elsewhere."
    return (Notice(code="cif-temperature", severity="warning", sentence=sentence, remedy="Use a cell measured at the scan's temperature."),)


def _source(block: Block, path: Path) -> str:
    authors = [author.rstrip(",. ") for author in block.column("_publ_author_name", "_citation_author_name")]
    journal = block.text("_journal_name_full", "_journal_name_abbrev", "_citation_journal_abbrev", "_citation_journal_full")
    parts = [", ".join(authors[:3]) + (" et al." if len(authors) > 3 else ""), journal]
    parts += [block.text("_journal_volume"), block.text("_journal_page_first"), block.text("_journal_year")]
    code = block.text("_cod_database_code", "_database_code_cod", "_database_code_icsd", "_database_code_amcsd")
    cited = " ".join(part for part in parts if part)
    return "; ".join(part for part in (cited, code and f"database entry {code}", f"file {path.name}") if part)
