"""The line shape against scipy's Voigt function, which shares nothing with it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import voigt_profile

from xrdkna.physics.profile import mixed_width
from xrdkna.refine.kernels.profile_kernel import add_profile, plain_nodes
from xrdkna.refine.kernels.voigt_shape import line_shape

_SIGMA = 1.0 / np.sqrt(8.0 * np.log(2.0))


def profile(x, gaussian, lorentzian, *, voigt=True):
    fwhm, eta = mixed_width(np.array(gaussian), np.array(lorentzian))
    out = np.zeros(x.size)
    add_profile(x, 0.0, float(fwhm), float(eta), 1.0, 40.0, 0, plain_nodes(1, voigt=voigt), out)
    return out


@given(angle=st.floats(0.01, 1.56))
def test_a_line_is_a_voigt_function_within_an_eighth_of_a_per_cent_of_its_top(angle):
    gaussian, lorentzian = np.cos(angle), np.sin(angle)
    x = np.linspace(-12.0, 12.0, 2401)
    voigt = voigt_profile(x, gaussian * _SIGMA, lorentzian / 2.0)
    assert np.abs(profile(x, gaussian, lorentzian) - voigt).max() < 1.25e-3 * voigt.max()


@pytest.mark.parametrize("lorentzian", [0.05, 0.3, 1.0, 4.0])
def test_tails_are_those_of_the_voigt_where_a_pseudo_voigt_has_up_to_a_third_more(lorentzian):
    x = np.linspace(20.0, 30.0, 11)
    voigt = voigt_profile(x, _SIGMA, lorentzian / 2.0)
    np.testing.assert_allclose(profile(x, 1.0, lorentzian), voigt, rtol=5e-3)
    if lorentzian < 0.5:
        assert np.all(profile(x, 1.0, lorentzian, voigt=False) > 1.2 * voigt)


@given(eta=st.floats(0.0, 1.0), voigt=st.booleans())
def test_the_area_is_one_whatever_the_share_and_slopes_are_differences(eta, voigt):
    u = np.linspace(-4000.0, 4000.0, 320_001)
    form, slope = line_shape(eta, voigt)
    f, bell = 1.0 / (1.0 + 4.0 * u * u), np.exp(-4.0 * np.log(2.0) * u * u)
    shape = f * (form.c1 + f * (form.c2 + f * form.c3)) + bell * (form.d0 + f * (form.d1 + f * form.d2))
    assert float(shape.sum() * (u[1] - u[0])) == pytest.approx(1.0, abs=1e-4)
    step = 1e-6
    up, down = line_shape(eta + step, voigt)[0], line_shape(eta - step, voigt)[0]
    np.testing.assert_allclose(slope, (np.array(up) - np.array(down)) / (2.0 * step), atol=1e-5)
