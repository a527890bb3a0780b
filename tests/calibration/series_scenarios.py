"""The scenarios: each draws a plan from a generator of random numbers."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import pairwise

import numpy as np
from series_plan import NEVER, Course, Plan, draw_clock, draw_potassium, draw_radius, stretch

AIR = ("K2CO3", "K2CO3", "K2CO3", "K2O", "KHCO3", "KOH", "KO2")


def nothing(rng: np.random.Generator) -> Plan:
    """Hardware alone; half of the series with a current that deposits nothing."""
    clock = draw_clock(rng)
    begin = clock.moment(rng, 3, 6)
    plating = ((begin, clock.moment(rng, 9, clock.count - 1), 1),) if rng.random() < 0.5 else None
    return Plan(clock=clock, radius_mm=draw_radius(rng), plating=plating)


def corundum(rng: np.random.Generator) -> Plan:
    """Corundum whose (012) is up to 1.6 times too strong drifts by 0.12 mm, through the marker's place."""
    drift = float(rng.choice((-0.12, 0.12)))
    return replace(nothing(rng), corundum_012=float(rng.uniform(1.2, 1.6)), drift_mm=drift)


def turning(rng: np.random.Generator) -> Plan:
    """Grains turn: corundum (012) grows or fades by some per cent over the series, its other lines do not."""
    plan = nothing(rng)
    end = float(plan.clock.starts[-1])
    return replace(plan, turn_012=Course(points=((0.0, 1.0), (end, 1.0 + float(rng.choice((-1.0, 1.0)) * rng.uniform(0.01, 0.04))))))


def potassium(rng: np.random.Generator) -> Plan:
    """Potassium grows with the current; KNa2 never comes."""
    clock = draw_clock(rng)
    begin, end = clock.moment(rng, 3, 6), clock.moment(rng, 9, clock.count - 1)
    return Plan(clock=clock, radius_mm=draw_radius(rng), potassium=draw_potassium(rng, begin, end), plating=((begin, end, 1),))


def tube(rng: np.random.Generator) -> Plan:
    """The tube's intensity makes a step."""
    plan = nothing(rng)
    moment, step = plan.clock.moment(rng, 3, plan.clock.count - 3), float(rng.choice((0.6, 0.8, 1.25, 1.5)))
    return replace(plan, tube=Course(points=((moment, 1.0), (moment, step))))


def crack(rng: np.random.Generator) -> Plan:
    """The specimen cracks: all hardware lines change together, and the specimen jumps."""
    plan = nothing(rng)
    moment, left = plan.clock.moment(rng, 3, plan.clock.count - 3), float(rng.uniform(0.4, 0.8))
    jump = Course(points=((moment, 0.0), (moment, float(rng.uniform(-0.06, 0.06)))))
    return replace(plan, crack=Course(points=((moment, 1.0), (moment, left))), jump_mm=jump)


def liquid(rng: np.random.Generator) -> Plan:
    """A liquid alloy: its halo grows with the current and decays afterwards; nothing crystalline is deposited."""
    clock = draw_clock(rng)
    begin, end = clock.moment(rng, 3, 6), clock.moment(rng, 9, clock.count - 2)
    halo = Course(points=((begin, 0.0), (end, 1.0), (end + 4.0 * clock.period, float(rng.uniform(0.1, 0.5)))))
    return Plan(clock=clock, radius_mm=draw_radius(rng), liquid=(halo, float(rng.uniform(0.3, 2.0))), plating=((begin, end, 1),))


def _visit(rng: np.random.Generator, sigma: float, *, shortest: float, fewest: int = 15) -> Plan:
    """KNa2 with its marker comes and goes at random moments; half of the series with potassium beside it."""
    clock = draw_clock(rng, fewest=fewest)
    last = clock.count - 3.0
    begin = rng.uniform(3.0, last - shortest)
    end = rng.uniform(begin + shortest, last)
    appears, vanishes = clock.moment(rng, begin, begin), clock.moment(rng, end, end)
    course = stretch(appears, vanishes, *rng.uniform(0.9, 1.1, 2))
    before = appears - rng.uniform(0.0, 2.0) * clock.period
    after = vanishes - rng.uniform(-1.0, 1.0) * clock.period
    beside = draw_potassium(rng, before, after) if rng.random() < 0.5 else (NEVER, 0.0)
    return Plan(
        clock=clock,
        radius_mm=draw_radius(rng),
        sigma=sigma,
        kna2=course,
        marker=course,
        potassium=beside,
        changes=_changes([(appears, vanishes)]),
        plating=((before, after, 1),),
    )


def _changes(visits: list[tuple[float, float]]) -> tuple[tuple[str, str, float], ...]:
    return tuple(
        (kind, thing, moment)
        for visit in visits
        for kind, moment in zip(("appears", "vanishes"), visit, strict=True)
        for thing in ("KNa2", "marker")
    )


def strong(rng: np.random.Generator) -> Plan:
    """The marker at 5 or 8 sigmas a scan."""
    return _visit(rng, float(rng.choice((5.0, 8.0))), shortest=3.0)


def three(rng: np.random.Generator) -> Plan:
    """The marker at 3 sigmas a scan."""
    return _visit(rng, 3.0, shortest=4.0)


def weak(rng: np.random.Generator) -> Plan:
    """The marker at 1.5 or 2 sigmas a scan, for eight scans or more."""
    return _visit(rng, float(rng.choice((1.5, 2.0))), shortest=8.5, fewest=20)


def bare(rng: np.random.Generator) -> Plan:
    """No alumina: the marker stands free."""
    return replace(strong(rng), corundum=0.0)


def paper(rng: np.random.Generator) -> Plan:
    """Tai et al. 2021: rest for three scans, then plating with K and KNa2; when it stops, (103) vanishes the rest falls to a quarter."""
    clock = draw_clock(rng, fewest=12, most=20)
    begin, end = clock.moment(rng, 3.0, 4.0), clock.moment(rng, clock.count - 6.0, clock.count - 4.0)
    phase = Course(points=((begin, 0.0), (begin, 1.0), (end, 1.0), (end, 0.25)))
    return Plan(
        clock=clock,
        radius_mm=draw_radius(rng),
        sigma=float(rng.uniform(10.0, 25.0)),
        kna2=phase,
        marker=stretch(begin, end),
        potassium=draw_potassium(rng, begin, end),
        changes=(
            ("appears", "KNa2", begin),
            ("appears", "marker", begin),
            ("vanishes", "marker", end),
            ("weakens", "KNa2", end),
        ),
        plating=((begin, end, 1),),
    )


def cycles(rng: np.random.Generator) -> Plan:
    """Five times plated and stripped; KNa2 lives while the current plates."""
    clock = draw_clock(rng, fewest=34, most=40)
    half = (clock.count - 4.0) / 10.0
    moments = [clock.moment(rng, at, at) for at in 3.0 + half * (np.arange(10) + rng.uniform(-0.3, 0.3, 10) + 0.3)]
    visits = list(zip(moments[::2], moments[1::2], strict=True))
    course = Course(points=tuple(point for visit in visits for point in stretch(*visit).points))
    sign = [(a, b, 1 if i % 2 == 0 else -1) for i, (a, b) in enumerate(pairwise(moments))]
    return Plan(
        clock=clock,
        radius_mm=draw_radius(rng),
        sigma=float(rng.uniform(5.0, 10.0)),
        kna2=course,
        marker=course,
        changes=_changes(visits),
        plating=tuple(sign),
    )


def air(rng: np.random.Generator) -> Plan:
    """Air gets in at some moment: one or two of its compounds, from 1 wt% up, whatever the current does."""
    plan = potassium(rng)
    clock = plan.clock
    onset = clock.moment(rng, 1.0, clock.count - 4.0)
    members = dict.fromkeys(str(name) for name in rng.choice(AIR, int(rng.integers(1, 3))))
    first, last = sorted(rng.uniform(0.012, 0.06, 2))
    share = Course(points=((onset, 0.0), (onset, first), (clock.starts[-1] + clock.duration, last)))
    return replace(plan, air={name: share.times(1.0 / len(members)) for name in members}, onset=onset, top=(4_000.0, 40_000.0))


def machines(rng: np.random.Generator) -> Plan:
    """Cobalt and molybdenum tubes."""
    return replace(strong(rng), anode=str(rng.choice(("Co", "Mo"))))


def axial(rng: np.random.Generator) -> Plan:
    """Lines with tails to low angles, as Soller slits of 2 to 4 degrees leave them; a third of the series without KNa2."""
    height = float(rng.uniform(0.01, 0.025))
    return replace(corundum(rng) if rng.random() < 1.0 / 3.0 else strong(rng), axial=height)


def heights(rng: np.random.Generator) -> Plan:
    """The deposit lies above or below the mesh."""
    return replace(strong(rng), deposit_mm=float(rng.choice((-1.0, 1.0)) * rng.uniform(0.05, 0.15)))


def gaps(rng: np.random.Generator) -> Plan:
    """Hours without scans, one scan cut short, one that cannot be read, a cycler whose clock is wrong."""
    plan = strong(rng)
    chosen = [int(i) for i in rng.permutation(np.arange(1, plan.clock.count))[:4]]
    clock = replace(
        plan.clock,
        gaps={chosen[0]: float(rng.uniform(2.0, 8.0) * plan.clock.period), chosen[1]: float(rng.uniform(1.0, 3.0) * plan.clock.period)},
        cut={chosen[2]: float(rng.uniform(0.35, 0.8))},
        unreadable=(chosen[3],),
        ahead=float(rng.uniform(-300.0, 300.0)),
    )
    late = _later(plan.clock.starts, clock.starts)
    return replace(
        plan,
        clock=clock,
        kna2=_moved(plan.kna2, late),
        marker=_moved(plan.marker, late),
        potassium=(_moved(plan.potassium[0], late), plan.potassium[1]),
        changes=tuple((kind, thing, late(moment)) for kind, thing, moment in plan.changes),
        plating=tuple((late(a), late(b), sign) for a, b, sign in plan.plating or ()),
    )


def _later(old: np.ndarray, new: np.ndarray) -> Callable[[float], float]:
    """The moment of the new clock at which the old one shows a time."""
    beyond = new[-1] - old[-1]
    return lambda moment: float(np.interp(moment, old, new)) if moment <= old[-1] else moment + float(beyond)


def _moved(course: Course, later: Callable[[float], float]) -> Course:
    return Course(points=tuple((later(time), value) for time, value in course.points))


SCENARIOS: Mapping[str, Callable[[np.random.Generator], Plan]] = {
    draw.__name__: draw
    for draw in (
        nothing, corundum, turning, potassium, tube, crack, liquid,
        strong, three, weak, bare, paper, cycles, air, machines, axial, heights, gaps,
    )
}  # fmt: skip
NULL = ("nothing", "corundum", "turning", "potassium", "tube", "crack", "liquid")
