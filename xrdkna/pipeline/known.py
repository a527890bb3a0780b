"""What the sums of scans say of the phases that come and go: where their lines are and how wide, for scans that show them only faintly."""

from collections.abc import Sequence

import numpy as np

from xrdkna.physics.lattice import free_cell_parameters
from xrdkna.pipeline.identify import Identified
from xrdkna.records.phases import Reflections
from xrdkna.records.refinement import Parameter
from xrdkna.records.values import Estimate
from xrdkna.refine.forward.layout import tag

# From one part of a series to another a deposit's cell changes by some such strain (6 K of potassium; an alloy's moves less) and its widths
# by such a share of a typical line's; a scan that shows the phase well is not held by this.
_CELL_DRIFT = 5e-4
_WIDTH_DRIFT = 0.1
# Size and strain of a faint phase are known together far better than each alone: with y held, x is known about twice as well.
_X_WITHOUT_Y = 0.45


def known_places(found: Sequence[Identified], followed: Sequence[Reflections], *, fwhm: float) -> dict[str, Estimate]:
    """Cell and widths by parameter name, of every phase but hardware that some sum of scans shows, with esds that leave room for drift.

    fwhm: degrees, a typical line's.
    """
    known: dict[str, Estimate] = {}
    for lines in followed:
        shown = [one for one in found if any(v.phase == lines.phase and v.verdict == "present" for v in one.verdicts)]
        if lines.role == "hardware" or not shown:
            continue
        cell = free_cell_parameters(lines.crystal_system, lines.cell)
        drifts = {name: _CELL_DRIFT * (getattr(lines.cell, name) if name in "abc" else float(np.degrees(1.0))) for name in cell}
        drifts |= {"x": _WIDTH_DRIFT * fwhm, "y": _WIDTH_DRIFT * fwhm}
        for quantity, drift in drifts.items():
            name = f"{quantity}_{tag(lines.phase)}"
            share = {"x": _X_WITHOUT_Y, "y": 0.0}.get(quantity, 1.0)
            if (value := _together([one.refinement.parameter(name) for one in shown], drift, share)) is not None:
                known[name] = value
    return known


def _together(parameters: Sequence[Parameter | None], drift: float, share: float) -> Estimate | None:
    """The weighted mean of what the sums say, with room for drift; share: of its esd that counts."""
    told = [one.value for one in parameters if one is not None and one.refined and not one.at_bound and one.value.esd]
    if not told:
        return None
    values, variance = np.array([one.value for one in told]), np.array([float(one.esd or 0.0) for one in told]) ** 2 + drift**2
    esd = share / float(np.sqrt(np.sum(1.0 / variance)))
    return Estimate(value=float(np.average(values, weights=1.0 / variance)), esd=float(np.hypot(esd, drift)), unit=told[0].unit)
