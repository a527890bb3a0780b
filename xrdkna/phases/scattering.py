"""How strongly one atom scatters, f0 + f′ + if″, and how much it takes from the beam."""

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from xrdkna.phases.dispersion import anomalous_part, tables_of, tabulated_part
from xrdkna.records.arrays import FloatArray

# Å (CODATA 2018).
_ELECTRON_RADIUS = 2.8179403262e-5
_COMPTON_WAVELENGTH = 0.0242631024
# Angles of the scattered beam; leaves 5e-5 at 0.2 Å, nothing above 0.5 Å.
_COSINES = 64


def atomic_form_factor(element: str, q: FloatArray, *, wavelength: float) -> npt.NDArray[np.complex128]:
    """(n,) electrons, f0(Q) + f′ + if″ of the neutral atom at Q = 4π sin θ / λ in Å⁻¹ (n,) and `wavelength` in Å.

    f0: Waasmaier & Kirfel (1995), Acta Cryst. A51, 416; f′, f″: `anomalous_part`. Raises RadiationError where these are not tabulated.
    """
    scattered = np.asarray(tables_of(element).f0(np.asarray(q, dtype=np.float64)), dtype=np.float64)
    return np.asarray(scattered + anomalous_part(element, wavelength), dtype=np.complex128)


@lru_cache(maxsize=4096)
def attenuation_cross_section(element: str, wavelength: float) -> float:
    """Å² an atom takes out of the beam at `wavelength` in Å, in every way: photoelectric + coherent + incoherent scattering.

    Photoelectric: 2rλf″ (optical theorem; r the classical electron radius; f″ of Kissel's table). Coherent: πr² ∫ |f|² (1 + cos²φ) d cos φ.
    Incoherent: πr² ∫ of Klein & Nishina (1929) times Z − f0²/Z (Raman 1928; Compton 1930), an upper bound. The scattering
    is that of a free atom, as in International Tables C, 4.2.4: 1–2 % of the whole for Al … K with Cu Kα, but half for Li, and
    most of it for Li, Be and C at 0.5 Å. Against the tables of Elam, Ravel & Sieber (2002) at 0.49 to 2.29 Å the whole is right
    to 2.5 % from O up (5 % close above an edge) and 4.3 % for Li, Be and C; at 0.2 Å, where f0 is extrapolated, to 6 %.
    Raises RadiationError where no f″ is tabulated for this wavelength.
    """
    cosine, weight = np.polynomial.legendre.leggauss(_COSINES)
    q = 4.0 * np.pi / wavelength * np.sqrt((1.0 - cosine) / 2.0)
    photoelectric = tabulated_part(element, wavelength).imag
    dispersion = anomalous_part(element, wavelength)
    form = atomic_form_factor(element, q, wavelength=wavelength)
    electrons = (atomic_form_factor(element, np.zeros(1), wavelength=wavelength)[0] - dispersion).real
    kept_energy = 1.0 / (1.0 + _COMPTON_WAVELENGTH / wavelength * (1.0 - cosine))
    klein_nishina = kept_energy**2 * (kept_energy + 1.0 / kept_energy - (1.0 - cosine**2))
    incoherent = np.maximum(electrons - (form - dispersion).real ** 2 / electrons, 0.0)
    scattered = np.sum(weight * (np.abs(form) ** 2 * (1.0 + cosine**2) + klein_nishina * incoherent))
    return float(2.0 * _ELECTRON_RADIUS * wavelength * photoelectric + np.pi * _ELECTRON_RADIUS**2 * scattered)
