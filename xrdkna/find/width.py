"""How wide this instrument's lines are: learned from the strongest peaks of the scan itself."""

import math
from dataclasses import dataclass

import numpy as np

from xrdkna.find.grid import Grid
from xrdkna.find.joint import Shape, fit_group, shape_of, window_of
from xrdkna.find.lines import Lines, spectral_positions
from xrdkna.find.settings import FindSettings
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
    if not teachers.count:
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
    return float(np.median(teachers.eta)) if teachers.count else USUAL_ETA


def _teachers(grid: Grid, settings: FindSettings) -> tuple[Lines, FloatArray]:
    """The strongest peaks, each fitted by itself, and the esd of their widths; those that overlap or are cut off left out."""
    start = _strongest_places(grid, settings)
    if not start.count:
        return start, np.empty(0)
    open_shape = Shape(fwhm=start.fwhm, fwhm_spread=1.0, eta=np.full(start.count, USUAL_ETA), eta_spread=0.3)
    lines, esd = start, np.full((start.count, 4), np.inf)
    for i in range(start.count):
        index = np.array([i])
        window = window_of(start.chosen(index), grid)
        if window.stop - window.start < 8:
            continue
        others = np.zeros(window.stop - window.start)
        fit = fit_group(grid, start.chosen(index), shape_of(open_shape, index), settings, window=window, others=others)
        # A window that holds more than this line teaches little: its whole misfit counts, not only that near the line.
        lines, esd[i] = lines.replaced(i, fit.lines), fit.esd[0] * np.sqrt(max(fit.reduced, 1.0) / fit.misfit[0])
    ends = (lines.position - grid.two_theta[0] > lines.fwhm) & (grid.two_theta[-1] - lines.position > lines.fwhm)
    good = ends & (lines.area > TEACHER_SNR * esd[:, 1]) & (esd[:, 2] < 0.2 * lines.fwhm)
    good &= (lines.fwhm > max(settings.narrowest, 0.8 * grid.step)) & (lines.fwhm < settings.widest)
    if not good.any():
        return lines.chosen(good), np.empty(0)
    usual = float(np.median(lines.fwhm[good]))
    good &= (lines.fwhm > usual / 3.0) & (lines.fwhm < 3.0 * usual)
    return lines.chosen(good), esd[good, 2]


def _strongest_places(grid: Grid, settings: FindSettings) -> Lines:
    """Up to TEACHERS separate maxima with their width at half height, from running means of several lengths."""
    n = grid.two_theta.size
    net = grid.intensity - grid.background
    cumulative = np.r_[0.0, np.cumsum(net)]
    variance = np.r_[0.0, np.cumsum(grid.expected_variance(grid.background + np.maximum(net, 0.0)))]
    best = np.zeros(n)
    length = np.ones(n, dtype=np.int64)
    middle = np.arange(n)
    for points in (1, 3, 9, 27):
        if points * grid.step > settings.widest:
            break
        low, high = np.maximum(middle - points // 2, 0), np.minimum(middle + points // 2 + 1, n)
        z = (cumulative[high] - cumulative[low]) / np.sqrt(np.maximum(variance[high] - variance[low], 1e-30))
        # A longer mean must gain a quarter before it replaces a shorter one: the shorter keeps the width.
        better = z > 1.25 * best
        best[better], length[better] = z[better], points
    found: list[tuple[float, float, float]] = []
    free = np.ones(n, dtype=np.bool_)
    for place in np.argsort(-net * (best > 8.0), kind="stable")[: 40 * TEACHERS]:
        if len(found) == TEACHERS or best[place] <= 8.0:
            break
        if not free[place]:
            continue
        top = net[max(place - length[place] // 2, 0) : place + length[place] // 2 + 1].mean()
        left = right = int(place)
        while left > 0 and net[left - 1] > 0.5 * top and place - left < 2000:
            left -= 1
        while right < n - 1 and net[right + 1] > 0.5 * top and right - place < 2000:
            right += 1
        width = max(grid.two_theta[right] - grid.two_theta[left] + grid.step, length[place] * grid.step, settings.narrowest)
        centre = float(grid.two_theta[place])
        last = float(spectral_positions(np.array([centre]), grid.ratios)[0, -1])
        near = last if last - centre < 1.5 else centre
        low_i, high_i = np.searchsorted(grid.two_theta, [centre - 3.0 * width, max(near, centre) + 3.0 * width])
        free[low_i:high_i] = False
        if width < settings.widest:
            found.append((centre, float(top) * width * 1.2 / float(grid.shares[0]), float(width)))
    table = np.array(sorted(found)).reshape(-1, 3)
    return Lines(table[:, 0], table[:, 1], table[:, 2], np.full(len(found), USUAL_ETA))


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
