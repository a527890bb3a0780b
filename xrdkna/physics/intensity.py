"""What makes one line stronger than another, apart from the structure: Lorentz–polarisation and texture."""

import numpy as np
import numpy.typing as npt

from xrdkna.physics.lattice import metric_tensor
from xrdkna.records.arrays import FloatArray
from xrdkna.records.instrument import Instrument
from xrdkna.records.phases import Cell


def lorentz_polarisation(two_theta: FloatArray, *, instrument: Instrument) -> FloatArray:
    """(n,) powder Lorentz–polarisation factor at degrees 2θ.

    Lorentz for a powder: 1/(sin²θ cos θ) (International Tables C, 6.2). Polarisation: an unpolarised beam gives
    (1 + K cos²2θ)/(1 + K) with K = cos²2θ_m of a monochromator, K = 1 without (Azároff 1955); a beam polarised
    perpendicular to the diffraction plane by a fraction f gives f + (1 − f) cos²2θ (f = 0.5: unpolarised).
    """
    angle = np.radians(np.asarray(two_theta, dtype=np.float64))
    cos_squared = np.cos(angle) ** 2
    if instrument.monochromator_two_theta is not None:
        k = float(np.cos(np.radians(instrument.monochromator_two_theta)) ** 2)
        polarisation = (1.0 + k * cos_squared) / (1.0 + k)
    else:
        f = instrument.radiation.polarised
        polarisation = f + (1.0 - f) * cos_squared
    return np.asarray(polarisation / (np.sin(angle / 2.0) ** 2 * np.cos(angle / 2.0)))


def march_dollase(cos_squared: FloatArray, r: float) -> FloatArray:
    """March–Dollase factor (Dollase 1986): (r² cos²α + sin²α/r)^(−3/2); r < 1 platelets lying flat, 1 none."""
    return np.asarray((r * r * cos_squared + (1.0 - cos_squared) / r) ** -1.5)


def cos_squared_to_axis(hkl: npt.ArrayLike, *, axis: tuple[int, int, int], cell: Cell) -> FloatArray:
    """(n,) cos²α between the plane normals of hkl (n, 3) and of `axis`, by the reciprocal metric."""
    inverse = np.linalg.inv(metric_tensor(cell))
    indices, direction = np.asarray(hkl, dtype=np.float64), np.asarray(axis, dtype=np.float64)
    product = indices @ inverse @ direction
    lengths = np.einsum("ni,ij,nj->n", indices, inverse, indices) * (direction @ inverse @ direction)
    return np.asarray(np.clip(product**2 / lengths, 0.0, 1.0))
