"""How likely a series of numbers is, drift and scatter marginalised, without and with one more change in it.

    y = c + Σ changes + drift + noise,     noise ~ N(0, κ²s²), κ ≥ 1,     drift ~ N(0, κ²ρ²K)

c and the changes already accepted have flat priors, κ the density ∝ κ^(−1−EXCESS) (esds are never believed too large), ρ a grid, K one of
three: a random walk, a slope that walks, a straight line. The size of the change on trial has Zellner's g-prior (Zellner 1986): its sd is
√g esds of what the data leave of it. With Q the sum of squares left, the integral over κ is an incomplete gamma function.
"""

from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.special import gammainc, gammaln, hyp1f1

from xrdkna.records.arrays import FloatArray

EXCESS = 4.0
"""A quarter of all series then scatter more than 1.4 times their esds, one in eighty more than 3 times."""
G = 100.0
"""A change on trial may be some ten times its own esd; the price of trying is a factor of ten in likelihood, much the same for any g."""
SIZES = np.array([1.0, 4.0, 16.0, 64.0, 256.0, 1024.0])
"""ρ: the rms drift over the series, in typical esds."""
ABSENT = 1e-7
"""A shape of which less than this part is left once the others are taken out is one of them."""
TINY = 1e-12
"""Part of its own length that is left at least of a shape accepted twice over: rounding."""


class _Family:
    """One kernel in its own axes, whitened: what the shapes and the data are to one another at each size ρ of the drift, worked out once.

    rows: (c, n), the constant last; weight: (n, r); log_prior: (r,), ½ ln det in it; own, score: (c, r) of the rows with themselves and
    with the data; total: (r,) of the data with themselves.
    """

    def __init__(self, y: FloatArray, esd: FloatArray, rows: FloatArray, kernel: FloatArray, each: float, *, steady: bool) -> None:
        """each: prior odds of one size of this kind of drift; `steady` adds the size nothing."""
        typical = float(np.median(esd))
        values, turn = np.linalg.eigh(kernel * typical**2 / np.outer(esd, esd))
        sizes = np.append(0.0, SIZES) if steady else SIZES
        spread = 1.0 + np.maximum(values, 0.0)[:, None] * sizes**2
        # A cell edge is some 1e5 esds long: squares of that would leave no digits for its changes.
        data = ((y - np.median(y)) / esd) @ turn
        self.rows = (np.concatenate((rows, np.ones((1, y.size)))) / esd) @ turn
        self.weight = 1.0 / spread
        self.log_prior = np.log(np.where(sizes == 0.0, 1.0, each)) - 0.5 * np.log(spread).sum(axis=0)
        self.own = self.rows**2 @ self.weight
        self.score = (self.rows * data) @ self.weight
        self.total = data**2 @ self.weight
        self._cross: dict[int, FloatArray] = {}

    def cross(self, place: int) -> FloatArray:
        """(c, r) of all rows with one of them."""
        if place not in self._cross:
            self._cross[place] = (self.rows * self.rows[place]) @ self.weight
        return self._cross[place]


@dataclass(frozen=True, slots=True)
class Trial:
    """ln of likelihood × prior odds against no drift. steady, drifting: as it stands; log_with: (c,) with each further shape, drifting
    or not. size, esd: (c,) of that shape, at the likeliest drift, esd with the scatter met."""

    steady: float
    drifting: float
    log_with: FloatArray
    size: FloatArray
    esd: FloatArray


class Marginal:
    """The likelihood of one series; what does not change between trials is worked out once, and no trial twice."""

    def __init__(self, y: FloatArray, esd: FloatArray, rows: FloatArray, *, drift_odds: float) -> None:
        """rows: (c, n) the shapes. drift_odds: prior odds of any drift against none; its kinds and their sizes have equal parts of it."""
        kernels = _kernels(y.size)
        each = drift_odds / (len(kernels) * SIZES.size)
        self._freedom = y.size
        self._families = [_Family(y, esd, rows, kernel, each, steady=place == 0) for place, kernel in enumerate(kernels)]
        self._trials: dict[frozenset[int], Trial] = {}

    def trial(self, accepted: Collection[int]) -> Trial:
        """Every shape on trial beside those accepted (their places among the rows)."""
        key = frozenset(accepted)
        if key not in self._trials:
            self._trials[key] = self._tried(sorted(key))
        return self._trials[key]

    def _tried(self, accepted: list[int]) -> Trial:
        parts = [_one_family(family, accepted, self._freedom) for family in self._families]
        none = np.concatenate([part[0] for part in parts])
        with_shape, size, esd = (np.concatenate([part[k] for part in parts], axis=1)[:-1] for k in (1, 2, 3))
        best = with_shape.argmax(axis=1)[:, None]
        return Trial(
            steady=float(none[0]),
            drifting=float(_log_sum(none[None, 1:])[0]),
            log_with=_log_sum(with_shape),
            size=np.take_along_axis(size, best, axis=1)[:, 0],
            esd=np.take_along_axis(esd, best, axis=1)[:, 0],
        )


def largest_gain(y: FloatArray, esd: FloatArray, rows: FloatArray) -> float:
    """By how much χ² falls at most with one of the rows beside a constant: a quick look whether anything can be there."""
    weight = esd**-2.0
    total = weight.sum()
    rest = y - (weight @ y) / total
    middle = rows @ weight / total
    power = (rows**2) @ weight - total * middle**2
    return float(np.max((rows @ (weight * rest)) ** 2 / np.maximum(power, ABSENT * total)))


@lru_cache(maxsize=64)
def _kernels(n: int) -> tuple[FloatArray, ...]:
    """Random walk, walking slope, straight line: (n, n) each, centred, mean variance 1, the same when time runs backwards."""
    t = np.arange(n, dtype=np.float64)
    walk = np.minimum(t[:, None], t[None, :])
    low, high = np.minimum(t[:, None], t[None, :]), np.maximum(t[:, None], t[None, :])
    slope = low**2 * (3.0 * high - low) / 6.0 + n * np.outer(t, t)
    line = np.outer(t, t)
    centre = np.eye(n) - 1.0 / n
    kernels = []
    for kernel in (walk, slope + slope[::-1, ::-1], line):
        middle = centre @ kernel @ centre
        kernels.append(middle * (n / np.trace(middle)))
    return tuple(kernels)


def _one_family(family: _Family, accepted: list[int], n: int) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """ln likelihood (r,) without and (c, r) with each row, and the size and esd of each row (c, r); the accepted rows and the constant
    taken out one after another (Gram–Schmidt)."""
    own, score, left = family.own, family.score, family.total
    log_det = np.zeros(left.size)
    taken: list[tuple[FloatArray, FloatArray]] = []
    for place in (-1, *accepted):
        cross = family.cross(place)
        for vector, length in taken:
            cross = cross - vector * (vector[place] / length)
        length = np.maximum(cross[place], TINY * family.own[place])
        log_det += np.log(length)
        on_data = score[place]
        left = left - on_data**2 / length
        own = own - cross**2 / length
        score = score - cross * (on_data / length)
        taken.append((cross, length))
    there = own > ABSENT * family.own
    power = np.where(there, own, 1.0)
    score = np.where(there, score, 0.0)
    freedom = n - len(taken)
    left = np.maximum(left, 0.0)
    rest = np.maximum(left - G / (1.0 + G) * score**2 / power, 0.0)
    base = family.log_prior - 0.5 * log_det
    with_shape = base + _log_scatter(rest, freedom) - 0.5 * np.log(1.0 + G)
    scatter = np.sqrt(np.maximum(1.0, rest / max(1, freedom - 1)) / power)
    return base + _log_scatter(left, freedom), with_shape, score / power, scatter


def _log_scatter(rest: FloatArray, freedom: int) -> FloatArray:
    """ln ∫₁^∞ κ^(−freedom−1−EXCESS) exp(−rest/2κ²) dκ, up to a constant; from a table, fine enough for 1e-4."""
    grid, table = _scatter_table(freedom)
    return np.asarray(np.interp(np.log(rest + 1e-6), grid, table))


@lru_cache(maxsize=256)
def _scatter_table(freedom: int) -> tuple[FloatArray, FloatArray]:
    grid = np.linspace(np.log(1e-6), np.log(1e12), 8000)
    half = 0.5 * np.exp(grid)
    s = 0.5 * (freedom + EXCESS)
    low = half < s + 1.0
    table = np.empty(grid.size)
    # γ(s, x)/x^s in the form that neither under- nor overflows on its side.
    table[low] = -half[low] - np.log(s) + np.log(hyp1f1(1.0, s + 1.0, half[low]))
    table[~low] = gammaln(s) - s * np.log(half[~low]) + np.log(gammainc(s, half[~low]))
    return grid, table


def _log_sum(logs: FloatArray) -> FloatArray:
    """ln Σ exp over the last axis."""
    top = logs.max(axis=1, keepdims=True)
    return np.asarray(top[:, 0] + np.log(np.exp(logs - top).sum(axis=1)))
