"""A series planted from a scenario and a seed: scans with Poisson counts, what the cycler wrote, and the truth.

    planted = plant_series("strong", 7)

Two physical points: a sweep takes time, so each point of a scan shows the cell as it was when that point was passed; and a level is stated
as the sigmas that a matched filter would give which knows everything but that level, √Σ s²/λ over the points (s the counts of the thing, λ
all counts).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from zlib import crc32

import numpy as np
from series_crystals import seen_from
from series_plan import Clock, Plan
from series_scenarios import SCENARIOS
from series_specimen import Ingredient, Specimen, draw_specimen
from series_truth import MARKER, TrueEvent, TrueScan, Truth, scans_around

from xrdkna.errors import DataError
from xrdkna.physics.radiation import tube_radiation
from xrdkna.records.scan import Scan
from xrdkna.records.series import Cycling, Series, SeriesEntry, SeriesSetup

BEGINNING = datetime(2021, 5, 6, 9, 0)
CURRENT_MA = 0.5
# A level at which a tracker could not be told to be wrong: a phase under this share of its largest is as good as not there.
FAINT = 0.01


@dataclass(frozen=True, kw_only=True)
class Planted:
    """expected: (n,) counts a point before noise, a scan; parts: by thing, what of it is that thing's."""

    series: Series
    truth: Truth
    specimen: Specimen
    expected: tuple[np.ndarray, ...]
    parts: tuple[Mapping[str, np.ndarray], ...]


def plant_series(scenario: str, seed: int) -> Planted:
    """The series of this scenario and number."""
    key = crc32(scenario.encode())
    rng = np.random.default_rng([seed, key])
    plan = SCENARIOS[scenario](rng)
    specimen = _with_levels(draw_specimen(plan, rng), plan)
    made = [scan_counts(specimen, plan, i) for i in range(plan.clock.count)]
    noise = [np.random.default_rng([seed, key, i]) for i in range(plan.clock.count)]
    counts = [generator.poisson(expected).astype(float) for generator, (expected, _) in zip(noise, made, strict=True)]
    truth = _truth(scenario, seed, plan, specimen, made)
    series = Series(
        name=f"{scenario} {seed}",
        entries=tuple(_entry(plan, specimen, i, count) for i, count in enumerate(counts)),
        axis="time",
        setup=SeriesSetup(radiation=f"{plan.anode}Ka", geometry="Bragg-Brentano", radius_mm=plan.radius_mm),
        cycling=None if plan.plating is None else _cycling(plan),
    )
    return Planted(series=series, truth=truth, specimen=specimen, expected=tuple(e for e, _ in made), parts=tuple(p for _, p in made))


def scan_counts(specimen: Specimen, plan: Plan, scan: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """(n,) expected counts of a whole sweep, and the share of each thing in it."""
    machine = specimen.machine
    time = _times(plan.clock, machine.two_theta, scan)
    power, hold = plan.tube.at(time), plan.crack.at(time)
    places: dict[float, np.ndarray] = {}
    parts: dict[str, np.ndarray] = {}
    for one in specimen.ingredients:
        amount = one.course.at(time) * (hold if one.hardware else 1.0)
        if not amount.any():
            continue
        if one.height_mm not in places:
            places[one.height_mm] = seen_from(
                machine, float(specimen.displacement_mm[scan]) + one.height_mm, float(specimen.expansion[scan])
            )
        seen = power * amount * one.scale * np.maximum(one.pattern(places[one.height_mm]), 0.0)
        parts[one.thing] = parts.get(one.thing, 0.0) + seen
    smooth = specimen.background + sum((hump * course.at(time) for hump, course in specimen.halos), start=np.zeros(time.size))
    return np.asarray(power * smooth + sum(parts.values(), start=np.zeros(time.size))), parts


def matched_sigmas(part: np.ndarray, expected: np.ndarray) -> float:
    """What the best filter would give for a part of the counts."""
    return float(np.sqrt((part**2 / expected).sum()))


def _times(clock: Clock, two_theta: np.ndarray, scan: int) -> np.ndarray:
    share = (two_theta - two_theta[0]) / (two_theta[-1] - two_theta[0])
    return np.asarray(clock.starts[scan] + share * clock.duration)


def _with_levels(specimen: Specimen, plan: Plan) -> Specimen:
    """The specimen with scales that give air its weights, potassium and the marker their sigmas in the scan where they stand highest."""
    hardware = sum({one.thing: one.scale * one.phase.density for one in specimen.ingredients if one.hardware}.values())
    scaled = [one.scaled(hardware / one.phase.density) if one.thing in plan.air else one for one in specimen.ingredients]
    for things, lead, wanted in ((("K",), "K", plan.potassium[1]), (("KNa2", "marker"), "marker", plan.sigma)):
        scale = _scale_for(_replaced(specimen, scaled), plan, things, lead, wanted)
        scaled = [one.scaled(scale) if one.thing in things else one for one in scaled]
    return _replaced(specimen, scaled)


def _replaced(specimen: Specimen, ingredients: list[Ingredient]) -> Specimen:
    return Specimen(**{**{name: getattr(specimen, name) for name in specimen.__dataclass_fields__}, "ingredients": tuple(ingredients)})


def _scale_for(specimen: Specimen, plan: Plan, things: tuple[str, ...], lead: str, wanted: float) -> float:
    """The common scale at which `lead` has the wanted sigmas in its fullest scan: a few rounds, for its own counts are noise too."""
    if wanted <= 0.0:
        return 0.0
    leader = next(one for one in specimen.ingredients if one.thing == lead)
    levels = [leader.course.at(_times(plan.clock, specimen.machine.two_theta, i)).mean() for i in range(plan.clock.count)]
    expected, parts = scan_counts(specimen, plan, int(np.argmax(levels)))
    own = sum(parts[thing] for thing in things)
    rest, scale = expected - own, 1.0
    for _ in range(40):
        scale *= wanted / matched_sigmas(scale * parts[lead], rest + scale * own)
    return scale


def _truth(scenario: str, seed: int, plan: Plan, specimen: Specimen, made: list[tuple[np.ndarray, dict[str, np.ndarray]]]) -> Truth:
    clock, x = plan.clock, specimen.machine.two_theta
    share = {thing: (angle - x[0]) / (x[-1] - x[0]) for thing, angle in specimen.angles.items()}
    seen = {thing: clock.starts + part * clock.duration for thing, part in share.items()}
    usable = [i not in clock.unreadable for i in range(clock.count)]
    events = [_true_event(change, clock, share["marker"], specimen.lines if change[1] == "KNa2" else ()) for change in plan.changes]
    onset = None if plan.onset is None else scans_around(plan.onset, seen[next(iter(plan.air))], usable)[1]
    return Truth(
        scenario=scenario,
        seed=seed,
        anode=plan.anode,
        radius_mm=plan.radius_mm,
        sigma=plan.sigma,
        null=plan.sigma == 0.0,
        scans=tuple(_true_scan(plan, specimen, i, usable[i], seen, *made[i]) for i in range(clock.count)),
        events=tuple(sorted(events, key=lambda event: event.time)),
        contamination=tuple(plan.air),
        onset_scan=onset,
        clock_ahead=clock.ahead,
    )


def _true_event(change: tuple[str, str, float], clock: Clock, marker: float, others: tuple[float, ...]) -> TrueEvent:
    """marker, others: share of the sweep at which the marker and the other strong lines of its phase are passed."""
    kind, thing, moment = change
    pairs = []
    for share in (marker, *others):
        holds = [i not in clock.unreadable and clock.cut.get(i, 1.0) > share for i in range(clock.count)]
        pairs.append(scans_around(moment, clock.starts + share * clock.duration, holds))
    after, before = pairs[0]
    hkl = MARKER if thing == "marker" else None
    return TrueEvent(kind=kind, phase="KNa2", hkl=hkl, time=moment, after_scan=after, before_scan=before, pairs=tuple(dict.fromkeys(pairs)))


def _true_scan(
    plan: Plan,
    specimen: Specimen,
    scan: int,
    usable: bool,
    seen: Mapping[str, np.ndarray],
    expected: np.ndarray,
    parts: Mapping[str, np.ndarray],
) -> TrueScan:
    start = float(plan.clock.starts[scan])
    reach = int(plan.clock.cut.get(scan, 1.0) * expected.size)
    together = dict(parts)
    if "marker" in parts and "KNa2" in parts:
        together["KNa2"] = parts["KNa2"] + parts["marker"]
    now = {one.thing: (one, float(one.course.at(np.array([seen[one.thing][scan]]))[0])) for one in specimen.ingredients}
    masses = {thing: one.scale * one.phase.density * level for thing, (one, level) in now.items() if thing != "marker"}
    there = {thing: level > FAINT and one.scale > 0.0 for thing, (one, level) in now.items() if thing not in plan.air}
    passed = start + plan.clock.duration * np.array([share for share in specimen.lines if share < plan.clock.cut.get(scan, 1.0)])
    shown = plan.kna2.at(passed) > 0.0
    return TrueScan(
        start=start,
        end=start + plan.clock.duration * plan.clock.cut.get(scan, 1.0),
        usable=usable,
        sigmas={thing: matched_sigmas(part[:reach], expected[:reach]) for thing, part in together.items()},
        weights={thing: mass / sum(masses.values()) for thing, mass in masses.items()},
        there={**there, **{name: now[name][1] > 0.0 for name in plan.air}},
        split=bool(shown.any() and not shown.all()),
        displacement_mm=float(specimen.displacement_mm[scan]),
    )


def _entry(plan: Plan, specimen: Specimen, index: int, counts: np.ndarray) -> SeriesEntry:
    start = BEGINNING + timedelta(seconds=float(plan.clock.starts[index]))
    share = plan.clock.cut.get(index, 1.0)
    reach = int(share * counts.size)
    end = start + timedelta(seconds=plan.clock.duration * share)
    scan = Scan(
        name=f"scan_{index:03d}",
        source=f"scan_{index:03d}.xy",
        two_theta=specimen.machine.two_theta[:reach],
        intensity=counts[:reach],
        sigma=np.sqrt(np.maximum(counts[:reach], 1.0)),
        sigma_source="counts",
        radiation=tube_radiation(plan.anode),
        geometry="Bragg-Brentano",
        radius_mm=plan.radius_mm,
        start_time=start,
        end_time=end,
        complete=share == 1.0,
    )

    def load() -> Scan:
        if index in plan.clock.unreadable:
            raise DataError(f"{scan.source} is cut off in its header; measure it again or take it out of the series.")
        return scan

    return SeriesEntry(index=index, name=scan.name, start=start, end=end, load=load)


def _cycling(plan: Plan) -> Cycling:
    """A record every half minute and on both sides of every switch; plating is negative, as in series.toml by default."""
    end = float(plan.clock.starts[-1] + plan.clock.duration)
    switches = {moment + shift for begin, stop, _ in plan.plating or () for moment in (begin, stop) for shift in (-0.01, 0.0)}
    time = np.array(sorted({*np.arange(0.0, end, 30.0).tolist(), *(moment for moment in switches if 0.0 < moment < end), end}))
    current = np.zeros(time.size)
    for begin, stop, sign in plan.plating or ():
        current[(time >= begin) & (time < stop)] = -CURRENT_MA * sign
    return Cycling(start=BEGINNING + timedelta(seconds=plan.clock.ahead), time=time, current=current, source="planted")
