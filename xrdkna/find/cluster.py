"""The joint fit of overlapping reflections: maximum likelihood of counts (or least squares), all in one compiled function.

Fisher scoring with Levenberg's damping: expected variances follow the model, so that no point is weighted by its own luck
(weights 1/y pull areas down by about one count a point). With Gaussian noise the same steps are Gauss–Newton.
"""

import math

import numpy as np

from xrdkna.find.kernel import add_with_derivatives, factored, inverse_diagonal, solved
from xrdkna.physics.compiled import compiled, compiled_strictly
from xrdkna.records.arrays import FloatArray

STEPS = 20
# A damped step that fails this often has nowhere to go.
TRIALS = 8


@compiled_strictly
def fit_cluster(
    x: FloatArray,
    y: FloatArray,
    fixed: FloatArray,
    gain: FloatArray,
    variance: FloatArray,
    poisson: bool,
    least: float,
    start: FloatArray,
    low: FloatArray,
    high: FloatArray,
    prior: FloatArray,
    prior_sd: FloatArray,
    ratios: FloatArray,
    shares: FloatArray,
    order: int,
    tolerance: float,
) -> tuple[FloatArray, FloatArray, FloatArray, float]:
    """Parameters (p,), their variances (p,), squared residuals in σ² (n,) and deviance of the best fit found.

    x, y: (n,) degrees, counts. fixed: (n,) counts that other peaks and the smooth background put here. start: per peak
    position, area, ln FWHM, η, then order + 1 coefficients of a polynomial on −1 … 1 over the window. low, high: bounds.
    prior, prior_sd: (p,) expectations with their spread; a spread of 0 means none. least: smallest expectation, counts.
    tolerance: the fit ends with a step that gains less deviance, in units of the misfit.
    """
    n, p = x.size, start.size
    theta, trial = start.copy(), start.copy()
    model, jacobian = np.empty(n), np.empty((p, n))
    normal, gradient, factor, scale, step = np.empty((p, p)), np.empty(p), np.empty((p, p)), np.empty(p), np.empty(p)
    weight, held = np.empty(n), np.zeros(p, dtype=np.bool_)
    _draw(x, fixed, theta, ratios, shares, order, poisson, least, model, jacobian)
    best = _deviance(y, gain, variance, poisson, model, theta, prior, prior_sd)
    damping = 1e-3
    _normal_equations(y, model, jacobian, gain, variance, poisson, theta, prior, prior_sd, weight, normal, gradient)
    for _ in range(STEPS):
        improved = False
        gained = 0.0
        for k in range(p):
            # What rests at a bound and wants beyond it must not spoil the step of the others.
            held[k] = (theta[k] <= low[k] and gradient[k] < 0.0) or (theta[k] >= high[k] and gradient[k] > 0.0)
        for _ in range(TRIALS):
            factored(normal, damping, held, factor, scale)
            solved(factor, scale, gradient, step)
            for k in range(p):
                trial[k] = min(max(theta[k] + step[k], low[k]), high[k])
            _draw(x, fixed, trial, ratios, shares, order, poisson, least, model, jacobian)
            value = _deviance(y, gain, variance, poisson, model, trial, prior, prior_sd)
            if value <= best:
                gained = best - value
                theta[:] = trial
                best = value
                damping = max(damping * 0.1, 1e-9)
                improved = True
                break
            damping = max(damping * 10.0, 1e-6)
        if not improved:
            _draw(x, fixed, theta, ratios, shares, order, poisson, least, model, jacobian)
        _normal_equations(y, model, jacobian, gain, variance, poisson, theta, prior, prior_sd, weight, normal, gradient)
        if not improved or gained < tolerance * max(1.0, best / n):
            break
    spread, squares = np.empty(p), np.empty(n)
    held[:] = False
    factored(normal, 0.0, held, factor, scale)
    inverse_diagonal(factor, scale, spread)
    for i in range(n):
        squares[i] = weight[i] * (y[i] - model[i]) ** 2
    return theta, spread, squares, best


@compiled_strictly
def _draw(
    x: FloatArray,
    fixed: FloatArray,
    theta: FloatArray,
    ratios: FloatArray,
    shares: FloatArray,
    order: int,
    poisson: bool,
    least: float,
    model: FloatArray,
    jacobian: FloatArray,
) -> None:
    """Fill model (n,) and jacobian (p, n)."""
    n = x.size
    peaks = (theta.size - order - 1) // 4
    middle, half = 0.5 * (x[0] + x[-1]), max(0.5 * (x[-1] - x[0]), 1e-9)
    slope = theta[4 * peaks + 1] if order else 0.0
    for i in range(n):
        u = (x[i] - middle) / half
        jacobian[4 * peaks, i] = 1.0
        if order:
            jacobian[4 * peaks + 1, i] = u
        model[i] = fixed[i] + theta[4 * peaks] + slope * u
    for peak in range(peaks):
        k = 4 * peak
        add_with_derivatives(
            x,
            theta[k],
            theta[k + 1],
            math.exp(theta[k + 2]),
            theta[k + 3],
            ratios,
            shares,
            model,
            jacobian[k],
            jacobian[k + 1],
            jacobian[k + 2],
            jacobian[k + 3],
        )
    if poisson:
        for i in range(n):
            model[i] = max(model[i], least)


@compiled
def _deviance(
    y: FloatArray,
    gain: FloatArray,
    variance: FloatArray,
    poisson: bool,
    model: FloatArray,
    theta: FloatArray,
    prior: FloatArray,
    prior_sd: FloatArray,
) -> float:
    """Deviance of the counts (or χ²) plus the priors' share."""
    value = 0.0
    for i in range(y.size):
        if poisson:
            value += 2.0 * (model[i] - y[i]) / gain[i]
            if y[i] > 0.0:
                value += 2.0 * y[i] * math.log(y[i] / model[i]) / gain[i]
        else:
            value += (y[i] - model[i]) ** 2 / variance[i]
    for k in range(theta.size):
        if prior_sd[k] > 0.0:
            value += ((theta[k] - prior[k]) / prior_sd[k]) ** 2
    return value


@compiled
def _normal_equations(
    y: FloatArray,
    model: FloatArray,
    jacobian: FloatArray,
    gain: FloatArray,
    variance: FloatArray,
    poisson: bool,
    theta: FloatArray,
    prior: FloatArray,
    prior_sd: FloatArray,
    weight: FloatArray,
    normal: FloatArray,
    gradient: FloatArray,
) -> None:
    """Fill weight (n,), expected information JᵀWJ (p, p) and downhill gradient JᵀW(y − model) (p,), priors included."""
    p, n = jacobian.shape
    scaled = np.empty(n)
    for i in range(n):
        weight[i] = 1.0 / (gain[i] * model[i]) if poisson else 1.0 / variance[i]
    # Written out: matrices this small gain nothing from a threaded library and wait for its threads.
    for a in range(p):
        row = jacobian[a]
        total = 0.0
        for i in range(n):
            scaled[i] = weight[i] * row[i]
            total += scaled[i] * (y[i] - model[i])
        gradient[a] = total
        for b in range(a + 1):
            other = jacobian[b]
            total = 0.0
            for i in range(n):
                total += scaled[i] * other[i]
            normal[a, b] = total
            normal[b, a] = total
    for a in range(p):
        if prior_sd[a] > 0.0:
            normal[a, a] += 1.0 / prior_sd[a] ** 2
            gradient[a] += (prior[a] - theta[a]) / prior_sd[a] ** 2
