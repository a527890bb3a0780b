"""A clock that is wrong by whole hours: another time zone, or daylight saving on one side only."""

# No two places are further apart.
_MOST_HOURS = 14
# The record covers less than this part of the scans now, and at least that part of them when shifted.
_LITTLE, _MOSTLY = 0.5, 0.95
# An offset this near to a whole hour, in seconds, is one; clocks that were set by hand differ by no more.
_NEAR = 120.0


def say_whole_hours(begin: float, end: float, last_end: float) -> str:
    """The suspicion in words, "; …", where a shift by whole hours would make the record cover scans it now misses; else "".

    begin, end: seconds of the cycler's record on the axis of the scans, which run from 0 to last_end.
    """
    if _cover(begin, end, last_end) >= _LITTLE:
        return ""
    for hours in sorted(range(-_MOST_HOURS, _MOST_HOURS + 1), key=abs):
        if hours and _cover(begin + 3600.0 * hours, end + 3600.0 * hours, last_end) >= _MOSTLY:
            return (
                f"; shifted by {hours:+d} h it would cover them: another time zone, or daylight saving (--clock-offset {3600 * hours:+d})"
            )
    return ""


def say_if_whole_hour(offset: float, half_width: float) -> str:
    """ ", a whole hour: …" where an offset in seconds is one or several within its uncertainty; else ""."""
    hours = round(offset / 3600.0)
    if hours == 0 or abs(offset - 3600.0 * hours) > max(_NEAR, half_width):
        return ""
    return f", {'a whole hour' if abs(hours) == 1 else f'{abs(hours)} whole hours'}: another time zone, or daylight saving"


def _cover(begin: float, end: float, last_end: float) -> float:
    """Part of the scans' time that the record covers."""
    if last_end <= 0.0:
        return 1.0 if begin <= 0.0 <= end else 0.0
    return max(0.0, min(end, last_end) - max(begin, 0.0)) / last_end
