"""Tube tails: what electrons that miss the focus of a tube add to every line. Degrees at the border.

A small share of the radiation comes from the anode beside the focus (Bergmann, Kleeberg, Haase & Breidenstein 2000, Mater. Sci. Forum
347–349, 303). Two approximations, those of TOPAS' `tube_tails` and of Mendenhall, Mullen & Cline (2015, J. Res. NIST 120, 223): the
anode is lit evenly from z₁ to z₂ beside the focus, and all of it is seen through the same slits as the focus, so that a place z turns
into an offset of z/R in 2θ, the same at every angle. A line is then a share 1 − s of itself and a share s of itself spread evenly over
−low … +high. The width of the focus, a hundredth of a degree, is left to the line's Gaussian width.

A pedestal beside a sharp line is nothing for one Gauss rule. It is given nodes of its own on a grid that stands still against the line,
each with the share of the pedestal that falls under its hat (linear B-spline): shares add up, the first moment is exact, and where an
end of the pedestal moves, only the nodes beside it change.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from xrdkna.errors import UsageError
from xrdkna.records.arrays import FloatArray, IntArray

# More is no tube: Bergmann et al. find 2 to 8 %.
LARGEST_SHARE = 0.3
WIDEST_TAIL = 5.0

# Steps of the grid over the full width of the line: at a half, what the grid lets ripple is e⁻⁶ of the pedestal, of a Lorentzian.
_STEP = 0.5
# Where the pedestal stands high beside the line its ends count: the error of 0.11 s h²/(L Γ) stays at a thousandth of the peak.
_ENDS = 0.009
# … where it is shorter than this share of the width it errs by s h²/Γ², as any point between two of a grid.
_SHORTEST = 0.11
# A grid finer than this costs more than it tells.
_MOST_STEPS = 400
# Degrees: a pedestal narrower than this is as wide as this. And a share below this is nothing.
_NARROWEST = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class TubeTails:
    """share: of the intensity, that is off the focus. low, high: degrees 2θ below and above the line that it is spread over."""

    share: float = 0.0
    low: float = 0.0
    high: float = 0.0

    def __post_init__(self) -> None:
        if not 0.0 <= self.share <= LARGEST_SHARE:
            raise UsageError(f"The share of the tube tails is {self.share:g}; give 0 to {LARGEST_SHARE:g} of the intensity.")
        if not (0.0 <= self.low <= WIDEST_TAIL and 0.0 <= self.high <= WIDEST_TAIL):
            raise UsageError(f"Tube tails reach {self.low:g} below and {self.high:g} above a line; give 0 to {WIDEST_TAIL:g} degrees.")


class SlopedNodes(NamedTuple):
    """(m, k) offsets in degrees and weights of the nodes of m lines; by_offset, by_weight: (m, k, a) their slopes by a parameters."""

    offset: FloatArray
    weight: FloatArray
    by_offset: FloatArray
    by_weight: FloatArray


def nodes_with_tails(bare: SlopedNodes, tails: TubeTails, *, fwhm: FloatArray) -> tuple[IntArray, SlopedNodes]:
    """(m,) how many of the nodes each line has, and the nodes of lines that are spread as `bare` says, with tails: those of `bare` first,
    with what the tails leave them, then those of the pedestal; three columns of slopes more, by share, low and high.

    Right within 0.2 % of the peak height for any pseudo-Voigt of full width `fwhm` (m,), degrees, where 400 steps reach over the tails.
    Raises UsageError for a width not above 0.
    """
    width = np.asarray(fwhm, dtype=np.float64)
    if not np.all(width > 0.0):
        raise UsageError("A line has no full width above 0 degrees; give `fwhm` of every line before its tails are computed.")
    lines, main, parameters = bare.by_offset.shape
    low, high = bare.offset.min(axis=1) - tails.low, bare.offset.max(axis=1) + tails.high
    step = np.maximum(_steps(tails, width), (high - low) / _MOST_STEPS)
    first, last = np.floor(low / step), np.ceil(high / step)
    steps = (last - first).astype(np.int64) + 1
    grid = first[:, None] + np.arange(steps.max(initial=0))
    pedestal = _pedestal(bare, tails, grid, step)
    nodes = SlopedNodes(*(np.zeros((lines, main + grid.shape[1], *extra)) for extra in ((), (), (parameters + 3,), (parameters + 3,))))
    nodes.offset[:, :main], nodes.offset[:, main:] = bare.offset, grid * step[:, None]
    nodes.weight[:, :main], nodes.weight[:, main:] = (1.0 - tails.share) * bare.weight, tails.share * pedestal.weight
    nodes.by_offset[:, :main, :parameters] = bare.by_offset
    nodes.by_weight[:, :main, :parameters] = (1.0 - tails.share) * bare.by_weight
    nodes.by_weight[:, main:, :parameters] = tails.share * pedestal.by_bare
    nodes.by_weight[:, :main, parameters], nodes.by_weight[:, main:, parameters] = -bare.weight, pedestal.weight
    nodes.by_weight[:, main:, parameters + 1] = tails.share * pedestal.by_low
    nodes.by_weight[:, main:, parameters + 2] = tails.share * pedestal.by_high
    return main + steps, nodes


def _steps(tails: TubeTails, fwhm: FloatArray) -> FloatArray:
    """(m,) steps of the grids: a half, a quarter, … of the width, so that the grid stands still while the tails move a little."""
    ends = np.sqrt(_ENDS * np.maximum((tails.low + tails.high) / fwhm, _SHORTEST) / max(tails.share, _NARROWEST))
    return np.asarray(np.exp2(np.floor(np.log2(np.minimum(ends, _STEP)))) * fwhm)


class _Pedestal(NamedTuple):
    """(m, n) weights on the grid, 1 in the sum of each row, and their slopes; by_bare: (m, n, a)."""

    weight: FloatArray
    by_bare: FloatArray
    by_low: FloatArray
    by_high: FloatArray


def _pedestal(bare: SlopedNodes, tails: TubeTails, grid: FloatArray, step: FloatArray) -> _Pedestal:
    """The even pedestal around every node of the line itself, gathered under the hats of the grid (m, n), in steps (m,)."""
    length = max(tails.low + tails.high, _NARROWEST)
    weight, by_low, by_high = np.zeros((3, *grid.shape))
    by_bare = np.zeros((*grid.shape, bare.by_offset.shape[2]))
    for k in range(bare.offset.shape[1]):
        share = bare.weight[:, k, None]
        end = (bare.offset[:, k] + tails.high)[:, None] / step[:, None] - grid
        start = end - length / step[:, None]
        under = (_hat_up_to(end) - _hat_up_to(start)) * step[:, None] / length
        at_start, at_end = _hat(start) / length, _hat(end) / length
        weight += share * under
        by_low += share * (at_start - under / length)
        by_high += share * (at_end - under / length)
        by_bare += under[:, :, None] * bare.by_weight[:, k, None, :]
        by_bare += (share * (at_end - at_start))[:, :, None] * bare.by_offset[:, k, None, :]
    return _Pedestal(weight, by_bare, by_low, by_high)


def _hat(t: FloatArray) -> FloatArray:
    return np.asarray(np.maximum(1.0 - np.abs(t), 0.0))


def _hat_up_to(t: FloatArray) -> FloatArray:
    """The area under the hat to the left of t."""
    t = np.clip(t, -1.0, 1.0)
    return np.asarray(0.5 + t - 0.5 * t * np.abs(t))
