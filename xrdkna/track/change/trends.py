"""Cells, heights and widths along a series: steps told from drift, and a cell that changed from a sample that moved."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from scipy.special import gammaincc

from xrdkna.records.arrays import FloatArray, IntArray
from xrdkna.track.change.steps import FEWEST, Reading, Step, read_series

BESIDE = 4
"""Scans on either side of a step that say how far another phase moved there."""
MOVED_SIGMAS = 4.0
"""A common height is believed when the sample moved by this many sigmas …"""
AGREES = 0.01
"""… and the phases' apparent strains agree with it at this chance."""
LEVER = 0.1
"""A cell rests on many lines; at which angle they act as one is known to about this part of the strain."""


@dataclass(frozen=True, slots=True)
class Trend:
    """One quantity of one phase ("" for the sample). rows: (m,) the scans that gave it; value, esd: (m,), the scatter for an esd where
    none was given. reading: in places of `rows`. verdict: steady, steps, drifts (ramps and wanderings) or kinks; change: last third less
    first third, with its esd."""

    quantity: str
    phase: str
    unit: str
    rows: IntArray
    value: FloatArray
    esd: FloatArray
    reading: Reading
    verdict: str
    change: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Movement:
    """What the phases did at one gap. shift: degrees 2θ at θ = 0 by which a common height would have moved the lines, with esd; explained:
    whether that is all; others: phases that could tell. alone: whether the others kept their places, so that it was not the sample."""

    shift: float
    shift_esd: float
    explained: bool
    others: tuple[str, ...]
    alone: bool


def read_trend(
    quantity: str,
    phase: str,
    unit: str,
    value: Sequence[float | None],
    esd: Sequence[float | None],
    *,
    odds: float,
    report: float,
    tests: int = 1,
) -> Trend | None:
    """A quantity over the scans, None where a scan gave none; None when fewer than FEWEST did.

    odds, report, tests: as in `steps.read_series`. Where esds are missing the scatter of neighbours stands in.
    """
    rows = np.array([i for i, one in enumerate(value) if one is not None], dtype=np.int64)
    if rows.size < FEWEST:
        return None
    y = np.array([value[i] for i in rows], dtype=np.float64)
    spread = np.array([esd[i] or np.nan for i in rows], dtype=np.float64)
    if not np.isfinite(spread).all():
        own = _neighbour_scatter(y)
        spread = np.where(np.isfinite(spread), spread, own)
        if own <= 0.0:
            return None
    reading = read_series(y, spread, odds=odds, report=report, tests=tests)
    verdict = "steps" if reading.steps else "steady"
    if not reading.steps and reading.drifts >= report:
        verdict = "kinks" if reading.slow and all(one.kind == "kink" for one in reading.slow) else "drifts"
    return Trend(quantity, phase, unit, rows, y, spread, reading, verdict, _change(y, spread))


def apparent_strain(two_theta: FloatArray, shift: float) -> FloatArray:
    """Δd/d that lines at these angles seem to have when the sample's height moves them by shift·cos θ, all in degrees.

    Bragg's law: Δd/d = −cot θ Δθ, Δθ = ½ shift cos θ.
    """
    theta = np.radians(0.5 * np.asarray(two_theta))
    return np.asarray(-0.5 * np.radians(shift) * np.cos(theta) ** 2 / np.sin(theta))


def strain_at(trend: Trend, last_before: int) -> tuple[float, float] | None:
    """Relative change of a quantity from the scans up to `last_before` to those after, with esd; None where one side is bare."""
    sides = trend.rows <= last_before
    before, after = np.flatnonzero(sides)[-BESIDE:], np.flatnonzero(~sides)[:BESIDE]
    if not before.size or not after.size:
        return None
    means = []
    for side in (before, after):
        weight = trend.esd[side] ** -2.0
        mean = float(weight @ trend.value[side] / weight.sum())
        # Scatter beyond the esds counts where there are enough scans to show it.
        excess = float(weight @ (trend.value[side] - mean) ** 2) / max(1, side.size - 1)
        means.append((mean, sqrt(max(1.0, excess) / weight.sum())))
    scale = abs(means[0][0]) or 1.0
    return (means[1][0] - means[0][0]) / scale, sqrt(means[0][1] ** 2 + means[1][1] ** 2) / scale


def movement_at(phase: str, strains: dict[str, tuple[float, float]], angles: dict[str, float]) -> Movement:
    """Does one common height explain the strains (value, esd) of all phases at a gap? angles: typical 2θ of each phase's lines.

    One free shift is fitted to the phases' strains; it has to be clear and to leave no more than noise.
    """
    names = sorted(strains)
    value, esd = (np.array([strains[name][k] for name in names]) for k in (0, 1))
    lever = apparent_strain(np.array([angles[name] for name in names]), 1.0)
    shift, shift_esd = _common_shift(value, esd, lever)
    spread = np.hypot(esd, LEVER * lever * shift)
    shift, shift_esd = _common_shift(value, spread, lever)
    left = float((((value - shift * lever) / spread) ** 2).sum())
    others = tuple(name for name in names if name != phase)
    agrees = bool(others) and float(gammaincc(0.5 * len(others), 0.5 * left)) >= AGREES
    # Others alone must have moved, too: or else it is one cell that changed, and noise in the rest.
    moved = [abs(strains[name][0]) / strains[name][1] for name in others]
    explained = agrees and bool(abs(shift) >= MOVED_SIGMAS * shift_esd) and max(moved, default=0.0) >= MOVED_SIGMAS
    own = apparent_strain(np.array([angles[phase]]), 1.0)[0]
    needed = strains[phase][0] / own
    alone = any(
        abs(strains[name][0] - needed * reach) > MOVED_SIGMAS * strains[name][1]
        for name, reach in zip(names, lever, strict=True)
        if name != phase
    )
    return Movement(shift, shift_esd, explained, others, alone and not explained)


def _common_shift(value: FloatArray, esd: FloatArray, lever: FloatArray) -> tuple[float, float]:
    power = float(((lever / esd) ** 2).sum())
    return float((lever * value / esd**2).sum()) / power, power**-0.5


def step_rows(trend: Trend, step: Step) -> tuple[int, int]:
    """The last scan in the old state and the first in the new one, by the likeliest gap."""
    return int(trend.rows[step.gap]), int(trend.rows[step.gap + 1])


def _neighbour_scatter(y: FloatArray) -> float:
    """Scatter of one value from second differences; steps, kinks and smooth change do not enter their median."""
    if y.size < 3:
        return 0.0
    return 1.4826 * float(np.median(np.abs(y[2:] - 2.0 * y[1:-1] + y[:-2]))) / sqrt(6.0)


def _change(y: FloatArray, esd: FloatArray) -> tuple[float, float]:
    """Last third less first third with its esd, neighbours' scatter counted where it is larger than the esds."""
    third = max(1, y.size // 3)
    esd = np.maximum(esd, _neighbour_scatter(y))
    first, last = (float(np.average(part, weights=w**-2.0)) for part, w in ((y[:third], esd[:third]), (y[-third:], esd[-third:])))
    return last - first, sqrt(1.0 / (esd[:third] ** -2.0).sum() + 1.0 / (esd[-third:] ** -2.0).sum())
