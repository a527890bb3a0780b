"""A published list of lines, made ready: positions, how precise the printed digits are, and the settings of its indexing."""

import math
from dataclasses import dataclass

import numpy as np

from xrdkna.errors import RecordError, UsageError
from xrdkna.physics.bragg import d_from_two_theta, two_theta_from_d
from xrdkna.records.arrays import FloatArray, frozen_floats, set_frozen
from xrdkna.records.index import PublishedLine
from xrdkna.records.instrument import Instrument

# A float forgets trailing zeros, so the digits are judged from the whole list and believed only between these limits:
# nobody prints 2θ coarser than 0.1° on purpose, and digits beyond the fifth are a computer's, not a measurement's.
ANGLE_DECIMALS = (1, 5)
D_DECIMALS = (2, 5)
# Share of seemingly shorter values (beyond one) that makes a list a mixed one: twice what trailing zeros explain.
MIXED_SHARE = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class LineSettings:
    """How a published list is judged. Angles in degrees 2θ unless said otherwise."""

    # Solid solution, temperature and old values move metal cells by a few tenths of a percent (1 sigma); beyond the limit it
    # is another compound (K at 78 K is 1.5 % below room temperature).
    strain_sigma: float = 0.004
    strain_limit: float = 0.015
    # The same for free cell angles, degrees.
    angle_sigma: float = 0.25
    angle_limit: float = 1.0
    # One displacement or zero error for the whole list: 0.1 mm at R = 145 mm is 0.08°; 0.3° would be a badly built cell.
    shift_sigma: float = 0.1
    shift_limit: float = 0.3
    # Reading a maximum off a published pattern is good to somewhat more than half of the last digit printed …
    reading_error: float = 0.6
    # … and never better than what one displacement cannot describe (Kα₂, axial divergence, texture on a broad line).
    position_floor: float = 0.01
    # Lines closer than this are usually printed as one.
    resolution: float = 0.2
    # Probability that a line of a phase that is there gets printed: t·I/(I + half), I relative to the strongest in the range.
    # How complete a list is differs (texture, selection): each t is tried and none preferred.
    completeness: tuple[float, ...] = (0.9, 0.6, 0.3)
    printed_half: float = 0.1
    # Odds that a phase is in the sample before the list was seen: of one the list names (its author knew the sample) and of
    # any other of the library (one or two of twenty are there).
    named_odds: float = 1.0
    prior_odds: float = 0.05
    # Probability from which a phase is called present, and below which it is called absent.
    present_from: float = 0.9
    absent_below: float = 0.05
    # ln of how much less likely the list must be with an absent phase than without: never absent by prior odds alone.
    absent_evidence: float = 0.1
    # Within `agree` sigmas a line is at its calculated place, beyond `disagree` it is not, between the two nobody can say.
    agree_sigmas: float = 2.0
    disagree_sigmas: float = 3.0
    # This share of printed lines is misread, by anything up to so many sigmas: a far line may still be the phase's, never surely.
    misread: float = 0.05
    misread_sigmas: float = 5.0
    # Two lines can nearly always be met by one cell edge and one shift.
    least_lines: int = 3
    # The pattern was measured at least over this span, however few lines are printed: sets the density of chance lines.
    least_span: float = 20.0
    # The measured range, when it is known to be wider than from the first line to the last.
    measured_range: tuple[float, float] | None = None
    # More lines than any list of reflections has: somebody gave the scan itself.
    most_lines: int = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedLines:
    """The list, in its own order. two_theta, sigma: (n,) degrees. low, high: the range within which a missing line counts.

    step: (n,) degrees, the value of the last digit printed.
    """

    lines: tuple[PublishedLine, ...]
    two_theta: FloatArray
    sigma: FloatArray
    step: FloatArray
    low: float
    high: float

    def __post_init__(self) -> None:
        n = len(self.lines)
        set_frozen(self, **{name: frozen_floats(getattr(self, name), name=name, shape=(n,)) for name in ("two_theta", "sigma", "step")})


def read_lines(lines: tuple[PublishedLine, ...], *, instrument: Instrument, settings: LineSettings) -> ListedLines:
    """Positions for the strongest spectral line of `instrument`, and their standard uncertainties.

    σ² = u²/12 + (reading_error·u)² + floor², u the last digit printed (a uniform rounding error has σ = u/√12).
    Raises RecordError for an empty or far too long list and for a line that no reflection can have.
    """
    if not lines:
        raise RecordError("the list holds no lines; give at least one 2θ or d.")
    if len(lines) > settings.most_lines:
        raise RecordError(
            f"the list holds {len(lines)} lines, more than the {settings.most_lines} a list of reflections may have; "
            "index the scan itself instead."
        )
    wavelength = instrument.radiation.wavelength
    two_theta = np.array([_position(line, number=k + 1, wavelength=wavelength) for k, line in enumerate(lines)])
    from_d = np.array([line.two_theta is None for line in lines])
    angle_step = 10.0 ** -_decimals([line.two_theta for line in lines], ANGLE_DECIMALS)
    d_step = 10.0 ** -_decimals([line.d_spacing for line in lines], D_DECIMALS)
    d = d_from_two_theta(two_theta, wavelength=wavelength)
    step = np.where(from_d, np.degrees(2.0 * np.tan(np.radians(two_theta) / 2.0) / d) * d_step, angle_step)
    sigma = np.sqrt(step**2 / 12.0 + (settings.reading_error * step) ** 2 + settings.position_floor**2)
    low, high = _range(two_theta, settings)
    return ListedLines(lines=lines, two_theta=two_theta, sigma=sigma, step=step, low=low, high=high)


def distinct_lines(listed: ListedLines) -> ListedLines:
    """The list with lines of the very same position kept once, in rising 2θ."""
    _, first = np.unique(np.round(listed.two_theta, 6), return_index=True)
    return ListedLines(
        lines=tuple(listed.lines[int(k)] for k in first),
        two_theta=listed.two_theta[first],
        sigma=listed.sigma[first],
        step=listed.step[first],
        low=listed.low,
        high=listed.high,
    )


def wavelength_of_list(lines: tuple[PublishedLine, ...]) -> float | None:
    """Å, the wavelength that the lines with both 2θ and d were printed for (median of 2 d sin θ); None without such lines."""
    both = [(line.two_theta, line.d_spacing) for line in lines if line.two_theta is not None and line.d_spacing is not None]
    return float(np.median([2.0 * d * math.sin(math.radians(angle) / 2.0) for angle, d in both])) if both else None


def _position(line: PublishedLine, *, number: int, wavelength: float) -> float:
    if line.two_theta is not None:
        if not (math.isfinite(line.two_theta) and 0.0 < line.two_theta < 180.0):
            raise RecordError(f"line {number} of the list has 2θ = {line.two_theta}; it must lie between 0 and 180 degrees.")
        return line.two_theta
    if line.d_spacing is None:
        raise RecordError(f"line {number} of the list has neither 2θ nor d; give one of them.")
    if not (math.isfinite(line.d_spacing) and line.d_spacing > 0.0):
        raise RecordError(f"line {number} of the list has d = {line.d_spacing}; it must be a positive number of ångström.")
    if line.d_spacing <= wavelength / 2.0:
        raise RecordError(
            f"line {number} of the list has d = {line.d_spacing} Å, which {wavelength:g} Å cannot reach (λ/2 = {wavelength / 2:.4f} Å); "
            "give the wavelength the list was measured with."
        )
    return float(two_theta_from_d(np.array(line.d_spacing), wavelength=wavelength))


def _decimals(values: list[float | None], limits: tuple[int, int]) -> FloatArray:
    """(n,) digits after the point that each value was printed with; where there is no value, whatever.

    One in ten values of a uniform list ends in 0 and seems shorter. Far more short ones mean that the list is mixed of a finer
    and a coarser one, and each value is then taken as it stands.
    """
    shown = np.array([0 if value is None else len(f"{value:.10f}".rstrip("0").partition(".")[2]) for value in values])
    shown = np.clip(shown, *limits)
    given = np.array([value is not None for value in values])
    finest = int(shown[given].max(initial=limits[0]))
    shorter = int((shown[given] < finest).sum())
    mixed = shorter > 1.0 + MIXED_SHARE * given.sum()
    return np.asarray(shown if mixed else np.full(shown.size, finest), dtype=np.float64)


def _range(two_theta: FloatArray, settings: LineSettings) -> tuple[float, float]:
    low, high = float(two_theta.min()), float(two_theta.max())
    if settings.measured_range is None:
        return low, high
    start, stop = settings.measured_range
    if not (math.isfinite(start) and math.isfinite(stop) and start < stop):
        raise UsageError(f"the measured range is {start}–{stop}°; it must run from a lower to a higher angle.")
    return min(low, start), max(high, stop)
