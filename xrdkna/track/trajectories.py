"""Every quantity over the scans, None where a scan gave no value."""

from collections.abc import Mapping, Sequence

from xrdkna.records.arrays import FloatArray
from xrdkna.records.track import Hkl, Observation, Trajectory
from xrdkna.track.evidence import PhaseEvidence
from xrdkna.track.stack import Stack

AREA = "counts·°"
NO_INFORMATION = 1e3
"""An esd this many times the typical one means the scan did not see the line (cut off)."""


def gather_trajectories(
    observations: Sequence[Observation | None], used: Sequence[int], stack: Stack, evidence: Mapping[str, PhaseEvidence]
) -> tuple[Trajectory, ...]:
    """Named estimates of the scans first, then intensities: each phase as a whole (hkl None), then each of its groups.

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
    return tuple(found)


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
    quantity: str, phase: str, hkl: Hkl | None, values: FloatArray, esds: FloatArray | None, used: Sequence[int], total: int
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
