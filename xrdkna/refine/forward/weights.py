"""Weight fractions from scales."""

from dataclasses import replace

import numpy as np

from xrdkna.records.arrays import FloatArray
from xrdkna.records.values import Notice
from xrdkna.refine.forward.grain_absorption import grain_factors, grain_notices
from xrdkna.refine.forward.model import Model
from xrdkna.refine.kernels.line_kernel import cell_volumes


def weight_fractions(model: Model, values: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """(k,) weight fractions, (k, p) their derivatives by the parameters, and (k,) the factor Z·M·V/τ of each phase.

    W_p = S_p (ZMV)_p / Σ S (ZMV) (Hill & Howard 1987, J. Appl. Cryst. 20, 467); positions-only phases, and those whose
    intensities no structure gave, count as nothing.
    With a particle diameter, ZMV is divided by Brindley's τ (`grain_factors`); how τ follows from the scales is left out
    of the derivatives, a share of |1 − τ| of them.
    """
    terms = model.phases
    zmv = np.array([term.reflections.cell_mass for term in terms])
    zmv *= np.concatenate([cell_volumes(model.fitted, values), cell_volumes(model.watched, values)])
    weighable = np.array([not term.reflections.positions_only and term.intensities == "structure" for term in terms], dtype=np.float64)
    factor = zmv * weighable
    places = np.array([term.scale for term in terms], dtype=np.int64)
    amounts = values[places] * factor
    total = float(amounts.sum())
    slopes = np.zeros((len(terms), values.size))
    if total <= 0.0:
        return np.zeros(len(terms)), slopes, factor
    fractions = amounts / total
    if model.particle_diameter is not None:
        factor = factor / grain_factors(fractions, [term.reflections for term in terms], diameter_um=model.particle_diameter)
        amounts = values[places] * factor
        total = float(amounts.sum())
        fractions = amounts / total
    slopes[:, places] = -np.outer(fractions, factor / total)
    slopes[np.arange(len(terms)), places] += factor / total
    return fractions, slopes, factor


def grain_words(model: Model, values: FloatArray) -> tuple[Notice, ...]:
    """What is to be said about microabsorption in this mixture; see `grain_notices`."""
    plain, _, _ = weight_fractions(replace(model, particle_diameter=None), values)
    return grain_notices(plain, [term.reflections for term in model.phases], diameter_um=model.particle_diameter)
