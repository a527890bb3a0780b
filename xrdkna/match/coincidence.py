"""Could these coincidences be chance? In a pattern full of unknown lines every phase finds some of its own.

Peaks that no other phase explains are taken as scattered at random with their local density ρ. A line of the phase meets
one within its window w with probability 1 − exp(−ρw); the chance that at least k of m tested lines do is a binomial tail
(as in the Smith–Snyder and de Wolff figures of merit, the question is how crowded the pattern is), multiplied by the
number of independent strains that a one-parameter cell could have chosen from.
"""

from collections.abc import Sequence

import numpy as np
from scipy.special import bdtrc

from xrdkna.match.settings import MatchSettings
from xrdkna.physics.bragg import displacement_pattern, two_theta_from_d
from xrdkna.physics.evidence import GroupEvidence
from xrdkna.physics.intensity import lorentz_polarisation
from xrdkna.records.instrument import Instrument
from xrdkna.records.peaks import Peak
from xrdkna.records.phases import Reflections

# Two lines closer than this many widths feed each other.
_TOLERANCE = 1.0
# A line of this share of the phase's strongest may be the only one that nothing overlaps.
_STRONG = 0.1
# Crowding is judged over this many degrees to either side.
_NEIGHBOURHOOD = 6.0


def chance_of_coincidence(
    groups: Sequence[GroupEvidence], loose: Sequence[Peak], *, cell_parameters: int, settings: MatchSettings
) -> float:
    """Probability that as many of the phase's lines as stand on their own would do so by chance. loose: peaks that no other
    phase explains, this phase's own among them."""
    confirmed = [group for group in groups if group.significance >= settings.line_sigmas]
    tested = [group for group in groups if group.group.free or group in confirmed or group.predicted >= settings.line_sigmas * group.esd]
    if not confirmed or not loose:
        return 0.0 if confirmed else 1.0
    places = np.array([peak.two_theta.value for peak in loose])
    chances, trials = [], []
    for group in tested:
        angle, fwhm = group.group.two_theta, group.group.fwhm
        # The line's own peak is what is to be explained; the others say how crowded it is here, with half a peak for luck.
        others = max(np.sum(np.abs(places - angle) < _NEIGHBOURHOOD) - 1.0, 0.0) + 0.5
        density = others / (2.0 * _NEIGHBOURHOOD)
        strained = 2.0 * np.degrees(2.0 * settings.usual_strain * np.tan(np.radians(angle / 2.0)))
        still = 2.0 * _TOLERANCE * fwhm
        # A cell of one parameter moves all lines together: that is a number of trials. More parameters move each its own way.
        window = still if cell_parameters == 1 else still + strained
        chances.append(1.0 - np.exp(-density * window))
        trials.append(1.0 + strained / still)
    tail = float(bdtrc(len(confirmed) - 1, len(tested), float(np.mean(chances))))
    return min(tail * (float(np.median(trials)) if cell_parameters == 1 else 1.0), 1.0)


def strain_from_lone_line(
    reflections: Reflections, loose: Sequence[Peak], *, instrument: Instrument, displacement: float, settings: MatchSettings
) -> float | None:
    """The strain at which a strong line of the phase meets an unexplained peak, the strongest such peak deciding; None where
    no peak is near enough, or the pattern is so crowded that one always is.

    A weak phase may show one line only where nothing overlaps it; with its cell off by the usual strain that line looks like
    nobody's, and the phase like absent.
    """
    angle = two_theta_from_d(reflections.d_spacing, wavelength=instrument.radiation.wavelength)
    lp = lorentz_polarisation(np.clip(angle, 1.0, 170.0), instrument=instrument)
    strength = reflections.multiplicity * reflections.f_squared * lp * (angle < 170.0)
    strong = strength > _STRONG * strength.max(initial=0.0)
    places = angle[strong] + displacement * displacement_pattern(angle[strong], geometry=instrument.geometry)
    reach = np.degrees(2.0 * settings.usual_strain * np.tan(np.radians(places / 2.0)))
    best: tuple[float, float] | None = None
    for peak in loose:
        where = peak.two_theta.value
        crowd = sum(abs(other.two_theta.value - where) < _NEIGHBOURHOOD for other in loose) - 0.5
        near = np.abs(places - where) < reach
        if not near.any() or 1.0 - np.exp(-crowd / (2.0 * _NEIGHBOURHOOD) * 2.0 * float(reach[near].max())) > settings.chance_nothing:
            continue
        line = int(np.argmin(np.where(near, np.abs(places - where), np.inf)))
        strain = -np.radians(where - places[line]) / (2.0 * np.tan(np.radians(places[line] / 2.0)))
        if best is None or peak.snr > best[0]:
            best = (peak.snr, float(strain))
    return best[1] if best is not None else None
