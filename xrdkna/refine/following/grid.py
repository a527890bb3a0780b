"""What the scans of a series share while they are measured at the same angles."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from xrdkna.physics.lattice import cell_volume
from xrdkna.records.arrays import BoolArray, FloatArray, IntArray
from xrdkna.records.peaks import Halo, Peak
from xrdkna.records.phases import Reflections
from xrdkna.records.scan import Pattern
from xrdkna.records.values import Estimate
from xrdkna.refine.forward.build import build_model, fitted_points
from xrdkna.refine.forward.layout import Layout, layout_of
from xrdkna.refine.forward.model import Evaluation, Model, add_derivatives
from xrdkna.refine.forward.parameters import Ties, read_ties
from xrdkna.refine.kernels.line_kernel import cell_volumes
from xrdkna.refine.search.released import UNCERTAIN_AT_ZERO, priors
from xrdkna.refine.settings import RefineSettings
from xrdkna.refine.trust.quality import CERTAIN_MISFIT

# A phase shows when its scale, everything else held, exceeds this many sigmas (all else free: some three to five), sigmas being what
# the fit leaves, not what counting alone would: among lines of no phase, a cell and a width free to move would soak up misfit.
_SHOWS = 6.0
# σ (counts) of a point that is to have no say.
_NO_WEIGHT = 1e15


@dataclass(frozen=True, slots=True)
class Grid:
    """What scans on one grid share.

    used: points that take part; whole: all do. index: (q,) the refined parameters; rows: (p,) the row of each, −1 if held or tied.
    uncertain: (q,) True for amounts and widths, which may rest at zero; smooth: (q,)
    True for background and halos; scale: (P,) the parameter of each phase's; owner: (q,)
    the phase whose cell or width a parameter is, −1 none; groups: (P + 1, q) 1 where it is the phase's, and in the last row for
    what phases share; volume: (P,) Å³ of the reference cells, 0 where the cell is held. prior_mean, prior_weight: (p,).
    room: (4, q) lower and upper bounds, prior means and weights. jacobian: (q, n), see `emptied`. zero_known_to: degrees, how
    well a held zero is known; 0 where it moves, or the user has a word on it.
    """

    model: Model
    ties: Ties
    used: BoolArray
    whole: bool
    two_theta: FloatArray
    names: tuple[str, ...]
    units: tuple[str, ...]
    index: IntArray
    rows: IntArray
    uncertain: BoolArray
    smooth: BoolArray
    scale: IntArray
    owner: IntArray
    groups: FloatArray
    volume: FloatArray
    prior_mean: FloatArray
    prior_weight: FloatArray
    room: FloatArray
    jacobian: FloatArray
    zero_known_to: float

    def emptied(self) -> FloatArray:
        """(q, n) zeros, in the one array that all scans use: a megabyte that stays in the cache. What it held is gone."""
        self.jacobian[:] = 0.0
        return self.jacobian

    def taken(self, every: FloatArray) -> FloatArray:
        """(n,) of an array over all points of a pattern, those that take part."""
        return every if self.whole else every[self.used]

    def live(self, values: FloatArray, normal: FloatArray, chi_squared: float) -> BoolArray:
        """(q,) True for the refined parameters that this scan can speak of: all but the cells and widths of phases that do not
        show. A cell free to look for its phase in the noise would find it there. chi_squared: of the fit at these values."""
        return np.asarray(np.append(self.shown(values, normal, chi_squared), True)[self.owner])

    def shown(self, values: FloatArray, normal: FloatArray, chi_squared: float) -> BoolArray:
        """(P,) the phases that show."""
        return np.asarray(self.sigmas(values, normal) > _SHOWS * self.misfit(chi_squared))

    def misfit(self, chi_squared: float) -> float:
        """≥ 1: by what factor residuals exceed counting, on average and beyond chance."""
        freedom = max(self.jacobian.shape[1] - self.index.size, 1)
        return float(np.sqrt(max(chi_squared / freedom - CERTAIN_MISFIT * np.sqrt(2.0 / freedom), 1.0)))

    def sigmas(self, values: FloatArray, normal: FloatArray) -> FloatArray:
        """(P,) each phase's scale over its esd, everything else held; infinite for a scale that is not refined."""
        places = self.rows[self.scale]
        known = np.sqrt(np.maximum(normal.diagonal()[places], 0.0))
        return np.where(places < 0, np.inf, values[self.scale] * known)

    def moved(self, values: FloatArray, step: FloatArray) -> FloatArray:
        """(p,) the values after a step (q,) of the refined parameters, ties followed."""
        there = values.copy()
        there[self.index] += step
        return self.ties.follow(there)

    def strains(self, values: FloatArray) -> FloatArray:
        """(k,) by what share the edges of each fitted phase's cell are longer than its reference, on average; 0 where they are held."""
        known = self.volume[: self.model.fitted_phases]
        ratio = np.divide(cell_volumes(self.model.fitted, values), known, out=np.ones(known.size), where=known > 0.0)
        return np.asarray(np.cbrt(ratio) - 1.0)

    def growth(self, values: FloatArray, there: FloatArray) -> FloatArray:
        """(q,) by what the derivatives by a phase's cell and widths grow from one set of values (p,) to another: as its amount does."""
        before, after = values[self.scale], there[self.scale]
        ratio = np.divide(after, before, out=np.ones(before.size), where=(before > 0.0) & (after > 0.0))
        return np.asarray(np.append(ratio, 1.0)[self.owner])

    def slopes(self, values: FloatArray) -> FloatArray:
        """(d, q) how tied parameters follow the refined ones."""
        return self.ties.slopes(values, self.index) if self.ties.dependent.size else np.zeros((0, self.index.size))

    def evaluate(self, values: FloatArray, slopes: FloatArray, jacobian: FloatArray) -> Evaluation:
        """The model, and its derivatives by the refined parameters in jacobian (q, n), zero before; slopes: as `slopes` gives them."""
        if not len(slopes):
            return add_derivatives(self.model, values, self.rows, jacobian)
        rows = self.rows.copy()
        rows[self.ties.dependent] = self.index.size + np.arange(len(slopes))
        both = np.zeros((self.index.size + len(slopes), jacobian.shape[1]))
        evaluation = add_derivatives(self.model, values, rows, both)
        jacobian[:] = both[: self.index.size] + slopes.T @ both[self.index.size :]
        return evaluation

    def suits(self, pattern: Pattern, settings: RefineSettings) -> bool:
        """True where the pattern has this grid's angles and points."""
        return np.array_equal(self.two_theta, pattern.two_theta) and np.array_equal(self.used, fitted_points(pattern, settings))

    def carried_over(self, values: FloatArray) -> dict[str, float]:
        """What a scan on another grid may start from: all but the background, whose terms belong to the grid."""
        slots = self.model.layout.slots
        return {slot.name: float(value) for slot, value in zip(slots, values, strict=True) if slot.kind != "background"}


def grid_of(
    pattern: Pattern,
    *,
    reflections: Sequence[Reflections],
    settings: RefineSettings,
    fwhm: float,
    halos: Sequence[Halo],
    unexplained: Sequence[Peak],
    texture_sd: Mapping[str, float],
    known: Mapping[str, Estimate],
) -> Grid:
    """The grid of this pattern and all that are like it; arguments as for `Chain`."""
    model = build_model(pattern, reflections, fwhm=fwhm, halos=halos, unexplained=unexplained, settings=settings)
    model = replace(model, layout=_with_known(model.layout, known))
    slots = model.layout.slots
    ties = read_ties(model.layout, settings.parameters)
    moving = ties.free & np.array([slot.kind != "watched" for slot in slots])
    index = np.flatnonzero(moving)
    rows = np.full(moving.size, -1, dtype=np.int64)
    rows[index] = np.arange(index.size)
    smooth = {*model.background_rows.tolist(), *(place for halo in model.halos for place in halo)}
    used = fitted_points(pattern, settings)
    mean, weight = priors(model, texture_sd)
    owner = np.array([_owner(model, int(i)) for i in index], dtype=np.int64)
    smooth_rows = np.array([int(i) in smooth for i in index], dtype=np.bool_)
    scales = np.array([slots[i].kind in ("scale", "background") for i in index], dtype=np.bool_)
    shared = (owner < 0) & ~smooth_rows & ~scales
    zero = model.layout.index["zero"]
    zero_known_to = 0.0 if moving[zero] or "zero" in settings.parameters else slots[zero].known_to or 0.0
    return Grid(
        model=model,
        ties=ties,
        used=used,
        whole=bool(used.all()),
        two_theta=pattern.two_theta,
        names=tuple(model.layout.index),
        units=tuple(slot.unit for slot in slots),
        index=index,
        rows=rows,
        uncertain=np.array([slots[i].kind in UNCERTAIN_AT_ZERO for i in index], dtype=np.bool_),
        zero_known_to=zero_known_to,
        smooth=smooth_rows,
        scale=np.array([term.scale for term in model.phases], dtype=np.int64),
        owner=owner,
        volume=np.array([cell_volume(term.reflections.cell) * bool(np.all(rows[term.cell] >= 0)) for term in model.phases]),
        groups=np.array([*(owner == k for k in range(len(model.phases))), shared], dtype=np.float64),
        prior_mean=mean,
        prior_weight=weight,
        room=np.array([ties.lower[index], ties.upper[index], mean[index], weight[index]]),
        jacobian=np.zeros((index.size, model.two_theta.size)),
    )


def _with_known(layout: Layout, known: Mapping[str, Estimate]) -> Layout:
    """The layout with parameters that start from what is known of them, and are pulled there; bounds stay."""
    slots = list(layout.slots)
    for name, value in known.items():
        if (at := layout.index.get(name)) is not None and value.esd:
            start = min(max(value.value, slots[at].lower), slots[at].upper)
            slots[at] = replace(slots[at], start=start, prior_mean=start, prior_sd=value.esd)
    return layout_of(slots)


def with_all_points(pattern: Pattern) -> Pattern:
    """The pattern with the points that do not take part given no weight instead: a spike in one scan leaves the grid the same."""
    if pattern.used.all():
        return pattern
    sigma = np.where(pattern.used, pattern.sigma, _NO_WEIGHT)
    return replace(pattern, sigma=sigma, used=np.ones(pattern.used.size, dtype=np.bool_))


def _owner(model: Model, parameter: int) -> int:
    """The phase whose scale comes last before this parameter in the layout, for all but scales; −1 for what phases share."""
    before = [k for k, term in enumerate(model.phases) if term.scale < parameter]
    return before[-1] if before and model.layout.slots[parameter].kind != "scale" else -1
