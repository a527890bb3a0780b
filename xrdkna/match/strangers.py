"""Peaks that nothing explains: their d, what lies at their place and what of it is missing, and which reflections are nearest."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from xrdkna.match.settings import MatchSettings
from xrdkna.physics.bragg import displacement_pattern, two_theta_from_d
from xrdkna.physics.evidence import phase_evidence
from xrdkna.physics.intensity import lorentz_polarisation
from xrdkna.physics.lone_line import missing_beside
from xrdkna.records.index import Assignment, IndexedPeak
from xrdkna.records.instrument import Instrument
from xrdkna.records.phases import Reflections
from xrdkna.records.refinement import Refinement

# Reflections weaker than this part of their phase's strongest explain no line that stands alone.
_VISIBLE = 0.1
# A phase whose intensities nobody knows has many lines everywhere: its reflections count as so strong.
_UNKNOWN_STRENGTH = 0.15
_NEAREST = 3


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Every visible reflection of the library in one pattern: (n,) names, indices, degrees with the displacement in, strength 0 … 1,
    and how far a usual strain moves each."""

    phases: tuple[str, ...]
    hkl: tuple[tuple[int, int, int], ...]
    two_theta: np.ndarray
    strength: np.ndarray
    reach: np.ndarray

    def nearest(self, two_theta: float) -> tuple[Assignment, ...]:
        """The nearest reflections, one a phase, share: strength in the phase."""
        order = np.argsort(np.abs(self.two_theta - two_theta))
        first: dict[str, Assignment] = {}
        for i in order:
            if self.phases[i] not in first:
                first[self.phases[i]] = self._assignment(int(i))
            if len(first) == _NEAREST:
                break
        return tuple(first.values())

    def at(self, two_theta: float) -> Assignment | None:
        """The reflection that a usual strain brings here, strong and near before weak and far; None where there is none."""
        off = np.abs(self.two_theta - two_theta) / self.reach
        if not np.any(off < 1.0):
            return None
        cost = np.where(off < 1.0, 0.5 * (2.0 * off) ** 2 - np.log(self.strength), np.inf)
        return self._assignment(int(np.argmin(cost)))

    def _assignment(self, i: int) -> Assignment:
        return Assignment(phase=self.phases[i], hkl=self.hkl[i], two_theta=float(self.two_theta[i]), share=float(self.strength[i]))


def neighbours_of(
    reflections: Sequence[Reflections], instrument: Instrument, *, displacement: float, settings: MatchSettings
) -> Neighbours:
    """The reflections of these phases at their reference cells. displacement: amplitude in degrees, as fitted."""
    phases: list[str] = []
    hkl: list[tuple[int, int, int]] = []
    places, strengths = [np.zeros(0)], [np.zeros(0)]
    for lines in reflections:
        angle = two_theta_from_d(lines.d_spacing, wavelength=instrument.radiation.wavelength)
        lp = lorentz_polarisation(np.clip(angle, 1.0, 170.0), instrument=instrument)
        strength = lines.multiplicity * lines.f_squared * lp * (angle < 170.0)
        relative = strength / max(float(strength.max(initial=0.0)), 1e-300)
        if not lines.intensities_known:
            relative = np.full(angle.size, _UNKNOWN_STRENGTH)
        visible = np.flatnonzero((relative >= _VISIBLE) & (angle < 170.0))
        phases += [lines.phase] * visible.size
        hkl += [(int(h), int(k), int(l)) for h, k, l in lines.hkl[visible]]
        places.append(angle[visible] + displacement * displacement_pattern(angle[visible], geometry=instrument.geometry))
        strengths.append(relative[visible])
    place = np.concatenate(places)
    reach = np.degrees(2.0 * settings.usual_strain * np.tan(np.radians(place / 2.0)))
    return Neighbours(tuple(phases), tuple(hkl), place, np.concatenate(strengths), reach)


def describe_strangers(indexed: Sequence[IndexedPeak], neighbours: Neighbours, refinement: Refinement) -> tuple[IndexedPeak, ...]:
    """The same peaks; those unindexed with a sentence, the reflection at their place as candidate, and the nearest ones."""
    strange = np.array([peak.peak.two_theta.value for peak in indexed if peak.status == "unindexed"])
    return tuple(peak if peak.status != "unindexed" else _described(peak, strange, neighbours, refinement) for peak in indexed)


def _described(peak: IndexedPeak, strange: np.ndarray, neighbours: Neighbours, refinement: Refinement) -> IndexedPeak:
    where = peak.peak.two_theta.value
    nearest, here = neighbours.nearest(where), neighbours.at(where)
    said = [f"d {peak.peak.d_spacing.value:.3f} Å"]
    if here is not None:
        said.append(f"at {here.phase} {_written(here.hkl)}{_missing(here, peak, strange, neighbours, refinement)}")
    others = [one for one in nearest if here is None or one.phase != here.phase]
    if others:
        told = ", ".join(f"{one.phase} {_written(one.hkl)} {abs(one.two_theta - where):.2f}° off" for one in others)
        said.append(f"nearest{' besides' if here is not None else ''}: {told}")
    return replace(peak, assignments=() if here is None else (here,), nearest=nearest, sentence="; ".join(said) + ".")


def _missing(here: Assignment, peak: IndexedPeak, strange: np.ndarray, neighbours: Neighbours, refinement: Refinement) -> str:
    """ ", but (1 1 −2), (1 1 2) and (2 0 0) are not there above 9 % of it"."""
    evidence = phase_evidence(refinement.information, here.phase, texture_sd=refinement.texture_sd)
    where = peak.peak.two_theta.value
    reach = float(neighbours.reach[int(np.argmin(np.abs(neighbours.two_theta - where)))])
    rest = strange[strange != where]
    missing = (
        missing_beside(
            evidence.groups, here.hkl, area=peak.peak.area.value, taken=lambda angle: bool(np.any(np.abs(rest - angle) < 1.5 * reach))
        )
        if evidence is not None
        else None
    )
    if missing is None:
        return ""
    return missing.clause


def _written(hkl: tuple[int, int, int]) -> str:
    return f"({' '.join(str(index) for index in hkl)})"
