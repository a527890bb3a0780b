"""What the words around the numbers say: radiation, times, radius. Nothing is taken that is not plainly there."""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from xrdkna.read.header_radiation import radiation_from_words
from xrdkna.read.times import parse_time
from xrdkna.records.instrument import Radiation
from xrdkna.records.values import Notice

_START = {
    "start", "starttime", "starttimestamp", "startdate", "startdatetime", "scantime", "scanstart", "date", "datetime", "dateandtime",
    "filedateandtime", "measured", "measuredat", "measurementdate", "measurementtime", "measurementstarttime", "timestart",
    "datemeasured", "acquisitiondate", "measscanstarttime", "datetimestart",
}  # fmt: skip
_END = {"end", "endtime", "endtimestamp", "enddate", "enddatetime", "scanend", "finished", "stoptime", "measscanendtime", "timeend"}
_COUNT_TIME = {
    "timeperstep", "steptime", "counttime", "countingtime", "counttimeperstep", "countingtimeperstep", "scansteptime", "exposuretime",
    "exposure", "acquisitiontime", "secondsperstep",
}  # fmt: skip
_RADIUS = {"radius", "gonioradius", "goniometerradius", "diffractometerradius"}
_UNIT = {"unity", "intensityunit", "unitintensity", "measscanunity", "yunit"}
_PER_SECOND = re.compile(r"\bcps\b|counts?\s*(?:/|per)\s*s(?:ec(?:onds?)?)?\b|1/s\b|\bs-1\b", re.IGNORECASE)
_SECONDS = {"": 1.0, "s": 1.0, "sec": 1.0, "second": 1.0, "seconds": 1.0, "ms": 1e-3, "min": 60.0, "minutes": 60.0}
_MILLIMETRES = {"": 1.0, "mm": 1.0, "cm": 10.0, "m": 1000.0}
_NUMBER = re.compile(r"^[\"'\s]*([-+]?(?:\d+(?:[.,]\d*)?|[.,]\d+)(?:[eE][-+]?\d+)?)\s*([^\W\d_]*)")
_QUOTED = re.compile(r"([A-Za-z][\w ]*?)\s*[:=]\s*\"([^\"]*)\"")
_PAIR = re.compile(r"^([^=:\t,;]{1,60}?)\s*[=:\t,;]+\s*(.+)$")
_SPACED = re.compile(r"^([A-Za-zλ][A-Za-zλ_ .\-]*?)\s+([-+]?[\d.]+(?:[eE][-+]?\d+)?\s*\S*)$")
# A header kept for people: enough for any real one, little enough for a record.
_MOST_DETAILS, _MOST_LINES = 60, 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderFacts:
    """What a header says; None where it is silent. per_second: the intensities are said to be rates."""

    radiation: Radiation | None = None
    start_time: datetime | None = None
    end_time: datetime | None = None
    count_time: float | None = None
    radius_mm: float | None = None
    per_second: bool = False
    details: dict[str, str] = field(default_factory=dict)
    notices: tuple[Notice, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """One key and value of a header: the key in bare letters, the unit from brackets behind it, the value as written."""

    key: str
    unit: str
    value: str
    shown: str

    def number(self) -> tuple[float, str] | None:
        """The value's number and the unit that goes with it, in lower case; None when it does not begin with a number."""
        match = _NUMBER.match(self.value)
        value = float(match[1].replace(",", ".")) if match is not None else math.inf
        if match is None or not math.isfinite(value):
            return None
        return value, (self.unit or match[2]).strip().lower()


def read_header(lines: Sequence[str], column_line: str = "") -> HeaderFacts:
    """What these header lines say. `column_line`: the one with the columns' names, which may carry the intensity's unit."""
    words = list(_words(lines[:_MOST_LINES]))
    radiation, notices = radiation_from_words([(word.key, word.value, word.number()) for word in words])
    radius = _scaled(words, _RADIUS, _MILLIMETRES)
    return HeaderFacts(
        radiation=radiation,
        start_time=_moment(words, _START),
        end_time=_moment(words, _END),
        count_time=_scaled(words, _COUNT_TIME, _SECONDS),
        radius_mm=radius if radius is not None and 10.0 <= radius <= 10_000.0 else None,
        per_second=bool(_PER_SECOND.search(column_line)) or any(w.key in _UNIT and _PER_SECOND.search(w.value) for w in words),
        details={word.shown: word.value for word in words[:_MOST_DETAILS]},
        notices=notices,
    )


def _words(lines: Iterable[str]) -> Iterable[Word]:
    for line in lines:
        bare = line.strip().lstrip("#;!'/*%_ \t").rstrip("*/ \t")
        pairs = _QUOTED.findall(bare)
        if not pairs and (match := _PAIR.match(bare) or _SPACED.match(bare)):
            pairs = [(match[1], match[2])]
        for shown, value in pairs:
            unit = re.search(r"[\[(]([^\])]*)[\])]", shown)
            key = re.sub(r"[\[(][^\])]*[\])]", "", shown).lower().replace("α", "alpha").replace("β", "beta")
            if value.strip():
                yield Word(
                    key=re.sub(r"[^a-z0-9λ]", "", key),
                    unit=unit[1] if unit else "",
                    value=value.strip().strip("\"'").strip(),
                    shown=shown.strip(),
                )


def _moment(words: Iterable[Word], keys: set[str]) -> datetime | None:
    found = (parse_time(word.value) for word in words if word.key in keys)
    return next((moment for moment in found if moment is not None), None)


def _scaled(words: Iterable[Word], keys: set[str], units: dict[str, float]) -> float | None:
    """The first positive number under one of these keys, in the unit whose factor is 1."""
    for word in words:
        if word.key in keys and (found := word.number()) is not None and found[1] in units and found[0] > 0:
            return found[0] * units[found[1]]
    return None
