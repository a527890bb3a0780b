"""Has air got in? Contaminations only grow, so the whole family's evidence is read over the whole series; one line is never one."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from xrdkna.records.air import AirMember, Contamination, OnsetTime
from xrdkna.records.arrays import FloatArray, IntArray
from xrdkna.records.refinement import IntensityInformation
from xrdkna.records.track import Observation, TrackedScan
from xrdkna.track.air import air_words as words
from xrdkna.track.air.air_amounts import amounts_of, limit_at_the_end, typical_limit
from xrdkna.track.air.air_evidence import AIR, AirEvidence, gather_air
from xrdkna.track.air.air_family import AirPosterior, judge_air
from xrdkna.track.air.air_growth import growth_of
from xrdkna.track.paths.presence import Followed
from xrdkna.track.settings import TrackSettings
from xrdkna.track.signal.evidence import FreeAreas, PhaseEvidence
from xrdkna.track.signal.hardware import Hardware
from xrdkna.track.signal.stack import Stack, summed_information

LINE_SIGMAS = 3.0
"""Each of two lines must stand by itself this far out, over the scans in which the phase is there."""
SUSPICION_SIGMAS = 2.0
"""The second line of a suspicion."""
CONFIRMING_SIGMAS = 1.64
"""One-sided 95 %: the second line of a member whose pooled evidence is sure."""
SUSPECTED = 0.5
"""Below even odds nothing is suspected."""
ESTABLISHED = 0.95
"""At least so probable is a member that shows by itself."""

Coincidence = Callable[[IntensityInformation, str], str | None]


@dataclass(frozen=True, slots=True)
class AirRecord:
    """What of the series the verdict needs. passing: the (n,) moments at which each used scan passed an angle. timed: whether these are
    seconds. coincidence: why a member's lines may be those of something unknown, or None."""

    stack: Stack
    hardware: Mapping[str, Hardware]
    free: FreeAreas
    tube: FloatArray
    scans: Sequence[TrackedScan]
    used: Sequence[int]
    observations: Sequence[Observation]
    passing: Callable[[float], FloatArray]
    timed: bool
    coincidence: Coincidence | None = None


def judge_contamination(
    followed: Sequence[Followed], evidence: Mapping[str, PhaseEvidence], record: AirRecord, settings: TrackSettings
) -> Contamination:
    """found: the pooled evidence of the family is sure and more than one line carries it, or a member comes and stays with two lines at 3σ
    each; suspected: the family is likelier there than not; none: with upper limits. The onset is the first scan it is in."""
    stack, clock = record.stack, _clock(record)
    members = gather_air(stack, record.hardware, record.free, clock)
    if not members:
        return Contamination(verdict="none", phases=(), sentence=words.NOT_LOOKED_FOR)
    posterior = judge_air(members, clock, record.tube, settings)
    established, lone = _established(followed, evidence, stack, settings)
    if established:
        return _besides(posterior, established, {member.phase: member for member in members}, record, settings)
    best, probability = posterior.family.best or members[0].phase, posterior.family.probability
    said = _verdict(posterior, best, record, settings)
    listed = _members(posterior, {}, record)
    if said != "none":
        seen = {member.phase: member for member in members}
        return _told(said, (best,), listed, posterior, seen, {}, record, settings)
    typical = [limit for member in members if (limit := typical_limit(record.observations, member.phase)) is not None]
    grown = [member.limit.value for member in listed if member.limit is not None]
    sentence = words.nothing(max(typical, default=None), max(grown, default=None), lone)
    return Contamination(verdict="none", phases=(), sentence=sentence, probability=probability, members=listed)


def _verdict(posterior: AirPosterior, phase: str, record: AirRecord, settings: TrackSettings) -> str:
    """What the pooled evidence makes of the member that fits best."""
    probability = posterior.family.probability
    if probability < SUSPECTED:
        return "none"
    summed = summed_information(record.stack, np.arange(_onset(posterior), posterior.onset.size))
    if record.coincidence is not None and record.coincidence(summed, phase) is not None:
        return "none"
    return "found" if probability >= settings.report_probability and _several_lines(posterior, phase) else "suspected"


def _besides(
    posterior: AirPosterior,
    established: Mapping[str, int],
    seen: Mapping[str, AirEvidence],
    record: AirRecord,
    settings: TrackSettings,
) -> Contamination:
    """With some members there for sure: is there another besides them?"""
    rest = gather_air(record.stack, record.hardware, record.free, _clock(record), beside=established)
    rows = dict(established)
    if rest:
        more = judge_air(rest, _clock(record), record.tube, settings)
        another = more.family.best or rest[0].phase
        if _verdict(more, another, record, settings) == "found":
            rows[another] = _onset(more)
    names = tuple(sorted(rows, key=lambda phase: -posterior.family.members[phase]))
    listed = _members(posterior, rows, record)
    return _told("found", names, listed, posterior, seen, rows, record, settings)


def line_sigmas(evidence: PhaseEvidence, scans: IntArray) -> FloatArray:
    """(k,) significance of each line of a phase by itself, pooled over these scans."""
    information = evidence.area_esds[scans] ** -2.0
    return np.asarray((information * evidence.areas[scans]).sum(axis=0) / np.sqrt(information.sum(axis=0)))


def _clock(record: AirRecord) -> FloatArray:
    """(n,) 0 … 1, when each used scan began; its number where that says nothing."""
    starts = np.array([record.scans[place].start for place in record.used])
    if starts.size < 2 or np.any(np.diff(starts) <= 0.0):
        starts = np.arange(float(starts.size))
    return np.asarray((starts - starts[0]) / max(float(starts[-1] - starts[0]), 1e-12))


def _established(
    followed: Sequence[Followed], evidence: Mapping[str, PhaseEvidence], stack: Stack, settings: TrackSettings
) -> tuple[dict[str, int], list[tuple[str, tuple[int, int, int]]]]:
    """Members that show by themselves, whatever else of the family there is, with the row they begin in; and lines that do so alone."""
    found: dict[str, int] = {}
    lone: list[tuple[str, tuple[int, int, int]]] = []
    for item in followed:
        if item.hkl is not None or stack.roles[item.phase] != AIR or item.withheld:
            continue
        scans = np.flatnonzero(item.path.on >= settings.report_probability)
        if not scans.size:
            continue
        lines = line_sigmas(evidence[item.phase], scans)
        if int((lines >= LINE_SIGMAS).sum()) >= 2:
            found[item.phase] = int(scans[0])
        elif int((lines >= SUSPICION_SIGMAS).sum()) < 2:
            lone.append((item.phase, stack.labels[int(evidence[item.phase].columns[int(lines.argmax())])][1]))
    return found, lone


def _several_lines(posterior: AirPosterior, phase: str) -> bool:
    """Does a second line of the member stand up under its likeliest history?"""
    member = next(one for one in posterior.condensed if one.phase == phase)
    history = int(posterior.family.weights[phase].argmax())
    power = np.maximum(np.diag(member.information[history]), 1e-300)
    return int((member.score[history] / np.sqrt(power) >= CONFIRMING_SIGMAS).sum()) >= 2


def _onset(posterior: AirPosterior) -> int:
    """The median of the first scan's posterior."""
    return int(np.searchsorted(np.cumsum(posterior.onset), 0.5))


def _members(posterior: AirPosterior, established: Mapping[str, int], record: AirRecord) -> tuple[AirMember, ...]:
    """Every member, most probable first; what another explains as well is no probability of its own."""
    listed = []
    for member in posterior.condensed:
        share = posterior.family.members[member.phase]
        if established:
            share = max(share, ESTABLISHED) if member.phase in established else 0.0
        amount = record.observations[-1].values.get(("weight_fraction", member.phase)) if share >= SUSPECTED else None
        limit = limit_at_the_end(member, posterior, record.observations)
        listed.append(AirMember(phase=member.phase, probability=min(share, 1.0), limit=limit, weight_fraction=amount))
    return tuple(sorted(listed, key=lambda one: -one.probability))


def _told(
    verdict: str,
    names: tuple[str, ...],
    listed: tuple[AirMember, ...],
    posterior: AirPosterior,
    seen: Mapping[str, AirEvidence],
    established: Mapping[str, int],
    record: AirRecord,
    settings: TrackSettings,
) -> Contamination:
    first = names[0]
    pooled = posterior.family.best == first and posterior.family.probability >= SUSPECTED
    row = _onset(posterior) if pooled else established[first]
    alike = tuple(name for name in posterior.family.alike() if name not in names) if pooled else ()
    moments = record.passing(_angle(seen[first], record))
    amounts = amounts_of(seen[first], record.observations, tube=record.tube, moments=moments, timed=record.timed)
    growth = growth_of(amounts, [record.scans[place].state for place in record.used], row)
    onset = _onset_time(posterior, record, seen[first], settings) if pooled else None
    scans = {name: record.used[row if name == first else established[name]] for name in names}
    weights = {member.phase: member.weight_fraction for member in listed}
    told = [(name, scans[name], weights[name]) for name in names]
    sentence = words.told(verdict, told, record.used[0], alike, growth)
    return Contamination(
        verdict=verdict,
        phases=names,
        sentence=sentence,
        onset_scan=min(scans.values()),
        probability=posterior.family.probability if pooled else max(member.probability for member in listed),
        members=listed,
        alike=alike,
        onset=onset,
        growth=growth,
    )


def _onset_time(posterior: AirPosterior, record: AirRecord, member: AirEvidence, settings: TrackSettings) -> OnsetTime | None:
    """When it began; None where it was there from the first scan on."""
    gaps = posterior.onset[1:]
    if _onset(posterior) == 0 or gaps.sum() <= 0.0:
        return None
    moments = record.passing(_angle(member, record))
    # Within a gap every moment is as likely.
    below = np.concatenate(([0.0], np.cumsum(gaps / gaps.sum())))
    tail = 0.5 * (1.0 - settings.level)
    low, value, high = (float(moment) for moment in np.interp([tail, 0.5, 1.0 - tail], below, moments))
    if posterior.onset[0] > 0.5 * (1.0 - settings.level):
        low = float(moments[0])
    return OnsetTime(value=value, low=low, high=high, level=settings.level)


def _angle(member: AirEvidence, record: AirRecord) -> float:
    """2θ of the member's strongest line, whose passing dates it."""
    return float(record.stack.two_theta[int(member.columns[int(member.template.argmax())])])
