"""Choices of matching and of the verdicts, with the reason for each default."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchSettings:
    """Defaults suit a laboratory pattern and a synchrotron's alike; widths are taken from the peaks themselves."""

    # More phases than this at once are not fitted from a first guess; the whole-pattern evidence adds what is missing.
    most_candidates: int = 8
    # A specimen further out than this (degrees at low angle) is not aligned; 0.3° is 0.3 mm at R = 115 mm.
    displacement_limit: float = 0.3
    # Library cells differ from the specimen's by temperature and composition; above 0.8 % it is another composition.
    strain_limit: float = 0.008
    # … but the usual difference is below this, and the fit pulls cells towards the library's.
    usual_strain: float = 0.004
    # Lines that would coincide by chance this often say nothing for a phase; below the smaller one they speak for it.
    chance_nothing: float = 0.05
    chance_present: float = 0.002
    # A phase is present beyond this many sigmas of whole-pattern evidence (22 phases tried: one false call in 1e5 patterns
    # from noise alone; the rest of the margin is for models that are not perfect).
    present_sigmas: float = 5.0
    # … absent below this; between the two nothing is claimed. (22 phases at 4 σ: one false doubt in 700 patterns.)
    absent_sigmas: float = 4.0
    # One line can be anybody's: this many must stand up on their own.
    confirming_lines: int = 2
    # A single line counts as standing up beyond this.
    line_sigmas: float = 3.0
    # A line below this share of what the phase's others promise, and surely so, is missing: texture rarely does that.
    missing_below: float = 0.25
    # A phase that lacks more than this share of its own intensity is not there, whatever else coincides.
    missing_share: float = 0.35
    # A weight fraction that could not have been seen below this is no statement of absence.
    useful_limit: float = 0.5
