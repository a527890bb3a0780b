"""A series laid out for drawing: the same time axis, map, curves and choices for the figure on paper and the page."""

from dataclasses import dataclass

import numpy as np

from xrdkna.records.arrays import FloatArray
from xrdkna.records.series import Cycling
from xrdkna.records.track import Presence, Track, TrackedScan, Trajectory
from xrdkna.report.decimate import kept_indices
from xrdkna.report.sentences import time_scale
from xrdkna.report.values import line_name

# More curves than this in one panel cannot be told apart; all of them are in the tables.
INTENSITIES_SHOWN = 6
WEIGHTS_SHOWN = 10
CYCLER_POINTS = 4000
PRESENCES_SHOWN = 12
STATES_SHOWN = 300
# Below this probability in every scan, a phase or reflection was looked for and not found.
NEVER_PROBABLE = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class MapCells:
    """A map whose row k spans edges[k] … edges[k+1] on the axis; rows without a scan are NaN. two_theta: (n,). intensity: (m, n)."""

    edges: FloatArray
    two_theta: FloatArray
    intensity: FloatArray


def axis_label(track: Track) -> str:
    """ "time (h)" or "scan number"."""
    return f"time ({time_scale(track)[1]})" if track.axis == "time" else "scan number"


def scan_centres(track: Track) -> FloatArray:
    """(n,) middle of each scan on the drawn axis."""
    size, _ = time_scale(track)
    return np.array([(scan.start + (scan.end if scan.end is not None else scan.start)) / 2.0 / size for scan in track.scans])


def axis_range(track: Track) -> tuple[float, float]:
    """First and last moment on the drawn axis, never the same."""
    if not track.scans:
        return 0.0, 1.0
    spans = scan_spans(track)
    low, high = min(span[0] for span in spans), max(span[1] for span in spans)
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def scan_spans(track: Track) -> list[tuple[float, float]]:
    """The stretch of the drawn axis each scan stands for: its own time, up to the next scan where the gap is short."""
    size, _ = time_scale(track)
    if track.axis != "time":
        return [(scan.start - 0.5, scan.start + 0.5) for scan in track.scans]
    steps = np.diff([scan.start for scan in track.scans])
    usual = float(np.median(steps)) if steps.size and np.median(steps) > 0 else 1.0
    following = [scan.start for scan in track.scans[1:]] + [None]
    return [(scan.start / size, _end_of(scan, later, usual) / size) for scan, later in zip(track.scans, following, strict=True)]


def map_cells(track: Track) -> MapCells | None:
    """The heat map on the drawn axis, gaps and unread scans left empty; None where the track carries none."""
    heatmap = track.heatmap
    if heatmap is None or not heatmap.scans or not heatmap.two_theta.size:
        return None
    laid = _laid_out(track, dict(zip(heatmap.scans, heatmap.intensity, strict=True)), heatmap.two_theta.size)
    return None if laid is None else MapCells(edges=laid[0], two_theta=heatmap.two_theta, intensity=laid[1])


def presence_rows(track: Track) -> list[Presence]:
    """Presences worth a row: the marker and its phase, then whatever is probable in some scan, most probable first."""
    marker = track.marker

    def rank(presence: Presence) -> tuple[bool, bool, float]:
        of_marker = marker is not None and presence.phase == marker[0] and presence.hkl in (None, marker[1])
        return (not of_marker, presence.hkl is not None, -highest(presence))

    ranked = sorted(track.presence, key=rank)
    return [presence for presence in ranked if not rank(presence)[0] or highest(presence) >= NEVER_PROBABLE][:PRESENCES_SHOWN]


def never_probable(track: Track) -> list[str]:
    """Names of the phases that were followed and are improbable in every scan, whether they have a row or not."""
    return [presence.phase for presence in track.presence if presence.hkl is None and highest(presence) < NEVER_PROBABLE]


def highest(presence: Presence) -> float:
    """The largest probability over the scans; 0 for none."""
    return float(presence.probability.max(initial=0.0))


def presence_cells(track: Track, shown: list[Presence]) -> tuple[FloatArray, FloatArray] | None:
    """(m + 1,) edges on the drawn axis and (m, rows) probabilities, NaN in gaps between scans."""
    n = min((presence.probability.size for presence in shown), default=0)
    columns = {scan.index: np.array([p.probability[k] for p in shown]) for k, scan in enumerate(track.scans[:n])}
    return _laid_out(track, columns, len(shown)) if columns else None


def _laid_out(track: Track, content: dict[int, FloatArray], width: int) -> tuple[FloatArray, FloatArray] | None:
    """(m + 1,) edges and (m, width) rows: each scan over its own time, NaN where there is no scan or no content for it."""
    empty = np.full(width, np.nan)
    edges: list[float] = []
    rows: list[FloatArray] = []
    for scan, (low, high) in zip(track.scans, scan_spans(track), strict=True):
        start = max(low, edges[-1]) if edges else low
        if high <= start:
            continue
        if edges and start > edges[-1] + 1e-9:
            edges.append(start)
            rows.append(empty)
        edges += [start, high] if not edges else [high]
        rows.append(content.get(scan.index, empty))
    return (np.array(edges), np.array(rows)) if rows else None


def cycler_curves(track: Track) -> tuple[FloatArray, FloatArray, FloatArray | None] | None:
    """(n,) axis, current in mA, potential in V during the series, thinned, NaN where the record is broken.

    None where no time joins cycler and scans.
    """
    cycling = track.cycling
    if cycling is None or track.origin is None or track.axis != "time" or not cycling.time.size:
        return None
    size, _ = time_scale(track)
    x = (cycling.time + _offset(cycling, track)) / size
    low, high = axis_range(track)
    first, last = max(int(np.searchsorted(x, low)) - 1, 0), int(np.searchsorted(x, high, side="right")) + 1
    inside = slice(first, last)
    curves = (cycling.current[inside],) if cycling.potential is None else (cycling.current[inside], cycling.potential[inside])
    if not curves[0].size:
        return None
    kept = kept_indices(*curves, at_most=CYCLER_POINTS)
    broken = np.unique(np.searchsorted(kept + first, cycling.breaks))
    broken = broken[(broken > 0) & (broken < kept.size)]
    drawn = [np.insert(curve[kept], broken, np.nan) for curve in curves]
    return np.insert(x[inside][kept], broken, x[inside][kept[broken - 1]]), drawn[0], drawn[1] if len(drawn) > 1 else None


def intensity_curves(track: Track) -> list[Trajectory]:
    """Intensities worth a panel: the marker first, then its phase's reflections that stand out most; without them, any."""
    marker = track.marker
    found = [t for t in track.trajectories if t.quantity == "intensity" and has_values(t)]

    def rank(trajectory: Trajectory) -> tuple[bool, bool, float]:
        of_marker = marker is not None and trajectory.phase == marker[0]
        return (not (of_marker and marker is not None and trajectory.hkl == marker[1]), not of_marker, -_typical_sigmas(trajectory))

    ranked = sorted(found, key=rank)
    same = [t for t in ranked if marker is not None and t.phase == marker[0] and t.hkl is not None]
    return (same or ranked)[:INTENSITIES_SHOWN]


def _typical_sigmas(trajectory: Trajectory) -> float:
    """Mean significance over the scans, each counted up to fifty: one scan gone wrong must not rank a curve first."""
    pairs = [(v, e) for v, e in zip(trajectory.value, trajectory.esd, strict=True) if v is not None and e]
    return float(np.mean([min(max(v / e, 0.0), 50.0) for v, e in pairs])) if pairs else 0.0


def weight_curves(track: Track) -> list[Trajectory]:
    """Weight fractions: the marker's phase, then the phases that reach most."""
    first = None if track.marker is None else track.marker[0]
    found = [t for t in track.trajectories if t.quantity == "weight_fraction" and has_values(t)]
    return sorted(found, key=lambda t: (t.phase != first, -max(v for v in t.value if v is not None)))[:WEIGHTS_SHOWN]


def curve_order(track: Track) -> dict[str, int]:
    """A number for every phase and reflection drawn, so that each keeps its colour and marker in all panels."""
    names = [line_name(curve.phase, curve.hkl) for curve in (*intensity_curves(track), *weight_curves(track))]
    names += [line_name(presence.phase, presence.hkl) for presence in track.presence]
    return {name: order for order, name in enumerate(dict.fromkeys(names))}


def has_values(trajectory: Trajectory) -> bool:
    """True where at least one scan gave a value."""
    return any(value is not None for value in trajectory.value)


def as_arrays(trajectory: Trajectory, *, factor: float = 1.0) -> tuple[FloatArray, FloatArray]:
    """(n,) value and esd times `factor`, NaN where a scan gave none: for drawing only."""
    value = np.array([np.nan if v is None else v for v in trajectory.value], dtype=np.float64)
    esd = np.array([np.nan if e is None else e for e in trajectory.esd], dtype=np.float64)
    return value * factor, esd * factor


def state_runs(track: Track) -> list[tuple[str, float, float]]:
    """(state, from, to) on the drawn axis; empty where no state is known.

    As the cycler's record has them; by scans, neighbours of one state joined, where there is no record or its pulses are too many to see.
    """
    if all(scan.state == "unknown" for scan in track.scans):
        return []
    size, _ = time_scale(track)
    low, high = axis_range(track)
    inside = [segment for segment in track.segments if segment.end / size > low and segment.start / size < high]
    if inside and len(inside) <= STATES_SHOWN:
        return [(segment.state, max(segment.start / size, low), min(segment.end / size, high)) for segment in inside]
    runs: list[tuple[str, float, float]] = []
    for scan, (low, high) in zip(track.scans, scan_spans(track), strict=True):
        if runs and runs[-1][0] == scan.state:
            runs[-1] = (scan.state, runs[-1][1], high)
        else:
            runs.append((scan.state, low, high))
    return runs


def _end_of(scan: TrackedScan, later: float | None, usual: float) -> float:
    if scan.end is None:
        return later if later is not None else scan.start + usual
    if later is None or later - scan.end > 0.5 * (scan.end - scan.start):
        return scan.end
    return max(later, scan.start)


def _offset(cycling: Cycling, track: Track) -> float:
    """Seconds from the first scan to the cycler's zero; where only one of the two has a zone both are the same local time."""
    origin, start = track.origin, cycling.start
    if origin is None:
        return 0.0
    if (origin.tzinfo is None) != (start.tzinfo is None):
        origin, start = origin.replace(tzinfo=None), start.replace(tzinfo=None)
    return (start - origin).total_seconds()
