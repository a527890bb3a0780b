"""The speed workload: planted patterns of up to five phases with their truth; the same seed gives the same counts.

At most about 5,000 counts, six Chebyshev terms and a hump, Poisson noise. Start cells are off by 0.05–0.1 %. The K2CO3 coordinates
are stand-ins: right for timing, not for chemistry. The physics is in forward.py.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import gemmi
import numpy as np
from forward import TWO_THETA, FloatArray, PlantedPhase, Site, profile_at, unit_weight_profile

SEED = 20260101
SCANS = 60
TOP_COUNTS = 5000.0
CHEBYSHEV = (190.0, -85.0, 40.0, -18.0, 8.0, -3.0)
HUMP_HEIGHT, HUMP_CENTRE, HUMP_FWHM = 120.0, 22.0, 9.0
STATIC_WEIGHTS = {"Al": 0.30, "Al2O3": 0.45, "K2CO3": 0.25}
STATIC_DISPLACEMENT_MM = -0.060


def _cubic(a: float) -> tuple[float, ...]:
    return (a, a, a, 90.0, 90.0, 90.0)


def _hexagonal(a: float, c: float) -> tuple[float, ...]:
    return (a, a, c, 90.0, 90.0, 120.0)


def _site(label: str, element: str, x: float, y: float, z: float, u_iso: float) -> Site:
    return Site(label=label, element=element, position=(x, y, z), u_iso=u_iso)


PHASES = {
    "Al": PlantedPhase(
        name="Al",
        symbol="F m -3 m",
        space_group="F m -3 m",
        start_cell=_cubic(4.0495),
        cell_offset=(0.0030, 0.0030, 0.0030, 0.0, 0.0, 0.0),
        sites=(_site("Al1", "Al", 0.0, 0.0, 0.0, 0.0100),),
        size_width=0.020,
        strain_width=0.020,
    ),
    "Al2O3": PlantedPhase(
        name="Al2O3",
        symbol="R -3 c",
        space_group="R -3 c:H",
        start_cell=_hexagonal(4.7587, 12.9929),
        cell_offset=(-0.0025, -0.0025, 0.0060, 0.0, 0.0, 0.0),
        sites=(_site("Al1", "Al", 0.0, 0.0, 0.3522, 0.0040), _site("O1", "O", 0.3063, 0.0, 0.25, 0.0045)),
        size_width=0.030,
        strain_width=0.030,
    ),
    "K2CO3": PlantedPhase(
        name="K2CO3",
        symbol="P 1 21/c 1",
        space_group="P 1 21/c 1",
        start_cell=(5.640, 9.839, 6.874, 90.0, 98.70, 90.0),
        cell_offset=(0.0040, -0.0060, 0.0035, 0.0, 0.05, 0.0),
        sites=(
            _site("K1", "K", 0.2359, 0.6139, 0.8364, 0.020),
            _site("K2", "K", 0.2430, 0.1838, 0.0477, 0.020),
            _site("C1", "C", 0.7890, 0.4314, 0.7227, 0.018),
            _site("O1", "O", 0.6948, 0.5365, 0.7915, 0.030),
            _site("O2", "O", 0.9634, 0.3692, 0.8280, 0.030),
            _site("O3", "O", 0.7087, 0.3884, 0.5486, 0.030),
        ),
        size_width=0.050,
        strain_width=0.030,
    ),
    "KNa2": PlantedPhase(
        name="KNa2",
        symbol="P 63/m m c",
        space_group="P 63/m m c",
        start_cell=_hexagonal(7.50, 12.31),
        cell_offset=(0.0050, 0.0050, -0.0080, 0.0, 0.0, 0.0),
        sites=(
            _site("K1", "K", 1 / 3, 2 / 3, 0.062, 0.050),
            _site("Na1", "Na", 0.0, 0.0, 0.0, 0.060),
            _site("Na2", "Na", 0.830, 0.660, 0.25, 0.060),
        ),
        size_width=0.060,
        strain_width=0.040,
    ),
    "K": PlantedPhase(
        name="K",
        symbol="I m -3 m",
        space_group="I m -3 m",
        start_cell=_cubic(5.328),
        cell_offset=(0.0040, 0.0040, 0.0040, 0.0, 0.0, 0.0),
        sites=(_site("K1", "K", 0.0, 0.0, 0.0, 0.050),),
        size_width=0.050,
        strain_width=0.020,
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PlantedScan:
    """A pattern and its truth. counts, expected: (3501,) on `TWO_THETA`; weight_fractions: 0 … 1 by phase, absent ones as 0;
    displacement_mm: negative moves lines to higher angles."""

    counts: FloatArray
    expected: FloatArray
    weight_fractions: Mapping[str, float]
    displacement_mm: float

    @property
    def sigma(self) -> FloatArray:
        """(3501,) counts: √y, at least 1."""
        return np.sqrt(np.maximum(self.counts, 1.0))

    @property
    def rwp_of_truth(self) -> float:
        """The agreement of the planted model itself: a fit with some thirty parameters comes out a little below it."""
        weight = 1.0 / self.sigma**2
        return float(np.sqrt(weight @ (self.counts - self.expected) ** 2 / (weight @ self.counts**2)))


def static_scan(seed: int = SEED) -> PlantedScan:
    """Three phases, one pattern."""
    return _static(np.random.default_rng(seed))


def series_scans(scans: int = SCANS, seed: int = SEED) -> Iterator[PlantedScan]:
    """`scans` patterns of five phases, one at a time; more scans follow the same course in finer steps."""
    random = np.random.default_rng(seed)
    _static(random)  # the static pattern takes its counts from the same seed first
    scale = _scale_to_top(_weighted(amounts_at(0.0), displacement_at(0.0)))
    for index in range(scans):
        course = SCANS * index / scans
        amounts, displacement = amounts_at(course), displacement_at(course)
        crystalline = np.zeros_like(TWO_THETA)
        for name, amount in amounts.items():
            crystalline += amount * unit_weight_profile(PHASES[name]).at(displacement)
        yield _scan(random, scale * crystalline, amounts, displacement)


def amounts_at(course: float) -> dict[str, float]:
    """Relative masses at a point of the course, 0 … 60: K and KNa2 grow from 20 on, KNa2 decays after 45."""
    growing = 18.0 * (course - 20.0) / 25.0 if course <= 45.0 else 18.0 * float(np.exp(-(course - 45.0) / 5.0))
    late = course >= 20.0
    return {"Al": 20.0, "Al2O3": 40.0, "K2CO3": 15.0, "KNa2": growing if late else 0.0, "K": 12.0 * (course - 20.0) / 39.0 if late else 0.0}


def displacement_at(course: float) -> float:
    """Specimen displacement (mm) at a point of the course: a drift with a ripple."""
    return -0.050 - 0.0010 * course - 0.004 * float(np.sin(course / 7.0))


def background() -> FloatArray:
    """(3501,) counts: Chebyshev terms over 10–80° and a Gaussian hump."""
    smooth = np.polynomial.chebyshev.chebval((TWO_THETA - 45.0) / 35.0, CHEBYSHEV)
    return smooth + HUMP_HEIGHT * np.exp(-4.0 * np.log(2.0) * ((TWO_THETA - HUMP_CENTRE) / HUMP_FWHM) ** 2)


def write_cifs(folder: Path) -> dict[str, Path]:
    """The start structures as CIF files NAME.cif in `folder`, by phase."""
    paths = {name: folder / f"{name}.cif" for name in PHASES}
    for name, path in paths.items():
        path.write_text(_cif(PHASES[name]), encoding="utf-8")
    return paths


def _static(random: np.random.Generator) -> PlantedScan:
    crystalline = _weighted(STATIC_WEIGHTS, STATIC_DISPLACEMENT_MM)
    return _scan(random, _scale_to_top(crystalline) * crystalline, STATIC_WEIGHTS, STATIC_DISPLACEMENT_MM)


def _weighted(amounts: Mapping[str, float], displacement_mm: float) -> FloatArray:
    total = np.zeros_like(TWO_THETA)
    for name, amount in amounts.items():
        if amount > 0.0:
            total += amount * profile_at(PHASES[name], displacement_mm=displacement_mm)
    return total


def _scale_to_top(crystalline: FloatArray) -> float:
    return float((TOP_COUNTS - background().max()) / crystalline.max())


def _scan(random: np.random.Generator, crystalline: FloatArray, amounts: Mapping[str, float], displacement_mm: float) -> PlantedScan:
    expected = crystalline + background()
    total = sum(amounts.values())
    return PlantedScan(
        counts=random.poisson(expected).astype(np.float64),
        expected=expected,
        weight_fractions={name: amount / total for name, amount in amounts.items()},
        displacement_mm=displacement_mm,
    )


def _cif(phase: PlantedPhase) -> str:
    group = gemmi.find_spacegroup_by_name(phase.space_group)
    edges = ("length_a", "length_b", "length_c", "angle_alpha", "angle_beta", "angle_gamma")
    lines = [f"data_{phase.name}", f"_chemical_name_common '{phase.name}'"]
    lines += [f"_cell_{edge} {value:.4f}" for edge, value in zip(edges, phase.start_cell, strict=True)]
    lines += [f"_space_group_name_H-M_alt '{phase.symbol}'", f"_space_group_IT_number {group.number}"]
    lines += ["loop_", "_symmetry_equiv_pos_as_xyz", *(f"'{operation.triplet()}'" for operation in group.operations())]
    columns = ("label", "type_symbol", "fract_x", "fract_y", "fract_z", "occupancy", "U_iso_or_equiv", "adp_type")
    lines += ["loop_", *(f"_atom_site_{column}" for column in columns)]
    for site in phase.sites:
        x, y, z = site.position
        lines.append(f"{site.label} {site.element} {x:.6f} {y:.6f} {z:.6f} 1.0000 {site.u_iso:.5f} Uiso")
    return "\n".join(lines) + "\n"
