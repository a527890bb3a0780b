"""Every quantity over the scans, None where a scan gave no value."""

from collections.abc import Mapping, Sequence

import numpy as np

from xrdkna.records.arrays import FloatArray
from xrdkna.records.track import Hkl, Observation, Trajectory
from xrdkna.track.change.substance import crystalline_total, textures
from xrdkna.track.signal.evidence import PhaseEvidence
from xrdkna.track.signal.stack import Stack

AREA = "counts·°"
NO_INFORMATION = 1e3
"""An esd this many times the typical one means the scan did not see the line (cut off)."""


def gather_trajectories(
    observations: Sequence[Observation | None], used: Sequence[int], stack: Stack, evidence: Mapping[str, PhaseEvidence]
) -> tuple[Trajectory, ...]:
    """Named estimates of the scans first, then intensities: each phase as a whole (hkl None), then each of its groups; then what follows
    from these: changes of volume, texture coefficients, all crystals of the deposits together.

    observations: one a scan of the series, None where it gave none. used: places in the series of the stack's rows.
    """
    total = len(observations)
    found = _named(observations)
    for phase, seen in evidence.items():
        found.append(_spread("intensity", phase, None, seen.level, seen.level_esd, used, total))
        limit = 3.29 * seen.level_esd
        if seen.role != "hardware":
            found.append(_spread("intensity_limit", phase, None, limit, None, used, total))
        for place, column in enumerate(seen.columns):
            hkl = stack.labels[int(column)][1]
            found.append(_spread("intensity", phase, hkl, seen.areas[:, place], seen.area_esds[:, place], used, total))
    found += _volumes(found)
    for phase, texture in textures(evidence).items():
        for j, place in enumerate(texture.places):
            hkl = stack.labels[int(evidence[phase].columns[place])][1]
            found.append(_finite("texture_coefficient", phase, hkl, texture.found.value[:, j], texture.found.esd[:, j], used, total))
    together = crystalline_total(evidence)
    if together is not None:
        found.append(_spread("crystalline_total", None, None, together[0], together[1], used, total))
    return tuple(found)


def _volumes(found: Sequence[Trajectory]) -> list[Trajectory]:
    """Relative change of each cell's volume from its median: products of edges do not need the crystal system, ratios suffice.

    Esds as if the edges were independent, but for edges that symmetry makes equal.
    """
    edges = {(t.phase, t.quantity): t for t in found if t.quantity in ("a", "b", "c", "alpha", "beta", "gamma") and t.phase is not None}
    volumes = []
    for phase in dict.fromkeys(name for name, _ in edges):
        a = edges.get((phase, "a"))
        if a is None:
            continue
        powers = {edge: 1 for edge in ("a", "b", "c") if (phase, edge) in edges}
        powers["a"] += 3 - len(powers)
        curves = {edge: (as_numbers(edges[phase, edge].value), as_numbers(edges[phase, edge].esd)) for edge in powers}
        angles = {name: as_numbers(edges[phase, name].value) for name in ("alpha", "beta", "gamma") if (phase, name) in edges}
        log = sum(power * np.log(curves[edge][0]) for edge, power in powers.items()) + 0.5 * np.log(_gram(angles, len(a.value)))
        log = log - np.nanmedian(log) if np.isfinite(log).any() else log
        esd = np.sqrt(sum((power * curves[edge][1] / curves[edge][0]) ** 2 for edge, power in powers.items()))
        volumes.append(_finite("volume_change", str(phase), None, np.expm1(log), esd, range(len(a.value)), len(a.value)))
    return volumes


def _gram(angles: Mapping[str, FloatArray], n: int) -> FloatArray:
    """(n,) V²/(abc)² from the angles that are free, degrees; those that are not enter as 90°, a constant factor at worst where one alone
    is free or all three are."""
    alpha, beta, gamma = (np.cos(np.radians(angles.get(name, np.full(n, 90.0)))) for name in ("alpha", "beta", "gamma"))
    return np.asarray(1.0 - alpha**2 - beta**2 - gamma**2 + 2.0 * alpha * beta * gamma)


def as_numbers(values: Sequence[float | None]) -> FloatArray:
    """(n,) with NaN for None."""
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)


def _finite(
    quantity: str, phase: str, hkl: Hkl | None, values: FloatArray, esds: FloatArray, used: Sequence[int], total: int
) -> Trajectory:
    """A curve without unit, None where it is not a number."""
    value: list[float | None] = [None] * total
    esd: list[float | None] = [None] * total
    for row, place in enumerate(used):
        if np.isfinite(values[row]):
            value[place] = float(values[row])
            esd[place] = float(esds[row]) if np.isfinite(esds[row]) else None
    return Trajectory(quantity=quantity, phase=phase, hkl=hkl, unit="", value=tuple(value), esd=tuple(esd))


def _named(observations: Sequence[Observation | None]) -> list[Trajectory]:
    total = len(observations)
    values: dict[tuple[str, str], list[float | None]] = {}
    esds: dict[tuple[str, str], list[float | None]] = {}
    units: dict[tuple[str, str], str] = {}
    for i, observation in enumerate(observations):
        if observation is None:
            continue
        for key, estimate in observation.values.items():
            values.setdefault(key, [None] * total)[i] = estimate.value
            esds.setdefault(key, [None] * total)[i] = estimate.esd
            units.setdefault(key, estimate.unit)
    return [
        Trajectory(quantity=key[0], phase=key[1] or None, hkl=None, unit=units[key], value=tuple(values[key]), esd=tuple(esds[key]))
        for key in values
    ]


def _spread(
    quantity: str, phase: str | None, hkl: Hkl | None, values: FloatArray, esds: FloatArray | None, used: Sequence[int], total: int
) -> Trajectory:
    value: list[float | None] = [None] * total
    esd: list[float | None] = [None] * total
    size = values if esds is None else esds
    typical = float(sorted(size)[len(size) // 2]) if len(size) else 0.0
    for row, place in enumerate(used):
        if 0.0 < size[row] < NO_INFORMATION * typical:
            value[place] = float(values[row])
            esd[place] = None if esds is None else float(esds[row])
    return Trajectory(quantity=quantity, phase=phase, hkl=hkl, unit=AREA, value=tuple(value), esd=tuple(esd))
