"""The joint fit of overlapping reflections: maximum likelihood of counts (or least squares), all in one compiled function.

Fisher scoring with Levenberg's damping: expected variances follow the model, so that no point is weighted by its own luck
(weights 1/y pull areas down by about one count a point). With Gaussian noise the same steps are Gauss–Newton.
"""

import math

import numpy as np
from numba import njit

from xrdkna.physics.kernel import add_lines_with_derivatives
from xrdkna.records.arrays import FloatArray

# A step that gains less deviance than this (in units of the misfit) moved nothing by more than a tenth of its esd, and the
# steps converge quadratically: the next would move it by a hundredth.
TOLERANCE = 1e-2


@njit(cache=True, fastmath=False, boundscheck=False)
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
    steps: int,
) -> tuple[FloatArray, FloatArray, FloatArray, float]:
    """Parameters (p,), covariance (p, p), residuals in σ (n,) and deviance of the best fit found in at most `steps` steps.

    x, y: (n,) degrees, counts. fixed: (n,) counts that other peaks and the smooth background put here. start: per peak
    position, area, ln FWHM, η, then order + 1 coefficients of a polynomial on −1 … 1 over the window. low, high: bounds.
    prior, prior_sd: (p,) expectations with their spread; a spread of 0 means none. least: smallest expectation, counts.
    """
    n, p = x.size, start.size
    peaks = (p - order - 1) // 4
    theta = start.copy()
    best_model, jacobian = np.empty(n), np.empty((p, n))
    best = _evaluate(
        x, y, fixed, gain, variance, poisson, least, theta, prior, prior_sd, ratios, shares, peaks, order, best_model, jacobian
    )
    model, trial_jacobian = np.empty(n), np.empty((p, n))
    damping = 1e-3
    for _ in range(steps):
        normal, gradient = _normal_equations(y, best_model, jacobian, gain, variance, poisson, theta, prior, prior_sd)
        improved = False
        gained = 0.0
        for _ in range(8):
            damped = normal.copy()
            for k in range(p):
                damped[k, k] += damping * normal[k, k]
            step = _solved(damped, gradient)
            trial = np.minimum(np.maximum(theta + step, low), high)
            value = _evaluate(
                x, y, fixed, gain, variance, poisson, least, trial, prior, prior_sd, ratios, shares, peaks, order, model, trial_jacobian
            )
            if value <= best:
                gained = best - value
                theta, best = trial, value
                best_model, model = model, best_model
                jacobian, trial_jacobian = trial_jacobian, jacobian
                damping = max(damping * 0.1, 1e-9)
                improved = True
                break
            damping = max(damping * 10.0, 1e-6)
        if not improved or gained < TOLERANCE * max(1.0, best / n):
            break
    normal, gradient = _normal_equations(y, best_model, jacobian, gain, variance, poisson, theta, prior, prior_sd)
    spread = gain * best_model if poisson else variance
    return theta, _inverse(normal), (y - best_model) / np.sqrt(spread), best


@njit(cache=True, fastmath=False, boundscheck=False)
def _evaluate(
    x: FloatArray,
    y: FloatArray,
    fixed: FloatArray,
    gain: FloatArray,
    variance: FloatArray,
    poisson: bool,
    least: float,
    theta: FloatArray,
    prior: FloatArray,
    prior_sd: FloatArray,
    ratios: FloatArray,
    shares: FloatArray,
    peaks: int,
    order: int,
    model: FloatArray,
    jacobian: FloatArray,
) -> float:
    """Fill model (n,) and jacobian (p, n); return deviance (or χ²) plus the priors' share."""
    n, p = x.size, theta.size
    jacobian[:] = 0.0
    middle, half = 0.5 * (x[0] + x[-1]), max(0.5 * (x[-1] - x[0]), 1e-9)
    for i in range(n):
        u = (x[i] - middle) / half
        power = 1.0
        total = fixed[i]
        for k in range(order + 1):
            jacobian[4 * peaks + k, i] = power
            total += theta[4 * peaks + k] * power
            power *= u
        model[i] = total
    _add_peaks(x, theta, ratios, shares, peaks, model, jacobian)
    value = 0.0
    for i in range(n):
        if poisson:
            if model[i] < least:
                model[i] = least
            value += 2.0 * (model[i] - y[i]) / gain[i]
            if y[i] > 0.0:
                value += 2.0 * y[i] * math.log(y[i] / model[i]) / gain[i]
        else:
            value += (y[i] - model[i]) ** 2 / variance[i]
    for k in range(p):
        if prior_sd[k] > 0.0:
            value += ((theta[k] - prior[k]) / prior_sd[k]) ** 2
    return value


@njit(cache=True, fastmath=False, boundscheck=False)
def _add_peaks(
    x: FloatArray, theta: FloatArray, ratios: FloatArray, shares: FloatArray, peaks: int, model: FloatArray, jacobian: FloatArray
) -> None:
    lines = ratios.size
    m = peaks * lines
    position, area, fwhm, eta, reach = np.empty(m), np.empty(m), np.empty(m), np.empty(m), np.full(m, 1e9)
    column = np.full((m, 4), -1, dtype=np.int64)
    d_area, d_position, d_fwhm, d_eta = np.zeros((m, 4)), np.zeros((m, 4)), np.zeros((m, 4)), np.zeros((m, 4))
    used = 0
    for peak in range(peaks):
        centre, size, width, mix = theta[4 * peak], theta[4 * peak + 1], math.exp(theta[4 * peak + 2]), theta[4 * peak + 3]
        angle = math.radians(centre) / 2.0
        for j in range(lines):
            sine = ratios[j] * math.sin(angle)
            if sine >= 1.0:
                continue
            position[used] = 2.0 * math.degrees(math.asin(sine))
            area[used], fwhm[used], eta[used] = size * shares[j], width, mix
            for k in range(4):
                column[used, k] = 4 * peak + k
            d_position[used, 0] = ratios[j] * math.cos(angle) / math.sqrt(1.0 - sine * sine)
            d_area[used, 1] = shares[j]
            d_fwhm[used, 2] = width
            d_eta[used, 3] = 1.0
            used += 1
    add_lines_with_derivatives(
        x,
        position[:used],
        area[:used],
        fwhm[:used],
        eta[:used],
        reach[:used],
        column[:used],
        d_area[:used],
        d_position[:used],
        d_fwhm[:used],
        d_eta[:used],
        model,
        jacobian,
    )


@njit(cache=True, fastmath=True, boundscheck=False)
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
) -> tuple[FloatArray, FloatArray]:
    """Expected information JᵀWJ (p, p) and downhill gradient JᵀW(y − model) (p,), priors included."""
    p, n = jacobian.shape
    weight = np.empty(n)
    pull = np.empty(n)
    for i in range(n):
        weight[i] = 1.0 / (gain[i] * model[i]) if poisson else 1.0 / variance[i]
        pull[i] = weight[i] * (y[i] - model[i])
    # Written out: matrices this small gain nothing from a threaded library and wait for its threads.
    normal, gradient = np.empty((p, p)), np.empty(p)
    scaled = np.empty(n)
    for a in range(p):
        total = 0.0
        for i in range(n):
            scaled[i] = weight[i] * jacobian[a, i]
            total += jacobian[a, i] * pull[i]
        gradient[a] = total
        for b in range(a + 1):
            total = 0.0
            for i in range(n):
                total += scaled[i] * jacobian[b, i]
            normal[a, b] = total
            normal[b, a] = total
    for a in range(p):
        if prior_sd[a] > 0.0:
            normal[a, a] += 1.0 / prior_sd[a] ** 2
            gradient[a] += (prior[a] - theta[a]) / prior_sd[a] ** 2
    return normal, gradient


@njit(cache=True, fastmath=False, boundscheck=False)
def _solved(matrix: FloatArray, right: FloatArray) -> FloatArray:
    """x of matrix·x = right, matrix (p, p) symmetric and positive, by Cholesky on unit diagonal; what is singular stays put."""
    p = right.size
    scale, x = np.empty(p), np.empty(p)
    factor = np.empty((p, p))
    for i in range(p):
        scale[i] = 1.0 / math.sqrt(matrix[i, i]) if matrix[i, i] > 0.0 else 0.0
    for i in range(p):
        for j in range(i + 1):
            total = matrix[i, j] * scale[i] * scale[j]
            for k in range(j):
                total -= factor[i, k] * factor[j, k]
            if i == j:
                factor[i, i] = math.sqrt(total + 1e-10) if total > 0.0 else 1e-5
            else:
                factor[i, j] = total / factor[j, j]
    for i in range(p):
        total = right[i] * scale[i]
        for k in range(i):
            total -= factor[i, k] * x[k]
        x[i] = total / factor[i, i]
    for i in range(p - 1, -1, -1):
        total = x[i]
        for k in range(i + 1, p):
            total -= factor[k, i] * x[k]
        x[i] = total / factor[i, i]
    return x * scale


@njit(cache=True, fastmath=False, boundscheck=False)
def _inverse(matrix: FloatArray) -> FloatArray:
    p = matrix.shape[0]
    inverse, unit = np.empty((p, p)), np.zeros(p)
    for k in range(p):
        unit[k] = 1.0
        inverse[k] = _solved(matrix, unit)
        unit[k] = 0.0
    return inverse
