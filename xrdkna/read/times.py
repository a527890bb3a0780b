"""Dates and times as instruments write them."""

import re
from datetime import datetime, tzinfo

# Besides ISO 8601: year first with slashes or dots, German, English with a month's name, and C's ctime.
_FORMATS = (
    "%Y/%m/%d %H:%M:%S",
    "%Y.%m.%d %H:%M:%S",
    "%d.%m.%Y %H:%M:%S",
    "%d-%b-%Y %H:%M:%S",
    "%d %b %Y %H:%M:%S",
    "%d-%B-%Y %H:%M:%S",
    "%b %d, %Y %H:%M:%S",
    "%B %d, %Y %H:%M:%S",
    "%b %d %Y %H:%M:%S",
    "%a %b %d %H:%M:%S %Y",
)
_SLASHES = re.compile(r"^(\d{1,2})/(\d{1,2})/(\d{4})[ ,T]+(.*)$")
_FRACTION = re.compile(r"(:\d{2})[.,](\d+)")
_HALF_DAY = re.compile(r"\s*([AaPp])\.?[Mm]\.?$")


def parse_time(text: str, *, date_alone: bool = False) -> datetime | None:
    """The moment a text gives, zone-aware only where it names a zone; None when it gives none, or more than one.

    12/10/2020 is October or December: two numbers with slashes count only when one of them cannot be a month.
    date_alone: a date without a time of day means its first moment, otherwise nothing.
    """
    word = text.strip().strip("\"'").strip()
    if ":" not in word and not date_alone:
        return None
    try:
        return datetime.fromisoformat(word)
    except ValueError:
        pass
    if match := _SLASHES.match(word):
        one, two = int(match[1]), int(match[2])
        if one <= 12 and two <= 12 and one != two:
            return None
        day, month = (one, two) if one > 12 else (two, one)
        word = f"{match[3]}/{month}/{day} {match[4]}"
    return _by_formats(word)


def bring_to_zone(moment: datetime, zone: tzinfo | None) -> datetime:
    """The moment on another clock basis: without a zone on either side, both clocks are taken to show the same local time."""
    return moment.replace(tzinfo=zone) if zone is None or moment.tzinfo is None else moment


def _by_formats(word: str) -> datetime | None:
    fraction = _FRACTION.search(word)
    microseconds = int(fraction[2][:6].ljust(6, "0")) if fraction else 0
    plain = _FRACTION.sub(r"\1", word)
    half = _HALF_DAY.search(plain)
    plain = _HALF_DAY.sub("", plain).strip()
    for pattern in _FORMATS:
        for variant in (pattern, pattern.replace(":%S", "")):
            try:
                moment = datetime.strptime(plain.capitalize() if plain[:1].isalpha() else plain, variant)
            except ValueError:
                continue
            if half and moment.hour > 12:
                return None
            if half:
                moment = moment.replace(hour=moment.hour % 12 + (12 if half[1] in "pP" else 0))
            return moment.replace(microsecond=microseconds)
    return None
