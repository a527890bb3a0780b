"""How the aberrations of machine and specimen, and the tails of its tube, spread each line over nodes."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from xrdkna.errors import RecipeError
from xrdkna.physics.aberrations import Aberrations, aberration_node_slopes, aberration_nodes, aberration_nodes_needed
from xrdkna.physics.profile import fwhm_from_caglioti, fwhm_from_size_strain, mixed_width
from xrdkna.physics.tube_tails import SlopedNodes, TubeTails, nodes_with_tails
from xrdkna.records.arrays import FloatArray, IntArray
from xrdkna.records.instrument import InstrumentProfile
from xrdkna.refine.kernels.profile_kernel import Nodes
from xrdkna.refine.settings import ParameterChoice

_ABERRATIONS = {
    "source_height": "source",
    "sample_height": "sample",
    "detector_height": "detector",
    "soller": "soller",
    "divergence": "divergence",
    "transparency": "transparency",
}
_TAILS = {"tail_share": "share", "tail_low": "low", "tail_high": "high"}
# The parameters of the model that spread lines.
SPREADING = (*_ABERRATIONS, *_TAILS)
# At zero most of them have no slope to follow: where one is to be refined it starts here.
STARTS = {
    "source_height": 0.02,
    "sample_height": 0.02,
    "detector_height": 0.02,
    "soller": 6.0,
    "divergence": 0.5,
    "transparency": 0.002,
    "tail_share": 0.02,
    "tail_low": 0.5,
    "tail_high": 0.5,
}
# Lines are narrower than a typical one, which is spread, by this factor, and never by more than the second one: nodes cost time.
_NARROWER, _NARROWEST = 0.75, 0.1


@dataclass(frozen=True, slots=True)
class Spread:
    """two_theta, fwhm: (m,) degrees, of each line as the fit starts. parameters: where each of SPREADING that the model has stands in the
    layout. moving: those among them that a fit moves, in the order of SPREADING."""

    two_theta: FloatArray
    fwhm: FloatArray
    parameters: dict[str, int]
    moving: tuple[str, ...]
    # The nodes of the last values asked for: where all are held, those of the whole fit; with and without tails.
    _last: dict[tuple[Aberrations, TubeTails], Nodes] = field(default_factory=dict, repr=False, compare=False)
    _last_bare: dict[Aberrations, Nodes] = field(default_factory=dict, repr=False, compare=False)

    def nodes(self, values: FloatArray) -> Nodes:
        """The nodes for these parameter values (p,)."""
        aberrations = Aberrations(**self._named(_ABERRATIONS, values))
        tails = TubeTails(**self._named(_TAILS, values))
        if aberrations not in self._last_bare:
            self._last_bare.clear()
            self._last_bare[aberrations] = self._bare(aberrations)
        if (aberrations, tails) not in self._last:
            self._last.clear()
            self._last[aberrations, tails] = self._with_tails(self._last_bare[aberrations], tails)
        return self._last[aberrations, tails]

    def _named(self, names: Mapping[str, str], values: FloatArray) -> dict[str, float]:
        return {field: float(values[self.parameters[name]]) for name, field in names.items() if name in self.parameters}

    def _places(self, names: Mapping[str, str]) -> IntArray:
        return np.array([self.parameters[name] for name in self.moving if name in names], dtype=np.int64)

    def _bare(self, aberrations: Aberrations) -> Nodes:
        needed = aberration_nodes_needed(self.two_theta, aberrations, fwhm=self.fwhm)
        m, most = self.two_theta.size, int(needed.max(initial=1))
        names = tuple(_ABERRATIONS[name] for name in self.moving if name in _ABERRATIONS)
        offset, weight = np.zeros((2, m, most))
        slopes = np.zeros((2, m, most, len(names)))
        for count in np.unique(needed).tolist():
            rows = np.flatnonzero(needed == count)
            angle = self.two_theta[rows]
            offset[rows, :count], weight[rows, :count] = aberration_nodes(angle, aberrations, nodes=count)
            slopes[:, rows, :count] = aberration_node_slopes(angle, aberrations, names=names, nodes=count)
        return Nodes(needed, offset, weight, slopes[0], slopes[1], self._places(_ABERRATIONS))

    def _with_tails(self, bare: Nodes, tails: TubeTails) -> Nodes:
        moving = [number for number, name in enumerate(_TAILS) if name in self.moving]
        if tails.share == 0.0 and not moving:
            return bare
        columns = [*range(bare.parameter.size), *(bare.parameter.size + number for number in moving)]
        batches = []
        for count in np.unique(bare.number).tolist():
            rows = np.flatnonzero(bare.number == count)
            main = SlopedNodes(*(part[rows, :count] for part in (bare.offset, bare.weight, bare.by_offset, bare.by_weight)))
            batches.append((rows, *nodes_with_tails(main, tails, fwhm=self.fwhm[rows])))
        m, most = bare.number.size, max((nodes.offset.shape[1] for _, _, nodes in batches), default=1)
        number = np.ones(m, dtype=np.int64)
        offset, weight = np.zeros((2, m, most))
        slopes = np.zeros((2, m, most, len(columns)))
        for rows, own, nodes in batches:
            width = nodes.offset.shape[1]
            number[rows], offset[rows, :width], weight[rows, :width] = own, nodes.offset, nodes.weight
            slopes[0, rows, :width], slopes[1, rows, :width] = nodes.by_offset[..., columns], nodes.by_weight[..., columns]
        return Nodes(number, offset, weight, slopes[0], slopes[1], np.concatenate([bare.parameter, self._places(_TAILS)]))


def check_tails(starts: Mapping[str, float], choices: Mapping[str, ParameterChoice], moving: tuple[str, ...]) -> None:
    """Raises RecipeError where tube tails are to be refined that cannot be seen. starts: of each parameter; choices: the user's."""
    if not set(moving) & set(_TAILS) or any(choices[name].expr is not None for name in _TAILS if name in choices):
        return
    value = {name: starts[name] if name not in choices or choices[name].value is None else choices[name].value for name in _TAILS}
    if value["tail_share"] == 0.0:
        raise RecipeError(f"tail_share is held at 0, where {_listed(moving)} cannot be seen; refine tail_share too, or give its value.")
    if value["tail_low"] == 0.0 and value["tail_high"] == 0.0:
        raise RecipeError("tail_low and tail_high are held at 0, where tail_share cannot be seen; refine them too, or give their values.")


def _listed(moving: tuple[str, ...]) -> str:
    return " and ".join(name for name in moving if name in _TAILS)


def narrowest_widths(two_theta: FloatArray, *, typical: float, profile: InstrumentProfile | None) -> FloatArray:
    """(m,) full widths (degrees) that lines are not expected to fall below: the machine's own, where it is known."""
    if profile is None:
        return np.full(two_theta.size, _NARROWER * typical)
    gaussian = fwhm_from_caglioti(two_theta, u=profile.u, v=profile.v, w=profile.w)
    machine, _ = mixed_width(gaussian, fwhm_from_size_strain(two_theta, x=profile.x, y=profile.y))
    return np.maximum(machine, _NARROWEST * typical)
