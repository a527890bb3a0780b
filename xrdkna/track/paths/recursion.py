"""The chain of states and its forward–backward recursions (Rabiner 1989, Proc. IEEE 77, 257)."""

from dataclasses import dataclass

import numpy as np

from xrdkna.records.arrays import FloatArray, IntArray
from xrdkna.track.settings import TrackSettings

KERNEL = ((0.87, 0.15), (0.12, 0.5))
"""(weight, sd in ln A) of a level's move in one scan; the rest of the weight jumps, further …"""
FAR_REACH = 1.0
"""… than this in ln A ever more rarely: what falls below all that can be seen has vanished."""
FAR = 0.7
"""A move of ln A beyond this is an event of its own, and a single reflection often changes with it."""
FROM_THE_START = 0.2
"""Part of the prior chance of a phase that lies on its being there before the first scan."""
ABSENT = 0


@dataclass(frozen=True, slots=True)
class Moves:
    """Prior of the chain over S states of presence. ever: chance of being there before the first scan; appear, vanish: chance in one
    scan; arrival: (S,) in which state it comes; inner: (S, S) moves of what is there. split: S holds every level twice."""

    ever: float
    appear: float
    vanish: float
    arrival: FloatArray
    inner: FloatArray
    split: bool


@dataclass(frozen=True, slots=True)
class Partial:
    """Scans (rows, (c,)) that may have caught the phase coming or going: (c, k−1, J, S) ln of share × likelihood for each cut, cut r
    lying before line r + 1 of the sweep; arriving: the lines after the cut are there, leaving: those before it."""

    rows: IntArray
    arriving: FloatArray
    leaving: FloatArray


@dataclass(frozen=True, slots=True)
class Posterior:
    """present, arriving, leaving: (n, J, S). entries, exits: (n−1, S) probability of a coming or going between two scans, in neither of
    them. toggles: (n−1,) each, that the followed reflection alone comes and goes; None without one. up, down: (1 or 2, n−1) as paths of
    the phase and the reflection would have them."""

    present: FloatArray
    arriving: FloatArray
    leaving: FloatArray
    entries: FloatArray
    exits: FloatArray
    toggles: tuple[FloatArray, FloatArray] | None
    up: FloatArray
    down: FloatArray


def moves_between(levels: FloatArray, *, odds: float, vanish: float, split: bool, scans: int, settings: TrackSettings) -> Moves:
    """The prior for these levels. A part of the prior chance of ever being present lies on the first scan."""
    ever = odds / (1.0 + odds)
    appear = 1.0 - (1.0 - ever * (1.0 - FROM_THE_START)) ** (1.0 / max(1, scans - 1))
    distance = np.abs(np.log(levels)[:, None] - np.log(levels)[None, :])
    far = np.exp(-distance / FAR_REACH)
    kernel = (1.0 - sum(weight for weight, _ in KERNEL)) * far / far.sum(axis=1, keepdims=True)
    for weight, width in KERNEL:
        hop = np.exp(-0.5 * (distance / width) ** 2)
        kernel += weight * hop / hop.sum(axis=1, keepdims=True)
    arrival = np.full(levels.size, 1.0 / levels.size)
    if split:
        jump = 1.0 - np.exp(-((distance / FAR) ** 2))
        back, gone = (
            rare + max(settings.reflection_follows_jump - rare, 0.0) * jump
            for rare in (min(0.3, rate / scans) for rate in (settings.reflection_returns, settings.reflection_goes))
        )
        kernel = np.block([[kernel * (1.0 - back), kernel * back], [kernel * gone, kernel * (1.0 - gone)]])
        arrival = np.concatenate([settings.without_marker * arrival, (1.0 - settings.without_marker) * arrival])
    return Moves(ever=ever * FROM_THE_START, appear=appear, vanish=vanish, arrival=arrival, inner=kernel, split=split)


def forward_backward(
    whole: FloatArray, baseline: FloatArray, partial: Partial | None, inside: float | None, moves: Moves, nodes: FloatArray
) -> Posterior:
    """The posterior. whole: (n, J, S) ln likelihood of being there against not; baseline: (n, J) that of the standing error; inside: part
    of the time that sweeps spend among the lines, with `partial`."""
    n, nodes_count, states = whole.shape
    log_emission = np.zeros((n, nodes_count, 1 + states * (1 if partial is None else 3)))
    log_emission[:, :, 1 : 1 + states] = whole
    if partial is not None:
        log_emission[:, :, 1 + states :] = -np.inf
        for block, logs in ((1, partial.arriving), (2, partial.leaving)):
            top = logs.max(axis=1)
            log_emission[partial.rows, :, 1 + block * states : 1 + (block + 1) * states] = top + np.log(
                np.exp(logs - top[:, None]).sum(axis=1)
            )
    log_emission += baseline[:, :, None]
    start, move = _chain(moves, 0.0 if partial is None or inside is None else inside, partial is not None)
    return _recursions(log_emission, start, move, nodes, states, moves.split)


def _chain(moves: Moves, inside: float, caught: bool) -> tuple[FloatArray, FloatArray]:
    """Start probabilities and matrix of moves over absent, present, and with `caught` arriving and leaving."""
    states = moves.arrival.size
    size = 1 + states * (3 if caught else 1)
    present = slice(1, 1 + states)
    move = np.zeros((size, size))
    move[ABSENT, ABSENT], move[ABSENT, present] = 1.0 - moves.appear, moves.appear * (1.0 - inside) * moves.arrival
    move[present, ABSENT], move[present, present] = moves.vanish * (1.0 - inside), (1.0 - moves.vanish) * moves.inner
    start = np.zeros(size)
    start[ABSENT], start[present] = 1.0 - moves.ever, moves.ever * moves.arrival
    if caught:
        arriving, leaving = slice(1 + states, 1 + 2 * states), slice(1 + 2 * states, 1 + 3 * states)
        move[ABSENT, arriving] = moves.appear * inside * moves.arrival
        move[present, leaving] = moves.vanish * inside * moves.inner
        move[arriving, ABSENT], move[arriving, present] = moves.vanish, (1.0 - moves.vanish) * moves.inner
        move[leaving, ABSENT], move[leaving, present] = 1.0 - moves.appear, moves.appear * moves.arrival
    return start, move


def _error_walk(nodes: FloatArray, scans: int) -> tuple[FloatArray, FloatArray]:
    """Standard-normal weights of the nodes and a slow walk among neighbours that keeps them (Metropolis), about one sd in a series."""
    weight = np.exp(-0.5 * nodes**2)
    weight /= weight.sum()
    if nodes.size == 1:
        return weight, np.ones((1, 1))
    rate = min(0.2, 0.8 / scans)
    walk = np.zeros((nodes.size, nodes.size))
    for i in range(nodes.size):
        for j in (i - 1, i + 1):
            if 0 <= j < nodes.size:
                walk[i, j] = rate * min(1.0, weight[j] / weight[i])
        walk[i, i] = 1.0 - walk[i].sum()
    return weight, walk


def _recursions(log_emission: FloatArray, start: FloatArray, move: FloatArray, nodes: FloatArray, states: int, split: bool) -> Posterior:
    n = len(log_emission)
    emission = np.exp(log_emission - log_emission.max(axis=(1, 2), keepdims=True))
    weight, walk = _error_walk(nodes, n)
    forward = np.empty_like(emission)
    current = weight[:, None] * start[None, :] * emission[0]
    forward[0] = current / current.sum()
    for i in range(1, n):
        current = (walk.T @ forward[i - 1] @ move) * emission[i]
        forward[i] = current / current.sum()
    gamma = np.empty_like(emission)
    gamma[-1] = forward[-1]
    entries, exits = np.zeros((max(0, n - 1), states)), np.zeros((max(0, n - 1), states))
    toggles = np.zeros((2, max(0, n - 1)))
    backward = np.ones_like(emission[0])
    present, half, caught = slice(1, 1 + states), 1 + states // 2, start.size > 1 + states
    for i in range(n - 2, -1, -1):
        ahead = emission[i + 1] * backward
        ahead /= ahead.max()
        later = walk @ ahead
        joint = move * (forward[i].T @ later)
        total = joint.sum()
        joint /= total
        entries[i] = joint[ABSENT, present]
        exits[i] = joint[present, ABSENT]
        if caught:
            exits[i] += joint[1 + states : 1 + 2 * states, ABSENT]
            entries[i] += joint[1 + 2 * states :, present].sum(axis=0)
        if split:
            toggles[0, i], toggles[1, i] = joint[1:half, half : 1 + states].sum(), joint[half : 1 + states, 1:half].sum()
        backward = later @ move.T
        gamma[i] = forward[i] * backward
        gamma[i] /= gamma[i].sum()
    parts = [gamma[:, :, 1 + block * states : 1 + (block + 1) * states] for block in range(3)]
    up, down = entries.sum(axis=1), exits.sum(axis=1)
    return Posterior(
        present=parts[0],
        arriving=parts[1],
        leaving=parts[2],
        entries=entries,
        exits=exits,
        toggles=(toggles[0], toggles[1]) if split else None,
        up=np.vstack([up, toggles[0]]) if split else up[None, :],
        down=np.vstack([down, toggles[1]]) if split else down[None, :],
    )
