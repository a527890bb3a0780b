"""Texture coefficients: how much stronger each reflection of a phase is than in a random powder, beside the phase's others.

    TC(hkl) = (I/I₀) / mean(I/I₀)        over the k reflections measured (Harris, Phil. Mag. 43 (1952) 113)

1 for all is a random powder; k for one and 0 for the rest a single orientation. A group of reflections that cannot be told apart
counts as one.
"""

from dataclasses import dataclass
from math import sqrt

import numpy as np

from xrdkna.records.arrays import BoolArray, FloatArray, IntArray
from xrdkna.records.track import Hkl
from xrdkna.track.words import say_hkl

FEWEST = 3
"""Two reflections make one ratio, which any stray line would change."""
SEEN_SIGMAS = 3.0
"""A phase whose reflections together show less than this in a scan has no coefficients there."""
SURE_SIGMAS = 4.0
"""A coefficient has changed when it is this far from where it was: five phases of eight lines stay silent."""
KNOWN_SIGMAS = 5.0
"""Three lines that stand out by this much make a phase known, before or after, that may be said to turn; a phase fitted to one strange line
never is."""
ROUNDING = 1e-6
"""No measurement is so exact: such esds come from areas that nothing holds."""
STRONG, GONE = 1.5, 0.5
"""Coefficients worth a sentence: half as strong again as in the powder, or half as strong."""


@dataclass(frozen=True, slots=True)
class TextureCoefficients:
    """value, esd: (n, k) a scan and reflection; NaN where the scan does not show the phase or the reflection was not measured."""

    value: FloatArray
    esd: FloatArray


def texture_coefficients(areas: FloatArray, covariance: FloatArray, powder: FloatArray, measured: BoolArray) -> TextureCoefficients:
    """areas: (n, k) of one phase; covariance: (n, k, k) of them; powder: (k,) the areas I₀ of a random powder, any scale; measured:
    (n, k) True for reflections the scan can speak of. Esds to first order, from the whole covariance.
    """
    n, k = areas.shape
    value, esd = np.full((n, k), np.nan), np.full((n, k), np.nan)
    for i in range(n):
        at = np.flatnonzero(measured[i] & (powder > 0.0))
        if at.size < FEWEST:
            continue
        ratio = areas[i, at] / powder[at]
        spread = covariance[i][np.ix_(at, at)] / np.outer(powder[at], powder[at])
        mean = float(ratio.mean())
        if mean < SEEN_SIGMAS * sqrt(max(float(spread.mean()), 0.0)):
            continue
        value[i, at] = ratio / mean
        slope = (np.eye(at.size) - value[i, at][:, None] / at.size) / mean
        esd[i, at] = np.sqrt(np.maximum(((slope @ spread) * slope).sum(axis=1), 0.0))
        if esd[i, at].min() < ROUNDING:
            value[i], esd[i] = np.nan, np.nan
    return TextureCoefficients(value, esd)


def harris_spread(value: FloatArray) -> FloatArray:
    """(n,) rms of TC − 1 over the reflections of a scan, 0 for a random powder; NaN without coefficients."""
    counted = np.isfinite(value)
    number = counted.sum(axis=1)
    squares = np.where(counted, (value - 1.0) ** 2, 0.0).sum(axis=1)
    return np.asarray(np.where(number > 0, np.sqrt(squares / np.maximum(number, 1)), np.nan))


def texture_change_sentence(phase: str, hkls: tuple[Hkl, ...], found: TextureCoefficients, scans: tuple[int, ...]) -> str | None:
    """What the texture did from the first to the last scan that shows the phase; None when nothing sure.

    scans: (n,) the numbers to call the scans by. Reflections that come while others of the same phase go are its crystallites turning.
    """
    shown = np.flatnonzero(np.isfinite(found.value).sum(axis=1) >= FEWEST)
    if shown.size < 2:
        return None
    quarter = max(1, shown.size // 4)
    (before, before_esd), (after, after_esd) = (_mean(found, rows) for rows in (shown[:quarter], shown[-quarter:]))
    sure = np.abs(after - before) > SURE_SIGMAS * np.hypot(before_esd, after_esd)
    stronger = np.flatnonzero(sure & (after > np.maximum(STRONG, before)))
    weaker = np.flatnonzero(sure & (after < np.minimum(GONE, before)))
    known = max(int((mean > KNOWN_SIGMAS * esd).sum()) for mean, esd in ((before, before_esd), (after, after_esd)))
    if not stronger.size or not weaker.size or known < FEWEST:
        return None
    up = _listed([f"{say_hkl(hkls[j])} from {before[j]:.1f} to {after[j]:.1f} ± {after_esd[j]:.1f}" for j in stronger[:3]])
    weaker = weaker[np.argsort(after[weaker], kind="stable")][:6]
    down = f"{_listed([say_hkl(hkls[j]) for j in weaker])} {'falls' if weaker.size == 1 else 'fall'}"
    to = _listed([f"{max(after[j], 0.0):.1f} ± {after_esd[j]:.1f}" for j in weaker])
    return (
        f"{phase} turns: between scan {scans[shown[0]]} and scan {scans[shown[-1]]} its texture coefficients go {up}, while "
        f"{down} to {to}; the lines keep the places of one cell, so this is texture, no new phase."
    )


def _mean(found: TextureCoefficients, rows: IntArray) -> tuple[FloatArray, FloatArray]:
    """Weighted mean of each coefficient over some scans and its esd; NaN where none has it."""
    with np.errstate(divide="ignore", invalid="ignore"):
        weight = np.where(np.isfinite(found.value[rows]), found.esd[rows] ** -2.0, 0.0)
        total = weight.sum(axis=0)
        value = (weight * np.nan_to_num(found.value[rows])).sum(axis=0) / total
        return np.where(total > 0, value, np.nan), np.where(total > 0, total**-0.5, np.nan)


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " and " + words[-1]
