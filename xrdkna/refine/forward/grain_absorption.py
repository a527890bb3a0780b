"""Microabsorption in a mixture: what it does to weight fractions, and when that is worth a word."""

from collections.abc import Sequence

import numpy as np

from xrdkna.errors import UsageError
from xrdkna.physics.microabsorption import brindley_factor, mean_absorption, microabsorption_class, microabsorption_correction
from xrdkna.records.arrays import FloatArray, IntArray
from xrdkna.records.phases import Reflections
from xrdkna.records.values import Notice

# µm: a powder ground by hand and sieved at 20 µm has grains of about this diameter; only wet milling makes much finer ones.
_USUAL_DIAMETER = 5.0
# Weight fraction: a smaller change hides in what texture and structures leave uncertain.
_NOTABLE_CHANGE = 0.01


def grain_factors(fractions: FloatArray, reflections: Sequence[Reflections], *, diameter_um: float) -> FloatArray:
    """(k,) Brindley's τ of each phase: its lines are τ times as strong as those of the same weight in fine grains.

    fractions: (k,) by weight as the lines alone say them. 1 where a phase is not there or its absorption is not known, and
    for all phases where a grain is too coarse for any correction (`grain_notices` says so).
    """
    factors = np.ones(len(reflections))
    there = _there(fractions, reflections)
    corrected = _corrected(fractions, reflections, there, diameter_um)
    if corrected is None:
        return factors
    mean = _mean(corrected, reflections, there)
    for k in there:
        factors[k], _ = brindley_factor(delta_mu=_mu(reflections[k]) - mean, radius_um=diameter_um / 2.0)
    return factors


def grain_notices(fractions: FloatArray, reflections: Sequence[Reflections], *, diameter_um: float | None) -> tuple[Notice, ...]:
    """What is to be said about grains. fractions: (k,) by weight, uncorrected. diameter_um: None where nobody gave one."""
    there = _there(fractions, reflections)
    if there.size < 2:
        return ()
    if diameter_um is None:
        return _what_grains_would_do(fractions, reflections, there)
    corrected = _corrected(fractions, reflections, there, diameter_um)
    if corrected is None:
        sentence = f"Grains of {diameter_um:g} µm are too coarse for any correction of microabsorption here: the weights are uncorrected."
        return (
            Notice(code="microabsorption", severity="warning", sentence=sentence, remedy="Grind the specimen, or use a harder radiation."),
        )
    mean = _mean(corrected, reflections, there)
    kinds = {
        lines.phase: microabsorption_class(delta_mu=_mu(lines) - mean, radius_um=diameter_um / 2.0)
        for lines in (reflections[k] for k in there)
    }
    coarse = [phase for phase, kind in kinds.items() if kind == "coarse"]
    if not coarse:
        return ()
    sentence = (
        f"Grains of {diameter_um:g} µm make much of the microabsorption of {', '.join(coarse)}: the corrected weights are an estimate."
    )
    return (Notice(code="microabsorption", severity="warning", sentence=sentence, remedy="Grind the specimen finer."),)


def _what_grains_would_do(fractions: FloatArray, reflections: Sequence[Reflections], there: IntArray) -> tuple[Notice, ...]:
    corrected = _corrected(fractions, reflections, there, _USUAL_DIAMETER)
    if corrected is None:
        amount = "beyond correction"
    else:
        change = corrected - fractions[there] / fractions[there].sum()
        worst = int(np.argmax(np.abs(change)))
        if abs(change[worst]) <= _NOTABLE_CHANGE:
            return ()
        way = "under" if change[worst] > 0.0 else "over"
        amount = f"by {100.0 * abs(change[worst]):.1f} wt% ({reflections[there[worst]].phase} is {way}stated)"
    mu = {reflections[k].phase: _mu(reflections[k]) for k in there}
    low, high = min(mu, key=lambda name: mu[name]), max(mu, key=lambda name: mu[name])
    sentence = (
        f"Weight fractions hold for fine grains: {high} absorbs {mu[high] / mu[low]:.1f} times as strongly as {low}, and grains of "
        f"{_USUAL_DIAMETER:g} µm would falsify them {amount}."
    )
    remedy = "Give the mean grain diameter with --particle-size UM to have them corrected, or grind the specimen finer."
    return (Notice(code="microabsorption", severity="warning", sentence=sentence, remedy=remedy),)


def _there(fractions: FloatArray, reflections: Sequence[Reflections]) -> IntArray:
    known = [lines.absorption is not None and lines.density is not None for lines in reflections]
    return np.flatnonzero((fractions > 0.0) & np.array(known, dtype=bool))


def _corrected(fractions: FloatArray, reflections: Sequence[Reflections], there: IntArray, diameter_um: float) -> FloatArray | None:
    """(t,) corrected fractions of the phases that are there, of sum 1; None where no correction holds or none is needed."""
    if there.size == 0:
        return None
    try:
        return microabsorption_correction(
            fractions[there] / fractions[there].sum(),
            absorption=[reflections[k].absorption for k in there],
            density=[reflections[k].density for k in there],
            radius_um=[diameter_um / 2.0] * there.size,
        )
    except UsageError:  # too coarse: a verdict here, not a mistake
        return None


def _mean(weights: FloatArray, reflections: Sequence[Reflections], there: IntArray) -> float:
    return mean_absorption(weights, absorption=[reflections[k].absorption for k in there], density=[reflections[k].density for k in there])


def _mu(lines: Reflections) -> float:
    assert lines.absorption is not None
    return lines.absorption
