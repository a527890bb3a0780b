"""What makes one line stronger than another whatever the crystal: the Lorentz–polarisation factor, and how much specimen is in the beam."""

import numpy as np

from xrdkna.records.arrays import FloatArray
from xrdkna.records.instrument import Instrument


def lorentz_polarisation(two_theta: FloatArray, *, instrument: Instrument) -> FloatArray:
    """(n,) powder Lorentz–polarisation factor at degrees 2θ, times the volume in the beam where that depends on the angle.

    Lorentz for a powder: 1/(sin²θ cos θ) (International Tables C, 6.2). Polarisation: an unpolarised beam gives
    (1 + K cos²2θ)/(1 + K) with K = cos²2θ_m of a monochromator, K = 1 without (Azároff 1955); a beam polarised
    perpendicular to the diffraction plane by a fraction f gives f + (1 − f) cos²2θ (f = 0.5: unpolarised). A plate that bisects the
    beams in transmission has 1/cos θ as much in the beam as upright (International Tables C, table 6.3.3.1).
    """
    angle = np.radians(np.asarray(two_theta, dtype=np.float64))
    cos_squared = np.cos(angle) ** 2
    if instrument.monochromator_two_theta is not None:
        k = float(np.cos(np.radians(instrument.monochromator_two_theta)) ** 2)
        polarisation = (1.0 + k * cos_squared) / (1.0 + k)
    else:
        f = instrument.radiation.polarised
        polarisation = f + (1.0 - f) * cos_squared
    volume = 1.0 / np.cos(angle / 2.0) if instrument.geometry == "transmission" else 1.0
    return np.asarray(volume * polarisation / (np.sin(angle / 2.0) ** 2 * np.cos(angle / 2.0)))
