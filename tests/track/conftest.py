"""Planted series: areas that are known, information matrices with the overlaps of the real cell, noise drawn from them.

Nothing here comes from the fit: b = N a + noise with covariance N is the definition of the information a scan holds.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np
import pytest

from xrdkna.records.index import Assignment
from xrdkna.records.refinement import IntensityInformation, ReflectionGroup
from xrdkna.records.scan import Scan
from xrdkna.records.series import Cycling, Series, SeriesEntry, SeriesSetup
from xrdkna.records.track import Observation, Track
from xrdkna.records.values import Estimate
from xrdkna.track.interpret import interpret_series
from xrdkna.track.settings import TrackSettings

START = datetime(2021, 5, 4, 12, 0)
STEP_S, SWEEP_S = 600.0, 480.0
SIGMA = 10.0

# phase, role, hkl, 2θ, pattern (strongest of the phase = 1)
LINES = (
    ("KNa2", "deposit", (1, 1, 2), 27.84, 1.00),
    ("KNa2", "deposit", (2, 0, 1), 28.40, 0.55),
    ("KNa2", "deposit", (1, 0, 3), 25.66, 0.70),
    ("KNa2", "deposit", (1, 1, 0), 23.71, 0.50),
    ("K", "deposit", (1, 1, 0), 23.60, 1.00),
    ("K", "deposit", (2, 0, 0), 33.61, 0.20),
    ("K", "deposit", (2, 1, 1), 41.48, 0.25),
    ("K2CO3", "contamination", (1, 1, -2), 30.04, 0.60),
    ("K2CO3", "contamination", (1, 3, 0), 31.63, 1.00),
    ("K2CO3", "contamination", (0, 0, 2), 26.21, 0.45),
    ("Al2O3", "hardware", (0, 1, 2), 25.58, 0.65),
    ("Al2O3", "hardware", (1, 0, 4), 35.15, 1.00),
    ("Al2O3", "hardware", (1, 1, 3), 43.35, 0.95),
    ("Al2O3", "hardware", (1, 1, 6), 57.50, 0.90),
    ("Al", "hardware", (1, 1, 1), 38.47, 1.00),
    ("Al", "hardware", (2, 0, 0), 44.72, 0.45),
)
OVERLAPS = {
    (("KNa2", (1, 0, 3)), ("Al2O3", (0, 1, 2))): 0.95,
    (("KNa2", (1, 1, 0)), ("K", (1, 1, 0))): 0.90,
    (("KNa2", (1, 0, 3)), ("K2CO3", (0, 0, 2))): 0.10,
    (("KNa2", (1, 1, 2)), ("KNa2", (2, 0, 1))): 0.10,
}
LABELS = tuple((phase, hkl) for phase, _, hkl, _, _ in LINES)
PATTERN = {label: line[4] for label, line in zip(LABELS, LINES, strict=True)}
MARKER = ("KNa2", (1, 0, 3))


def information_matrix(sigma: float = SIGMA) -> np.ndarray:
    """(m, m) with conditional esd `sigma` for every group."""
    matrix = np.eye(len(LABELS))
    for (one, other), correlation in OVERLAPS.items():
        i, j = LABELS.index(one), LABELS.index(other)
        matrix[i, j] = matrix[j, i] = correlation
    return matrix / sigma**2


def marker_sigma() -> float:
    """Esd of the marker's area when nothing at all is known of corundum."""
    return float(np.sqrt(np.linalg.inv(information_matrix())[LABELS.index(MARKER), LABELS.index(MARKER)]))


@dataclass
class Plan:
    """levels: phase to (n,) area of its strongest line. ratios: label to (n,) or a number multiplying its pattern (texture, absence).
    noise: how many times the scans scatter more than they say."""

    scans: int
    levels: Mapping[str, np.ndarray]
    ratios: Mapping[tuple[str, tuple[int, int, int]], object] = field(default_factory=dict)
    sigma: float = SIGMA
    noise: float = 1.0
    absent_labels: Mapping[int, Sequence[tuple[str, tuple[int, int, int]]]] = field(default_factory=dict)
    verdicts: Mapping[int, str] = field(default_factory=dict)

    def areas(self) -> np.ndarray:
        """(n, m) true areas."""
        areas = np.zeros((self.scans, len(LABELS)))
        for j, (phase, hkl) in enumerate(LABELS):
            level = np.broadcast_to(self.levels.get(phase, 0.0), (self.scans,))
            areas[:, j] = level * PATTERN[phase, hkl] * np.broadcast_to(self.ratios.get((phase, hkl), 1.0), (self.scans,))
        return areas


def hardware_levels(scans: int, tube: np.ndarray | float = 1.0) -> dict[str, np.ndarray]:
    return {"Al2O3": np.full(scans, 2000.0) * tube, "Al": np.full(scans, 5000.0) * tube}


def make_observations(plan: Plan, rng: np.random.Generator) -> list[Observation]:
    matrix = information_matrix(plan.sigma)
    root = np.linalg.cholesky(matrix)
    areas = plan.areas()
    scores = areas @ matrix + plan.noise * rng.standard_normal(areas.shape) @ root.T
    observations = []
    for i in range(plan.scans):
        keep = [j for j, label in enumerate(LABELS) if label not in plan.absent_labels.get(i, ())]
        fitted = {phase: max(0.1, float(np.broadcast_to(plan.levels.get(phase, 0.0), (plan.scans,))[i])) for phase, *_ in LINES}
        groups = tuple(
            ReflectionGroup(
                phase=LINES[j][0], role=LINES[j][1], hkl=LINES[j][2], members=(LINES[j][2],), two_theta=LINES[j][3], fwhm=0.12,
                expected=fitted[LINES[j][0]] * LINES[j][4],
            )
            for j in keep
        )  # fmt: skip
        held = IntensityInformation(groups=groups, information=matrix[np.ix_(keep, keep)], score=scores[i, keep])
        values = {
            ("rwp", ""): Estimate(value=0.08, esd=None, unit=""),
            ("weight_fraction", "K2CO3"): Estimate(value=0.0, esd=0.002, unit=""),
        }
        observations.append(
            Observation(
                information=held, values=values, unindexed=(), two_theta_range=(10.0, 80.0), verdict=plan.verdicts.get(i, "accepted")
            )
        )
    return observations


def _no_scan() -> Scan:
    grid = np.linspace(10, 80, 50)
    return Scan(name="s", source="planted", two_theta=grid, intensity=np.ones(50), sigma=np.ones(50), sigma_source="counts")


def make_series(scans: int, *, load: Callable[[], Scan] = _no_scan, cycling: Cycling | None = None, timed: bool = True) -> Series:
    entries = tuple(
        SeriesEntry(
            index=i,
            name=f"scan_{i:02d}",
            start=START + timedelta(seconds=STEP_S * i) if timed else None,
            end=START + timedelta(seconds=STEP_S * i + SWEEP_S) if timed else None,
            load=load,
        )
        for i in range(scans)
    )
    return Series(name="planted", entries=entries, axis="time" if timed else "scan", setup=SeriesSetup(), cycling=cycling)


def make_track(
    plan: Plan, seed: int, *, settings: TrackSettings | None = None, cycling: Cycling | None = None, timed: bool = True
) -> Track:
    observations = make_observations(plan, np.random.default_rng(seed))
    reasons = [None if one.verdict in ("accepted", "doubtful") else "the fit failed." for one in observations]
    return interpret_series(make_series(plan.scans, cycling=cycling, timed=timed), observations, reasons, settings or TrackSettings())


def plating_current(on: float, off: float, length: float, *, sign: float = -1.0, start: datetime = START) -> Cycling:
    time = np.arange(0.0, length, 10.0)
    current = np.where((time >= on) & (time < off), sign * 0.5, 0.0)
    return Cycling(start=start, time=time, current=current, source="planted.csv")


@dataclass(frozen=True)
class Kit:
    """What the tests of this room share."""

    Plan = Plan
    labels = LABELS
    marker = MARKER
    information_matrix = staticmethod(information_matrix)
    marker_sigma = staticmethod(marker_sigma)
    hardware_levels = staticmethod(hardware_levels)
    make_observations = staticmethod(make_observations)
    make_series = staticmethod(make_series)
    make_track = staticmethod(make_track)
    plating_current = staticmethod(plating_current)
    scan = staticmethod(_no_scan)
    assignment = Assignment
    start = START
    step = STEP_S
    sweep = SWEEP_S


@pytest.fixture(scope="session")
def kit() -> Kit:
    return Kit()
