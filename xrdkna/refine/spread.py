"""How axial divergence spreads each line over a few nodes (Finger, Cox & Jephcoat 1994)."""

from dataclasses import dataclass

import numpy as np

from xrdkna.physics.axial import axial_node_derivatives, axial_nodes, nodes_needed
from xrdkna.records.arrays import FloatArray, IntArray
from xrdkna.refine.profile_kernel import Nodes

# Enough for 0.2 % of a line's top at 10° 2θ with heights of 0.03 radii; `nodes_needed` says how many of them a line takes.
_NODES = 12


@dataclass(frozen=True, slots=True)
class Spread:
    """two_theta, fwhm: (m,) degrees, of each line as the fit starts. parameters: where the two heights stand in the layout."""

    two_theta: FloatArray
    fwhm: FloatArray
    parameters: IntArray

    def nodes(self, values: FloatArray) -> Nodes:
        """The nodes for these parameter values (p,)."""
        sample, detector = (float(values[i]) for i in self.parameters)
        m = self.two_theta.size
        needed = np.minimum(nodes_needed(self.two_theta, sample=sample, detector=detector, fwhm=self.fwhm), _NODES)
        offset, weight = np.zeros((m, _NODES)), np.zeros((m, _NODES))
        slopes = np.zeros((2, m, _NODES, 2))
        for count in np.unique(needed).tolist():
            rows = np.flatnonzero(needed == count)
            angle = self.two_theta[rows]
            offset[rows, :count], weight[rows, :count] = axial_nodes(angle, sample=sample, detector=detector, nodes=count)
            by_sample, by_detector, weight_by_sample, weight_by_detector = axial_node_derivatives(
                angle, sample=sample, detector=detector, nodes=count
            )
            slopes[0, rows, :count, 0], slopes[0, rows, :count, 1] = by_sample, by_detector
            slopes[1, rows, :count, 0], slopes[1, rows, :count, 1] = weight_by_sample, weight_by_detector
        return Nodes(needed.astype(np.int64), offset, weight, slopes[0], slopes[1], self.parameters)
