"""What the residuals ask for that the model cannot give: score tests (Rao 1948), everything refined adapting.

A pattern that the model has no parameter for is freed of what the refined parameters can imitate; the rest of it is compared with what
the fit leaves.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from xrdkna.physics.kernel import line_reach
from xrdkna.physics.radiation import KALPHA2_RATIO, SAME_LINE, WAVELENGTHS
from xrdkna.records.arrays import FloatArray
from xrdkna.refine.forward.model import LineList, add_line_columns, calculate_with_jacobian
from xrdkna.refine.search.fit import Fitted
from xrdkna.refine.search.released import priors

# Kα₂ : Kα₁ as the residuals would have it, less what is given: a line is missed above, one too many below. Nominal ratios of good
# measurements are off by −0.04 to −0.08 (monochromators, asymmetric lines), neglected lines by +0.1 to +0.5.
_MISSED_RATIO, _FALSE_RATIO, _RATIO_SIGMAS = 0.08, -0.2, 10.0
# Angles beyond some place that are off against those below it: by more than this many sigmas, and by more than this share of a line's width
# (a line's wrong shape asks for less), lost steps or a slipping gear are more likely than a wrong model.
_SHIFT_SIGMAS, _SHIFT_OF_WIDTH = 8.0, 0.3
# Two explanations that cost this much χ² more than each other are told apart (three sigmas); cells that differ by less than this share
# are within what temperature does to them.
_TOLD_APART, _CELLS_DIFFER = 9.0, 3e-4
# Places tried, evenly over the pattern's lines.
_PLACES = 24


class Asked:
    """The residuals of a fit, asked for patterns."""

    def __init__(self, fitted: Fitted) -> None:
        index = np.flatnonzero(fitted.moving)
        rows = np.full(fitted.values.size, -1, dtype=np.int64)
        rows[index] = np.arange(index.size)
        _, self._jacobian = calculate_with_jacobian(fitted.model, fitted.values, rows, index.size)
        self._weight, self._residual = fitted.counting_weight, fitted.observed - fitted.calculated
        self._weighted = self._jacobian * self._weight
        normal = self._weighted @ self._jacobian.T
        self._prior = priors(fitted.model, fitted.texture_sd)[1][index]
        normal[np.diag_indices_from(normal)] += self._prior
        self._rows, self._information = rows, normal
        self._size = np.sqrt(np.maximum(np.diag(normal), 1e-300))
        self._normal = normal / np.outer(self._size, self._size)
        self._normal[np.diag_indices_from(self._normal)] += 1e-9

    def by_how_much(self, patterns: FloatArray) -> tuple[FloatArray, FloatArray]:
        """(k,) how much of each pattern (k, n) is asked for, and of how many sigmas that is; 0 for what can be imitated altogether."""
        imitated = np.linalg.solve(self._normal, self._weighted @ patterns.T / self._size[:, None]) / self._size[:, None]
        alone = patterns - imitated.T @ self._jacobian
        score, size = (alone * self._weight) @ self._residual, np.einsum("kn,kn,n->k", alone, alone, self._weight)
        there = size > 1e-9 * np.einsum("kn,kn,n->k", patterns, patterns, self._weight)
        amount = np.divide(score, size, out=np.zeros(size.size), where=there)
        return amount, np.divide(score, np.sqrt(size), out=np.zeros(size.size), where=there)

    def response(self, held: Mapping[int, float], pulled: Sequence[int]) -> tuple[FloatArray, float]:
        """(p,) how all parameters answer to steps of some (by number), and what that costs in χ²; those in `pulled` lose their priors."""
        normal = self._information.copy()
        for parameter in pulled:
            row = self._rows[parameter]
            normal[row, row] -= self._prior[row]
        step = np.zeros(normal.shape[0])
        fixed = self._rows[list(held)]
        step[fixed] = list(held.values())
        others = np.setdiff1d(np.arange(step.size), fixed)
        inner = normal[np.ix_(others, others)] / np.outer(self._size[others], self._size[others])
        inner[np.diag_indices_from(inner)] += 1e-9
        step[others] = -np.linalg.solve(inner, normal[np.ix_(others, fixed)] @ step[fixed] / self._size[others]) / self._size[others]
        everything = np.where(self._rows >= 0, step[self._rows], 0.0)
        return everything, float(step @ normal @ step)


def second_line(fitted: Fitted, lines: LineList, asked: Asked) -> str:
    """A doubt where the Kα₂ line is missed, or one too many."""
    change, sigmas = second_line_missed(fitted, lines, asked)
    if _FALSE_RATIO < change < _MISSED_RATIO or abs(sigmas) < _RATIO_SIGMAS:
        return ""
    if change > 0.0:
        return "Every line has a second one at Kα₂ that the radiation as given has not: cells are off by up to 0.1 %."
    return "The radiation as given has more Kα₂ than the pattern shows: cells are off by up to 0.1 %."


def second_line_missed(fitted: Fitted, lines: LineList, asked: Asked) -> tuple[float, float]:
    """By how much the residuals ask to change the ratio of Kα₂ to Kα₁, everything else adapting, and of how many sigmas this is (the
    score test of Rao 1948). 0, 0 for radiation that is no tube's Kα."""
    model = fitted.model
    radiation = model.instrument.radiation
    pair = next(((one, two) for one, two, _ in WAVELENGTHS.values() if abs(one / radiation.wavelength - 1.0) < SAME_LINE), None)
    if pair is None or len(radiation.lines) > 2:
        return 0.0, 0.0
    counts = [np.flatnonzero(lines.owner == k) for k in range(model.fitted_phases)]
    first = np.concatenate([own[: own.size // len(radiation.lines)] for own in counts]) if counts else np.zeros(0, dtype=np.int64)
    area = np.zeros(lines.area.size)
    area[first] = np.maximum(lines.area[first], 0.0)
    sine = np.minimum(np.sin(np.radians(lines.position / 2.0)) * pair[1] / pair[0], 1.0)
    moved = replace(lines, position=2.0 * np.degrees(np.arcsin(sine)))
    reach = line_reach(area * KALPHA2_RATIO, lines.fwhm, lines.eta, tolerance=model.tail_tolerance)
    column = np.where(area > 0.0, 0, -1)
    second = add_line_columns(model, moved, column, area, reach, 1)[0]
    change, sigmas = asked.by_how_much(second[None, :])
    return float(change[0]), float(sigmas[0])


def height_or_zero(fitted: Fitted, asked: Asked) -> str:
    """A doubt where lines stand off by much, and the pattern does not tell whether the specimen's height or the zero of the angles is why:
    cells differ between the two."""
    model, values = fitted.model, fitted.values
    height, zero = model.layout.index["displacement"], model.layout.index["zero"]
    if not (fitted.moving[height] and fitted.moving[zero]) or model.fitted_phases == 0:
        return ""
    step, cost = asked.response({height: -values[height]}, (height, zero))
    misfit = max(float(fitted.weight @ (fitted.observed - fitted.calculated) ** 2) / fitted.observed.size, 1.0)
    change = max(float(np.max(np.abs(step[term.cell[:1]] / values[term.cell[:1]]))) for term in model.phases[: model.fitted_phases])
    if cost > _TOLD_APART * misfit or change < _CELLS_DIFFER:
        return ""
    return (
        f"Lines stand {abs(values[height]):.2f}° off, and the pattern does not tell a specimen out of place from a wrong zero: cells "
        f"differ by {100.0 * change:.2f} % between the two."
    )


def shifted_part(fitted: Fitted, lines: LineList, background: FloatArray, asked: Asked) -> str:
    """A doubt where the lines beyond some angle ask to be moved against those below it, which no cell and no height can do."""
    where, shift, sigmas = largest_shift(fitted, background, asked)
    there = (lines.area > 0.0) & (lines.owner >= 0)
    if abs(sigmas) < _SHIFT_SIGMAS or not there.any():
        return ""
    if abs(shift) < _SHIFT_OF_WIDTH * float(np.average(lines.fwhm[there], weights=lines.area[there])):
        return ""
    return f"Beyond {where:.1f}° all lines ask to be moved by {shift:+.3f}° against those before it: the angles are not of one scale."


def largest_shift(fitted: Fitted, background: FloatArray, asked: Asked) -> tuple[float, float, float]:
    """2θ beyond which the pattern most clearly asks to be moved, by how many degrees, and of how many sigmas that is."""
    two_theta = fitted.model.two_theta
    reflected = fitted.calculated - background
    slope = -np.gradient(reflected, two_theta)
    passed = np.cumsum(np.maximum(reflected, 0.0))
    if fitted.model.fitted_phases == 0 or passed[-1] <= 0.0:
        return 0.0, 0.0, 0.0
    places = np.unique(np.searchsorted(passed, passed[-1] * np.arange(1, _PLACES) / _PLACES))
    # Between lines, not within one.
    places = np.unique([_valley(reflected, int(place)) for place in places])
    shift, sigmas = asked.by_how_much(np.where(np.arange(two_theta.size) >= places[:, None], slope, 0.0))
    best = int(np.argmax(np.abs(sigmas)))
    return float(two_theta[places[best]]), float(shift[best]), float(sigmas[best])


def _valley(reflected: FloatArray, place: int) -> int:
    """The next point from here on with less than both its neighbours."""
    falls = np.diff(reflected[place:])
    rises = np.flatnonzero((falls[:-1] <= 0.0) & (falls[1:] > 0.0))
    return place + int(rises[0]) + 1 if rises.size else place
