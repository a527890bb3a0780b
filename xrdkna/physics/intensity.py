"""What makes one line stronger than another whatever the crystal: the Lorentz–polarisation factor."""

import numpy as np

from xrdkna.records.arrays import FloatArray
from xrdkna.records.instrument import Instrument


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
