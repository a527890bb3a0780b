"""How one value is shown: rounded for machines, in the field's parenthesis notation for people."""

import math
from datetime import datetime, timedelta

from xrdkna.records.refinement import ConfidenceInterval
from xrdkna.records.values import Estimate

# JSON keeps a thousandth of an esd: enough that rounding never adds to an uncertainty, short enough to read.
ESD_FRACTION_DIGITS = 3
DIGITS_WITHOUT_ESD = 10
ESD_DIGITS = 4
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def number(value: float | None, digits: int = DIGITS_WITHOUT_ESD) -> float | None:
    """The value to `digits` significant digits; None where it is None or not finite (JSON knows neither NaN nor Infinity)."""
    if value is None or not math.isfinite(value):
        return None
    shortened_value = float(f"{value:.{digits - 1}e}")
    return (shortened_value if math.isfinite(shortened_value) else float(value)) + 0.0  # −0 is 0


def rounded_to_esd(value: float, esd: float | None) -> float:
    """The value rounded no coarser than a thousandth of its esd; never below four significant digits of its own."""
    if esd is None or esd == 0 or value == 0:
        return number(value) or 0.0
    by_esd = ESD_FRACTION_DIGITS - math.floor(math.log10(esd))
    by_value = ESD_DIGITS - 1 - math.floor(math.log10(abs(value)))
    return round(float(value), max(by_esd, by_value))


def plain(value: float, digits: int) -> str:
    """The value to so many significant digits, "0" for −0."""
    return f"{value + 0.0:.{digits}g}"


def with_esd(estimate: Estimate | None, *, unit: str = "", factor: float = 1.0, missing: str = "–") -> str:
    """The estimate in parenthesis notation, "5.3284(3)", times `factor`, followed by `unit`; `missing` where it is None.

    The esd keeps two digits where they are 10 … 19 and one otherwise (IUCr, Schwarzenbach et al. 1989).
    """
    if estimate is None:
        return missing
    esd = None if estimate.esd is None else estimate.esd * abs(factor)
    return parenthesis(estimate.value * factor, esd) + (f" {unit}" if unit else "")


def parenthesis(value: float, esd: float | None) -> str:
    """`value` and `esd` as "1.234(5)"; very small and very large numbers as "1.23(4)×10⁻⁷"."""
    if esd is None or esd == 0 or not math.isfinite(esd):
        return f"{value:.6g}"
    size = max(abs(value), esd)
    power = math.floor(math.log10(size))
    if not -4 <= power < 7:
        return f"{decimal_parenthesis(value / 10.0**power, esd / 10.0**power)}×10{str(power).translate(_SUPERSCRIPT)}"
    return decimal_parenthesis(value, esd)


def decimal_parenthesis(value: float, esd: float) -> str:
    """`value` and a positive `esd` as "0.0000123(4)", whatever their size: digits alone, as a CIF wants them."""
    exponent = math.floor(math.log10(esd / 1.95))
    digits = round(esd / 10.0**exponent)
    if exponent < 0:
        return f"{round(value, -exponent) + 0.0:.{-exponent}f}({digits})"
    return f"{round(value, -exponent):.0f}({digits * 10**exponent})"


def interval_text(low: float, high: float) -> str:
    """ "0.74 … 1.09": as many decimals as tell the two ends apart with two digits."""
    width = high - low
    decimals = min(max(1 - math.floor(math.log10(width)), 0), 9) if width > 0 else 3
    return f"{low:.{decimals}f} … {high:.{decimals}f}" if width > 0 else f"{low:.{decimals}f}"


def confidence_text(interval: ConfidenceInterval) -> str:
    """ "95 %: 5.3280 … 5.3288"; an open end as "below 5.3288" or "above 5.3280"."""
    level, low, high = f"{interval.level * 100:g} %", interval.low, interval.high
    if low is not None and high is not None:
        return f"{level}: {interval_text(low, high)}"
    if low is None and high is None:
        return f"{level}: anywhere within its bounds"
    return f"{level}: below {high:.6g}" if low is None else f"{level}: above {low:.6g}"


def probability_text(probability: float) -> str:
    """Three decimals; never 1.000 for what is not certain."""
    return "> 0.999" if probability >= 0.9995 else f"{probability:.3f}"


def percent(estimate: Estimate | None, *, missing: str = "–") -> str:
    """A fraction as "12.3(4) wt%"."""
    return with_esd(estimate, unit="wt%", factor=100.0, missing=missing)


def hkl_text(hkl: tuple[int, int, int] | None) -> str:
    """ "(1 0 3)", or nothing for a phase as a whole."""
    return "" if hkl is None else "({} {} {})".format(*hkl)


def line_name(phase: str | None, hkl: tuple[int, int, int] | None) -> str:
    """ "KNa2 (1 0 3)", or the phase alone."""
    return f"{phase or ''} {hkl_text(hkl)}".strip()


def hkl_list(hkl: tuple[int, int, int] | None) -> list[int] | None:
    """[h, k, l] as JSON wants it."""
    return None if hkl is None else [int(index) for index in hkl]


def iso_time(moment: datetime | None) -> str | None:
    """ISO 8601, whole seconds unless there are fractions; None where no time is known."""
    return None if moment is None else moment.isoformat()


def iso_after(origin: datetime | None, seconds: float | None) -> str | None:
    """ISO 8601 of the moment `seconds` after `origin`, to the millisecond; None where either is unknown."""
    if origin is None or seconds is None or not math.isfinite(seconds):
        return None
    return iso_time(origin + timedelta(seconds=round(seconds, 3)))


def listed(words: tuple[str, ...] | list[str], *, at_most: int = 12) -> str:
    """ "a, b and c"; beyond `at_most` words "a, b and 7 more"."""
    shown = list(words) if len(words) <= at_most else [*words[: at_most - 1], f"{len(words) - at_most + 1} more"]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}" if shown else ""


def counted(count: int, noun: str) -> str:
    """ "1 scan", "2 scans", "no scans"; nouns ending in -y and -x are not needed here."""
    return f"{count or 'no'} {noun}" + ("" if count == 1 else "s")


def shortened(name: str, length: int = 28) -> str:
    """The name, or its beginning and an ellipsis where it is longer than `length`."""
    return name if len(name) <= length else name[: length - 1].rstrip() + "…"
