"""Two records of one quantity laid on each other: how well each shift of the cycler's times suits what the scans' log says.

With n values and correlation r, a shift gains the log-likelihood −(n − 2)/2 · ln(1 − r²) over "no relation", the variance, gain and
offset profiled out; its exponential is the posterior of the shift under a flat prior.
"""

from dataclasses import dataclass, replace

import numpy as np

from xrdkna.records.arrays import BoolArray, FloatArray
from xrdkna.track.cell.clock_log import LoggedColumn

# Clocks in different zones are at most 14 h apart; daylight saving adds one.
FURTHEST = 16 * 3600.0
# With fewer values in common a shift can make any two records agree.
FEWEST = 6
# Shifts that leave less than this part of the logged values inside the cycler's record are not looked at.
_LEAST_SHARED = 0.5
_CLEAREST = 1e-6  # of 1 − r²: the digits that logs keep
# Clocks and logs write whole seconds.
_CLOCK_STEP = 1.0
# The values used, and the shifts tried, in the first look and in the last.
COARSE_VALUES, FINE_VALUES, _COARSE_SHIFTS, _FINE_SHIFTS = 400, 2000, 40_000, 401


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """The logged values on the cycler's, (k,) shifts each: log-likelihood gained, correlation, gain, mean difference, independence."""

    gained: FloatArray
    correlation: FloatArray
    gain: FloatArray
    bias: FloatArray
    independent: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """Shifts τ (k,) in s, rising; the values as means over their scans, and as read at their starts."""

    shifts: FloatArray
    as_means: Fit
    as_read: Fit

    @property
    def gained(self) -> FloatArray:
        """(k,) of the better reading."""
        return np.maximum(self.as_means.gained, self.as_read.gained)

    @property
    def better(self) -> Fit:
        """The reading whose best shift is better."""
        return self.as_means if self.as_means.gained.max() >= self.as_read.gained.max() else self.as_read


def coarse_shifts(column: LoggedColumn, time: FloatArray) -> FloatArray:
    """Shifts from −16 h to 16 h, in steps of half a scan."""
    step = max(0.5 * column.usual_scan, 2.0 * FURTHEST / _COARSE_SHIFTS, 0.5)
    low = max(-FURTHEST, float(column.starts[0] - time[-1]))
    high = min(FURTHEST, float(column.ends[-1] - time[0]))
    # No shift is a shift that is tried, whatever the step.
    return np.arange(np.ceil(low / step), np.floor(high / step) + 1.0) * step


def tried(column: LoggedColumn, time: FloatArray, signal: FloatArray, shifts: FloatArray, *, one_set: bool = False) -> Match | None:
    """Every shift with both readings; None where none is possible. one_set: only the values that every shift leaves inside the record."""
    if not shifts.size:
        return None
    integral = np.concatenate(([0.0], np.cumsum(0.5 * (signal[1:] + signal[:-1]) * np.diff(time))))
    kept = (column.starts - shifts[-1] >= time[0]) & (column.ends - shifts[0] <= time[-1])
    if one_set and np.count_nonzero(kept) >= max(FEWEST, _LEAST_SHARED * column.values.size):
        column = replace(column, starts=column.starts[kept], ends=column.ends[kept], values=column.values[kept])
    parts = [part for part in np.array_split(shifts, 1 + shifts.size * column.values.size // 500_000) if part.size]
    found = [_tried_part(column, time, signal, integral, part) for part in parts]
    means, read = (_joined([item[place] for item in found]) for place in range(2))
    if column.averaged:
        read = replace(read, gained=np.full(shifts.size, -np.inf))
    return Match(shifts=shifts, as_means=means, as_read=read) if np.isfinite(means.gained).any() else None


def _tried_part(column: LoggedColumn, time: FloatArray, signal: FloatArray, integral: FloatArray, shifts: FloatArray) -> tuple[Fit, Fit]:
    starts, ends = column.starts - shifts[:, None], column.ends - shifts[:, None]
    inside = (starts >= time[0]) & (ends <= time[-1])
    at_start = np.interp(starts, time, signal)
    whole = np.interp(ends, time, integral) - np.interp(starts, time, integral)
    mean = np.divide(whole, ends - starts, out=at_start.copy(), where=ends > starts)
    return _regressed(column, mean, inside), _regressed(column, at_start, inside)


def _joined(fits: list[Fit]) -> Fit:
    names = ("gained", "correlation", "gain", "bias", "independent")
    return Fit(**{name: np.concatenate([getattr(fit, name) for fit in fits]) for name in names})


def _regressed(column: LoggedColumn, value: FloatArray, inside: BoolArray) -> Fit:
    """The logged values on the cycler's (k, n); log-likelihood −inf where too few lie inside."""
    n = inside.sum(axis=1)
    enough = n >= max(FEWEST, _LEAST_SHARED * column.values.size)
    weight = inside / np.maximum(n, 1)[:, None]
    x_mean, y_mean = (weight * value).sum(axis=1), (weight * column.values).sum(axis=1)
    x, y = value - x_mean[:, None], column.values - y_mean[:, None]
    xx, yy, xy = (weight * x * x).sum(axis=1), (weight * y * y).sum(axis=1), (weight * x * y).sum(axis=1)
    varied = enough & (xx > 1e-12 * np.ptp(column.values) ** 2) & (yy > 0.0)
    r = np.divide(xy, np.sqrt(xx * yy), out=np.zeros_like(xy), where=varied)
    gain = np.divide(xy, xx, out=np.zeros_like(xy), where=varied)
    # Only a current can be wired the other way round.
    sensible = r if column.quantity == "current" else np.maximum(r, 0.0)
    gained = -0.5 * (n - 2.0) * np.log(np.maximum(1.0 - sensible**2, _CLEAREST))
    return Fit(
        gained=np.where(enough, gained, -np.inf),
        correlation=sensible,
        gain=gain,
        bias=y_mean - np.sign(gain) * x_mean,
        independent=_independent(np.where(inside, y - gain[:, None] * x, 0.0)),
    )


def _independent(residual: FloatArray) -> FloatArray:
    """(k,) part of the values that count as independent: (1 − ρ)/(1 + ρ), ρ the correlation of neighbours in the residual (k, n)."""
    power = np.maximum((residual * residual).sum(axis=1), 1e-300)
    rho = np.clip((residual[:, 1:] * residual[:, :-1]).sum(axis=1) / power, 0.0, 0.9)
    return np.asarray((1.0 - rho) / (1.0 + rho))


def refined(column: LoggedColumn, time: FloatArray, signal: FloatArray, coarse: Match) -> Match:
    """The neighbourhood of the best shift, wide enough that the posterior is nil at its ends and fine enough to resolve it."""
    step = float(coarse.shifts[1] - coarse.shifts[0]) if coarse.shifts.size > 1 else 1.0
    centre, half = float(coarse.shifts[int(np.argmax(coarse.gained))]), 3.0 * step
    fine = coarse
    for _ in range(8):
        match = tried(column, time, signal, np.linspace(centre - half, centre + half, _FINE_SHIFTS), one_set=True)
        if match is None:
            break
        fine = match
        likely = fine.gained > fine.gained.max() - 10.0
        low, high = fine.shifts[likely][[0, -1]]
        centre = 0.5 * (low + high)
        if likely[0] or likely[-1]:
            half *= 2.0
        elif high - low < 0.1 * half:
            half = max(high - low, 2e-3 * half)
        else:
            break
    return fine


def interval(column: LoggedColumn, fine: Match, level: float) -> tuple[float, float, float]:
    """(low, best, high) in s, `level` of the posterior between them; values read at an unknown moment of their scans widen it by a scan."""
    part = float(fine.better.independent[int(np.argmax(fine.better.gained))])
    length = float(np.median(column.ends - column.starts))
    ends: list[tuple[float, float]] = []
    weights = [np.exp(part * (fit.gained - fine.gained.max())) for fit in (fine.as_means, fine.as_read)]
    for weight, wider in zip(weights, (0.0, length), strict=True):
        if weight.sum() < (1.0 - level) * max(other.sum() for other in weights):
            continue
        cumulated = np.cumsum(weight) / weight.sum()
        low, high = np.interp([(1 - level) / 2, (1 + level) / 2], cumulated, fine.shifts)
        ends.append((float(low), float(high) + wider))
    first, last = min(end[0] for end in ends) - _CLOCK_STEP, max(end[1] for end in ends) + _CLOCK_STEP
    return first, 0.5 * (first + last), last
