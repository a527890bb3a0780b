"""Hardware learned: what aluminium, corundum and the window look like when nothing happens, and how far that may change.

A hardware group's area is level × ratio × (1 + u·z): the level of its phase is free in every scan (tube, crack, absorption by
the deposit move all lines of a phase together), the ratios are learned from rest scans, and u says how far texture may move one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from xrdkna.records.arrays import FloatArray
from xrdkna.track.settings import TrackSettings
from xrdkna.track.signal.linear import scaled_inverse
from xrdkna.track.signal.stack import Stack

ROUNDS = 4
"""Levels and ratios are found in turn; the product settles in two or three rounds."""


@dataclass(frozen=True, slots=True)
class Hardware:
    """What is known of one hardware phase's pattern. ratio: (k,) sum 1. scatter: (k,) relative, new in each scan.
    standing: (k,) relative, the same or drifting slowly over the whole series; drift: the part of it that is no error of learning and no
    drift seen, but what may yet happen. learned_from: number of scans."""

    phase: str
    ratio: FloatArray
    scatter: FloatArray
    standing: FloatArray
    learned_from: int
    drift: float = 0.0


def unlearned_hardware(stack: Stack, settings: TrackSettings) -> dict[str, Hardware]:
    """The calculated ratios, free as far as texture goes."""
    return {phase: _unlearned(phase, stack.templates[phase], settings) for phase, role in stack.roles.items() if role == "hardware"}


def learn_hardware(stack: Stack, rest: Sequence[int], settings: TrackSettings, *, bare: bool) -> dict[str, Hardware]:
    """Ratios from the rest scans. `bare`: no deposit is there, so what stands at the place of a hidden line is hardware alone.

    A phase that no rest scan shows at 5σ keeps its calculated ratios.
    """
    phases = [phase for phase, role in stack.roles.items() if role == "hardware"]
    if not phases or not len(rest):
        return unlearned_hardware(stack, settings)
    areas, esds = _rest_areas(stack, rest, bare=bare)
    learned = {}
    for phase in phases:
        at = stack.columns[phase]
        found = _learn(phase, areas[:, at], esds[:, at], stack.templates[phase], settings)
        learned[phase] = found if found is not None else _unlearned(phase, stack.templates[phase], settings)
    return learned


def levels_of(areas: FloatArray, esds: FloatArray, ratio: FloatArray, freedom: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(n,) level of a phase in each scan and its esd, from areas (n, k) that are ratio × level within `freedom` and their esds.

    Weighted least squares, twice: the second time with weights that know the level. Positive: at least its own esd.
    """
    level = np.zeros(len(areas))
    esd = np.ones(len(areas))
    for _ in range(2):
        weight = 1.0 / (esds**2 + (level[:, None] * ratio * freedom) ** 2)
        information = (weight * ratio**2).sum(axis=1)
        esd = 1.0 / np.sqrt(information)
        level = np.maximum((weight * ratio * areas).sum(axis=1) / information, esd)
    return level, esd


def _unlearned(phase: str, ratio: FloatArray, settings: TrackSettings) -> Hardware:
    scatter = np.full(ratio.size, max(settings.hardware_scatter, 0.02))
    return Hardware(phase=phase, ratio=ratio, scatter=scatter, standing=np.full(ratio.size, settings.hardware_unlearned), learned_from=0)


def _rest_areas(stack: Stack, rest: Sequence[int], *, bare: bool) -> tuple[FloatArray, FloatArray]:
    """(r, m) areas and esds in the rest scans, every group free; with `bare`, deposits held at zero."""
    areas = np.zeros((len(rest), len(stack.labels)))
    esds = np.ones_like(areas)
    kept = np.array([not (bare and stack.roles[phase] == "deposit") for phase, _ in stack.labels])
    at = np.flatnonzero(kept)
    done = 0
    for rows, information, score in stack.blocks(rest):
        covariance = scaled_inverse(information[:, at[:, None], at[None, :]])
        part = slice(done, done + len(rows))
        areas[part, at] = np.einsum("cij,cj->ci", covariance, score[:, at])
        esds[part, at] = np.sqrt(np.einsum("cii->ci", covariance))
        done += len(rows)
    return areas, esds


def _learn(phase: str, areas: FloatArray, esds: FloatArray, start: FloatArray, settings: TrackSettings) -> Hardware | None:
    ratio = start.copy()
    level, level_esd = levels_of(areas, esds, ratio, np.full(ratio.size, settings.hardware_unlearned))
    shown = level > 5.0 * level_esd
    if not shown.any():
        return None
    areas, esds, level = areas[shown], esds[shown], level[shown]
    scatter = np.full(ratio.size, settings.hardware_scatter)
    esd = np.zeros(ratio.size)
    for _ in range(ROUNDS):
        measured, noise = areas / level[:, None], esds / level[:, None]
        weight = 1.0 / (noise**2 + (ratio * scatter) ** 2)
        prior = 1.0 / (start * settings.hardware_unlearned) ** 2
        ratio = (((weight * measured).sum(axis=0)) + prior * start) / (weight.sum(axis=0) + prior)
        ratio = np.maximum(ratio, 0.005 * ratio.max())
        esd = 1.0 / np.sqrt(weight.sum(axis=0) + prior)
        scatter = _excess(measured, noise, ratio, settings.hardware_scatter)
        level, _ = levels_of(areas, esds, ratio, scatter)
    standing = np.minimum(np.hypot(esd / ratio, settings.hardware_drift), settings.hardware_unlearned)
    total = ratio.sum()
    return Hardware(
        phase=phase, ratio=ratio / total, scatter=scatter, standing=standing, learned_from=int(shown.sum()), drift=settings.hardware_drift
    )


def _excess(measured: FloatArray, noise: FloatArray, ratio: FloatArray, least: float) -> FloatArray:
    """(k,) relative scatter between scans beyond counting statistics and what chance makes of it (one sd of a variance); the floor where
    too few scans could show any."""
    if len(measured) < 3:
        return np.full(ratio.size, max(least, 0.02))
    chance = 1.0 + np.sqrt(2.0 / (len(measured) - 1.0))
    excess = measured.var(axis=0, ddof=1) - chance * (noise**2).mean(axis=0)
    return np.asarray(np.maximum(np.sqrt(np.maximum(excess, 0.0)) / ratio, least))


def widen_by_drift(hardware: Hardware, areas: FloatArray, esds: FloatArray, clear: FloatArray) -> Hardware:
    """Let the standing freedom grow to the drift that this phase's clear lines show over the whole series.

    areas, esds: (n, k). clear: (k,) 1 for lines that hide behind nothing. Texture moves hidden lines as much as clear ones.
    """
    if clear.sum() < 2 or not hardware.learned_from:
        return hardware
    level, level_esd = levels_of(areas[:, clear > 0], esds[:, clear > 0], hardware.ratio[clear > 0], hardware.scatter[clear > 0])
    shown = level > 5.0 * level_esd
    if shown.sum() < 2:
        return hardware
    ratio = hardware.ratio[clear > 0]
    departure = areas[shown][:, clear > 0] / level[shown, None] / ratio - 1.0
    noise = esds[shown][:, clear > 0] / level[shown, None] / ratio
    weight = 1.0 / (noise**2 + 0.01**2)
    drift = np.sqrt(max(0.0, float((weight * (departure**2 - noise**2)).sum() / weight.sum())))
    return replace(hardware, standing=np.maximum(hardware.standing, drift))


def hardware_precision(hardware: Hardware, level: FloatArray) -> FloatArray:
    """(c, k, k) prior information on the areas of a hardware phase at these levels: ratios held within their scatter and the error of
    learning, the level itself nearly free (10×). A drift that may yet happen is no news in each scan: see `PhaseEvidence`."""
    known_to = np.sqrt(hardware.scatter**2 + np.maximum(hardware.standing**2 - hardware.drift**2, 0.0))
    return prior_precision(level, hardware.ratio, known_to, breadth=10.0)


def prior_precision(scale: FloatArray, template: FloatArray, freedom: FloatArray, *, breadth: float) -> FloatArray:
    """(c, k, k) inverse of s²·(g² t tᵀ + diag((u t)²)) by the Sherman–Morrison formula; zero mean."""
    inner = 1.0 / (freedom * template) ** 2
    vector = inner * template
    core = np.diag(inner) - np.outer(vector, vector) / (1.0 / breadth**2 + float(template @ vector))
    return np.asarray(core[None, :, :] / (scale**2)[:, None, None])
