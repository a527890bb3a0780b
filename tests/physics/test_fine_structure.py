"""The emission lines of copper against the numbers printed for their sum."""

import numpy as np
import pytest

from xrdkna.errors import RecordError
from xrdkna.physics.radiation import WAVELENGTHS, copper_fine_structure, radiation_from_text
from xrdkna.records.instrument import SpectralLine


def spectrum(wavelength: np.ndarray) -> np.ndarray:
    lines = copper_fine_structure().lines
    return sum(line.weight * line.width / ((wavelength - line.wavelength) ** 2 + (line.width / 2.0) ** 2) for line in lines)


def test_the_fine_structure_of_copper_peaks_where_the_table_says():
    """Hölzer et al. (1997) give the maximum of the measured Kα₁ and the Lorentzians that add up to it, both to some 0.5 ppm; those of
    the weaker Kα₂, on the tail of the first, agree with each other to 6 ppm only."""
    for which, near, agreement in ((0, 1.5406, 1.5e-6), (1, 1.5444, 7e-6)):
        wavelength = np.linspace(near - 5e-4, near + 5e-4, 200_001)
        assert wavelength[np.argmax(spectrum(wavelength))] == pytest.approx(WAVELENGTHS["Cu"][which], rel=agreement)


def test_kalpha_two_is_half_of_kalpha_one_and_the_satellites_are_few():
    weights = {line.label: line.weight for line in copper_fine_structure().lines}
    one, two = weights["CuKa11"] + weights["CuKa12"], weights["CuKa21"] + weights["CuKa22"]
    assert two / one == pytest.approx(0.517, abs=0.002)
    assert weights["CuKa3"] / (one + two) < 0.02
    assert weights["CuKa11"] == 1.0


@pytest.mark.parametrize("text", ["CuKa5", "cuka5", "Cu-Kα5"])
def test_the_fine_structure_has_a_name(text):
    assert radiation_from_text(text) == copper_fine_structure()
    assert len(radiation_from_text("CuKa").lines) == 2


@pytest.mark.parametrize("width", [-1e-4, 0.1])
def test_an_impossible_width_of_a_spectral_line_is_named(width):
    with pytest.raises(RecordError, match="natural width"):
        SpectralLine(label="CuKa11", wavelength=1.54, weight=1.0, width=width)
