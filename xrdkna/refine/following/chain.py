"""A chain of fits: each scan of a series from where the last good one ended.

A scan is fitted warm (`warm`). Where that does not settle or fits out of line, it is fitted again from the cold; a fit that fails
then is quarantined: reported as it is, and never the start of another.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from xrdkna.errors import DeclinedError
from xrdkna.records.peaks import Halo, Peak
from xrdkna.records.phases import Reflections
from xrdkna.records.scan import Pattern
from xrdkna.records.series_fit import ScanFit
from xrdkna.records.values import Estimate
from xrdkna.refine.following.areas import AreaPlan, area_information, plan_areas
from xrdkna.refine.following.brief import Solved, brief_of
from xrdkna.refine.following.grid import Grid, grid_of, with_all_points
from xrdkna.refine.following.warm import Link, covariance_of, renewed, settle, variance_of
from xrdkna.refine.kernels.normal_equations import normal_equations
from xrdkna.refine.search.fit import Fitted, fit_model
from xrdkna.refine.settings import RefineSettings
from xrdkna.refine.threads import one_thread
from xrdkna.refine.trust.series_doubts import NOTHING_FOUND, Standing, examine, stand

# A scan whose goodness of fit exceeds the chain's by this factor is out of line.
_OUT_OF_LINE = 1.5


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

    Memory does not grow with the number of patterns, and each is asked for when the one before is done. Raises DeclinedError for a
    pattern of too few points.
    """
    chain = Chain(reflections, settings, fwhm=fwhm, halos=halos, unexplained=unexplained, initial=initial)
    for pattern in patterns:
        yield chain.fit(pattern)


class Chain:
    """Fits one pattern after another, each from the last good one. Patterns on another grid than the one before are fitted from its values.

    texture_sd: how far each phase's lines leave the calculated ratio, where that is known. known: what is known beforehand of parameters by
    name: where they start, and what pulls on them. areas: each ScanFit also holds what its
    scan says about the area of each group of reflections. Other arguments as for `refine_pattern`.
    """

    def __init__(
        self,
        reflections: Sequence[Reflections],
        settings: RefineSettings,
        *,
        fwhm: float,
        halos: Sequence[Halo] = (),
        unexplained: Sequence[Peak] = (),
        initial: Mapping[str, float] | None = None,
        texture_sd: Mapping[str, float] | None = None,
        known: Mapping[str, Estimate] | None = None,
        areas: bool = False,
    ) -> None:
        if settings.extracted:
            names = ", ".join(settings.extracted)
            raise DeclinedError(f"a series cannot be followed with extracted intensities ({names}); fit scan by scan.")
        self._settings, self._areas = settings, areas
        self._known = dict(initial or {})
        self._grid_of = partial(
            grid_of,
            reflections=reflections,
            settings=settings,
            fwhm=fwhm,
            halos=halos,
            unexplained=unexplained,
            texture_sd=texture_sd or {},
            known=known or {},
        )
        self._grid: Grid | None = None
        self._link: Link | None = None
        self._plan: AreaPlan | None = None

    def fit(self, measured: Pattern) -> ScanFit:
        """The next scan. Raises DeclinedError for a pattern of too few points; the chain then goes on with the next."""
        with one_thread():
            pattern = with_all_points(measured)
            grid = self._grid_for(pattern)
            link = self._link
            ended, retried = _next(pattern, grid, link, self._known, self._settings)
            solved = _solved(pattern, grid, ended)
            fitted = partial(_fitted, grid, solved)
            pulls = np.sqrt(solved.weight) * (solved.observed - solved.calculated)
            examined = examine(fitted, NOTHING_FOUND if link is None else link.examined, pulls=pulls, smooth=solved.smooth)
            standing = stand(fitted, ended.standing, live=grid.shown(ended.values, ended.normal, ended.chi_squared))
            doubts = (*examined.doubts, *standing.doubts)
            brief = brief_of(solved, doubts=doubts, retried=retried, believed=partial(_believed, link))
            if self._areas:
                self._plan = self._plan or plan_areas(grid.model, ended.values, rows=grid.rows, prior_weight=grid.prior_weight)
                brief = _with_areas(brief, pattern, grid, ended, self._plan)
            if not brief.quarantined:
                gof = brief.gof if link is None else min(max(link.gof, 1.0), max(brief.gof, 1.0))
                self._link = replace(ended, gof=gof, examined=examined, standing=standing)
            elif link is not None:
                self._link = renewed(grid, link)
        return brief

    def _grid_for(self, pattern: Pattern) -> Grid:
        known = self._grid
        if known is not None and known.suits(pattern, self._settings):
            return known
        grid = self._grid_of(pattern)
        if known is not None and self._link is not None:
            self._known |= known.carried_over(self._link.values)
        self._grid, self._link, self._plan = grid, None, None
        return grid


def _fitted(grid: Grid, solved: Solved) -> Fitted:
    """The solved scan as a single fit ends."""
    everything = np.zeros((solved.values.size, grid.index.size))
    everything[grid.index, np.arange(grid.index.size)] = 1.0
    everything[grid.ties.dependent] = solved.slopes
    return Fitted(
        model=grid.model,
        values=solved.values,
        lower=grid.ties.lower,
        upper=grid.ties.upper,
        moving=grid.rows >= 0,
        covariance=everything @ solved.covariance @ everything.T,
        calculated=solved.calculated,
        observed=solved.observed,
        sigma=solved.sigma,
        weight=solved.weight,
        counting_weight=solved.weight,
        texture_sd={},
        converged=solved.converged,
        evaluations=solved.evaluations,
        steps=(),
    )


def _believed(link: Link | None, verdict: str, gof: float) -> bool:
    """A bad fit is no worse than the chain's others where all are as bad."""
    return verdict not in ("failed", "rejected") or (link is not None and gof < _OUT_OF_LINE * link.gof)


def _with_areas(brief: ScanFit, pattern: Pattern, grid: Grid, ended: Link, plan: AreaPlan) -> ScanFit:
    information, unit_areas = area_information(
        grid.model,
        plan,
        ended.values,
        jacobian=ended.jacobian,
        weight=ended.weight,
        residual=grid.taken(pattern.intensity) - ended.calculated,
    )
    masses = brief.masses
    rest = float(ended.values[grid.scale] @ masses) - ended.values[grid.scale] * masses
    odds = np.divide(masses, unit_areas * rest, out=np.zeros(masses.size), where=unit_areas * rest > 0.0)
    return replace(brief, information=information, weight_odds=odds)


def _next(pattern: Pattern, grid: Grid, link: Link | None, known: Mapping[str, float], settings: RefineSettings) -> tuple[Link, bool]:
    """Where this scan ends, and whether it took a cold start after a warm one."""
    warm = None
    if link is not None:
        warm = settle(pattern, grid, link)
        freedom = max(warm.calculated.size - grid.index.size, 1)
        # Where even the cold start did not settle, on patterns full of lines of no phase, another would not either.
        if (warm.converged or not link.converged) and warm.chi_squared / freedom < (_OUT_OF_LINE * max(link.gof, 1.0)) ** 2:
            return warm, False
    cold = _cold(pattern, grid, known, settings)
    if warm is None or not warm.converged or cold.chi_squared < warm.chi_squared:
        return cold, warm is not None
    return renewed(grid, warm), True


def _cold(pattern: Pattern, grid: Grid, known: Mapping[str, float], settings: RefineSettings) -> Link:
    """All stages of the plan; then phases that do not show go back to their reference cells and usual widths, where they stay
    while the others settle."""
    fitted = fit_model(pattern, grid.used, grid.model, grid.ties, settings, initial=known)
    values, q = fitted.values, grid.index.size
    jacobian, normal, slopes = np.zeros((q, fitted.observed.size)), np.empty((q, q)), grid.slopes(values)
    evaluation = grid.evaluate(values, slopes, jacobian)
    residual = fitted.observed - evaluation.calculated
    weight = 1.0 / variance_of(pattern, grid)(evaluation.calculated)
    normal_equations(jacobian, weight, residual, normal, np.empty(q))
    chi_squared = float(weight @ residual**2)
    live = grid.live(values, normal, chi_squared)
    ended = Link(
        values, evaluation.calculated, evaluation.smooth, jacobian, normal, slopes, live, weight,
        chi_squared, fitted.converged, fitted.evaluations, 1.0,
        standing=Standing(rivals=fitted.rivals, texture_sd=fitted.texture_sd),
    )  # fmt: skip
    if live.all():
        return ended
    values = values.copy()
    asleep = grid.index[~live]
    values[asleep] = grid.ties.start[asleep]
    settled = settle(pattern, grid, replace(ended, values=grid.ties.follow(values)))
    if settled.chi_squared > _OUT_OF_LINE * ended.chi_squared:
        return ended
    return replace(settled, evaluations=settled.evaluations + fitted.evaluations)


def _solved(pattern: Pattern, grid: Grid, ended: Link) -> Solved:
    return Solved(
        name=pattern.name,
        start_time=pattern.start_time,
        model=grid.model,
        ties=grid.ties,
        names=grid.names,
        units=grid.units,
        index=grid.index,
        observed=grid.taken(pattern.intensity),
        sigma=grid.taken(pattern.sigma),
        weight=ended.weight,
        calculated=ended.calculated,
        smooth=ended.smooth,
        values=ended.values,
        covariance=covariance_of(grid, ended),
        slopes=ended.slopes,
        strains=grid.strains(ended.values),
        converged=ended.converged,
        evaluations=ended.evaluations,
    )
