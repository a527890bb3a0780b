"""Clocks: moments to seconds on the axis of the series, and back to words."""

from datetime import datetime, timedelta


def seconds_between(later: datetime, earlier: datetime) -> float:
    """later − earlier in seconds. With a zone on both, true time; else both are read as the same local time (contract)."""
    if later.tzinfo is not None and earlier.tzinfo is not None:
        return (later - earlier).total_seconds()
    return (later.replace(tzinfo=None) - earlier.replace(tzinfo=None)).total_seconds()


def passing_time(start: float, end: float | None, *, two_theta: float, two_theta_range: tuple[float, float]) -> float:
    """Seconds at which a sweep passed `two_theta`: start + (2θ − 2θ₀)/(2θ₁ − 2θ₀)·(end − start), held inside the scan.

    A scan whose end is not known counts as an instant.
    """
    low, high = two_theta_range
    if end is None or high <= low:
        return start
    return start + min(1.0, max(0.0, (two_theta - low) / (high - low))) * (end - start)


def say_moment(seconds: float, origin: datetime | None) -> str:
    """A moment for people: the clock where the origin is known (with the day after the first), else seconds from the start."""
    if origin is None:
        return say_span(seconds) + " after the start"
    moment = origin + timedelta(seconds=seconds)
    return moment.strftime("%H:%M") if moment.date() == origin.date() else moment.strftime("%Y-%m-%d %H:%M")


def say_span(seconds: float) -> str:
    """A span for people: 40 s, 6 min, 2 h 05 min."""
    if abs(seconds) < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if abs(minutes) < 120 else f"{minutes // 60} h {minutes % 60:02d} min"
