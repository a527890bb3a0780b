"""What an atom's bound electrons add to its scattering, f′ + if″. The door to gemmi and to xrayutilities' tables.

Of the tables there are, the values of Cromer & Liberman, for two reasons.

- International Tables C, 4.2.6.8, prints them (f″ to 0.3 %, f′ to 0.005 electrons up to germanium), GSAS-II calculates them, and so
  published weight fractions rest on them.
- Their edges are the measured ones. Kissel's table (Radiat. Phys. Chem. 59 (2000) 185), whose theory is the more complete, has
  calculated edges, 15 to 45 eV too low, and levels without width: iron in cobalt radiation gets f′ = −3.52 instead of −3.33, holmium in
  copper radiation −19.5 instead of −15.0.

Away from edges the two differ by some 0.003 electrons in f′ of light elements, hundredths of a per cent of a weight fraction. f″ hardly
counts in an intensity, but it is what a specimen absorbs: there Kissel's, 2 to 5 % larger for light elements, agrees with NIST's
attenuation coefficients, so absorption is calculated from that (`scattering.attenuation_cross_section`).
"""

from functools import lru_cache
from typing import Any

import numpy as np

from xrdkna.errors import RadiationError

# Deuterium and tritium have hydrogen's one electron.
_SAME_ELECTRONS = {"D": "H", "T": "H"}
# eV Å (CODATA 2018).
_PLANCK_TIMES_LIGHT = 12398.419843
# Atomic numbers and wavelengths in Å that Cromer & Liberman's integrals are for.
_CALCULATED = range(3, 93)
_SHORTEST, _LONGEST = 0.1, 5.0
# Kissel's edges are up to this share of the energy too low (aluminium's 0.93 %), so his f′ is looked up on either side as well.
_EDGES_OFF = np.linspace(0.99, 1.01, 9).tolist()
# By how many electrons, and which share of f′, the two differ elsewhere: 0.11 of 4 (lead), 0.2 of 9 (europium). Beyond, there is a pole.
_DIFFERENT, _DIFFERENT_SHARE = 0.1, 0.02


@lru_cache(maxsize=4096)
def anomalous_part(element: str, wavelength: float) -> complex:
    """Electrons, f′ + if″ of `element` at `wavelength` in Å. Raises RadiationError where it is not tabulated.

    Cromer & Liberman, J. Chem. Phys. 53 (1970) 1891 and Acta Cryst. A37 (1981) 267, with the high-energy limit of Kissel & Pratt, Acta
    Cryst. A46 (1990) 170, as gemmi calculates them. Where the energy comes near one of the few at which the integrals are sampled, their
    sum has a pole (argon at 5.90 keV, zinc at 12.56 keV; cerium and bismuth in copper radiation): f′ that nothing in Kissel's table
    explains is replaced by the table's. Kissel's stands as well for elements and wavelengths outside the calculation.
    """
    from gemmi import cromer_liberman

    table = tabulated_part(element, wavelength)
    number = tables_of(element).num
    if number not in _CALCULATED or not _SHORTEST <= wavelength <= _LONGEST:
        return table
    real, imaginary = cromer_liberman(z=number, energy=_PLANCK_TIMES_LIGHT / wavelength)
    near = [tabulated_part(element, wavelength * factor).real for factor in _EDGES_OFF]
    unexplained = max(real - max(near), min(near) - real)
    return complex(table.real if unexplained > _DIFFERENT + _DIFFERENT_SHARE * abs(table.real) else real, imaginary)


@lru_cache(maxsize=4096)
def tabulated_part(element: str, wavelength: float) -> complex:
    """Electrons, f′ + if″ of `element` at `wavelength` in Å as in Kissel's table. Raises RadiationError where that ends."""
    atom = tables_of(element)
    energy = _PLANCK_TIMES_LIGHT / wavelength
    value = complex(float(atom.f1(energy)), float(atom.f2(energy)))
    if not np.isfinite(value):
        raise RadiationError(
            f"no anomalous scattering of {element} is tabulated at {wavelength:g} Å; "
            "give a wavelength between 0.1 and 5 Å or leave the phase out."
        )
    return value


@lru_cache(maxsize=128)
def tables_of(element: str) -> Any:
    """The atom as xrayutilities has it: num (of electrons), f0(Q in Å⁻¹), f1 and f2 (energy in eV), all in electrons."""
    from xrayutilities.materials import elements

    return getattr(elements, _SAME_ELECTRONS.get(element, element))
