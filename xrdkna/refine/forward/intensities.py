"""What multiplies the intensities of one phase beyond |F|², multiplicity and Lorentz–polarisation.

An effect is a factor for each reflection and its slopes by the effect's own parameters, at the reference angles: a cell that
moves by parts in a thousand changes none of them. Only effects that a parameter can switch on, or that are on, are built.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from xrdkna.physics.absorption import buried_layer_factor, cylinder_absorption, flat_plate_transmission, thin_layer_factor
from xrdkna.physics.texture import harmonic_terms, march_dollase_factors
from xrdkna.records.arrays import FloatArray
from xrdkna.records.phases import Reflections
from xrdkna.refine.forward.layout import Slot, tag
from xrdkna.refine.settings import RefineSettings

Factor = Callable[[FloatArray], tuple[FloatArray, FloatArray]]

# The plane normal that texture turns about where nothing is said: the unique axis of the system, (1 1 1) for cubic.
_UNIQUE_AXIS = {"cubic": (1, 1, 1), "monoclinic": (0, 1, 0)}


@dataclass(frozen=True, slots=True)
class Effect:
    """parameters: where its values stand in the layout. factor(values of those): (n,) factor and (n, k) slopes."""

    parameters: tuple[int, ...]
    factor: Factor


def axis_of(reflections: Reflections, settings: RefineSettings) -> tuple[int, int, int]:
    """The plane normal of texture and uniaxial broadening of this phase."""
    return settings.axes.get(reflections.phase, _UNIQUE_AXIS.get(reflections.crystal_system, (0, 0, 1)))


def texture_slots(reflections: Reflections, settings: RefineSettings) -> list[Slot]:
    """The parameters of a texture model of few coefficients; none for "none" and "free"."""
    name = tag(reflections.phase)
    if settings.texture == "march":
        return [Slot(name=f"march_{name}", kind="texture", unit="", start=1.0, lower=0.1, upper=10.0, prior_mean=1.0, prior_sd=0.3)]
    if settings.texture == "harmonics":
        _, names = _harmonics(reflections, settings)
        return [
            Slot(name=f"harmonic_{name}_{term}", kind="texture", unit="", start=0.0, lower=-5.0, upper=5.0, prior_sd=0.5) for term in names
        ]
    return []


def phase_effects(
    reflections: Reflections, *, two_theta: FloatArray, index: Mapping[str, int], active: Collection[str], settings: RefineSettings
) -> tuple[Effect, ...]:
    """The effects on this phase. two_theta: (n,) degrees at the reference cell. active: names of the parameters that move or do
    not stand at their neutral value; index: where each parameter stands."""
    name = tag(reflections.phase)
    effects = []
    if settings.texture == "march":
        effects.append(Effect((index[f"march_{name}"],), _march(reflections, settings)))
    if settings.texture == "harmonics":
        terms, names = _harmonics(reflections, settings)
        effects.append(Effect(tuple(index[f"harmonic_{name}_{term}"] for term in names), _linear(terms)))
    angle = np.clip(two_theta, 0.5, 179.0)
    single: tuple[tuple[str, Factor], ...] = (
        (f"biso_{name}", _displacement_factor(reflections.d_spacing)),
        (f"thinness_{name}", _thin_layer(angle)),
        (f"cover_{name}", lambda v: _column(*buried_layer_factor(angle, mu_t=float(v[0])))),
        ("capillary", lambda v: _column(*cylinder_absorption(angle, mu_r=float(v[0])))),
        ("plate", lambda v: _column(*flat_plate_transmission(angle, mu_t=float(v[0])))),
    )
    effects += [Effect((index[parameter],), factor) for parameter, factor in single if parameter in active]
    return tuple(effects)


def intensity_factor(effects: Sequence[Effect], values: FloatArray, count: int) -> tuple[FloatArray, FloatArray]:
    """(n,) product of the effects, and (n, a) slopes of its logarithm by their parameters in order; n = count."""
    total = np.ones(count)
    slopes = [np.zeros((count, 0))]
    for effect in effects:
        factor, slope = effect.factor(values[list(effect.parameters)])
        positive = np.maximum(factor, 1e-9)
        total *= positive
        # Below its floor a factor no longer follows its parameters.
        slopes.append(np.where((factor > 1e-9)[:, None], slope / positive[:, None], 0.0))
    return total, np.concatenate(slopes, axis=1)


def _column(value: FloatArray, slope: FloatArray) -> tuple[FloatArray, FloatArray]:
    return value, slope[:, None]


def _march(reflections: Reflections, settings: RefineSettings) -> Factor:
    def factor(values: FloatArray) -> tuple[FloatArray, FloatArray]:
        return _column(
            *march_dollase_factors(
                reflections.hkl,
                axis=axis_of(reflections, settings),
                cell=reflections.cell,
                rotations=reflections.rotations,
                r=float(values[0]),
            )
        )

    return factor


def _harmonics(reflections: Reflections, settings: RefineSettings) -> tuple[FloatArray, tuple[str, ...]]:
    return harmonic_terms(reflections.hkl, cell=reflections.cell, rotations=reflections.rotations, order=settings.harmonic_order)


def _linear(terms: FloatArray) -> Factor:
    return lambda values: (1.0 + terms @ values, terms)


def _displacement_factor(d_spacing: FloatArray) -> Factor:
    """exp(−2B sin²θ/λ²) with sin θ/λ = 1/2d (Debye 1913, Waller 1923)."""
    exponent = 1.0 / (2.0 * d_spacing**2)

    def factor(values: FloatArray) -> tuple[FloatArray, FloatArray]:
        value = np.exp(-values[0] * exponent)
        return _column(value, -exponent * value)

    return factor


def _thin_layer(two_theta: FloatArray) -> Factor:
    """`thin_layer_factor` in terms of 1/µt."""

    def factor(values: FloatArray) -> tuple[FloatArray, FloatArray]:
        thinness = max(float(values[0]), 1e-6)
        value, slope = thin_layer_factor(two_theta, mu_t=1.0 / thinness)
        return _column(value, -slope / thinness**2)

    return factor
