"""Crystals lost against a halo growing: does what diffracts in lines go over into what scatters like a liquid or a glass?"""

from dataclasses import dataclass
from itertools import permutations
from math import erfc, sqrt

import numpy as np

from xrdkna.records.arrays import FloatArray, IntArray

SURE_SIGMAS = 4.0
"""Both amounts have changed by this many sigmas: chance does neither, and both in opposite directions still less."""
LEAST_FACTOR = 1.5
"""Smaller losses and gains are no sentence worth."""
ALL_ORDERS = 7
"""Up to this many scans every order is tried (5040); beyond, the rank correlation is normal enough."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """What became of crystals and halo. crystal, halo: last over first, with esds. correlation: Spearman's rank correlation of the two over
    all scans; chance: that it is as far below zero when nothing connects them. first, last: (rows) compared."""

    crystal: float
    crystal_esd: float
    halo: float
    halo_esd: float
    correlation: float
    chance: float
    first: tuple[int, ...]
    last: tuple[int, ...]


def exchange_of(crystal: FloatArray, crystal_esd: FloatArray, halo: FloatArray, halo_esd: FloatArray) -> Exchange | None:
    """Compare the scans that hold most crystals with those that hold most of the halo; all arrays (n,), in the order of the series, which
    need not be one of time. None unless crystals are lost and halo won for sure.
    """
    n = crystal.size
    if n < 2:
        return None
    some = max(1, n // 4)
    # The two ends of the order in which crystals go and halo comes, not of time: a series may melt and freeze again.
    order = np.argsort(_ranks(halo) - _ranks(crystal), kind="stable")
    first, last = np.sort(order[:some]), np.sort(order[-some:])
    before, after = _mean(crystal, crystal_esd, first), _mean(crystal, crystal_esd, last)
    halo_before, halo_after = _mean(halo, halo_esd, first), _mean(halo, halo_esd, last)
    lost, won = _sigmas(before, after), _sigmas(halo_after, halo_before)
    # The ends were chosen among n scans by what they show.
    sure = SURE_SIGMAS + sqrt(2.0 * np.log(n))
    if lost < sure or won < sure or before[0] < LEAST_FACTOR * after[0] or halo_after[0] < LEAST_FACTOR * max(halo_before[0], 0.0):
        return None
    correlation = _spearman(crystal, halo)
    ratio, ratio_esd = _ratio(after, before)
    grown, grown_esd = _ratio(halo_after, (max(halo_before[0], halo_before[1]), halo_before[1]))
    return Exchange(
        crystal=ratio,
        crystal_esd=ratio_esd,
        halo=grown,
        halo_esd=grown_esd,
        correlation=correlation,
        chance=_chance(crystal, halo, correlation),
        first=tuple(int(i) for i in first),
        last=tuple(int(i) for i in last),
    )


def exchange_sentence(what: str, halo: str, found: Exchange, scans: tuple[int, ...]) -> str:
    """ "crystalline K falls to 8 ± 2 % …". what: the phases; halo: how to call the hump; scans: (n,) the numbers to call the scans by."""
    percent, esd = 100.0 * max(found.crystal, 0.0), 100.0 * found.crystal_esd
    digits = 0 if esd >= 0.95 else 1
    grows = f"grows {found.halo:.0f}-fold" if found.halo >= 3.0 else f"grows to {100.0 * found.halo:.0f} ± {100.0 * found.halo_esd:.0f} %"
    said = (
        f"Crystalline {what} falls to {percent:.{digits}f} ± {esd:.{digits}f} % while {halo} {grows} "
        f"(from {_scans(found.first, scans)} to {_scans(found.last, scans)}): crystals are lost to something liquid or amorphous"
    )
    if len(scans) < 4:
        return said + "."
    return said + f"; over all scans the two go against each other with rank correlation {found.correlation:.2f}."


def _scans(rows: tuple[int, ...], scans: tuple[int, ...]) -> str:
    numbers = [scans[row] for row in rows]
    return f"scan {numbers[0]}" if len(numbers) == 1 else f"scans {numbers[0]}–{numbers[-1]}" if _run(numbers) else f"{len(numbers)} scans"


def _run(numbers: list[int]) -> bool:
    return numbers[-1] - numbers[0] == len(numbers) - 1


def _mean(value: FloatArray, esd: FloatArray, rows: IntArray) -> tuple[float, float]:
    weight = esd[rows] ** -2.0
    return float(weight @ value[rows] / weight.sum()), float(weight.sum()) ** -0.5


def _sigmas(larger: tuple[float, float], smaller: tuple[float, float]) -> float:
    return (larger[0] - smaller[0]) / sqrt(larger[1] ** 2 + smaller[1] ** 2)


def _ratio(top: tuple[float, float], bottom: tuple[float, float]) -> tuple[float, float]:
    """Quotient and its esd to first order."""
    ratio = top[0] / bottom[0]
    return ratio, sqrt(top[1] ** 2 + (ratio * bottom[1]) ** 2) / abs(bottom[0])


def _ranks(value: FloatArray) -> FloatArray:
    """(n,) 0 … n−1 in rising order, ties in the middle of theirs."""
    _, place, count = np.unique(value, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(count) - 0.5 * (count + 1))[place])


def _spearman(one: FloatArray, other: FloatArray) -> float:
    a, b = (ranks - ranks.mean() for ranks in (_ranks(one), _ranks(other)))
    size = sqrt(float(a @ a) * float(b @ b))
    return float(a @ b) / size if size > 0.0 else 0.0


def _chance(one: FloatArray, other: FloatArray, correlation: float) -> float:
    """P(rank correlation ≤ this) without a connection: exact over all orders of few scans, Fisher's z for more."""
    n = one.size
    if n <= ALL_ORDERS:
        orders = [_spearman(one[list(order)], other) for order in permutations(range(n))]
        return float(np.mean(np.array(orders) <= correlation + 1e-12))
    z = np.arctanh(np.clip(correlation, -1.0 + 1e-12, 1.0 - 1e-12)) * sqrt((n - 3.0) / 1.06)
    return 0.5 * erfc(-z / sqrt(2.0))
