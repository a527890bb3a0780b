"""Pattern and reflections in, model out."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from xrdkna.errors import DeclinedError
from xrdkna.physics.bragg import two_theta_from_d
from xrdkna.physics.intensity import lorentz_polarisation
from xrdkna.records.arrays import BoolArray, FloatArray
from xrdkna.records.peaks import Halo, Peak
from xrdkna.records.phases import Reflections
from xrdkna.records.scan import Pattern
from xrdkna.refine.background import background_terms
from xrdkna.refine.groups import group_reflections
from xrdkna.refine.layout import Layout, Slot, halo_slots, instrument_slots, layout_of, phase_slots, tag
from xrdkna.refine.model import FreeLine, Model, PhaseTerm
from xrdkna.refine.settings import RefineSettings

# A pattern with fewer points than this cannot carry a background, a scale and a cell.
_FEWEST_POINTS = 30
# Texture of a phase before its own lines have been heard: ± 15 %.
TEXTURE_START = 0.15
# Tails are followed down to this share of the smallest σ in the pattern.
_TAIL_SHARE = 0.05


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
    if int(used.sum()) < _FEWEST_POINTS:
        raise DeclinedError(
            f"{pattern.name} has {int(used.sum())} usable points; a whole-pattern fit needs at least {_FEWEST_POINTS}: "
            "measure a longer range."
        )
    two_theta = np.ascontiguousarray(pattern.two_theta[used])
    background = background_terms(two_theta, halos=len(halos), settings=settings)
    slots = instrument_slots(geometry=pattern.instrument.geometry, fwhm=fwhm, settings=settings)
    background_first = len(slots)
    slots += [Slot(name=f"background_{k}", kind="background", unit="counts", start=0.0) for k in range(len(background))]
    halo_rows = []
    for number, halo in enumerate(halos, start=1):
        halo_rows.append((len(slots), len(slots) + 1, len(slots) + 2))
        slots += halo_slots(number, halo)
    free_lines = []
    for number, peak in enumerate(unexplained, start=1):
        free_lines.append(FreeLine(peak.two_theta.value, peak.fwhm.value, min(max(peak.eta, 0.0), 1.0), len(slots)))
        slots.append(Slot(name=f"line{number}_area", kind="scale", unit="counts·°", start=peak.area.value, lower=0.0))
    phases = [_phase_term(lines, pattern, two_theta, slots, fwhm=fwhm, settings=settings) for lines in reflections]
    first_watched = len(slots)
    phases += [_phase_term(lines, pattern, two_theta, slots, fwhm=fwhm, settings=settings) for lines in watched]
    slots[first_watched:] = [replace(slot, kind="watched") for slot in slots[first_watched:]]
    return Model(
        two_theta=two_theta,
        instrument=pattern.instrument,
        layout=_checked(layout_of(slots), (*reflections, *watched)),
        phases=tuple(phases),
        fitted_phases=len(reflections),
        free_lines=tuple(free_lines),
        halos=tuple(halo_rows),
        background=background,
        background_rows=np.arange(background_first, background_first + len(background)),
        tail_tolerance=_TAIL_SHARE * float(np.quantile(pattern.sigma[used], 0.02)),
    )


def _phase_term(
    reflections: Reflections, pattern: Pattern, two_theta: FloatArray, slots: list[Slot], *, fwhm: float, settings: RefineSettings
) -> PhaseTerm:
    first = len(slots)
    own = phase_slots(reflections, fwhm=fwhm, settings=settings)
    slots += own
    angle = two_theta_from_d(reflections.d_spacing, wavelength=pattern.instrument.radiation.wavelength)
    inside = (angle > two_theta[0]) & (angle < two_theta[-1]) & (angle < 175.0)
    lp = lorentz_polarisation(np.clip(angle, 0.5, 175.0), instrument=pattern.instrument)
    strength = reflections.multiplicity * reflections.f_squared * lp * inside
    grouping = group_reflections(
        reflections, two_theta=angle, strength=strength, width=settings.group_width, minimum=settings.group_minimum
    )
    texture = np.full(len(reflections.hkl), -1, dtype=np.int64)
    # One line alone has no ratio to leave.
    if settings.texture == "free" and sum(grouping.strong) > 1:
        for group in np.flatnonzero(grouping.strong):
            h, k, l = (int(index) for index in reflections.hkl[grouping.leader[group]])
            texture[grouping.group == group] = len(slots)
            name = f"texture_{tag(reflections.phase)}_{h}_{k}_{l}".replace("-", "m")
            slots.append(Slot(name=name, kind="texture", unit="", start=0.0, lower=-1.0, upper=20.0, prior_sd=TEXTURE_START))
    kinds = [slot.kind for slot in own]
    cell = np.array([first + i for i, kind in enumerate(kinds) if kind == "cell"], dtype=np.int64)
    return PhaseTerm(reflections, grouping, first, cell, first + len(own) - 2, first + len(own) - 1, texture)


def _checked(layout: Layout, reflections: Sequence[Reflections]) -> Layout:
    if len(layout.index) != len(layout.slots):
        names = ", ".join(lines.phase for lines in reflections)
        raise DeclinedError(f"two of the phases {names} have the same name; give each its own.")
    return layout
