"""First guess: which phases could make these peaks, at which displacement and which strain of their cells.

A coarse search over one displacement shared by all phases and one strain for each, scored by how much of a phase's
calculated pattern the peaks account for. The whole-pattern fit decides afterwards; this only has to lead it to the right
place and to leave nobody out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from xrdkna.match.settings import MatchSettings
from xrdkna.physics.bragg import displacement_pattern, two_theta_from_d
from xrdkna.physics.intensity import lorentz_polarisation
from xrdkna.records.arrays import FloatArray
from xrdkna.records.instrument import Instrument
from xrdkna.records.peaks import Peak
from xrdkna.records.phases import Reflections

_STEP_STRAIN = 0.001
_LINES = 14
_PEAKS = 80
# A candidate's peaks account for at least this share of its pattern …
_FEWEST_SHARE = 0.35
# … and of the whole diffracted intensity for at least this (else the whole-pattern evidence finds it, if it is there).
_FEWEST_AREA = 0.002
# Lines weaker than this share of the phase's strongest claim no peak, and the others those within this many widths.
_VISIBLE = 0.01
_CLAIM = 1.2
# Lines vote on a phase's level by their share to this power: between one line, one vote (a trace shows only its strongest)
# and votes by share alone (one textured line would decide).
_MEDIAN_POWER = 0.8
# Large displacements and strains have to earn their place: a score of this at the limit.
_PULL = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A phase that may be there. strain: of its cell edges. share: of its calculated pattern that peaks account for.
    explained: share of all peak area it could account for."""

    phase: str
    strain: float
    share: float
    explained: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidates:
    """displacement: amplitude in degrees, shared. guesses: for every phase of the library. chosen: those worth a
    whole-pattern fit, in the order in which they explain what the ones before left over."""

    displacement: float
    guesses: tuple[Candidate, ...]
    chosen: tuple[str, ...]

    def strain(self, phase: str) -> float:
        """The guessed strain of this phase's cell; 0 when nothing was guessed."""
        return next((guess.strain for guess in self.guesses if guess.phase == phase), 0.0)

    def with_strains(self, strains: Mapping[str, float]) -> "Candidates":
        """The same with these phases chosen too, at these strains."""
        known = [guess for guess in self.guesses if guess.phase not in strains]
        more = [Candidate(phase=phase, strain=strain, share=0.0, explained=0.0) for phase, strain in strains.items()]
        return replace(self, guesses=(*known, *more), chosen=(*self.chosen, *strains))


@dataclass(frozen=True, slots=True)
class _Score:
    """(D, e) tables over displacement and strain."""

    share: FloatArray
    explained: FloatArray


def choose_candidates(
    peaks: Sequence[Peak],
    reflections: Sequence[Reflections],
    *,
    instrument: Instrument,
    two_theta_range: tuple[float, float],
    settings: MatchSettings,
    displacement: float | None = None,
) -> Candidates:
    """Candidates among `reflections` for these peaks, chosen one by one from what is left. displacement: known already, or None."""
    search = _Search(instrument, two_theta_range, settings)
    shift, guesses = search.guess(peaks, reflections, displacement)
    best = {guess.phase: guess for guess in guesses}
    chosen: list[str] = []
    left, remaining = tuple(peaks), list(reflections)
    while left and remaining and len(chosen) < settings.most_candidates:
        _, guesses = search.guess(left, remaining, shift)
        winner = max(guesses, key=lambda guess: guess.share * guess.explained)
        if winner.share < _FEWEST_SHARE or winner.explained < _FEWEST_AREA:
            break
        best[winner.phase] = winner
        chosen.append(winner.phase)
        claiming = [lines for lines in remaining if lines.phase == winner.phase]
        remaining = [lines for lines in remaining if lines.phase != winner.phase]
        so_far = Candidates(displacement=shift, guesses=tuple(best.values()), chosen=())
        left = strange_peaks(left, claiming, so_far, instrument=instrument)
    return Candidates(displacement=shift, guesses=tuple(best.values()), chosen=tuple(chosen))


@dataclass(frozen=True, slots=True)
class _Search:
    """The coarse search over displacement and strain for one instrument and range."""

    instrument: Instrument
    two_theta_range: tuple[float, float]
    settings: MatchSettings

    def guess(self, peaks: Sequence[Peak], reflections: Sequence[Reflections], displacement: float | None) -> tuple[float, list[Candidate]]:
        """The displacement, and for each phase its best strain and what it would explain of these peaks."""
        if not peaks or not reflections:
            return displacement or 0.0, [Candidate(phase=lines.phase, strain=0.0, share=0.0, explained=0.0) for lines in reflections]
        chosen = sorted(peaks, key=lambda peak: -peak.area.value)[:_PEAKS]
        position = np.array([peak.two_theta.value for peak in chosen])
        area = np.maximum([peak.area.value for peak in chosen], 0.0)
        tolerance = max(0.4 * float(np.median([peak.fwhm.value for peak in chosen])), 0.02)
        limit, strain_limit = self.settings.displacement_limit, self.settings.strain_limit
        shifts = np.arange(-limit, limit + 1e-9, 0.6 * tolerance) if displacement is None else np.array([displacement])
        strains = np.arange(-strain_limit, strain_limit + 1e-9, _STEP_STRAIN)
        scores = {lines.phase: self._score(lines, position, area, shifts, strains, tolerance) for lines in reflections}
        pull_shift = _PULL * (shifts / limit) ** 2
        pull_strain = _PULL * (strains / strain_limit) ** 2
        at = _shared_shift(scores, pull_shift, pull_strain)
        guesses = []
        for phase, score in scores.items():
            k = int(np.argmax(score.share[at] - pull_strain))
            share, explained = float(score.share[at, k]), float(score.explained[at, k])
            guesses.append(Candidate(phase=phase, strain=float(strains[k]), share=share, explained=explained))
        return float(shifts[at]), guesses

    def _score(
        self, reflections: Reflections, position: FloatArray, area: FloatArray, shifts: FloatArray, strains: FloatArray, tolerance: float
    ) -> _Score:
        wavelength = self.instrument.radiation.wavelength
        angle = two_theta_from_d(reflections.d_spacing, wavelength=wavelength)
        inside = (angle > self.two_theta_range[0]) & (angle < min(self.two_theta_range[1], 170.0))
        lp = lorentz_polarisation(np.clip(angle, 1.0, 170.0), instrument=self.instrument)
        strength = reflections.multiplicity * reflections.f_squared * lp * inside
        strongest = np.argsort(-strength)[:_LINES]
        strongest = strongest[strength[strongest] > 0.0]
        share_table, explained_table = (np.zeros((shifts.size, strains.size)) for _ in range(2))
        if strongest.size == 0 or area.sum() <= 0.0:
            return _Score(share_table, explained_table)
        share = strength[strongest] / strength[strongest].sum()
        strained = two_theta_from_d(reflections.d_spacing[strongest, None] * (1.0 + strains), wavelength=wavelength)
        pattern = displacement_pattern(strained, geometry=self.instrument.geometry)
        for row, shift in enumerate(shifts):
            calculated = strained + shift * pattern
            closeness = np.exp(-0.5 * ((calculated[:, :, None] - position) / tolerance) ** 2)
            # (lines, strains): the peak area found where each line should be
            found = closeness @ area
            level = _typical_level(found / share[:, None], share**_MEDIAN_POWER)
            predicted = share[:, None] * level
            share_table[row] = np.sum(np.minimum(found, predicted), axis=0) / np.maximum(level, 1e-300) * (level > 0)
            explained_table[row] = np.minimum(np.sum(np.minimum(found, 3.0 * predicted), axis=0) / area.sum(), 1.0)
        return _Score(share_table, explained_table)


def strange_peaks(
    peaks: Sequence[Peak], reflections: Sequence[Reflections], candidates: Candidates, *, instrument: Instrument
) -> tuple[Peak, ...]:
    """The peaks that lie on no line of these phases, each phase at its guessed strain and all at the guessed displacement."""
    places = [np.zeros(0)]
    for lines in reflections:
        strength = lines.multiplicity * lines.f_squared
        visible = strength > _VISIBLE * strength.max(initial=0.0)
        strained = lines.d_spacing[visible] * (1.0 + candidates.strain(lines.phase))
        angle = two_theta_from_d(strained, wavelength=instrument.radiation.wavelength)
        places.append(angle + candidates.displacement * displacement_pattern(angle, geometry=instrument.geometry))
    known = np.concatenate(places)
    return tuple(peak for peak in peaks if not np.any(np.abs(known - peak.two_theta.value) < _CLAIM * peak.fwhm.value))


def _shared_shift(scores: Mapping[str, _Score], pull_shift: FloatArray, pull_strain: FloatArray) -> int:
    """The displacement at which the best three phases together do best, each with its own strain."""
    per_phase = np.array([np.max(score.share * np.sqrt(score.explained) - pull_strain, axis=1) for score in scores.values()])
    best = np.argsort(-per_phase.max(axis=1))[:3]
    weight = np.maximum(per_phase[best].max(axis=1), 0.0)
    return int(np.argmax(weight @ per_phase[best] / max(weight.sum(), 1e-12) - pull_shift))


def _typical_level(ratio: FloatArray, weight: FloatArray) -> FloatArray:
    """(s,) weighted median over lines of found/share for each strain: half of the phase's lines must be there to lift it."""
    order = np.argsort(ratio, axis=0)
    sorted_ratio = np.take_along_axis(ratio, order, axis=0)
    running = np.cumsum(weight[order], axis=0) / weight.sum()
    middle = np.argmax(running >= 0.5, axis=0)
    return np.asarray(np.take_along_axis(sorted_ratio, middle[None, :], axis=0)[0])
