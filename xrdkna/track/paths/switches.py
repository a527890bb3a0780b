"""From a posterior path to switches: where between two scans a thing came or went, and how surely."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from xrdkna.records.arrays import FloatArray
from xrdkna.track.paths.segmentation import Path


@dataclass(frozen=True, slots=True)
class Switch:
    """One coming or going. weights: (gaps,) posterior of the gap it happened in, gap i of them between places first+i and first+i+1;
    edges: (m+1,) moments, fine: (m,) posterior that it happened between two of them."""

    kind: str
    first: int
    weights: FloatArray
    edges: FloatArray
    fine: FloatArray
    probability: float

    @property
    def place(self) -> int:
        """The last scan in the old state, by the likeliest gap."""
        return self.first + int(self.weights.argmax())


def decided_states(path: Path, report: float, absent: float) -> list[tuple[int, int, bool]]:
    """(first, last, present) of each stretch whose scans are decided alike; undecided scans inside a stretch do not end it."""
    stretches: list[tuple[int, int, bool]] = []
    for i, probability in enumerate(path.on):
        if 1.0 - absent < probability < report:
            continue
        present = bool(probability >= report)
        if stretches and stretches[-1][2] == present:
            stretches[-1] = (stretches[-1][0], i, present)
        else:
            stretches.append((i, i, present))
    return stretches


def find_switches(path: Path, report: float, absent: float) -> list[Switch]:
    """A switch between every two neighbouring decided stretches of unlike state.

    Its probability is a lower bound of the joint one: P(new state, surest scan) − P(new state, surest scan of the old stretch).
    """
    stretches = decided_states(path, report, absent)
    switches = []
    for (a, i, was), (j, b, present) in pairwise(stretches):
        weights = (path.up if present else path.down)[i:j]
        weights = weights / weights.sum() if weights.sum() > 0.0 else np.full(j - i, 1.0 / (j - i))
        edges, fine = _moments(path, i, j, present=present)
        old, new = path.on[a : i + 1], path.on[j : b + 1]
        certainty = new.max() - old.min() if present and not was else old.max() - new.min()
        kind = "appears" if present else "vanishes"
        probability = float(np.clip(certainty, 0.0, 1.0))
        switches.append(Switch(kind=kind, first=i, weights=weights, edges=edges, fine=fine, probability=probability))
    return switches


def _moments(path: Path, before: int, after: int, *, present: bool) -> tuple[FloatArray, FloatArray]:
    """(m+1,) moments from the old state's last passing to the new one's first, and (m,) how probable each stretch between them is."""
    k = path.edges.size // path.on.size
    first, last = before * k + path.reference, after * k + path.reference
    fine = (path.fine_up if present else path.fine_down)[first + 1 : last + 1]
    return path.edges[first : last + 1], fine if fine.sum() > 0.0 else np.ones(last - first)


def switch_interval(times: FloatArray, first: int, weights: FloatArray, level: float) -> tuple[float, float, float]:
    """(median, low, high) of the moment: within a gap every moment is as likely, the gaps weigh as their posterior.

    times: (n,) rising or equal, the gap i of weights (m,) between times first+i and first+i+1.
    """
    share = weights / weights.sum()
    cumulative = np.cumsum(share)
    moments = []
    for quantile in (0.5, (1.0 - level) / 2.0, (1.0 + level) / 2.0):
        gap = min(int(np.searchsorted(cumulative, quantile)), share.size - 1)
        inside = 1.0 - (cumulative[gap] - quantile) / share[gap] if share[gap] > 0.0 else 0.5
        start, stop = times[first + gap], times[first + gap + 1]
        moments.append(float(start + min(1.0, max(0.0, inside)) * (stop - start)))
    return moments[0], moments[1], moments[2]
