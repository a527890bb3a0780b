"""What a machine and a specimen do to the shape of a line: the distribution of angular offsets that each ray picks up on its way, as
the few nodes of a Gauss rule. Degrees at the border.

An offset is the sum of independent ones (Cheary & Coelho 1992, J. Appl. Cryst. 25, 109; Cheary, Coelho & Cline 2004,
J. Res. NIST 109, 1):

axial divergence   see `axial` where the incident beam is parallel, `two_beams` where it leaves a source that has a height
flat specimen      −½ cot θ (α v)², v even in 0 … 1: the specimen touches the focusing circle in its middle only; α is the full
                   angle that the divergence slit opens
transparency       exponential towards low angles with the mean τ sin 2θ, τ = 1/(2µR): rays come back from below the surface

Each has a Gauss rule of its own; the rule of the sum (`gauss_sum`) has all moments that this many nodes can hold, with one node the mean.
The tails of a tube, a wide pedestal of little weight, are no matter for such a rule: see `tube_tails`.
"""

import math
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from xrdkna.errors import UsageError
from xrdkna.physics.axial import TALLEST, axial_node_derivatives, axial_nodes, nodes_needed
from xrdkna.physics.gauss_rule import gauss_rule
from xrdkna.physics.gauss_sum import gauss_rule_of_sum
from xrdkna.physics.two_beams import two_beam_rays
from xrdkna.records.arrays import FloatArray, IntArray

MOST_NODES = 40
# What `aberration_nodes_needed` may answer: few different numbers, so that lines are computed in few batches.
RUNGS = (1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 32, MOST_NODES)
# Degrees. More is no diffractometer.
WIDEST_DIVERGENCE = 10.0
DEEPEST = 5.0
WIDEST_SOLLER = 60.0

# Lines within this range of ln tan θ, when they are more, are interpolated between the rules at this many angles.
_STRETCH, _KNOTS = 0.3, 8
# … but not where a cone is as narrow as this times the steepest ray: where it closes in the slit nothing is analytic.
_OPEN_CONE = 4.0
# Half the step of a difference quotient, at least; in units where all but nothing is 1e-3.
_STEP = 1e-6
# e⁻¹⁸ of the exponential tail is left out: 3e-7 of its mean.
_TAIL_LENGTH = 18.0
# Standard deviation of the offsets over the full width of the line at which k nodes still err by less than 0.2 % of the peak height (worst:
# all Lorentzian); the long thin tail of an exponential counts for more than its standard deviation.
_ONE_NODE = 0.022
_SPREAD_PER_NODE = 0.045
_FIRST_SPREAD = 0.05
_TAIL_COUNTS = 1.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Aberrations:
    """source, sample, detector: half-heights of focus, specimen and receiving slit over the goniometer radius; source 0: the incident
    beam is parallel. soller: degrees, full opening of the Soller slits in the beams that diverge; 0: none. divergence: degrees, full angle
    of the divergence slit. transparency: degrees, τ = (180/π)/(2µR)."""

    source: float = 0.0
    sample: float = 0.0
    detector: float = 0.0
    soller: float = 0.0
    divergence: float = 0.0
    transparency: float = 0.0

    def __post_init__(self) -> None:
        limits = {
            "source": TALLEST,
            "sample": TALLEST,
            "detector": TALLEST,
            "soller": WIDEST_SOLLER,
            "divergence": WIDEST_DIVERGENCE,
            "transparency": DEEPEST,
        }
        for name, limit in limits.items():
            # A little below 0 is what a difference quotient at 0 asks for.
            least = -_STEP if name == "transparency" else 0.0
            if not least <= getattr(self, name) <= limit:
                unit = "radii" if limit == TALLEST else "degrees"
                raise UsageError(f"The aberration {name} is {getattr(self, name):g}; give 0 to {limit:g} {unit}.")


def aberration_nodes(two_theta: FloatArray, aberrations: Aberrations, *, nodes: int) -> tuple[FloatArray, FloatArray]:
    """(m, nodes) offsets in degrees from the Bragg angles (m,), and (m, nodes) weights, 1 in the sum of each row.

    profile(x) = Σ_k weight_k · pV(x − two_theta − offset_k). With one node it is the mean of the distribution. Raises UsageError for
    angles outside 0 … 180° and less than one or more than 40 nodes.
    """
    if not 1 <= nodes <= MOST_NODES:
        raise UsageError(f"{nodes} nodes were asked for; give 1 to {MOST_NODES}.")
    angle = np.radians(np.asarray(two_theta, dtype=np.float64))
    offset, weight = _rules(angle, aberrations, nodes) if _is_plain(aberrations) else _rules_by_stretch(angle, aberrations, nodes)
    return np.degrees(offset), weight


def aberration_node_slopes(
    two_theta: FloatArray, aberrations: Aberrations, *, names: tuple[str, ...], nodes: int
) -> tuple[FloatArray, FloatArray]:
    """(m, nodes, a) slopes of the offsets (degrees) and of the weights of `aberration_nodes` by the aberrations of these names.

    Analytic for the heights where nothing else is there, else by central differences: nodes of a rule move smoothly. Heights and
    divergence act by their squares, so that the slope at 0 is 0: a refinement must not start there.
    """
    if _is_plain(aberrations) and set(names) <= {"sample", "detector"}:
        known = axial_node_derivatives(two_theta, sample=aberrations.sample, detector=aberrations.detector, nodes=nodes)
        columns = [("sample", "detector").index(name) for name in names]
        return np.stack(known[:2], axis=-1)[..., columns], np.stack(known[2:], axis=-1)[..., columns]
    slopes = np.zeros((2, np.size(two_theta), nodes, len(names)))
    for column, name in enumerate(names):
        value = getattr(aberrations, name)
        step = max(1e-4 * value, _STEP)
        ends = (value + step, value - step if value >= step or name == "transparency" else value)
        up, down = (aberration_nodes(two_theta, replace(aberrations, **{name: end}), nodes=nodes) for end in ends)
        slopes[0, ..., column] = (up[0] - down[0]) / (ends[0] - ends[1])
        slopes[1, ..., column] = (up[1] - down[1]) / (ends[0] - ends[1])
    return slopes[0], slopes[1]


def aberration_nodes_needed(two_theta: FloatArray, aberrations: Aberrations, *, fwhm: FloatArray) -> IntArray:
    """(m,) how many nodes each line needs to be right within 0.2 % of its peak height, for any pseudo-Voigt of full width `fwhm` (m,).

    One of RUNGS; a line spread further than MOST_NODES serve gets as many and errs by more. Raises UsageError for a width not above 0.
    """
    width = np.asarray(fwhm, dtype=np.float64)
    if not np.all(width > 0.0):
        raise UsageError("A line has no full width above 0 degrees; give `fwhm` of every line before its nodes are counted.")
    if _is_plain(aberrations):
        return np.minimum(nodes_needed(two_theta, sample=aberrations.sample, detector=aberrations.detector, fwhm=width), MOST_NODES)
    # four nodes have the first eight moments
    even = replace(aberrations, transparency=0.0)
    offset, weight = aberration_nodes(two_theta, even, nodes=4)
    mean = np.sum(weight * offset, axis=1)
    variance = np.sum(weight * (offset - mean[:, None]) ** 2, axis=1)
    tail = _TAIL_COUNTS * aberrations.transparency * np.sin(np.radians(two_theta))
    spread = np.sqrt(variance + tail**2) / width
    count = np.where(spread <= _ONE_NODE, 1.0, np.maximum(np.ceil((spread + _FIRST_SPREAD) / _SPREAD_PER_NODE), 2.0))
    rungs = np.array(RUNGS, dtype=np.int64)
    return np.asarray(rungs[np.minimum(np.searchsorted(rungs, count), rungs.size - 1)])


def _is_plain(aberrations: Aberrations) -> bool:
    """Whether nothing but the axial divergence of a diffracted beam is there, which has quick rules of its own."""
    return aberrations == Aberrations(sample=aberrations.sample, detector=aberrations.detector)


def _rules_by_stretch(angle: FloatArray, aberrations: Aberrations, nodes: int) -> tuple[FloatArray, FloatArray]:
    """As `_rules`, interpolated where many lines stand close together: nodes and weights are analytic in the angle."""
    offset, weight = np.empty((2, angle.size, nodes))
    # cot θ and tan θ are exponentials of this
    place = np.log(np.tan(angle / 2.0))
    stretch = np.floor(place / _STRETCH)
    closing = np.sin(angle) < _OPEN_CONE * max(aberrations.source + aberrations.sample, aberrations.sample + aberrations.detector)
    stretch[closing] = np.inf
    for number in np.unique(stretch):
        own = stretch == number
        if np.count_nonzero(own) <= _KNOTS or number == np.inf:
            offset[own], weight[own] = _rules(angle[own], aberrations, nodes)
        else:
            knots, interpolation = _interpolation(place[own])
            offset[own], weight[own] = (interpolation @ part for part in _rules(2.0 * np.arctan(np.exp(knots)), aberrations, nodes))
    return offset, weight


def _interpolation(place: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(n,) Chebyshev points between the places (m,), and (m, n) what to multiply values there by to have them at the places."""
    middle, half = (place.max() + place.min()) / 2.0, max((place.max() - place.min()) / 2.0, 1e-9)
    turn = np.pi * (np.arange(_KNOTS) + 0.5) / _KNOTS
    orders = np.arange(_KNOTS)[:, None]
    polynomials = np.cos(orders * np.arccos(np.clip((place - middle) / half, -1.0, 1.0)))
    coefficients = np.cos(orders * turn) * np.where(orders == 0, 1.0, 2.0) / _KNOTS
    return middle + half * np.cos(turn), polynomials.T @ coefficients


def _rules(angle: FloatArray, aberrations: Aberrations, nodes: int) -> tuple[FloatArray, FloatArray]:
    """(m, nodes) offsets in radians and weights; angle: (m,) 2θ in radians."""
    offset, weight = _axial(angle, aberrations, nodes)
    if aberrations.divergence != 0.0:
        half_squared = 0.5 * math.radians(aberrations.divergence) ** 2
        offset, weight = _with(offset, weight, -half_squared / np.tan(angle / 2.0), *_square_rule(nodes))
    if aberrations.transparency != 0.0:
        depth = math.radians(aberrations.transparency)
        offset, weight = _with(offset, weight, -depth * np.sin(angle), *_exponential_rule(nodes))
    return offset, weight


def _axial(angle: FloatArray, aberrations: Aberrations, nodes: int) -> tuple[FloatArray, FloatArray]:
    heights = {"sample": aberrations.sample, "detector": aberrations.detector}
    if aberrations.source == 0.0 and (aberrations.soller == 0.0 or max(heights.values()) == 0.0):
        offset, weight = axial_nodes(np.degrees(angle), **heights, nodes=nodes)
        return np.radians(offset), weight
    offset, mass = two_beam_rays(
        angle,
        **heights,
        source=aberrations.source,
        soller=math.radians(aberrations.soller) / 2.0,
        nodes=nodes,
    )
    nothing = np.zeros((angle.size, 1))
    return gauss_rule_of_sum(offset, mass, nothing, nothing + 1.0, nodes)


def _with(offset: FloatArray, weight: FloatArray, length: FloatArray, point: FloatArray, mass: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The rule of (m, k) offsets plus length (m,) times the rule of k points."""
    rows = np.ones((length.size, 1))
    return gauss_rule_of_sum(offset, weight, length[:, None] * point, rows * mass, offset.shape[1])


@lru_cache(maxsize=64)
def _square_rule(nodes: int) -> tuple[FloatArray, FloatArray]:
    """(nodes,) Gauss rule of v², v even in 0 … 1: the squares of Legendre's positive nodes."""
    x, w = np.polynomial.legendre.leggauss(2 * nodes)
    return x[nodes:] ** 2, w[nodes:]


@lru_cache(maxsize=64)
def _exponential_rule(nodes: int) -> tuple[FloatArray, FloatArray]:
    """(nodes,) Gauss rule of an exponential distribution of mean 1, cut off where nothing is left."""
    x, w = np.polynomial.legendre.leggauss(2 * MOST_NODES)
    x = _TAIL_LENGTH * 0.5 * (1.0 + x)
    mass = w * np.exp(-x)
    node, weight, _ = gauss_rule(x[None, :], mass[None, :] / mass.sum(), nodes)
    return node[0], weight[0]
