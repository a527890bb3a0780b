"""A solved scan in brief: the numbers of a Refinement, at a cost that a fit of milliseconds can bear."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from xrdkna.physics.evidence import CURRIE_FACTOR
from xrdkna.records.arrays import FloatArray, IntArray
from xrdkna.records.series_fit import ScanFit
from xrdkna.refine.forward.layout import TELLING_BOUNDS
from xrdkna.refine.forward.model import Model
from xrdkna.refine.forward.parameters import Ties
from xrdkna.refine.forward.weights import weight_fractions
from xrdkna.refine.trust.quality import agreement, judge, residual_share
from xrdkna.refine.trust.series_doubts import doubts_at_a_glance


@dataclass(frozen=True, slots=True, kw_only=True)
class Solved:
    """A solved scan. observed, sigma, weight, calculated, smooth: (n,). names, units, values: (p,). index: (q,) the refined
    parameters; covariance: (q, q) unscaled; slopes: (d, q) of the tied parameters by them. strains: (k,) of
    the fitted phases' cells."""

    name: str
    start_time: datetime | None
    model: Model
    ties: Ties
    names: tuple[str, ...]
    units: tuple[str, ...]
    index: IntArray
    observed: FloatArray
    sigma: FloatArray
    weight: FloatArray
    calculated: FloatArray
    smooth: FloatArray
    values: FloatArray
    covariance: FloatArray
    slopes: FloatArray
    strains: FloatArray
    converged: bool
    evaluations: int


def brief_of(solved: Solved, *, doubts: tuple[str, ...], retried: bool, believed: Callable[[str, float], bool]) -> ScanFit:
    """The ScanFit of a solved scan. doubts: what counts and model say against it; believed(verdict, goodness of fit): False for one to be
    quarantined."""
    model, values, index = solved.model, solved.values, solved.index
    rwp, rexp, gof = agreement(solved.observed, solved.sigma, solved.calculated, index.size)
    misfit = float(solved.weight @ (solved.observed - solved.calculated) ** 2)
    inflation = max(1.0, float(np.sqrt(misfit / max(solved.observed.size - index.size, 1))))
    esds = np.zeros(values.size)
    esds[index] = inflation * np.sqrt(np.maximum(solved.covariance.diagonal(), 0.0))
    fractions, slopes, factor = weight_fractions(model, values)
    inner = slopes[:, index]
    if solved.slopes.size:
        esds[solved.ties.dependent] = inflation * _spread(solved.slopes, solved.covariance)
        inner = inner + slopes[:, solved.ties.dependent] @ solved.slopes
    weight_esds = inflation * _spread(inner, solved.covariance)
    scale = np.array([term.scale for term in model.phases], dtype=np.int64)
    significances = np.divide(values[scale], esds[scale], out=np.zeros(scale.size), where=esds[scale] > 0.0)
    phases = tuple(term.reflections.phase for term in model.phases)
    verdict, reasons = judge(
        converged=solved.converged,
        gof=gof,
        residual=residual_share(solved.observed, solved.weight, solved.calculated, solved.smooth),
        at_bound=_telling_bounds(solved),
        free_line_share=_free_line_share(solved),
        misfit_sigmas=(misfit - solved.observed.size) / float(np.sqrt(2.0 * solved.observed.size)),
        doubts=(*doubts_at_a_glance(phases, significances[: model.fitted_phases], solved.strains), *doubts),
    )
    return ScanFit(
        name=solved.name,
        calculated=solved.calculated,
        smooth=solved.smooth,
        weight=solved.weight,
        names=solved.names,
        units=solved.units,
        values=values,
        esds=esds,
        inflation=inflation,
        phases=phases,
        weight_fractions=fractions,
        weight_esds=weight_esds,
        masses=factor,
        detection_limits=_detection_limits(values[scale], esds[scale], factor),
        significances=significances,
        rwp=rwp,
        rexp=rexp,
        gof=gof,
        verdict=verdict,
        reasons=reasons,
        evaluations=solved.evaluations,
        retried=retried,
        quarantined=not believed(verdict, gof),
        start_time=solved.start_time,
        halos=model.halo_names,
        wavelength=model.instrument.radiation.wavelength,
    )


def _spread(slopes: FloatArray, covariance: FloatArray) -> FloatArray:
    """(k,) standard deviations of what depends on the parameters by slopes (k, q)."""
    return np.asarray(np.sqrt(np.maximum(((slopes @ covariance) * slopes).sum(axis=1), 0.0)))


def _detection_limits(scales: FloatArray, esds: FloatArray, factor: FloatArray) -> FloatArray:
    """(k,) weight fractions that would have been seen at 95 % (Currie 1968: 3.29 σ), by the esd of each scale in this scan."""
    amounts = CURRIE_FACTOR * esds * factor
    rest = float(scales @ factor) - scales * factor
    return np.divide(amounts, amounts + rest, out=np.ones(scales.size), where=amounts + rest > 0.0)


def _telling_bounds(solved: Solved) -> tuple[str, ...]:
    free = solved.values[solved.index]
    at_bound = (free <= solved.ties.lower[solved.index]) | (free >= solved.ties.upper[solved.index])
    slots = solved.model.layout.slots
    return tuple(slots[i].name for i in solved.index[at_bound] if slots[i].kind in TELLING_BOUNDS)


def _free_line_share(solved: Solved) -> float:
    """Share of the diffracted intensity in lines of no phase."""
    model = solved.model
    if not model.free_areas.size:
        return 0.0
    own = float(np.sum(solved.values[model.free_areas] @ model.free_profiles))
    total = float(np.sum(solved.calculated - solved.smooth))
    return min(max(own / total, 0.0), 1.0) if total > 0.0 else 0.0
