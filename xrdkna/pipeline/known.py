"""What the sums of scans say of the phases that come and go: where their lines are and how wide, for scans that show them only faintly."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from xrdkna.physics.lattice import free_cell_parameters
from xrdkna.pipeline.identify import Identified
from xrdkna.records.phases import Reflections
from xrdkna.records.values import Estimate
from xrdkna.refine.forward.layout import tag

# From one part of a series to another a deposit's cell changes by some such strain (6 K of potassium; an alloy's moves less) and its widths
# by such a share of a typical line's; a scan that shows the phase well is not held by this.
_CELL_DRIFT = 5e-4
_WIDTH_DRIFT = 0.1
# Size and strain of a faint phase are known together far better than each alone: with y held, x is known about twice as well. So y is held,
# at no more than the sums bear out, and x at what makes the strongest line as wide as they have it.
_X_WITHOUT_Y = 0.45
_USUAL_Y = 0.5


def known_places(found: Sequence[Identified], followed: Sequence[Reflections], *, fwhm: float, wavelength: float) -> dict[str, Estimate]:
    """Cell and widths by parameter name, of every phase but hardware that some sum of scans shows, with esds that leave room for drift.

    fwhm: degrees, a typical line's; wavelength: Å.
    """
    known: dict[str, Estimate] = {}
    for lines in followed:
        shown = [one for one in found if any(v.phase == lines.phase and v.verdict == "present" for v in one.verdicts)]
        if lines.role == "hardware" or not shown:
            continue
        for quantity in free_cell_parameters(lines.crystal_system, lines.cell):
            unit_strain = getattr(lines.cell, quantity) if quantity in "abc" else float(np.degrees(1.0))
            if (value := _together(shown, f"{quantity}_{tag(lines.phase)}", _CELL_DRIFT * unit_strain)) is not None:
                known[f"{quantity}_{tag(lines.phase)}"] = value
        known |= _widths(shown, lines, fwhm, _strongest_sine(lines, wavelength))
    return known


def _widths(shown: Sequence[Identified], lines: Reflections, fwhm: float, sine: float) -> dict[str, Estimate]:
    """x and y of a phase whose strongest line lies at this sin θ; none where the sums have no x and y of their own."""
    (at_x, x), (at_y, y) = ((name, _together(shown, name, _WIDTH_DRIFT * fwhm)) for name in (f"{q}_{tag(lines.phase)}" for q in "xy"))
    if x is None or y is None:
        return {}
    borne_out = 1.0 / (1.0 + (float(y.esd or 0.0) / (_USUAL_Y * fwhm)) ** 2)
    moved = (1.0 - borne_out) * y.value
    # the width is x/cos θ + y tan θ
    return {
        at_x: replace(x, value=x.value + moved * sine, esd=_X_WITHOUT_Y * float(x.esd or 0.0) + _WIDTH_DRIFT * fwhm),
        at_y: replace(y, value=y.value - moved, esd=_WIDTH_DRIFT * fwhm),
    }


def _strongest_sine(lines: Reflections, wavelength: float) -> float:
    sine = np.clip(wavelength / (2.0 * lines.d_spacing), 1e-3, 0.999)
    strength = lines.multiplicity * lines.f_squared / (sine**2 * np.sqrt(1.0 - sine**2))
    return float(sine[np.argmax(strength)])


def _together(shown: Sequence[Identified], name: str, drift: float) -> Estimate | None:
    """The weighted mean of what the sums say of a parameter, with room for drift."""
    parameters = [one.refinement.parameter(name) for one in shown]
    told = [one.value for one in parameters if one is not None and one.refined and not one.at_bound and one.value.esd]
    if not told:
        return None
    values, variance = np.array([one.value for one in told]), np.array([float(one.esd or 0.0) for one in told]) ** 2 + drift**2
    esd = float(np.hypot(np.sum(1.0 / variance) ** -0.5, drift))
    return Estimate(value=float(np.average(values, weights=1.0 / variance)), esd=esd, unit=told[0].unit)
