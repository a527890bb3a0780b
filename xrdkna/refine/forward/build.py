"""Pattern and reflections in, model out."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from xrdkna.errors import DeclinedError
from xrdkna.physics.bragg import two_theta_from_d
from xrdkna.physics.intensity import lorentz_polarisation
from xrdkna.physics.kernel import line_reach
from xrdkna.records.arrays import BoolArray, FloatArray, IntArray
from xrdkna.records.instrument import Instrument
from xrdkna.records.peaks import Halo, Peak
from xrdkna.records.phases import Reflections
from xrdkna.records.scan import Pattern
from xrdkna.refine.forward.background import background_terms
from xrdkna.refine.forward.broadening import broadening_slots, direction_terms, strain_terms
from xrdkna.refine.forward.extracted import line_slots, own_settings, with_equal_intensities
from xrdkna.refine.forward.groups import Grouping, group_reflections
from xrdkna.refine.forward.halos import halo_terms
from xrdkna.refine.forward.intensities import phase_effects, texture_slots
from xrdkna.refine.forward.layout import Layout, Slot, instrument_slots, layout_of, phase_slots, tag
from xrdkna.refine.forward.model import Model
from xrdkna.refine.forward.spread import SPREADING, STARTS, Spread, check_tails, narrowest_widths
from xrdkna.refine.forward.structure import FreeLines, PhaseTerm, free_lines_of, structure_of
from xrdkna.refine.kernels.profile_kernel import add_columns, plain_nodes
from xrdkna.refine.settings import RefineSettings

# A pattern with fewer points than this cannot carry a background, a scale and a cell.
_FEWEST_POINTS = 30
# Texture of a phase before its own lines have been heard: ± 15 %.
TEXTURE_START = 0.15
# Tails are followed down to this share of the smallest σ in the pattern: those of many lines add up, and at 0.05 scales and B factors were
# measured to be off by a third of an esd.
_TAIL_SHARE = 0.01


def fitted_points(pattern: Pattern, settings: RefineSettings) -> BoolArray:
    """(n,) True where a point takes part in the fit."""
    used = pattern.used.copy()
    for low, high in settings.excluded:
        used &= (pattern.two_theta < low) | (pattern.two_theta > high)
    return np.asarray(used)


def build_model(
    pattern: Pattern,
    reflections: Sequence[Reflections],
    *,
    fwhm: float,
    halos: Sequence[Halo] = (),
    unexplained: Sequence[Peak] = (),
    watched: Sequence[Reflections] = (),
    settings: RefineSettings,
) -> Model:
    """The model of this pattern with these phases. fwhm: degrees, a typical line's width, to start from.

    unexplained: peaks that no phase accounts for; each becomes a free line so that it bends nothing else. watched: phases
    held at zero, there only to learn what the pattern says about them.
    Raises DeclinedError when too few points take part.
    """
    used = fitted_points(pattern, settings)
    unexplained = [peak for peak in unexplained if not _excluded(peak.two_theta.value, settings)]
    if int(used.sum()) < _FEWEST_POINTS:
        raise DeclinedError(
            f"{pattern.name} has {int(used.sum())} usable points; a whole-pattern fit needs at least {_FEWEST_POINTS}: "
            "measure a longer range, or exclude less of it."
        )
    two_theta = np.ascontiguousarray(pattern.two_theta[used])
    humps = halo_terms(halos, settings, two_theta=two_theta, wavelength=pattern.instrument.radiation.wavelength)
    background = background_terms(two_theta, halos=len(humps), settings=settings)
    slots = instrument_slots(instrument=pattern.instrument, fwhm=fwhm, settings=settings)
    background_first = len(slots)
    slots += [Slot(name=f"background_{k}", kind="background", unit="counts", start=0.0) for k in range(len(background))]
    halo_rows = []
    for hump in humps:
        halo_rows.append((len(slots), len(slots) + 1, len(slots) + 2))
        slots += hump.slots
    areas = np.arange(len(slots), len(slots) + len(unexplained))
    slots += [
        Slot(name=f"line{number}_area", kind="scale", unit="counts·°", start=peak.area.value, lower=0.0)
        for number, peak in enumerate(unexplained, start=1)
    ]
    phases = [_phase_term(lines, pattern, two_theta, slots, fwhm=fwhm, settings=settings) for lines in reflections]
    first_watched = len(slots)
    held = replace(settings, intensities={})
    phases += [_phase_term(lines, pattern, two_theta, slots, fwhm=fwhm, settings=held) for lines in watched]
    slots[first_watched:] = [replace(slot, kind="watched") for slot in slots[first_watched:]]
    slots = _with_starts(slots, settings)
    layout = _checked(layout_of(slots), (*reflections, *watched))
    active = _active(slots, pattern.instrument, settings)
    phases = [_with_effects(term, pattern, layout, active, settings) for term in phases]
    fitted, others = phases[: len(reflections)], phases[len(reflections) :]
    free_lines = free_lines_of(unexplained, areas, pattern.instrument.radiation)
    tolerance = _TAIL_SHARE * float(np.quantile(pattern.sigma[used], 0.02))
    return Model(
        two_theta=two_theta,
        instrument=pattern.instrument,
        layout=layout,
        phases=tuple(phases),
        fitted_phases=len(reflections),
        fitted=structure_of(fitted, layout, pattern.instrument),
        watched=structure_of(others, layout, pattern.instrument),
        free_lines=free_lines,
        free_profiles=_free_profiles(two_theta, free_lines, unexplained, tolerance, voigt=settings.line_shape == "voigt"),
        free_areas=areas,
        halos=tuple(halo_rows),
        halo_names=tuple((hump.name, hump.label) for hump in humps),
        background=background,
        background_rows=np.arange(background_first, background_first + len(background)),
        tail_tolerance=tolerance,
        spread=_spread(phases, layout, active, pattern, fwhm, settings),
        particle_diameter=settings.particle_diameter,
        voigt=settings.line_shape == "voigt",
    )


def _excluded(two_theta: float, settings: RefineSettings) -> bool:
    return any(low <= two_theta <= high for low, high in settings.excluded)


def _phase_term(
    reflections: Reflections, pattern: Pattern, two_theta: FloatArray, slots: list[Slot], *, fwhm: float, settings: RefineSettings
) -> PhaseTerm:
    way = settings.intensities.get(reflections.phase, "structure")
    settings = own_settings(reflections, settings, fwhm=fwhm)
    reflections = reflections if way == "structure" else with_equal_intensities(reflections)
    own = [
        *phase_slots(reflections, fwhm=fwhm, settings=settings),
        *broadening_slots(reflections, fwhm=fwhm, settings=settings),
        *texture_slots(reflections, settings),
    ]
    at = {slot.name: len(slots) + i for i, slot in enumerate(own)}
    slots += own
    name = tag(reflections.phase)
    if way != "structure":
        # Areas and a scale say the same thing twice.
        slots[at[f"scale_{name}"]] = replace(slots[at[f"scale_{name}"]], start=1.0, refined=False)
    stephens = strain_terms(reflections, settings)
    broadening = broadening_slots(reflections, fwhm=fwhm, settings=settings)
    grouping = _grouping(reflections, pattern, two_theta, settings)
    if way == "structure":
        texture = _free_texture(reflections, grouping, slots, settings)
    else:
        texture, lines = line_slots(reflections, grouping, len(slots), kind=way)
        slots += lines
    return PhaseTerm(
        reflections=reflections,
        grouping=grouping,
        scale=at[f"scale_{name}"],
        displacement=at[f"displacement_{name}"],
        x=at[f"x_{name}"],
        y=at[f"y_{name}"],
        cell=np.array([at[slot.name] for slot in own if slot.kind == "cell"], dtype=np.int64),
        texture=texture,
        along_x=at.get(f"x_axis_{name}", -1),
        along_y=at.get(f"y_axis_{name}", -1),
        direction=direction_terms(reflections, settings),
        stephens=np.array([at[slot.name] for slot in broadening] if stephens.shape[1] else [], dtype=np.int64),
        stephens_terms=stephens,
        intensities=way,
    )


def _grouping(reflections: Reflections, pattern: Pattern, two_theta: FloatArray, settings: RefineSettings) -> Grouping:
    angle = _reference_angles(reflections, pattern)
    inside = (angle > two_theta[0]) & (angle < two_theta[-1]) & (angle < 175.0)
    lp = lorentz_polarisation(np.clip(angle, 0.5, 175.0), instrument=pattern.instrument)
    strength = reflections.multiplicity * reflections.f_squared * lp * inside
    return group_reflections(reflections, two_theta=angle, strength=strength, width=settings.group_width, minimum=settings.group_minimum)


def _free_texture(reflections: Reflections, grouping: Grouping, slots: list[Slot], settings: RefineSettings) -> IntArray:
    """A deviation of its own for every strong group, where texture is free."""
    texture = np.full(len(reflections.hkl), -1, dtype=np.int64)
    # One line alone has no ratio to leave.
    if settings.texture == "free" and sum(grouping.strong) > 1:
        for group in np.flatnonzero(grouping.strong):
            h, k, l = (int(index) for index in reflections.hkl[grouping.leader[group]])
            texture[grouping.group == group] = len(slots)
            name = f"texture_{tag(reflections.phase)}_{h}_{k}_{l}".replace("-", "m")
            slots.append(Slot(name=name, kind="texture", unit="", start=0.0, lower=-1.0, upper=20.0, prior_sd=TEXTURE_START))
    return texture


def _with_starts(slots: Sequence[Slot], settings: RefineSettings) -> list[Slot]:
    """The slots, those that spread lines off zero where they are to be refined: at zero they have no slope to follow."""
    return [
        replace(slot, start=STARTS[slot.name]) if slot.name in STARTS and slot.start == 0.0 and _asked_for(slot, settings) else slot
        for slot in slots
    ]


def _asked_for(slot: Slot, settings: RefineSettings) -> bool:
    choice = settings.parameters.get(slot.name)
    return choice is not None and (choice.vary is True or choice.expr is not None)


def _active(slots: Sequence[Slot], instrument: Instrument, settings: RefineSettings) -> frozenset[str]:
    """Names of the parameters that the user has a word on, or that move: what may be anything but neutral. A plate is never: what it
    lets through depends on the angle however thin it is."""
    plate = {"plate"} if instrument.geometry == "transmission" else set()
    return frozenset(slot.name for slot in slots if slot.refined or slot.name in settings.parameters) | plate


def _with_effects(term: PhaseTerm, pattern: Pattern, layout: Layout, active: frozenset[str], settings: RefineSettings) -> PhaseTerm:
    angle = _reference_angles(term.reflections, pattern)
    settings = settings if term.intensities == "structure" else replace(settings, texture="none")
    return replace(
        term, effects=phase_effects(term.reflections, two_theta=angle, index=layout.index, active=active, settings=settings)
    )  # fmt: skip


def _spread(
    phases: Sequence[PhaseTerm], layout: Layout, active: frozenset[str], pattern: Pattern, fwhm: float, settings: RefineSettings
) -> Spread | None:
    """How lines are spread to one side; None where they are not."""
    places = {name: layout.index[name] for name in SPREADING if name in layout.index}
    if not any(layout.slots[place].start > 0.0 or name in active for name, place in places.items()):
        return None
    lines = pattern.instrument.radiation.lines
    angles = [two_theta_from_d(term.reflections.d_spacing, wavelength=line.wavelength) for term in phases for line in lines]
    two_theta = np.clip(np.concatenate(angles), 1.0, 178.0) if angles else np.zeros(0)
    moving = tuple(name for name, place in places.items() if _asked_for(layout.slots[place], settings))
    check_tails({name: layout.slots[place].start for name, place in places.items()}, settings.parameters, moving)
    return Spread(two_theta, narrowest_widths(two_theta, typical=fwhm, profile=settings.profile), places, moving)


def _free_profiles(two_theta: FloatArray, lines: FreeLines, peaks: Sequence[Peak], tolerance: float, *, voigt: bool) -> FloatArray:
    """(k, n) of unit area: places, widths and shapes of free lines are held, so their profiles are computed once."""
    profiles = np.zeros((len(peaks), two_theta.size))
    area = np.array([peak.area.value for peak in peaks])[lines.number] if len(peaks) else np.zeros(0)
    reach = line_reach(lines.share * area, lines.fwhm, lines.eta, tolerance=tolerance)
    nodes = plain_nodes(lines.position.size, voigt=voigt)
    add_columns(two_theta, lines.position, lines.fwhm, lines.eta, nodes, reach, lines.number, lines.share, profiles)
    return profiles


def _reference_angles(reflections: Reflections, pattern: Pattern) -> FloatArray:
    return two_theta_from_d(reflections.d_spacing, wavelength=pattern.instrument.radiation.wavelength)


def _checked(layout: Layout, reflections: Sequence[Reflections]) -> Layout:
    if len(layout.index) != len(layout.slots):
        names = ", ".join(lines.phase for lines in reflections)
        raise DeclinedError(f"two of the phases {names} have the same name; give each its own.")
    return layout
