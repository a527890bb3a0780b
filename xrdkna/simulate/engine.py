"""The door to xrayutilities: line shapes from fundamental parameters (Cheary & Coelho 1992; Mendenhall et al. 2015).

Shapes change slowly with angle, so they are calculated at some angles and interpolated between them, as functions of the
offset from the Bragg angle. The shifts that slits, flat specimen and transparency cause are part of a shape.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from xrdkna.errors import RecipeError
from xrdkna.physics.profile import SCHERRER_CONSTANT
from xrdkna.records.arrays import FloatArray
from xrdkna.records.instrument import Instrument, SpectralLine
from xrdkna.simulate.recipe_records import Broadening, Optics

# at 28 angles over 5–150° a shape between two nodes differs from the one calculated there by less than 1 % of the top
NODES = 28
# below this the axial divergence formula runs out of its window
LOWEST_NODE = 3.0
# bins across the narrowest line: linear interpolation between bins is then good to 0.1 % of the top
BINS_PER_WIDTH = 32.0
# half window in widths: 0.3 % of a Lorentzian's area lies beyond (what is kept is normalised to 1)
HALF_WINDOW_WIDTHS = 100.0
MOST_BINS = 60_000
# stands for no size broadening: the engine's wrap-around correction loses all digits for a Lorentzian far narrower than a bin
LARGE_CRYSTAL_NM = 20_000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LineShapes:
    """Shapes of area 1 at some angles: nodes (k,) degrees 2θ, offset (n,) degrees evenly spaced, shape (k, n) per degree."""

    nodes: FloatArray
    offset: FloatArray
    shape: FloatArray


def line_shapes(
    *, line: SpectralLine, broadening: Broadening, optics: Optics, instrument: Instrument, two_theta_range: tuple[float, float]
) -> LineShapes:
    """The shapes of one spectral line diffracted by crystals of one kind, over a range of 2θ (degrees).

    Raises RecipeError where size, strain and slits leave no line at all.
    """
    nodes = _nodes(two_theta_range)
    widths = [_rough_width(node, line=line, broadening=broadening, optics=optics, instrument=instrument) for node in nodes]
    reach = _aberration_reach(float(nodes[0]), optics=optics, instrument=instrument)
    half = min(max(HALF_WINDOW_WIDTHS * max(widths), reach), 60.0)
    step = max(min(widths) / BINS_PER_WIDTH, 2.0 * half / MOST_BINS)
    profile = _fundamental_profile(line=line, broadening=broadening, optics=optics, instrument=instrument)
    calculated = [_shape_at(profile, float(node), half=half, step=step) for node in nodes]
    size = min(offset.size for offset, _ in calculated)
    return LineShapes(nodes=nodes, offset=calculated[0][0][:size], shape=np.array([shape[:size] for _, shape in calculated]))


def add_line(total: FloatArray, two_theta: FloatArray, shapes: LineShapes, *, position: float, area: float) -> None:
    """Add to `total` (n,) one line of `area` counts·degrees whose Bragg angle, with all shifts of the specimen, is `position`."""
    first, last = np.searchsorted(two_theta, position + shapes.offset[[0, -1]])
    if last <= first:
        return
    k = int(np.clip(np.searchsorted(shapes.nodes, position) - 1, 0, shapes.nodes.size - 2))
    share = float(np.clip((position - shapes.nodes[k]) / (shapes.nodes[k + 1] - shapes.nodes[k]), 0.0, 1.0))
    shape = (1.0 - share) * shapes.shape[k] + share * shapes.shape[k + 1]
    total[first:last] += area * np.interp(two_theta[first:last] - position, shapes.offset, shape)


def _nodes(two_theta_range: tuple[float, float]) -> FloatArray:
    """Denser at low angles, where axial divergence changes fastest; never on 90°, where its formula divides by zero."""
    low = max(two_theta_range[0], LOWEST_NODE)
    high = min(max(two_theta_range[1], low + 1.0), 172.0)
    nodes = 0.5 * (np.linspace(low, high, NODES) + np.geomspace(low, high, NODES))
    return np.asarray(np.where(np.abs(nodes - 90.0) < 0.05, 90.05, nodes))


def _rough_width(two_theta: float, *, line: SpectralLine, broadening: Broadening, optics: Optics, instrument: Instrument) -> float:
    """Degrees: enough to choose a window and a step by, nothing else."""
    theta, wavelength = math.radians(two_theta) / 2.0, line.wavelength
    slit = optics.receiving_slit_mm / _radius_mm(instrument)
    size = sum(SCHERRER_CONSTANT * wavelength / (10.0 * s) for s in (broadening.size_nm, broadening.gaussian_size_nm) if s) / math.cos(
        theta
    )
    strain = 4.0 * (broadening.microstrain + broadening.gaussian_microstrain) * math.tan(theta)
    emission = 2.0 * optics.emission_width * math.tan(theta)
    return max(math.degrees(math.hypot(slit, emission + size + strain)), 1e-3)


def _aberration_reach(two_theta: float, *, optics: Optics, instrument: Instrument) -> float:
    """Degrees to which axial divergence, flat specimen (worst at the lowest angle) and transparency can spread a line."""
    radius, cotangent = _radius_mm(instrument), 1.0 / abs(math.tan(math.radians(two_theta) / 2.0))
    height = optics.axial_length_mm + radius * math.radians(optics.soller)
    axial = height**2 / (2.0 * radius**2) * cotangent if optics.soller else 0.0
    flat = math.radians(optics.equatorial_divergence) ** 2 / 2.0 * cotangent
    # an exponential tail of 1/(2 μR) at its longest: e⁻¹² of it is lost
    transparent = 12.0 / (2.0 * optics.absorption_per_mm * radius) if optics.absorption_per_mm else 0.0
    return math.degrees(2.0 * max(axial, flat) + transparent)


def _radius_mm(instrument: Instrument) -> float:
    return instrument.radius_mm if instrument.radius_mm is not None else 240.0


def _fundamental_profile(*, line: SpectralLine, broadening: Broadening, optics: Optics, instrument: Instrument) -> Any:
    from xrayutilities.simpack.powder import FP_profile

    radius = _radius_mm(instrument) * 1e-3
    wavelength = line.wavelength * 1e-10
    # its axial formula fails on exactly equal slits and specimen; these ratios are those of the NIST instrument it ships with
    slit = optics.axial_length_mm * 1e-3
    lorentzian, gaussian = (optics.emission_width, 0.0) if instrument.radiation.anode else (0.0, optics.emission_width)
    profile = FP_profile(anglemode="twotheta", oversampling=2, gaussian_smoother_bins_sigma=1.0)
    profile.set_parameters(
        convolver="global",
        dominant_wavelength=wavelength,
        diffractometer_radius=radius,
        equatorial_divergence_deg=optics.equatorial_divergence or None,
    )
    profile.set_parameters(
        convolver="emission",
        emiss_wavelengths=(wavelength,),
        emiss_intensities=(1.0,),
        emiss_lor_widths=(lorentzian * wavelength,),
        emiss_gauss_widths=(gaussian * wavelength,),
        crystallite_size_lor=_size_in_metres(broadening.size_nm),
        crystallite_size_gauss=_size_in_metres(broadening.gaussian_size_nm),
        # its Lorentzian width is strain·tan θ and its Gaussian one half of that; ours are both 4 ε tan θ
        strain_lor=math.degrees(4.0 * broadening.microstrain),
        strain_gauss=math.degrees(8.0 * broadening.gaussian_microstrain),
    )
    if optics.soller:
        profile.set_parameters(
            convolver="axial",
            axDiv="full",
            slit_length_source=1.000125 * slit,
            slit_length_target=slit,
            length_sample=1.25 * slit,
            angI_deg=optics.soller,
            angD_deg=optics.soller,
            n_integral_points=10,
        )
    if optics.absorption_per_mm:
        profile.set_parameters(convolver="absorption", absorption_coefficient=optics.absorption_per_mm * 1e3)
    if optics.receiving_slit_mm:
        profile.set_parameters(convolver="receiver_slit", slit_width=optics.receiving_slit_mm * 1e-3)
    return profile


def _size_in_metres(size_nm: float | None) -> float:
    """Its widths are λ/(L cos θ): a Scherrer constant of 1, where ours is 0.9."""
    return (LARGE_CRYSTAL_NM if size_nm is None else size_nm) * 1e-9 / SCHERRER_CONSTANT


def _shape_at(profile: Any, two_theta: float, *, half: float, step: float) -> tuple[FloatArray, FloatArray]:
    profile.set_parameters(convolver="global", twotheta0_deg=two_theta, d=0.0)
    profile.set_optimized_window(two_theta, 2.0 * half, step)
    result = profile.compute_line_profile()
    offset = np.asarray(result.twotheta_deg, dtype=np.float64) - two_theta
    shape = np.maximum(np.asarray(result.peak, dtype=np.float64), 0.0)
    area = float(shape.sum() * (offset[1] - offset[0]))
    if not (math.isfinite(area) and area > 0.0):
        raise RecipeError(
            f"lines at {two_theta:.0f} degrees would be wider than {2.0 * half:.0f} degrees; "
            "lower the strain, raise the size, or narrow the slits."
        )
    return offset, shape / area
