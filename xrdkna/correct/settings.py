"""What may be chosen about correction, each default with its reason."""

import math
from dataclasses import dataclass

from xrdkna.errors import RecipeError


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectSettings:
    """Raises RecipeError when a number cannot mean anything.

    excluded: regions (low, high) in degrees 2θ that take no part. Lengths are in degrees 2θ.
    """

    excluded: tuple[tuple[float, float], ...] = ()
    # Twice this is wider than the lines of a laboratory powder (FWHM 0.05–0.5°) with their Kα₂ and a few overlapping ones, and
    # narrower than a halo (FWHM 3–15°).
    clip_half_width: float = 1.2
    # The background may bend over this length: a halo of FWHM 3° is still followed, a cluster of reflections is not.
    bend_length: float = 3.0
    # A point counts as background while it stays this close to the estimate: 3 keeps 99.9 % of honest noise.
    clip_sigmas: float = 3.0
    # A spike stands this far above both neighbours: one in 10^15 by chance.
    spike_sigmas: float = 8.0
    # The narrowest line a tube with optics (0.03°) or a synchrotron with an analyser (0.008°) makes: narrower is a spike.
    narrowest_tube: float = 0.03
    narrowest_synchrotron: float = 0.008
    # Scatter and stated noise may differ by this factor before it is worth a notice: smoothing by a detector stays below.
    noise_tolerance: float = 1.5

    def __post_init__(self) -> None:
        for low, high in self.excluded:
            if not (math.isfinite(low) and math.isfinite(high) and low < high):
                raise RecipeError(f"the excluded region {low:g} to {high:g} is empty; give its lower angle first, in degrees 2θ.")
        lengths = ("clip_half_width", "bend_length", "clip_sigmas", "spike_sigmas", "narrowest_tube", "narrowest_synchrotron")
        for name in lengths:
            if not (math.isfinite(value := getattr(self, name)) and value > 0):
                raise RecipeError(f"{name} is {value}; it must be a positive number.")
        if not self.noise_tolerance > 1.0:
            raise RecipeError(f"noise_tolerance is {self.noise_tolerance}; it is a factor and must exceed 1.")
