"""How the aberrations of machine and specimen spread each line over a few nodes."""

from dataclasses import dataclass, field

import numpy as np

from xrdkna.physics.aberrations import Aberrations, aberration_node_slopes, aberration_nodes, aberration_nodes_needed
from xrdkna.physics.profile import fwhm_from_caglioti, fwhm_from_size_strain, mixed_width
from xrdkna.records.arrays import FloatArray
from xrdkna.records.instrument import InstrumentProfile
from xrdkna.refine.profile_kernel import Nodes

# The parameters of the model that spread lines, in the order of `Aberrations`.
SPREADING = {
    "source_height": "source",
    "sample_height": "sample",
    "detector_height": "detector",
    "soller": "soller",
    "divergence": "divergence",
    "transparency": "transparency",
}
# At zero most of them have no slope to follow: where one is to be refined it starts here.
STARTS = {"source_height": 0.02, "sample_height": 0.02, "detector_height": 0.02, "soller": 6.0, "divergence": 0.5, "transparency": 0.002}
# Lines are narrower than a typical one, which is spread, by this factor, and never by more than the second one: nodes cost time.
_NARROWER, _NARROWEST = 0.75, 0.1


@dataclass(frozen=True, slots=True)
class Spread:
    """two_theta, fwhm: (m,) degrees, of each line as the fit starts. parameters: where each of SPREADING that the model has stands in the
    layout. moving: those among them that a fit moves."""

    two_theta: FloatArray
    fwhm: FloatArray
    parameters: dict[str, int]
    moving: tuple[str, ...]
    # The nodes of the last values asked for: where all are held, those of the whole fit.
    _last: dict[Aberrations, Nodes] = field(default_factory=dict, repr=False, compare=False)

    def nodes(self, values: FloatArray) -> Nodes:
        """The nodes for these parameter values (p,)."""
        aberrations = Aberrations(**{SPREADING[name]: float(values[place]) for name, place in self.parameters.items()})
        if aberrations not in self._last:
            self._last.clear()
            self._last[aberrations] = self._computed(aberrations)
        return self._last[aberrations]

    def _computed(self, aberrations: Aberrations) -> Nodes:
        needed = aberration_nodes_needed(self.two_theta, aberrations, fwhm=self.fwhm)
        m, most = self.two_theta.size, int(needed.max(initial=1))
        names = tuple(SPREADING[name] for name in self.moving)
        offset, weight = np.zeros((2, m, most))
        slopes = np.zeros((2, m, most, len(names)))
        for count in np.unique(needed).tolist():
            rows = np.flatnonzero(needed == count)
            angle = self.two_theta[rows]
            offset[rows, :count], weight[rows, :count] = aberration_nodes(angle, aberrations, nodes=count)
            slopes[:, rows, :count] = aberration_node_slopes(angle, aberrations, names=names, nodes=count)
        moving = np.array([self.parameters[name] for name in self.moving], dtype=np.int64)
        return Nodes(needed, offset, weight, slopes[0], slopes[1], moving)


def narrowest_widths(two_theta: FloatArray, *, typical: float, profile: InstrumentProfile | None) -> FloatArray:
    """(m,) full widths (degrees) that lines are not expected to fall below: the machine's own, where it is known."""
    if profile is None:
        return np.full(two_theta.size, _NARROWER * typical)
    gaussian = fwhm_from_caglioti(two_theta, u=profile.u, v=profile.v, w=profile.w)
    machine, _ = mixed_width(gaussian, fwhm_from_size_strain(two_theta, x=profile.x, y=profile.y))
    return np.maximum(machine, _NARROWEST * typical)
