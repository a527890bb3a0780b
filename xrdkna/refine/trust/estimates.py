"""Values of a solved model with their esds."""

import numpy as np

from xrdkna.records.arrays import FloatArray
from xrdkna.records.values import Estimate
from xrdkna.refine.search.fit import Fitted


def estimate_of(fitted: Fitted, parameter: int, unit: str) -> Estimate:
    """A parameter with its esd."""
    slope = np.zeros(fitted.values.size)
    slope[parameter] = 1.0
    return Estimate(value=float(fitted.values[parameter]), esd=esd_of(fitted, slope), unit=unit)


def esd_of(fitted: Fitted, slope: FloatArray) -> float:
    """esd of a quantity with this gradient (p,), scaled by √χ² of the fit where it exceeds 1."""
    return float(np.sqrt(max(float(slope @ fitted.covariance @ slope), 0.0))) * inflation_of(fitted)


def inflation_of(fitted: Fitted) -> float:
    """√χ² of the fit a degree of freedom where it exceeds 1: by how much its esds are scaled."""
    freedom = max(fitted.observed.size - int(fitted.moving.sum()), 1)
    return max(1.0, float(np.sqrt(np.sum(fitted.weight * (fitted.observed - fitted.calculated) ** 2) / freedom)))
