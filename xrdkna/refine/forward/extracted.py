"""Phases whose intensities are taken from the pattern (`lebail`): their parameters, and what is said of their lines."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from xrdkna.errors import DeclinedError
from xrdkna.records.arrays import FloatArray, IntArray
from xrdkna.records.phases import Reflections
from xrdkna.records.values import Notice
from xrdkna.refine.forward.groups import Grouping
from xrdkna.refine.forward.layout import Slot, tag
from xrdkna.refine.forward.structure import PhaseTerm
from xrdkna.refine.settings import RefineSettings

# Kinds of the slots that hold a line's area, one for each way to find it.
EXTRACTED = ("lebail", "pawley")
# Lines closer than this share of a width are one: what lies further apart bends the cell if its ratio is wrong.
_TOGETHER = 0.1
_WORDS = {"lebail": "Le Bail", "pawley": "Pawley"}


def own_settings(reflections: Reflections, settings: RefineSettings, *, fwhm: float) -> RefineSettings:
    """The settings that build this phase: where its areas are its own there is no calculated ratio for texture to leave, no line
    too weak to be followed, and none to be taken with another but where they coincide. fwhm: degrees, a typical line's."""
    if reflections.phase not in settings.extracted:
        return settings
    return replace(settings, texture="none", group_minimum=0.0, group_width=min(settings.group_width, _TOGETHER * fwhm))


def with_equal_intensities(reflections: Reflections) -> Reflections:
    """The same lines with |F|² = 1 each, to start from. Raises DeclinedError where a line has no indices."""
    if not np.all(reflections.hkl.any(axis=1)):
        raise DeclinedError(
            f"some lines of {reflections.phase} have no hkl, so no cell says where they are; give their indices to extract intensities."
        )
    return replace(reflections, f_squared=np.ones(len(reflections.hkl)), d_power=None)


def line_slots(reflections: Reflections, grouping: Grouping, first: int, *, kind: str) -> tuple[IntArray, list[Slot]]:
    """(n,) the parameter of each reflection's area (−1 outside the pattern), numbered from `first`, and their slots."""
    parameter = np.full(len(reflections.hkl), -1, dtype=np.int64)
    slots: list[Slot] = []
    for group in np.flatnonzero(grouping.strong):
        h, k, l = (int(index) for index in reflections.hkl[grouping.leader[group]])
        parameter[grouping.group == group] = first + len(slots)
        name = f"intensity_{tag(reflections.phase)}_{h}_{k}_{l}".replace("-", "m")
        slots.append(Slot(name=name, kind=kind, unit="", start=0.0, lower=-1.0))
    return parameter, slots


def shared_esds(term: PhaseTerm, area: FloatArray, unit: FloatArray, group_esd: FloatArray) -> FloatArray:
    """(n,) counts·degrees, esd of each reflection's area; 0 outside the pattern. area: (n,) of each; unit: (n,)
    calculated, in the ratio in which a group is shared; group_esd: (g,) of the sum of each group.

    Of reflections that nothing separates only the sum is measured: to its esd comes that of a share of which nothing but the
    mean is known (Dirichlet distribution: share·(1 − share)/(members + 1)).
    """
    group = term.grouping.group
    total, members = np.bincount(group, weights=area)[group], np.bincount(group)[group]
    calculated = np.bincount(group, weights=unit)[group]
    share = np.divide(unit, calculated, out=np.zeros(unit.size), where=calculated > 0.0)
    return np.asarray(np.hypot(share * group_esd[group], total * np.sqrt(share * (1.0 - share) / (members + 1.0))))


def extraction_notices(terms: Sequence[PhaseTerm]) -> tuple[Notice, ...]:
    """That such a phase has no weight."""
    names = [f"{term.reflections.phase} ({_WORDS[term.intensities]})" for term in terms if term.intensities in EXTRACTED]
    if not names:
        return ()
    sentence = (
        f"Intensities taken from the pattern, not from a structure: {', '.join(names)}. Such a phase has no weight fraction, and "
        "those of the others leave it out."
    )
    return (Notice(code="intensities-extracted", severity="info", sentence=sentence, remedy="Give a structure to weigh it."),)
