"""The parameters of the model: their names, starting values, bounds and soft priors, in one order.

Names are what people write in a parameter file: `displacement`, `a_K`, `scale_KNa2`, `x_Al2O3`, `texture_Al_1_1_1`.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from xrdkna.physics.lattice import CELL_NAMES, free_cell_parameters
from xrdkna.physics.tube_tails import LARGEST_SHARE
from xrdkna.records.arrays import FloatArray
from xrdkna.records.instrument import Instrument, InstrumentProfile, SpectralLine
from xrdkna.records.phases import Reflections
from xrdkna.refine.settings import RefineSettings

# Kinds of parameters whose bound says something about the specimen (a scale at zero only says "absent").
TELLING_BOUNDS = ("position", "cell")
# Kα₂ : Kα₁ as measured leaves that of the atom by 0.05 to 0.1 (monochromators, mirrors).
_KALPHA2_SD = 0.1
CELL_UNITS = dict(zip(CELL_NAMES, ("Å", "Å", "Å", "°", "°", "°"), strict=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """One parameter. kind: what it is, for the plan to release by. prior_sd None: nothing pulls on it. refined: False for
    what stays at its start unless the user says otherwise; known_to: how well it is known there, None: by definition."""

    name: str
    kind: str
    unit: str
    start: float
    lower: float = -math.inf
    upper: float = math.inf
    prior_mean: float = 0.0
    prior_sd: float | None = None
    refined: bool = True
    known_to: float | None = None


@dataclass(frozen=True, slots=True)
class Layout:
    """All parameters, in the order of the parameter vector; `index` finds one by name."""

    slots: tuple[Slot, ...]
    index: Mapping[str, int]

    def starts(self) -> FloatArray:
        """(p,) starting values."""
        return np.array([slot.start for slot in self.slots])

    def bounds(self) -> tuple[FloatArray, FloatArray]:
        """(p,) lower and (p,) upper bounds, ±inf where there is none."""
        return np.array([slot.lower for slot in self.slots]), np.array([slot.upper for slot in self.slots])


def layout_of(slots: Sequence[Slot]) -> Layout:
    """A layout of these slots in this order."""
    return Layout(tuple(slots), {slot.name: i for i, slot in enumerate(slots)})


def tag(phase: str) -> str:
    """The phase's name as part of a parameter's name: letters, digits and underscores only."""
    return re.sub(r"\W", "_", phase)


def instrument_slots(*, instrument: Instrument, fwhm: float, settings: RefineSettings) -> list[Slot]:
    """Positions, widths and what else all phases share. fwhm: degrees, a typical line's."""
    flat, thin = instrument.geometry == "Bragg-Brentano", instrument.geometry == "Debye-Scherrer"
    limit, profile = settings.displacement_limit, settings.profile
    zero = 0.0 if profile is None else profile.zero
    spreading = _spread_slots(profile, flat=flat)
    # Height and zero move lines almost alike. Where the machine is described, its zero is known and the specimen's height is not: as
    # Rietveld practice has it, the zero is held, and how well it is known goes into the esds. Where nobody says what the machine does to a
    # line, the zero takes up part of that (axial divergence moves lines as well).
    aligned = flat and (profile is not None or any(slot.name in settings.parameters for slot in spreading))
    zero_sd = 0.002 if flat else 0.05
    return [
        # A flat specimen is displaced; on a circle around a thin one the zero error is what is left.
        Slot(name="displacement", kind="position", unit="°", start=0.0, lower=-limit, upper=limit, prior_sd=0.02 if thin else 0.2),
        Slot(
            name="zero",
            kind="position",
            unit="°",
            start=zero,
            lower=zero - limit,
            upper=zero + limit,
            prior_mean=zero,
            prior_sd=zero_sd,
            refined=not aligned,
            known_to=zero_sd if aligned else None,
        ),
        *(_free_widths(fwhm) if profile is None else _known_widths(profile)),
        *spreading,
        *(_ratio_slot(line) for line in instrument.radiation.lines[1:]),
        # µR of a capillary, or µt of a plate in transmission: what absorbs all phases alike.
        Slot(name="capillary", kind="intensity", unit="", start=0.0, lower=0.0, upper=2.5, refined=False),
        Slot(name="plate", kind="intensity", unit="", start=0.0, lower=0.0, upper=5.0, refined=False),
    ]


def _ratio_slot(line: SpectralLine) -> Slot:
    """The intensity of a spectral line beside the strongest. What stands in the beam changes that of Kα₂ by little, what of Kβ passes a
    filter is anybody's guess; lines too wide to part from each other say nothing of either."""
    sd = _KALPHA2_SD if line.label.endswith("Ka2") else None
    name = f"ratio_{tag(line.label)}"
    return Slot(
        name=name, kind="shape", unit="", start=line.weight, lower=0.0, upper=2.0, prior_mean=line.weight, prior_sd=sd, refined=False
    )


def _free_widths(fwhm: float) -> list[Slot]:
    """Where nobody knows the machine's share, all phases share one shape and each may differ a little."""
    return [
        Slot(name="u", kind="shape", unit="°²", start=0.0, lower=-0.2, upper=1.0, prior_sd=0.2 * fwhm),
        Slot(name="v", kind="shape", unit="°²", start=0.0, lower=-0.5, upper=0.5, prior_sd=0.1 * fwhm),
        Slot(name="w", kind="width", unit="°²", start=0.4 * fwhm**2, lower=0.0, upper=4.0, prior_mean=0.4 * fwhm**2, prior_sd=fwhm**2),
        Slot(name="x", kind="width", unit="°", start=0.4 * fwhm, lower=0.0, upper=3.0, prior_mean=0.4 * fwhm, prior_sd=fwhm),
        Slot(name="y", kind="shape", unit="°", start=0.05 * fwhm, lower=0.0, upper=6.0, prior_mean=0.0, prior_sd=4.0 * fwhm),
    ]


def _known_widths(profile: InstrumentProfile) -> list[Slot]:
    return [
        Slot(name="u", kind="shape", unit="°²", start=profile.u, lower=-0.2, upper=1.0, refined=False),
        Slot(name="v", kind="shape", unit="°²", start=profile.v, lower=-0.5, upper=0.5, refined=False),
        Slot(name="w", kind="width", unit="°²", start=profile.w, lower=0.0, upper=4.0, refined=False),
        Slot(name="x", kind="width", unit="°", start=profile.x, lower=0.0, upper=3.0, refined=False),
        Slot(name="y", kind="shape", unit="°", start=profile.y, lower=0.0, upper=6.0, refined=False),
    ]


def _spread_slots(profile: InstrumentProfile | None, *, flat: bool) -> list[Slot]:
    """What spreads lines to one side more than to the other (`physics.aberrations`): the machine's, and for a flat specimen how far the
    beam goes into it; and the tails of the tube (`physics.tube_tails`)."""
    known = InstrumentProfile(u=0.0, v=0.0, w=1.0) if profile is None else profile
    heights = {"source_height": known.source_height, "sample_height": known.sample, "detector_height": known.detector}
    slots = [Slot(name=name, kind="shape", unit="", start=start, lower=0.0, upper=0.2, refined=False) for name, start in heights.items()]
    slots.append(Slot(name="soller", kind="shape", unit="°", start=known.soller, lower=0.0, upper=60.0, refined=False))
    if flat:
        slots.append(Slot(name="divergence", kind="shape", unit="°", start=known.divergence, lower=0.0, upper=5.0, refined=False))
        slots.append(Slot(name="transparency", kind="shape", unit="°", start=0.0, lower=0.0, upper=1.0, refined=False))
    slots.append(Slot(name="tail_share", kind="shape", unit="", start=known.tail_share, lower=0.0, upper=LARGEST_SHARE, refined=False))
    reach = {"tail_low": known.tail_low, "tail_high": known.tail_high}
    slots += [Slot(name=name, kind="shape", unit="°", start=start, lower=0.0, upper=3.0, refined=False) for name, start in reach.items()]
    return slots


def phase_slots(reflections: Reflections, *, fwhm: float, settings: RefineSettings) -> list[Slot]:
    """Scale, cell, and what else is the phase's own: its height, its widths, what thins out or covers its lines."""
    name = tag(reflections.phase)
    slots = [Slot(name=f"scale_{name}", kind="scale", unit="", start=0.0, lower=0.0)]
    for parameter in free_cell_parameters(reflections.crystal_system, reflections.cell):
        value = getattr(reflections.cell, parameter)
        # An angle is as free as an edge: a strain of ε turns it by about ε radians.
        unit_strain = value if parameter in "abc" else math.degrees(1.0)
        reach, pull = settings.cell_strain_limit * unit_strain, settings.cell_strain_prior * unit_strain
        slots.append(
            Slot(
                name=f"{parameter}_{name}",
                kind="cell",
                unit=CELL_UNITS[parameter],
                start=value,
                lower=value - reach,
                upper=value + reach,
                prior_mean=value,
                prior_sd=pull,
            )
        )
    limit = settings.displacement_limit
    # A line half as wide as what one background term bridges is background.
    widest = 0.5 * settings.degrees_per_background_term
    if settings.profile is None:
        slots.append(Slot(name=f"x_{name}", kind="shape", unit="°", start=0.0, lower=-widest, upper=widest, prior_sd=1.0 * fwhm))
        slots.append(Slot(name=f"y_{name}", kind="shape", unit="°", start=0.0, lower=-widest, upper=widest, prior_sd=2.0 * fwhm))
    else:
        # What the machine does not explain is the specimen's. It may be less than nothing: a standard has a width of its own.
        profile = settings.profile
        for width, machine, start, spread in (("x", profile.x, 0.3 * fwhm, 2.0 * fwhm), ("y", profile.y, 0.1 * fwhm, 4.0 * fwhm)):
            slots.append(
                Slot(
                    name=f"{width}_{name}",
                    kind="width",
                    unit="°",
                    start=start,
                    lower=-machine,
                    upper=widest,
                    prior_mean=start,
                    prior_sd=spread,
                )
            )
    return [
        *slots,
        # A deposit may stand at another height than the mesh it grew on.
        Slot(name=f"displacement_{name}", kind="position", unit="°", start=0.0, lower=-limit, upper=limit, prior_sd=0.1, refined=False),
        # On top of the B factors in |F|², one for all atoms.
        Slot(name=f"biso_{name}", kind="intensity", unit="Å²", start=0.0, lower=-1.0, upper=8.0, prior_sd=2.0, refined=False),
        # µt of the phase where it is a thin layer (its inverse, so that 0 is infinitely thick), and of what lies above it.
        Slot(name=f"thinness_{name}", kind="intensity", unit="", start=0.0, lower=0.0, upper=1e3, refined=False),
        Slot(name=f"cover_{name}", kind="intensity", unit="", start=0.0, lower=0.0, upper=5.0, refined=False),
    ]


def strained_cell(reflections: Reflections, strain: float) -> dict[str, float]:
    """Cell parameters by name with every edge longer by this share: a place to start a fit from."""
    names = free_cell_parameters(reflections.crystal_system, reflections.cell)
    return {
        f"{name}_{tag(reflections.phase)}": getattr(reflections.cell, name) * (1.0 + strain if name in "abc" else 1.0) for name in names
    }
