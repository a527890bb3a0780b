"""Records with a known content, made without any other room: a three-phase pattern and a plating series."""

from collections.abc import Callable
from datetime import datetime, timedelta, timezone

import numpy as np
import pytest

from xrdkna.physics.bragg import d_from_two_theta
from xrdkna.physics.profile import pseudo_voigt
from xrdkna.physics.radiation import radiation_from_text
from xrdkna.records.index import Assignment, CellFit, Contamination, Index, IndexedPeak, PhaseVerdict, ScanFacts
from xrdkna.records.instrument import Instrument
from xrdkna.records.peaks import Halo, Peak, Peaks
from xrdkna.records.refinement import IntensityInformation, Parameter, PhaseFit, Refinement
from xrdkna.records.scan import Pattern
from xrdkna.records.series import Cycling
from xrdkna.records.track import (
    Event,
    EventElectrochemistry,
    EventTime,
    Heatmap,
    LinkedLine,
    Presence,
    Track,
    TrackedScan,
    Trajectory,
)
from xrdkna.records.values import Estimate, Notice

START = datetime(2024, 3, 1, 9, 30, tzinfo=timezone(timedelta(hours=1)))
LINES = {
    "Al": {(1, 1, 1): (38.47, 900.0), (2, 0, 0): (44.72, 430.0), (2, 2, 0): (65.10, 260.0), (3, 1, 1): (78.23, 270.0)},
    "K": {(1, 1, 0): (23.60, 300.0), (2, 0, 0): (33.61, 60.0), (2, 1, 1): (41.48, 70.0)},
    "KNa2": {(1, 0, 3): (25.66, 60.0), (1, 1, 2): (27.84, 90.0), (2, 0, 1): (28.40, 40.0), (2, 1, 3): (42.89, 70.0)},
}
ROLES = {"Al": "hardware", "K": "deposit", "KNa2": "deposit"}
WEIGHTS = {"Al": (0.62, 0.008), "K": (0.304, 0.01), "KNa2": (0.076, 0.004)}
CELLS = {"Al": {"a": (4.04951, 0.00012)}, "K": {"a": (5.3284, 0.0003)}, "KNa2": {"a": (7.501, 0.004), "c": (12.312, 0.009)}}
INSTRUMENT = Instrument(radiation=radiation_from_text("CuKa"), radius_mm=240.0)


def simulate(points: int = 3501, names: dict[str, str] | None = None) -> dict[str, object]:
    """A pattern of LINES with a halo, a linear background and Poisson noise; `names` renames phases."""
    rng = np.random.default_rng(7)
    x = np.linspace(10.0, 80.0, points)
    background = 120.0 - 0.6 * x + 160.0 * np.exp(-(((x - 23.0) / 3.5) ** 2))
    parts = {}
    for phase, lines in LINES.items():
        part = np.zeros_like(x)
        for position, area in lines.values():
            part += area * pseudo_voigt(x - position, fwhm=0.14, eta=0.5)
        parts[(names or {}).get(phase, phase)] = part
    stranger = 14.0 * pseudo_voigt(x - 31.05, fwhm=0.14, eta=0.5)
    calculated = background + sum(parts.values())
    observed = rng.poisson(calculated + stranger).astype(float)
    return {"x": x, "background": background, "parts": parts, "calculated": calculated, "observed": observed}


def make_peak(position: float, area: float, *, snr: float = 40.0) -> Peak:
    spacing = float(d_from_two_theta(np.array(position), wavelength=1.5405929))
    return Peak(
        two_theta=Estimate(value=position, esd=0.0034, unit="deg"),
        d_spacing=Estimate(value=spacing, esd=0.0003, unit="Å"),
        area=Estimate(value=area, esd=np.sqrt(area), unit="counts·deg"),
        fwhm=Estimate(value=0.141, esd=0.004, unit="deg"),
        eta=0.5,
        snr=snr,
        background=110.0,
    )


@pytest.fixture
def facts() -> ScanFacts:
    return ScanFacts(
        name="tai_KNA-3.5", points=3501, two_theta_range=(10.0, 80.0), start_time=START, instrument=INSTRUMENT, sigma_source="counts"
    )


@pytest.fixture
def halo() -> Halo:
    return Halo(
        two_theta=Estimate(value=23.02, esd=0.11, unit="deg"),
        fwhm=Estimate(value=5.8, esd=0.3, unit="deg"),
        area=Estimate(value=980.0, esd=30.0, unit="counts·deg"),
        snr=33.0,
    )


@pytest.fixture
def make_index(facts: ScanFacts, halo: Halo) -> Callable[..., Index]:
    """An Index of a fitted three-phase pattern; `rename` gives phases other names, `extra` adds that many more, absent unless
    `extra_verdict` says otherwise."""

    def build(*, rename: dict[str, str] | None = None, extra: int = 0, points: int = 3501, extra_verdict: str = "absent") -> Index:
        new = rename or {}
        fit = _refinement(points, new, halo, extra)
        phases = [_verdict(phase, new.get(phase, phase)) for phase in LINES]
        phases += [_absent(f"absent {k}", extra_verdict) for k in range(extra)]
        return Index(
            scan=facts,
            peaks=_indexed_peaks(new),
            phases=tuple(phases),
            contamination=Contamination(
                verdict="suspected", phases=("K2CO3",), sentence="A line at 31.05° lies near K2CO3 (1 3 0), but K2CO3 (1 1 -2) is missing."
            ),
            halos=(halo,),
            verdict="accepted",
            notices=(
                Notice(code="radius", severity="warning", sentence="No goniometer radius is known.", remedy="Give one with --radius MM."),
            ),
            refinement=fit,
        )

    return build


def _refinement(points: int, new: dict[str, str], halo: Halo, extra: int) -> Refinement:
    made = simulate(points, new)
    ticks = {new.get(phase, phase): tuple((hkl, place[0]) for hkl, place in lines.items()) for phase, lines in LINES.items()}
    ticks |= {f"absent {k}": (((1, 0, 0), 20.0 + k), ((1, 1, 0), 35.0 + k)) for k in range(extra)}
    return Refinement(
        name="tai_KNA-3.5",
        two_theta=made["x"],
        observed=made["observed"],
        sigma=np.sqrt(np.maximum(made["observed"], 1.0)),
        calculated=made["calculated"],
        background=made["background"],
        contributions=made["parts"],
        ticks=ticks,
        parameters=(
            Parameter(
                name="zero", value=Estimate(value=0.0121, esd=0.0009, unit="deg"), lower=-0.5, upper=0.5, at_bound=False, refined=True
            ),
            Parameter(name="K_a", value=Estimate(value=5.3284, esd=0.0003, unit="Å"), lower=None, upper=5.5, at_bound=True, refined=True),
        ),
        phases=tuple(_phase_fit(phase, new.get(phase, phase)) for phase in LINES),
        halos=(halo,),
        information=IntensityInformation(groups=(), information=np.zeros((0, 0)), score=np.zeros(0)),
        rwp=0.0812,
        rexp=0.0651,
        gof=1.247,
        verdict="accepted",
        reasons=(),
        steps=("scales and background", "cells"),
        evaluations=41,
    )


def _phase_fit(phase: str, name: str) -> PhaseFit:
    return PhaseFit(
        phase=name,
        role=ROLES[phase],
        scale=Estimate(value=3.21e-5, esd=4e-7, unit="counts·deg/electron²"),
        weight_fraction=Estimate(value=WEIGHTS[phase][0], esd=WEIGHTS[phase][1], unit="1"),
        detection_limit=Estimate(value=0.0113, esd=None, unit="1"),
        cell={key: Estimate(value=v, esd=e, unit="Å") for key, (v, e) in CELLS[phase].items()},
        size=Estimate(value=820.0, esd=40.0, unit="Å"),
        strain=None,
        displacement=Estimate(value=0.031, esd=0.004, unit="mm"),
        texture={"(1 1 1)": Estimate(value=0.82, esd=0.02, unit="1")} if phase == "Al" else {},
        significance=14.0,
    )


def _verdict(phase: str, name: str) -> PhaseVerdict:
    return PhaseVerdict(
        phase=name,
        role=ROLES[phase],
        verdict="undecided" if phase == "KNa2" else "present",
        significance=4.2 if phase == "KNa2" else 41.0,
        weight_fraction=Estimate(value=WEIGHTS[phase][0], esd=WEIGHTS[phase][1], unit="1"),
        detection_limit=Estimate(value=0.0113, esd=None, unit="1"),
        cell={key: Estimate(value=v, esd=e, unit="Å") for key, (v, e) in CELLS[phase].items()},
        reasons=("Its lines (1 1 2) and (2 0 1) stand clear of every other phase.", "Its (1 0 3) lies on Al2O3 (0 1 2)."),
    )


def _absent(name: str, verdict: str) -> PhaseVerdict:
    limit = Estimate(value=0.021, esd=None, unit="1")
    return PhaseVerdict(
        phase=name,
        role="other",
        verdict=verdict,
        significance=0.3,
        weight_fraction=None,
        detection_limit=limit,
        cell=None,
        reasons=("None of its three strongest lines is seen.",),
    )


def _indexed_peaks(new: dict[str, str]) -> tuple[IndexedPeak, ...]:
    found = []
    for phase, lines in LINES.items():
        for hkl, (position, area) in lines.items():
            assignment = Assignment(phase=new.get(phase, phase), hkl=hkl, two_theta=position - 0.006, share=1.0)
            found.append(IndexedPeak(peak=make_peak(position, area), status="indexed", assignments=(assignment,)))
    near = Assignment(phase="K2CO3", hkl=(1, 1, -2), two_theta=31.01, share=0.4)
    found.append(IndexedPeak(peak=make_peak(31.05, 14.0, snr=6.1), status="unindexed", assignments=(near,), sentence="K2CO3 is near."))
    shared = (
        Assignment(phase="K", hkl=(3, 1, 0), two_theta=54.4, share=0.6),
        Assignment(phase="KNa2", hkl=(4, 0, 1), two_theta=54.5, share=0.4),
    )
    found.append(IndexedPeak(peak=make_peak(54.45, 20.0, snr=8.0), status="ambiguous", assignments=shared))
    return tuple(sorted(found, key=lambda p: p.peak.two_theta.value))


@pytest.fixture
def published_index(facts: ScanFacts) -> Index:
    """A list of two lines from print: one agrees with its index, one does not."""
    right = Assignment(phase="K", hkl=(1, 1, 0), two_theta=23.6, share=1.0)
    cell = {"a": Estimate(value=5.33, esd=0.01, unit="Å")}
    return Index(
        scan=ScanFacts(name="tai", points=2, two_theta_range=(23.5, 24.5), start_time=None, instrument=None, sigma_source="relative"),
        peaks=(
            IndexedPeak(
                peak=make_peak(23.5, 1.0), status="indexed", assignments=(right,), published=("K", (1, 1, 0)), published_verdict="agrees"
            ),
            IndexedPeak(
                peak=make_peak(24.5, 1.0),
                status="unindexed",
                assignments=(),
                published=("KNa2", (1, 1, 0)),
                published_verdict="disagrees",
                sentence="KNa2 (1 1 0) lies at 23.71°, 0.79° away.",
            ),
        ),
        phases=(),
        contamination=Contamination(verdict="none", phases=(), sentence=""),
        halos=(),
        verdict="doubtful",
        notices=(),
        cell_fits=(
            CellFit(
                phase="K",
                lines=1,
                cell=cell,
                figure_of_merit_m=float("inf"),
                figure_of_merit_f=12.0,
                rms_two_theta=0.1,
                sentence="K is bcc.",
            ),
        ),
    )


@pytest.fixture
def empty_index() -> Index:
    """A scan in which there is nothing at all."""
    return Index(
        scan=ScanFacts(name="empty", points=1, two_theta_range=(20.0, 20.0), start_time=None, instrument=None, sigma_source="relative"),
        peaks=(),
        phases=(),
        contamination=Contamination(verdict="none", phases=(), sentence=""),
        halos=(),
        verdict="failed",
        notices=(),
    )


@pytest.fixture
def found(halo: Halo) -> Peaks:
    places = sorted(place for lines in LINES.values() for place in lines.values())
    return Peaks(peaks=tuple(make_peak(position, area) for position, area in places), halos=(halo,), threshold=4.5)


@pytest.fixture
def pattern() -> Pattern:
    made = simulate()
    return Pattern(
        name="tai_KNA-3.5",
        two_theta=made["x"],
        intensity=made["observed"],
        sigma=np.sqrt(np.maximum(made["observed"], 1.0)),
        sigma_source="counts",
        background=made["background"],
        used=np.ones(3501, dtype=bool),
        instrument=INSTRUMENT,
        start_time=START,
    )


@pytest.fixture
def make_track() -> Callable[..., Track]:
    """A plating series of `scans` scans of 20 minutes: KNa2 comes after a quarter, its (1 0 3) goes after three quarters."""
    return build_track


def build_track(*, scans: int = 12, axis: str = "time", rename: dict[str, str] | None = None, many: int = 0, cycler: bool = True) -> Track:
    new = rename or {}
    rng = np.random.default_rng(3)
    on, off = max(1, scans // 4), max(1, 3 * scans // 4)
    step = 1260.0 if axis == "time" else 1.0
    states = ["rest" if i < on else "plating" if i < off else "rest" for i in range(scans)]
    tracked = tuple(
        TrackedScan(
            index=i,
            name=f"scan_{i:03d}",
            start=i * step,
            end=i * step + 1200.0 if axis == "time" else None,
            start_time=START + timedelta(seconds=i * step) if axis == "time" else None,
            state=states[i],
            charge_mAh=0.12 * max(0, min(i, off) - on),
            used=i != 5,
            why_not="the file is cut off" if i == 5 else None,
        )
        for i in range(scans)
    )
    knA2 = new.get("KNa2", "KNa2")  # noqa: N806
    amount = np.array([0.0 if i < on else min(1.0, (i - on + 1) / 3) for i in range(scans)])
    marker = np.where(np.arange(scans) < off, amount, 0.0)
    intensity = [(knA2, (1, 0, 3), 60 * marker, 3.0), (knA2, (1, 1, 2), 90 * amount * np.where(np.arange(scans) < off, 1, 0.5), 4.0)]
    intensity += [(knA2, (2, 0, 1), 40 * amount * np.where(np.arange(scans) < off, 1, 0.5), 3.0), (knA2, None, 300 * amount, 9.0)]
    weights = [("Al", 0.7 - 0.2 * amount, 0.008), ("K", 0.3 + 0.1 * amount, 0.01), (knA2, 0.1 * amount, 0.004)]
    weights += [(f"phase number {k} with a rather long name", np.full(scans, 0.005 * (k + 1)), 0.002) for k in range(many)]
    return Track(
        name="coin cell 7",
        axis=axis,
        origin=START if axis == "time" else None,
        scans=tracked,
        trajectories=(
            *(_trajectory("intensity", p, hkl, "counts·deg", v, e, rng) for p, hkl, v, e in intensity),
            *(_trajectory("weight_fraction", p, None, "1", v, e, rng) for p, v, e in weights),
            _trajectory("a", "Al", None, "Å", np.full(scans, 4.0495), 2e-4, rng),
            _trajectory("displacement", "Al", None, "mm", np.linspace(0, 0.05, scans), 4e-3, rng),
            _trajectory("rwp", None, None, "1", np.full(scans, 0.08), None, rng),
        ),
        presence=(
            Presence(phase=knA2, hkl=None, probability=np.where(np.arange(scans) < on, 0.01, 0.999)),
            Presence(phase=knA2, hkl=(1, 0, 3), probability=np.where((np.arange(scans) >= on) & (np.arange(scans) < off), 0.99, 0.03)),
        ),
        events=_events(knA2, on, off, step, scans),
        contamination=Contamination(verdict="none", phases=(), sentence="No line of K2CO3 or of any other product of air is seen."),
        unindexed=(
            LinkedLine(
                two_theta=Estimate(value=31.05, esd=0.02, unit="deg"),
                first_scan=min(2, scans - 1),
                last_scan=scans - 1,
                significance=5.4,
                candidates=(Assignment(phase="K2CO3", hkl=(1, 3, 0), two_theta=31.63, share=0.2),),
            ),
        ),
        notices=(Notice(code="cut", severity="warning", sentence="Scan scan_005 is cut off at 41°.", remedy="Copy the file again."),),
        marker=(knA2, (1, 0, 3)),
        cycling=_cycling(states, step) if cycler and axis == "time" else None,
        heatmap=_heatmap(scans, amount, marker, rng),
        undecided=("Whether Al2O3 (0 1 2) hides part of KNa2 (1 0 3).",),
    )


def _trajectory(quantity, phase, hkl, unit, values, esd, rng) -> Trajectory:
    noisy = values + rng.normal(size=len(values)) * (esd or 0.002)
    return Trajectory(
        quantity=quantity,
        phase=phase,
        hkl=hkl,
        unit=unit,
        value=tuple(None if i == 5 else float(v) for i, v in enumerate(noisy)),
        esd=tuple(None if i == 5 or esd is None else esd for i in range(len(noisy))),
    )


def _events(phase: str, on: int, off: int, step: float, scans: int) -> tuple[Event, ...]:
    made = []
    for kind, hkl, before, state in (
        ("appears", (1, 0, 3), on, "plating"),
        ("vanishes", (1, 0, 3), off, "rest"),
        ("weakens", (1, 1, 2), off, "rest"),
    ):
        if 0 < before < scans:
            time = EventTime(value=(before - 0.4) * step, low=(before - 0.9) * step, high=(before + 0.1) * step)
            cell = EventElectrochemistry(state=state, since_change_s=640.0, charge_mAh=0.21)
            sentence = f"{phase} ({hkl[0]} {hkl[1]} {hkl[2]}) {kind} between scan {before - 1} and scan {before}, 640 s into {state}."
            between = {"after_scan": before - 1, "before_scan": before, "time": time, "electrochemistry": cell}
            made.append(Event(kind=kind, phase=phase, hkl=hkl, probability=0.9983, sentence=sentence, **between))
    return tuple(made)


def _cycling(states: list[str], step: float) -> Cycling:
    time = np.arange(0.0, len(states) * step, 30.0)
    plating = np.array([states[min(int(t // step), len(states) - 1)] == "plating" for t in time])
    return Cycling(start=START, time=time, current=np.where(plating, -0.5, 0.0), potential=np.where(plating, -0.08, 0.02))


def _heatmap(scans: int, amount: np.ndarray, marker: np.ndarray, rng: np.random.Generator) -> Heatmap:
    x = np.linspace(20.0, 46.0, 700)
    kept = tuple(i for i in range(scans) if i != 5)
    rows = []
    for i in kept:
        row = 100.0 + 100.0 * np.exp(-(((x - 23.0) / 3.5) ** 2))
        for phase, lines in LINES.items():
            for hkl, (position, area) in lines.items():
                factor = 1.0 if phase != "KNa2" else float(marker[i] if hkl == (1, 0, 3) else amount[i])
                row = row + area * factor * pseudo_voigt(x - position, fwhm=0.14, eta=0.5)
        rows.append(rng.poisson(row))
    return Heatmap(two_theta=x, scans=kept, intensity=np.array(rows, dtype=float).reshape(len(kept), x.size))
