"""Presence along the series: absent, or present at some level, optionally with one reflection missing; forward–backward.

States: absent; present at level A_g with the followed reflection gone; present at A_g with it there. Levels lie on a logarithmic
grid and move mostly a little from scan to scan, now and then far. Where the phase may have come or gone, a scan may also have caught it
arriving (only the lines that its sweep passed late enough are there) or leaving. Beside all runs the standing error δ of the hardware
line the phase hides behind, a slow walk over a few values. (Rabiner 1989 for the recursions.)
"""

from dataclasses import dataclass

import numpy as np

from xrdkna.records.arrays import FloatArray, IntArray
from xrdkna.track.paths.recursion import Partial, Posterior, forward_backward, moves_between
from xrdkna.track.paths.sweep import Sweep
from xrdkna.track.settings import TrackSettings
from xrdkna.track.signal.evidence import PhaseEvidence
from xrdkna.track.signal.likelihood import is_tilted, level_grid, log_likelihood

ERROR_NODES = np.linspace(-2.4, 2.4, 7)
"""Standing error in its own sd; closer than the width each scan leaves it."""
LOOK_CLOSER = 1e-3
"""A coming or going at least this probable is looked at line by line."""


@dataclass(frozen=True, slots=True)
class Path:
    """Posterior of an on/off thing: on (n,) probability that it is there when the scan passes it; up, down (n−1,) probability that it turns
    on/off between the passings of scans i and i+1. edges: (n·k,) the moments at which one line after the other was passed;
    fine_up, fine_down: (n·k,) probability that it turned on/off between an edge and the one before. reference: see `Sweep`."""

    on: FloatArray
    up: FloatArray
    down: FloatArray
    edges: FloatArray
    fine_up: FloatArray
    fine_down: FloatArray
    reference: int


def prior_odds(settings: TrackSettings, followed: int) -> float:
    """Prior odds that a phase ever shows up: with them, by Markov's inequality, at most `false_alarms_per_100_series` of 100 empty
    series bring any of `followed` phases to the posterior `report_probability`."""
    rate = settings.false_alarms_per_100_series / 100.0
    return rate * settings.report_probability / (1.0 - settings.report_probability) / max(1, followed)


def follow_phase(
    evidence: PhaseEvidence,
    sweep: Sweep,
    *,
    special: int | None,
    odds: float,
    vanishings: float,
    settings: TrackSettings,
    freedom: FloatArray | None = None,
    closely: bool = True,
) -> tuple[Path, Path | None]:
    """Posterior paths of the phase and, with `special` (a place among its columns), of that reflection.

    O(n) in time. vanishings: expected number in a series. freedom: (k,) relative sd of each line about the template; None: as texture.
    closely: look into the sweeps that a switch may have fallen into.
    """
    n = len(evidence.level)
    if special is not None and evidence.template.size < 2:
        special = None
    if freedom is None:
        freedom = np.full(evidence.template.size, settings.texture)
        freedom[[] if special is None else [special]] = settings.marker_texture
    levels = level_grid(evidence)
    nodes = ERROR_NODES if is_tilted(evidence) else np.zeros(1)
    kept = _Kept(evidence, levels, nodes, freedom, special)
    baseline = evidence.tilt_score[:, None] * nodes - 0.5 * evidence.tilt_curvature[:, None] * nodes**2
    whole = kept.of(np.arange(evidence.template.size), None)
    moves = moves_between(levels, odds=odds, vanish=min(0.3, vanishings / n), split=special is not None, scans=n, settings=settings)
    first = forward_backward(whole, baseline, None, None, moves, nodes)
    shares = sweep.shares
    rows = _open_scans(first, shares) if closely else np.zeros(0, dtype=np.int64)
    partial = None if not rows.size else _caught(kept, sweep, shares, rows)
    final = first if partial is None else forward_backward(whole, baseline, partial, float(1.0 - np.median(shares[:, 0])), moves, nodes)
    return _phase_path(final, partial, sweep), None if special is None else _line_path(final, partial, sweep, special, levels.size)


@dataclass(frozen=True, slots=True)
class _Kept:
    """ln L of any choice of lines, with and without the special one."""

    evidence: PhaseEvidence
    levels: FloatArray
    nodes: FloatArray
    freedom: FloatArray
    special: int | None

    def of(self, columns: IntArray, rows: IntArray | None) -> FloatArray:
        """(n, J, S): of these columns; S levels, or twice as many, first without the special line."""
        there = log_likelihood(self.evidence, self.levels, self.nodes, self.freedom, columns, rows)
        if self.special is None:
            return there
        without = columns[columns != self.special]
        gone = (
            there if without.size == columns.size else log_likelihood(self.evidence, self.levels, self.nodes, self.freedom, without, rows)
        )
        return np.concatenate((gone, there), axis=2)


def _open_scans(first: Posterior, shares: FloatArray) -> IntArray:
    """(c,) the scans on either side of a possible switch, where sweeps take time at all."""
    if shares.shape[1] < 2 or float(np.median(shares[:, 0])) > 1.0 - 1e-9:
        return np.zeros(0, dtype=np.int64)
    likely = (
        np.flatnonzero((first.up + first.down).max(axis=0, initial=0.0) > LOOK_CLOSER) if first.up.size else np.zeros(0, dtype=np.int64)
    )
    n = shares.shape[0]
    return np.unique(np.clip(np.concatenate([likely - 1, likely, likely + 1, likely + 2]), 0, n - 1)).astype(np.int64)


def _caught(kept: _Kept, sweep: Sweep, shares: FloatArray, rows: IntArray) -> Partial:
    cuts = range(1, sweep.order.size)
    inside = shares[rows, 1:]
    total = inside.sum(axis=1, keepdims=True)
    weight = np.log(np.maximum(inside / np.where(total > 0.0, total, 1.0), 1e-300))[:, :, None, None]
    arriving = np.stack([kept.of(sweep.order[cut:], rows) for cut in cuts], axis=1) + weight
    leaving = np.stack([kept.of(sweep.order[:cut], rows) for cut in cuts], axis=1) + weight
    return Partial(rows, arriving, leaving)


def _phase_path(final: Posterior, partial: Partial | None, sweep: Sweep) -> Path:
    states = np.arange(final.present.shape[2])
    return _path(final, partial, sweep, states, sweep.reference, None)


def _line_path(final: Posterior, partial: Partial | None, sweep: Sweep, special: int, levels: int) -> Path:
    rank = int(np.flatnonzero(sweep.order == special)[0])
    return _path(final, partial, sweep, np.arange(levels, 2 * levels), rank, final.toggles)


def _path(
    final: Posterior, partial: Partial | None, sweep: Sweep, states: IntArray, rank: int, toggles: tuple[FloatArray, FloatArray] | None
) -> Path:
    n, k = sweep.passing.shape
    up, down = np.zeros((n, k)), np.zeros((n, k))
    up[1:, 0], down[1:, 0] = final.entries[:, states].sum(axis=1), final.exits[:, states].sum(axis=1)
    on = final.present[:, :, states].sum(axis=(1, 2))
    if partial is not None:
        for where, logs, posterior in ((up, partial.arriving, final.arriving), (down, partial.leaving, final.leaving)):
            cut = np.exp(logs - logs.max(axis=1, keepdims=True))
            cut /= cut.sum(axis=1, keepdims=True)
            where[partial.rows, 1:] = np.einsum("crjs,cjs->cr", cut[..., states], posterior[partial.rows][..., states])
        on = on + up[:, 1 : rank + 1].sum(axis=1) + down[:, rank + 1 :].sum(axis=1)
    if toggles is not None:
        _spread_toggles(up, toggles[0], sweep.passing, rank)
        _spread_toggles(down, toggles[1], sweep.passing, rank)
    fine_up, fine_down = up.ravel(), down.ravel()
    between = [_sum_between(fine, k, rank, n) for fine in (fine_up, fine_down)]
    return Path(
        on=np.clip(on, 0.0, 1.0),
        up=np.clip(between[0], 0.0, 1.0),
        down=np.clip(between[1], 0.0, 1.0),
        edges=sweep.passing.ravel(),
        fine_up=fine_up,
        fine_down=fine_down,
        reference=rank,
    )


def _sum_between(fine: FloatArray, k: int, rank: int, n: int) -> FloatArray:
    """(n−1,) sums of fine (n·k,) from after a scan's passing of line `rank` up to the next scan's."""
    total = np.concatenate(([0.0], np.cumsum(fine)))
    after = np.arange(n) * k + rank + 1
    return np.asarray(total[after[1:]] - total[after[:-1]])


def _spread_toggles(into: FloatArray, toggles: FloatArray, passing: FloatArray, rank: int) -> None:
    """Add the probability (n−1,) that the line alone changed, evenly over the time between its passings."""
    k = passing.shape[1]
    edges, flat = passing.ravel(), into.reshape(-1)
    for i in np.flatnonzero(toggles > 1e-12):
        first, last = i * k + rank + 1, (i + 1) * k + rank + 1
        spans = np.diff(edges[first - 1 : last])
        flat[first:last] += toggles[i] * (spans / spans.sum() if spans.sum() > 0.0 else np.full(spans.size, 1.0 / spans.size))
