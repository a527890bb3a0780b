"""Widths that depend on direction: uniaxial size and strain, or Stephens' anisotropic strain."""

import numpy as np

from xrdkna.physics.anisotropy import isotropic_stephens, stephens_terms, uniaxial_terms
from xrdkna.records.arrays import FloatArray
from xrdkna.records.phases import Reflections
from xrdkna.refine.forward.intensities import axis_of
from xrdkna.refine.forward.layout import Slot, tag
from xrdkna.refine.settings import RefineSettings

# Stephens' strain starts from this share of a line's width, alike in all directions: at zero it has no slope to follow.
_START_SHARE = 0.2


def broadening_of(reflections: Reflections, settings: RefineSettings) -> str:
    """Which broadening this phase has."""
    return settings.broadening.get(reflections.phase, "isotropic")


def broadening_slots(reflections: Reflections, *, fwhm: float, settings: RefineSettings) -> list[Slot]:
    """The parameters of direction-dependent widths; none for isotropic."""
    name, kind = tag(reflections.phase), broadening_of(reflections, settings)
    if kind == "uniaxial":
        return [
            Slot(name=f"x_axis_{name}", kind="shape", unit="°", start=0.0, lower=-3.0, upper=3.0, prior_sd=0.5 * fwhm),
            Slot(name=f"y_axis_{name}", kind="shape", unit="°", start=0.0, lower=-6.0, upper=6.0, prior_sd=1.0 * fwhm),
        ]
    if kind == "stephens":
        _, names = stephens_terms(reflections.hkl, rotations=reflections.rotations)
        starts = isotropic_stephens(cell=reflections.cell, rotations=reflections.rotations, fwhm=_START_SHARE * fwhm)
        return [
            Slot(name=f"{term}_{name}", kind="shape", unit="Å⁻⁴", start=float(start), prior_sd=None)
            for term, start in zip(names, starts, strict=True)
        ]
    return []


def direction_terms(reflections: Reflections, settings: RefineSettings) -> FloatArray:
    """(n,) mean cos² between plane normals and the phase's axis; 0 where the widths ask for none."""
    if broadening_of(reflections, settings) != "uniaxial":
        return np.zeros(len(reflections.hkl))
    axis = axis_of(reflections, settings)
    return uniaxial_terms(reflections.hkl, axis=axis, cell=reflections.cell, rotations=reflections.rotations)


def strain_terms(reflections: Reflections, settings: RefineSettings) -> FloatArray:
    """(n, s) Stephens' terms; s = 0 where the widths ask for none."""
    if broadening_of(reflections, settings) != "stephens":
        return np.zeros((len(reflections.hkl), 0))
    return stephens_terms(reflections.hkl, rotations=reflections.rotations)[0]
