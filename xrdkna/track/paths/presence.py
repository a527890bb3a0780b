"""Is it there? Paths for every followed phase, the marker and its neighbours; what a lone or hidden line makes undecided."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from xrdkna.records.arrays import FloatArray, IntArray
from xrdkna.records.refinement import IntensityInformation
from xrdkna.records.track import Hkl
from xrdkna.track.paths.segmentation import Path, follow_phase, prior_odds
from xrdkna.track.paths.sweep import sweep_over
from xrdkna.track.settings import TrackSettings
from xrdkna.track.signal.evidence import FreeAreas, PhaseEvidence, hidden_columns, with_template
from xrdkna.track.signal.linear import scaled_inverse
from xrdkna.track.signal.stack import Stack, summed_information
from xrdkna.track.words import say_hkl

CONFIRMING_SIGMAS = 1.64
"""One-sided 95 %: the other lines of a phase confirm one line when they together reach this."""
CONFIRMING_SHARE = 0.2
"""… and this part of what they should show: texture takes no more from all of them."""
TOGETHER_SIGMAS = 2.0
"""A marker that is not there seems to be this strong in two of a hundred series."""
SEEABLE_SIGMAS = 3.0
"""The other lines speak against a phase only when they would have been seen."""


Confirm = Callable[[IntensityInformation, str, bool], str | None]
Passing = Callable[[float], FloatArray]
Follow = Callable[..., tuple[Path, Path | None]]


@dataclass(frozen=True, slots=True)
class Followed:
    """A phase (hkl None) or one reflection of it, with its posterior path. column: of the stack, for a
    reflection. withheld: the evidence contradicts itself, nothing is reported. remark: for the sentence."""

    phase: str
    hkl: Hkl | None
    path: Path
    column: int | None = None
    withheld: bool = False
    remark: str = ""


def follow_all(
    stack: Stack,
    evidence: Mapping[str, PhaseEvidence],
    free: FreeAreas,
    passing: Passing,
    settings: TrackSettings,
    confirm: Confirm | None = None,
) -> tuple[list[Followed], tuple[str, ...]]:
    """Every followed phase, then the marker and the other reflections of its phase; and the sentences on what stays undecided.

    passing: (n,) moments at which the scans passed an angle. confirm: given the summed information of the scans a phase seems to be in, and
    whether its lines agree about it here, says why it is not to be believed, or None.
    """
    phases = [phase for phase, role in stack.roles.items() if role in settings.followed_roles]
    odds = prior_odds(settings, len(phases))
    marker = marker_column(stack, settings)
    followed: list[Followed] = []
    undecided: list[str] = []
    for phase in phases:
        found = evidence[phase]
        vanishings = 0.01 if found.role == "contamination" else settings.vanishings
        special = marker if marker is not None and stack.labels[marker][0] == phase else None
        places: list[int | None] = [None]
        if special is not None:
            first = int(np.flatnonzero(found.columns == special)[0])
            places = [first, *(place for place in range(found.columns.size) if place != first)]
        sweep = sweep_over(stack.two_theta[found.columns], passing, reference=reference_line(found, marker))
        follow = partial(follow_phase, sweep=sweep, odds=odds, vanishings=vanishings, settings=settings)
        # Only the phase and its marker make events; of the other lines the presence in each scan is told.
        paths = [follow(found, special=place, closely=number == 0) for number, place in enumerate(places)]
        paths[0] = (paths[0][0], _sharpened(found, paths[0], places[0], follow, settings))
        whole = _confirmed(stack, found, _judge_phase(stack, found, paths[0][0], settings), confirm)
        followed.append(whole)
        undecided += [whole.remark] if whole.withheld else []
        for place, (_, single) in zip(places, paths, strict=False):
            if single is not None and place is not None:
                followed.append(_judge_reflection(stack, found, whole, place, single, settings))
        undecided += _hidden_sentences(stack, found, free, whole, [place for place in places[:1] if place is not None], followed, settings)
    return followed, (*undecided, *_marker_missing(stack, marker, settings))


def _sharpened(
    found: PhaseEvidence, paths: tuple[Path, Path | None], place: int | None, follow: Follow, settings: TrackSettings
) -> Path | None:
    """The marker's path once more, with the pattern the phase shows where both are surely there: only so is a faint phase without its
    marker told from a faint phase with it. The phase's own path stays, so that nothing is counted twice."""
    whole, single = paths
    if single is None or place is None:
        return single
    scans = _showing(found, whole, single, place, settings)
    if scans.size < 2:
        return single
    information = found.area_esds[scans] ** -2.0
    level = float(np.average(found.level[scans], weights=found.level_esd[scans] ** -2.0))
    if level <= 0.0:
        return single
    shown = (information * found.areas[scans]).sum(axis=0) / information.sum(axis=0) / level
    freedom = np.full(found.template.size, settings.texture)
    freedom[place] = settings.marker_texture
    known, weight = information.sum(axis=0) * level**2, (freedom * found.template) ** -2.0
    pattern = np.maximum((known * shown + weight * found.template) / (known + weight), 0.1 * found.template)
    sharper = np.hypot((known + weight) ** -0.5 / pattern, settings.texture_change)
    again = with_template(found, pattern)
    return follow(again, special=place, freedom=sharper)[1]


def _showing(found: PhaseEvidence, whole: Path, single: Path, place: int, settings: TrackSettings) -> IntArray:
    """(c,) the scans in which phase and marker are both surely there; where the marker is not sure in any, those in which it is likely and
    which show it together."""
    there = whole.on >= settings.report_probability
    sure = np.flatnonzero(there & (single.on >= settings.report_probability))
    likely = np.flatnonzero(there & (single.on > 0.5))
    if sure.size >= 2 or likely.size < 2:
        return sure
    information = found.area_esds[likely, place] ** -2.0
    standing = (scaled_inverse(found.information[likely]) @ found.tilt[likely, :, None])[:, place, 0]
    share = information / information.sum()
    area, esd = float(share @ found.areas[likely, place]), float(np.hypot(information.sum() ** -0.5, share @ standing))
    return likely if area >= TOGETHER_SIGMAS * esd else sure


def reference_line(found: PhaseEvidence, marker: int | None) -> int:
    """The place among a phase's columns of the line whose passing dates it: the marker, else its strongest."""
    held = np.flatnonzero(found.columns == (-1 if marker is None else marker))
    return int(held[0]) if held.size else int(found.template.argmax())


def marker_column(stack: Stack, settings: TrackSettings) -> int | None:
    """The column that holds the marker reflection, by name or as a member of a group; None when no scan has it."""
    if settings.marker is None:
        return None
    phase, hkl = settings.marker
    held = [j for j, (name, first) in enumerate(stack.labels) if name == phase and (first == hkl or hkl in stack.members[j])]
    return held[0] if held else None


def _judge_phase(stack: Stack, found: PhaseEvidence, path: Path, settings: TrackSettings) -> Followed:
    """A phase rests on several lines. Where one line carries it while the others, which would be seen, are not
    there, it is no verdict."""
    scans = np.flatnonzero(path.on >= settings.report_probability)
    if not scans.size or found.columns.size < 1:
        return Followed(phase=found.phase, hkl=None, path=path)
    strongest, seen, power = _other_lines(found, scans)
    name = f"{found.phase} {say_hkl(stack.labels[int(found.columns[strongest])][1])}"
    if seen >= SEEABLE_SIGMAS or seen >= max(CONFIRMING_SIGMAS, CONFIRMING_SHARE * power):
        return Followed(phase=found.phase, hkl=None, path=path)
    if power < SEEABLE_SIGMAS:
        return Followed(phase=found.phase, hkl=None, path=path, remark=f"it rests on {name} alone, for no other line would be seen")
    sentence = (
        f"{found.phase} is undecided: only {name} stands out, and the phase's other lines, which would be seen at "
        f"{power:.0f} sigmas, are not there; a wider range or better counts on them would decide."
    )
    capped = replace(path, on=np.minimum(path.on, 0.5))
    return Followed(phase=found.phase, hkl=None, path=capped, withheld=True, remark=sentence)


def _other_lines(found: PhaseEvidence, scans: IntArray) -> tuple[int, float, float]:
    """Which line of a phase shows most in these scans, at how many sigmas its other lines show together, and at how many they should."""
    information = found.area_esds[scans] ** -2.0
    pooled = (information * found.areas[scans]).sum(axis=0) / np.sqrt(information.sum(axis=0))
    strongest = int(pooled.argmax())
    others = np.delete(np.arange(found.columns.size), strongest)
    template = found.template[others]
    level = float(np.average(found.level[scans], weights=found.level_esd[scans] ** -2.0))
    power = float((information[:, others] * template**2).sum())
    seen = float((information[:, others] * template * found.areas[np.ix_(scans, others)]).sum()) / np.sqrt(max(power, 1e-300))
    return strongest, seen, level * float(np.sqrt(power))


def _confirmed(stack: Stack, found: PhaseEvidence, whole: Followed, confirm: Confirm | None) -> Followed:
    """The phase again, withheld when its scans added up do not bear it out: what is too little to contradict a phase in one
    scan contradicts it in the sum."""
    scans = np.flatnonzero(whole.path.on > 0.5)
    if confirm is None or whole.withheld or not scans.size:
        return whole
    agreed = _other_lines(found, scans)[1] >= SEEABLE_SIGMAS
    objection = confirm(summed_information(stack, scans), whole.phase, agreed)
    if objection is None:
        return whole
    capped = replace(whole.path, on=np.minimum(whole.path.on, 0.5))
    return Followed(phase=whole.phase, hkl=None, path=capped, withheld=True, remark=f"{whole.phase} is undecided: {objection}")


def _judge_reflection(stack: Stack, found: PhaseEvidence, whole: Followed, place: int, path: Path, settings: TrackSettings) -> Followed:
    column = int(found.columns[place])
    phase, hkl = stack.labels[column]
    if settings.marker is not None and settings.marker[0] == phase and settings.marker[1] in stack.members[column]:
        hkl = settings.marker[1]
    on = np.minimum(path.on, 0.5) if whole.withheld else path.on
    return Followed(phase=phase, hkl=hkl, path=replace(path, on=on), column=column, withheld=whole.withheld)


def _hidden_sentences(
    stack: Stack,
    found: PhaseEvidence,
    free: FreeAreas,
    whole: Followed,
    marker_places: Sequence[int],
    followed: Sequence[Followed],
    settings: TrackSettings,
) -> list[str]:
    """What cannot be told: the marker when its own state is open in scans where its phase is there, a phase all of whose lines hide."""
    hidden = hidden_columns(found, settings.openness)
    report = settings.report_probability
    for place in marker_places:
        column = int(found.columns[place])
        single = next((item for item in followed if item.column == column), None)
        if single is None or whole.withheld:
            continue
        open_scans = (whole.path.on > 1.0 - report) & (single.path.on > 1.0 - report) & (single.path.on < report)
        if open_scans.sum() > 0.5 * max(1, int((whole.path.on > 1.0 - report).sum())) and hidden[place]:
            return [_hides(stack, free, column)]
    unsettled = bool(((whole.path.on > 1.0 - report) & (whole.path.on < report)).any())
    if hidden.all() and (unsettled or found.columns.size == 1) and not (whole.path.on >= report).any():
        strongest = int(found.columns[int(found.template.argmax())])
        return [_hides(stack, free, strongest)]
    return []


def _hides(stack: Stack, free: FreeAreas, column: int) -> str:
    phase, hkl = stack.labels[column]
    hider = int(free.hider[column])
    if hider < 0 or stack.labels[hider][0] == phase:
        return f"{phase} {say_hkl(hkl)} is undecided: its scans hold too little information on it."
    other, line = stack.labels[hider]
    apart = abs(float(stack.two_theta[column] - stack.two_theta[hider]))
    return (
        f"{phase} {say_hkl(hkl)} at {stack.two_theta[column]:.2f}° cannot be told from {other} {say_hkl(line)}, {apart:.2f}° away: "
        f"undecided. Rest scans that show {other} without {phase}, its other lines in the range, or a narrower "
        "resolution would separate them."
    )


def _marker_missing(stack: Stack, marker: int | None, settings: TrackSettings) -> tuple[str, ...]:
    if settings.marker is None or marker is not None:
        return ()
    phase, hkl = settings.marker
    why = "its phase is not in the fit" if phase not in stack.columns else "no scan reaches it or its group is not followed"
    return (f"{phase} {say_hkl(hkl)}, the marker, is not followed: {why}.",)
