"""Who is there: phases come into the whole-pattern fit and go out of it until nothing changes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from xrdkna.match.assign import assign_peaks, unexplained_peaks
from xrdkna.match.candidates import Candidates, choose_candidates, strange_peaks
from xrdkna.match.coincidence import strain_from_lone_line
from xrdkna.match.leftovers import explain_leftovers
from xrdkna.match.verdicts import doubt_absences, judge_coincidence, judge_phases
from xrdkna.physics.evidence import phase_evidence, without_strangers
from xrdkna.physics.lattice import free_cell_parameters
from xrdkna.pipeline.settings import Settings, robust
from xrdkna.records.index import PhaseVerdict
from xrdkna.records.peaks import Peak, Peaks
from xrdkna.records.phases import Reflections
from xrdkna.records.refinement import Refinement
from xrdkna.records.scan import Pattern
from xrdkna.refine.forward.extracted import with_equal_intensities
from xrdkna.refine.forward.layout import strained_cell, tag
from xrdkna.refine.refine import refine_pattern
from xrdkna.refine.threads import one_thread

# Rounds of "who is there" before the answer is taken as it stands; each round adds or drops at least one phase.
_ROUNDS = 12
# Below this a phase of the first guess is dropped without waiting for the others.
_HOPELESS_SIGMAS = 2.0
# The first guess of the displacement is off when the fit moves it by this share of a line's width.
_MOVED = 0.2
# Width (degrees) to start from where no peak shows one.
_TYPICAL_FWHM = 0.12


@dataclass(frozen=True, slots=True)
class Identified:
    """Who is there. watched: phases that the last fit held at zero."""

    refinement: Refinement
    verdicts: tuple[PhaseVerdict, ...]
    watched: tuple[str, ...]


def identify_phases(
    pattern: Pattern, peaks: Peaks, reflections: Sequence[Reflections], settings: Settings, *, expected: frozenset[str] | None = None
) -> Identified:
    """Fit the pattern with the phases that are there; the others are watched, held at zero.

    Phases come in when the whole pattern asks for them and go out when it does not, until nothing changes. expected: whom to
    start with; None: whom the peaks suggest.
    """
    with one_thread():
        return _identify(pattern, peaks, reflections, robust(settings), expected)


def _identify(
    pattern: Pattern, peaks: Peaks, reflections: Sequence[Reflections], settings: Settings, expected: frozenset[str] | None
) -> Identified:
    guess, previous = _first_guess(pattern, peaks, reflections, settings, expected)
    chosen = set(guess.chosen if expected is None else expected)
    tried = set(chosen)
    for rounds_left in reversed(range(_ROUNDS)):
        there = [lines for lines in reflections if lines.phase in chosen]
        watched = [lines for lines in reflections if lines.phase not in chosen]
        refinement = fit_phases(pattern, peaks, there, watched, guess, settings, previous)
        names = tuple(lines.phase for lines in watched)
        verdicts = judge_phases(refinement, peaks=peaks.peaks, watched=names, settings=settings.match)
        gone = _unsupported(verdicts, chosen)
        come = {} if gone else _newcomers(pattern, peaks, refinement, [w for w in watched if w.phase not in tried], settings)
        if rounds_left == 0 or not (gone or come):
            break
        chosen = (chosen - gone) | come.keys()
        tried |= come.keys()
        guess = guess.with_strains(come)
        previous = refinement
    near = _lone_lines(pattern, peaks, refinement, watched, settings)
    return Identified(refinement, doubt_absences(verdicts, near.keys()), names)


def _first_guess(
    pattern: Pattern, peaks: Peaks, reflections: Sequence[Reflections], settings: Settings, expected: frozenset[str] | None
) -> tuple[Candidates, Refinement | None]:
    """The phases that the peaks suggest. A false phase may have pulled the guessed displacement; where a fit of the guess
    moves it by a good part of a line's width, the guess is made again with the displacement known."""
    guess = guess_phases(pattern, peaks.peaks, reflections, settings)
    if expected is not None or not guess.chosen:
        return guess, None
    trial = fit_phases(pattern, peaks, [lines for lines in reflections if lines.phase in guess.chosen], [], guess, settings)
    displacement = trial.parameter("displacement")
    fitted = displacement.value.value if displacement is not None else guess.displacement
    if abs(fitted - guess.displacement) < _MOVED * typical_fwhm(peaks):
        return guess, trial
    return guess_phases(pattern, peaks.peaks, reflections, settings, fitted), None


def _unsupported(verdicts: Sequence[PhaseVerdict], chosen: set[str]) -> set[str]:
    """Phases of the fit that the whole pattern does not support: the hopeless together, else the weakest alone, as it may
    have been what held another down."""
    gone = [verdict for verdict in verdicts if verdict.phase in chosen and verdict.verdict == "absent"]
    hopeless = {verdict.phase for verdict in gone if verdict.significance < _HOPELESS_SIGMAS}
    return hopeless or {verdict.phase for verdict in sorted(gone, key=lambda verdict: verdict.significance)[:1]}


def _newcomers(
    pattern: Pattern, peaks: Peaks, refinement: Refinement, untried: Sequence[Reflections], settings: Settings
) -> dict[str, float]:
    """The one phase among the untried that the whole pattern asks for most, or else the peaks still unexplained, with the
    strain of its cell to start from; empty when nobody asks."""
    loose = unexplained_peaks(peaks.peaks, [line for line in refinement.lines if line.area > 0.0])
    fitted = refinement.parameter("displacement")
    displacement = fitted.value.value if fitted is not None else 0.0
    strains = _lone_lines(pattern, peaks, refinement, untried, settings)
    asked = asking_phases(peaks, refinement, untried, settings)
    if asked:
        phase = max(asked, key=lambda name: asked[name])
        return {phase: strains.get(phase, 0.0)}
    again = guess_phases(pattern, loose, untried, settings, displacement)
    if again.chosen:
        return {again.chosen[0]: again.strain(again.chosen[0])}
    return dict(list(strains.items())[:1])


def _lone_lines(
    pattern: Pattern, peaks: Peaks, refinement: Refinement, phases: Sequence[Reflections], settings: Settings
) -> dict[str, float]:
    """The phases of which an unexplained peak could be a strong line, with the strain that would make it so."""
    lines = [line for line in refinement.lines if line.area > 0.0]
    explained = explain_leftovers(assign_peaks(peaks.peaks, lines), lines, pattern.instrument)
    loose = [indexed.peak for indexed in explained if indexed.status == "unindexed"]
    fitted = refinement.parameter("displacement")
    displacement = fitted.value.value if fitted is not None else 0.0
    met = {
        phase.phase: strain_from_lone_line(phase, loose, instrument=pattern.instrument, displacement=displacement, settings=settings.match)
        for phase in phases
    }
    return {phase: strain for phase, strain in met.items() if strain is not None}


def asking_phases(peaks: Peaks, refinement: Refinement, watched: Sequence[Reflections], settings: Settings) -> dict[str, float]:
    """Watched phases that the whole pattern asks for, with their evidence in sigmas; what the lines of no phase have taken
    counts for them."""
    loose = unexplained_peaks(peaks.peaks, [line for line in refinement.lines if line.area > 0.0])
    free = without_strangers(refinement.information)
    asked = {}
    for lines in watched:
        evidence = phase_evidence(free, lines.phase, texture_sd=refinement.texture_sd)
        parameters = len(free_cell_parameters(lines.crystal_system, lines.cell))
        verdict, _ = judge_coincidence(evidence, loose, role=lines.role, cell_parameters=parameters, settings=settings.match)
        if verdict == "present" and evidence is not None:
            asked[lines.phase] = evidence.significance
    return asked


def guess_phases(
    pattern: Pattern, peaks: Sequence[Peak], reflections: Sequence[Reflections], settings: Settings, displacement: float | None = None
) -> Candidates:
    """The candidates for these peaks; displacement: amplitude in degrees where it is known already."""
    ends = (float(pattern.two_theta[0]), float(pattern.two_theta[-1]))
    return choose_candidates(
        peaks, reflections, instrument=pattern.instrument, two_theta_range=ends, settings=settings.match, displacement=displacement
    )


def fit_phases(
    pattern: Pattern,
    peaks: Peaks,
    there: Sequence[Reflections],
    watched: Sequence[Reflections],
    candidates: Candidates,
    settings: Settings,
    previous: Refinement | None = None,
    *,
    progress: Callable[[str], None] | None = None,
) -> Refinement:
    """One whole-pattern fit; peaks of no phase become free lines, told from the previous round's fit where there is one."""
    initial = {"displacement": candidates.displacement}
    for lines in there:
        # Only who was chosen has a strain worth the name: for the others it is what other phases' peaks happen to suit best.
        initial |= strained_cell(lines, candidates.strain(lines.phase) if lines.phase in candidates.chosen else 0.0)
    # Where no structure says how strong a line is, no peak on a line is strange.
    extracted = settings.refine.extracted
    claimed = [with_equal_intensities(lines) if lines.phase in extracted else lines for lines in there]
    if previous is None:
        loose = strange_peaks(peaks.peaks, claimed, candidates, instrument=pattern.instrument)
    else:
        names = {lines.phase for lines in there}
        initial |= {parameter.name: parameter.value.value for parameter in previous.parameters if parameter.refined}
        loose = unexplained_peaks(peaks.peaks, [line for line in previous.lines if line.phase in names])
        # A newcomer was held at zero in the fit before: what lies on its lines is its own now, not a rival to it.
        newcomers = [lines for lines in claimed if lines.phase in extracted or not _was_fitted(previous, lines.phase)]
        fitted = previous.parameter("displacement")
        at = replace(candidates, displacement=fitted.value.value) if fitted is not None else candidates
        loose = strange_peaks(loose, newcomers, at, instrument=pattern.instrument)
    return refine_pattern(
        pattern,
        there,
        settings.refine,
        fwhm=typical_fwhm(peaks),
        halos=peaks.halos,
        unexplained=loose,
        watched=watched,
        initial=initial,
        progress=progress,
    )


def _was_fitted(refinement: Refinement, phase: str) -> bool:
    scale = refinement.parameter(f"scale_{tag(phase)}")
    return scale is not None and scale.refined


def typical_fwhm(peaks: Peaks) -> float:
    """Degrees: the median width of the stronger half of the peaks."""
    if not peaks.peaks:
        return _TYPICAL_FWHM
    strongest = sorted(peaks.peaks, key=lambda peak: -peak.snr)[: max(len(peaks.peaks) // 2, 3)]
    return float(np.median([peak.fwhm.value for peak in strongest]))
