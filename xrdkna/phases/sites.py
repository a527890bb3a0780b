"""From the atoms a CIF lists to all atoms of the cell, and whether they can be a crystal."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from xrdkna.errors import CifError
from xrdkna.phases.cif_blocks import MAX_ATOMS
from xrdkna.phases.symmetry import Operators
from xrdkna.physics.lattice import metric_tensor
from xrdkna.records.arrays import FloatArray
from xrdkna.records.phases import Cell, Site

# Å: images of one atom nearer than this are the atom itself on a special position, written with few digits.
_SAME_ATOM = 0.01
_SAME_ATOM_AT_MOST = 0.15
# Å: where the CIF gives a multiplicity, images up to this far apart are merged to reach it.
_SAME_ATOM_TO_REACH_MULTIPLICITY = 0.3
_TOO_CLOSE = 0.5
_MOST_OCCUPIED = 1.01


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedAtom:
    """One row of the atom table. decimals: how many its coordinates were written with; multiplicity: as listed, 0 if not."""

    label: str
    element: str
    mass: float
    position: tuple[float, float, float]
    decimals: int
    occupancy: float
    biso: float
    multiplicity: int = 0


def fill_cell(atoms: Sequence[ListedAtom], operators: Operators, cell: Cell, *, where: str) -> list[FloatArray]:
    """For each listed atom the (m, 3) fractional positions of all its images in the cell, each in [0, 1).

    An atom that lies within rounding of a special position is moved onto it, so that it does not multiply. Raises
    CifError when the cell would hold more than MAX_ATOMS.
    """
    orbits: list[FloatArray] = []
    total = 0
    metric = metric_tensor(cell)
    for atom in atoms:
        orbit = _orbit(atom, operators, metric, where=where)
        orbits.append(orbit)
        total += len(orbit)
        if total > MAX_ATOMS:
            raise CifError(
                f"{where} has more than {MAX_ATOMS} atoms in its cell (at atom {atom.label}); "
                "give the crystal's unit cell and not a simulation box."
            )
    return orbits


def refuse_crowding(atoms: Sequence[ListedAtom], orbits: Sequence[FloatArray], cell: Cell, *, where: str) -> None:
    """Raise CifError when sites hold more than one atom, or atoms stand closer than 0.5 Å.

    Distances are to the nearest image by rounding, which is exact below half the smallest spacing of lattice planes.
    """
    metric = metric_tensor(cell)
    positions = np.concatenate(orbits)
    owner = np.repeat(np.arange(len(atoms)), [len(orbit) for orbit in orbits])
    occupancy = np.array([atom.occupancy for atom in atoms])
    first_index = np.cumsum([0, *[len(orbit) for orbit in orbits[:-1]]])
    for index, atom in enumerate(atoms):
        offset = positions - positions[first_index[index]]
        offset -= np.round(offset)
        distance = np.sqrt(np.maximum(np.einsum("ni,ij,nj->n", offset, metric, offset), 0.0))
        near = distance < _TOO_CLOSE
        here = distance < _SAME_ATOM
        names = ", ".join(sorted({atoms[k].label for k in owner[here]}))
        if (total := float(occupancy[owner[here]].sum())) > _MOST_OCCUPIED:
            raise CifError(
                f"{where} puts {names} on one site with occupancies that sum to {total:.3g}; they must not exceed 1, so correct them."
            )
        for other in np.flatnonzero(near & ~here):
            if occupancy[owner[other]] + atom.occupancy > _MOST_OCCUPIED:
                raise CifError(
                    f"{where} puts {atom.label} and {atoms[owner[other]].label} only {distance[other]:.2f} Å apart; "
                    "check the cell, the coordinates and the space group."
                )


def full_sites(atoms: Sequence[ListedAtom], orbits: Sequence[FloatArray]) -> tuple[Site, ...]:
    """Every atom of the cell as a record."""
    return tuple(
        Site(element=atom.element, x=float(x), y=float(y), z=float(z), occupancy=atom.occupancy, biso=atom.biso)
        for atom, orbit in zip(atoms, orbits, strict=True)
        for x, y, z in orbit
    )


def _orbit(atom: ListedAtom, operators: Operators, metric: FloatArray, *, where: str) -> FloatArray:
    longest = math.sqrt(float(np.max(np.diag(metric))))
    # Half a unit in the last digit, in each of three coordinates, seen twice.
    rounding = 10.0**-atom.decimals * math.sqrt(3.0) * longest
    tolerance = float(np.clip(rounding, _SAME_ATOM, _SAME_ATOM_AT_MOST))
    wider = (0.02, 0.05, 0.1, 0.2, _SAME_ATOM_TO_REACH_MULTIPLICITY)
    tolerances = [tolerance] if not atom.multiplicity else [_SAME_ATOM, tolerance, *[step for step in wider if step > tolerance]]
    orbits = [orbit for step in tolerances if (orbit := _snapped_orbit(atom.position, operators, metric, step)) is not None]
    if not orbits:
        raise CifError(
            f"{where} places atom {atom.label} neither on a special position nor clearly off it; "
            "write its coordinates with five or more digits."
        )
    return next((orbit for orbit in orbits if len(orbit) == atom.multiplicity), orbits[min(1, len(orbits) - 1)])


def _snapped_orbit(position: tuple[float, float, float], operators: Operators, metric: FloatArray, tolerance: float) -> FloatArray | None:
    """Images of `position` after moving it to the mean of those images that are itself; None if they form no clean orbit."""
    point = np.array(position)
    for _ in range(3):
        offset = _images(point, operators) - point
        offset -= np.round(offset)
        near = np.einsum("ni,ij,nj->n", offset, metric, offset) < tolerance**2
        point = point + offset[near].mean(axis=0)
    images = _images(point, operators) % 1.0
    offset = images[:, None, :] - images[None, :, :]
    offset -= np.round(offset)
    same = np.einsum("abi,ij,abj->ab", offset, metric, offset) < 1e-6
    if len(set(same.sum(axis=1).tolist())) != 1:
        return None
    kept = np.flatnonzero(np.argmax(same, axis=1) == np.arange(len(images)))
    return np.asarray(images[kept])


def _images(point: FloatArray, operators: Operators) -> FloatArray:
    return np.asarray(operators.rotations @ point + operators.translations)
