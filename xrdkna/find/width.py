"""How wide this instrument's lines are: learned from the strongest peaks of the scan itself."""

import math
from dataclasses import dataclass

import numpy as np

from xrdkna.find.grid import Grid
from xrdkna.find.group import Shape, fit_each_alone
from xrdkna.find.lines import Lines
from xrdkna.find.settings import FindSettings
from xrdkna.find.teachers import strongest_places
from xrdkna.physics.profile import fwhm_from_caglioti
from xrdkna.records.arrays import FloatArray

# Lines to learn from: more cost time and teach nothing new.
TEACHERS = 15
# A line teaches when its area is known this well (sigmas); its width is then known to about a tenth.
TEACHER_SNR = 15.0
USUAL_TUBE_FWHM = 0.12
USUAL_SYNCHROTRON_FWHM = 0.03
USUAL_ETA = 0.5


@dataclass(frozen=True, slots=True)
class WidthLaw:
    """FWHM = constant + slope · tan θ, degrees, within half and twice `typical`; or the Caglioti numbers (U, V, W) as given."""

    constant: float
    slope: float
    typical: float
    eta: float
    learned: bool
    caglioti: tuple[float, float, float] | None = None

    def at(self, two_theta: FloatArray) -> FloatArray:
        """(n,) degrees."""
        if self.caglioti is not None:
            u, v, w = self.caglioti
            return np.maximum(fwhm_from_caglioti(two_theta, u=u, v=v, w=w), 1e-3)
        t = np.tan(np.radians(np.asarray(two_theta)) / 2.0)
        return np.asarray(np.clip(self.constant + self.slope * t, 0.5 * self.typical, 2.0 * self.typical))


def width_law(grid: Grid, settings: FindSettings, *, synchrotron: bool) -> WidthLaw:
    """The settings' width, else what the strongest peaks say, else the usual one of such an instrument, never below two steps."""
    usual = max(USUAL_SYNCHROTRON_FWHM if synchrotron else USUAL_TUBE_FWHM, 2.0 * grid.step)
    guess = WidthLaw(usual, 0.0, usual, USUAL_ETA, False)
    if settings.fwhm is not None:
        return WidthLaw(settings.fwhm, 0.0, settings.fwhm, _learned_eta(grid, settings), True)
    if settings.caglioti is not None:
        middle = float(guess_middle(grid, settings.caglioti))
        return WidthLaw(middle, 0.0, middle, _learned_eta(grid, settings), True, settings.caglioti)
    teachers, esd = _teachers(grid, settings)
    if not teachers.how_many:
        return guess
    t = np.tan(np.radians(teachers.position) / 2.0)
    typical = float(np.median(teachers.fwhm))
    constant, slope = _robust_line(t, teachers.fwhm, np.hypot(esd, 0.05 * teachers.fwhm))
    return WidthLaw(constant, slope, typical, float(np.median(teachers.eta)), True)


def guess_middle(grid: Grid, caglioti: tuple[float, float, float]) -> float:
    """Degrees, FWHM in the middle of the scan."""
    u, v, w = caglioti
    return float(fwhm_from_caglioti(np.median(grid.two_theta, keepdims=True), u=u, v=v, w=w)[0])


def _learned_eta(grid: Grid, settings: FindSettings) -> float:
    teachers, _ = _teachers(grid, settings)
    return float(np.median(teachers.eta)) if teachers.how_many else USUAL_ETA


def _teachers(grid: Grid, settings: FindSettings) -> tuple[Lines, FloatArray]:
    """The strongest peaks, each fitted by itself, and the esd of their widths; those that overlap or are cut off left out."""
    table = strongest_places(grid, TEACHERS, settings.narrowest, settings.widest)
    lines = Lines(table[:, 0].copy(), table[:, 1].copy(), table[:, 2].copy(), np.full(len(table), USUAL_ETA))
    if not lines.how_many:
        return lines, np.empty(0)
    esd, shape = np.empty((lines.how_many, 4)), Shape(lines.fwhm.copy(), 1.0, lines.eta.copy(), 0.3, settings.narrowest, settings.widest)
    fit_each_alone(grid, lines, shape, esd)
    ends = (lines.position - grid.two_theta[0] > lines.fwhm) & (grid.two_theta[-1] - lines.position > lines.fwhm)
    good = ends & (lines.area > TEACHER_SNR * esd[:, 1]) & (esd[:, 2] < 0.2 * lines.fwhm)
    good &= (lines.fwhm > max(settings.narrowest, 0.8 * grid.step)) & (lines.fwhm < settings.widest)
    if not good.any():
        return lines.chosen(good), np.empty(0)
    usual = float(np.median(lines.fwhm[good]))
    good &= (lines.fwhm > usual / 3.0) & (lines.fwhm < 3.0 * usual)
    return lines.chosen(good), esd[good, 2]


def _robust_line(t: FloatArray, fwhm: FloatArray, esd: FloatArray) -> tuple[float, float]:
    """Constant and slope of FWHM against tan θ by least absolute deviations; a constant alone when there are few peaks."""
    if t.size < 5 or float(np.ptp(t)) < 0.1:
        return float(np.median(fwhm)), 0.0
    weight = 1.0 / esd
    constant, slope = float(np.median(fwhm)), 0.0
    for _ in range(15):
        residual = np.abs(fwhm - constant - slope * t) * weight / esd.size
        w = weight / np.maximum(residual, 0.02)
        s, sx, sxx = w.sum(), (w * t).sum(), (w * t * t).sum()
        sy, sxy = (w * fwhm).sum(), (w * t * fwhm).sum()
        slope = (s * sxy - sx * sy) / (s * sxx - sx * sx)
        constant = (sy - slope * sx) / s
    return (constant, slope) if math.isfinite(constant + slope) else (float(np.median(fwhm)), 0.0)
