"""When a cell plates, strips or rests: the current told from leakage and noise, without losing weak currents or short pulses."""

import numpy as np

from xrdkna.records.arrays import BoolArray, FloatArray, IntArray

PLATING, REST, STRIPPING, UNKNOWN = 1, 0, -1, 2

# A current this many times the scatter between records of a resting cell is one.
_SIGMAS = 6.0
# Nor is less than this part of the largest current one: the resolution of a cycler's range.
_RESOLUTION = 1e-3
# A record rests truly when this part of its weak stretches lies at zero: then a steady weak current beside it is one, not a leak.
_TRUE_REST = 0.02
# A weak current must last this many records; a strong one counts from the first, for pulses are short.
_LASTING = 3
# The band of the noise settles within this many rounds.
_ROUNDS = 5
# Median of |x − y| of two normal numbers in units of their sd.
_MEDIAN_DIFFERENCE = 0.954


def cell_states(current: FloatArray, time: FloatArray, *, deadband: float) -> tuple[IntArray, float]:
    """(n,) PLATING, REST or STRIPPING of each record of the current (mA, plating positive), and the |current| below which it rests.

    deadband: part of the largest |current| above which a single record counts, more where the current is noisy. Below it, a current
    counts where it lasts, stands out of the noise, and the record elsewhere shows what true rest looks like; else it is leakage.
    """
    size = np.abs(current)
    largest = float(size.max(initial=0.0))
    scatter = _scatter(current, size, deadband * largest)
    strong = min(max(deadband * largest, _SIGMAS * scatter), 0.5 * largest)
    weak = min(max(_RESOLUTION * largest, _SIGMAS * scatter), strong)
    if not _rests(size, time, weak, strong):
        weak = strong
    states = _signs(current, size, strong)
    lasting = _signs(current, size, weak)
    return np.where((states == REST) & _in_long_runs(lasting), lasting, states), weak


def cycles_of(states: IntArray) -> IntArray:
    """(s,) the cycle, from 1, of each stretch: the next begins where the first direction of the current comes again after the other."""
    first = next((int(state) for state in states if state in (PLATING, STRIPPING)), PLATING)
    cycles = np.ones(states.size, dtype=np.int64)
    reversed_since = False
    for place, state in enumerate(states):
        if place:
            cycles[place] = cycles[place - 1]
        if state == -first:
            reversed_since = True
        elif state == first and reversed_since:
            cycles[place] += 1
            reversed_since = False
    return cycles


def _signs(current: FloatArray, size: FloatArray, band: float) -> IntArray:
    return np.where(size > band, np.sign(current), 0.0).astype(np.int64)


def _scatter(current: FloatArray, size: FloatArray, band: float) -> float:
    """Sd (mA) of a resting record, from the differences of neighbours inside the band, which grows until it holds the noise."""
    scatter = 0.0
    for _ in range(_ROUNDS):
        low = size <= max(band, _SIGMAS * scatter)
        beside = low[1:] & low[:-1]
        if not beside.any():
            break
        scatter = float(np.median(np.abs(np.diff(current)[beside]))) / _MEDIAN_DIFFERENCE
    return scatter


def _rests(size: FloatArray, time: FloatArray, weak: float, strong: float) -> bool:
    """Does the record, where its current is weak, lie truly at zero for some of the time?"""
    low = (size[1:] <= strong) & (size[:-1] <= strong)
    held = np.diff(time)[low]
    return float(held[size[1:][low] <= weak].sum()) >= _TRUE_REST * float(held.sum()) if held.size else False


def _in_long_runs(sign: IntArray) -> BoolArray:
    """(n,) true in runs of one value at least _LASTING records long."""
    starts = np.concatenate(([0], np.flatnonzero(np.diff(sign)) + 1))
    lengths = np.diff(np.append(starts, sign.size))
    return np.asarray(np.repeat(lengths >= _LASTING, lengths))
