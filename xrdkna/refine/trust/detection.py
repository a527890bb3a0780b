"""How much of a phase would have been seen: Currie's limit with the uncertainty that the phase itself would bring."""

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from xrdkna.physics.trials import SIDED
from xrdkna.records.arrays import FloatArray
from xrdkna.refine.forward.model import calculate_with_jacobian
from xrdkna.refine.search.fit import Fitted
from xrdkna.refine.search.released import priors

# The limit sets the uncertainty at the limit, and that the limit: two rounds settle it to a per cent.
_ROUNDS = 2


def limiting_scale(fitted: Fitted, number: int, *, esd: float, critical: float) -> float:
    """The scale of phase `number` at which 95 % of scans would show it above 95 % of those without it. esd: of its scale, as the
    evidence has it at the fitted amount; critical: what noise exceeds in 5 %, in sigmas.

    That much without the phase and 1.645 σ with it (Currie 1968, Anal. Chem. 40, 586): a phase that is there brings counts of its
    own, and a cell and widths that are free once there are lines to have them. Phases held at zero have neither.
    """
    scale = (critical + SIDED) * esd
    place = fitted.model.phases[number].scale
    if number >= fitted.model.fitted_phases or not fitted.moving[place] or scale <= fitted.values[place]:
        return scale
    now = _scale_esd(fitted, place, float(fitted.values[place]))
    limit = scale
    for _ in range(_ROUNDS):
        then = _scale_esd(fitted, place, limit)
        limit = 0.5 * scale * (1.0 + max(then / now, 1.0)) if now > 0.0 else scale
    return limit


def _scale_esd(fitted: Fitted, place: int, scale: float) -> float:
    """esd of a scale by counting and priors, were it so large."""
    index = np.flatnonzero(fitted.moving)
    rows = np.full(fitted.values.size, -1, dtype=np.int64)
    rows[index] = np.arange(index.size)
    values = fitted.values.copy()
    values[place] = scale
    calculated, jacobian = calculate_with_jacobian(fitted.model, values, rows, index.size)
    normal = (jacobian * _weight(fitted, calculated)) @ jacobian.T
    normal[np.diag_indices_from(normal)] += priors(fitted.model, fitted.texture_sd)[1][index]
    size = np.sqrt(np.maximum(np.diag(normal), 1e-300))
    scaled = normal / np.outer(size, size)
    scaled[np.diag_indices_from(scaled)] = 1.0 + 1e-9
    row = int(rows[place])
    unit = np.zeros(index.size)
    unit[row] = 1.0
    return float(np.sqrt(cho_solve(cho_factor(scaled), unit)[row]) / size[row])


def _weight(fitted: Fitted, calculated: FloatArray) -> FloatArray:
    """(n,) weights were the counts these: variance grows with what is added, as far as the fit took it for counts at all."""
    counted = not np.allclose(fitted.counting_weight * fitted.sigma**2, 1.0)
    added = np.maximum(calculated, 0.0) / np.maximum(fitted.calculated, 1e-12)
    return np.asarray(fitted.counting_weight / np.clip(added, 1.0, None)) if counted else fitted.counting_weight
