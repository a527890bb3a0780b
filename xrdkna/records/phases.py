"""Crystals: what a CIF says (Phase) and what a diffractometer sees of it (Reflections)."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np

from xrdkna.errors import PhaseChoiceError, RecordError
from xrdkna.records.arrays import FloatArray, IntArray, frozen_floats, frozen_ints, require_one_of, set_frozen
from xrdkna.records.values import Notice

CRYSTAL_SYSTEMS = ("triclinic", "monoclinic", "orthorhombic", "tetragonal", "trigonal", "hexagonal", "cubic")
ROLES = ("deposit", "hardware", "contamination", "other")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """Unit cell, Å and degrees."""

    a: float
    b: float
    c: float
    alpha: float = 90.0
    beta: float = 90.0
    gamma: float = 90.0

    def __post_init__(self) -> None:
        lengths, angles = (self.a, self.b, self.c), (self.alpha, self.beta, self.gamma)
        if not all(math.isfinite(x) and 0.5 <= x <= 1000.0 for x in lengths):
            raise RecordError(f"cell edges {lengths} are not credible; they must lie between 0.5 and 1000 Å.")
        if not all(math.isfinite(x) and 10.0 <= x <= 170.0 for x in angles):
            raise RecordError(f"cell angles {angles} are not credible; they must lie between 10 and 170 degrees.")
        ca, cb, cg = (math.cos(math.radians(x)) for x in angles)
        if 1 - ca * ca - cb * cb - cg * cg + 2 * ca * cb * cg <= 1e-6:
            raise RecordError(f"cell angles {angles} close to no volume.")

    @property
    def values(self) -> tuple[float, float, float, float, float, float]:
        """(a, b, c, alpha, beta, gamma)."""
        return (self.a, self.b, self.c, self.alpha, self.beta, self.gamma)


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """One atom of the full cell: fractional coordinates, occupancy, isotropic displacement B = 8π²⟨u²⟩ in Å²."""

    element: str
    x: float
    y: float
    z: float
    occupancy: float
    biso: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedLine:
    """A line of a phase known only by its published pattern: d in Å, intensity relative to the strongest = 100."""

    d_spacing: float
    intensity: float
    hkl: tuple[int, int, int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """A reference phase. Either `sites` (all atoms of the cell) or `listed` (d and I, "positions only") is given.

    cell_mass: g/mol of the whole cell's content (0 when only positions are known). rotations: the point group as row-major
    3×3 integer matrices on fractional coordinates; empty when not known, then every hkl is a line of its own. notices: what
    was assumed while the structure was read. intensities_known: False where not even relative intensities are: the lines may
    be named as candidates, nothing else.
    """

    name: str
    formula: str
    role: str
    crystal_system: str
    space_group: str
    space_group_number: int
    cell: Cell
    sites: tuple[Site, ...]
    cell_mass: float
    source: str
    temperature_K: float | None = None
    title: str = ""
    listed: tuple[ListedLine, ...] = ()
    rotations: tuple[tuple[int, ...], ...] = ()
    intensities_known: bool = True
    notices: tuple[Notice, ...] = ()

    def __post_init__(self) -> None:
        require_one_of(self.role, ROLES, name="role")
        require_one_of(self.crystal_system, CRYSTAL_SYSTEMS, name="crystal_system")
        if bool(self.sites) == bool(self.listed):
            raise RecordError(f"phase {self.name} must have either atoms or a list of lines, and not both.")

    @property
    def positions_only(self) -> bool:
        """True when no structure is known: the phase can be recognised, not weighed."""
        return not self.sites


@dataclass(frozen=True, slots=True, kw_only=True)
class Reflections:
    """The lines of one phase for one wavelength, by falling d.

    hkl: (n, 3). multiplicity: (n,). f_squared: (n,) electrons², |f0+f′+if″| summed over the cell, with the Debye–Waller
    factor; for a positions-only phase the listed intensity (divided by multiplicity and Lorentz–polarisation) on an
    arbitrary scale. d_power: (n,) the power of d by which |F|² grows when the cell does, because atoms scatter less at larger
    angles and their motion damps it; None where no structure is known. cell: the reference cell the d-spacings follow from.
    absorption: cm⁻¹, linear attenuation coefficient of the fully dense phase for the strongest spectral line. density: g/cm³.
    Both None where no structure is known. rotations: the Laue group as row-major 3×3 integer matrices, which turn a plane hkl
    into its equivalent hkl @ rotation; empty means the identity alone.
    """

    phase: str
    role: str
    crystal_system: str
    cell: Cell
    cell_mass: float
    positions_only: bool
    hkl: IntArray
    multiplicity: FloatArray
    f_squared: FloatArray
    d_spacing: FloatArray
    intensities_known: bool = True
    absorption: float | None = None
    density: float | None = None
    rotations: tuple[tuple[int, ...], ...] = ()
    d_power: FloatArray | None = None

    def __post_init__(self) -> None:
        n = len(self.hkl)
        set_frozen(
            self,
            hkl=frozen_ints(self.hkl, name="hkl", shape=(n, 3)),
            multiplicity=frozen_floats(self.multiplicity, name="multiplicity", shape=(n,)),
            f_squared=frozen_floats(self.f_squared, name="f_squared", shape=(n,)),
            d_spacing=frozen_floats(self.d_spacing, name="d_spacing", shape=(n,)),
            d_power=None if self.d_power is None else frozen_floats(self.d_power, name="d_power", shape=(n,)),
        )
        if n and not (np.all(self.f_squared >= 0) and np.all(self.d_spacing > 0)):
            raise RecordError(f"the reflections of {self.phase} hold a negative intensity or d-spacing.")
        if any(len(rotation) != 9 for rotation in self.rotations):
            raise RecordError(f"the rotations of {self.phase} must be 3×3 matrices, nine whole numbers each.")
        for name, value in (("absorption coefficient", self.absorption), ("density", self.density)):
            if value is not None and not (math.isfinite(value) and value > 0):
                raise RecordError(f"the {name} of {self.phase} is {value}; it must be positive, or None where it is not known.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """The reference phases of this run, by name."""

    phases: Mapping[str, Phase] = field(default_factory=dict)

    def __post_init__(self) -> None:
        set_frozen(self, phases=MappingProxyType(dict(self.phases)))

    def chosen(self, names: tuple[str, ...]) -> tuple[Phase, ...]:
        """The phases of these names (empty: all of them). Raises PhaseChoiceError for a name that is not held."""
        missing = [name for name in names if name not in self.phases]
        if missing:
            raise PhaseChoiceError(
                f"the library holds no phase {', '.join(missing)}; it holds {', '.join(self.phases)}. Add one with --cif FILE."
            )
        return tuple(self.phases[name] for name in names) if names else tuple(self.phases.values())
