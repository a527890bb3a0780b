"""The specimen and machine behind a plan: crystals with grains, texture and cells drawn at random, background, count level."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.interpolate import CubicSpline
from series_crystals import KALPHA, Crystal, Grains, Machine, crystal, line_positions, seen_from, unit_pattern
from series_plan import ALWAYS, GRIDS, Plan
from series_truth import MARKER, Course

LIQUID_Q = 1.63  # Å⁻¹
KAPTON = (19.0, 8.0)  # degrees for copper: centre, full width


@dataclass(frozen=True, kw_only=True)
class Ingredient:
    """Part of the pattern that moves and grows as one. thing: a phase, or "marker". height_mm: above the mesh. hardware: cracks with it."""

    thing: str
    phase: Crystal
    pattern: CubicSpline
    course: Course
    scale: float
    height_mm: float = 0.0
    hardware: bool = False

    def scaled(self, scale: float) -> "Ingredient":
        """The same at another scale."""
        return Ingredient(**{**{name: getattr(self, name) for name in self.__dataclass_fields__}, "scale": scale})


@dataclass(frozen=True, kw_only=True)
class Specimen:
    """Everything but time. background: (n,) counts a point. halos: (pattern (n,), course). displacement_mm, expansion: (scans,).
    angles: 2θ as seen of the marker and of each phase's strongest line. lines: shares of the sweep at which KNa2's strong lines lie."""

    machine: Machine
    ingredients: tuple[Ingredient, ...]
    background: np.ndarray
    halos: tuple[tuple[np.ndarray, Course], ...]
    displacement_mm: np.ndarray
    expansion: np.ndarray
    angles: dict[str, float]
    lines: tuple[float, ...]


def draw_specimen(plan: Plan, rng: np.random.Generator) -> Specimen:
    """The specimen of a plan: scales of hardware, potassium and air are set, KNa2 has scale 1 until its sigmas are asked for."""
    machine = _draw_machine(plan, rng)
    count, sweep = plan.clock.count, np.linspace(0.0, 1.0, plan.clock.count)
    drift = plan.drift_mm * (sweep - 0.5) if plan.drift_mm else rng.normal(0.0, 0.01) * sweep
    displacement = rng.normal(0.0, 0.05) + drift + rng.normal(0.0, 0.001, count) + plan.jump_mm.at(plan.clock.starts)
    top = float(np.exp(rng.uniform(*np.log(plan.top))))
    hardware = _hardware(plan, machine, rng, top)
    level = float(np.exp(rng.uniform(np.log(60.0), np.log(800.0))))
    return Specimen(
        machine=machine,
        ingredients=(*hardware, *_deposits(plan, machine, rng)),
        background=_background(machine, level, rng),
        halos=_halos(plan, machine, level, rng),
        displacement_mm=displacement,
        expansion=rng.normal(0.0, 2e-5) * sweep,
        angles=_angles(plan, machine, hardware, float(displacement.mean())),
        lines=_strong_lines(plan, machine),
    )


def _draw_machine(plan: Plan, rng: np.random.Generator) -> Machine:
    first, last, step = GRIDS[plan.anode]
    fine = 0.5 if plan.anode == "Mo" else 1.0
    u, w = float(rng.uniform(0.0, 0.006)) * fine**2, float(rng.uniform(0.05, 0.10) * fine) ** 2
    return Machine(
        anode=plan.anode,
        radius_mm=plan.radius_mm,
        two_theta=np.arange(first, last + 0.5 * step, step),
        gaussian=(u, -2.0 * float(rng.uniform(0.0, 0.8) * np.sqrt(u * w)), w),
        ratio=float(rng.normal(0.5, 0.01)),
        zero=float(rng.uniform(-0.05, 0.05)),
        axial=plan.axial,
    )


def _grains(machine: Machine, rng: np.random.Generator, size: tuple[float, float], cell: float, texture: float, phase: Crystal) -> Grains:
    """size: Å, from and to. cell: largest even strain; a and c part by a fifth of it. texture: sd of ln(intensity) of a family."""
    even, apart = rng.uniform(-cell, cell), rng.uniform(-0.2 * cell, 0.2 * cell)
    factors = np.exp(rng.normal(0.0, texture, len(phase.hkl)))
    return Grains(
        x=float(np.degrees(0.9 * machine.wavelength / np.exp(rng.uniform(*np.log(size))))),
        y=float(np.degrees(4.0 * rng.uniform(0.0, 0.001))),
        strain=(float(even), float(even + (apart if phase.name != "Al" and phase.name != "K" else 0.0))),
        factor={i: float(factor) for i, factor in enumerate(factors)},
    )


def _hardware(plan: Plan, machine: Machine, rng: np.random.Generator, top: float) -> tuple[Ingredient, ...]:
    found = []
    share = float(np.exp(rng.uniform(np.log(0.1), np.log(0.6))))
    for name, peak in (("Al", top), ("Al2O3", top * share * plan.corundum)):
        phase = crystal(name, plan.anode, machine.two_theta[-1] + 2.0)
        grains = _grains(machine, rng, (500.0, 3000.0), 5e-4, 0.25, phase)
        if name == "Al2O3" and plan.corundum_012 != 1.0:
            grains = Grains(
                x=grains.x, y=grains.y, strain=grains.strain, factor={**grains.factor, phase.place((0, 1, 2)): plan.corundum_012}
            )
        if peak > 0.0:
            scale = peak / float(unit_pattern(phase, machine, grains)(machine.two_theta).max())
            found += _parts(name, phase, machine, grains, scale, plan.turn_012)
    return tuple(found)


def _parts(name: str, phase: Crystal, machine: Machine, grains: Grains, scale: float, turn: Course) -> list[Ingredient]:
    """A phase of hardware, whole, or corundum with its (012) apart where that line goes its own way."""
    if name != "Al2O3" or turn == ALWAYS:
        return [
            Ingredient(thing=name, phase=phase, pattern=unit_pattern(phase, machine, grains), course=ALWAYS, scale=scale, hardware=True)
        ]
    apart = phase.place((0, 1, 2))
    others = [i for i in range(len(phase.hkl)) if i != apart]
    return [
        Ingredient(
            thing=name, phase=phase, pattern=unit_pattern(phase, machine, grains, only=only), course=course, scale=scale, hardware=True
        )
        for only, course in ((others, ALWAYS), ([apart], turn))
    ]


def _deposits(plan: Plan, machine: Machine, rng: np.random.Generator) -> tuple[Ingredient, ...]:
    """Potassium and KNa2 in its two parts, at scale 1, each with a course even where it never comes; air with its weights as course."""
    reach = machine.two_theta[-1] + 2.0
    found = []
    phase = crystal("K", plan.anode, reach)
    pattern = unit_pattern(phase, machine, _grains(machine, rng, (300.0, 1500.0), 3e-3, 0.2, phase))
    found.append(Ingredient(thing="K", phase=phase, pattern=pattern, course=plan.potassium[0], scale=1.0, height_mm=plan.deposit_mm))
    phase = crystal("KNa2", plan.anode, reach)
    grains, marker = _grains(machine, rng, (300.0, 1500.0), 3e-3, 0.2, phase), phase.place(MARKER)
    others = [i for i in range(len(phase.hkl)) if i != marker]
    for thing, only, course in (("KNa2", others, plan.kna2), ("marker", [marker], plan.marker)):
        pattern = unit_pattern(phase, machine, grains, only=only)
        found.append(Ingredient(thing=thing, phase=phase, pattern=pattern, course=course, scale=1.0, height_mm=plan.deposit_mm))
    for name, course in plan.air.items():
        phase = crystal(name, plan.anode, reach)
        pattern = unit_pattern(phase, machine, _grains(machine, rng, (300.0, 1000.0), 2e-3, 0.15, phase))
        found.append(Ingredient(thing=name, phase=phase, pattern=pattern, course=course, scale=1.0))
    return tuple(found)


def _background(machine: Machine, level: float, rng: np.random.Generator) -> np.ndarray:
    x = machine.two_theta
    bends = rng.uniform(-0.2, 0.2, 3)
    smooth = np.polynomial.chebyshev.chebval((2.0 * x - x[0] - x[-1]) / (x[-1] - x[0]), (1.0, *bends))
    return np.asarray(level * np.maximum(smooth, 0.2) + level * rng.uniform(0.0, 1.5) * x[0] / x)


def _halos(plan: Plan, machine: Machine, level: float, rng: np.random.Generator) -> tuple[tuple[np.ndarray, Course], ...]:
    """The window's hump in most series; the liquid's where the plan has one. Gaussian in 2θ."""
    inverse = machine.wavelength / KALPHA["Cu"][0]
    found = []
    if rng.random() < 0.6:
        found.append((level * rng.uniform(0.1, 1.0) * _hump(machine, KAPTON[0] * inverse, KAPTON[1] * inverse), ALWAYS))
    course, height = plan.liquid
    if height > 0.0:
        center = 2.0 * np.degrees(np.arcsin(LIQUID_Q * machine.wavelength / (4.0 * np.pi)))
        found.append((level * height * _hump(machine, center, 5.0 * inverse), course))
    return tuple(found)


def _hump(machine: Machine, center: float, fwhm: float) -> np.ndarray:
    return np.exp(-4.0 * np.log(2.0) * ((machine.two_theta - center) / fwhm) ** 2)


def _angles(plan: Plan, machine: Machine, hardware: Sequence[Ingredient], displacement: float) -> dict[str, float]:
    """Where the sweep is when it passes the marker and each phase's strongest line, to a few hundredths of a degree."""
    shift = machine.two_theta - seen_from(machine, displacement)
    angles = {}
    for name in {"KNa2", "K", *plan.air, *(one.thing for one in hardware)}:
        phase = crystal(name, plan.anode, machine.two_theta[-1] + 2.0)
        places = line_positions(phase, machine, Grains(x=0.0, y=0.0))
        theta = np.radians(0.5 * places)
        strongest = int(np.argmax(phase.strength * (1.0 + np.cos(2.0 * theta) ** 2) / (np.sin(theta) ** 2 * np.cos(theta))))
        line = phase.place(MARKER) if name == "KNa2" else strongest
        angles[name] = float(places[line] + np.interp(places[line], machine.two_theta, shift))
    return {**angles, "marker": angles["KNa2"]}


def _strong_lines(plan: Plan, machine: Machine) -> tuple[float, ...]:
    """Shares of the sweep at which the lines of KNa2 with a tenth of the strongest's intensity or more are passed."""
    phase = crystal("KNa2", plan.anode, machine.two_theta[-1] + 2.0)
    places = line_positions(phase, machine, Grains(x=0.0, y=0.0))
    theta = np.radians(0.5 * places)
    strength = phase.strength * (1.0 + np.cos(2.0 * theta) ** 2) / (np.sin(theta) ** 2 * np.cos(theta))
    share = (places - machine.two_theta[0]) / (machine.two_theta[-1] - machine.two_theta[0])
    return tuple(float(one) for one in np.sort(share[(strength > strength.max() / 10.0) & (share > 0.0) & (share < 1.0)]))
