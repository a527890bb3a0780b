"""How much of a phase would have been seen: Currie's limit, with the uncertainty that the phase itself would bring, and for all places
where its lines were looked for."""

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from xrdkna.physics.trials import SIDED, critical_sigmas
from xrdkna.records.arrays import FloatArray, IntArray
from xrdkna.refine.forward.model import calculate_with_jacobian
from xrdkna.refine.search.fit import Fitted
from xrdkna.refine.search.released import phase_of_each, priors

# The limit sets the uncertainty at the limit, and that the limit: two rounds settle it to a per cent.
_ROUNDS = 2
# What a phase looks for its lines with: where they are, how wide, and how strong each is beside the others.
_SEARCHING = ("cell", "position", "width", "shape", "intensity", "texture")


def limiting_scale(fitted: Fitted, number: int, *, esd: float, reach: FloatArray) -> float:
    """The scale of phase `number` at which 95 % of scans would show it above 95 % of those without it. esd: of its scale, as the
    evidence has it at the fitted amount; reach: of its search.

    1.645 σ without the phase, more where it was searched for, and 1.645 σ with it (Currie 1968, Anal. Chem. 40, 586): a phase that is
    there brings counts of its own, and a cell and widths that are free once there are lines to have them. Phases held at zero have neither.
    """
    scale = (critical_sigmas(reach) + SIDED) * esd
    place = fitted.model.phases[number].scale
    if number >= fitted.model.fitted_phases or not fitted.moving[place] or scale <= fitted.values[place]:
        return scale
    now = _Information(fitted, place, float(fitted.values[place])).esd_of_scale()
    limit = scale
    for _ in range(_ROUNDS):
        then = _Information(fitted, place, limit).esd_of_scale()
        limit = 0.5 * scale * (1.0 + max(then / now, 1.0)) if now > 0.0 else scale
    return limit


def searched_reach(fitted: Fitted, number: int, *, esd: float) -> FloatArray:
    """(d,) how far a phase was free to look for lines of its own, in lengths over which noise changes (`physics.trials`); none for a
    phase that is held. esd: of its scale."""
    model = fitted.model
    place = model.phases[number].scale
    followed = set(model.phases[number].texture.tolist())
    own = phase_of_each(model) == number
    searching = [
        i for i in np.flatnonzero(own & fitted.moving).tolist() if model.layout.slots[i].kind in _SEARCHING and i not in followed
    ]  # fmt: skip
    if number >= model.fitted_phases or not fitted.moving[place] or not searching or esd <= 0.0:
        return np.zeros(0)
    scale = max(float(fitted.values[place]), esd)
    return _Information(fitted, place, scale).reach(np.array(searching, dtype=np.int64), scale)


class _Information:
    """What the pattern would say of all parameters, by counting and priors, were the scale at `place` so large."""

    def __init__(self, fitted: Fitted, place: int, scale: float) -> None:
        self._index = np.flatnonzero(fitted.moving)
        self._rows = np.full(fitted.values.size, -1, dtype=np.int64)
        self._rows[self._index] = np.arange(self._index.size)
        self._place = int(self._rows[place])
        values = fitted.values.copy()
        values[place] = scale
        calculated, jacobian = calculate_with_jacobian(fitted.model, values, self._rows, self._index.size)
        self._normal = (jacobian * _weight(fitted, calculated)) @ jacobian.T
        self._prior = priors(fitted.model, fitted.texture_sd)[1][self._index]
        self._width = (fitted.upper - fitted.lower)[self._index]

    def esd_of_scale(self) -> float:
        """esd of the scale, everything else adapting."""
        return float(np.sqrt(self._inverse(np.arange(self._index.size), np.array([self._place]))[0, 0]))

    def reach(self, searching: IntArray, scale: float) -> FloatArray:
        """(d,) the reach of these parameters: with the pattern t of the phase and its slopes, freed of what all else can imitate, and
        normalised, Λ is the metric of t/|t|."""
        own = np.concatenate([[self._place], self._rows[searching]])
        others = np.setdiff1d(np.arange(self._index.size), self._rows[searching])
        others = others[others != self._place]
        both = self._normal[np.ix_(own, own)]
        if others.size:
            cross = self._normal[np.ix_(own, others)]
            both = both - cross @ self._inverse(others, others) @ cross.T
        size = max(float(both[0, 0]), 1e-300)
        metric = (both[1:, 1:] - np.outer(both[1:, 0], both[0, 1:]) / size) / (size * scale**2)
        spread = self._spread(self._rows[searching])
        eigenvalues = np.linalg.eigvalsh(metric * np.outer(spread, spread))
        return np.asarray(np.sqrt(np.maximum(eigenvalues, 0.0)))

    def _spread(self, rows: IntArray) -> FloatArray:
        """How far each is expected to lie from its middle: the prior's standard deviation, or the bounds as if they were one."""
        pulled = self._prior[rows] > 0.0
        bounded = np.where(np.isfinite(self._width[rows]), self._width[rows], 0.0) / np.sqrt(2.0 * np.pi)
        return np.asarray(np.where(pulled, 1.0 / np.sqrt(np.where(pulled, self._prior[rows], 1.0)), bounded))

    def _inverse(self, among: IntArray, wanted: IntArray) -> FloatArray:
        """The covariance of `wanted` where only `among` moves; both by row."""
        normal = self._normal[np.ix_(among, among)] + np.diag(self._prior[among])
        size = np.sqrt(np.maximum(np.diag(normal), 1e-300))
        scaled = normal / np.outer(size, size)
        scaled[np.diag_indices_from(scaled)] = 1.0 + 1e-9
        columns = np.searchsorted(among, wanted)
        unit = np.zeros((among.size, wanted.size))
        unit[columns, np.arange(wanted.size)] = 1.0
        return np.asarray(cho_solve(cho_factor(scaled), unit)[columns] / np.outer(size[columns], size[columns]))


def _weight(fitted: Fitted, calculated: FloatArray) -> FloatArray:
    """(n,) weights were the counts these: variance grows with what is added, as far as the fit took it for counts at all."""
    counted = not np.allclose(fitted.counting_weight * fitted.sigma**2, 1.0)
    added = np.maximum(calculated, 0.0) / np.maximum(fitted.calculated, 1e-12)
    return np.asarray(fitted.counting_weight / np.clip(added, 1.0, None)) if counted else fitted.counting_weight
