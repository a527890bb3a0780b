"""Counts in an .xrdml scan, with the beam attenuator and the counting time accounted for exactly once."""

from dataclasses import dataclass, replace

import numpy as np

from xrdkna.errors import ScanFileError
from xrdkna.read.uncertainty import relative
from xrdkna.read.xml_tree import Node
from xrdkna.records.arrays import FloatArray
from xrdkna.records.values import Notice

# Counts that went through decimals, or through a division by an attenuation factor, are whole to this.
_WHOLE = 1e-3
# Factors (at least 1 for any absorber) and seconds below this are damage.
_SMALLEST = 1e-6
# Also false for what is not finite.
_TOO_LARGE = 1e15


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """(n,) counts as they would have been without attenuator, their σ, seconds a point."""

    intensity: FloatArray
    sigma: FloatArray
    source: str
    count_time: float | None
    attenuation: float | None = None
    notices: tuple[Notice, ...] = ()


def counts_of(points: Node, *, where: str) -> Counted | None:
    """As `_counts_of`, with the largest factor of the absorber where the file gives factors."""
    counted = _counts_of(points, where=where)
    if counted is None or points.at("beamAttenuationFactors") is None:
        return counted
    return replace(counted, attenuation=float(_factors(points, len(counted.intensity), where=where).max()))


def _counts_of(points: Node, *, where: str) -> Counted | None:
    """The counts of one `dataPoints`; None when it has none, or a number in them cannot be read.

    `counts` (schema 2.0 on) are as the detector saw them: intensity = f·N, σ = f·√N with the attenuation factor f.
    `intensities` already carry f: N = I/f, so that σ = f·√(I/f). Where the time differs from point to point, all are
    brought to the median time t: I·t/tᵢ, σ·t/tᵢ.
    Raises ScanFileError when the lists differ in length or a factor is not positive.
    """
    raw, corrected = points.at("counts"), points.at("intensities")
    node = raw if raw is not None else corrected
    values = numbers_of(node.text) if node is not None else None
    if node is None or values is None or not values.size:
        return None
    factors = _factors(points, len(values), where=where)
    times = _times(points, len(values), where=where)
    if "per second" in node.attribute("unit").lower() or node.attribute("unit").lower() == "cps":
        if times is None:
            return _relative(values * (factors if raw is not None else 1.0), None)
        values = values * times
    counted = values if raw is not None else values / factors
    intensity = counted * factors
    # Intensities may have been rounded after the multiplication by f, so that N is whole to half a count over f.
    rounding = np.where(factors > 1, 0.5 / factors, 0.0) if raw is None else 0.0
    if np.any(counted < 0) or np.any(np.abs(counted - np.rint(counted)) > rounding + _WHOLE):
        return _relative(intensity, times)
    sigma = factors * np.sqrt(np.maximum(counted, 1.0))
    return _at_one_time(intensity, sigma, times)


def numbers_of(text: str) -> FloatArray | None:
    """(n,) numbers separated by white space; None when one of them is none, or too large to be measured."""
    try:
        values = np.array(text.split(), dtype=np.float64)
    except ValueError:
        return None
    return values if np.all(np.abs(values) < _TOO_LARGE) else None


def _factors(points: Node, n: int, *, where: str) -> FloatArray:
    node = points.at("beamAttenuationFactors")
    if node is None:
        return np.ones(n)
    factors = numbers_of(node.text)
    if factors is None or len(factors) not in (1, n) or np.any(factors < _SMALLEST):
        raise ScanFileError(f"{where}: the attenuation factors are not {n} positive numbers, one for each point; export the file again.")
    return np.broadcast_to(factors, (n,))


def _times(points: Node, n: int, *, where: str) -> FloatArray | None:
    """(n,) seconds, None when the file does not say."""
    node = points.at("countingTimes") or points.at("commonCountingTime")
    times = numbers_of(node.text) if node is not None else None
    if times is None or not times.size or np.any(times < _SMALLEST):
        return None
    if len(times) not in (1, n):
        raise ScanFileError(f"{where}: there are {len(times)} counting times for {n} points; export the file again.")
    return np.broadcast_to(times, (n,))


def _relative(intensity: FloatArray, times: FloatArray | None) -> Counted:
    errors = relative(intensity)
    count_time = float(np.median(times)) if times is not None else None
    return Counted(intensity=intensity, sigma=errors.sigma, source=errors.source, count_time=count_time, notices=errors.notices)


def _at_one_time(intensity: FloatArray, sigma: FloatArray, times: FloatArray | None) -> Counted:
    if times is None:
        return Counted(intensity=intensity, sigma=sigma, source="counts", count_time=None)
    common = float(np.median(times))
    if np.ptp(times) == 0:
        return Counted(intensity=intensity, sigma=sigma, source="counts", count_time=common)
    sentence = f"the counting time runs from {times.min():g} to {times.max():g} s a point; all counts were brought to {common:g} s."
    notice = Notice(code="counting-times", severity="info", sentence=sentence)
    scale = common / times
    return Counted(intensity=intensity * scale, sigma=sigma * scale, source="counts", count_time=common, notices=(notice,))
