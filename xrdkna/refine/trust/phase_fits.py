"""What a solved model says of each phase: amount, cell, size, strain, texture."""

import numpy as np

from xrdkna.physics.bragg import displacement_mm
from xrdkna.physics.profile import size_from_x, strain_from_y
from xrdkna.records.arrays import FloatArray
from xrdkna.records.refinement import IntensityInformation, PhaseFit
from xrdkna.records.values import Estimate
from xrdkna.refine.forward.extracted import EXTRACTED
from xrdkna.refine.forward.model import LineList
from xrdkna.refine.forward.structure import PhaseTerm
from xrdkna.refine.forward.weights import weight_fractions
from xrdkna.refine.search.fit import Fitted
from xrdkna.refine.trust.estimates import esd_of, estimate_of
from xrdkna.refine.trust.seen import seen_phases


def phase_fits(
    fitted: Fitted, lines: LineList, information: IntensityInformation, radius_mm: float | None, worth: FloatArray
) -> tuple[PhaseFit, ...]:
    """What the fit says of each phase. worth: (k,) what χ² would rise by without it."""
    fractions, slopes, factor = weight_fractions(fitted.model, fitted.values)
    total = float(sum(fitted.values[term.scale] * factor[k] for k, term in enumerate(fitted.model.phases)))
    low, high = fitted.model.two_theta[0], fitted.model.two_theta[-1]
    fits, seen = [], seen_phases(fitted, lines, information)
    for k, term in enumerate(fitted.model.phases):
        name = term.reflections.phase
        inside = (lines.owner == k) & (lines.position > low) & (lines.position < high)
        unit_area = float(lines.unit[inside].sum())
        weighed = not term.reflections.positions_only and term.intensities == "structure" and total > 0.0
        limit = None
        if (least := seen[k].limiting) is not None and weighed:
            amount = least * factor[k]
            limit = Estimate(value=float(amount / (total + amount)), esd=None, unit="")
        fits.append(
            PhaseFit(
                phase=name,
                role=term.reflections.role,
                scale=estimate_of(fitted, term.scale, "") if term.intensities == "structure" else Estimate(value=1.0, esd=None, unit=""),
                weight_fraction=Estimate(value=float(fractions[k]), esd=esd_of(fitted, slopes[k]), unit="") if weighed else None,
                detection_limit=limit,
                cell=_cell(fitted, term),
                size=_size(fitted, term),
                strain=_strain(fitted, term),
                displacement=_displacement(fitted, radius_mm),
                texture=_texture(fitted, term),
                significance=seen[k].significance,
                delta_chi_squared=float(worth[k]),
                intensities=term.intensities,
                weight_odds=_weight_odds(fitted, information, number=k, factor=factor, unit_area=unit_area) if weighed else None,
            )
        )
    return tuple(fits)


def _weight_odds(fitted: Fitted, information: IntensityInformation, *, number: int, factor: FloatArray, unit_area: float) -> float | None:
    """w/(1 − w) of a phase for an area of one counts·degree over its followed groups, beside what else is there."""
    name = fitted.model.phases[number].reflections.phase
    followed = unit_area * sum(group.share for group in information.groups if group.phase == name)
    others = sum(fitted.values[term.scale] * factor[k] for k, term in enumerate(fitted.model.phases) if k != number)
    return float(factor[number] / (followed * others)) if followed > 0.0 and others > 0.0 else None


def _cell(fitted: Fitted, term: PhaseTerm) -> dict[str, Estimate]:
    return {
        name: estimate_of(fitted, int(parameter), "°" if len(name) > 1 else "Å")
        for name, parameter in zip(term.cell_names, term.cell, strict=True)
    }


def _size(fitted: Fitted, term: PhaseTerm) -> Estimate | None:
    """Apparent size; a lower bound where the instrument's own share of the width is not known."""
    x = _lorentzian(fitted, fitted.model.layout.index["x"], term.x)
    if x.esd is None or x.value <= 2.0 * x.esd or x.value <= 1e-4:
        return None
    size = size_from_x(x.value, wavelength=fitted.model.instrument.radiation.wavelength)
    return Estimate(value=size, esd=size * x.esd / x.value, unit="Å")


def _strain(fitted: Fitted, term: PhaseTerm) -> Estimate | None:
    y = _lorentzian(fitted, fitted.model.layout.index["y"], term.y)
    if y.esd is None or y.value <= 2.0 * y.esd or y.value <= 1e-4:
        return None
    return Estimate(value=strain_from_y(y.value), esd=strain_from_y(y.esd), unit="")


def _lorentzian(fitted: Fitted, shared: int, own: int) -> Estimate:
    """A phase's width in degrees: its own beside a machine's that is known (held), and both together where all was fitted."""
    counted = [shared, own] if fitted.moving[shared] else [own]
    slope = np.zeros(fitted.values.size)
    slope[counted] = 1.0
    return Estimate(value=float(fitted.values[counted].sum()), esd=esd_of(fitted, slope), unit="°")


def _displacement(fitted: Fitted, radius_mm: float | None) -> Estimate:
    angle = estimate_of(fitted, fitted.model.layout.index["displacement"], "°")
    if radius_mm is None or angle.esd is None:
        return angle
    geometry = fitted.model.instrument.geometry
    return Estimate(
        value=displacement_mm(angle.value, radius_mm=radius_mm, geometry=geometry),
        esd=displacement_mm(angle.esd, radius_mm=radius_mm, geometry=geometry),
        unit="mm",
    )


def _texture(fitted: Fitted, term: PhaseTerm) -> dict[str, Estimate]:
    """Intensity of each strong group over the calculated one: 1 is no texture."""
    texture: dict[str, Estimate] = {}
    if term.intensities in EXTRACTED:
        return texture
    for parameter in dict.fromkeys(int(i) for i in term.texture if i >= 0):
        group = int(term.grouping.group[np.flatnonzero(term.texture == parameter)[0]])
        h, k, l = (int(index) for index in term.reflections.hkl[term.grouping.leader[group]])
        deviation = estimate_of(fitted, parameter, "")
        texture[f"{h} {k} {l}"] = Estimate(value=1.0 + deviation.value, esd=deviation.esd, unit="")
    return texture
