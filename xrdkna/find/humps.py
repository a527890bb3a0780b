"""Gaussian humps on a smooth baseline, least squares, compiled. Bins x (n,), data y/σ (n,) and 1/σ (n,) as `precision`.

The baseline is a parabola and air scatter (1/θ and 1/θ²). A hump is a row (centre, FWHM) in degrees.
"""

import math

import numpy as np

from xrdkna.find.kernel import factored, solved
from xrdkna.physics.compiled import compiled, compiled_strictly
from xrdkna.records.arrays import FloatArray

BASELINE = 5
GAUSS = 4.0 * math.log(2.0)
STEPS = 20
# exp(−4 ln2 u²) at two widths is 2e-5 of the top.
_REACH = 2.0


@compiled
def design_of(x: FloatArray, precision: FloatArray, humps: FloatArray) -> FloatArray:
    """(5 + h, n) baseline and humps of height 1, over σ."""
    design = np.empty((BASELINE + humps.shape[0], x.size))
    for i in range(x.size):
        u = 2.0 * (x[i] - x[0]) / (x[-1] - x[0]) - 1.0
        air = max(x[0], 1.0) / max(x[i], 1.0)
        p = precision[i]
        design[0, i], design[1, i], design[2, i], design[3, i], design[4, i] = p, p * u, p * u * u, p * air, p * air * air
        for h in range(humps.shape[0]):
            v = (x[i] - humps[h, 0]) / humps[h, 1]
            design[BASELINE + h, i] = p * math.exp(-GAUSS * v * v)
    return design


@compiled
def linear_fit(design: FloatArray, data: FloatArray) -> tuple[FloatArray, float]:
    """Coefficients (p,) of the rows and χ²."""
    normal, gradient = normal_equations(design, data)
    coefficients = np.empty(gradient.size)
    factor, scale = np.empty_like(normal), np.empty(gradient.size)
    factored(normal, 0.0, np.zeros(gradient.size, dtype=np.bool_), factor, scale)
    solved(factor, scale, gradient, coefficients)
    misfit = 0.0
    for i in range(data.size):
        rest = data[i]
        for k in range(coefficients.size):
            rest -= coefficients[k] * design[k, i]
        misfit += rest * rest
    return coefficients, misfit


@compiled
def normal_equations(design: FloatArray, data: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Normal matrix (p, p) and gradient (p,) of the rows (p, n)."""
    p = design.shape[0]
    normal, gradient = np.empty((p, p)), np.empty(p)
    for a in range(p):
        row = design[a]
        total = 0.0
        for i in range(data.size):
            total += row[i] * data[i]
        gradient[a] = total
        for b in range(a + 1):
            other = design[b]
            total = 0.0
            for i in range(data.size):
                total += row[i] * other[i]
            normal[a, b] = normal[b, a] = total
    return normal, gradient


@compiled_strictly
def covariance_of(normal: FloatArray) -> FloatArray:
    """(p, p) inverse of a normal matrix."""
    p = normal.shape[0]
    factor, scale, unit, inverse = np.empty((p, p)), np.empty(p), np.zeros(p), np.empty((p, p))
    factored(normal, 0.0, np.zeros(p, dtype=np.bool_), factor, scale)
    for k in range(p):
        unit[k] = 1.0
        solved(factor, scale, unit, inverse[k])
        unit[k] = 0.0
    return inverse


@compiled
def with_slopes(x: FloatArray, design: FloatArray, humps: FloatArray, coefficients: FloatArray) -> FloatArray:
    """(5 + 3h, n) the rows of the design, then the derivatives by centre and FWHM of each hump."""
    p, h = design.shape[0], humps.shape[0]
    jacobian = np.empty((p + 2 * h, x.size))
    jacobian[:p] = design
    for k in range(h):
        height, fwhm, row = coefficients[BASELINE + k], humps[k, 1], design[BASELINE + k]
        for i in range(x.size):
            u = (x[i] - humps[k, 0]) / fwhm
            slope = height * row[i] * 2.0 * GAUSS * u / fwhm
            jacobian[p + 2 * k, i], jacobian[p + 2 * k + 1, i] = slope, slope * u
    return jacobian


@compiled_strictly
def refined_humps(x: FloatArray, data: FloatArray, precision: FloatArray, start: FloatArray, narrowest: float, widest: float) -> FloatArray:
    """(h, 2) centres and widths by damped Gauss–Newton from `start`, heights and baseline solved within."""
    humps = start.copy()
    design = design_of(x, precision, humps)
    coefficients, misfit = linear_fit(design, data)
    damping = 1e-2
    for _ in range(STEPS):
        jacobian = with_slopes(x, design, humps, coefficients)
        rest = data - coefficients @ design
        normal, gradient = normal_equations(jacobian, rest)
        p = gradient.size
        factor, scale, step = np.empty((p, p)), np.empty(p), np.empty(p)
        factored(normal, damping, np.zeros(p, dtype=np.bool_), factor, scale)
        solved(factor, scale, gradient, step)
        trial = humps.copy()
        for k in range(humps.shape[0]):
            fwhm, shift, growth = humps[k, 1], step[coefficients.size + 2 * k], step[coefficients.size + 2 * k + 1]
            trial[k, 0] = min(max(humps[k, 0] + min(max(shift, -0.3 * fwhm), 0.3 * fwhm), x[0]), x[-1])
            trial[k, 1] = min(max(fwhm * math.exp(min(max(growth / fwhm, -0.3), 0.3)), narrowest), widest)
        trial_design = design_of(x, precision, trial)
        trial_coefficients, reached = linear_fit(trial_design, data)
        if reached > misfit:
            damping *= 10.0
            continue
        gain = misfit - reached
        humps, design, coefficients, misfit, damping = trial, trial_design, trial_coefficients, reached, max(damping * 0.2, 1e-8)
        if gain < 1e-4 * max(misfit, 1.0):
            break
    return humps


@compiled
def strongest_place(
    x: FloatArray, data: FloatArray, precision: FloatArray, humps: FloatArray, widths: FloatArray, inside: float
) -> tuple[float, float, float]:
    """Centre, FWHM and significance of the hump of one of the `widths` (k,) that improves the fit most, at least `inside` widths
    from both ends; significance 0 where there is no place for one."""
    basis = design_of(x, precision, humps)
    rest = data.copy()
    # Orthonormal rows (Gram–Schmidt, twice for the sake of rounding): what they explain counts for no hump.
    for a in range(basis.shape[0]):
        for _ in range(2):
            for b in range(a):
                basis[a] -= np.dot(basis[a], basis[b]) * basis[b]
        basis[a] /= max(math.sqrt(np.dot(basis[a], basis[a])), 1e-150)
        rest -= np.dot(basis[a], rest) * basis[a]
    best_centre = best_fwhm = best = 0.0
    hump = np.empty(x.size)
    for fwhm in widths:
        centre = x[0] + inside * fwhm
        while centre <= x[-1] - inside * fwhm + 1e-9:
            first, last = np.searchsorted(x, centre - _REACH * fwhm), np.searchsorted(x, centre + _REACH * fwhm)
            height = square = 0.0
            for i in range(first, last):
                v = (x[i] - centre) / fwhm
                hump[i] = precision[i] * math.exp(-GAUSS * v * v)
                height += hump[i] * rest[i]
                square += hump[i] * hump[i]
            for row in basis:
                shared = 0.0
                for i in range(first, last):
                    shared += hump[i] * row[i]
                square -= shared * shared
            strength = height / math.sqrt(max(square, 1e-30))
            if strength > best:
                best_centre, best_fwhm, best = centre, fwhm, strength
            centre += 0.25 * fwhm
    return best_centre, best_fwhm, best
