"""From what a file says of one scan to a Scan: angles, attenuation, rates and uncertainties, in one way for every format."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

import numpy as np

from xrdkna.errors import ScanFileError
from xrdkna.read.kinds import scan_name
from xrdkna.read.tidy import merge_repeats, rising_order
from xrdkna.read.uncertainty import Uncertain, with_column, without_column
from xrdkna.records.arrays import BoolArray, FloatArray, IntArray
from xrdkna.records.instrument import Radiation
from xrdkna.records.scan import Scan
from xrdkna.records.values import Notice

# No detector counts so many, and up to here whole numbers are exact; below the other, what is written as not zero is.
_TOO_LARGE, _ZERO = 1e15, 1e-30
# Seconds a point: less is damage, more is ten years.
_TIMES = (1e-6, 3e8)
# Numbers this near to whole are whole; at most this share of the points lies in lines so strong that dead time is corrected.
_WHOLE, _CORRECTED = 1e-6, 0.03
_LONGEST_REASON = 400
# Counts that went through a product with rounded decimals and a quotient are whole to this.
_DIVIDED = 1e-2


class UnusableScanError(ValueError):
    """One scan of a file is no powder scan; the message is half a sentence that says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One scan as its file has it. two_theta: (n,) degrees, in the file's order; intensity: (n,) as stored.

    sigma: (n,) where the file has a column of uncertainties. per_second: the intensities are rates. attenuation: (n,) factors of the
    absorber; attenuated: the intensities still lack them. times: (n,) seconds a point where they differ. Everything else as in Scan.
    """

    two_theta: FloatArray
    intensity: FloatArray
    sigma: FloatArray | None = None
    per_second: bool = False
    attenuation: FloatArray | None = None
    attenuated: bool = True
    times: FloatArray | None = None
    count_time: float | None = None
    radiation: Radiation | None = None
    geometry: str | None = None
    radius_mm: float | None = None
    monochromator_two_theta: float | None = None
    start_time: datetime | None = None
    end_time: datetime | None = None
    status: str = ""
    details: Mapping[str, str] = field(default_factory=dict)
    notices: tuple[Notice, ...] = ()


def scans_of(path: Path, found: Iterable[Measured | str], *, whole: bool = True) -> tuple[Scan, ...]:
    """The scans of a file, in its order; a string among `found` says why one of them is none. whole: False where the file ends early.

    Scans that are no powder scans cost a notice on the others. Raises ScanFileError with the first reason where none is left.
    """
    scans: list[Scan] = []
    skipped: list[str] = []
    for place, item in enumerate(found, 1):
        try:
            if isinstance(item, str):
                raise UnusableScanError(item)
            scans.append(scan_of(path, item, number=len(scans) + 1))
        except UnusableScanError as problem:
            # Words of a damaged file may stand in the reason.
            skipped.append(f"scan {place}: {' '.join(str(problem).split())[:_LONGEST_REASON]}")
    if not scans:
        reason = skipped[0] if skipped else "it holds no scan"
        cut = "" if whole else " (the file is cut off)"
        raise ScanFileError(f"{path}: no powder scan can be read{cut}; {reason}.")
    return with_file_notices(scans, skipped, whole=whole)


def with_file_notices(scans: list[Scan], skipped: list[str], *, whole: bool) -> tuple[Scan, ...]:
    """The scans with what is to be said of their file as a whole; the last one of a file that ends early is not complete."""
    notices: list[Notice] = []
    if skipped:
        sentence = f"{len(skipped)} scans of the file are left out ({skipped[0]})."
        notices.append(Notice(code="scans-left-out", severity="warning", sentence=sentence))
    if not whole:
        sentence = f"the file is cut off; {len(scans)} scans in it could be read."
        notices.append(Notice(code="cut-off", severity="warning", sentence=sentence, remedy="Copy the file again once it is written."))
    last = len(scans) - 1
    return tuple(
        replace(scan, notices=(*scan.notices, *notices), complete=scan.complete and (whole or i < last)) for i, scan in enumerate(scans)
    )


def scan_of(path: Path, measured: Measured, *, number: int) -> Scan:
    """The scan, its points in rising order. Raises UnusableScanError for angles or numbers of points that no powder scan has."""
    kept, left_out = _usable(measured)
    order, ordered = rising_order(measured.two_theta[kept])
    kept = kept[order]
    errors, notices = _uncertain(measured, kept)
    two_theta, intensity, sigma, repeated = merge_repeats(measured.two_theta[kept], errors.intensity, errors.sigma)
    if len(two_theta) < 2:
        raise UnusableScanError("its 2θ does not move, as in a rocking curve; a powder pattern needs a 2θ scan")
    ended: tuple[Notice, ...] = ()
    if measured.status:
        sentence = f"the diffractometer marks this scan as {measured.status}; what was measured is used."
        ended = (Notice(code="not-completed", severity="warning", sentence=sentence),)
    return Scan(
        name=scan_name(path, number),
        source=str(path),
        two_theta=two_theta,
        intensity=intensity,
        sigma=sigma,
        sigma_source=errors.source,
        radiation=measured.radiation,
        geometry=measured.geometry,
        radius_mm=measured.radius_mm if measured.radius_mm is not None and 10.0 <= measured.radius_mm <= 10_000.0 else None,
        monochromator_two_theta=measured.monochromator_two_theta,
        start_time=measured.start_time,
        end_time=measured.end_time,
        count_time=_count_time(measured),
        complete=not measured.status,
        attenuation=_largest_factor(measured, kept),
        details={key: value for key, value in measured.details.items() if value},
        notices=(*measured.notices, *left_out, *ordered, *repeated, *ended, *notices),
    )


def usable_time(seconds: float | None) -> float | None:
    """Seconds a point if they can be that, else None."""
    return seconds if seconds is not None and _TIMES[0] < seconds < _TIMES[1] else None


def _usable(measured: Measured) -> tuple[IntArray, tuple[Notice, ...]]:
    """Indices of the points with possible numbers, and what is said of the others."""
    angle, intensity = measured.two_theta, measured.intensity
    if len(angle) != len(intensity):
        raise UnusableScanError(f"it gives {len(angle)} angles for {len(intensity)} intensities")
    if len(angle) < 2:
        raise UnusableScanError(f"it holds {len(angle)} point{'s' * (len(angle) != 1)}; a scan needs at least two")
    numbers = (np.abs(angle) < _TOO_LARGE) & (np.abs(intensity) < _TOO_LARGE)
    real = angle[numbers]
    if not real.size or real.max() > 180.0 or 2 * np.count_nonzero(real >= 0.0) < real.size:
        ends = f"runs from {real.min():g} to {real.max():g}" if real.size else "is not a number anywhere"
        raise UnusableScanError(f"its 2θ {ends}, outside 0 to 180 degrees")
    kept = np.flatnonzero(numbers & (angle >= 0.0))
    if len(kept) < 2:
        raise UnusableScanError(f"it holds {len(kept)} usable points; a scan needs at least two")
    notices = []
    if bad := int(np.count_nonzero(~numbers)):
        sentence = f"{bad} points are not numbers and left out."
        notices.append(Notice(code="rows-left-out", severity="warning", sentence=sentence))
    if negative := int(np.count_nonzero(numbers & (angle < 0.0))):
        sentence = f"{negative} points at negative angles are left out."
        notices.append(Notice(code="negative-angles", severity="warning", sentence=sentence))
    return kept, tuple(notices)


def _uncertain(measured: Measured, kept: IntArray) -> tuple[Uncertain, list[Notice]]:
    """Intensities as they would have been without absorber and at one counting time, with their σ: f·N ± f·√N."""
    intensity = measured.intensity[kept]
    intensity = np.where(np.abs(intensity) < _ZERO, 0.0, intensity)
    scale, notices = _attenuation(measured, kept)
    if not measured.attenuated:
        intensity = _nearly_whole(intensity / scale)
    if measured.sigma is not None and len(measured.sigma) == len(measured.intensity) and np.any(_possible(measured.sigma[kept])):
        sigma = np.where(_possible(measured.sigma[kept]), measured.sigma[kept], np.nan)
        errors = with_column(intensity, sigma if measured.attenuated else sigma / scale)
    elif not measured.per_second and _corrected_counts(intensity):
        errors = _as_counts(intensity)
    else:
        errors = without_column(intensity, count_time=usable_time(measured.count_time), per_second=measured.per_second)
    notices += errors.notices
    if measured.times is not None and np.all(_possible(measured.times[kept])) and np.ptp(measured.times[kept]) > 0:
        times = measured.times[kept]
        common = float(np.median(times))
        scale = scale * common / times
        sentence = f"the counting time runs from {times.min():g} to {times.max():g} s a point; all counts were brought to {common:g} s."
        notices.append(Notice(code="counting-times", severity="info", sentence=sentence))
    return replace(errors, intensity=errors.intensity * scale, sigma=errors.sigma * scale, notices=()), notices


def _largest_factor(measured: Measured, kept: IntArray) -> float | None:
    """The factor of the strongest absorber in the beam; None where the file has none."""
    scale, _ = _attenuation(measured, kept)
    return float(scale.max()) if measured.attenuation is not None else None


def _attenuation(measured: Measured, kept: IntArray) -> tuple[FloatArray, list[Notice]]:
    """(n,) factors of the absorber; a factor of zero stands in files of diffractometers without one."""
    if measured.attenuation is None or len(measured.attenuation) != len(measured.intensity):
        return np.ones(len(kept)), []
    factors = measured.attenuation[kept]
    scale = np.where(_possible(factors), factors, 1.0)
    if np.all(scale == 1.0):
        return scale, []
    told = "counts were multiplied by its factor" if measured.attenuated else "the intensities carry its factor"
    sentence = f"an absorber stood in the beam; {told}, up to {scale.max():g}."
    return scale, [Notice(code="attenuation", severity="info", sentence=sentence)]


def _nearly_whole(counts: FloatArray) -> FloatArray:
    """Counts that were divided by a factor, whole again where they were."""
    whole = np.rint(counts)
    return np.where(np.abs(counts - whole) < _DIVIDED, whole, counts)


def _corrected_counts(intensity: FloatArray) -> bool:
    """Counts whose strongest few are no longer whole: a detector's own correction for dead time."""
    broken = np.abs(intensity - np.rint(intensity)) > _WHOLE
    number = int(np.count_nonzero(broken))
    if not 0 < number <= _CORRECTED * len(intensity) or np.any(intensity < 0):
        return False
    return bool(intensity[broken].min() > np.percentile(intensity, 100.0 * (1.0 - 2.0 * _CORRECTED)))


def _as_counts(intensity: FloatArray) -> Uncertain:
    notice = Notice(
        code="dead-time",
        severity="info",
        sentence="all but the strongest intensities are whole counts; the strongest carry the detector's correction for dead time.",
    )
    return Uncertain(intensity=intensity, sigma=np.sqrt(np.maximum(intensity, 1.0)), source="counts", notices=(notice,))


def _possible(values: FloatArray) -> BoolArray:
    return (values > _ZERO) & (values < _TOO_LARGE)


def _count_time(measured: Measured) -> float | None:
    if measured.times is not None and np.all(_possible(measured.times)):
        return usable_time(float(np.median(measured.times)))
    return usable_time(measured.count_time)
