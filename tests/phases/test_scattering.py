"""Scattering factors: limits that physics fixes, and gemmi's other tables."""

import gemmi
import numpy as np
import pytest

from xrdkna.errors import RadiationError
from xrdkna.phases.dispersion import anomalous_part
from xrdkna.phases.scattering import atomic_form_factor


@pytest.mark.parametrize("element", ["H", "Be", "C", "O", "F", "Na", "Al", "K", "Fe", "Cu"])
def test_forward_scattering_counts_the_electrons(element: str) -> None:
    forward = atomic_form_factor(element, np.array([0.0]), wavelength=1.5405929) - anomalous_part(element, 1.5405929)
    assert abs(forward[0]) == pytest.approx(gemmi.Element(element).atomic_number, rel=2e-3)


@pytest.mark.parametrize("element", ["C", "O", "Na", "Al", "K", "Cu"])
def test_f0_is_that_of_the_international_tables(element: str) -> None:
    q = np.linspace(0, 4 * np.pi * 1.5, 40)
    ours = (atomic_form_factor(element, q, wavelength=0.7093) - anomalous_part(element, 0.7093)).real
    theirs = [gemmi.Element(element).it92.calculate_sf(stol2=(x / (4 * np.pi)) ** 2) for x in q]
    np.testing.assert_allclose(ours, theirs, atol=0.05)


def test_deuterium_scatters_as_hydrogen() -> None:
    q = np.array([0.0, 2.0, 5.0])
    np.testing.assert_array_equal(atomic_form_factor("D", q, wavelength=1.54), atomic_form_factor("H", q, wavelength=1.54))


def test_a_wavelength_beyond_the_tables_is_refused() -> None:
    with pytest.raises(RadiationError, match="no anomalous scattering of K is tabulated"):
        anomalous_part("K", 1e-4)
