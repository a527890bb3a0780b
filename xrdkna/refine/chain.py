"""The hot path: one more scan of a series, fitted from where the scan before it ended.

The last scan leaves its solution, its calculated pattern and its Jacobian. The next scan takes a first step with that Jacobian (no
evaluation at all), evaluates model and derivatives once where it lands, and takes a second, full step; when that step promises
nothing worth an evaluation, the scan is done (a chord step before a Gauss–Newton step; Ortega & Rheinboldt 1970, ch. 7).
Otherwise it goes on, and where it does not settle or fits out of line, it is fitted again from the cold; a fit that fails then is
quarantined: reported as it is, and never the start of another.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from xrdkna.errors import DeclinedError
from xrdkna.records.arrays import BoolArray, FloatArray, IntArray
from xrdkna.records.peaks import Halo, Peak
from xrdkna.records.phases import Reflections
from xrdkna.records.scan import Pattern
from xrdkna.records.series_fit import ScanFit
from xrdkna.refine.bounded import bounded_step
from xrdkna.refine.brief import Solved, brief_of
from xrdkna.refine.build import build_model, fitted_points
from xrdkna.refine.fit import fit_model, priors
from xrdkna.refine.model import Model, add_derivatives
from xrdkna.refine.noise import FEWEST_COUNTS, expected_variance, variance_factor
from xrdkna.refine.parameters import Ties, read_ties
from xrdkna.refine.settings import RefineSettings
from xrdkna.refine.threads import one_thread

# A full step that promises less than this of χ² is taken without another evaluation. Such steps converge quadratically: where one
# promised 12, the next was measured to promise less than 0.1. Against fits gone on to the end, the worst parameter of a scan is then off
# by 0.02 esd in the median, by 0.07 in nine scans of ten.
_SETTLED = 12.0
# A phase shows when its scale, everything else held, exceeds this many sigmas (all else free: some three to five).
_SHOWS = 6.0
# σ (counts) of a point that is to have no say.
_NO_WEIGHT = 1e15
# Full steps of one scan before it is handed to the cold start; two are the rule.
_MOST_STEPS = 10
# A scan whose goodness of fit exceeds the chain's by this factor is out of line.
_OUT_OF_LINE = 1.5


@dataclass(frozen=True, slots=True)
class _Grid:
    """What scans on one grid share.

    index: (q,) the refined parameters; rows: (p,) the row of each, −1 if held. scales: (q,) True for amounts; scale: (P,) the
    parameter of each phase's; owner: (q,) the phase whose cell or width a parameter is, −1 none. prior_mean, prior_weight: (p,).
    """

    model: Model
    ties: Ties
    used: BoolArray
    two_theta: FloatArray
    index: IntArray
    rows: IntArray
    scales: BoolArray
    scale: IntArray
    owner: IntArray
    prior_mean: FloatArray
    prior_weight: FloatArray
    jacobians: tuple[FloatArray, FloatArray]
    scaled: FloatArray

    def other_buffer(self, jacobian: FloatArray) -> FloatArray:
        """(q, n) zeros, in the one of the two buffers that does not hold this Jacobian: no scan allocates what the last had."""
        first, second = self.jacobians
        buffer = second if jacobian is first else first
        buffer[:] = 0.0
        return buffer

    def live(self, values: FloatArray, normal: FloatArray) -> BoolArray:
        """(q,) True for the refined parameters that this scan can speak of: all but the cells and widths of phases that do not
        show. A cell free to look for its phase in the noise would find it there."""
        places = self.rows[self.scale]
        known = np.sqrt(np.maximum(np.diag(normal)[places], 0.0))
        shows = (values[self.scale] * known > _SHOWS) | (places < 0)
        return np.asarray(np.append(shows, True)[self.owner])


@dataclass(frozen=True, slots=True)
class Link:
    """Where a scan ended: (p,) values, (n,) calculated counts there, (q, n) Jacobian and (q, q) normal matrix of the data, both of
    the last evaluation; live: (q,) what was moved; weight: (n,) 1/variance; gof: of the chain so far."""

    values: FloatArray
    calculated: FloatArray
    jacobian: FloatArray
    normal: FloatArray
    live: BoolArray
    weight: FloatArray
    chi_squared: float
    converged: bool
    evaluations: int
    gof: float


def follow_patterns(
    patterns: Iterable[Pattern],
    reflections: Sequence[Reflections],
    settings: RefineSettings,
    *,
    fwhm: float,
    halos: Sequence[Halo] = (),
    unexplained: Sequence[Peak] = (),
    initial: Mapping[str, float] | None = None,
) -> Iterator[ScanFit]:
    """Fit one pattern after another with these phases, each from the last good one; arguments as for `refine_pattern`.

    Memory does not grow with the number of patterns, and each is asked for when the one before is done. Patterns on another grid
    than the one before are fitted from its values. Raises DeclinedError for a pattern of too few points.
    """
    if settings.extracted:
        raise DeclinedError(f"a series cannot be followed with extracted intensities ({', '.join(settings.extracted)}); fit scan by scan.")
    grid: _Grid | None = None
    link: Link | None = None
    known = dict(initial or {})
    for measured in patterns:
        with one_thread():
            pattern = _with_all_points(measured)
            if grid is None or not _same_grid(grid, pattern, settings):
                if grid is not None and link is not None:
                    known |= _carried_over(grid, link.values)
                grid, link = _grid_of(pattern, reflections, settings, fwhm=fwhm, halos=halos, unexplained=unexplained), None
            ended, retried = _next(pattern, grid, link, known, settings)
            brief = brief_of(_solved(pattern, grid, ended))
            bad = brief.verdict in ("failed", "rejected") and not (link is not None and brief.gof < _OUT_OF_LINE * link.gof)
            if not bad:
                link = replace(ended, gof=brief.gof if link is None else min(max(link.gof, 1.0), max(brief.gof, 1.0)))
        yield replace(brief, retried=retried, quarantined=bad)


def _with_all_points(pattern: Pattern) -> Pattern:
    """The pattern with the points that do not take part given no weight instead: a spike in one scan leaves the grid the same."""
    if pattern.used.all():
        return pattern
    sigma = np.where(pattern.used, pattern.sigma, _NO_WEIGHT)
    return replace(pattern, sigma=sigma, used=np.ones(pattern.used.size, dtype=np.bool_))


def _same_grid(grid: _Grid, pattern: Pattern, settings: RefineSettings) -> bool:
    return np.array_equal(grid.two_theta, pattern.two_theta) and np.array_equal(grid.used, fitted_points(pattern, settings))


def _grid_of(
    pattern: Pattern,
    reflections: Sequence[Reflections],
    settings: RefineSettings,
    *,
    fwhm: float,
    halos: Sequence[Halo],
    unexplained: Sequence[Peak],
) -> _Grid:
    model = build_model(pattern, reflections, fwhm=fwhm, halos=halos, unexplained=unexplained, settings=settings)
    ties = read_ties(model.layout, settings.parameters)
    moving = ties.free & np.array([slot.kind != "watched" for slot in model.layout.slots])
    index = np.flatnonzero(moving)
    rows = np.full(moving.size, -1, dtype=np.int64)
    rows[index] = np.arange(index.size)
    scales = np.array([model.layout.slots[i].kind in ("scale", "background") for i in index], dtype=np.bool_)
    mean, weight = priors(model, {})
    scale = np.array([term.scale for term in model.phases], dtype=np.int64)
    owner = np.array([_owner(model, int(i)) for i in index], dtype=np.int64)
    jacobian, other, scaled = (np.zeros((index.size, model.two_theta.size)) for _ in range(3))
    return _Grid(
        model, ties, fitted_points(pattern, settings), pattern.two_theta,
        index, rows, scales, scale, owner, mean, weight, (jacobian, other), scaled,
    )  # fmt: skip


def _owner(model: Model, parameter: int) -> int:
    """The phase whose scale comes last before this parameter in the layout, for all but scales; −1 for what phases share."""
    before = [k for k, term in enumerate(model.phases) if term.scale < parameter]
    return before[-1] if before and model.layout.slots[parameter].kind != "scale" else -1


def _next(pattern: Pattern, grid: _Grid, link: Link | None, known: Mapping[str, float], settings: RefineSettings) -> tuple[Link, bool]:
    """Where this scan ends, and whether it took a cold start after a warm one."""
    warm = None
    if link is not None and not grid.ties.dependent.size:
        warm = _settle(pattern, grid, link)
        freedom = max(warm.calculated.size - grid.index.size, 1)
        if warm.converged and warm.chi_squared / freedom < (_OUT_OF_LINE * max(link.gof, 1.0)) ** 2:
            return warm, False
    cold = _cold(pattern, grid, known, settings)
    better = warm is None or not warm.converged or cold.chi_squared < warm.chi_squared
    return (cold if better or warm is None else warm), warm is not None


def _settle(pattern: Pattern, grid: _Grid, link: Link) -> Link:
    """A step with the derivatives of the scan before, then full steps until what is left is nothing."""
    observed, variance = pattern.intensity[grid.used], _variance_of(pattern, grid.used)
    values, calculated, jacobian, normal = link.values.copy(), link.calculated, link.jacobian, link.normal
    live = grid.live(values, normal)
    step, promise = _step(grid, values, live, normal, jacobian @ ((observed - calculated) / variance(calculated)))
    evaluations = 0
    while evaluations < _MOST_STEPS and (evaluations == 0 or promise > _SETTLED):
        values[grid.index] += step
        jacobian = grid.other_buffer(jacobian)
        calculated = add_derivatives(grid.model, values, grid.rows, jacobian).calculated
        evaluations += 1
        weight = 1.0 / variance(calculated)
        scaled = np.multiply(jacobian, np.sqrt(weight), out=grid.scaled)
        normal = scaled @ scaled.T
        live = grid.live(values, normal)
        step, promise = _step(grid, values, live, normal, jacobian @ (weight * (observed - calculated)))
    values[grid.index] += step
    calculated = calculated + step @ jacobian
    weight = 1.0 / variance(calculated)
    chi_squared = float(weight @ (observed - calculated) ** 2)
    return Link(values, calculated, jacobian, normal, live, weight, chi_squared, promise <= _SETTLED, evaluations, link.gof)


def _variance_of(pattern: Pattern, used: BoolArray) -> Callable[[FloatArray], FloatArray]:
    """`expected_variance` of this pattern, with what does not depend on the model worked out once."""
    factor = variance_factor(pattern, used)
    if factor is None:
        measured = pattern.sigma[used] ** 2
        return lambda calculated: measured
    return lambda calculated: factor * np.maximum(calculated, FEWEST_COUNTS)


def _step(grid: _Grid, values: FloatArray, live: BoolArray, normal: FloatArray, gradient: FloatArray) -> tuple[FloatArray, float]:
    """(q,) the best step of the live parameters within bounds and priors, and how much of χ² it promises. normal, gradient: of
    the data alone."""
    places = np.flatnonzero(live)
    index = grid.index[places]
    free, pull = values[index], grid.prior_weight[index]
    inner = normal[np.ix_(places, places)]
    inner[np.diag_indices_from(inner)] += pull
    push = gradient[places] - pull * (free - grid.prior_mean[index])
    part = bounded_step(inner, push, grid.ties.lower[index] - free, grid.ties.upper[index] - free, 0.0)
    step = np.zeros(live.size)
    step[places] = part
    return step, float(2.0 * push @ part - part @ inner @ part)


def _cold(pattern: Pattern, grid: _Grid, known: Mapping[str, float], settings: RefineSettings) -> Link:
    """All stages of the plan; then phases that do not show go back to their reference cells and usual widths, where they stay
    while the others settle."""
    fitted = fit_model(pattern, grid.used, grid.model, grid.ties, settings, initial=known)
    jacobian = np.zeros((grid.index.size, fitted.observed.size))
    calculated = add_derivatives(grid.model, fitted.values, grid.rows, jacobian).calculated
    weight = 1.0 / expected_variance(pattern, grid.used, calculated)
    scaled = jacobian * np.sqrt(weight)
    normal = scaled @ scaled.T
    live = grid.live(fitted.values, normal)
    chi_squared = float(weight @ (fitted.observed - calculated) ** 2)
    ended = Link(fitted.values, calculated, jacobian, normal, live, weight, chi_squared, fitted.converged, fitted.evaluations, 1.0)
    if live.all() or grid.ties.dependent.size:
        return ended
    values = fitted.values.copy()
    asleep = grid.index[~live]
    values[asleep] = grid.ties.start[asleep]
    settled = _settle(pattern, grid, replace(ended, values=values))
    return replace(settled, evaluations=settled.evaluations + fitted.evaluations)


def _solved(pattern: Pattern, grid: _Grid, ended: Link) -> Solved:
    return Solved(
        name=pattern.name,
        start_time=pattern.start_time,
        model=grid.model,
        ties=grid.ties,
        index=grid.index,
        observed=pattern.intensity[grid.used],
        sigma=pattern.sigma[grid.used],
        weight=ended.weight,
        calculated=ended.calculated,
        values=ended.values,
        covariance=_covariance(grid, ended),
        converged=ended.converged,
        evaluations=ended.evaluations,
    )


def _carried_over(grid: _Grid, values: FloatArray) -> dict[str, float]:
    """What a scan on another grid may start from: all but the background, whose terms belong to the grid."""
    return {slot.name: float(value) for slot, value in zip(grid.model.layout.slots, values, strict=True) if slot.kind != "background"}


def _covariance(grid: _Grid, ended: Link) -> FloatArray:
    """(q, q) inverse information of the refined parameters; the rows of those at rest at a bound are zero, but for amounts: a
    phase or a hump that is not there still has an esd, and from it a detection limit."""
    free = ended.values[grid.index]
    held = ((free <= grid.ties.lower[grid.index]) | (free >= grid.ties.upper[grid.index])) & ~grid.scales
    inner = np.flatnonzero(~held & ended.live)
    normal = ended.normal[np.ix_(inner, inner)]
    normal[np.diag_indices_from(normal)] += grid.prior_weight[grid.index[inner]]
    scale = np.sqrt(np.maximum(np.diag(normal), 1e-300))
    normal /= np.outer(scale, scale)
    normal[np.diag_indices_from(normal)] += 1e-12
    covariance = np.zeros_like(ended.normal)
    covariance[np.ix_(inner, inner)] = np.linalg.inv(normal) / np.outer(scale, scale)
    return covariance
