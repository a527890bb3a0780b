"""Texture and crystallinity of a series: the curves of what each scan holds of crystals, oriented how, and what is to be said of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from xrdkna.records.arrays import FloatArray
from xrdkna.records.track import Observation
from xrdkna.records.values import Notice
from xrdkna.track.change.crystallinity import exchange_of, exchange_sentence
from xrdkna.track.change.harris import FEWEST, TextureCoefficients, texture_change_sentence, texture_coefficients
from xrdkna.track.signal.evidence import PhaseEvidence
from xrdkna.track.signal.linear import scaled_inverse
from xrdkna.track.signal.stack import Stack

HALO = "halo_area"
HALO_Q = "halo_q"
SURE = 5.0
"""A reflection that shows by itself."""
COARSE = 0.5
"""A coefficient whose esd exceeds this says nothing about orientation; its reflection is left out of the mean of all."""


@dataclass(frozen=True, slots=True)
class Texture:
    """Coefficients of one phase; places: (j,) among its columns, in the order of the coefficients' second axis."""

    places: tuple[int, ...]
    found: TextureCoefficients


def textures(evidence: Mapping[str, PhaseEvidence]) -> dict[str, Texture]:
    """By phase, for those of which at least three reflections (or groups) can be measured in the scans that show it.

    The set of reflections is the same in all scans, so that the mean, and with it every coefficient, stays comparable.
    """
    found = {}
    for phase, seen in evidence.items():
        if seen.template.size < FEWEST:
            continue
        scale = _amount(seen)
        measured = (seen.area_esds < COARSE * scale[:, None] * seen.template) & (np.einsum("nii->ni", seen.information) > 0.0)
        shown = measured.sum(axis=1) >= FEWEST
        if not shown.any():
            continue
        places = np.flatnonzero(measured[shown].mean(axis=0) >= 0.5)
        if places.size < FEWEST:
            continue
        covariance = scaled_inverse(seen.information)[:, places[:, None], places[None, :]]
        complete = np.repeat((measured[:, places].all(axis=1))[:, None], places.size, axis=1)
        coefficients = texture_coefficients(seen.areas[:, places], covariance, seen.template[places], complete)
        found[phase] = Texture(tuple(int(place) for place in places), coefficients)
    return found


def crystalline_total(evidence: Mapping[str, PhaseEvidence]) -> tuple[FloatArray, FloatArray, tuple[str, ...]] | None:
    """(n,) summed area of all deposits with its esd, and their names; None without any. Hardware does not melt, and air's products are
    counted where air is."""
    held = {phase: seen for phase, seen in evidence.items() if seen.role in ("deposit", "other")}
    if not held:
        return None
    total = np.sum([seen.level for seen in held.values()], axis=0)
    esd = np.sqrt(np.sum([seen.level_esd**2 for seen in held.values()], axis=0))
    pooled = {phase: float((seen.level / seen.level_esd**2).sum() / np.sqrt((seen.level_esd**-2.0).sum())) for phase, seen in held.items()}
    return total, esd, tuple(phase for phase, sigmas in pooled.items() if sigmas >= SURE)


def substance_notices(
    observations: Sequence[Observation | None], used: Sequence[int], stack: Stack, evidence: Mapping[str, PhaseEvidence]
) -> tuple[Notice, ...]:
    """Phases that turn, and crystals lost to a halo."""
    scans = tuple(used)
    notices = []
    for phase, texture in textures(evidence).items():
        hkls = tuple(stack.labels[int(evidence[phase].columns[place])][1] for place in texture.places)
        sentence = texture_change_sentence(phase, hkls, texture.found, scans)
        if sentence is not None:
            notices.append(Notice(code=f"texture-{phase}", severity="info", sentence=sentence))
    total = crystalline_total(evidence)
    if total is None or not total[2]:
        return tuple(notices)
    names = dict.fromkeys(name for one in observations if one is not None for quantity, name in one.values if quantity == HALO)
    for name in names:
        rows, area, esd = _halo(observations, used, name)
        if rows.size < 2:
            continue
        found = exchange_of(total[0][rows], total[1][rows], area, esd)
        if found is not None:
            told = exchange_sentence(" and ".join(total[2]), _called(observations, name), found, tuple(used[row] for row in rows))
            notices.append(Notice(code=f"crystallinity-{name}", severity="info", sentence=told))
    return tuple(notices)


def _amount(seen: PhaseEvidence) -> FloatArray:
    """(n,) how much of the phase a scan shows, as the summed area of a random powder; one reflection may carry all of it."""
    sure = seen.areas > SURE * seen.area_esds
    ratio = np.where(sure, seen.areas / seen.template, 0.0)
    return np.asarray(np.maximum(np.maximum(seen.level, 0.0), ratio.sum(axis=1) / seen.template.size))


def _halo(observations: Sequence[Observation | None], used: Sequence[int], name: str) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Rows of the used scans that give the halo with an esd, its areas and esds."""
    given = [(row, one.values.get((HALO, name))) for row, place in enumerate(used) if (one := observations[place]) is not None]
    kept = [(row, estimate.value, estimate.esd) for row, estimate in given if estimate is not None and estimate.esd]
    if not kept:
        return np.zeros(0, dtype=np.int64), np.zeros(0), np.zeros(0)
    rows, area, esd = zip(*kept, strict=True)
    return np.array(rows), np.array(area), np.array(esd)


def _called(observations: Sequence[Observation | None], name: str) -> str:
    """ "the halo near Q 1.63 Å⁻¹", or by its name where its place is not among the values."""
    places = [estimate.value for one in observations if one is not None and (estimate := one.values.get((HALO_Q, name))) is not None]
    return f"the halo near Q {float(np.median(places)):.2f} Å⁻¹" if places else name if "halo" in name else f"the halo of {name}"
