"""A scan is no instant: a sweep passes a phase's lines one after the other, and what comes or goes meanwhile shows in some of them only."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from xrdkna.records.arrays import FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class Sweep:
    """order: (k,) a phase's lines by rising 2θ. passing: (n, k) seconds at which each scan passed them, in that order, rising along
    the series. reference: the place in that order of the line whose passing says in which scan a thing is there."""

    order: IntArray
    passing: FloatArray
    reference: int

    @property
    def shares(self) -> FloatArray:
        """(n, k) of the time from one scan's last line to the next one's, the part before each line; column 0 is what lies between two
        scans. All of it where a scan is an instant."""
        gaps = np.diff(self.passing.ravel(), prepend=self.passing[0, 0]).reshape(self.passing.shape)
        if len(gaps) > 1:
            gaps[0, 0] = gaps[1:, 0].mean()
        total = gaps.sum(axis=1, keepdims=True)
        instant = np.zeros_like(gaps)
        instant[:, 0] = 1.0
        return np.where(total > 0.0, gaps / np.where(total > 0.0, total, 1.0), instant)


def sweep_over(two_theta: FloatArray, passing: Callable[[float], FloatArray], *, reference: int) -> Sweep:
    """The sweep over lines at two_theta (k,); passing: gives (n,) moments of an angle; reference: index of a line."""
    order = np.argsort(two_theta, kind="stable")
    moments = np.stack([passing(float(two_theta[line])) for line in order], axis=1)
    rising = np.maximum.accumulate(moments.ravel()).reshape(moments.shape)
    return Sweep(order=order, passing=rising, reference=int(np.flatnonzero(order == reference)[0]))
