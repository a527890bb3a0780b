"""How strongly one atom scatters: f0 + f′ + if″. The door to xrayutilities."""

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from xrdkna.errors import RadiationError
from xrdkna.records.arrays import FloatArray

# Deuterium and tritium have hydrogen's one electron.
_SAME_ELECTRONS = {"D": "H", "T": "H"}


def atomic_form_factor(element: str, q: FloatArray, *, wavelength: float) -> npt.NDArray[np.complex128]:
    """(n,) electrons, f0(Q) + f′ + if″ of the neutral atom at Q = 4π sin θ / λ in Å⁻¹ (n,) and `wavelength` in Å.

    f0: Waasmaier & Kirfel (1995), Acta Cryst. A51, 416; f′, f″: the tables xrayutilities carries (Henke, Gullikson &
    Davis 1993 and its extensions). Raises RadiationError where no f′ or f″ is tabulated for this wavelength.
    """
    scattered = np.asarray(_atom(element).f0(np.asarray(q, dtype=np.float64)), dtype=np.float64)
    return np.asarray(scattered + anomalous_part(element, wavelength), dtype=np.complex128)


@lru_cache(maxsize=4096)
def anomalous_part(element: str, wavelength: float) -> complex:
    """Electrons, f′ + if″ of `element` at `wavelength` in Å. Raises RadiationError where it is not tabulated."""
    from xrayutilities import lam2en

    energy = lam2en(wavelength)
    value = complex(float(_atom(element).f1(energy)), float(_atom(element).f2(energy)))
    if not np.isfinite(value):
        raise RadiationError(
            f"no anomalous scattering of {element} is tabulated at {wavelength:g} Å; "
            "give a wavelength between 0.1 and 5 Å or leave the phase out."
        )
    return value


@lru_cache(maxsize=128)
def _atom(element: str) -> Any:
    from xrayutilities.materials import elements

    return getattr(elements, _SAME_ELECTRONS.get(element, element))
