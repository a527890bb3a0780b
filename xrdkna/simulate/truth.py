"""The truth of a simulated series, as a document that can be written as JSON."""

from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise

import numpy as np

from xrdkna.physics.lattice import free_cell_parameters
from xrdkna.simulate.events import TrueEvent, true_events
from xrdkna.simulate.lines import SimulatedPhase, cell_of, displacement_mm_of, scan_lines
from xrdkna.simulate.pattern import Sample
from xrdkna.simulate.recipe_records import CyclingPlan, Hkl, Recipe
from xrdkna.simulate.schedule import Schedule, moments, value_at

SCHEMA = "xrdkna.truth/1"


def truth_of(recipe: Recipe, sample: Sample) -> dict[str, object]:
    """Everything that was put in.

    Per scan: of each phase its amount (mean, at the start and the end of the sweep), weight fraction of the crystalline
    part (by mean amounts; null where nothing is crystalline), displacement and cell; of each reflection the recipe names its
    factor at the moment its line was passed and its area in counts·degrees, all spectral lines together. An event is dated
    by its exact moment; its scans are those whose sweep passed the line (a phase's strongest) before and after. The
    displacement is the specimen's alone: slits and transparency shift lines too, on the default diffractometer by −0.013°,
    which a model without aberrations takes for another 0.03 mm.
    """
    plan = recipe.cycling
    return {
        "schema": SCHEMA,
        "title": recipe.title,
        "seed": recipe.seed,
        "recipe_sha256": recipe.digest,
        "radiation": recipe.radiation,
        "geometry": recipe.instrument.geometry,
        "radius_mm": recipe.instrument.radius_mm,
        "two_theta_range": list(recipe.two_theta_range),
        "duration_s": recipe.timing.duration,
        "pause_s": recipe.timing.pause,
        "start_time": recipe.start_time.isoformat(),
        "scale": _rounded(sample.scale),
        "clock_offset_s": -plan.clock_ahead if plan is not None else None,
        "phases": [_phase_truth(phase) for phase in sample.phases],
        "scans": [_scan_truth(recipe, sample, scan) for scan in range(recipe.timing.count)],
        "events": [_event_truth(event, recipe) for event in _all_events(recipe, sample)],
    }


def state_at(plan: CyclingPlan | None, seconds: float) -> str:
    """What the cell does at a moment, seconds since the start of the first scan; rest before the cycler starts and after it ends."""
    if plan is None:
        return "unknown"
    begin = plan.starts_after
    for segment in plan.segments:
        if begin <= seconds < begin + segment.duration:
            return segment.state
        begin += segment.duration
    return "rest"


def _phase_truth(phase: SimulatedPhase) -> dict[str, object]:
    recipe, reflections = phase.recipe, phase.reflections
    broadening = recipe.broadening
    return {
        "phase": recipe.name,
        "role": reflections.role,
        "size_nm": broadening.size_nm,
        "gaussian_size_nm": broadening.gaussian_size_nm,
        "microstrain": broadening.microstrain,
        "gaussian_microstrain": broadening.gaussian_microstrain,
        "offset_mm": recipe.offset_mm,
        "texture_axis": list(recipe.texture.axis) if recipe.texture is not None else None,
    }


def _scan_truth(recipe: Recipe, sample: Sample, scan: int) -> dict[str, object]:
    seconds = recipe.point_times(scan)
    start, end = scan * recipe.timing.period, scan * recipe.timing.period + recipe.timing.duration
    amounts = [value_at(phase.recipe.amount, seconds, timing=recipe.timing) for phase in sample.phases]
    total = sum(float(amount.mean()) for amount in amounts)
    phases = {}
    for phase, amount in zip(sample.phases, amounts, strict=True):
        cell = cell_of(phase, recipe, scan=scan)
        phases[phase.recipe.name] = {
            "amount": _rounded(float(amount.mean())),
            "amount_at_start": _rounded(float(amount[0])),
            "amount_at_end": _rounded(float(amount[-1])),
            "weight_fraction": _rounded(float(amount.mean()) / total) if total > 0 else None,
            "displacement_mm": _rounded(displacement_mm_of(phase.recipe, recipe, scan=scan)),
            "cell": {name: _rounded(getattr(cell, name), 9) for name in free_cell_parameters(phase.reflections.crystal_system, cell)},
        }
    return {
        "index": scan,
        "name": recipe.names[scan],
        "start_s": start,
        "end_s": end,
        "start_time": (recipe.start_time + timedelta(seconds=start)).isoformat(),
        "end_time": (recipe.start_time + timedelta(seconds=end)).isoformat(),
        "state": state_at(recipe.cycling, 0.5 * (start + end)),
        "tube": _rounded(float(value_at(recipe.tube, seconds, timing=recipe.timing).mean())),
        "phases": phases,
        "reflections": [_reflection_truth(recipe, sample, phase, entry, scan) for phase in sample.phases for entry in phase.named],
        "halos": {
            halo.name: _rounded(halo.area * float(value_at(halo.amount, seconds, timing=recipe.timing).mean())) for halo in recipe.halos
        },
    }


def _reflection_truth(recipe: Recipe, sample: Sample, phase: SimulatedPhase, entry: tuple[int, int], scan: int) -> dict[str, object]:
    index, number = entry
    lines = [scan_lines(phase, recipe, scan=scan, spectral=j) for j in range(len(recipe.instrument.radiation.lines))]
    position = float(lines[0].position[index])
    passed = recipe.passing_time(scan, position)
    named = phase.recipe.factors[number]
    amount, tube = (_value(schedule, passed, recipe) for schedule in (phase.recipe.amount, recipe.tube))
    factor = _value(named.factor, passed, recipe)
    # a constant factor is already in the area of the line
    later = factor if phase.group[index] else 1.0
    return {
        "phase": phase.recipe.name,
        "hkl": list(named.hkl),
        "two_theta": _rounded(position),
        "passed_s": round(passed, 3),
        "factor": _rounded(factor),
        "area": _rounded(sample.scale * sum(float(line.area[index]) for line in lines) * amount * later * tube),
    }


def _all_events(recipe: Recipe, sample: Sample) -> list[TrueEvent]:
    events: list[TrueEvent] = []
    for phase in sample.phases:
        lines = scan_lines(phase, recipe, scan=0, spectral=0)
        low, high = recipe.two_theta_range
        seen = np.where((lines.bragg >= low) & (lines.bragg <= high), lines.area, 0.0)
        things: list[tuple[Hkl | None, int, tuple[Schedule, ...]]] = [(None, int(np.argmax(seen)), (phase.recipe.amount,))]
        for index, number in phase.named:
            if phase.group[index]:
                named = phase.recipe.factors[number]
                things.append((named.hkl, index, (phase.recipe.amount, named.factor)))
        for hkl, index, schedules in things:
            events += true_events(
                recipe,
                phase=phase.recipe.name,
                hkl=hkl,
                two_theta=float(lines.bragg[index]),
                strength=_product(schedules, recipe),
                bends=tuple(t for schedule in schedules for t in moments(schedule, timing=recipe.timing)),
            )
    return sorted(events, key=lambda event: (event.time, event.phase, event.hkl or ()))


def _event_truth(event: TrueEvent, recipe: Recipe) -> dict[str, object]:
    return {
        "kind": event.kind,
        "phase": event.phase,
        "hkl": list(event.hkl) if event.hkl is not None else None,
        "after_scan": event.after_scan,
        "before_scan": event.before_scan,
        "time_s": round(event.time, 3),
        "time": (recipe.start_time + timedelta(seconds=round(event.time, 3))).isoformat(),
        "begin_s": round(event.begin, 3),
        "end_s": round(event.end, 3),
        "state": state_at(recipe.cycling, event.time),
        "since_change_s": _since_change(recipe.cycling, event.time),
    }


def _since_change(plan: CyclingPlan | None, seconds: float) -> float | None:
    """Seconds since the current last changed state."""
    if plan is None:
        return None
    begin, changes = plan.starts_after, []
    for before, after in pairwise([None, *plan.segments, None]):
        states = [segment.state if segment is not None else "rest" for segment in (before, after)]
        if states[0] != states[1]:
            changes.append(begin)
        begin += after.duration if after is not None else 0.0
    past = [moment for moment in changes if moment <= seconds + 1e-6]
    return round(seconds - past[-1], 3) if past else None


def _product(schedules: tuple[Schedule, ...], recipe: Recipe) -> Callable[[float], float]:
    return lambda seconds: float(np.prod([_value(schedule, seconds, recipe) for schedule in schedules]))


def _value(schedule: Schedule, seconds: float, recipe: Recipe) -> float:
    return float(value_at(schedule, np.array([seconds]), timing=recipe.timing)[0])


def _rounded(value: float, digits: int = 9) -> float:
    """`digits` significant digits: more would only be the noise of the last bit, which differs between machines."""
    return float(f"{value:.{digits}g}")
