"""Weight fractions from scales."""

import numpy as np

from xrdkna.physics.lattice import cell_volume
from xrdkna.records.arrays import FloatArray
from xrdkna.refine.model import Model


def weight_fractions(model: Model, values: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """(k,) weight fractions, (k, p) their derivatives by the parameters, and (k,) the factor Z·M·V of each phase.

    W_p = S_p (ZMV)_p / Σ S (ZMV) (Hill & Howard 1987, J. Appl. Cryst. 20, 467); positions-only phases count as nothing.
    """
    terms = model.phases
    zmv = np.array([term.reflections.cell_mass * cell_volume(term.cell_at(values)) for term in terms])
    weighable = np.array([not term.reflections.positions_only for term in terms], dtype=np.float64)
    factor = zmv * weighable
    places = np.array([term.scale for term in terms], dtype=np.int64)
    amounts = values[places] * factor
    total = float(amounts.sum())
    slopes = np.zeros((len(terms), values.size))
    if total <= 0.0:
        return np.zeros(len(terms)), slopes, factor
    fractions = amounts / total
    slopes[:, places] = -np.outer(fractions, factor / total)
    slopes[np.arange(len(terms)), places] += factor / total
    return fractions, slopes, factor
