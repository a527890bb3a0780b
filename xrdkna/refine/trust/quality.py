"""How good a fit is: agreement factors and a verdict in words."""

import numpy as np

from xrdkna.records.arrays import FloatArray

# Share of the reflections' own signal that a good fit may leave (background taken off): laboratory fits of known
# structures reach 0.03–0.12; beyond 0.3 something that scatters is not in the model.
GOOD_RESIDUAL, POOR_RESIDUAL = 0.15, 0.35
# A fit as good as counting statistics allows is good whatever its residual share (weak patterns).
GOOD_GOF, POOR_GOF = 1.5, 4.0
# Lines of no phase with this share of the diffracted intensity: light atoms scatter ten times less than heavy ones, so what makes
# them can be ten times that share of the weight.
UNKNOWN_SHARE = 0.01

# χ² this many of its standard deviations above its expectation is no accident, even of hundreds of scans.
CERTAIN_MISFIT = 6.0


def agreement(observed: FloatArray, sigma: FloatArray, calculated: FloatArray, parameters: int) -> tuple[float, float, float]:
    """Rwp, Rexp and their ratio GoF (Young 1993, The Rietveld Method, table 1.3), with weights 1/σ² as measured; fractions."""
    weight = 1.0 / sigma**2
    total = float(np.sum(weight * observed**2))
    rwp = float(np.sqrt(np.sum(weight * (observed - calculated) ** 2) / total)) if total > 0 else 0.0
    rexp = float(np.sqrt(max(observed.size - parameters, 1) / total)) if total > 0 else 0.0
    return rwp, rexp, rwp / rexp if rexp > 0 else 0.0


def residual_share(observed: FloatArray, weight: FloatArray, calculated: FloatArray, background: FloatArray) -> float:
    """Share of the reflections' signal the model leaves, noise taken off: √(max(Σw(y−f)² − n, 0) / Σw(f−b)²); 0 … 1 (1: all)."""
    misfit = float(np.sum(weight * (observed - calculated) ** 2)) - observed.size
    signal = float(np.sum(weight * (calculated - background) ** 2))
    return min(float(np.sqrt(max(misfit, 0.0) / signal)), 1.0) if signal > 0 else (0.0 if misfit <= 0 else 1.0)


def misfit_sigmas(observed: FloatArray, weight: FloatArray, calculated: FloatArray) -> float:
    """By how many of its standard deviations, √(2n), χ² exceeds what counting statistics give a true model, n."""
    misfit = float(np.sum(weight * (observed - calculated) ** 2)) - observed.size
    return misfit / float(np.sqrt(2.0 * observed.size))


def judge(
    *,
    converged: bool,
    gof: float,
    residual: float,
    at_bound: tuple[str, ...],
    free_line_share: float,
    misfit_sigmas: float = 0.0,
    doubts: tuple[str, ...] = (),
) -> tuple[str, tuple[str, ...]]:
    """The verdict and its reasons, each a sentence. free_line_share: share of the reflections' area no phase explains. doubts: further
    reasons, as sentences."""
    reasons = []
    if not converged:
        reasons.append("The fit used all its iterations without settling.")
    poor = gof > POOR_GOF and residual > POOR_RESIDUAL
    # In a weak pattern GoF is near 1 whatever the model; there misfit counts once noise cannot have made it.
    weak = misfit_sigmas > CERTAIN_MISFIT and residual > POOR_RESIDUAL
    fair = (gof > GOOD_GOF and residual > GOOD_RESIDUAL) or weak
    if poor or fair:
        reasons.append(f"The model leaves {100 * residual:.0f} % of the reflections' signal unexplained (GoF {gof:.2f}).")
    if at_bound:
        reasons.append(f"At a bound: {', '.join(at_bound)}.")
    if free_line_share > UNKNOWN_SHARE:
        reasons.append(f"{100 * free_line_share:.0f} % of the diffracted intensity belongs to lines of no phase in the model.")
    reasons += doubts
    if poor:
        return "rejected", tuple(reasons)
    if reasons:
        return "doubtful", tuple(reasons)
    return "accepted", (f"The model explains the pattern to {100 * residual:.1f} % of its reflections (GoF {gof:.2f}).",)
